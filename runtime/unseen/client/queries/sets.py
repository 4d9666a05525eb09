"""A buyer's steps of an intersection, over files: what it masks, mixes and finds.

With numpy in bounded memory, at any size of the table (`unseen.streams.psi`); without it the same
in memory, message for message. Steps depend on the items and the seed alone: a run that goes on
after a kill does what is missing, and what was done before is the same.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from unseen.client.errors import HomeError
from unseen.client.local.home import write_file
from unseen.protocols.group import ristretto255
from unseen.protocols.group.elgamal import Share
from unseen.protocols.party import Rng
from unseen.protocols.psi.cardinality import Buyer
from unseen.protocols.psi.ecdh import Receiver
from unseen.protocols.psi.sum import Buyer as SumBuyer
from unseen.protocols.psi.sum import head, new_share

if TYPE_CHECKING:
    from unseen.streams.room import Room

OTHERS: Final = "others"  # the table's elements, to be mixed
ANSWER: Final = "answer"
_SET, _MASKED, _MIXED, _BOTH = "set", "masked", "mixed", "both"
_MEMORY: Final = 256 << 20
_BATCH: Final = 1 << 14
_DAY: Final = 86_400  # seconds

Fresh = Callable[[], Rng]
"""Gives the bytes that a run's scalar is drawn from, from the first on, whenever it is called."""


class Sets(Protocol):
    """The steps of one run. Errors of steps: `PeerError`, and `OSError` where the disk is full."""

    def first(self) -> Path:
        """Return the file of the own set, masked: the same whenever it is made."""

    def mix(self, others: Path) -> Path:
        """Return the file of the table's elements, masked once more, in another order."""

    def present(self, answer: Path) -> bytes:
        """Return a byte for each own item: 1 where the table has it."""


def sets_of(
    folder: Path,
    session: bytes,
    items: Sequence[bytes],
    fresh: Fresh,
    told: Callable[[int], None],
    *,
    sums: bool = False,
) -> Sets:
    """Return the steps of a run with its files in `folder`; `told` hears of items that are done.

    `sums` says that what stands beside the table's elements is summed up.
    """
    if find_spec("numpy") is None:
        return _InMemory(folder, session, items, fresh, SumBuyer if sums else Buyer)
    from unseen.streams.room import Room  # noqa: PLC0415 - and what it needs, only where numpy is

    room = Room(folder, _MEMORY, told)
    room.sweep()
    scalar = ristretto255.random_scalar(fresh())
    if sums:
        return _Summing(room, session, items, scalar, share_of(session, fresh()))
    return _InFiles(room, session, items, scalar)


def share_of(session: bytes, rng: Rng) -> Share:
    """Return the share of a run's key, which is drawn after its scalar."""
    ristretto255.random_scalar(rng)
    return new_share(session, rng, provider=False)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others from the files of a run meanwhile: each would sweep away what another writes.

    Raises:
        HomeError: somebody is at it.

    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise HomeError(
            "another process goes on with this run",
            clause="client.home",
            remedy="wait until it has ended, or end it",
        ) from None
    try:
        yield
    finally:
        os.close(handle)


def forget_theirs(folder: Path) -> None:
    """Delete what a node has sent, and what was made of it: one that begins anew sends others."""
    for name in (OTHERS, f"{OTHERS}.part", ANSWER, f"{ANSWER}.part", _MIXED):
        (folder / name).unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Delete the files of a run."""
    shutil.rmtree(folder, ignore_errors=True)


def sweep(folders: Path, known: Callable[[str], bool]) -> None:
    """Delete what runs have left, in folders by id, that a kill ended before they were known.

    One that is not a day old may be another process's, which is about to write it down.
    """
    for folder in folders.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            old = time.time() - folder.stat().st_mtime > _DAY
            if old and not known(folder.name):
                forget(folder)


class _InFiles:
    def __init__(self, room: "Room", session: bytes, items: Sequence[bytes], scalar: bytes) -> None:
        self._room = room
        self._session = session
        self._items = items
        self._scalar = scalar

    def first(self) -> Path:
        from unseen.streams import psi  # noqa: PLC0415

        target = self._room.folder / _SET
        if not target.exists():
            psi.ask(self._masked(), target)
        return target

    def mix(self, others: Path) -> Path:
        from unseen.streams import psi  # noqa: PLC0415

        target = self._room.folder / _MIXED
        if not target.exists():
            psi.mix(others, self._scalar, target, self._room)
        return target

    def present(self, answer: Path) -> bytes:
        from unseen.streams import psi  # noqa: PLC0415

        target = self._room.folder / _BOTH
        psi.finish(answer, self._masked(), self._scalar, target, self._room)
        found = bytearray(len(self._items))
        for places in psi.places(target):
            for place in places.tolist():
                found[place] = 1
        return bytes(found)

    def _masked(self) -> Path:
        from unseen.streams import psi  # noqa: PLC0415

        target = self._room.folder / _MASKED
        if not target.exists():
            starts = range(0, len(self._items), _BATCH)
            batches = (self._items[start : start + _BATCH] for start in starts)
            psi.mask(batches, self._session, self._scalar, target, self._room)
        return target


class _Summing(_InFiles):
    """The same for sums: a share of a key goes before the set, and mixing encrypts anew."""

    def __init__(
        self, room: "Room", session: bytes, items: Sequence[bytes], scalar: bytes, share: Share
    ) -> None:
        super().__init__(room, session, items, scalar)
        self._share = share

    def first(self) -> Path:
        from unseen.streams import psi  # noqa: PLC0415

        target = self._room.folder / _SET
        if not target.exists():
            psi.ask(self._masked(), target, head(self._share))
        return target

    def mix(self, others: Path) -> Path:
        from unseen.streams import psi_sum  # noqa: PLC0415

        target = self._room.folder / _MIXED
        if not target.exists():
            key = psi_sum.key_from(others, self._share, self._session, provider=True)
            psi_sum.mix(others, self._scalar, key, target, secrets.token_bytes, self._room)
        return target


class _Source:
    """Bytes from `draw`, which may be another one later."""

    def __init__(self, draw: Rng) -> None:
        self.draw = draw

    def __call__(self, count: int) -> bytes:
        return self.draw(count)


class _InMemory:
    def __init__(
        self,
        folder: Path,
        session: bytes,
        items: Sequence[bytes],
        fresh: Fresh,
        buyer: type[Buyer] | type[SumBuyer],
    ) -> None:
        self._buyer = buyer
        self._folder = folder
        self._session = session
        self._items = items
        self._fresh = fresh

    def first(self) -> Path:
        return self._written(_SET, self._buyer(self._session, self._items, self._fresh()).ask())

    def mix(self, others: Path) -> Path:
        if (self._folder / _MIXED).exists():  # what went out goes out again
            return self._folder / _MIXED
        source = _Source(self._fresh())
        buyer = self._buyer(self._session, self._items, source)
        # What encrypts anew never serves twice: it would show which is which of two offers.
        source.draw = secrets.token_bytes
        return self._written(_MIXED, buyer.mix(others.read_bytes()))

    def present(self, answer: Path) -> bytes:
        receiver = Receiver(self._session, self._items, self._fresh())
        places = frozenset(receiver.finish(answer.read_bytes()))
        return bytes(place in places for place in range(len(self._items)))

    def _written(self, name: str, data: bytes) -> Path:
        write_file(self._folder / name, data, private=True)
        return self._folder / name
