"""SimplePIR (Henzinger et al. 2023, section 4): the owner's side.

Answers are the same work for every query of a shape, and the owner learns that there was one. Who
asks gets the rounded product of the table with what it sent: one query opens at most the row whose
OPRF output it knows, since cells are masked (`filters.py`). How many queries are answered is the
caller's to limit. Nothing here says that labels are true.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import (
    FilterFullError,
    InputInvalidError,
    MalformedMessageError,
)
from unseen.protocols.kernels import matrix
from unseen.protocols.lookup.lwe_pir import filters
from unseen.protocols.lookup.lwe_pir.filters import TRIES
from unseen.protocols.lookup.lwe_pir.parameters import KEPT_BITS, NONCE_BYTES, SECRET, Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.oprf.suite import OUTPUT_BYTES
from unseen.protocols.party import Rng

_HALF: Final = np.uint32(1 << (31 - KEPT_BITS))
_DROPPED: Final = np.uint32(32 - KEPT_BITS)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One block of a build: its nonce and its rows of the matrix, `cell_bytes` x `width`."""

    nonce: bytes
    rows: NDArray[np.int8] = field(repr=False)


def build_block(
    shape: Shape, domain: bytes, items: Sequence[tuple[bytes, bytes]], rng: Rng
) -> Block:
    """Return the block of these pairs of output and label, all of one block.

    Raises:
        FilterFullError, InputInvalidError: as `build_rows`.
        KernelFaultError: this machine hashes wrongly.

    """
    outputs, labels = ([pair[part] for pair in items] for part in (0, 1))
    return build_rows(
        shape, domain, _rows(outputs, OUTPUT_BYTES), _rows(labels, shape.label_bytes), rng
    )


def build_rows(
    shape: Shape,
    domain: bytes,
    outputs: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    rng: Rng,
) -> Block:
    """Return the block of these outputs, n x 64 bytes, and labels, n x `label_bytes`.

    Takes a few tries, each with a fresh nonce: so many that none has helped once in 2^64 tables of
    the size that `choice.blocks_for` gives.

    Raises:
        FilterFullError: too many keys for the width.
        InputInvalidError: one of them twice, or a wrong length.
        KernelFaultError: this machine hashes wrongly.

    """
    if len({output.tobytes() for output in outputs}) != len(outputs):
        raise InputInvalidError("two rows of a block have one subject")
    for _ in range(TRIES):
        nonce = rng(NONCE_BYTES)
        keys = filters.keyed_rows(shape, domain, nonce, outputs)
        cells = filters.fill(shape, keys, labels, rng)
        if cells is None:
            continue
        return Block(nonce, np.ascontiguousarray(cells.T).view(np.int8))
    raise FilterFullError(
        f"{len(outputs)} keys do not fit a filter of {shape.width} cells",
        remedy="give the table more blocks",
    )


def _rows(parts: Sequence[bytes], size: int) -> NDArray[np.uint8]:
    if any(len(part) != size for part in parts):
        raise InputInvalidError(f"an output has {OUTPUT_BYTES} bytes, a label the table's length")
    return np.frombuffer(b"".join(parts), np.uint8).reshape(len(parts), size)


def hint(public: Public, rows: NDArray[np.int8]) -> NDArray[np.uint16]:
    """Return the hint of some rows of the matrix: one row of n numbers each, 2 bytes a number.

    Memory: twice the hint and a tile of the public matrix.

    Raises:
        InputInvalidError: the rows are not as wide as the public matrix.
        KernelFaultError: this machine computes wrongly.

    """
    if rows.shape[1] != public.width:
        raise InputInvalidError("these rows are for another public matrix")
    total = np.zeros((SECRET, len(rows)), np.uint32)
    for first, tile in public.tiles():
        part = rows[:, first : first + len(tile)]
        total += matrix.product(part, np.ascontiguousarray(tile.T))
    return np.ascontiguousarray(rounded(total).T)


def answer(rows: NDArray[np.int8], queries: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """Return the answers to some queries, one a row: for each row of the matrix 2 bytes.

    Raises:
        MalformedMessageError: a query has another width than the matrix.
        KernelFaultError: this machine computes wrongly.

    """
    if queries.ndim != 2 or queries.shape[1] != rows.shape[1]:
        raise MalformedMessageError(f"a query of this table has {rows.shape[1]} numbers")
    return rounded(matrix.product(rows, queries))


def joined(shape: Shape, blocks: Iterable[Block]) -> NDArray[np.int8]:
    """Return the matrix of all blocks, in memory."""
    found = np.empty((shape.rows, shape.width), np.int8)
    for number, block in enumerate(blocks):
        found[number * shape.cell_bytes : (number + 1) * shape.cell_bytes] = block.rows
    return found


def rounded(words: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """Return the upper 16 bits of words, rounded to the nearest; they wrap."""
    return ((words + _HALF) >> _DROPPED).astype(np.uint16)
