"""The hidden table of a lookup by `lwe_pir`: its matrix and its hint, from buckets of keys.

A bucket holds the records of some blocks on end: output (64) and label, in no order. Memory holds
one bucket, a 256th of the table, and the rows of some blocks with their hint; the matrix stays on
disk, where the online workers map it. What is random comes from the build's seed, so that a build
can be done again. A build gives the bytes of each block by its own records alone.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.node.data.points import distinct
from unseen.node.data.spec import BUCKETS, BuildSpec, Built, matrix_path
from unseen.protocols.errors import DuplicateSubjectError, FilterFullError
from unseen.protocols.lookup.lwe_pir import builds, filters, server
from unseen.protocols.lookup.lwe_pir.hints import HintRow, encode_row
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.lookup.lwe_pir.server import Block
from unseen.protocols.oprf.suite import OUTPUT_BYTES
from unseen.protocols.tlog.tree import Frontier, leaf_hash

_ROWS: Final = 2048  # of the matrix whose hint is computed at once: 24 MB of it
_BYTES: Final = 64 << 20  # of the matrix, in memory at once

Progress = Callable[[int], None]


def buckets_of(shape: Shape, domain: bytes, outputs: NDArray[np.uint8]) -> list[int]:
    """Return the bucket of each of n x 64 bytes."""
    found: list[int] = (
        filters.blocks_of(shape, domain, outputs) * BUCKETS // shape.blocks
    ).tolist()
    return found


def blocks_in(shape: Shape, bucket: int) -> range:
    """Return the blocks whose records lie in a bucket."""
    first, last = (-(-number * shape.blocks // BUCKETS) for number in (bucket, bucket + 1))
    return range(first, last)


def merge_hidden(
    spec: BuildSpec,
    read: Callable[[int], bytes],
    seed: bytes,
    target: Path,
    progress: Progress,
) -> Built:
    """Build the hint at `target` and the matrix beside it; `read` gives a bucket's records.

    Raises:
        DuplicateSubjectError: two rows have one subject, and it is no match.
        FilterFullError: a block has more keys than it takes; the table needs more blocks.

    """
    shape, name = spec.shape, secrets.token_hex(8)
    part, whole = (target.with_name(f"{target.name}.{name}.{end}") for end in ("hint", "matrix"))
    try:
        with part.open("wb") as hint, whole.open("wb") as matrix:
            found = _Writing(shape, Public.of(spec.provider, shape))
            for block in _blocks(spec, read, seed, progress):
                matrix.write(block.rows.data)
                hint.writelines(found.add(block))
            hint.writelines(found.rest())
            for file in (hint, matrix):
                file.flush()
                os.fsync(file.fileno())
        whole.replace(matrix_path(target))
        part.replace(target)
    finally:
        for path in (part, whole):
            path.unlink(missing_ok=True)
    rows = found.tree.size
    return Built(rows, rows * shape.hint_row_bytes, found.digest.digest(), found.tree.root())


def _blocks(
    spec: BuildSpec, read: Callable[[int], bytes], seed: bytes, progress: Progress
) -> Iterator[Block]:
    shape, domain, duplicates = spec.shape, spec.parameters.domain, 0
    for bucket in range(BUCKETS):
        numbers = blocks_in(shape, bucket)
        if not numbers:
            continue
        size = OUTPUT_BYTES + shape.label_bytes
        data = distinct(read(bucket), size) if spec.match else read(bucket)
        records = np.frombuffer(data, np.uint8).reshape(-1, size)
        outputs, again = _in_order(records)
        duplicates += again
        if duplicates:  # all are counted, none is built
            continue
        places = filters.blocks_of(shape, domain, outputs[:, :OUTPUT_BYTES])
        for number in numbers:
            rows = outputs[places == number]
            keys, labels = rows[:, :OUTPUT_BYTES], rows[:, OUTPUT_BYTES:]
            yield _built(spec, keys, labels, seed, number)
            progress(len(rows))
    if duplicates:
        raise DuplicateSubjectError(count=duplicates)


def _in_order(records: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return records by their outputs, and how many have the output of the one before.

    The order in which processes wrote them must not show in what is built.
    """
    keys = np.ascontiguousarray(records[:, :OUTPUT_BYTES]).view(f"V{OUTPUT_BYTES}")[:, 0]
    order = np.argsort(keys, kind="stable")
    found = records[order]
    same = (found[1:, :OUTPUT_BYTES] == found[:-1, :OUTPUT_BYTES]).all(axis=1)
    return found, int(same.sum())


def _built(
    spec: BuildSpec,
    keys: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    seed: bytes,
    number: int,
) -> Block:
    if len(keys) > spec.shape.width:
        raise FilterFullError(f"block {number} has {len(keys)} keys, and {spec.shape.width} cells")
    rng = builds.rng_of(seed, number)
    return server.build_rows(spec.shape, spec.parameters.domain, keys, labels, rng)


@dataclass(slots=True)
class _Writing:
    """Makes rows of the hint, of some blocks at a time, and hashes them."""

    shape: Shape
    public: Public
    tree: Frontier = field(default_factory=Frontier)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _held: list[Block] = field(default_factory=list)

    def add(self, block: Block) -> Iterator[bytes]:
        """Take a block; yield rows once there are enough blocks for a pass over the public part."""
        self._held.append(block)
        rows = len(self._held) * self.shape.cell_bytes
        if rows >= min(_ROWS, _BYTES // self.shape.width):
            yield from self.rest()

    def rest(self) -> Iterator[bytes]:
        """Yield the rows of the blocks that are left."""
        blocks, self._held = self._held, []
        if not blocks:
            return
        size = self.shape.cell_bytes
        hint = server.hint(self.public, np.concatenate([block.rows for block in blocks]))
        for number, block in enumerate(blocks):
            digest = hashlib.sha256(block.rows.data).digest()
            part = hint[number * size : (number + 1) * size]
            row = encode_row(self.shape, HintRow(block.nonce, digest, part))
            self.tree.append(leaf_hash(row))
            self.digest.update(row)
            yield row
