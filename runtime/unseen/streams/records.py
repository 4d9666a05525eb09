"""Files of records of a fixed size, as blocks of n x width bytes; a file is there when it is whole.

A record begins with its key. Files are compared, sorted and matched by keys alone, in the order of
their bytes; whoever writes them says how long a key is.
"""

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, MalformedMessageError

Block: TypeAlias = NDArray[np.uint8]
Keys: TypeAlias = NDArray[np.bytes_]

KEY_BYTES: Final = 32
BLOCK_BYTES: Final = 1 << 20  # of a file, read at a time


@dataclass(frozen=True, slots=True)
class Records:
    """`count` records of `width` bytes in a file, from `offset` on."""

    path: Path
    width: int
    count: int
    offset: int = 0

    @classmethod
    def of(cls, path: Path, width: int) -> Self:
        """Return a file that holds records alone.

        Raises:
            InputInvalidError: it does not.

        """
        count, rest = divmod(path.stat().st_size, width)
        if rest:
            raise InputInvalidError(f"{path.name} does not hold records of {width} bytes")
        return cls(path, width, count)

    def read(self, first: int, count: int) -> Block:
        """Return up to `count` records from the `first` on; fewer only at the end.

        Raises:
            InputInvalidError: the file has become shorter.

        """
        count = max(min(count, self.count - first), 0)
        found = np.fromfile(
            self.path, np.uint8, count * self.width, offset=self.offset + first * self.width
        )
        if len(found) != count * self.width:
            raise InputInvalidError(f"{self.path.name} was cut")
        return found.reshape(count, self.width)

    def blocks(self, rows: int = 0) -> Iterator[Block]:
        """Yield all records in order, `rows` at a time, or about 1 MiB."""
        rows = rows or max(BLOCK_BYTES // self.width, 1)
        for first in range(0, self.count, rows):
            yield self.read(first, rows)


class Writer:
    """A file of records in the making, behind some bytes; a context.

    It takes its name when all is written and on the disk. Where the context ends by an error, such
    as a full disk (`OSError`, with the file's name), nothing is left of it.
    """

    def __init__(self, target: Path, head: bytes = b"") -> None:
        """Begin a file that will be `target`, with the bytes of `head` before its records."""
        self._target = target
        self._head = head
        self._path = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Make the unfinished file, for this user alone, and write its head."""
        try:
            opened = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as failed:
            raise self._named(failed) from None
        self._file = os.fdopen(opened, "wb")
        self.write_bytes(self._head)
        return self

    def write(self, block: Block) -> None:
        """Write the records of a block.

        Raises:
            OSError: they cannot be written.

        """
        self.write_bytes(np.ascontiguousarray(block).data)

    def write_all(self, blocks: Iterable[Block]) -> int:
        """Write blocks one after another; return how many records there were.

        Raises:
            OSError: they cannot be written.

        """
        count = 0
        for block in blocks:
            self.write(block)
            count += len(block)
        return count

    def write_bytes(self, data: "bytes | memoryview") -> None:
        """Write bytes.

        Raises:
            OSError: they cannot be written.

        """
        try:
            self._opened().write(data)
        except OSError as failed:
            raise self._named(failed) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the file its name, or remove what is there of it."""
        file = self._opened()
        try:
            if kind is None:
                file.flush()
                os.fsync(file.fileno())
                file.close()
                self._path.replace(self._target)
        except OSError as failed:
            raise self._named(failed) from None
        finally:
            self._file = None
            with contextlib.suppress(OSError):  # closing tries to write what is left, as before
                file.close()
            self._path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise InputInvalidError(f"{self._target.name} is not being written")
        return self._file

    def _named(self, failed: OSError) -> OSError:
        return OSError(failed.errno, failed.strerror, str(self._target))


def keys_of(block: Block, size: int = KEY_BYTES) -> Keys:
    """Return the keys of a block as values that compare as their bytes do."""
    found: Keys = np.ascontiguousarray(block[:, :size]).view(f"S{size}").reshape(-1)
    return found


def ascending(blocks: Iterable[Block], size: int = KEY_BYTES) -> Iterator[Block]:
    """Yield blocks of another party, whose keys have to ascend strictly.

    Raises:
        MalformedMessageError: they do not.

    """
    last: Keys | None = None
    for block in blocks:
        keys = keys_of(block, size)
        if last is not None:
            keys = np.concatenate([last, keys])
        if not bool((keys[:-1] < keys[1:]).all()):
            raise MalformedMessageError("elements do not ascend")
        last = keys[-1:].copy()
        yield block
