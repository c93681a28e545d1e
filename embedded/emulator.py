"""The emulated AWS endpoints: ministack with this project's patches, in one process, on loopback.

    python -m embedded.emulator --port 4566 --data .chartcoder --project .

`embedded.cloud.EmbeddedCloud` starts it; by itself it is useful to look at. Functions and instances are its children
and end with it. State is kept in the data folder when it is told to end by SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded import ACCOUNT, HOST, REGION
from embedded.clocks import ClockFixed
from embedded.faults import Faults, with_faults
from embedded.processes import Spawner, become_subreaper

if TYPE_CHECKING:
    from embedded.engine import Place
    from embedded.functions import Functions, Runs
    from embedded.instances import Instances, Machines

log = logging.getLogger("embedded.emulator")

IMAGES = ("embedded/control:latest", "embedded/coder:latest")
METRIC_SECONDS = 2.0  # SQS publishes each minute on AWS; nobody wants to wait for that on loopback


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in the data folder."""

    data: Path

    @property
    def instances(self) -> Path:
        return self.data / "instances"

    @property
    def registry(self) -> Path:
        return self.data / "registry.json"

    @property
    def access_log(self) -> Path:
        return self.data / "access.log"

    @property
    def ami_path(self) -> Path:
        return self.data / "ami" / "bin"


def registry_host() -> str:
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


def image_uri(name: str) -> str:
    """The tagged image of the account's registry for a name like `embedded/control:latest`."""
    return f"{registry_host()}/{name}"


def resolve_image(uri: str) -> str:
    """An image by digest. A process has no image, so the digest is of its name: stable, shaped like the real one."""
    name = uri.rpartition(":")[0] if ":" in uri.rpartition("/")[2] and "@" not in uri else uri
    return uri if "@" in uri else f"{name}@sha256:{hashlib.sha256(uri.encode()).hexdigest()}"


def ministack_environment(*, port: int, layout: Layout, enforce_iam: bool, persist: bool) -> dict[str, str]:
    """ministack reads its settings from the environment when it is imported."""
    scratch = layout.data / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {
        "AUTH": str(enforce_iam).lower(),
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "embedded",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "1" if persist else "0",
        "S3_DATA_DIR": str(layout.data / "s3"),
        "S3_PERSIST": "1" if persist else "0",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(layout.data / "state"),
        "TMPDIR": str(scratch),
    }


def child_environment(port: int, host: str = HOST) -> dict[str, str]:
    """What functions and instances need of this machine to reach the embedded cloud."""
    return {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "LANG": "C.UTF-8"}


