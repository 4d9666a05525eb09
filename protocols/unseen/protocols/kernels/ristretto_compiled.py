"""RFC 9496: ristretto255 for many elements at once, compiled by numba.

One scalar for all of them: its digits decide branches, so that whoever can time a call may learn
it. For work that nobody times: tables that an operator builds by itself. Call only where
`features.has_vectors()` says so.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.kernels import objects
from unseen.protocols.kernels.features import compiled_features
from unseen.protocols.kernels.field25519 import BITS, LIMBS, PLACES

LANES: Final = 8 if "avx512f" in compiled_features() else 4
ELEMENT_BYTES: Final = LIMBS * LANES * 8
POINT_BYTES: Final = 4 * ELEMENT_BYTES
TABLE: Final = 8  # multiples of a point that are kept, for signed digits of 4 bits
BATCH: Final = 64 * LANES  # elements at a time: what they take stays in the cache
_BUILDER: Final = "ristretto_builder"
_KERNELS: Final = ("map_pairs", "multiply", "encode", "decode")
_FIXED_KERNELS: Final = ("decode", "encode", "prepare", "add_chosen", "add_up")
_DIGITS: Final = 64
_WORDS: Final = 4  # of 64 bits in an encoding

_Bytes = NDArray[np.uint8]


def is_ready() -> bool:
    """Return whether the kernels are there without a compiler."""
    return all(objects.is_ready(_BUILDER, name) for name in _KERNELS)


def is_fixed_ready() -> bool:
    """Return whether those of `tabled`, `plus_chosen` and `total` are."""
    return all(objects.is_ready(_BUILDER, name) for name in _FIXED_KERNELS)


def from_uniform(joined: bytes, scalar: int) -> bytes:
    """Return the encodings of `scalar` times what 64 uniform bytes each stand for: 32 bytes each.

    `scalar` is from 1 to the order of the group - 1.
    """
    wide = np.frombuffer(joined, np.uint8).reshape(-1, 64)
    out = np.empty((len(wide), 32), np.uint8)
    digits = _digits(scalar)
    for start in range(0, len(wide), BATCH):
        part = wide[start : start + BATCH]
        groups = -(-len(part) // LANES)
        halves = [_packed(part[:, first : first + 32], groups) for first in (0, 32)]
        fields = np.stack(halves, axis=1)
        points = np.empty(groups * POINT_BYTES // 8, np.uint64)
        room = np.empty((TABLE + 1) * POINT_BYTES // 8, np.uint64)
        _kernel("map_pairs")(points.ctypes.data, fields.ctypes.data, groups, room.ctypes.data)
        _multiplied(points, groups, digits, room)
        out[start : start + BATCH] = _encoded(points, groups)[: len(part)]
    return out.tobytes()


def multiply(joined: bytes, scalar: int) -> tuple[bytes, int | None]:
    """Return `scalar` times each element of 32 bytes, and the place of the first that is none.

    The identity counts as none. What comes out beside a place is of no meaning.
    """
    elements = np.frombuffer(joined, np.uint8).reshape(-1, 32)
    out = np.empty_like(elements)
    valid = np.empty(len(elements), np.bool_)
    digits = _digits(scalar)
    for start in range(0, len(elements), BATCH):
        part = elements[start : start + BATCH]
        groups = -(-len(part) // LANES)
        points, valid[start : start + BATCH] = _decoded(part, groups)
        room = np.empty((TABLE + 1) * POINT_BYTES // 8, np.uint64)
        _multiplied(points, groups, digits, room)
        out[start : start + BATCH] = _encoded(points, groups)[: len(part)]
    return out.tobytes(), _first(~valid)


def tabled(joined: bytes) -> NDArray[np.uint64]:
    """Return elements of 32 bytes as entries of `plus_chosen`: n x 15 words. All are valid.

    The identity may be among them.
    """
    elements = np.frombuffer(joined, np.uint8).reshape(-1, 32)
    groups = -(-len(elements) // LANES)
    points, _ = _decoded(elements, groups)
    _kernel("prepare")(points.ctypes.data, groups)
    # 2Z is 2 in all of them: it is left out.
    prepared = points.reshape(groups, 4, LIMBS, LANES)[:, [0, 1, 3]]
    limbs = prepared.transpose(0, 3, 1, 2).reshape(groups * LANES, -1)[: len(elements)]
    return np.ascontiguousarray(limbs[:, 0::2] | limbs[:, 1::2] << np.uint64(32))


def plus_chosen(
    joined: bytes, entries: Sequence[tuple[NDArray[np.uint64], _Bytes]]
) -> tuple[bytes, int | None]:
    """Return each element plus entries of tables, and the place of the first that is no element.

    What comes out beside a place is of no meaning.

    Args:
        joined: n elements of 32 bytes, or one that all n begin with; the identity counts as none
            among several, and as itself alone.
        entries: what is added: a table of `tabled`, and n x w bytes. Byte j chooses among the
            entries from 256 j on, so that the table has 256 w of them or more.

    """
    elements = np.frombuffer(joined, np.uint8).reshape(-1, 32)
    count = len(entries[0][1])
    out = np.empty((count, 32), np.uint8)
    valid = np.ones(count, np.bool_)
    first, _ = _decoded(elements[[0] * LANES], 1) if len(elements) == 1 else (None, None)
    for start in range(0, count, BATCH):
        end = min(start + BATCH, count)
        groups = -(-(end - start) // LANES)
        if first is None:
            points, valid[start:end] = _decoded(elements[start:end], groups)
        else:
            points = np.tile(first, groups)
        for table, chosen in entries:
            places = _addresses(table, chosen[start:end], groups)
            _kernel("add_chosen")(points.ctypes.data, groups, places.ctypes.data, chosen.shape[1])
        out[start:end] = _encoded(points, groups)[: end - start]
    return out.tobytes(), _first(~valid)


def total(joined: bytes) -> tuple[tuple[bytes, ...], int | None]:
    """Return elements with the sum of the given ones, and the place of the first that is none.

    What comes out beside a place is of no meaning.
    """
    elements = np.frombuffer(joined, np.uint8).reshape(-1, 32)
    valid = np.empty(len(elements), np.bool_)
    room = np.empty(POINT_BYTES // 8, np.uint64)
    points, _ = _decoded(np.zeros((LANES, 32), np.uint8), 1)
    for start in range(0, len(elements), BATCH):
        part = elements[start : start + BATCH]
        groups = -(-len(part) // LANES)
        more, valid[start : start + BATCH] = _decoded(part, groups)
        points = np.concatenate([points[: POINT_BYTES // 8], more])
        _kernel("add_up")(points.ctypes.data, groups, room.ctypes.data)
    return tuple(each.tobytes() for each in _encoded(points, 1)), _first(~valid)


def _addresses(table: NDArray[np.uint64], chosen: _Bytes, groups: int) -> NDArray[np.uint64]:
    """Return where entries stand: by byte, then by element; where a group is not full, the 0th."""
    width = chosen.shape[1]
    numbers = np.zeros((width, groups * LANES), np.uint64)
    numbers[:, : len(chosen)] = chosen.T
    numbers += np.arange(width, dtype=np.uint64)[:, np.newaxis] * np.uint64(256)
    numbers *= np.uint64(table.itemsize * table.shape[1])
    numbers += np.uint64(table.ctypes.data)
    return numbers


def _first(bad: NDArray[np.bool_]) -> int | None:
    places = np.flatnonzero(bad)
    return int(places[0]) if places.size else None


def _kernel(name: str) -> objects.Compiled:
    return objects.load(_BUILDER, name)


def _multiplied(
    points: NDArray[np.uint64], groups: int, digits: NDArray[np.uint64], room: NDArray[np.uint64]
) -> None:
    _kernel("multiply")(
        points.ctypes.data, groups, digits.ctypes.data, len(digits) // 2, room.ctypes.data
    )


def _decoded(encodings: _Bytes, groups: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return points in groups, the last one filled with the identity, and which are elements."""
    fields = _packed(encodings, groups)
    points = np.empty(groups * POINT_BYTES // 8, np.uint64)
    masks = np.empty(groups * LANES, np.uint64)
    _kernel("decode")(masks.ctypes.data, points.ctypes.data, fields.ctypes.data, groups)
    return points, (masks[: len(encodings)] != 0) & _canonical(encodings)


def _encoded(points: NDArray[np.uint64], groups: int) -> _Bytes:
    fields = np.empty((groups, LIMBS, LANES), np.uint64)
    _kernel("encode")(fields.ctypes.data, points.ctypes.data, groups)
    limbs = fields.transpose(1, 0, 2).reshape(LIMBS, groups * LANES)
    words = np.zeros((groups * LANES, _WORDS), np.uint64)
    for limb, place in zip(limbs, PLACES, strict=True):
        word, shift = divmod(place, 64)
        words[:, word] |= limb << np.uint64(shift)
        if word + 1 < _WORDS and shift + 26 > 64:
            words[:, word + 1] |= limb >> np.uint64(64 - shift)
    return words.astype("<u8", copy=False).view(np.uint8)


def _packed(encodings: _Bytes, groups: int) -> NDArray[np.uint64]:
    """Return 255-bit numbers of 32 bytes as limbs, in groups of lanes; the last bit is dropped."""
    words = np.zeros((groups * LANES, _WORDS), np.uint64)
    words[: len(encodings)] = np.ascontiguousarray(encodings).view("<u8")
    limbs = np.empty((LIMBS, groups * LANES), np.uint64)
    for i, (bits, place) in enumerate(zip(BITS, PLACES, strict=True)):
        word, shift = divmod(place, 64)
        found = words[:, word] >> np.uint64(shift)
        if word + 1 < _WORDS and shift + bits > 64:
            found |= words[:, word + 1] << np.uint64(64 - shift)
        limbs[i] = found & np.uint64((1 << bits) - 1)
    return np.ascontiguousarray(limbs.reshape(LIMBS, groups, LANES).transpose(1, 0, 2))


def _canonical(encodings: _Bytes) -> NDArray[np.bool_]:
    """Return which are numbers below p, even, and not 0."""
    words = np.ascontiguousarray(encodings).view("<u8")
    high, low = words[:, 3], words[:, 0]
    full = (words[:, 1] & words[:, 2]) == np.uint64(2**64 - 1)
    top = np.uint64(2**63 - 1)
    above = (high > top) | ((high == top) & full & (low >= np.uint64(2**64 - 19)))
    found: NDArray[np.bool_] = ~above & (low & np.uint64(1) == 0) & words.any(axis=1)
    return found


def _digits(scalar: int) -> NDArray[np.uint64]:
    """Return signed digits from -8 to 8, the highest first, each as its size and its sign."""
    found = []
    for _ in range(_DIGITS):
        digit = scalar & 15
        if digit > TABLE:
            digit -= 16
        scalar = (scalar - digit) >> 4
        found.append((abs(digit), int(digit < 0)))
    return np.array(found[::-1], np.uint64).reshape(-1)
