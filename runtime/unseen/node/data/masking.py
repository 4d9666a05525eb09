"""Parts of an intersection masked by several processes, on this machine or on others.

Each writes one file into the job's spool, under a name of its own that it tells: a process that
only seems to be lost writes another one, which nobody reads. Numbers of a sum are encrypted before
their file has a name. Who merges them is `intersect.py`.
"""

import itertools
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from unseen.node.data import intersect, summed
from unseen.node.data.intersect import Progress, Reading, full
from unseen.streams import psi, psi_sum
from unseen.streams.room import LEAST_MEMORY, Room

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """A part of a job: what to read, of which `folder` is the spool, and the buyer's set."""

    reading: Reading
    buyers: Path


def stretch(task: Task, head: int, scalar: bytes, progress: Progress) -> Path:
    """Write a part of the buyer's set, behind `head` bytes, masked once more; return the file.

    Raises:
        MalformedMessageError, ElementInvalidError: it is no set of elements.
        StorageFullError: there is no space left.

    """
    theirs, ask = psi.only_set(task.buyers, head=head), task.reading
    spans = psi.spans(theirs.count, ask.parts)
    span = spans[ask.part] if ask.part < len(spans) else (theirs.count, 0)
    target = _named(ask)
    with _room(ask, progress) as room:
        psi.multiply(theirs, span, scalar, target, room)
    return target


def part(task: Task, key: bytes, scalar: bytes, progress: Progress) -> Path:
    """Write a part of the table, masked; return the file, which may be empty.

    With a run's `key` the numbers of a sum stand beside, encrypted. Raises:
        TableChangedError: the file is not the registered one.
        StorageFullError: there is no space left.

    """
    ask, target = task.reading, _named(task.reading)
    with _room(ask, progress) as room:
        if not key:
            found = _some(intersect.items(ask))
            if found:
                psi.mask(found, ask.session, scalar, target, room, once=True)
        else:
            masked, both = room.folder / "masked", _some(summed.items(ask))
            if both:
                psi.mask_beside(both, ask.session, scalar, masked, room, once=True)
                psi_sum.encrypt(masked, key, target, secrets.token_bytes, room)
        if not target.exists():
            target.touch(mode=0o600)
    return target


def _named(ask: Reading) -> Path:
    return ask.folder / secrets.token_hex(8)


@contextmanager
def _room(ask: Reading, progress: Progress) -> Iterator[Room]:
    """Yield a quarter of the memory, and a folder that is this process's alone and goes with it."""
    folder = ask.folder / f".{secrets.token_hex(8)}"
    with full():
        folder.mkdir(mode=0o700)
        try:
            yield Room(folder, max(ask.memory_mb << 18, LEAST_MEMORY), progress)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _some(batches: Iterable[T]) -> Iterator[T] | None:
    """Return the batches, or nothing if there is none."""
    source = iter(batches)
    for first in source:
        return itertools.chain([first], source)
    return None
