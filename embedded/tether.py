"""`tether.py PARENT SIGNAL COMMAND...`: become COMMAND, tied to the life of PARENT.

Run by path with `python -I -S`, so that it costs a few milliseconds and needs nothing but the standard library.
"""

import ctypes
import os
import signal
import sys


def main() -> None:
    parent, number, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # what our parent holds back is not ours to hold back
    ctypes.CDLL(None).prctl(1, number, 0, 0, 0)  # PR_SET_PDEATHSIG; it survives the exec
    if os.getppid() != parent:  # the parent ended before we were tied to it
        os.kill(os.getpid(), signal.SIGKILL)
    os.execvp(command[0], command)  # noqa: S606 - becoming the command is the purpose


main()
