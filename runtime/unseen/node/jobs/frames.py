"""Lists of byte strings as one byte string: what workers exchange, and how replies are stored.

u32 number of parts, then for each part u32 length and its bytes, all big-endian. No pickle.
"""

import struct
from collections.abc import Sequence

from unseen.protocols.errors import MalformedMessageError

_U32 = struct.Struct(">I")
HEADER_BYTES = _U32.size


def pack(parts: Sequence[bytes]) -> bytes:
    """Return the parts as one byte string."""
    pieces = [_U32.pack(len(parts))]
    for part in parts:
        pieces.append(_U32.pack(len(part)))
        pieces.append(part)
    return b"".join(pieces)


def unpack(data: bytes) -> list[bytes]:
    """Return the parts that `pack` joined.

    Raises:
        MalformedMessageError: the lengths do not add up.

    """
    try:
        (count,) = _U32.unpack_from(data)
        parts, at = [], HEADER_BYTES
        for _ in range(count):
            (size,) = _U32.unpack_from(data, at)
            at += HEADER_BYTES
            parts.append(data[at : at + size])
            at += size
    except struct.error:
        raise MalformedMessageError("a frame is cut short") from None
    if at != len(data):
        raise MalformedMessageError("a frame has a wrong length")
    return parts


def framed(data: bytes) -> bytes:
    """Return `data` behind its own length, for a pipe."""
    return _U32.pack(len(data)) + data


def frame_size(header: bytes) -> int:
    """Return the length that stands in a pipe's four header bytes."""
    (size,) = _U32.unpack(header)
    return int(size)
