"""Units under way and units this minute, by contract. In memory: a restart forgets the minute."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from unseen.node.contracts.decide import Usage

_WINDOW_SECONDS = 60.0


class Meter:
    """Counts reservations; the charge itself is counted by the store."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start empty."""
        self._monotonic = monotonic
        self._under_way: dict[str, int] = defaultdict(int)
        self._recent: dict[str, deque[tuple[float, int]]] = defaultdict(deque)

    def usage(self, contract: str, charged: int) -> Usage:
        """Return the usage of a contract of which `charged` units are in the store."""
        recent = self._recent[contract]
        horizon = self._monotonic() - _WINDOW_SECONDS
        while recent and recent[0][0] <= horizon:
            recent.popleft()
        this_minute = sum(units for _, units in recent)
        return Usage(charged, self._under_way[contract], this_minute)

    @contextmanager
    def reserve(self, contract: str, units: int) -> Iterator[None]:
        """Hold `units` while the work runs; they count towards the minute from now on."""
        self._under_way[contract] += units
        self._recent[contract].append((self._monotonic(), units))
        try:
            yield
        finally:
            self._under_way[contract] -= units
