"""What a process started is ended down to the last, in whatever session it hides."""

import subprocess
import sys

PROGRAM = """
import os, signal, subprocess, sys
from chartcoder.descendants import adopt_orphans, kill_descendants

adopt_orphans()
never, open_end = os.pipe()  # everybody reads from it for ever
in_a_session_of_its_own = "setsid sh -c 'echo $$; exec cat'"
shell = f"exec 3<&0; {in_a_session_of_its_own} <&3 & ({in_a_session_of_its_own} <&3 &); exec cat <&3"
child = subprocess.Popen(["/bin/sh", "-c", shell], stdin=never, stdout=subprocess.PIPE, text=True)
hidden = [int(child.stdout.readline()) for _ in range(2)]
assert all(os.getsid(pid) == pid for pid in hidden)

kill_descendants()

assert child.wait() == -signal.SIGKILL
for _ in hidden:  # both are ours by now: their parents are gone
    pid, status = os.wait()
    assert pid in hidden and os.WTERMSIG(status) == signal.SIGKILL
"""


def test_descendants_in_other_sessions_and_orphans_are_killed():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
