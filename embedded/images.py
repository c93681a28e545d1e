"""The images of a cloud in a Docker engine: the project's two, and the machine image of its instances."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, BuildError

from embedded.engine import EngineFailed

MACHINE_IMAGE = "embedded/machine:latest"
MACHINE_FILES = ("__init__.py", "sigv4.py", "ami")
"""What of this package the machine image holds."""


def build_project_images(client: docker.DockerClient, project: Path, images: dict[str, str]) -> None:
    """Build the images as `sam build` does. What did not change since the last build of either is taken from it.

    Args:
        images: Dockerfile -> the tag to give.

    Raises:
        EngineFailed: a build failed; with the end of its output.
    """
    for dockerfile, tag in images.items():
        _build(client, tag, path=str(project), dockerfile=dockerfile)


def build_machine_image(client: docker.DockerClient) -> str:
    """Build what plays the AMI; gives its tag. Raises EngineFailed as above."""
    context = io.BytesIO()
    package = Path(__file__).parent
    with tarfile.open(fileobj=context, mode="w") as archive:
        for path in _machine_files(package):
            member = tarfile.TarInfo(str(path.relative_to(package.parent)))
            member.size, member.mode = path.stat().st_size, 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as file:
                archive.addfile(member, file)  # no times and no owners: the same files make the same image
    context.seek(0)
    dockerfile = "embedded/ami/container/Dockerfile"
    _build(client, MACHINE_IMAGE, fileobj=context, custom_context=True, dockerfile=dockerfile)
    return MACHINE_IMAGE


def _machine_files(package: Path) -> Iterator[Path]:
    for name in MACHINE_FILES:
        found = package / name
        files = sorted(found.rglob("*")) if found.is_dir() else [found]
        yield from (path for path in files if path.is_file() and "__pycache__" not in path.parts)


def _build(client: docker.DockerClient, tag: str, **arguments: Any) -> None:
    try:
        client.images.build(tag=tag, rm=True, forcerm=True, **arguments)
    except BuildError as error:
        said = "".join(line.get("stream", "") for line in error.build_log)
        raise EngineFailed(f"building {tag} failed: {error.msg}\n{said[-2000:]}") from None
    except APIError as error:
        raise EngineFailed(f"building {tag} failed: {error.explanation or error}") from None
