"""What a further build has changed of a hint is fetched, the rest is of the hint held before.

The leaf hashes of all rows come first. They have to add up to the root of the signed manifest, so
that a node that lies about one row is caught before anything is put together; each row that comes
has to have its hash, and the whole file is checked like any other (`tables.py`). It grows row after
row, so that an interrupted transfer goes on where it stopped. The hint held before stays as it is:
what was asked under it can still be opened.

Which rows are asked for depends on the two hints alone, not on any subject.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from unseen.client.errors import AnswerInvalidError
from unseen.client.session import Session
from unseen.evidence.releases.manifest import Manifest
from unseen.evidence.suite import DIGEST_BYTES, suite_of
from unseen.protocols.tlog.tree import Frontier, leaf_hash
from unseen.v1 import lookup_pb2, lookup_pb2_grpc

FETCH_SECONDS: Final = 3600.0
_RANGES: Final = 256  # of rows in one call; a node takes 4096


def put_together(
    session: Session, contract: str, manifest: Manifest, before: Path, part: Path
) -> None:
    """Complete the file `part` to the manifest's hint, from the one at `before` and the node.

    Raises:
        AnswerInvalidError: what the node sends is not the manifest's.
        OSError: a file cannot be read or written.
        RefusedError, UnreachableError, NodeError: it cannot be fetched; what came is kept.

    """
    hash_ = suite_of(manifest.suite).hash
    hashes = _hashes(session, contract, manifest)
    size = manifest.row_bytes
    with before.open("rb") as old, part.open("ab") as new:
        done = new.tell() // size
        new.truncate(done * size)
        held = [leaf_hash(_row(old, number, size), hash_) for number in range(manifest.rows)]
        changed = [n for n in range(done, manifest.rows) if held[n] != hashes[n]]
        came = _rows(session, contract, manifest, changed)
        try:
            for number in range(done, manifest.rows):
                if held[number] == hashes[number]:
                    row = _row(old, number, size)
                else:
                    row = next(came, b"")
                    if leaf_hash(row, hash_) != hashes[number]:
                        raise wrong("root")
                new.write(row)
            if next(came, None) is not None:
                raise wrong("rows")
        finally:
            new.flush()
            os.fsync(new.fileno())


def wrong(what: str) -> AnswerInvalidError:
    """Return the error for rows that are not those of the signed manifest."""
    return AnswerInvalidError(
        f"what changed of the table's hint is not as the signed manifest says: its {what} differs",
        clause=f"manifest.{what}",
        remedy="try again; if it persists, show the manifest to the operator",
    )


def _hashes(session: Session, contract: str, manifest: Manifest) -> list[bytes]:
    """Return the leaf hashes of the manifest's hint, which have its root."""
    most, data = manifest.rows * DIGEST_BYTES, bytearray()
    for chunk in _fetched(session, contract, manifest, hashes=True):
        data += chunk
        if len(data) > most:
            break
    found = [bytes(data[at : at + DIGEST_BYTES]) for at in range(0, len(data), DIGEST_BYTES)]
    if len(data) != most:
        raise wrong("rows")
    tree = Frontier(suite_of(manifest.suite).hash)
    for each in found:
        tree.append(each)
    if tree.root() != manifest.root:
        raise wrong("root")
    return found


def _rows(
    session: Session, contract: str, manifest: Manifest, numbers: Sequence[int]
) -> Iterator[bytes]:
    """Yield the rows of these numbers, as the node has them; the last may be short."""
    size, ranges, done = manifest.row_bytes, _ranges(numbers), 0
    for start in range(0, len(ranges), _RANGES):
        held = bytearray()
        asked = ranges[start : start + _RANGES]
        for chunk in _fetched(session, contract, manifest, ranges=asked):
            held += chunk
            while len(held) >= size:
                done += 1
                session.progress("fetching the table's hint", done * size, len(numbers) * size)
                yield bytes(held[:size])
                del held[:size]
        if held:
            yield bytes(held)


def _ranges(numbers: Sequence[int]) -> list[lookup_pb2.RowRange]:
    found: list[lookup_pb2.RowRange] = []
    for number in numbers:
        if found and found[-1].first + found[-1].count == number:
            found[-1].count += 1
        else:
            found.append(lookup_pb2.RowRange(first=number, count=1))
    return found


def _fetched(
    session: Session,
    contract: str,
    manifest: Manifest,
    *,
    ranges: Sequence[lookup_pb2.RowRange] = (),
    hashes: bool = False,
) -> Iterator[bytes]:
    stub = lookup_pb2_grpc.LookupServiceStub(session.channel.grpc)
    request = lookup_pb2.FetchTableRequest(
        contract=f"contracts/{contract}",
        epoch=manifest.epoch,
        manifest=manifest.id(),
        ranges=ranges,
        hashes=hashes,
    )
    for answer in session.channel.stream(stub.FetchTable, request, FETCH_SECONDS):
        yield answer.chunk


def _row(file: BinaryIO, number: int, size: int) -> bytes:
    file.seek(number * size)
    return file.read(size)
