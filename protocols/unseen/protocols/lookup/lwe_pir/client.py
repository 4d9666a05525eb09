"""SimplePIR (Henzinger et al. 2023, section 4): the buyer's side.

A query is A s + e, with 2^24 more at the subject's three cells: to whoever cannot solve LWE
(`parameters.py`) it is random, and which block is meant is in no message. Secret and errors are
drawn anew for every query: one that is used twice shows the difference of two subjects. What a
buyer does must not depend on what came out: an owner that spoils part of its table would learn from
a retry, a complaint or a payment which part was asked. `open_answer` says "no row" to that as to an
absent subject.

Queries take the same time for every subject, as numpy, AES and the kernels do. Messages have one
length for a shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.kernels import matrix
from unseen.protocols.lookup.lwe_pir import filters
from unseen.protocols.lookup.lwe_pir.filters import Keyed
from unseen.protocols.lookup.lwe_pir.parameters import SCALE_BITS, SECRET, Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.party import Rng

_SCALE: Final = np.uint32(1 << SCALE_BITS)
_SHIFTS: Final = np.array([0, 2, 4, 6], np.uint8)
_SIDE: Final = np.uint64((1 << 41) - 1)  # half the coins of a side: two words hold all 82


@dataclass(frozen=True, slots=True)
class Prepared:
    """The part of some queries that needs no subject: for each its secret and A s + e.

    Made ahead, used once. 4 bytes a cell and query.
    """

    secrets: NDArray[np.int8] = field(repr=False)
    words: NDArray[np.uint32] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What opens an answer: the subject's key in its block, and the query's secret."""

    block: int
    key: Keyed
    secret: NDArray[np.int8] = field(repr=False)


def prepare(public: Public, count: int, rng: Rng) -> Prepared:
    """Draw secrets and errors for `count` queries; the public matrix is passed over once for all.

    Draws about 25 bytes a cell and 740 a secret.

    Raises:
        InputInvalidError: `rng` gave too few bytes.
        KernelFaultError: this machine computes wrongly.

    """
    return prepare_each(public, [rng] * count)


def prepare_each(public: Public, rngs: Sequence[Rng]) -> Prepared:
    """Do as `prepare` does, with randomness of its own for each query; see `seeds.py`.

    Raises:
        InputInvalidError: there is no query, or one of `rngs` gave too few bytes.
        KernelFaultError: this machine computes wrongly.

    """
    if not rngs:
        raise InputInvalidError("prepare one query at least")
    secrets = np.stack([ternary(rng) for rng in rngs])
    words = np.stack([errors(public.width, rng) for rng in rngs]).view(np.uint32)
    for first, tile in public.tiles():
        words[:, first : first + len(tile)] += matrix.dots(tile, secrets)
    return Prepared(secrets, words)


def query(
    shape: Shape, prepared: Prepared, keys: Sequence[tuple[int, Keyed]]
) -> tuple[NDArray[np.uint32], tuple[Asked, ...]]:
    """Return the queries for some subjects, one a row of `width` words, and what opens each.

    `keys` are a block and what `filters.keyed` says there, for each prepared query one. A prepared
    query is for one query alone.

    Raises:
        InputInvalidError: there are not as many keys as prepared queries, or for another shape.

    """
    if len(keys) != len(prepared.words) or prepared.words.shape[1] != shape.width:
        raise InputInvalidError("prepare a query of the table's width for each subject")
    words = prepared.words.copy()
    asked = []
    for row, secret, (block, key) in zip(words, prepared.secrets, keys, strict=True):
        if not 0 <= block < shape.blocks:
            raise InputInvalidError("the table has no such block")
        row[list(key.cells)] += _SCALE
        asked.append(Asked(block, key, secret))
    return words, tuple(asked)


