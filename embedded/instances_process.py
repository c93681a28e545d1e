"""Instances as process groups: a supervisor (`python -m embedded.instance`) that runs the instance's real user data.

No Docker engine is needed. What the machine image would hold is played by `embedded/ami`: `docker` runs a container's
command as a plain process of this checkout, `shutdown` ends the instance.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from embedded import HOST, clocks
from embedded.instances import Boot, console_path
from embedded.processes import Spawner, collect, descendants, end, marked

MARK = "EMBEDDED_INSTANCE"
"""In the environment of every process of an instance, so that what escaped a killed supervisor is found."""


class ProcessMachines:
    """Plays EC2's machines with processes under `folder`, one folder an instance."""

    host = HOST

    def __init__(self, spawner: Spawner, *, folder: Path, python: str, environment: Mapping[str, str]) -> None:
        """`environment` is what every instance finds in its environment besides its own identity."""
        self._spawner, self._folder, self._python = spawner, folder, python
        self._environment = dict(environment)
        self._supervisors: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._clock: dict[str, str] = {}

    def set_clock(self, seconds: float) -> None:
        """Have the clocks of machines that boot from now on be off by so much. Raises ClockFixed: see `clocks`."""
        self._clock = clocks.environment(seconds)

    def boot(self, boot: Boot, on_end: Callable[[int], None]) -> None:
        """Start an instance's supervisor."""
        home = self._folder / boot.instance_id
        console = console_path(self._folder, boot.instance_id)
        console.parent.mkdir(parents=True, exist_ok=True)
        scratch = _scratch(boot.instance_id)
        scratch.mkdir(mode=0o700)
        identity = home / "root" / "var" / "lib" / "cloud" / "data" / "instance-id"  # where cloud-init keeps it
        identity.parent.mkdir(parents=True, exist_ok=True)
        identity.write_text(boot.instance_id)
        script = home / "user-data"
        script.write_bytes(boot.user_data)
        environment = {
            **self._environment,
            **self._clock,
            MARK: boot.instance_id,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": boot.metadata_endpoint,
            "CHARTCODER_HOST_ROOT": str(home / "root"),
            "HOME": str(home / "root"),
            "TMPDIR": str(scratch),
        }
        with console.open("wb") as output:
            process = self._spawner.start(
                [self._python, "-I", "-m", "embedded.instance", str(script)],
                environment=environment,
                directory=home,
                output=output,
                on_parent_death=signal.SIGTERM,  # the supervisor then ends everything below itself
            )
        with self._lock:
            self._supervisors[boot.instance_id] = process
        threading.Thread(target=self._await_end, args=(boot.instance_id, process, on_end), daemon=True).start()

    def _await_end(self, instance_id: str, process: subprocess.Popen[bytes], on_end: Callable[[int], None]) -> None:
        status = process.wait()
        self._sweep(instance_id)
        on_end(status)

    def destroy(self, instance_id: str) -> None:
        """End a machine as pulling its plug would: SIGKILL to everything on it."""
        with self._lock:
            process = self._supervisors.pop(instance_id, None)
        if process is None:
            return
        end(process.pid, signal.SIGCONT)  # one that was stopped collects nothing
        while process.poll() is None and (below := descendants(process.pid)):
            for pid in below:
                end(pid)
            time.sleep(0.002)  # the supervisor collects them: what it leaves would stay as zombies
        end(process.pid)
        process.wait()
        self._sweep(instance_id)

    def _sweep(self, instance_id: str) -> None:
        """End, and collect, what has lost its supervisor: we are the next subreaper above it."""
        while left := list(marked(MARK, instance_id)):
            for pid in left:
                end(pid)
            for pid in left:
                collect(pid)
        shutil.rmtree(_scratch(instance_id), ignore_errors=True)

    def processes(self) -> Mapping[str, list[int]]:
        with self._lock:
            supervisors = {i: p.pid for i, p in self._supervisors.items() if p.poll() is None}
        return {i: [pid, *descendants(pid)] for i, pid in supervisors.items()}


def _scratch(instance_id: str) -> Path:
    """An instance's own /tmp. Its path is short whatever the data folder's is: a socket's may have 108 bytes."""
    return Path("/tmp") / f"chartcoder-{instance_id}"  # noqa: S108 - made for this instance alone, mode 700


def make_path(folder: Path, shims: Path) -> str:
    """The PATH of an instance: the machine's own commands, with the AMI's in front and without those an AMI lacks here.

    No systemd, no package manager, no power switch: an instance must not reach those of the machine we run on.
    """
    hidden = {"apt", "apt-get", "aws", "dnf", "docker", "halt", "init", "kubectl", "nerdctl", "podman", "poweroff"}
    hidden |= {"reboot", "service", "shutdown", "su", "sudo", "systemctl", "systemd-run", "telinit", "yum"}
    folder.mkdir(parents=True, exist_ok=True)
    for directory in ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for program in Path(directory).iterdir() if Path(directory).is_dir() else ():
            link = folder / program.name
            if program.name not in hidden and not link.is_symlink():
                link.symlink_to(program)
    return f"{shims}:{folder}"


def write_registry(path: Path, images: Mapping[str, str]) -> None:
    """Note which images, tagged and by digest, an instance's `docker` can pull."""
    path.write_text(json.dumps(dict(images), indent=1))
