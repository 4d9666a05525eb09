"""Files sent in chunks: from any offset, and taken up again where they stopped.

The receiver knows size and SHA-256 digest beforehand. What has arrived stays in a file beside the
target, through a kill, too; only what is whole and has the digest takes the target's name.
"""

import hashlib
import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self, cast

from unseen.protocols.errors import CountMismatchError, MalformedMessageError

CHUNK_BYTES: Final = 512 << 10


def chunks(path: Path, offset: int = 0) -> Iterator[bytes]:
    """Yield a file's bytes from an offset on, 512 KiB at a time.

    Raises:
        MalformedMessageError: the offset is beyond the file.

    """
    size = path.stat().st_size
    if not 0 <= offset <= size:
        raise MalformedMessageError("a file is asked for from beyond its end")
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def digest_with(path: Path, digest: Callable[[bytes], bytes]) -> bytes:
    """Return the digest of a file by any hash of bytes; it is not read into memory as a whole."""
    if not path.stat().st_size:
        return digest(b"")
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        return digest(cast("bytes", mapped))


class Incoming:
    """A file that arrives; a context. Made again after a kill, it goes on where it was."""

    def __init__(self, target: Path, size: int, digest: bytes) -> None:
        """Expect `size` bytes with this SHA-256 digest, to become `target`."""
        self.offset = 0
        self._target = target
        self._size = size
        self._digest = digest
        self._part = target.with_name(f"{target.name}.part")
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the target is there: nothing more is taken."""
        return self._target.exists()

    def __enter__(self) -> Self:
        """Open what is there, and read it once for the digest."""
        if self.is_complete:
            self.offset = self._size
            return self
        opened = os.open(self._part, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(opened, "r+b")
        while block := self._file.read(CHUNK_BYTES):
            self._hash.update(block)
            self.offset += len(block)
        if self.offset > self._size:  # of another file
            self._restart()
        return self

    def add(self, offset: int, chunk: bytes) -> None:
        """Take the chunk that belongs at `offset`. With the last one the target is there.

        Raises:
            CountMismatchError: the offset is not where the file stopped (`offset`).
            MalformedMessageError: the chunk is too large, or the bytes do not have the digest: then
                nothing is left of them.
            OSError: the disk is full; what had arrived stays.

        """
        if offset != self.offset:
            raise CountMismatchError(found=offset, expected=self.offset)
        if len(chunk) > min(CHUNK_BYTES, self._size - self.offset):
            raise MalformedMessageError("a chunk is larger than what is left of its file")
        if self._file is None:
            return
        try:
            self._file.write(chunk)
            self._file.flush()
        except OSError as failed:
            raise OSError(failed.errno, failed.strerror, str(self._target)) from None
        self._hash.update(chunk)
        self.offset += len(chunk)
        if self.offset == self._size:
            self._finish()

    def __exit__(self, *_: object) -> None:
        """Close the file; a part of it stays."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError:  # what could not be written is not counted
                return

    def _finish(self) -> None:
        if self._file is None:
            return
        if self._hash.digest() != self._digest:
            self._restart()
            raise MalformedMessageError("a file that arrived has another digest than it should")
        os.fsync(self._file.fileno())
        self._part.replace(self._target)
        file, self._file = self._file, None
        file.close()

    def _restart(self) -> None:
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
        self._hash, self.offset = hashlib.sha256(), 0
