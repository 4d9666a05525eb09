"""Units under way and units this minute, by contract. In memory: a restart forgets the minute."""

import time
from collections import defaultdict, deque
from collections.abc import Callable

from unseen.node.contracts.decide import Usage

_WINDOW_SECONDS = 60.0


class _Minute:
    """Units by the time they were reserved, over the last minute, with their running sum."""

    def __init__(self) -> None:
        self._entries: deque[tuple[float, int]] = deque()
        self._sum = 0

    def add(self, now: float, units: int) -> None:
        self._entries.append((now, units))
        self._sum += units

    def sum(self, now: float) -> int:
        while self._entries and self._entries[0][0] <= now - _WINDOW_SECONDS:
            self._sum -= self._entries.popleft()[1]
        return self._sum


class Meter:
    """Counts reservations; the charge itself is counted by the store."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start empty."""
        self._monotonic = monotonic
        self._under_way: dict[str, int] = defaultdict(int)
        self._minutes: dict[str, _Minute] = defaultdict(_Minute)

    def usage(self, contract: str, charged: int) -> Usage:
        """Return the usage of a contract of which `charged` units are in the store."""
        this_minute = self._minutes[contract].sum(self._monotonic())
        return Usage(charged, self._under_way[contract], this_minute)

    def reserve(self, contract: str, units: int) -> None:
        """Hold `units` while the work runs; they count towards the minute from now on."""
        self._under_way[contract] += units
        self._minutes[contract].add(self._monotonic(), units)

    def hold(self, contract: str, units: int) -> None:
        """Hold `units` of finished work that a person has to let out."""
        self._under_way[contract] += units

    def release(self, contract: str, units: int) -> None:
        """Let go of `units`: they are charged, or never will be."""
        self._under_way[contract] -= units
