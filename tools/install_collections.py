"""Installs Ansible's `amazon.aws` collection into this Python, out of the `ansible` package.

The bundle unpacks to 700 MB, of which the project needs 5; it is pinned by version and hash like every other package.

    python tools/install_collections.py
"""

import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

BUNDLE = Path(__file__).parent.parent / "requirements" / "collections.txt"
COLLECTION = "ansible_collections/amazon/aws/"


def main() -> None:
    site = Path(sysconfig.get_path("purelib"))
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*download, "--dest", folder, "--requirement", str(BUNDLE)], check=True)  # noqa: S603
        (wheel,) = Path(folder).glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as bundle:
            members = [name for name in bundle.namelist() if name.startswith(COLLECTION) and "/tests/" not in name]
            bundle.extractall(site, members)
    print(f"installed {COLLECTION.rstrip('/')}: {len(members)} files")


if __name__ == "__main__":
    main()
