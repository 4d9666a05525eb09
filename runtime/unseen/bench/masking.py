"""A whole round of secure aggregation in one process, with who computed and sent what."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from unseen.bench.net import Sent, Tape
from unseen.bench.registry import Traffic
from unseen.protocols.party import Rng
from unseen.protocols.secagg import Aggregator, Masked, Party
from unseen.protocols.secagg.driver import Cohort

SERVER: Final = "aggregator"
ROUNDS: Final = 5
_Message = TypeVar("_Message", bytes, Masked)
_Found = TypeVar("_Found")


class Whole:
    """Rounds of all parties with the same vector, nobody dropping out."""

    def __init__(self, group: Cohort, values: NDArray[np.integer], rng: Rng) -> None:
        """Take the round, and what each party adds."""
        self._group, self._values, self._rng = group, values, rng
        self._names = [member.name for member in group.parameters.members]
        self.tape = Tape()

    def run(self) -> None:
        """Take every step of everybody.

        Raises:
            RuntimeError: the sum is another one.

        """
        self.tape = Tape()
        parties = [self._group.party(name, self._rng) for name in self._names]
        server = Aggregator(self._group.parameters)
        self._step(parties, lambda each: each.advertise(), server.add_keys)
        roster = self._close(server.close_keys)
        self._all_get(roster)
        self._step(parties, lambda each: each.share(roster), server.add_shares)
        with self.tape.at(SERVER):
            dealt = server.close_shares()
        self._each_gets(dealt)
        self._step(
            parties, lambda each: each.mask(dealt[each.name], self._values), server.add_masked
        )
        survivors = self._close(server.close_masked)
        self._all_get([survivors])
        self._step(parties, lambda each: each.confirm(survivors), server.add_confirmation)
        confirmed = self._close(server.close_confirmations)
        self._all_get(confirmed)
        self._step(parties, lambda each: each.reveal(confirmed), server.add_reveal)
        total = self._close(server.finish)
        if not (total == len(parties) * self._values.astype(np.int64)).all():
            raise RuntimeError("the round ends with another sum")

    def traffic(self) -> Traffic:
        """Return what all parties sent in the last round, and what they got."""
        sent = [event for event in self.tape.events if isinstance(event, Sent)]
        up = sum(event.size for event in sent if event.receiver == SERVER)
        return Traffic(up, sum(event.size for event in sent) - up, ROUNDS)

    def note(self) -> str:
        """Say whose the CPU time of the last round is."""
        most = max(self.tape.seconds(name) for name in self._names)
        server = self.tape.seconds(SERVER)
        return f"CPU at a party {1000 * most:.1f} ms, at the aggregator {1000 * server:.1f} ms"

    def _step(
        self,
        parties: Sequence[Party],
        make: Callable[[Party], _Message],
        take: Callable[[_Message], None],
    ) -> None:
        for party in parties:
            with self.tape.at(party.name):
                message = make(party)
            self.tape.send(party.name, SERVER, _size(message))
            with self.tape.at(SERVER):
                take(message)

    def _close(self, make: Callable[[], _Found]) -> _Found:
        with self.tape.at(SERVER):
            return make()

    def _all_get(self, messages: Collection[bytes]) -> None:
        self._each_gets(dict.fromkeys(self._names, messages))

    def _each_gets(self, messages: Mapping[str, Collection[bytes]]) -> None:
        for name, own in messages.items():
            self.tape.send(SERVER, name, sum(map(len, own)))


def _size(message: bytes | Masked) -> int:
    if isinstance(message, bytes):
        return len(message)
    return len(message.message) + message.words.nbytes
