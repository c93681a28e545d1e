"""The embedded cloud's public face.

    with EmbeddedCloud(Path.cwd(), Path(".chartcoder")) as cloud:
        cloud.client("s3").put_object(Bucket=cloud.outputs["ChartsBucketName"], Key="charts/b/1.txt", Body=b"...")
        print(cloud.api_url)

Everything runs below this process and ends with it, even when it is killed.
"""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import boto3

from chartcoder.settings import Settings
from embedded import ACCOUNT, REGION
from embedded.door import Door
from embedded.emulator import image_uri
from embedded.emulator_process import EmbeddedCloudFailed, EmulatorProcess
from embedded.patches.without_effect import WITHOUT_EFFECT
from embedded.stack import deploy_stack, expand_template, resources

if TYPE_CHECKING:
    from embedded.containers import Containers

STACK = "chartcoder"

LOOPBACK_PARAMETERS = {
    "WatchSeconds": "2",
    "WatchdogRate": "rate(1 minute)",
}
"""Where a user of loopback would not wait as long as the defaults wait on AWS."""


def _containers(project: Path, data: Path, images: Path | None, port: int) -> Containers:
    from embedded.containers import Containers  # the engine's client is loaded where it is asked for

    return Containers(project, data, images=images, port=port)


class EmbeddedCloud:
    """AWS on loopback with the project's stack in it; a context manager."""

    def __init__(
        self,
        project_root: Path,
        data_dir: Path,
        *,
        parameters: Mapping[str, str] | None = None,
        port: int = 0,
        stack: str = STACK,
        enforce_iam: bool = True,
        persist: bool = True,
        docker: bool = False,
        images: Path | None = None,
        say: Callable[[str], None] = lambda _: None,
        emulator_options: Sequence[str] = (),
    ) -> None:
        """Nothing is started yet; see `start`.

        Args:
            project_root: the checkout: template.yaml, functions, playbooks and worker are run from it.
            data_dir: where state and logs are kept; made when it is not there.
            parameters: of the template, over LOOPBACK_PARAMETERS.
            port: of the API's door; the emulated AWS endpoint listens on the next one, the registry on the one after.
                0: free ones.
            stack: the stack's name.
            enforce_iam: refuse what the caller's roles and policies do not allow, as AWS does.
            persist: keep state in `data_dir` over a restart.
            docker: instances and functions are containers of this machine's Docker engine.
            images: where the registry behind `docker` keeps its images; by default in `data_dir`.
            say: hears of what takes a while.
            emulator_options: more of `python -m embedded.emulator`'s.
        """
        self.project, self.data, self.stack = project_root.resolve(), data_dir.resolve(), stack
        self.parameters = {**LOOPBACK_PARAMETERS, **(parameters or {})}
        self._port, self._enforce_iam, self._persist = port, enforce_iam, persist
        self._docker, self._images, self._say = docker, images, say
        self._emulator_options = emulator_options
        self.containers: Containers | None = None
        """The engine's part; only with `docker`."""
        self._emulator: EmulatorProcess | None = None
        self._door: Door | None = None
        self._lock: IO[str] | None = None
        self.outputs: dict[str, str] = {}
        self.resources: dict[str, str] = {}
        self.template: dict[str, Any] = {}

    def start(self) -> Self:
        """Start the endpoints, create the stack, open the door.

        Raises:
            EmbeddedCloudFailed: the emulator did not start, the port or the data folder is taken.
            EngineFailed: with `docker`, where the engine or the registry does not do its part.
            StackFailed: the stack was not created.
        """
        try:
            self._lock_data()
            if self._docker:
                registry_port = self._port + 2 if self._port else 0
                self.containers = _containers(self.project, self.data, self._images, registry_port)
                self.containers.prepare(self._say)
            self._emulator = EmulatorProcess(
                data=self.data,
                project=self.project,
                port=self._port + 1 if self._port else 0,
                enforce_iam=self._enforce_iam,
                persist=self._persist,
                place=self.containers.place_path if self.containers else None,
                options=self._emulator_options,
            )
            self._deploy_stack()
            api = urlsplit(self.outputs["ApiUrl"])
            owner = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "embedded"}
            credentials = None if self.parameters.get("JwtIssuer") else owner
            api_id, stage = str(api.hostname).partition(".")[0], api.path.strip("/")
            self._door = self._open_door(api_id, stage, credentials)
        except BaseException:  # also Ctrl-C: nothing may be left running
            self.stop()
            raise
        return self

    def _lock_data(self) -> None:
        """Two clouds must not keep their state in one folder. The lock goes with the process, however it ends."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)  # charts are kept in it, for this user alone
        self._lock = (self.data / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedCloudFailed(
                f"another embedded cloud keeps its state in {self.data}; end it, or give this one a folder of its own"
            ) from None

    def _open_door(self, api_id: str, stage: str, credentials: dict[str, str] | None) -> Door:
        try:
            return Door(self.endpoint, api_id, stage, credentials=credentials, port=self._port)
        except OSError as error:
            raise EmbeddedCloudFailed(f"port {self._port} cannot be had ({error.strerror}); choose another") from None

    def _deploy_stack(self) -> None:
        uri = self.containers.image_uri if self.containers else image_uri
        self.template = expand_template(self.project / "template.yaml", self.parameters, image_uri=uri)
        cloudformation = self.client("cloudformation")
        self.outputs = deploy_stack(cloudformation, self.client("s3"), self.stack, self.template, self.parameters)
        self.resources = resources(cloudformation, self.stack)

    def stop(self) -> None:
        """End everything; state is saved first. Idempotent."""
        if self._door:
            self._door.close()
            self._door = None
        if self._emulator:
            self._emulator.stop()
        if self.containers:
            self.containers.close()
        if self._lock:
            self._lock.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def emulator(self) -> EmulatorProcess:
        """The process of the endpoints.

        Raises:
            EmbeddedCloudFailed: before `start`.
        """
        if self._emulator is None:
            raise EmbeddedCloudFailed("the embedded cloud was not started: use it as a context manager")
        return self._emulator

    @property
    def endpoint(self) -> str:
        """The address of every emulated AWS service: what AWS_ENDPOINT_URL is set to."""
        return self.emulator.endpoint

    @property
    def api_url(self) -> str:
        """Where the API answers, unsigned, on loopback."""
        if self._door is None:
            raise EmbeddedCloudFailed("the embedded cloud was not started: use it as a context manager")
        return self._door.url

    def client(self, service: str) -> Any:
        """A boto3 client of this cloud with the owner's rights; made once a service and thread-safe."""
        with self._clients_lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(service, **self.emulator.client_arguments())  # type: ignore[call-overload]
            return self._clients[service]

    def table(self, name: str) -> Any:
        """A DynamoDB table of this cloud, as boto3's resource."""
        return boto3.resource("dynamodb", **self.emulator.client_arguments()).Table(name)  # type: ignore[call-overload]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _clients_lock(self) -> threading.Lock:
        return threading.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """What a process outside needs in its environment to use this cloud with AWS's own tools."""
        return {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    @property
    def settings(self) -> Settings:
        """The stack's settings, as the template gives them to the launcher."""
        name = self.outputs["LauncherFunctionName"]
        configuration = self.client("lambda").get_function_configuration(FunctionName=name)
        return Settings.read(configuration["Environment"]["Variables"])

    @property
    def without_effect(self) -> dict[str, str]:
        """Logical id -> why, of the template's resources that do nothing here."""
        return {
            name: WITHOUT_EFFECT[resource["Type"]]
            for name, resource in self.template["Resources"].items()
            if resource["Type"] in WITHOUT_EFFECT and name in self.resources
        }

    def instances(self, *states: str) -> list[dict[str, Any]]:
        """The stack's instances as EC2 describes them, in any state or in these."""
        filters = [{"Name": "tag:chartcoder:stack", "Values": [self.stack]}]
        if states:
            filters.append({"Name": "instance-state-name", "Values": list(states)})
        pages = self.client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
        return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]

    def instance_processes(self) -> dict[str, list[int]]:
        """Instance id -> the processes that run on it."""
        found: dict[str, list[int]] = self.emulator.control("GET", "processes")["instances"]
        return found

    def function_processes(self) -> dict[int, str]:
        """Process id -> handler of each warm function."""
        return {int(pid): handler for pid, handler in self.emulator.control("GET", "processes")["functions"].items()}

    def processes(self) -> dict[int, str]:
        """Every process of the embedded cloud but this one: process id -> command line."""
        return self.emulator.processes() if self._emulator else {}

    def set_capacity(self, **left: int | None) -> None:
        """How many instances EC2 still has: `set_capacity(spot=0)`; None for no limit. `on_demand` likewise."""
        self.emulator.control("PUT", "capacity", {kind.replace("_", "-"): value for kind, value in left.items()})

    def notify_spot(self, instance_id: str) -> None:
        """Give an instance a Spot interruption notice: two minutes from now."""
        self.emulator.control("PUT", f"instances/{instance_id}/spot-notice")

    def invoke(self, function: str, event: Any) -> Any:
        """Call a function by its logical id and wait; returns what it answers.

        Raises:
            EmbeddedCloudFailed: when the function failed; with the error's type, not its message.
        """
        name = self.resources[function]
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise EmbeddedCloudFailed(f"{function} failed with {payload.get('errorType')}; see its log group")
        return payload