class Emulator:
    """ministack with patches, functions and instances: processes, or containers where there is a `place` for them."""

    def __init__(
        self,
        *,
        port: int,
        layout: Layout,
        project: Path,
        enforce_iam: bool,
        persist: bool,
        place: Place | None = None,
    ) -> None:
        self.port, self.layout, self.project, self.place = port, layout, project, place
        self._host = place.gateway if place else HOST  # where functions and instances find this process
        layout.instances.mkdir(parents=True, exist_ok=True)
        os.environ.update(ministack_environment(port=port, layout=layout, enforce_iam=enforce_iam, persist=persist))
        self.faults = Faults()
        self._set_clock: Callable[[float], None] | None = None
        self.functions, self.instances = self._patch()

    def _patch(self) -> tuple[Functions, Instances]:
        # ministack reads its environment on import, hence here
        from embedded import functions, instances, patches
        from embedded.patches import apigateway, cloudformation, cloudwatch, ec2, iam, lambda_functions, s3, sqs, xray

        patches.check_version()
        machines, runs, resolve = self._containers(self.place) if self.place else self._processes()
        segments = xray.Segments()
        self._xray_port = xray.Daemon(segments, self._host, 0).port
        warm = functions.Functions(runs, self._function_environment, segments.take)
        fleet = instances.Instances(machines, instance_credentials, account=ACCOUNT, region=REGION)
        cloudformation.install()
        iam.install()
        s3.install(self.faults)
        sqs.install()
        cloudwatch.install()
        xray.install(segments)
        lambda_functions.install(warm, resolve)
        apigateway.install()
        ec2.install(fleet)
        return warm, fleet

    def _processes(self) -> tuple[Machines, Runs, Callable[[str], str]]:
        """Instances and functions as processes of this checkout."""
        from embedded import functions, instances_process

        spawner, images = Spawner(), {image_uri(name): resolve_image(image_uri(name)) for name in IMAGES}
        instances_process.write_registry(self.layout.registry, images)
        path = instances_process.make_path(self.layout.ami_path, Path(__file__).with_name("ami") / "bin")
        machines = instances_process.ProcessMachines(
            spawner,
            folder=self.layout.instances,
            python=sys.executable,
            environment={
                **child_environment(self.port),
                "PATH": path,
                "EMBEDDED_PROJECT": str(self.project),
                "EMBEDDED_PYTHON": sys.executable,
                "EMBEDDED_REGISTRY": str(self.layout.registry),
            },
        )
        self._set_clock = machines.set_clock
        scratch = self.layout.data / "tmp"
        runs = functions.ProcessRuns(spawner, root=self.project, python=sys.executable, scratch=scratch)
        return machines, runs, resolve_image

    def _containers(self, place: Place) -> tuple[Machines, Runs, Callable[[str], str]]:
        """Instances and functions as containers in the engine."""
        from embedded import engine, functions_container, instances_container
        from embedded.patches import ecr

        ecr.install(place.registry)
        client = engine.connect()
        environment = child_environment(self.port, place.gateway)
        machines = instances_container.ContainerMachines(
            client, place, folder=self.layout.instances, environment=environment
        )
        runs = functions_container.ContainerRuns(client, place, scratch=self.layout.data / "tmp")
        return machines, runs, lambda uri: engine.by_digest(client, place, uri)

    def _function_environment(self, config: dict[str, Any]) -> Mapping[str, str]:
        """The template's variables and those Lambda sets (Lambda Developer Guide, "Defined runtime variables")."""
        from embedded.patches.lambda_functions import role_credentials

        logging_config = config.get("LoggingConfig") or {}
        declared = (config.get("Environment") or {}).get("Variables") or {}
        return {
            **{name: str(value) for name, value in declared.items()},
            **child_environment(self.port, self._host),
            **role_credentials(config),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
            "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
            "AWS_LAMBDA_FUNCTION_VERSION": str(config.get("Version", "$LATEST")),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": logging_config.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{os.urandom(16).hex()}",
            "AWS_REGION": REGION,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": f"{self._host}:{self._xray_port}",
            "TZ": ":UTC",
        }

    def set_clock(self, seconds: float) -> None:
        """Have the clocks of instances that boot from now on be off by so much.

        Raises:
            ClockFixed: instances are containers, which have the engine's clock, or there is no libfaketime.
        """
        if self._set_clock is None:
            raise ClockFixed("instances that are containers have the clock of their engine")
        self._set_clock(seconds)

    def measure_forever(self, stop: threading.Event) -> None:
        """Publish the queues' metrics and judge the alarms, every METRIC_SECONDS."""
        from embedded.patches import cloudwatch, sqs

        while not stop.wait(METRIC_SECONDS):
            sqs.publish(now=time.time())
            cloudwatch.evaluate_all()

    def end_instances_of_an_earlier_life(self) -> None:
        from ministack.services import ec2

        self.instances.power_loss(list(ec2._instances.values()))

    async def serve(self, *, access_log: bool = False) -> None:
        """Serve until SIGTERM or SIGINT; state is saved and every child ended on the way out."""
        from hypercorn.asyncio import serve
        from hypercorn.config import Config
        from ministack import app as ministack

        from embedded.control import only_from, with_control
        from embedded.patches.xray import with_tracing_header

        config = Config()
        config.bind = [f"{host}:{self.port}" for host in (HOST, *([self.place.gateway] if self.place else ()))]
        config.keep_alive_timeout = 75
        config.graceful_timeout = 1
        config.loglevel = "WARNING"
        if access_log:
            config.accesslog = _file_logger(self.layout.access_log)
            config.access_log_format = "%(m)s %(U)s?%(q)s %(s)s %({x-amz-target}i)s"  # DynamoDB's and SQS's operation
        ended, measured = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        threading.Thread(target=self.measure_forever, args=(measured,), name="meter", daemon=True).start()
        try:
            app = with_control(with_faults(with_tracing_header(ministack.app), self.faults), self)
            callers = (f"{HOST}/32", *([self.place.subnet] if self.place else ()))
            await serve(only_from(callers, app), config, shutdown_trigger=ended.wait)
        finally:
            measured.set()
            self.instances.close()
            self.functions.close()


def instance_credentials(record: dict[str, Any]) -> dict[str, str] | None:
    """The credentials of an instance's role, with ROLE_NAME; None without an instance profile."""
    from embedded.patches.iam import role_of
    from embedded.patches.lambda_functions import role_credentials

    name = role_of((record.get("IamInstanceProfile") or {}).get("Arn", ""))
    if name is None:
        return None
    session = {
        # role_credentials makes a session of whatever has a name, a role and an account
        "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{record['InstanceId']}",
        "FunctionName": record["InstanceId"],
        "Role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
    }
    return {**role_credentials(session), "ROLE_NAME": name}


def read_place(path: Path) -> Place:
    from embedded.engine import Place

    return Place.read(path)


def _file_logger(path: Path) -> logging.Logger:
    """A logger of its own for the requests' addresses."""
    logger = logging.getLogger("embedded.access")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.FileHandler(path))
    return logger


def main() -> int:
    parser = argparse.ArgumentParser(prog="embedded.emulator", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=4566)
    parser.add_argument("--data", type=Path, default=Path(".chartcoder"))
    parser.add_argument("--project", type=Path, default=Path.cwd())
    parser.add_argument("--enforce-iam", action="store_true", help="refuse what the caller's policies do not allow")
    parser.add_argument("--place", type=Path, help="instances and functions are containers: see embedded/engine.py")
    parser.add_argument("--forget", action="store_true", help="do not keep state in the data folder")
    parser.add_argument(
        "--access-log", action="store_true", help="write each request's address and operation into access.log"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("embedded").setLevel(logging.INFO)
    become_subreaper()
    emulator = Emulator(
        port=options.port,
        layout=Layout(options.data.resolve()),
        project=options.project.resolve(),
        enforce_iam=options.enforce_iam,
        persist=not options.forget,
        place=read_place(options.place) if options.place else None,
    )
    asyncio.run(emulator.serve(access_log=options.access_log))
    return 0


if __name__ == "__main__":
    sys.exit(main())
