"""Ties a program's life to the process that starts it, then becomes that program.

    python leash.py PARENT_PID PROGRAM [ARGUMENT ...]

The kernel kills the program when its parent dies, however the parent dies. Run as a script of its own, before the
program replaces it, because code between fork and exec of a process with threads (`preexec_fn`) can deadlock.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, command: list[str]) -> None:
    """Replace this process by `command`, to be killed when `parent`, which must still be the parent, ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        raise SystemExit("the parent ended before the leash was on")
    os.execv(command[0], command)  # noqa: S606 (no shell is the point)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
