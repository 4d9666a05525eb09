"""A row's label: two bits for each predicate, the first predicate in the lowest bits. Own format.

    00 no usable result    01 no    10 yes    11 malformed

"No usable result" says the same for a subject that is absent as for one that is not permitted.
Labels have 1, 8, 16 or 32 bytes, so that their length says little about the product.
"""

from collections.abc import Sequence
from typing import Final

from unseen.protocols.errors import InputInvalidError, MalformedMessageError

LABEL_SIZES: Final = (1, 8, 16, 32)
_PER_BYTE = 4
_CODES: dict[bool | None, int] = {None: 0, False: 1, True: 2}
_VERDICTS: tuple[bool | None, ...] = (None, False, True)


def label_bytes_for(count: int) -> int:
    """Return the smallest label size that holds `count` predicates.

    Raises:
        InputInvalidError: `count` is not from 1 to 128.

    """
    for size in LABEL_SIZES:
        if 1 <= count <= size * _PER_BYTE:
            return size
    raise InputInvalidError(f"a label holds 1 to {LABEL_SIZES[-1] * _PER_BYTE} predicates")


def pack_verdicts(verdicts: Sequence[bool | None], label_bytes: int) -> bytes:
    """Return the label of these verdicts. None is "no usable result".

    Raises:
        InputInvalidError: `label_bytes` is no label size, or too small for the verdicts.

    """
    if label_bytes not in LABEL_SIZES or not 1 <= len(verdicts) <= label_bytes * _PER_BYTE:
        raise InputInvalidError(f"{len(verdicts)} verdicts do not fit {label_bytes} bytes")
    packed = 0
    for position, verdict in enumerate(verdicts):
        packed |= _CODES[verdict] << 2 * position
    return packed.to_bytes(label_bytes, "little")


def unpack_verdicts(label: bytes, count: int) -> tuple[bool | None, ...]:
    """Return the `count` verdicts of a label.

    Raises:
        InputInvalidError: the label cannot hold `count` verdicts.
        MalformedMessageError: the label has no label size, a code 11, or unused bits set.

    """
    if len(label) not in LABEL_SIZES:
        raise MalformedMessageError(f"a label has one of {LABEL_SIZES} bytes")
    if not 1 <= count <= len(label) * _PER_BYTE:
        raise InputInvalidError(f"{len(label)} bytes do not hold {count} verdicts")
    packed = int.from_bytes(label, "little")
    codes = [packed >> 2 * position & 3 for position in range(count)]
    if packed >> 2 * count or 3 in codes:
        raise MalformedMessageError("a label has a malformed verdict or unused bits set")
    return tuple(_VERDICTS[code] for code in codes)
