"""What `--docker` adds to an embedded cloud: images built and pushed, a network, and the end of every container.

containers = Containers(project, data)
containers.prepare()      # before the emulator starts
containers.close()        # after it has ended
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from embedded.engine import CLOUD, INSTANCE, Place, cloud_id, connect, containers, make_network, sweep, untag
from embedded.images import build_machine_image, build_project_images
from embedded.ports import free_port
from embedded.registry import Registry
from embedded.stack import IMAGES


class Containers:
    """The engine's part of one embedded cloud."""

    def __init__(self, project: Path, data: Path, *, images: Path | None = None, port: int = 0) -> None:
        """`images`: where the registry keeps them, by default in `data`; `port`: the registry's, 0 for a free one.

        Raises:
            EngineFailed: no engine answers, or no registry is installed.
        """
        self._project, self._data = project, data
        self._cloud = cloud_id(data)
        self._images, self._port = images or data / "registry", port
        self.client = connect()
        self.registry: Registry | None = None
        self.place: Place | None = None

    @property
    def place_path(self) -> Path:
        return self._data / "place.json"

    def prepare(self, say: Callable[[str], None] = lambda _: None) -> Place:
        """Sweep what an earlier life left, build the images, push them, make the network. `say` hears of each step.

        Raises:
            EngineFailed: a build, the registry or the engine failed.
        """
        sweep(self.client, self._cloud)
        say("building the images")
        local = {dockerfile: _local_name(name) for dockerfile, name in IMAGES.items()}
        build_project_images(self.client, self._project, local)
        machine = build_machine_image(self.client)
        say("pushing them to the registry")
        self.registry = Registry(self._images, self._port or free_port())
        pushed = dict(self.registry.push(self.client, local[dockerfile], name) for dockerfile, name in IMAGES.items())
        network, gateway, subnet = make_network(self.client, self._cloud)
        self.place = Place(self._cloud, network, gateway, subnet, self.registry.address, machine, pushed)
        self.place.write(self.place_path)
        return self.place

    def image_uri(self, name: str) -> str:
        """The tagged image in the registry for a name like `embedded/control:latest`."""
        assert self.registry is not None  # noqa: S101 - prepare comes first
        return f"{self.registry.address}/{name}"

    def local_image(self, dockerfile: str) -> str:
        """The tag in the engine of the image of a Dockerfile."""
        return _local_name(IMAGES[dockerfile])

    def endpoint(self, loopback: str) -> str:
        """The address of the AWS endpoints as containers of the cloud's network find it."""
        assert self.place is not None  # noqa: S101 - prepare comes first
        return f"http://{self.place.gateway}:{loopback.rpartition(':')[2]}"

    def names(self) -> list[str]:
        """The cloud's containers that are there, in any state."""
        return [str(container.name) for container in containers(self.client, f"{CLOUD}={self._cloud}")]

    def of_instances(self) -> dict[str, list[str]]:
        """Instance id -> its containers that are there, in any state: its own and those that it started."""
        found: dict[str, list[str]] = {}
        for container in containers(self.client, f"{CLOUD}={self._cloud}", INSTANCE):
            found.setdefault(container.labels[INSTANCE], []).append(str(container.name))
        return found

    def close(self) -> None:
        """End what is left of the cloud in the engine, and the registry. Idempotent."""
        sweep(self.client, self._cloud)
        for tagged in self.place.images if self.place else ():
            untag(self.client, tagged)
        if self.registry:
            self.registry.stop()


def _local_name(name: str) -> str:
    """`embedded/control:latest` is `chartcoder-control:latest` in the engine, beside what `sam build` makes."""
    return f"chartcoder-{name.rpartition('/')[2]}"
