"""Lambda functions that really run: the handler under `python -m awslambdaric`, against a small Lambda runtime API.

What a handler runs in is given by a `Runs`: a process of this checkout, or a container of its image
(`embedded/functions_container.py`). One environment is one of them with a runtime API of its own on a free port, as on
AWS it is one micro virtual machine; it stays warm for the next event. Calls at the same time get environments of their
own.

The API is the one of "Building a custom runtime" in the AWS Lambda Developer Guide: `invocation/next`, `response`,
`error` and `init/error`.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import select
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol

from embedded import HOST
from embedded.loopback import Handler, Server
from embedded.processes import Spawner

log = logging.getLogger("embedded.functions")

INIT_SECONDS = 60.0  # AWS gives image functions 10 s; here every function of a stack may start at once on two cores
IDLE_KEPT = 2  # warm environments kept of one function

Config = dict[str, Any]


@dataclass
class Invocation:
    """One event on its way through an environment."""

    request_id: str
    event: bytes
    deadline: float  # epoch seconds; set when the environment takes it
    arn: str
    traced: bool = False
    segment: str = field(default_factory=lambda: secrets.token_hex(8))
    began: float = field(default_factory=time.time)
    done: threading.Event = field(default_factory=threading.Event)
    payload: bytes = b"null"
    error: bool = False

    @property
    def trace(self) -> str:
        """Of this invocation alone: a new one, whoever invokes."""
        return f"1-{int(self.began):08x}-{self.request_id.replace('-', '')[:24]}"

    @property
    def tracing_header(self) -> str:
        return f"Root={self.trace}" + (f";Parent={self.segment};Sampled=1" if self.traced else "")

    def finish(self, payload: bytes, *, error: bool) -> None:
        if not self.done.is_set():
            self.payload, self.error = payload, error
            self.done.set()


class Running(Protocol):
    """What an environment runs in; `subprocess.Popen` is one."""

    pid: int
    stdout: IO[bytes] | None
    returncode: int | Any

    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def kill(self) -> None: ...


class Runs(Protocol):
    """What starts them."""

    host: str
    """The address where what is started finds this process."""

    def start(self, config: Config, handler: str, environment: Mapping[str, str]) -> Running:
        """Start the runtime of a function's handler, with its output on `stdout`."""


