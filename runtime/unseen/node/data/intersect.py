"""Masking a table's subjects for one run of an intersection, in a process of its own.

Sets lie in files, and steps take memory below the node's ceiling at any number of rows
(`unseen.streams.psi`). The scalar serves one job and is never written. What comes from the buyer is
looked at here for the first time, and before the table is: a message that is none, or an element
that is none, ends the run before anything is written. Of a large table or set other processes may
have masked the parts (`masking.py`); what comes out is the same.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from unseen.evidence.contracts.intersection import Summed
from unseen.evidence.suite import Suite, suite_of
from unseen.node.data import scan
from unseen.node.data.connection import connect, hashed, reading
from unseen.node.data.source import Fingerprint, Source, check_fingerprint
from unseen.node.errors import disk_full
from unseen.node.intersecting.files import DOUBLED, MIXED, OTHERS, SET, SNAPSHOT
from unseen.node.runs.files import ANSWER, file_digest
from unseen.protocols.dp import Gaussian, Mechanism, Sensitivity
from unseen.protocols.lookup.match import formed_points
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.streams import psi
from unseen.streams.room import LEAST_MEMORY, Room
from unseen.streams.whole import write_whole

Progress = Callable[[int], None]
_MASKED: Final = "masked"  # the table's elements with their places, while a step works
_PRODUCTS: Final = "products"  # the buyer's, once more masked, as long
FILLER_BYTES = 32  # no subject's encoding is as short


@dataclass(frozen=True, slots=True)
class Parts:
    """What was masked before: stretches of the buyer's set in order, and parts of the table.

    Files of both; a part may be empty. They go as soon as they have served.
    """

    stretches: tuple[Path, ...] = ()
    table: tuple[Path, ...] = ()

    @property
    def are_none(self) -> bool:
        """Return whether no part holds anything, so that the table is masked here."""
        return not any(path.stat().st_size for path in self.table)

    def end(self) -> None:
        """Delete them."""
        for path in (*self.stretches, *self.table):
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Reading:
    """Which rows are masked, and under which run; `session` has 32 bytes.

    Of the rows those are read that fall to `part` of `parts`, by their subjects' hash.
    """

    source: Source
    fingerprint: Fingerprint
    subject: tuple[SubjectColumn, ...]
    domain: bytes
    session: bytes
    folder: Path
    memory_mb: int
    summed: Summed | None = None
    part: int = 0
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Answered:
    """How many elements an answer has of the buyer's and of the table's, and its digest."""

    items: int
    others: int
    digest: bytes


def answer(ask: Reading, suite: Suite, scalar: bytes, done: Parts, progress: Progress) -> Answered:
    """Write the answer to the buyer's set: its elements doubled in their order, and the table's.

    Raises:
        TableChangedError: the file is not the registered one.
        MalformedMessageError, ElementInvalidError: what the buyer sent is no set of elements.
        StorageFullError: there is no space left.

    """
    room = room_of(ask, progress)
    asked, masked = psi.only_set(ask.folder / SET), ask.folder / _MASKED
    products = list(done.stretches) or [ask.folder / _PRODUCTS]
    with full():
        if not done.stretches:
            psi.multiply(asked, (0, asked.count), scalar, products[0], room)
        others = mask_table(ask, scalar, done, masked, room)
        psi.answer(ask.folder / SET, masked, b"", ask.folder / ANSWER, room, products)
    for path in (masked, *products):
        path.unlink()
    return Answered(asked.count, others, file_digest(ask.folder / ANSWER, suite))


def mask(ask: Reading, snapshot: bytes, scalar: bytes, done: Parts, progress: Progress) -> None:
    """Write the table's elements for the buyer to mix, and what they are to be compared with.

    What they are compared with are the buyer's elements, doubled, ascending: which is which is
    lost. Raises as `answer`.
    """
    room = room_of(ask, progress)
    masked = ask.folder / _MASKED
    with full():
        psi.double(ask.folder / SET, scalar, ask.folder / DOUBLED, room, 0, done.stretches)
        mask_table(ask, scalar, done, masked, room)
        write_whole(ask.folder / SNAPSHOT, snapshot)
        psi.ask(masked, ask.folder / OTHERS)  # last: it says that all is there
    done.end()
    masked.unlink()


def mask_table(ask: Reading, scalar: bytes, done: Parts, target: Path, room: Room) -> int:
    """Write the masked file of the table, from its parts where there are some; return its items."""
    if not done.table:
        return psi.mask(filled(items(ask)), ask.session, scalar, target, room, once=True)
    if done.are_none:
        return psi.mask(filled(()), ask.session, scalar, target, room, once=True)
    found = psi.merge_masked(done.table, target, room, once=True)
    for path in done.table:
        path.unlink()
    return found


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
        part=ask["part"],
        parts=ask["parts"],
    )


def decode_parts(ask: Any) -> Parts:
    """Return the files that others have written, by the paths in a task's JSON."""
    return Parts(tuple(map(Path, ask["stretches"])), tuple(map(Path, ask["table"])))


def suite_named(ask: Any) -> Suite:
    """Return the suite that a task names."""
    return suite_of(ask["suite"])


def room_of(ask: Reading, progress: Progress) -> Room:
    """Return a quarter of the node's memory, as the database has half, and no dead job's files."""
    room = Room(ask.folder, max(ask.memory_mb << 18, LEAST_MEMORY), progress)
    room.sweep()
    return room


def items(ask: Reading) -> Iterator[Sequence[bytes]]:
    """Yield the encoded subjects of a reading, where it has some."""
    for batch in batches(ask):
        if found := list(_encoded(ask, batch)):
            yield found


def filled(found: Iterable[Sequence[bytes]]) -> Iterator[Sequence[bytes]]:
    """Yield what was found, or in the place of nothing what nobody can ask about.

    A set is never empty: a filler stands for a table without rows.
    """
    empty = True
    for batch in found:
        empty = False
        yield batch
    if empty:
        yield [secrets.token_bytes(FILLER_BYTES)]


def batches(ask: Reading, columns: Sequence[str] = ()) -> Iterator[scan.Batch]:
    """Yield the table's subjects, and beside each the texts of `columns`.

    Raises:
        TableChangedError: the file is not the registered one, or is no more at the end.

    """
    check_fingerprint(ask.source.path, ask.fingerprint)
    connection = connect(ask.source, memory_mb=ask.memory_mb // 2, spill=ask.folder)
    own = hashed([column.name for column in ask.subject], ask.part, ask.parts)
    try:
        with reading():
            yield from scan.scan(connection, ask.subject, (), columns, own)
    finally:
        connection.close()
    check_fingerprint(ask.source.path, ask.fingerprint)


def _encoded(ask: Reading, batch: scan.Batch) -> Iterator[bytes]:
    for subject in batch.subjects:
        yield from formed_points(ask.subject, (), subject, ask.domain) or ()


@contextlib.contextmanager
def full() -> Iterator[None]:
    """Say of a full disk inside that it is one."""
    try:
        yield
    except OSError as error:
        raise disk_full(error) or error from None
