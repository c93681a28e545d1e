"""An instance of the embedded cloud: `python -m embedded.instance USER_DATA` runs the user data as cloud-init would.

It is the subreaper of all that the instance runs, so nothing escapes it. It stays, with or without processes, until
SIGTERM: sent by the instance's own `shutdown`, or by the kernel when the embedded cloud is gone. Then it kills all that
is left and ends.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from embedded.processes import become_subreaper, end_below, reap


def main() -> int:
    script = Path(sys.argv[1])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD, signal.SIGINT})
    become_subreaper()
    environment = {**os.environ, "EMBEDDED_SUPERVISOR": str(os.getpid())}
    if script.read_bytes().startswith(b"#!"):  # cloud-init runs scripts only
        script.chmod(0o700)
        subprocess.Popen([script], env=environment, start_new_session=True, preexec_fn=_unblock)  # noqa: S603
    while signal.sigwait({signal.SIGTERM, signal.SIGCHLD, signal.SIGINT}) == signal.SIGCHLD:
        reap()
    end_below(os.getpid())
    return 0


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


sys.exit(main())
