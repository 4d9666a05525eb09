"""Building a lookup's encrypted table from the operator's rows, in bounded memory.

Two steps. `fill` passes over the table once: it seals each of its rows and drops it into one of
256 bucket files by the tag's first byte. `merge` sorts one bucket after another and writes them
out in order, hashing as it goes. Memory holds one batch, the buffers, and one bucket: a 256th of
the table. Several `fill`s may share a table, each taking every n-th block of rows. Where consent
decides, the rows of those who gave it are joined out, and only they are sealed.

Either step may be cut short and run again, by another process and on another machine, even while
the first run goes on unnoticed: what it writes has names of its own until it is whole, and what a
build under another nonce has left behind is never read.
"""

import hashlib
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from unseen.node.data import scan, source
from unseen.node.data.blocks import BlockHasher, check_blocks
from unseen.node.data.connection import connect
from unseen.node.data.hidden import buckets_of, merge_hidden
from unseen.node.data.names import PERMITTED
from unseen.node.data.outputs import Outputs, write_outputs
from unseen.node.data.permitted import load_permitted, permitted_only
from unseen.node.data.points import Points, distinct, points_of
from unseen.node.data.spec import BUCKETS, BuildSpec, Built
from unseen.protocols.errors import DuplicateSubjectError
from unseen.protocols.group import bulk
from unseen.protocols.lookup.lwe_pir.builds import seed_of
from unseen.protocols.lookup.oprf_table import seal_row, sort_rows
from unseen.protocols.lookup.subject import Value, with_forms
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.oprf.suite import OUTPUT_BYTES
from unseen.protocols.tlog.tree import Frontier, leaf_hash

_FLUSH_BYTES = 4 << 20
_HASHES = "hashes"
Progress = Callable[[int], None]


