"""Masking a table's subjects for one run of an intersection, in a process of its own.

Sets lie in files, and steps take memory below the node's ceiling at any number of rows
(`unseen.streams.psi`). The scalar is drawn here, serves one run and ends with it. What comes from
the buyer is looked at here for the first time, and before the table is: a message that is none, or
an element that is none, ends the run before anything is written.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from unseen.evidence.contracts.intersection import Summed
from unseen.evidence.suite import Suite, suite_of
from unseen.node.data import scan
from unseen.node.data.connection import connect, reading
from unseen.node.data.source import Fingerprint, Source, check_fingerprint
from unseen.node.errors import disk_full
from unseen.node.intersecting.files import (
    ANSWER,
    DOUBLED,
    MIXED,
    OTHERS,
    SET,
    SNAPSHOT,
    file_digest,
    write_file,
)
from unseen.protocols.dp import Gaussian, Mechanism, Sensitivity
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.group import ristretto255
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.streams import psi
from unseen.streams.room import LEAST_MEMORY, Room

Progress = Callable[[int], None]
_MASKED: Final = "masked"  # the table's elements with their places, while a step works
_PRODUCTS: Final = "products"  # the buyer's, once more masked, as long
FILLER_BYTES = 32  # no subject's encoding is as short


@dataclass(frozen=True, slots=True)
class Reading:
    """Which rows are masked, and under which run; `session` has 32 bytes."""

    source: Source
    fingerprint: Fingerprint
    subject: tuple[SubjectColumn, ...]
    domain: bytes
    session: bytes
    folder: Path
    memory_mb: int
    summed: Summed | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """How many elements an answer has of the buyer's and of the table's, and its digest."""

    items: int
    others: int
    digest: bytes


def answer(ask: Reading, suite: Suite, progress: Progress) -> Answered:
    """Write the answer to the buyer's set: its elements doubled in their order, and the table's.

    Raises:
        TableChangedError: the file is not the registered one.
        MalformedMessageError, ElementInvalidError: what the buyer sent is no set of elements.
        StorageFullError: there is no space left.

    """
    room, scalar = room_of(ask, progress), ristretto255.random_scalar(secrets.token_bytes)
    asked, masked = psi.only_set(ask.folder / SET), ask.folder / _MASKED
    products = ask.folder / _PRODUCTS
    with full():
        psi.multiply(asked, (0, asked.count), scalar, products, room)
        others = psi.mask(_items(ask), ask.session, scalar, masked, room, once=True)
        psi.answer(ask.folder / SET, masked, scalar, ask.folder / ANSWER, room, [products])
    for path in (masked, products):
        path.unlink()
    return Answered(asked.count, others, file_digest(ask.folder / ANSWER, suite))


def mask(ask: Reading, snapshot: bytes, progress: Progress) -> None:
    """Write the table's elements for the buyer to mix, and what they are to be compared with.

    What they are compared with are the buyer's elements, doubled, ascending: which is which is
    lost. Raises as `answer`.
    """
    room, scalar = room_of(ask, progress), ristretto255.random_scalar(secrets.token_bytes)
    masked = ask.folder / _MASKED
    with full():
        psi.double(ask.folder / SET, scalar, ask.folder / DOUBLED, room)
        psi.mask(_items(ask), ask.session, scalar, masked, room, once=True)
        write_file(ask.folder / SNAPSHOT, snapshot)
        psi.ask(masked, ask.folder / OTHERS)  # last: it says that all is there
    masked.unlink()


def count(folder: Path, rho: Fraction, most: int, group: int) -> int | None:
    """Return how many of the buyer's elements come back, with noise, from 0 to `most`.

    One subject more or less changes it by one. None where the noisy number is below `group`: by
    the true one, a refusal would say something that no noise hides.

    Raises:
        MalformedMessageError: what came back is no set, or for another number of elements.

    """
    others = psi.only_set(folder / OTHERS).count
    found = psi.count(folder / MIXED, folder / DOUBLED, others)
    mechanism = Mechanism(Gaussian(1 / (2 * rho)), Sensitivity.of_cells(1))
    (noisy,) = mechanism.release([found], secrets.token_bytes)
    return None if noisy < group else min(max(noisy, 0), most)


def decode_reading(ask: Any, session: bytes) -> Reading:
    """Return what `encode_reading` of the node wrote, with the run's session."""
    return Reading(
        source=Source.parse(ask["source"]),
        fingerprint=Fingerprint.from_json(ask["fingerprint"]),
        subject=tuple(SubjectColumn(**column) for column in ask["subject"]),
        domain=bytes.fromhex(ask["domain"]),
        session=session,
        folder=Path(ask["folder"]),
        memory_mb=ask["memory_mb"],
        summed=None if ask["sum"] is None else Summed.from_json(ask["sum"]),
    )


def suite_named(ask: Any) -> Suite:
    """Return the suite that a task names."""
    return suite_of(ask["suite"])


def room_of(ask: Reading, progress: Progress) -> Room:
    """Return a quarter of the node's memory, as the database has half, and no dead job's files."""
    room = Room(ask.folder, max(ask.memory_mb << 18, LEAST_MEMORY), progress)
    room.sweep()
    return room


def _items(ask: Reading) -> Iterator[Sequence[bytes]]:
    rows = 0
    for batch in batches(ask):
        items = list(_encoded(ask, batch))
        rows += len(items)
        yield items
    if not rows:
        # A set is never empty: what nobody can ask about stands for a table without rows.
        yield [secrets.token_bytes(FILLER_BYTES)]


def batches(ask: Reading, columns: Sequence[str] = ()) -> Iterator[scan.Batch]:
    """Yield the table's subjects, and beside each the texts of `columns`.

    Raises:
        TableChangedError: the file is not the registered one, or is no more at the end.

    """
    check_fingerprint(ask.source.path, ask.fingerprint)
    connection = connect(ask.source, memory_mb=ask.memory_mb // 2, spill=ask.folder)
    try:
        with reading():
            yield from scan.scan(connection, ask.subject, (), columns)
    finally:
        connection.close()
    check_fingerprint(ask.source.path, ask.fingerprint)


def _encoded(ask: Reading, batch: scan.Batch) -> Iterator[bytes]:
    for subject in batch.subjects:
        try:
            yield encode_subject(ask.subject, subject, ask.domain)
        except SubjectInvalidError:  # it has no canonical form: nobody can ask about it
            continue


@contextlib.contextmanager
def full() -> Iterator[None]:
    """Say of a full disk inside that it is one."""
    try:
        yield
    except OSError as error:
        raise disk_full(error) or error from None
