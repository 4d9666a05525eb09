"""Cases of protocols of two parties: a run of both, one step after the other, in this process."""

from collections.abc import Callable
from typing import Any

from unseen.bench import net as nets
from unseen.bench.net import Net, Tape
from unseen.bench.registry import Case, Traffic, nothing
from unseen.protocols.party import Rng, TwoParty
from unseen.protocols.testing import Transcript, drive_pair, seeded_rng

Given = tuple[Any, Any]


class Pair:
    """Runs of one protocol over the same inputs, each with the same randomness."""

    def __init__(
        self, protocol: TwoParty, given: Given, seed: int, note: Callable[[object, object], str]
    ) -> None:
        """Take the inputs of both; `note` says what came out, or raises where that is wrong."""
        self._protocol, self._given, self._seed, self._said = protocol, given, seed, note
        self._learnt: tuple[object, object] = (None, None)
        self._transcript, self._tape = Transcript(), Tape()

    def run(self) -> None:
        """Run both parties."""
        rng: Rng = seeded_rng(self._seed)
        self._tape = Tape()
        self._learnt, self._transcript = drive_pair(self._protocol, self._given, rng, self._tape.at)

    def note(self) -> str:
        """Say what came out of the last run; raises where that is wrong."""
        return self._said(*self._learnt)

    def traffic(self) -> Traffic:
        """Return what the last run put on the wire."""
        return Traffic.of(self._transcript, up="first", down="second")

    def over(self, net: Net) -> float:
        """Return the seconds of the last run over a network."""
        return nets.replay(self._events(), net)

    def _events(self) -> list[nets.Computed | nets.Sent]:
        """Return the steps, each with the message that ended it."""
        found: list[nets.Computed | nets.Sent] = []
        messages = iter(self._transcript.messages)
        pending = next(messages, None)
        for step in self._tape.events:
            found.append(step)
            if isinstance(step, nets.Computed) and pending and pending.sender == step.party:
                other = "second" if step.party == "first" else "first"
                found.append(nets.Sent(step.party, other, pending.size))
                pending = next(messages, None)
        return found


def over(measured: Case, net: Net, seconds: Callable[[], float]) -> Case:
    """Return the case that replays each lap of a case before it over a network."""
    return Case(
        name=f"{measured.name}/{net.name}",
        phase="online",
        units=measured.units,
        whole=measured.whole,
        work=nothing,
        virtual=seconds,
        traffic=measured.traffic,
        note=lambda: f"replayed: {1000 * net.round_trip:g} ms, {net.rate / 1e6:g} Mbit/s",
        once=measured.once,
        threat_model=measured.threat_model,
        security_bits=measured.security_bits,
    )
