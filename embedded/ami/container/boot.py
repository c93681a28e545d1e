"""The first process of an instance that is a container: what firmware, cloud-init and init do on a real one.

It gives the instance the metadata service's own address, asks it (IMDSv2) for identity and user data, runs the user
data, and stays until `shutdown` sends it SIGTERM or the embedded cloud is gone. Its end takes everything with it: its
own processes by the kernel's hand, the containers that it started by label.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
from pathlib import Path
from urllib.parse import urlsplit

from embedded.ami import metadata

ADDRESS, PORT = "169.254.169.254", 80
ENGINE = "/usr/bin/docker"
LOST_AFTER = 5  # refused connections in a row, a second apart, after which the embedded cloud is gone


def main() -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD, signal.SIGINT})
    service = urlsplit(os.environ["EMBEDDED_METADATA"])
    upstream = (str(service.hostname), int(service.port or 80))
    subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)  # noqa: S603, S607
    listener = socket.create_server((ADDRESS, PORT), backlog=64)
    threading.Thread(target=relay_all, args=(listener, upstream), daemon=True).start()
    threading.Thread(target=end_without_cloud, args=(upstream,), daemon=True).start()
    run_user_data()
    while signal.sigwait({signal.SIGTERM, signal.SIGCHLD, signal.SIGINT}) == signal.SIGCHLD:
        reap()
    end_containers()
    return 0


def run_user_data() -> None:
    """Start the user data, if they are a script; cloud-init runs scripts only."""
    identity = Path("/var/lib/cloud/data/instance-id")
    identity.parent.mkdir(parents=True, exist_ok=True)
    identity.write_text(metadata.get("meta-data/instance-id"))
    try:
        text = metadata.get("user-data")
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return
    script = identity.with_name("user-data")
    script.write_text(text)
    if text.startswith("#!"):
        script.chmod(0o700)
        subprocess.Popen([script], start_new_session=True, preexec_fn=unblock)  # noqa: S603 - its purpose


def unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def reap() -> None:
    """Collect every child that has ended: the first process of a container inherits all orphans."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def end_containers() -> None:
    """Kill what this instance started in the engine."""
    label = f"label=chartcoder.instance={os.environ['EMBEDDED_INSTANCE']}"
    listed = subprocess.run([ENGINE, "ps", "-q", "--filter", label], capture_output=True, text=True, check=False)  # noqa: S603
    own = Path("/etc/hostname").read_text().strip()
    for container in listed.stdout.split():
        named = subprocess.run(  # noqa: S603
            [ENGINE, "inspect", "--format", "{{.Name}}", container], capture_output=True, text=True, check=False
        )
        if named.stdout.strip() != f"/{own}":
            subprocess.run([ENGINE, "rm", "--force", container], capture_output=True, check=False)  # noqa: S603


def end_without_cloud(cloud: tuple[str, int]) -> None:
    """Shut down when nobody answers for the embedded cloud: it was killed and could not end us."""
    refused = 0
    while refused < LOST_AFTER:
        try:
            socket.create_connection(cloud, timeout=10).close()
            refused = 0
        except OSError:
            refused += 1
        time.sleep(1)
    print("the embedded cloud is gone: the instance ends", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def relay_all(listener: socket.socket, upstream: tuple[str, int]) -> None:
    """Hand every connection to the metadata service on to where it is served."""
    while True:
        caller, _ = listener.accept()
        threading.Thread(target=relay, args=(caller, upstream), daemon=True).start()


def relay(caller: socket.socket, upstream: tuple[str, int]) -> None:
    with caller:
        try:
            service = socket.create_connection(upstream, timeout=30)
        except OSError:
            return  # the caller sees its connection closed, and asks again
        with service:
            back = threading.Thread(target=pour, args=(service, caller), daemon=True)
            back.start()
            pour(caller, service)
            back.join()


def pour(source: socket.socket, sink: socket.socket) -> None:
    """Copy until either end hangs up."""
    try:
        while piece := source.recv(65_536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main())
