"""close_range(2): nothing stays open but /dev/null and the log's pipe.

Stops: reading or writing what a parent had open (bubblewrap hands every inherited descriptor on),
and reaching the host's files through an open folder.
"""

import ctypes

from unseen.sandbox.inside.libc import syscall

FIRST = 3
"""Behind standard input, output and errors."""
_CLOSE_RANGE = 436  # the same number on every architecture
_LAST = (1 << 32) - 1


def close_from(first: int) -> None:
    """Close every descriptor from `first` on.

    Raises:
        OSError: the kernel is older than 5.9.

    """
    syscall(
        "close_range",
        _CLOSE_RANGE,
        ctypes.c_uint(first),
        ctypes.c_uint(_LAST),
        ctypes.c_uint(0),
    )
