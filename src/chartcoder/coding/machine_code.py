"""Machine code of the innermost loops: `python -m chartcoder.coding.machine_code [--required]`.

Cython makes C of `scanning.py`, the compiler a library of it beside the source, which Python then imports in the
source's place. Without a C compiler or Python's headers nothing is made, and the coder runs from source; `--required`
makes that an error. For another version of Python, or a changed source, run it again.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("scanning.py")
LIBRARY = SOURCE.with_suffix(str(sysconfig.get_config_var("EXT_SUFFIX")))
MADE_FROM = SOURCE.with_suffix(".sha256")
"""Says what source the library was made from."""
OPTIONS = ("-O2", "-fwrapv", "-fPIC", "-shared")


def what_is_missing() -> str | None:
    """What making machine code lacks on this machine, or None."""
    if not _compiler():
        return "a C compiler (Debian: gcc, libc6-dev)"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "Python's headers (Debian: python3-dev)"
    return None


def make() -> Path:
    """Make the library anew. Raises subprocess.CalledProcessError where Cython or the compiler refuses."""
    with tempfile.TemporaryDirectory() as folder:
        in_c, made = Path(folder, "scanning.c"), Path(folder, "scanning.so")
        include = f"-I{sysconfig.get_path('include')}"
        _run(sys.executable, "-m", "cython", "-3", "--module-name", "chartcoder.coding.scanning", SOURCE, "-o", in_c)
        _run(_compiler(), *OPTIONS, include, in_c, "-o", made)
        shutil.copyfile(made, LIBRARY)
    MADE_FROM.write_text(digest_of_source() + "\n", encoding="utf-8")
    return LIBRARY


def digest_of_source() -> str:
    """What tells one source from another."""
    return hashlib.sha256(SOURCE.read_bytes()).hexdigest()


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


def _run(*command: object) -> None:
    """Run Cython or the compiler, which get names of our own only."""
    subprocess.run([str(part) for part in command], check=True)  # noqa: S603


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--required", action="store_true", help="an error where it cannot be made")
    options = parser.parse_args()
    missing = what_is_missing()
    if missing is None:
        print(f"machine code: {make().name}")
    elif options.required:
        sys.exit(f"machine code cannot be made without {missing}")
    else:
        LIBRARY.unlink(missing_ok=True)  # made from another source, maybe
        print(f"no machine code, since {missing} is missing: the coder works, at a third of its speed")


if __name__ == "__main__":
    main()
