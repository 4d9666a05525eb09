"""landlock(7): the files that are named, and no others; no TCP, no signals, no abstract sockets.

Stops: every path but the interpreter's, the libraries', the inputs' and the output folders'; links,
pipes, sockets and devices made in those; moving files between folders; running programs; and where
there are no namespaces, the network and signals to the node's own processes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat

from unseen.sandbox.inside.libc import checked, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:  # as type checkers know it
    from collections.abc import Iterable

_CREATE = 444  # the same numbers on every architecture
_ADD_RULE = 445
_RESTRICT = 446
_VERSION = 1
_PATH_BENEATH = 1

_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_REMOVE_DIR = 1 << 4
_REMOVE_FILE = 1 << 5
_MAKE_DIR = 1 << 7
_MAKE_REG = 1 << 8
_TRUNCATE = 1 << 14
_OF_FILES = 1 | _WRITE_FILE | _READ_FILE | _TRUNCATE | 1 << 15
# Rights over files that each version knows, from the first on.
_KNOWN = (13, 14, 15, 15, 16)
_NET = 0b11  # bind and connect, TCP; from version 4 on
_SCOPES = 0b11  # abstract Unix sockets and signals; from version 6 on

READ = _READ_FILE | _READ_DIR
WRITE = _READ_FILE | _WRITE_FILE | _TRUNCATE
"""Of files that exist: no name is made or removed."""
MAKE = READ | WRITE | _MAKE_REG | _REMOVE_FILE
"""Of plain files in a folder."""
MAKE_FOLDERS = MAKE | _MAKE_DIR | _REMOVE_DIR


def version() -> int:
    """Return the version of Landlock that this kernel speaks, 0 where it has none."""
    try:
        return syscall("landlock", _CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError:
        return 0


def restrict(rules: Iterable[tuple[str, int]], least: int) -> None:
    """Allow what `rules` name, a path and the rights beneath it; forbid the rest, for good.

    Raises:
        OSError: the kernel's Landlock is older than version `least`, or a path is missing.

    """
    abi = version()
    if abi < max(least, 1):
        raise OSError(errno.ENOSYS, f"landlock has version {abi}")
    handled = (1 << _KNOWN[min(abi, len(_KNOWN)) - 1]) - 1
    words = [handled]
    if abi >= 4:
        words.append(_NET)
    if abi >= 6:
        words.append(_SCOPES)
    attributes = (ctypes.c_uint64 * len(words))(*words)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    ruleset = syscall(
        "landlock_create_ruleset", _CREATE, ctypes.byref(attributes), size, ctypes.c_uint32(0)
    )
    for path, rights in rules:
        _allow(ruleset, path, rights & handled)
    none = ctypes.c_uint32(0)
    syscall("landlock_restrict_self", _RESTRICT, ctypes.c_int(ruleset), none)
    os.close(ruleset)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _allow(ruleset: int, path: str, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _OF_FILES
        rule = _PathBeneath(rights, handle)
        checked(
            f"landlock {path}",
            syscall(
                "landlock_add_rule",
                _ADD_RULE,
                ctypes.c_int(ruleset),
                ctypes.c_int(_PATH_BENEATH),
                ctypes.byref(rule),
                ctypes.c_uint32(0),
            ),
        )
    finally:
        os.close(handle)