class ProcessRuns:
    """Runs handlers as processes of this checkout."""

    host = HOST

    def __init__(self, spawner: Spawner, *, root: Path, python: str, scratch: Path) -> None:
        self._spawner, self._root, self._python = spawner, root, python
        self._machine = {
            "HOME": str(scratch),
            "LAMBDA_TASK_ROOT": str(root),
            "LANG": "C.UTF-8",
            "PATH": f"{Path(python).parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(scratch),
        }

    def start(self, config: Config, handler: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return self._spawner.start(
            [self._python, "-m", "awslambdaric", handler],
            environment={**self._machine, **environment},
            directory=self._root,
            output=subprocess.PIPE,
        )


class Output:
    """What a runtime writes. Whoever asks for it drains the pipe first, so nothing written before is missed."""

    def __init__(self, process: Running) -> None:
        assert process.stdout is not None  # noqa: S101 - started with a pipe
        self._pipe, self._lock = process.stdout, threading.Lock()
        self._kept = bytearray()

    def read(self) -> bool:
        """Wait for more and keep it; False at the end."""
        select.select([self._pipe], [], [])
        with self._lock:
            return self._drain()

    def take(self) -> str:
        with self._lock:
            self._drain()
            taken = self._kept.decode(errors="replace")
            self._kept.clear()
        return taken.strip("\n")

    def _drain(self) -> bool:
        while select.select([self._pipe], [], [], 0)[0]:
            if not (piece := os.read(self._pipe.fileno(), 65_536)):
                return False
            self._kept += piece
        return True


class Environment:
    """An execution environment: the runtime and the runtime API it talks to."""

    def __init__(self, config: Config, environment: Mapping[str, str], runs: Runs) -> None:
        self.config = config
        self.ready = threading.Event()  # the runtime asked for its first event
        self.failed: bytes | None = None  # what init/error said
        self._current: Invocation | None = None
        self._waiting = threading.Condition()
        self._given = False
        self._server = Server(_runtime_api(self), host=runs.host)
        command = list((config.get("ImageConfigResponse") or {}).get("ImageConfig", {}).get("Command") or ())
        command = command or list((config.get("ImageConfig") or {}).get("Command") or ())
        self.handler = command[0] if command else ""
        runtime_api = {"AWS_LAMBDA_RUNTIME_API": f"{runs.host}:{self._server.port}", "_HANDLER": self.handler}
        self.process = runs.start(config, self.handler, {**environment, **runtime_api})
        self._output = Output(self.process)
        threading.Thread(target=self._await_end, name="function-output", daemon=True).start()

    def _await_end(self) -> None:
        """Take the output as it comes, so that the process never waits for us; then say that it ended."""
        while self._output.read():
            pass
        self.process.wait()
        with self._waiting:
            self._waiting.notify_all()
        if self._current:
            status = self.process.returncode
            body = {"errorType": "Runtime.ExitError", "errorMessage": f"Runtime exited with exit status {status}"}
            self._current.finish(json.dumps(body).encode(), error=True)
        self.ready.set()

    def take_output(self) -> str:
        """What the function wrote since last asked, to the last byte: it wrote before it answered."""
        return self._output.take()

    @property
    def alive(self) -> bool:
        return self.failed is None and self.process.poll() is None

    def run(self, invocation: Invocation) -> None:
        """Hand an event to the runtime and wait until it is answered, failed or out of time."""
        with self._waiting:
            self._current, self._given = invocation, False
            self._waiting.notify_all()
        if not self.ready.wait(INIT_SECONDS) or not self.alive:
            self._init_failed(invocation)
        seconds = float(self.config.get("Timeout") or 3)
        if not invocation.done.wait(seconds):
            moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
            message = f"{moment} {invocation.request_id} Task timed out after {seconds:.2f} seconds"
            body = {"errorType": "Sandbox.Timedout", "errorMessage": message}
            invocation.finish(json.dumps(body).encode(), error=True)
            self.close()  # AWS throws the environment away after a timeout
        self._current = None

    def _init_failed(self, invocation: Invocation) -> None:
        body = {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited before it asked for an event"}
        invocation.finish(self.failed or json.dumps(body).encode(), error=True)
        self.close()

    def next(self) -> Invocation | None:
        """Block until there is an event for the runtime; None when the environment is closed."""
        self.ready.set()
        with self._waiting:
            self._waiting.wait_for(lambda: (self._current and not self._given) or self.process.poll() is not None)
            if self._current is None or self._given:
                return None
            self._given = True
            self._current.deadline = time.time() + float(self.config.get("Timeout") or 3)
            return self._current

    def answered(self, request_id: str, payload: bytes, *, error: bool) -> bool:
        current = self._current
        if current is None or current.request_id != request_id:
            return False
        current.finish(payload, error=error)
        return True

    def init_error(self, payload: bytes) -> None:
        self.failed = payload
        self.ready.set()

    def close(self) -> None:
        """Kill the runtime; it is gone when this returns."""
        self.process.kill()
        self.process.wait()
        self._server.close()


def _runtime_api(environment: Environment) -> type[Handler]:
    class RuntimeApi(Handler):
        prefix = "/2018-06-01/runtime/"
        timeout = None  # the runtime waits as long as it takes for its next event

        def serve(self) -> None:
            if self.command == "GET":
                self._next()
            else:
                self._take(self.body())

        def _next(self) -> None:
            if self.path != self.prefix + "invocation/next":
                return self.answer(404)
            invocation = environment.next()
            if invocation is None:
                return self.answer(410)
            headers = {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
                "Lambda-Runtime-Trace-Id": invocation.tracing_header,
            }
            return self.answer(200, invocation.event, headers)

        def _take(self, payload: bytes) -> None:
            if self.path == self.prefix + "init/error":
                environment.init_error(payload)
                return self.answer(202)
            parts = self.path.removeprefix(self.prefix).split("/")
            if len(parts) != 3 or parts[0] != "invocation" or parts[2] not in ("response", "error"):
                return self.answer(404)
            known = environment.answered(parts[1], payload, error=parts[2] == "error")
            return self.answer(202 if known else 400)

    return RuntimeApi


class Functions:
    """Every function of the cloud, each with its warm environments.

    `environment_of` gives what a function finds in its environment, from its configuration; `trace` takes the segment
    that Lambda itself writes of an invocation.
    """

    def __init__(
        self, runs: Runs, environment_of: Callable[[Config], Mapping[str, str]], trace: Callable[[str], object]
    ) -> None:
        self._runs, self._environment_of, self._trace = runs, environment_of, trace
        self._idle: dict[tuple[str, str], list[Environment]] = {}
        self._all: list[Environment] = []
        self._lock = threading.Lock()

    def invoke(self, config: Config, event: Any, request_id: str) -> dict[str, Any]:
        """Run one event. Returns ministack's result: `body`, `log`, and `error` with `function_error` on failure."""
        key = (config["FunctionArn"].split(":$")[0], str(config.get("RevisionId")))
        environment = self._take(key, config)
        traced = (config.get("TracingConfig") or {}).get("Mode") == "Active"
        invocation = Invocation(request_id, json.dumps(event).encode(), 0.0, config["FunctionArn"], traced)
        environment.run(invocation)
        if traced:
            self._trace(_segment_of(invocation, config["FunctionName"]))
        result: dict[str, Any] = {"body": _parsed(invocation.payload), "log": environment.take_output()}
        if isinstance(result["body"], bytes):
            result |= {"body": invocation.payload.decode(errors="replace"), "raw_payload": True}
        if invocation.error:
            result |= {"error": True, "function_error": "Unhandled"}
        self._give_back(key, environment)
        return result

    def processes(self) -> dict[int, str]:
        """The living environments: process id -> handler."""
        with self._lock:
            return {e.process.pid: e.handler for e in self._all if e.alive}

    def close(self) -> None:
        with self._lock:
            environments, self._all = self._all, []
            self._idle.clear()
        for environment in environments:
            environment.close()

    def _take(self, key: tuple[str, str], config: Config) -> Environment:
        with self._lock:
            idle = self._idle.setdefault(key, [])
            while idle:
                environment = idle.pop()
                if environment.alive:
                    return environment
        log.info("starting an environment of %s", config.get("FunctionName"))
        environment = Environment(config, self._environment_of(config), self._runs)
        with self._lock:
            self._all.append(environment)
        return environment

    def _give_back(self, key: tuple[str, str], environment: Environment) -> None:
        with self._lock:
            idle = self._idle.setdefault(key, [])
            if environment.alive and len(idle) < IDLE_KEPT:
                idle.append(environment)
                return
            self._all.remove(environment)
        environment.close()


def _segment_of(invocation: Invocation, name: str) -> str:
    about = {"name": name, "id": invocation.segment, "trace_id": invocation.trace, "fault": invocation.error}
    times = {"start_time": invocation.began, "end_time": time.time()}
    return json.dumps({**about, **times, "origin": "AWS::Lambda::Function"})


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return payload