def fill(
    spec: BuildSpec,
    key: PrivateKey,
    salt: bytes,
    part: int,
    parts: int,
    progress: Progress,
    secret: bytes = b"",
) -> int:
    """Seal every `parts`-th block of rows into the spool's buckets, and hash it.

    `secret` opens the spool's list of those who consent, where only they are wanted; it names them
    as the table does. Returns how many of the rows have no canonical form.

    Raises:
        TableChangedError: the file is not the registered one. Of its rows, `merge` finds out.
        PredicateFailsError: an expression raises an error.

    """
    source.check_fingerprint(spec.source.path, spec.fingerprint)
    buckets = _Buckets(spec, part)
    spill = buckets.folder / "duckdb"
    connection = connect(spec.source, memory_mb=spec.memory_mb // 2, spill=spill)
    hasher, own = BlockHasher(salt), scan.Share(part, parts)
    outputs = Outputs(spec, key)
    try:
        bulk.prepare(spec.rows // parts)
        if spec.permitted:  # what is joined comes in no order
            for batch in scan.scan(connection, (), (), spec.columns, share=own):
                hasher.add(batch)
            written = with_forms(spec.subject, {})
            load_permitted(connection, spec.spool / PERMITTED, secret, written)
            only = permitted_only(written)
            batches = scan.scan(connection, spec.subject, spec.predicates, (), only)
        else:
            batches = scan.scan(connection, spec.subject, spec.predicates, spec.columns, share=own)
        unusable = 0
        for batch in batches:
            if not spec.permitted:
                hasher.add(batch)
            points = _seal_batch(spec, outputs, batch, buckets, own)
            unusable += points.unusable
            progress(points.seen)
    finally:
        connection.close()
    if spec.permitted:  # the rows were read twice: as one file, or not at all
        source.check_fingerprint(spec.source.path, spec.fingerprint)
    hasher.save(buckets.folder / _HASHES)
    buckets.finish()
    return unusable


def merge(spec: BuildSpec, target: Path, progress: Progress, scalar: bytes = b"") -> Built:
    """Sort the spool's buckets into the table at `target`. They stay: it may have to run again.

    `scalar` is the epoch's key, of a hidden table.

    Raises:
        TableChangedError: the rows that were sealed are not all of the registered ones.
        DuplicateSubjectError: two rows have one subject, and it is no match.
        FilterFullError: a block of a hidden table has more keys than it takes.

    """
    hashes = spec.spool.glob(f"{_folder_of(spec, '*')}/{_HASHES}")
    check_blocks(hashes, spec.rows, spec.snapshot)
    if spec.hidden:
        read = partial(_read_bucket, spec)
        seeds = [seed_of(scalar, nonce) for nonce in (spec.parameters.nonce, *spec.past)]
        built = merge_hidden(spec, read, seeds, target, progress)
        if spec.keep:
            write_outputs(target, (read(BUCKETS + number) for number in range(BUCKETS)))
        return built
    digest, frontier, duplicates = hashlib.sha256(), Frontier(), 0
    size = spec.parameters.row_bytes
    unfinished = target.with_name(f"{target.name}.{secrets.token_hex(8)}")
    with unfinished.open("wb") as file:
        for number in range(BUCKETS):
            try:
                rows = _read_bucket(spec, number)
                rows = sort_rows(spec.parameters, distinct(rows, size) if spec.match else rows)
            except DuplicateSubjectError as error:
                duplicates += error.count
                continue
            for start in range(0, len(rows), size):
                frontier.append(leaf_hash(rows[start : start + size]))
            digest.update(rows)
            file.write(rows)
            progress(len(rows) // size)
        file.flush()
        os.fsync(file.fileno())
    if duplicates:
        unfinished.unlink()
        raise DuplicateSubjectError(count=duplicates)
    unfinished.replace(target)
    return Built(frontier.size, frontier.size * size, digest.digest(), frontier.root())


def _seal_batch(
    spec: BuildSpec, evaluated: Outputs, batch: scan.Batch, buckets: "_Buckets", own: scan.Share
) -> Points:
    """Seal the batch's rows, of those that come in no order this part's; return what they gave."""
    rows = zip(batch.subjects, batch.answers, strict=True)
    held = (row for row in rows if not spec.permitted or _holds(own, row[0]))
    points = points_of(spec, held)
    outputs, records = evaluated.of(points.inputs)
    for bucket, row in _rows(spec, outputs, points.labels):
        buckets.add(bucket, row)
    for record in records:
        buckets.add(BUCKETS + record[0], record)  # by its name's first byte
    return points


def _holds(own: scan.Share, subject: tuple[Value, ...]) -> bool:
    return zlib.crc32(repr(subject).encode()) % own.parts == own.part


def _rows(
    spec: BuildSpec, outputs: Sequence[bytes], labels: Sequence[bytes]
) -> Iterator[tuple[int, bytes]]:
    """Yield what goes into which bucket: sealed rows, or what `hidden.py` makes blocks of."""
    pairs = zip(outputs, labels, strict=True)
    if spec.hidden:
        keys = np.frombuffer(b"".join(outputs), np.uint8).reshape(-1, OUTPUT_BYTES)
        numbers = buckets_of(spec.shape, spec.parameters.domain, keys)
        yield from zip(numbers, map(b"".join, pairs), strict=True)
        return
    for output, label in pairs:
        row = seal_row(spec.parameters, output, label)
        yield row[0], row  # by the tag's first byte


def _folder_of(spec: BuildSpec, part: int | str) -> str:
    """Return the name of a part's folder; another nonce's rows would open for nobody."""
    return f"{spec.parameters.nonce.hex()[:16]}-{part}"


def _read_bucket(spec: BuildSpec, number: int) -> bytes:
    found = sorted(spec.spool.glob(f"{_folder_of(spec, '*')}/{number:02x}"))
    return b"".join(path.read_bytes() for path in found)


class _Buckets:
    """256 append-only files behind one buffer of at most 4 MiB, in a folder that is one run's.

    Twice as many where outputs are kept: those of records come after those of rows.
    """

    def __init__(self, spec: BuildSpec, part: int) -> None:
        self._whole = spec.spool / _folder_of(spec, part)
        self.folder = spec.spool / f".{self._whole.name}.{secrets.token_hex(8)}"
        self.folder.mkdir()
        numbers = range(2 * BUCKETS if spec.keep else BUCKETS)
        self._buffers = [bytearray() for _ in numbers]
        self._paths = [self.folder / f"{number:02x}" for number in numbers]
        self._held = 0

    def add(self, bucket: int, row: bytes) -> None:
        """Put one row into a bucket."""
        self._buffers[bucket] += row
        self._held += len(row)
        if self._held >= _FLUSH_BYTES:
            self._flush()

    def finish(self) -> None:
        """Write out what is buffered and give the folder the name that `merge` looks for."""
        self._flush()
        try:
            self.folder.rename(self._whole)
        except OSError:
            if not self._whole.is_dir():
                raise
            shutil.rmtree(self.folder)  # another run of this part was sooner: its rows are the same

    def _flush(self) -> None:
        for path, buffer in zip(self._paths, self._buffers, strict=True):
            if buffer:
                with path.open("ab") as file:
                    file.write(buffer)
                buffer.clear()
        self._held = 0
