"""`make sbom`: a CycloneDX list of the Python packages of each image, from the lock file it is built from.

    python -m tools.security.sbom [FOLDER]

Writes `control.cdx.json` and `coder.cdx.json` to FOLDER (`dist/sbom/`), the same for the same lock files. What the
lock keeps for another platform, or the build takes out again, is left out. Debian's packages come with the base image,
and are not listed: a scan of the built image lists them (`docs/security.md`).
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.security.rule_sets import ROOT, THEIRS, run

LOCKS = {"control": ("control.txt", "collections.txt"), "coder": ("coder.txt",)}
"""Image -> the lock files it is built from, in requirements/."""

DOCKERFILES = {"control": "functions/Dockerfile", "coder": "worker_image/Dockerfile"}

PLATFORM = {
    # the images': Debian 12 on x86_64
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "sbom"
    folder.mkdir(parents=True, exist_ok=True)
    for image in LOCKS:
        bill = bill_of_materials(image)
        target = folder / f"{image}.cdx.json"
        target.write_text(json.dumps(bill, indent=2) + "\n")
        print(f"{target}: {len(bill['components'])} packages")


def bill_of_materials(image: str) -> dict[str, Any]:
    """The list of one image, CycloneDX 1.6, checked against its schema.

    Raises:
        NotChecked: the tool could not make it.
    """
    locks = ((ROOT / "requirements" / name).read_text() for name in LOCKS[image])
    locked = "".join(entry for lock in locks for entry in installed(lock, removed_from(image)))
    asked = ["requirements", "-", "--sv", "1.6", "--of", "JSON", "--output-reproducible", "--validate"]
    bill: dict[str, Any] = json.loads(run([THEIRS / "cyclonedx-py", *asked], given=locked))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    name = f"chartcoder-{image}"
    bill["metadata"]["component"] = {"type": "container", "bom-ref": name, "name": name, "version": version}
    return bill


def installed(lock: str, removed: set[str]) -> Iterator[str]:
    """The entries of a lock file, hashes and all, that are in the image: not another platform's, not removed later."""
    for entry in re.split(r"(?<!\\)\n", lock):
        if entry and not entry.lstrip().startswith("#"):
            wanted = Requirement(entry.partition("--hash")[0].strip(" \\\n"))
            if canonicalize_name(wanted.name) not in removed and (
                wanted.marker is None or wanted.marker.evaluate(PLATFORM)
            ):
                yield entry + "\n"


def removed_from(image: str) -> set[str]:
    """What an image's build takes out again once it has served."""
    named = re.findall(
        r"^RUN python tools/slim_packages\.py (.+)$", (ROOT / DOCKERFILES[image]).read_text(), re.MULTILINE
    )
    return {canonicalize_name(name) for line in named for name in line.split()}


if __name__ == "__main__":
    main()
