"""The sum of a column over an intersection, in a process of its own: `psi.sum` over files.

Each subject's value goes with its element, encrypted under a key that node and buyer have a share
of; nobody sees one, and the node not even the sum. A value is moved into the bounds of the contract
and rounded, halves away from zero; one that is missing, or no finite number, counts as 0.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import numpy as np

from unseen.evidence.contracts.intersection import Intersection, Summed
from unseen.evidence.releases.intersected import SentSum
from unseen.evidence.suite import Suite
from unseen.node.data import scan
from unseen.node.data.intersect import (
    FILLER_BYTES,
    Parts,
    Progress,
    Reading,
    batches,
    full,
    room_of,
)
from unseen.node.errors import InternalError
from unseen.node.intersecting.files import DOUBLED, MIXED, OTHERS, SET, SNAPSHOT
from unseen.protocols.dp import Clamp, Gaussian, Mechanism, Sensitivity
from unseen.protocols.group.elgamal import Share
from unseen.protocols.lookup.match import formed_points
from unseen.protocols.psi.sum import HEAD_BYTES, closing
from unseen.streams import psi, psi_sum
from unseen.streams.whole import write_whole

_MASKED: Final = "masked"


@dataclass(frozen=True, slots=True)
class Closing:
    """What ends a run: its folder and clause, the least number that is told, and its largest one.

    `session` has 32 bytes; `share` is the node's of the run's key.
    """

    folder: Path
    clause: Intersection
    group: int
    most: int
    session: bytes
    share: Share = field(repr=False)


def mask(
    ask: Reading,
    snapshot: bytes,
    share: Share,
    scalar: bytes,
    done: Parts,
    progress: Progress,
) -> None:
    """Write the table's elements with their values, encrypted, for the buyer to mix.

    Raises:
        TableChangedError: the file is not the registered one.
        MalformedMessageError, ElementInvalidError, ProofInvalidError: what the buyer sent is no
            share of a key with a set of elements.
        StorageFullError: there is no space left.

    """
    room = room_of(ask, progress)
    key = psi_sum.key_from(ask.folder / SET, share, ask.session, provider=False)
    offered = ask.folder / OTHERS
    with full():
        psi.double(ask.folder / SET, scalar, ask.folder / DOUBLED, room, HEAD_BYTES, done.stretches)
        write_whole(ask.folder / SNAPSHOT, snapshot)
        if done.table and not done.are_none:
            psi_sum.offer_parts(done.table, share, offered, room)
        else:
            masked = ask.folder / _MASKED
            found = items(ask) if not done.table else ()
            psi.mask_beside(filled(found), ask.session, scalar, masked, room, once=True)
            psi_sum.offer(masked, share, key, offered, secrets.token_bytes, room)
            masked.unlink()
    done.end()


def close(ask: Closing, suite: Suite) -> bytes:
    """Return what is released: how many come back, with noise, and their noisy sum, encrypted.

    One subject more or less changes the number by one, and the sum by the larger bound. Neither is
    told where the noisy number is below the smallest group.

    Raises:
        MalformedMessageError, ElementInvalidError: what came back is none, or for another set.

    """
    others = psi.only_set(ask.folder / OTHERS, psi_sum.RECORD_BYTES, HEAD_BYTES).count
    key = psi_sum.key_from(ask.folder / SET, ask.share, ask.session, provider=False)
    gathered = psi_sum.gather(ask.folder / MIXED, ask.folder / DOUBLED, others)
    count = _noise(gathered.found, ask.clause, 0, 1)
    if count < ask.group:
        return SentSum(suite=suite.id, count=None, sum=b"").encode()
    summed = ask.clause.sum
    if summed is None:
        raise InternalError("a sum of no column")
    noise = _noise(0, ask.clause, 1, summed.largest)
    tail = ask.clause.tail  # that no draw in the life of the universe comes near to
    hidden = closing(
        key, ask.share, gathered.total, min(max(noise, -tail), tail), secrets.token_bytes
    )
    return SentSum(suite=suite.id, count=min(max(count, 0), ask.most), sum=hidden).encode()


def units_of(text: str | None, summed: Summed) -> int:
    """Return a value as the whole number within the bounds that `summed` counts; 0 for none."""
    try:
        value = Decimal(text or "nan")
    except InvalidOperation:
        return 0
    if not value.is_finite():
        return 0
    scaled = value.scaleb(summed.decimals)
    if scaled <= summed.low or scaled >= summed.high:
        return summed.low if scaled <= summed.low else summed.high
    return int(scaled.to_integral_value(ROUND_HALF_UP))


def _noise(value: int, clause: Intersection, place: int, largest: int) -> int:
    sigma2 = largest**2 / (2 * clause.costs[place])
    law, moved = Gaussian(sigma2), Sensitivity.of_sum(Clamp(-largest, largest))
    (noisy,) = Mechanism(law, moved).release([value], secrets.token_bytes)
    return noisy


def items(ask: Reading) -> Iterator[psi.Batch]:
    """Yield the encoded subjects of a reading, where it has some, and the numbers beside them."""
    for found, values in _rows(ask):
        if found:
            yield found, _beside(values)


def filled(found: Iterable[psi.Batch]) -> Iterator[psi.Batch]:
    """Yield what was found, or in the place of nothing what nobody can ask about."""
    empty = True
    for batch in found:
        empty = False
        yield batch
    if empty:
        yield [secrets.token_bytes(FILLER_BYTES)], _beside([0])


def _rows(ask: Reading) -> Iterator[tuple[list[bytes], list[int]]]:
    summed = ask.summed
    if summed is None:
        raise InternalError("a sum of no column")
    for batch in batches(ask, [summed.column]):
        pairs = list(_pairs(ask, summed, batch))
        yield [item for item, _ in pairs], [value for _, value in pairs]


def _pairs(ask: Reading, summed: Summed, batch: scan.Batch) -> Iterator[tuple[bytes, int]]:
    for subject, (text,) in zip(batch.subjects, batch.rows, strict=True):
        for point in formed_points(ask.subject, (), subject, ask.domain) or ():
            yield point, units_of(text, summed)


def _beside(values: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.array(values, "<i8").view(np.uint8).reshape(-1, 8)
