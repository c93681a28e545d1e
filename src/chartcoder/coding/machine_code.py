"""Machine code of the innermost loops and of what stands around them: `python -m chartcoder.coding.machine_code
[--required | --remove]`.

Cython makes C of `SOURCES`, the compiler a library of each beside the source, which Python then imports in the source's
place. Without a C compiler or Python's headers nothing is made, and the coder runs from source; `--required` makes that
an error. For another version of Python, or a changed source, run it again; to work on the sources, `--remove` it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).parent
AROUND = ("attributes", "encoding", "matching", "sections")
"""Plain Python around the innermost loops: as machine code findings take a twelfth less. More modules gain no more."""
SOURCES = (*sorted(FOLDER.glob("inner/[!_]*.py")), *(FOLDER / f"{name}.py" for name in AROUND))
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
MADE_FROM = FOLDER / "machine_code.sha256"
"""Says what sources the libraries were made from."""
OPTIONS = ("-O3", "-DNDEBUG", "-fwrapv", "-fPIC", "-shared")


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


def module_of(source: Path) -> str:
    """The name by which a source is imported."""
    return ".".join(("chartcoder.coding", *source.relative_to(FOLDER).with_suffix("").parts))


def make() -> None:
    """Make the libraries anew. Raises subprocess.CalledProcessError where Cython or the compiler refuses."""
    with ThreadPoolExecutor(os.cpu_count()) as makers:
        list(makers.map(_make_one, SOURCES, libraries()))
    MADE_FROM.write_text(digest_of_sources() + "\n", encoding="utf-8")


def _make_one(source: Path, library: Path) -> None:
    include = f"-I{sysconfig.get_path('include')}"
    with tempfile.TemporaryDirectory() as folder:
        in_c, made = Path(folder, "source.c"), Path(folder, library.name)
        _run(sys.executable, "-m", "cython", "-3", "--module-name", module_of(source), source, "-o", in_c)
        _run(_compiler(), *OPTIONS, include, in_c, "-o", made)
        library.unlink(missing_ok=True)  # a process that runs keeps the one it has
        shutil.copyfile(made, library)


def remove() -> None:
    """Take the libraries away, so that the coder runs from source."""
    for made in (*libraries(), MADE_FROM):
        made.unlink(missing_ok=True)


def is_of_other_sources() -> bool:
    """Whether there is machine code of sources that are not those of now, which Python would run in their place."""
    made_from = MADE_FROM.read_text(encoding="utf-8").strip() if MADE_FROM.exists() else None
    return any(library.exists() for library in libraries()) and made_from != digest_of_sources()


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
    options = parser.add_mutually_exclusive_group()
    options.add_argument("--required", action="store_true", help="an error where it cannot be made")
    options.add_argument("--remove", action="store_true", help="take it away: the coder runs from source, slower")
    given = parser.parse_args()
    missing = what_is_missing()
    if given.remove:
        remove()
    elif missing is None:
        make()
        print("machine code of", ", ".join(source.name for source in SOURCES))
    elif given.required:
        sys.exit(f"machine code cannot be made without {missing}")
    else:
        remove()  # made from other sources, maybe
        print(f"no machine code, since {missing} is missing: the coder works, at a fifth of its speed")


if __name__ == "__main__":
    main()
