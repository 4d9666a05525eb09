"""A run over a network that is not there: messages and computing, replayed on a virtual clock.

Every party has a clock of its own, a line out and a line in, both of the network's rate. A message
starts when whoever sends it has made all of it and its line out is free; half a round trip later it
begins to come in, once the other one's line in is free; that one goes on when all of it is there.
So nothing overlaps within a message, nothing is lost, and TCP begins at full speed: for messages
that are short against rate times round trip this is what a network takes, for long ones close to
it. Nothing is added for framing or TLS.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from unseen.protocols.errors import InputInvalidError

_NUMBER: Final = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_TEXT: Final = re.compile(rf"([a-z][a-z0-9-]*):{_NUMBER}(us|ms|s),{_NUMBER}(kbps|mbps|gbps)")
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_BITS: Final = {"kbps": 1e3, "mbps": 1e6, "gbps": 1e9}


@dataclass(frozen=True, slots=True)
class Net:
    """A network: its name, seconds of a round trip, and bits a second from and to each party."""

    name: str
    round_trip: float
    rate: float


@dataclass(frozen=True, slots=True)
class Computed:
    """A party was busy for so many seconds of CPU."""

    party: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Sent:
    """A party sent another one so many bytes, and they were taken in at once."""

    sender: str
    receiver: str
    size: int


@dataclass(slots=True)
class Tape:
    """What happened in a run, in an order in which it may have happened."""

    events: list[Computed | Sent] = field(default_factory=list)

    @contextmanager
    def at(self, party: str) -> Iterator[None]:
        """Write down what is computed meanwhile as that party's."""
        started = time.process_time()
        try:
            yield
        finally:
            self.events.append(Computed(party, time.process_time() - started))

    def seconds(self, party: str) -> float:
        """Return the seconds of CPU of one party."""
        computed = (event for event in self.events if isinstance(event, Computed))
        return sum(event.seconds for event in computed if event.party == party)

    def send(self, sender: str, receiver: str, size: int) -> None:
        """Write a message down; what its receiver computes after it waits for it."""
        self.events.append(Sent(sender, receiver, size))


def parse(text: str) -> Net | None:
    """Return the network that a text such as `wan:80ms,100mbps` names; None for an empty one.

    Raises:
        InputInvalidError: it names none.

    """
    if not text:
        return None
    found = _TEXT.fullmatch(text)
    if found is None or not float(found[4]):
        raise InputInvalidError(
            f"{text!r} names no network",
            clause="bench.net",
            remedy="give a name, a round trip and a rate, such as wan:80ms,100mbps",
        )
    name, trip, unit, rate, bits = found.groups()
    return Net(name, float(trip) * _SECONDS[unit], float(rate) * _BITS[bits])


def replay(events: Iterable[Computed | Sent], net: Net) -> float:
    """Return the seconds until the last party is ready, all clocks beginning at 0."""
    clocks: dict[str, float] = defaultdict(float)
    out: dict[str, float] = defaultdict(float)  # when a party's line out is free again
    into: dict[str, float] = defaultdict(float)
    for event in events:
        if isinstance(event, Computed):
            clocks[event.party] += event.seconds
            continue
        passing = 8 * event.size / net.rate
        start = max(clocks[event.sender], out[event.sender])
        out[event.sender] = start + passing
        there = max(start + net.round_trip / 2, into[event.receiver]) + passing
        into[event.receiver] = there
        clocks[event.receiver] = max(clocks[event.receiver], there)
    return max(clocks.values(), default=0.0)
