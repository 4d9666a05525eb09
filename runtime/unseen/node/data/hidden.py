"""The hidden table of a lookup by `lwe_pir`: its matrix and its hint, from buckets of keys.

A bucket holds the records of some blocks on end: output (64) and label, in no order. Memory holds
one bucket, a 256th of the table, and the rows of some blocks with their hint; the matrix stays on
disk, where the online workers map it. What is random comes from the build's seed, so that a build
can be done again. A build gives the bytes of each block by its own records alone; a further build
under the same key takes over the bytes of every block that holds what it held before.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.node.data.points import distinct
from unseen.node.data.spec import (
    BEFORE,
    BUCKETS,
    CONTENTS,
    HASHES,
    BuildSpec,
    Built,
    matrix_path,
)
from unseen.protocols.errors import DuplicateSubjectError, FilterFullError
from unseen.protocols.lookup.lwe_pir import builds, filters, server
from unseen.protocols.lookup.lwe_pir.hints import HintRow, encode_row
from unseen.protocols.lookup.lwe_pir.parameters import DIGEST_BYTES, NONCE_BYTES, Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.oprf.suite import OUTPUT_BYTES
from unseen.protocols.tlog.tree import Frontier, leaf_hash

_ROWS: Final = 2048  # of the matrix whose hint is computed at once: 24 MB of it
_BYTES: Final = 64 << 20  # of the matrix, in memory at once
_TAKEN: Final = 8  # blocks that are taken over, held for one that is built: their matrix is mapped

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
    seeds: Sequence[bytes],
    target: Path,
    progress: Progress,
) -> Built:
    """Build the hint at `target` and the matrix beside it; `read` gives a bucket's records.

    The first of `seeds` is this build's, the others those of the builds before it, in a replay.

    Raises:
        DuplicateSubjectError: two rows have one subject, and it is no match.
        FilterFullError: a block has more keys than it takes; the table needs more blocks.

    """
    shape, name = spec.shape, secrets.token_hex(8)
    ends = (target, matrix_path(target), *(target.with_suffix(end) for end in (CONTENTS, HASHES)))
    parts = [path.with_name(f"{path.name}.{name}.part") for path in ends]
    try:
        with ExitStack() as stack:
            hint, matrix, *kept = [stack.enter_context(path.open("wb")) for path in parts]
            found = _Writing(shape, Public.of(spec.provider, shape))
            for block in _blocks(spec, read, _Making(spec, seeds), progress):
                matrix.write(block.rows.data)
                kept[0].write(block.contents)
                hint.writelines(found.add(block))
            hint.writelines(found.rest())
            kept[1].writelines(found.hashes)
            for file in (hint, matrix, *kept):
                file.flush()
                os.fsync(file.fileno())
        for path, end in zip(parts[1:] if spec.keep else parts[1:2], ends[1:], strict=False):
            path.replace(end)
        parts[0].replace(target)
    finally:
        for path in parts:
            path.unlink(missing_ok=True)
    rows = found.tree.size
    size = rows * shape.hint_row_bytes
    return Built(rows, size, found.digest.digest(), found.tree.root(), fresh=found.fresh)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """A block that is to be written: built, or taken over, with its row of the hint."""

    rows: NDArray[np.int8] = field(repr=False)
    contents: bytes  # hash of what it holds
    nonce: bytes = b""
    row: bytes = b""


class _Making:
    """Makes blocks from their records: anew, as they were, or as a replay has to."""

    def __init__(self, spec: BuildSpec, seeds: Sequence[bytes]) -> None:
        """Map what the spool has of the build before, or of the one that is replayed."""
        self._spec, self._seeds, table = spec, seeds, spec.spool / BEFORE
        self._hint = self._matrix = self._contents = np.empty((0, 0), np.uint8)
        if spec.again or spec.past:
            self._hint = np.memmap(table, np.uint8, "r").reshape(spec.blocks, -1)
        if spec.again:
            mapped = np.memmap(matrix_path(table), np.uint8, "r")
            self._matrix = mapped.reshape(spec.blocks, -1)
            contents = np.frombuffer(table.with_suffix(CONTENTS).read_bytes(), np.uint8)
            self._contents = contents.reshape(spec.blocks, DIGEST_BYTES)

    def block(self, keys: NDArray[np.uint8], labels: NDArray[np.uint8], number: int) -> _Made:
        """Return block `number` of these outputs and labels, in the order of the outputs.

        Raises:
            FilterFullError: it has more keys than it takes.

        """
        spec, shape = self._spec, self._spec.shape
        contents = hashlib.sha256(np.concatenate([keys, labels], axis=1).data).digest()
        if spec.again and self._contents[number].tobytes() == contents:
            rows = self._matrix[number].view(np.int8).reshape(shape.cell_bytes, shape.width)
            return _Made(rows, contents, row=self._hint[number].tobytes())
        if len(keys) > shape.width:
            raise FilterFullError(f"block {number} has {len(keys)} keys, and {shape.width} cells")
        rng = builds.rng_of(self._seed(number), number)
        block = server.build_rows(shape, spec.parameters.domain, keys, labels, rng)
        return _Made(block.rows, contents, nonce=block.nonce)

    def _seed(self, number: int) -> bytes:
        if not self._spec.past:
            return self._seeds[0]
        nonce = self._hint[number, :NONCE_BYTES].tobytes()
        return self._seeds[builds.origin(self._seeds, number, nonce) or 0]


def _blocks(
    spec: BuildSpec, read: Callable[[int], bytes], making: _Making, progress: Progress
) -> Iterator[_Made]:
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
            yield making.block(keys, labels, number)
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


@dataclass(slots=True)
class _Writing:
    """Makes rows of the hint, of some blocks at a time, and hashes them."""

    shape: Shape
    public: Public
    tree: Frontier = field(default_factory=Frontier)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    hashes: list[bytes] = field(default_factory=list)  # of rows, as leaves of the tree
    fresh: int = 0
    _held: list[_Made] = field(default_factory=list)
    _new: int = 0  # of those held, to be computed

    def add(self, block: _Made) -> Iterator[bytes]:
        """Take a block; yield rows once there are enough blocks for a pass over the public part."""
        self._held.append(block)
        self._new += not block.row
        most = min(_ROWS, _BYTES // self.shape.width)
        if max(self._new, len(self._held) // _TAKEN) * self.shape.cell_bytes >= most:
            yield from self.rest()

    def rest(self) -> Iterator[bytes]:
        """Yield the rows of the blocks that are left."""
        blocks, self._held, self._new = self._held, [], 0
        fresh = [block for block in blocks if not block.row]
        computed = iter(self._computed(fresh))
        self.fresh += len(fresh)
        for block in blocks:
            row = block.row or next(computed)
            self.hashes.append(leaf_hash(row))
            self.tree.append(self.hashes[-1])
            self.digest.update(row)
            yield row

    def _computed(self, blocks: Sequence[_Made]) -> Iterator[bytes]:
        if not blocks:
            return
        size = self.shape.cell_bytes
        hint = server.hint(self.public, np.concatenate([block.rows for block in blocks]))
        for number, block in enumerate(blocks):
            digest = hashlib.sha256(block.rows.data).digest()
            part = hint[number * size : (number + 1) * size]
            yield encode_row(self.shape, HintRow(block.nonce, digest, part))
