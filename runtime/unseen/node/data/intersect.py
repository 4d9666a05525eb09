"""Masking a table's subjects for one run of an intersection, in a process of its own.

Everything is in memory, about half a kilobyte for each row and item: tables are limited to 2^20
rows where contracts are made. The scalar is drawn here, serves one run and ends with it. What comes
from the buyer is looked at here for the first time: a message that is none, or an element that is
none, ends the run before anything is written.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

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
    write_file,
)
from unseen.protocols.dp import Gaussian, Mechanism, Sensitivity
from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.group import bulk
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.protocols.psi.masked import Masked
from unseen.protocols.psi.messages import pack, unpack

Progress = Callable[[int], None]
_FILLER_BYTES = 32  # no subject's encoding is as short


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
    asked = _elements(ask.folder / SET)
    masked = _masked(ask, progress)
    doubled = masked.double(asked)
    progress(len(asked))
    message = pack([doubled, sorted(masked.elements)])
    _write(ask.folder / ANSWER, message)
    return Answered(len(asked), len(masked.elements), suite.digest(message))


def mask(ask: Reading, snapshot: bytes, progress: Progress) -> None:
    """Write the table's elements for the buyer to mix, and what they are to be compared with.

    What they are compared with are the buyer's elements, doubled, ascending: which is which is
    lost. Raises as `answer`.
    """
    asked = _elements(ask.folder / SET)
    masked = _masked(ask, progress)
    doubled = masked.double(asked)
    progress(len(asked))
    _write(ask.folder / DOUBLED, pack([sorted(doubled)]))
    _write(ask.folder / SNAPSHOT, snapshot)
    _write(ask.folder / OTHERS, pack([sorted(masked.elements)]))  # last: it says that all is there


def count(folder: Path, rho: Fraction, most: int, group: int) -> int | None:
    """Return how many of the buyer's elements come back, with noise, from 0 to `most`.

    One subject more or less changes it by one. None where the noisy number is below `group`: by
    the true one, a refusal would say something that no noise hides.

    Raises:
        MalformedMessageError: what came back is no set, or for another number of elements.

    """
    (others,) = unpack((folder / OTHERS).read_bytes(), (True,))
    (mixed,) = unpack((folder / MIXED).read_bytes(), (True,))
    (doubled,) = unpack((folder / DOUBLED).read_bytes(), (True,))
    if len(mixed) != len(others):
        raise MalformedMessageError("what came back is for another number of items")
    found = len(frozenset(doubled).intersection(mixed))
    mechanism = Mechanism(Gaussian(1 / (2 * rho)), Sensitivity.of_cells(1))
    (noisy,) = mechanism.release([found], secrets.token_bytes)
    return None if noisy < group else min(max(noisy, 0), most)


def decode_reading(ask: Any, session: bytes) -> Reading:
    """Return what `encode_reading` of the node wrote, with the run's session."""
    return Reading(
        source=Source.parse(ask["source"]),
        fingerprint=Fingerprint.from_json(ask["fingerprint"]),
        subject=tuple(SubjectColumn(c["name"], c["type"]) for c in ask["subject"]),
        domain=bytes.fromhex(ask["domain"]),
        session=session,
        folder=Path(ask["folder"]),
        memory_mb=ask["memory_mb"],
    )


def suite_named(ask: Any) -> Suite:
    """Return the suite that a task names."""
    return suite_of(ask["suite"])


def _masked(ask: Reading, progress: Progress) -> Masked:
    subjects = list(dict.fromkeys(_subjects(ask)))
    # A set is never empty: an element that nobody can ask about stands for a table without rows.
    items = subjects or [secrets.token_bytes(_FILLER_BYTES)]
    masked = Masked(ask.session, items, secrets.token_bytes)
    progress(len(items))
    return masked


def _subjects(ask: Reading) -> Iterator[bytes]:
    check_fingerprint(ask.source.path, ask.fingerprint)
    connection = connect(ask.source, memory_mb=ask.memory_mb // 2, spill=ask.folder)
    try:
        with reading():
            for batch in scan.scan(connection, ask.subject, (), ()):
                for subject in batch.subjects:
                    yield encode_subject(ask.subject, subject, ask.domain)
    finally:
        connection.close()
    check_fingerprint(ask.source.path, ask.fingerprint)


def _elements(path: Path) -> tuple[bytes, ...]:
    (found,) = unpack(path.read_bytes(), (True,))
    bulk.prepare(len(found))
    return found


def _write(path: Path, data: bytes) -> None:
    try:
        write_file(path, data)
    except OSError as error:
        raise disk_full(error) or error from None
