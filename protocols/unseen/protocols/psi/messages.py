"""Sets of group elements as messages (own format): 32 bytes each, a count before each set.

A set that stands for nothing but itself is in strictly ascending order, so that the order tells
nothing of where an element came from and no element comes twice. Elements are looked at where they
are multiplied, not here.
"""

import itertools
from collections.abc import Sequence
from typing import Final

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.group import ristretto255

MAX_ITEMS: Final = 1 << 24
SESSION_BYTES: Final = 32
_COUNT_BYTES: Final = 4
_TAG: Final = b"unseen/psi/ecdh/v1/"


def group_tag(session: bytes) -> bytes:
    """Return the tag under which items of one run are hashed to the group.

    Raises:
        InputInvalidError: a session's id has not 32 bytes.

    """
    if len(session) != SESSION_BYTES:
        raise InputInvalidError(f"a session's id has {SESSION_BYTES} bytes")
    return _TAG + session


def check_items(items: Sequence[bytes]) -> None:
    """Refuse a set that is empty or too large, or has an item twice.

    Raises:
        InputInvalidError: it is.

    """
    if not 1 <= len(items) <= MAX_ITEMS:
        raise InputInvalidError(f"a set has 1 to {MAX_ITEMS} items, this has {len(items)}")
    repeated = len(items) - len(set(items))
    if repeated:
        raise InputInvalidError(
            f"{repeated} items stand in the set more than once",
            remedy="give each item once, in its canonical form",
        )


def pack(sets: Sequence[Sequence[bytes]]) -> bytes:
    """Return sets of elements as one message."""
    return b"".join(
        len(elements).to_bytes(_COUNT_BYTES, "big") + b"".join(elements) for elements in sets
    )


def unpack(message: bytes, ordered: Sequence[bool]) -> list[tuple[bytes, ...]]:
    """Return the sets of a message; those that `ordered` names are to ascend strictly.

    Raises:
        MalformedMessageError: it is cut or too long, a set is empty or too large, or out of order.

    """
    found, place = [], 0
    for ascending in ordered:
        head = message[place : place + _COUNT_BYTES]
        count = int.from_bytes(head, "big")
        place += _COUNT_BYTES
        end = place + count * ristretto255.ELEMENT_BYTES
        if len(head) < _COUNT_BYTES or not 1 <= count <= MAX_ITEMS or end > len(message):
            raise MalformedMessageError("a set of elements is cut, empty or too large")
        elements = _split(message[place:end])
        if ascending and any(a >= b for a, b in itertools.pairwise(elements)):
            raise MalformedMessageError("elements do not ascend")
        found.append(elements)
        place = end
    if place != len(message):
        raise MalformedMessageError("there is more behind the elements")
    return found


def pack_records(columns: Sequence[bytes], widths: Sequence[int]) -> bytes:
    """Return records as one message, in ascending order; a count stands before them.

    Each column holds one value of its width for each record, one after another; the first column
    orders them.
    """
    split = [
        [column[start : start + width] for start in range(0, len(column), width)]
        for column, width in zip(columns, widths, strict=True)
    ]
    records = sorted(map(b"".join, zip(*split, strict=True)))
    return len(records).to_bytes(_COUNT_BYTES, "big") + b"".join(records)


def unpack_records(message: bytes, widths: Sequence[int]) -> tuple[bytes, ...]:
    """Return the columns of records, whose first values ascend strictly.

    Raises:
        MalformedMessageError: it is cut or too long, empty or too large, or out of order.

    """
    count, size = int.from_bytes(message[:_COUNT_BYTES], "big"), sum(widths)
    if len(message) != _COUNT_BYTES + count * size or not 1 <= count <= MAX_ITEMS:
        raise MalformedMessageError("a set of records is cut, empty or too large")
    starts = range(_COUNT_BYTES, len(message), size)
    columns, place = [], 0
    for width in widths:
        columns.append([message[start + place : start + place + width] for start in starts])
        place += width
    if any(a >= b for a, b in itertools.pairwise(columns[0])):
        raise MalformedMessageError("records do not ascend")
    return tuple(map(b"".join, columns))


def _split(joined: bytes) -> tuple[bytes, ...]:
    size = ristretto255.ELEMENT_BYTES
    return tuple(joined[start : start + size] for start in range(0, len(joined), size))
