"""One emulator for the module's tests; each test makes its own resources."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from embedded.emulator import image_uri
from embedded.emulator_process import EmulatorProcess

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    # functions run from here: handlers.py is what they are made of
    process = EmulatorProcess(data=tmp_path_factory.mktemp("emulator"), project=HERE, persist=False)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def client(emulator: EmulatorProcess) -> Callable[[str], Any]:
    """A boto3 client of the emulator by the service's name."""
    made: dict[str, Any] = {}

    def get(service: str) -> Any:
        if service not in made:
            once = Config(retries={"total_max_attempts": 1})  # a refusal is what some tests are about
            made[service] = boto3.client(service, config=once, **emulator.client_arguments())
        return made[service]

    return get


@pytest.fixture
def function(client: Callable[[str], Any]) -> Callable[..., str]:
    """Makes a function of a handler and gives its name."""

    def make(handler: str, **configuration: Any) -> str:
        name = f"f-{uuid.uuid4().hex[:12]}"
        client("lambda").create_function(
            FunctionName=name,
            Role="arn:aws:iam::111122223333:role/nobody",
            PackageType="Image",
            Code={"ImageUri": image_uri("embedded/control:latest")},
            ImageConfig={"Command": [handler]},
            **{"Timeout": 10, **configuration},
        )
        return name

    return make


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Waits until a condition gives something true, and gives it back."""

    def wait(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError(f"still not so after {seconds:.0f} s")

    return wait