def open_answer(
    shape: Shape, asked: Asked, hint: NDArray[np.uint16], answer: NDArray[np.uint16]
) -> bytes | None:
    """Return the subject's label, or None: it has none, or the owner spoiled what was asked.

    `hint` is that of the subject's block alone, `cell_bytes` x n; `answer` of all rows.

    Raises:
        MalformedMessageError: the answer has another length.
        InputInvalidError: the hint is not that of a block.

    """
    return filters.label_of(shape, asked.key, opened_cells(shape, asked, hint, answer))


def opened_cells(
    shape: Shape, asked: Asked, hint: NDArray[np.uint16], answer: NDArray[np.uint16]
) -> bytes:
    """Return the sum of the subject's three cells, `cell_bytes` of it; as `open_answer`.

    Raises:
        MalformedMessageError: the answer has another length.
        InputInvalidError: the hint is not that of a block.

    """
    if answer.shape != (shape.rows,):
        raise MalformedMessageError(f"an answer of this table has {shape.rows} numbers")
    first = asked.block * shape.cell_bytes
    return opened_part(shape, asked, hint, answer[first : first + shape.cell_bytes])


def opened_part(
    shape: Shape, asked: Asked, hint: NDArray[np.uint16], part: NDArray[np.uint16]
) -> bytes:
    """Do as `opened_cells` does, from what the subject's block gave of the answer alone.

    Raises:
        MalformedMessageError: the part has another length.
        InputInvalidError: the hint is not that of a block.

    """
    if part.shape != (shape.cell_bytes,):
        raise MalformedMessageError(f"a block gives {shape.cell_bytes} numbers of an answer")
    if hint.shape != (shape.cell_bytes, SECRET):
        raise InputInvalidError("a block's hint has n numbers for each of its rows")
    left = part.astype(np.int64) - hint.astype(np.int64) @ asked.secret.astype(np.int64)
    # Rounded to whole bytes: 8 of the 16 bits are noise.
    return ((left + 128) >> 8).astype(np.uint8).tobytes()


def read_part(shape: Shape, data: bytes) -> NDArray[np.uint16]:
    """Return what one block gave of an answer, `cell_bytes` numbers, from their bytes.

    Raises:
        MalformedMessageError: it has another length.

    """
    if len(data) != shape.part_bytes:
        raise MalformedMessageError(f"a block gives {shape.part_bytes} bytes of an answer")
    return np.frombuffer(data, "<u2").astype(np.uint16, copy=False)


def write_query(words: NDArray[np.uint32]) -> bytes:
    """Return a query as bytes, 4 a word, the least one first."""
    return words.astype("<u4", copy=False).tobytes()


def ternary(rng: Rng) -> NDArray[np.int8]:
    """Return n uniform numbers from -1 to 1.

    From two bits each, the fourth value drawn anew: how many are tells nothing of the others.

    Raises:
        InputInvalidError: `rng` gave too few bytes.

    """
    found = np.empty(0, np.int8)
    while found.size < SECRET:
        drawn = np.frombuffer(_taken(rng, SECRET // 2), np.uint8)
        pairs = (drawn[:, np.newaxis] >> _SHIFTS & np.uint8(3)).reshape(-1)
        found = np.concatenate([found, pairs[pairs < 3].astype(np.int8) - np.int8(1)])
    return found[:SECRET]


def errors(count: int, rng: Rng) -> NDArray[np.int32]:
    """Return `count` numbers, heads of 82 coins less heads of 82 others.

    Raises:
        InputInvalidError: `rng` gave too few bytes.

    """
    words = np.frombuffer(_taken(rng, 32 * count), "<u8").reshape(4, count) & _SIDE
    heads = np.bitwise_count(words).astype(np.int32)
    found: NDArray[np.int32] = heads[0] + heads[1] - heads[2] - heads[3]
    return found


def _taken(rng: Rng, count: int) -> bytes:
    found = rng(count)
    if len(found) != count:
        raise InputInvalidError("the source of randomness gave too few bytes")
    return found
