"""Protocol Buffers encoding (protobuf.dev, "Encoding"): fields of a message, read and written.

Read strictly: varints of at most ten bytes, lengths within the message, no groups, no more than a
ceiling of fields in one message. What a field means its reader says; one that nobody asks for is
left behind.
"""

import struct
from collections.abc import Iterator
from typing import Final

from unseen.sandbox.formats.numbers import refuse

MAX_FIELDS: Final = 1 << 20
VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5
_CLAUSE: Final = "protobuf"
_SIGN: Final = 1 << 63


class Message:
    """The fields of one message, by number, as they came."""

    __slots__ = ("_fields",)

    def __init__(self, data: bytes | memoryview) -> None:
        """Read the fields.

        Raises:
            ReleaseInvalidError: the bytes are no message.

        """
        self._fields: dict[int, list[tuple[int, int | memoryview]]] = {}
        for count, (number, kind, value) in enumerate(_fields(memoryview(data))):
            if count == MAX_FIELDS:
                refuse(_CLAUSE, "has too many fields")
            self._fields.setdefault(number, []).append((kind, value))

    def __contains__(self, number: int) -> bool:
        """Return whether a field is there."""
        return number in self._fields

    def blocks(self, number: int) -> list[memoryview]:
        """Return what a field of bytes holds, each time it is there."""
        found = []
        for kind, value in self._fields.get(number, ()):
            if kind != LENGTH or isinstance(value, int):
                refuse(_CLAUSE, "a field of another type")
            found.append(value)
        return found

    def block(self, number: int) -> memoryview:
        """Return what a field of bytes holds, nothing where it is not there; once at most."""
        found = self.blocks(number)
        if len(found) > 1:
            refuse(_CLAUSE, "a field that stands there twice")
        return found[0] if found else memoryview(b"")

    def texts(self, number: int) -> list[str]:
        """Return the texts of a field."""
        try:
            return [str(block, "utf-8") for block in self.blocks(number)]
        except UnicodeDecodeError:
            refuse(_CLAUSE, "a text that is no UTF-8")

    def text(self, number: int) -> str:
        """Return the text of a field, empty where it is not there; once at most."""
        found = self.texts(number)
        if len(found) > 1:
            refuse(_CLAUSE, "a field that stands there twice")
        return found[0] if found else ""

    def integers(self, number: int) -> list[int]:
        """Return the signed integers of a field, packed or one by one."""
        found: list[int] = []
        for kind, value in self._fields.get(number, ()):
            if kind == VARINT and isinstance(value, int):
                found.append(value)
            elif kind == LENGTH and not isinstance(value, int):
                at = 0
                while at < len(value):
                    one, at = _varint(value, at)
                    found.append(one)
            else:
                refuse(_CLAUSE, "a field of another type")
        return [one - 2 * _SIGN if one >= _SIGN else one for one in found]

    def integer(self, number: int) -> int:
        """Return the integer of a field, 0 where it is not there; once at most."""
        found = self.integers(number)
        if len(found) > 1:
            refuse(_CLAUSE, "a field that stands there twice")
        return found[0] if found else 0

    def floats(self, number: int, code: str = "f") -> list[float]:
        """Return the floats of a field, packed or one by one; `code` is f or d."""
        width, wanted = (4, FIXED32) if code == "f" else (8, FIXED64)
        found: list[float] = []
        for kind, value in self._fields.get(number, ()):
            if isinstance(value, int):
                refuse(_CLAUSE, "a field of another type")
            if kind not in (wanted, LENGTH) or len(value) % width:
                refuse(_CLAUSE, "a field of another type")
            found.extend(struct.unpack(f"<{len(value) // width}{code}", value))
        return found


def _fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 1 <= number < 1 << 29:
            refuse(_CLAUSE, "a field without a number")
        if kind == VARINT:
            one, at = _varint(data, at)
            yield number, kind, one
            continue
        if kind == LENGTH:
            size, at = _varint(data, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            refuse(_CLAUSE, "a field of a type that is not known")
        if size > len(data) - at:
            refuse(_CLAUSE, "ends within a field")
        yield number, kind, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at a place, below 2^64, and the place after it."""
    found = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            refuse(_CLAUSE, "a number that has no end, or is too long")
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    if found >= 2 * _SIGN:
        refuse(_CLAUSE, "a number that is too large")
    return found, at


def number(value: int) -> bytes:
    """Return an integer, 0 or more, as a varint."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes((*found, value))


def integer_field(at: int, value: int) -> bytes:
    """Return a field of an integer, 0 or more."""
    return number(at << 3 | VARINT) + number(value)


def float_field(at: int, value: float) -> bytes:
    """Return a field of a float of 32 bits."""
    return number(at << 3 | FIXED32) + struct.pack("<f", value)


def block_field(at: int, data: bytes | str) -> bytes:
    """Return a field of bytes, of a text or of a message."""
    body = data.encode() if isinstance(data, str) else data
    return number(at << 3 | LENGTH) + number(len(body)) + body
