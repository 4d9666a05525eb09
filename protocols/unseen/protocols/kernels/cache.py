"""Machine code of kernels on disk: plain bytes behind a checksum, in a folder of this user alone.

Whoever may write there decides what this process runs, as with every `.pyc` of Python; so a
folder or a file that another user owns, or that anybody else may open, is not read and not
written, and neither is a symbolic link. The checksum finds a damaged file, not a forger.

The folder is `UNSEEN_KERNEL_CACHE` (empty: none), else `unseen/kernels` in the user's cache folder.
Without one, kernels are compiled in every process anew. Nothing here raises: a cache that cannot
be used is no cache.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

VARIABLE: Final = "UNSEEN_KERNEL_CACHE"
_MAGIC: Final = b"unseen kernel 1\n"
_HEAD_BYTES: Final = len(_MAGIC) + 32
_MAX_BYTES: Final = 1 << 20
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def folder() -> Path | None:
    """Return where kernels are kept, or None if they are not."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    try:
        above = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        return None
    return above / "unseen" / "kernels" if above.is_absolute() else None


def usable() -> bool:
    """Whether the folder is there, and of this user alone."""
    try:
        with _opened():
            return True
    except OSError:
        return False


def read(key: str) -> bytes | None:
    """Return what is kept under a key, or None: nothing, not trusted, or damaged."""
    try:
        with _opened() as place:
            descriptor = os.open(key, _READ, dir_fd=place)
            with os.fdopen(descriptor, "rb") as file:
                if not _ours(os.fstat(descriptor), stat.S_IFREG):
                    return None
                data = file.read(_MAX_BYTES + 1)
    except OSError:
        return None
    body = data[_HEAD_BYTES:]
    right = data[:_HEAD_BYTES] == _MAGIC + hashlib.sha256(body).digest()
    return body if right and len(data) <= _MAX_BYTES else None


def write(key: str, data: bytes) -> bool:
    """Keep `data` under a key, whole or not at all; return whether that was done."""
    found = folder()
    if found is None or len(data) + _HEAD_BYTES > _MAX_BYTES:
        return False
    passing = f".{key}.{os.getpid()}"
    try:
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened() as place:
            descriptor = os.open(passing, _WRITE, 0o600, dir_fd=place)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(data).digest() + data)
            os.rename(passing, key, src_dir_fd=place, dst_dir_fd=place)
    except OSError:
        return False
    return True


@contextmanager
def _opened() -> Iterator[int]:
    # The folder itself is held open, so that what was checked is what is used.
    found = folder()
    if found is None:
        raise FileNotFoundError
    descriptor = os.open(found, _READ | os.O_DIRECTORY)
    try:
        if not _ours(os.fstat(descriptor), stat.S_IFDIR):
            raise PermissionError
        yield descriptor
    finally:
        os.close(descriptor)


def _ours(status: os.stat_result, kind: int) -> bool:
    alone = not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return stat.S_IFMT(status.st_mode) == kind and status.st_uid == os.geteuid() and alone
