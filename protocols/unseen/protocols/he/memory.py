"""SEAL 4 objects as bytes, through anonymous files of Linux that lie in memory alone.

TenSEAL lets SEAL write to paths and read from paths, nothing else. `memfd_create` gives a file
that has no name and no disk behind it; its path leads through the process's own descriptors and
ends with it. SEAL writes with zstd where it can: `saved` takes that off, with a ceiling on what
may come out, so that everybody else sees plain words.

Not protected: what is in a file is in the memory of this process, and may be swapped like all else.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Final, Protocol

from unseen.protocols.errors import InputInvalidError, MalformedMessageError

# Magic, length of this header, version 4.3, compression, two reserved bytes, length of everything.
_MAGIC: Final = b"\x5e\xa1\x10"
_HEADER: Final = 16
_NONE: Final = 0
_ZSTD: Final = 2


class Saving(Protocol):
    """What SEAL can write."""

    def save(self, path: str, /) -> object:
        """Write to a path."""


class Loading(Protocol):
    """What SEAL can read; it checks that a context allows what it reads."""

    def load(self, context: object, path: str, /) -> object:
        """Read from a path."""


def library(name: str) -> ModuleType:
    """Return a library of the extra `he`, imported now: nobody else waits for it.

    Raises:
        InputInvalidError: it is not installed.

    """
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise InputInvalidError(
            f"{name} is not installed", clause="he.library", remedy="pip install 'unseen[he]'"
        ) from None


def saved(thing: Saving, limit: int) -> bytes:
    """Return an object as SEAL writes it, without compression: a header of 16 bytes and a body.

    Raises:
        InputInvalidError: it is longer than `limit` bytes, or SEAL writes it in a way unknown here.

    """
    with _file() as (descriptor, path):
        thing.save(path)
        whole = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    if not whole.startswith(_MAGIC) or int.from_bytes(whole[8:_HEADER], "little") != len(whole):
        raise InputInvalidError("SEAL wrote something else than its header says")
    body = whole[_HEADER:] if whole[5] == _NONE else _inflated(whole, limit)
    if _HEADER + len(body) > limit:
        raise InputInvalidError(f"an object of SEAL is longer than {limit} bytes")
    length = (_HEADER + len(body)).to_bytes(8, "little")
    return whole[:5] + bytes([_NONE]) + whole[6:8] + length + body


def load(thing: Loading, context: object, data: bytes) -> None:
    """Have SEAL read an object from bytes that `saved` returned, or that are laid out like them.

    Raises:
        MalformedMessageError: SEAL refuses it, or it says that it is compressed.

    """
    if len(data) < _HEADER or data[5] != _NONE:
        raise MalformedMessageError("an object of SEAL is too short, or compressed")
    with _file() as (descriptor, path):
        _write(descriptor, data)
        try:
            thing.load(context, path)
        except (RuntimeError, ValueError, IndexError) as refused:
            raise MalformedMessageError(f"SEAL refuses an object: {refused}") from None


def _inflated(whole: bytes, limit: int) -> bytes:
    """Undo zstd, up to one byte too many: a few kilobytes of it may stand for gigabytes."""
    if whole[5] != _ZSTD:
        raise InputInvalidError("SEAL compressed an object in another way than zstd")
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    inflater = library(name).ZstdDecompressor()
    body = inflater.decompress(whole[_HEADER:], max_length=max(limit - _HEADER, 0) + 1)
    if not inflater.eof and _HEADER + len(body) <= limit:
        raise InputInvalidError("SEAL wrote an object that ends early")
    return bytes(body)


@contextmanager
def _file() -> Generator[tuple[int, str]]:
    """Open a file that exists in memory; yield its descriptor and the path that leads to it."""
    if not hasattr(os, "memfd_create"):
        raise InputInvalidError(
            "homomorphic jobs need anonymous files in memory, which this system has not",
            remedy="run them on Linux",
        )
    descriptor = os.memfd_create("seal", os.MFD_CLOEXEC)
    try:
        yield descriptor, f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
