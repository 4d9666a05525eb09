"""Calls into the C library, with errors raised."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)


def checked(what: str, result: int) -> int:
    """Return `result` of a call that answers -1 where it failed.

    Raises:
        OSError: it failed; the message is `what`.

    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(what: str, option: int, second: int = 0, third: int = 0) -> int:
    """Call prctl; every argument but the first is a whole machine word."""
    words = (ctypes.c_ulong(word) for word in (second, third, 0, 0))
    return checked(what, LIBC.prctl(ctypes.c_int(option), *words))


def syscall(what: str, number: int, *arguments: object) -> int:
    """Call a system call that the C library has no name for."""
    return checked(what, LIBC.syscall(ctypes.c_long(number), *arguments))
