"""What runs in a Docker engine. Without one these tests fail: whoever runs them asked for it (`make test-docker`)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from embedded.cloud import EmbeddedCloud
from tests.e2e.conftest import Pipeline

ROOT = Path(__file__).parents[2]
SAM = Path(sys.executable).parent / "sam"
HARDENED = {
    # as playbooks/boot/instance.sh runs them
    "read_only": True,
    "tmpfs": {"/tmp": "rw,nosuid,nodev,size=1g"},  # noqa: S108 - a container's own
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "pids_limit": 2048,
}


@dataclass(frozen=True)
class Image:
    """One of the two images, and ways to look into it."""

    engine: docker.DockerClient
    tag: str

    @property
    def size(self) -> int:
        """Bytes, unpacked."""
        return int(self.engine.images.get(self.tag).attrs["Size"])

    def run(self, *command: str, network: str = "none") -> str:
        """What a command in a hardened container of the image says.

        Raises:
            docker.errors.ContainerError: when it fails, with what it said on stderr.
        """
        said: bytes = self.engine.containers.run(
            self.tag, list(command), remove=True, network_mode=network, stderr=False, **HARDENED
        )
        return said.decode()

    def python(self, program: str) -> str:
        """What a Python program prints in the image."""
        return self.run("python", "-c", program)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly that nothing was left out."""
    counts = {name: len(terminalreporter.stats.get(name, ())) for name in ("passed", "failed", "error", "skipped")}
    terminalreporter.write_line(
        "in the Docker engine: " + ", ".join(f"{count} {name}" for name, count in counts.items())
    )


@pytest.fixture(scope="session")
def engine() -> docker.DockerClient:
    try:
        client = docker.from_env(timeout=300)
        client.ping()
    except DockerException as error:
        pytest.fail(f"no Docker engine answers ({type(error).__name__}); these tests are about what runs in one")
    return client


@pytest.fixture(scope="session")
def built(engine: docker.DockerClient) -> Path:
    """The template that `sam build` writes, with both images built from this checkout."""
    done = subprocess.run([str(SAM), "build"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return ROOT / ".aws-sam" / "build" / "template.yaml"


@pytest.fixture(scope="session")
def control(engine: docker.DockerClient, built: Path) -> Image:
    return Image(engine, _image_of("LauncherFunction", built))


@pytest.fixture(scope="session")
def coder(engine: docker.DockerClient, built: Path) -> Image:
    return Image(engine, _image_of("CoderFunction", built))


@pytest.fixture(scope="session")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the registry keeps its images, so that each is pushed once a session."""
    return tmp_path_factory.mktemp("registry")


Deploy = Callable[..., Pipeline]


@contextmanager
def deploying(data: Path, pushed: Path | None = None) -> Iterator[Deploy]:
    """Deploys stacks with parameters of a test's own: in containers where images are `pushed`, else as processes."""
    pipelines: list[Pipeline] = []

    def deployed(**parameters: str) -> Pipeline:
        folder = data / str(len(pipelines))
        cloud = EmbeddedCloud(
            ROOT, folder, parameters=parameters, persist=False, docker=pushed is not None, images=pushed
        )
        pipelines.append(Pipeline(cloud.start()))
        return pipelines[-1]

    try:
        yield deployed
        for pipeline in pipelines:
            pipeline.tell()
    finally:
        for pipeline in pipelines:
            pipeline.cloud.stop()


@pytest.fixture
def deploy(engine: docker.DockerClient, tmp_path: Path, pushed: Path) -> Iterator[Deploy]:
    with deploying(tmp_path, pushed) as deployed:
        yield deployed


def _image_of(function: str, template: Path) -> str:
    from samtranslator.yaml_helper import yaml_parse

    return str(yaml_parse(template.read_text())["Resources"][function]["Properties"]["ImageUri"])
