"""The bench `psi` over files: sets and messages that no memory holds, under a ceiling."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.bench import net as nets
from unseen.bench.items import BEYOND, beside, item
from unseen.bench.net import Net, Sent, Tape
from unseen.bench.registry import Traffic
from unseen.protocols.group import ristretto255
from unseen.protocols.psi import sum as sums
from unseen.protocols.testing import seeded_rng
from unseen.streams import psi, psi_sum
from unseen.streams.room import Room

_SESSION: Final = bytes(32)
_BATCH: Final = 1 << 15


class Filed:
    """Runs of one protocol over two sets of n items, the last `shared` of the first one in both."""

    def __init__(self, name: str, n: int, shared: int, memory_mb: int, seed: int) -> None:
        """Take the sizes; each run has a folder of its own."""
        ways: dict[str, Callable[[Path], int]] = {
            "ecdh": self._ecdh,
            "cardinality": self._count,
            "sum": self._sum,
        }
        self._steps, self._n, self._shared = ways[name], n, shared
        self._memory, self._seed = memory_mb << 20, seed
        self._total: int | None = None
        self.tape = Tape()

    def run(self) -> None:
        """Run both parties.

        Raises:
            RuntimeError: they find something else.
            InputInvalidError: no step keeps so little memory.

        """
        self.tape = Tape()
        with tempfile.TemporaryDirectory(prefix="unseen-bench-") as folder:
            if self._steps(Path(folder)) != self._shared:
                raise RuntimeError("psi over files does not find what is in both sets")

    def note(self) -> str:
        """Say what came out.

        Raises:
            RuntimeError: it is another sum.

        """
        common = range(self._n - self._shared, self._n)
        if self._total not in (None, sum(beside(item(number)) for number in common)):
            raise RuntimeError("psi over files opens another sum")
        return f"{self._shared} in both; {self._memory >> 20} MB for a step"

    def traffic(self) -> Traffic:
        """Return the sizes of the messages of the last run."""
        sent = [event for event in self.tape.events if isinstance(event, Sent)]
        up = sum(event.size for event in sent if event.sender == "first")
        return Traffic(up, sum(event.size for event in sent) - up, (len(sent) + 1) // 2)

    def over(self, net: Net) -> float:
        """Return the seconds of the last run over a network."""
        return nets.replay(self.tape.events, net)

    def _ecdh(self, folder: Path) -> int:
        first, second, room = self._masked(folder)
        asked, answered, found = (folder / name for name in ("asked", "answered", "found"))
        with self.tape.at("first"):
            psi.ask(folder / "first", asked)
        self._sent("first", "second", asked)
        with self.tape.at("second"):
            psi.answer(asked, folder / "second", second, answered, room)
        self._sent("second", "first", answered)
        with self.tape.at("first"):
            count = psi.finish(answered, folder / "first", first, found, room)
        expected = self._n - self._shared
        for part in psi.places(found):
            if not np.array_equal(part, np.arange(expected, expected + len(part))):
                raise RuntimeError("psi over files finds other places")
            expected += len(part)
        return count

    def _count(self, folder: Path) -> int:
        first, second, room = self._masked(folder)
        asked, offered, mixed = (folder / name for name in ("asked", "offered", "mixed"))
        with self.tape.at("first"):
            psi.ask(folder / "first", asked)
        self._sent("first", "second", asked)
        with self.tape.at("second"):
            psi.double(asked, second, folder / "doubled", room)
            own = psi.ask(folder / "second", offered)
        self._sent("second", "first", offered)
        with self.tape.at("first"):
            psi.mix(offered, first, mixed, room)
        self._sent("first", "second", mixed)
        with self.tape.at("second"):
            return psi.count(mixed, folder / "doubled", own)

    def _sum(self, folder: Path) -> int:
        """Run it, keep the sum, and return how many items are in both."""
        rng, room = seeded_rng(self._seed), Room(folder, self._memory)
        mine, theirs = ristretto255.random_scalar(rng), ristretto255.random_scalar(rng)
        asked, offered, mixed = (folder / name for name in ("asked", "offered", "mixed"))
        with self.tape.at("first"):
            own = sums.new_share(_SESSION, rng, provider=False)
            psi.mask(self._items(0), _SESSION, mine, folder / "first", room)
            psi.ask(folder / "first", asked, sums.head(own))
        self._sent("first", "second", asked)
        with self.tape.at("second"):
            other = sums.new_share(_SESSION, rng, provider=True)
            batches = ((part, _numbers(part)) for part in self._items(self._n - self._shared))
            psi.mask_beside(batches, _SESSION, theirs, folder / "second", room)
            key = psi_sum.key_from(asked, other, _SESSION, provider=False)
            psi.double(asked, theirs, folder / "doubled", room, sums.HEAD_BYTES)
            count = psi_sum.offer(folder / "second", other, key, offered, rng, room)
        self._sent("second", "first", offered)
        with self.tape.at("first"):
            key = psi_sum.key_from(offered, own, _SESSION, provider=True)
            psi_sum.mix(offered, mine, key, mixed, rng, room)
        self._sent("first", "second", mixed)
        with self.tape.at("second"):
            gathered = psi_sum.gather(mixed, folder / "doubled", count)
            closed = sums.closing(key, other, gathered.total, 0, rng)
        self.tape.send("second", "first", len(closed))
        with self.tape.at("first"):
            self._total = sums.opened(own, closed, BEYOND * self._n)
        return gathered.found

    def _masked(self, folder: Path) -> tuple[bytes, bytes, Room]:
        """Mask both sets into files `first` and `second`; return the scalars."""
        rng = seeded_rng(self._seed)
        room = Room(folder, self._memory)
        scalars = ristretto255.random_scalar(rng), ristretto255.random_scalar(rng)
        starts = {"first": 0, "second": self._n - self._shared}
        for (name, start), scalar in zip(starts.items(), scalars, strict=True):
            with self.tape.at(name):
                items = self._items(start)
                psi.mask(items, _SESSION, scalar, folder / name, room)
        return *scalars, room

    def _items(self, start: int) -> Iterator[list[bytes]]:
        end = start + self._n
        for first in range(start, end, _BATCH):
            yield [item(number) for number in range(first, min(first + _BATCH, end))]

    def _sent(self, sender: str, receiver: str, message: Path) -> None:
        self.tape.send(sender, receiver, message.stat().st_size)


def _numbers(items: list[bytes]) -> NDArray[np.uint8]:
    return np.array([beside(one) for one in items], "<i8").view(np.uint8).reshape(-1, 8)
