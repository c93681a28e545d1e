"""The Docker engine behind `--docker`: what a cloud of its own owns there, and how all of it is found again and ended.

Everything carries the cloud's label, so that what an earlier life left is swept at the next start. The engine must be
this machine's own: instances are given its socket, as an EC2 instance has an engine of its own.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from chartcoder.errors import ChartcoderError

log = logging.getLogger("embedded.engine")

CLOUD, INSTANCE, FUNCTION = "chartcoder.cloud", "chartcoder.instance", "chartcoder.function"
ANSWER_SECONDS = 180  # an engine that is paused for a minute is not given up
KILLED = 137


class EngineFailed(ChartcoderError):
    """The Docker engine does not answer or refuses; the message says what it was asked."""


@dataclass(frozen=True, slots=True)
class Place:
    """What of an engine belongs to one embedded cloud. Kept as a file, by which the emulator's process finds it."""

    cloud: str
    network: str
    gateway: str
    subnet: str
    registry: str
    """Its host and port."""
    machine_image: str
    images: dict[str, str]
    """Tagged image -> the same by digest, as the registry has it."""

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> Place:
        return cls(**json.loads(path.read_text()))


def cloud_id(data: Path) -> str:
    """The name of a data folder's cloud in the engine: the same at every start."""
    return hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]


def connect() -> docker.DockerClient:
    """A client of this machine's engine.

    Raises:
        EngineFailed: none answers.
    """
    try:
        client = docker.from_env(timeout=ANSWER_SECONDS)
        client.ping()
    except DockerException as error:
        raise EngineFailed(
            f"no Docker engine answers ({type(error).__name__}): start one, or leave --docker out, which needs none"
        ) from None
    return client


def make_network(client: docker.DockerClient, cloud: str) -> tuple[str, str, str]:
    """A bridge of the cloud's own: its name, its gateway (where this machine listens) and its subnet."""
    name = f"chartcoder-{cloud}"
    network = client.networks.create(name, driver="bridge", labels={CLOUD: cloud})
    network.reload()
    configured = network.attrs["IPAM"]["Config"][0]
    first = next(ipaddress.ip_network(configured["Subnet"]).hosts())
    return name, configured.get("Gateway") or str(first), configured["Subnet"]


def containers(client: docker.DockerClient, *labels: str) -> list[Container]:
    """The containers with every one of these labels (`name` or `name=value`), in any state."""
    found: list[Container] = client.containers.list(all=True, filters={"label": list(labels)}, ignore_removed=True)
    return found


def remove(container: Container) -> None:
    """Kill a container and take it away; one that is gone, or is going, is what was wanted."""
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # "removal of container ... is already in progress"
            raise


def sweep(client: docker.DockerClient, cloud: str) -> int:
    """End every container of a cloud and remove its networks; gives the number of containers."""
    found = containers(client, f"{CLOUD}={cloud}")
    for container in found:
        remove(container)
    for network in client.networks.list(filters={"label": f"{CLOUD}={cloud}"}, greedy=True):
        try:
            for guest in network.containers:  # what `sam local` left in it
                remove(guest)
            network.remove()
        except NotFound:
            continue
    return len(found)


def untag(client: docker.DockerClient, image: str) -> None:
    """Take a name from an image; one that has it no more is no error, and one in use keeps it."""
    try:
        client.images.remove(image, force=False, noprune=True)
    except APIError as error:
        log.info("%s stays: %s", image, error.explanation)


def by_digest(client: docker.DockerClient, place: Place, image: str) -> str:
    """A tagged image by the digest that was pushed to its registry, as Lambda resolves it when a function is made."""
    if image in place.images or "@" in image:
        return place.images.get(image, image)
    repository = image.rpartition(":")[0] if ":" in image.rpartition("/")[2] else image
    try:
        pushed: list[str] = client.images.get(image).attrs["RepoDigests"]
    except NotFound:
        return image
    return next((digest for digest in pushed if digest.startswith(f"{repository}@")), image)


def main_process(container: Container) -> int | None:
    """The process id of a container's first process on this machine; None when it does not run."""
    try:
        container.reload()
    except NotFound:
        return None
    pid: int = container.attrs["State"]["Pid"]
    return pid or None


def await_end(container: Container) -> int:
    """Wait for a container's end; gives its exit status. An engine that is silent for a while is asked again."""
    pause = threading.Event()
    while True:
        try:
            answer: dict[str, Any] = container.wait(timeout=None)
            return int(answer["StatusCode"])
        except NotFound:
            return KILLED  # somebody removed it
        except (APIError, requests.exceptions.RequestException) as error:
            log.warning("the engine did not say how %s ended (%s); asking again", container.name, type(error).__name__)
            pause.wait(1.0)
