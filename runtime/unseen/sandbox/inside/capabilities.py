"""capabilities(7): every right of the superuser is given up, for good.

Stops: mounting, raw sockets, foreign processes, and whatever else the rights over its own
namespaces would allow, that stage 2 needs for its mounts; and getting them back by a program that
carries rights (bounding set, ambient set, secure bits).
"""

import ctypes
import errno

from unseen.sandbox.inside.libc import LIBC, checked, prctl

_VERSION_3 = 0x20080522
_WORDS = 2  # of each set
_BOUNDING_DROP = 24
_BOUNDING_READ = 23
_SET_SECURE_BITS = 28
_AMBIENT = 47
_AMBIENT_CLEAR_ALL = 4
# No rights by being uid 0, none by changing the uid, none kept, none ambient; each locked.
_SECURE_BITS = 0xEF
_MOST = 64


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def drop_all(*, bounding: bool) -> None:
    """Give up every capability, and where there is the right to, also the bounding set.

    Raises:
        OSError: the kernel refuses, or something is left.

    """
    if bounding:
        prctl("secure bits", _SET_SECURE_BITS, _SECURE_BITS)
        for number in range(_MOST):
            if not _in_bounding(number):
                break
            prctl("bounding set", _BOUNDING_DROP, number)
    prctl("ambient set", _AMBIENT, _AMBIENT_CLEAR_ALL)
    header = _Header(_VERSION_3, 0)
    checked("capset", LIBC.capset(ctypes.byref(header), ctypes.byref((_Data * _WORDS)())))
    left = (_Data * _WORDS)()
    checked("capget", LIBC.capget(ctypes.byref(header), ctypes.byref(left)))
    if any(bytes(left)):
        raise OSError(errno.EPERM, "capabilities are left")


def _in_bounding(number: int) -> bool:
    """Is there a capability of this number? The kernel says EINVAL behind the last one."""
    return int(LIBC.prctl(_BOUNDING_READ, ctypes.c_ulong(number), 0, 0, 0)) >= 0
