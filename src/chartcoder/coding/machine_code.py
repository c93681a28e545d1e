"""Machine code of the innermost loops: `python -m chartcoder.coding.machine_code [--required]`.

Cython makes C of `SOURCES`, the compiler a library of each beside the source, which Python then imports in the source's
place. Without a C compiler or Python's headers nothing is made, and the coder runs from source; `--required` makes that
an error. For another version of Python, or a changed source, run it again.
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

FOLDER = Path(__file__).parent
SOURCES = (FOLDER / "scanning.py", FOLDER / "scoping.py", FOLDER / "splitting.py")
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
MADE_FROM = FOLDER / "machine_code.sha256"
"""Says what sources the libraries were made from."""
OPTIONS = ("-O2", "-fwrapv", "-fPIC", "-shared")


def what_is_missing() -> str | None:
    """What making machine code lacks on this machine, or None."""
    if not _compiler():
        return "a C compiler (Debian: gcc, libc6-dev)"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "Python's headers (Debian: python3-dev)"
    return None


def libraries() -> list[Path]:
    """Where the libraries are, or would be."""
    return [source.with_suffix(SUFFIX) for source in SOURCES]


def make() -> None:
    """Make the libraries anew. Raises subprocess.CalledProcessError where Cython or the compiler refuses."""
    include = f"-I{sysconfig.get_path('include')}"
    for source, library in zip(SOURCES, libraries(), strict=True):
        with tempfile.TemporaryDirectory() as folder:
            in_c, made = Path(folder, "source.c"), Path(folder, library.name)
            _run(
                sys.executable, "-m", "cython", "--module-name", f"chartcoder.coding.{source.stem}", source, "-o", in_c
            )
            _run(_compiler(), *OPTIONS, include, in_c, "-o", made)
            library.unlink(missing_ok=True)  # a process that runs keeps the one it has
            shutil.copyfile(made, library)
    MADE_FROM.write_text(digest_of_sources() + "\n", encoding="utf-8")


def digest_of_sources() -> str:
    """What tells these sources from others."""
    return hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()


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
        make()
        print("machine code of", ", ".join(source.name for source in SOURCES))
    elif options.required:
        sys.exit(f"machine code cannot be made without {missing}")
    else:
        for library in libraries():  # made from other sources, maybe
            library.unlink(missing_ok=True)
        print(f"no machine code, since {missing} is missing: the coder works, at a fifth of its speed")


if __name__ == "__main__":
    main()
