"""One emulator for the module's tests; each test makes its own resources."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from embedded.emulator_process import EmulatorProcess

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    process = EmulatorProcess(data=tmp_path_factory.mktemp("emulator"), project=PROJECT, persist=False)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def client(emulator: EmulatorProcess) -> Callable[[str], Any]:
    """A boto3 client of the emulator by the service's name."""
    made: dict[str, Any] = {}

    def get(service: str) -> Any:
        if service not in made:
            made[service] = boto3.client(service, **emulator.client_arguments())
        return made[service]

    return get


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
