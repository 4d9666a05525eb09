"""Handing out tables and hints, in chunks: whole from an offset, or what a further build changed.

Of a hint that a further build has changed in a few rows a buyer may ask for the leaf hashes, which
add up to the manifest's root, and then for the rows that it does not have. Stops, withdrawals and
the end of an epoch or a build take effect between chunks.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from unseen.evidence.releases.manifest import HIDDEN_TABLE
from unseen.evidence.suite import DIGEST_BYTES
from unseen.node.context import Node
from unseen.node.contracts.epochs import Epoch
from unseen.node.data.spec import HASHES
from unseen.node.errors import FieldInvalidError, ManifestStaleError
from unseen.node.identity.parties import Caller
from unseen.node.kinds.lookup import epoch_for
from unseen.node.pieces import PIECE_BYTES

MAX_RANGES: Final = 4096


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is fetched: a table from an offset, or rows by their ranges, or rows' hashes.

    `manifest` is the one whose table it is, or empty; a range is its first row and their number.
    """

    contract: str
    epoch: int
    offset: int = 0
    manifest: bytes = b""
    ranges: tuple[tuple[int, int], ...] = ()
    hashes: bool = False


async def chunks(node: Node, caller: Caller, wanted: Wanted) -> AsyncIterator[bytes]:
    """Yield the bytes that are wanted.

    Raises:
        ManifestStaleError: another epoch or build answers.
        FieldInvalidError: there are no such bytes.
        UnseenError: the contract, its table or the node stands still.

    """
    epoch = epoch_for(node, caller, wanted.contract)
    _check_epoch(epoch, wanted.epoch, wanted.manifest or epoch.manifest_id)
    path = node.table_path(wanted.contract, epoch.number, epoch.build)
    if wanted.hashes:
        path = path.with_suffix(HASHES)
    spans = _spans(epoch, wanted, hashed=wanted.hashes and path.exists())
    with path.open("rb") as file:
        for start, stop in spans:
            file.seek(start)
            while chunk := await asyncio.to_thread(_read, file, stop):
                node.stops.check_node()
                # A stop takes effect between chunks, and so does the end of epoch or build: what
                # somebody who has withdrawn stands in leaves no further.
                present = epoch_for(node, caller, wanted.contract)
                _check_epoch(present, epoch.number, epoch.manifest_id)
                yield chunk


def _read(file: BinaryIO, stop: int) -> bytes:
    return file.read(min(PIECE_BYTES, stop - file.tell()))


def _check_epoch(answering: Epoch, number: int, manifest: bytes) -> None:
    if (answering.number, answering.manifest_id) != (number, manifest):
        raise ManifestStaleError(
            f"epoch {answering.number}, build {answering.build}, answers now",
            clause="epoch",
            remedy="fetch its manifest",
        )


def _spans(epoch: Epoch, wanted: Wanted, *, hashed: bool) -> list[tuple[int, int]]:
    """Return where the bytes begin and end that are wanted."""
    if wanted.hashes:
        if wanted.ranges or wanted.offset or not hashed:
            raise FieldInvalidError(
                "hashes are of the whole hint, of a further build", clause="hashes"
            )
        return [(0, epoch.manifest.rows * DIGEST_BYTES)]
    if wanted.ranges:
        return list(_ranges(epoch, wanted))
    if not 0 <= wanted.offset <= epoch.table_bytes:
        raise FieldInvalidError("the offset lies outside the table", clause="offset")
    return [(wanted.offset, epoch.table_bytes)]


def _ranges(epoch: Epoch, wanted: Wanted) -> Iterator[tuple[int, int]]:
    manifest, size = epoch.manifest, epoch.manifest.row_bytes
    if manifest.protocol != HIDDEN_TABLE or wanted.offset:
        raise FieldInvalidError("rows are fetched of a hint, without an offset", clause="ranges")
    edges = [0, *itertools.chain(*((first, first + count) for first, count in wanted.ranges))]
    ascends = all(count >= 1 for _, count in wanted.ranges) and edges == sorted(edges)
    if not ascends or edges[-1] > manifest.rows or len(wanted.ranges) > MAX_RANGES:
        raise FieldInvalidError(
            f"rows are named in order, once, in {MAX_RANGES} ranges of {manifest.rows} rows",
            clause="ranges",
        )
    for first, count in wanted.ranges:
        yield first * size, (first + count) * size
