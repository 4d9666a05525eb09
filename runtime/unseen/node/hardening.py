"""What every process of the node does first, so that keys and rows stay in its memory.

Linux: no core dump, no attaching debugger of the same user, files for their owner alone. Does not
hold against the machine's administrator.
"""

import ctypes
import os
import resource
import signal
import sys
import traceback

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def harden() -> None:
    """Forbid core dumps and foreign eyes, and make new files private."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


def die_with(parent: int) -> None:
    """End this process when the process `parent` ends: no orphan holds keys in memory."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before we asked; 1 may be the node itself
        sys.exit(1)


def whereabouts(error: BaseException) -> str:
    """Return an error's type and the places it passed, without its message.

    Messages and values may hold what the table holds, so they enter no log.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-6:]))
    return f"{type(error).__name__} at {places}"
