"""openat2(2), Linux 5.6: outputs copied out of a folder that somebody's code has written into.

The folder is hostile. It is never listed: only names that a contract declares are asked for, each
a single component, through a descriptor of the folder. The kernel resolves no link, no magic link
and no mount on the way (RESOLVE_BENEATH, _NO_SYMLINKS, _NO_MAGICLINKS, _NO_XDEV); O_NONBLOCK waits
for nobody at the other end of a pipe; what is open is looked at by its descriptor, has to be a
regular file with one name, and is read up to its bytes and no further. What changes meanwhile, or
does not stand under its name any more, is refused. Modes, owners, times and further attributes are
not copied: bytes alone come out.

Not protected: what the bytes say; they are parsed in a second sandbox (`formats`). And a second
name of a file from outside, given and taken away again between two looks of one call: so outputs
are collected after the last process of the sandbox has ended, and when nobody can race.
"""

import ctypes
import errno
import os
import re
import stat
from collections.abc import Mapping
from typing import Final

from unseen.protocols.errors import UnseenError

MAX_OUTPUTS: Final = 64
_OPENAT2: Final = 437  # the same number on every architecture
_BENEATH: Final = 0x08
_NO_SYMLINKS: Final = 0x04
_NO_MAGICLINKS: Final = 0x02
_NO_XDEV: Final = 0x01
_RESOLVE: Final = _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS | _NO_XDEV
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}\.[a-z]{1,15}", re.ASCII)
_PIECE: Final = 1 << 16

_WHY: Final[Mapping[int, tuple[str, str]]] = {
    errno.ENOENT: ("missing", "was not written"),
    errno.ELOOP: ("link", "is a link"),
    errno.EXDEV: ("outside", "lies outside of the folder"),
    errno.ENAMETOOLONG: ("name", "has too long a name"),
    errno.ENXIO: ("kind", "is no regular file"),
    errno.EAGAIN: ("changed", "changes while it is read"),
    errno.ENOSYS: ("kernel", "cannot be opened safely by this kernel"),
}


class OutputRefusedError(UnseenError):
    """An output is not a plain file of its own, or not of its size. `clause` says what it is."""

    reason = "OUTPUT_REFUSED"


class _How(ctypes.Structure):
    """`struct open_how` of openat2(2)."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def collect(folder: int, wanted: Mapping[str, int], most: int) -> dict[str, bytes]:
    """Return the bytes of every output in `wanted`, which gives the most of each in bytes.

    `folder` is a descriptor of the folder, `most` the bytes of all of them together.

    Raises:
        OutputRefusedError: one is missing, no plain file of its own, too large, or changes.

    """
    if len(wanted) > MAX_OUTPUTS:
        raise _refused("name", f"over {MAX_OUTPUTS} outputs")
    found: dict[str, bytes] = {}
    left = most
    for name, limit in wanted.items():
        found[name] = copied(folder, name, min(limit, left))
        left -= len(found[name])
    return found


def copied(folder: int, name: str, limit: int) -> bytes:
    """Return the bytes, at most `limit`, of the file `name` in the folder.

    Raises:
        OutputRefusedError: as `collect`.

    """
    if not _NAME.fullmatch(name):
        raise _refused("name", "an output has a name that none may have")
    handle = opened(folder, name)
    try:
        found = _read(handle, name, limit)
        _check_name(folder, handle, name)
    finally:
        os.close(handle)
    return found


def opened(folder: int, name: str) -> int:
    """Return a descriptor for reading what stands under `name`, which lies in the folder itself.

    Raises:
        OutputRefusedError: there is nothing, or a way to something else.

    """
    how = _How(flags=_FLAGS, mode=0, resolve=_RESOLVE)
    libc = ctypes.CDLL(None, use_errno=True)
    handle: int = libc.syscall(
        ctypes.c_long(_OPENAT2),
        ctypes.c_int(folder),
        ctypes.c_char_p(os.fsencode(name)),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if handle < 0:
        clause, why = _WHY.get(ctypes.get_errno(), ("open", "cannot be opened"))
        raise _refused(clause, f"the output {why}")
    return handle


def _read(handle: int, name: str, limit: int) -> bytes:
    before = os.fstat(handle)
    if not stat.S_ISREG(before.st_mode):
        raise _refused("kind", f"{name} is no regular file")
    if before.st_nlink != 1:
        raise _refused("names", f"{name} has another number of names than one")
    if before.st_size > limit:
        raise _refused("size", f"{name} has over {limit} bytes")
    pieces: list[bytes] = []
    size = 0
    while piece := os.read(handle, min(_PIECE, limit + 1 - size)):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise _refused("size", f"{name} has over {limit} bytes")
    if size != before.st_size or _marks(os.fstat(handle)) != _marks(before):
        raise _refused("changed", f"{name} changes while it is read")
    return b"".join(pieces)


def _check_name(folder: int, handle: int, name: str) -> None:
    """Refuse a file whose one name is another by now: this one was taken away since."""
    again = opened(folder, name)
    try:
        now, then = os.fstat(again), os.fstat(handle)
    finally:
        os.close(again)
    same = (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)
    if not same or now.st_nlink != 1 or _marks(now) != _marks(then):
        raise _refused("changed", f"{name} changes while it is read")


def _marks(found: os.stat_result) -> tuple[int, ...]:
    """Return what a write, a rename or a new name changes."""
    return (found.st_size, found.st_nlink, found.st_mtime_ns, found.st_ctime_ns)


def _refused(clause: str, why: str) -> OutputRefusedError:
    return OutputRefusedError(why, clause=f"output.{clause}")
