"""Bytes in pieces that fit a message well: a stop takes effect between two of them."""

from collections.abc import Iterator
from typing import Final

PIECE_BYTES: Final = 256 << 10


def in_pieces(data: bytes | memoryview, start: int = 0) -> Iterator[bytes]:
    """Yield the bytes of `data` from `start` on, 256 KiB at a time; nothing at its end."""
    for first in range(start, len(data), PIECE_BYTES):
        yield bytes(data[first : first + PIECE_BYTES])
