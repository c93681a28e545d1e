"""Takes out of this Python's installed packages what nothing needs at run time. Used by the images' builds.

    python tools/slim_packages.py pytest pip        # these distributions, and the parts named below of all others

Every part is named here with its reason. What is left must still import, which `tests/docker/test_images.py` shows.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))

AWS_SERVICES = {
    # what the code, Ansible's amazon.aws and X-Ray's recorder make clients of; botocore describes 400 more
    "cloudwatch", "dynamodb", "ec2", "iam", "kms", "lambda", "logs", "s3", "sqs", "ssm", "sts", "xray",
}  # fmt: skip

TESTS = ("tests", "test_data")  # never `test`: Ansible's and Jinja's plugins of that name are tests of values
WITHOUT_USE = (
    "ansible_test",  # Ansible's own test runner
    "ansible_collections/amazon/aws/docs",
    "ansible_collections/amazon/aws/changelogs",
    "ansible/galaxy/data",  # skeletons of new roles and collections
    "pkg_resources",  # of setuptools
    "_distutils_hack",
    "distutils-precedence.pth",
    "numpy/f2py",  # Fortran
    "numpy/doc",
)
# but for CUDA's sources, which thinc reads when it is imported
BUILD_INPUTS = (".a", ".c", ".cc", ".cpp", ".h", ".hh", ".hpp", ".pxd", ".pxi", ".pyi", ".pyx")
COMMANDS_KEPT = ("python", "ansible-playbook", "ansible-runner")  # the beginnings of their names
LANGUAGES_KEPT = {"en", "xx"}  # of spaCy's seventy; xx is for none in particular, and imported with spaCy


def remove(path: Path) -> int:
    """Removes a file or a folder; gives the bytes it had. What is not there is gone already."""
    if path.is_dir() and not path.is_symlink():
        size = sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
        shutil.rmtree(path)
        return size
    size = path.lstat().st_size if path.is_symlink() or path.exists() else 0
    path.unlink(missing_ok=True)
    return size


def remove_distribution(name: str) -> int:
    """Removes all that a distribution installed, its commands and its metadata included.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed, so the list in the Dockerfile is out of date.
    """
    found = distribution(name)
    files = [Path(str(found.locate_file(file))) for file in found.files or ()]
    removed = sum(remove(file.resolve().parent / file.name) for file in files)
    for folder in sorted({file.parent for file in files}, key=lambda one: len(one.parts), reverse=True):
        if folder.is_dir() and folder.is_relative_to(SITE) and folder != SITE:
            left = [one for one in folder.rglob("*") if one.is_file() and one.suffix != ".pyc"]
            removed += 0 if left else remove(folder)
    return removed


def remove_aws_services() -> int:
    """Descriptions of services that nobody here calls."""
    folders = [folder for data in ("botocore/data", "boto3/data") for folder in (SITE / data).glob("*/")]
    return sum(remove(folder) for folder in folders if folder.name not in AWS_SERVICES)


def remove_languages() -> int:
    """spaCy's languages but English; the files beside the folders are shared by all."""
    folders = [folder for folder in (SITE / "spacy" / "lang").glob("*/") if folder.name != "__pycache__"]
    return sum(remove(folder) for folder in folders if folder.name not in LANGUAGES_KEPT)


def remove_commands() -> int:
    """The packages' own commands, most of which test, document or fetch something."""
    commands = Path(sysconfig.get_path("scripts")).iterdir()
    return sum(remove(path) for path in commands if not path.name.startswith(COMMANDS_KEPT))


def main() -> None:
    freed = {name: remove_distribution(name) for name in sys.argv[1:]}
    freed["tests"] = sum(remove(path) for name in TESTS for path in sorted(SITE.rglob(name)))
    freed["parts without use"] = sum(remove(SITE / name) for name in WITHOUT_USE)
    freed["what compilers need"] = sum(
        remove(path) for path in sorted(SITE.rglob("*")) if path.suffix in BUILD_INPUTS and path.is_file()
    )
    freed["commands"] = remove_commands()
    freed["AWS services"] = remove_aws_services()
    freed["languages"] = remove_languages()
    for name, size in freed.items():
        print(f"{size / 1e6:7.1f} MB  {name}")


if __name__ == "__main__":
    main()
