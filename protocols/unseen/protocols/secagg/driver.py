"""Bonawitz et al., CCS 2017: whole rounds in one process, for tests, benches and papers.

Beside `unseen.protocols.testing` and not in it, since that one works without numpy. Keys that
come from a seeded `rng` protect nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from unseen.protocols.errors import PartyDroppedError
from unseen.protocols.party import Rng
from unseen.protocols.secagg.client import Party
from unseen.protocols.secagg.lead import Lead
from unseen.protocols.secagg.parameters import Member, Round
from unseen.protocols.secagg.ring import Noise
from unseen.protocols.secagg.server import Aggregator
from unseen.protocols.secagg.wire import Step
from unseen.protocols.testing import Transcript

if TYPE_CHECKING:
    from unseen.protocols.kernels.words import Words

Dropping = Mapping[Step, Collection[str]]
"""Who is gone before the message of which step is sent, and stays gone."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """A round and the signing keys of all its parties."""

    parameters: Round
    keys: Mapping[str, Ed25519PrivateKey]

    def party(self, name: str, rng: Rng) -> Party:
        """Return this party at the start of the round."""
        return Party(self.parameters, name, self.keys[name].sign, rng)


def cohort(
    count: int, dimension: int, bound: int, rng: Rng, ring: int = 32, lead: str = ""
) -> Cohort:
    """Return a round of `count` parties with fresh keys, called `party-0` and so on."""
    keys = {f"party-{i}": Ed25519PrivateKey.from_private_bytes(rng(32)) for i in range(count)}
    members = tuple(Member(name, key.public_key().public_bytes_raw()) for name, key in keys.items())
    parameters = Round(
        plan_hash=rng(32),
        round_id=rng(32),
        context=rng(32),
        members=members,
        dimension=dimension,
        bound=bound,
        ring=ring,
        lead=lead,
    )
    return Cohort(parameters, keys)


def drive_secagg(
    group: Cohort,
    vectors: Mapping[str, NDArray[np.integer]],
    rng: Rng,
    dropping: Dropping | None = None,
    noise: Callable[[str], Noise] | None = None,
) -> tuple[NDArray[np.int64], tuple[str, ...], Transcript]:
    """Run a round over `vectors`, by name; `noise` gives each party its own.

    Returns the sum, who is in it, and what the parties and "aggregator" sent. Where the round has
    a lead, it is its sum, made of what the aggregator relayed to it.

    Raises:
        SurvivorsTooFewError: too many dropped out.
        PartyDroppedError: the lead did.

    """
    run = _Run(group, rng, dropping or {})
    server = Aggregator(group.parameters)
    for party in run.present(Step.KEYS):
        server.add_keys(run.sent(party, Step.KEYS, party.advertise()))
    roster = run.passed(Step.KEYS, server.close_keys())
    for party in run.present(Step.SHARES):
        server.add_shares(run.sent(party, Step.SHARES, party.share(roster)))
    deliveries = server.close_shares()
    for party in run.present(Step.MASKED):
        mine = run.passed(Step.SHARES, deliveries[party.name])
        own = noise(party.name) if noise else None
        masked = party.mask(mine, vectors[party.name], own)
        run.sent(party, Step.MASKED, masked.message, masked.words.tobytes())
        server.add_masked(masked)
        run.words[masked.message] = masked.words
    (survivors,) = run.passed(Step.SURVIVORS, (server.close_masked(),))
    for party in run.present(Step.CONFIRM):
        server.add_confirmation(run.sent(party, Step.CONFIRM, party.confirm(survivors)))
    confirmations = run.passed(Step.CONFIRM, server.close_confirmations())
    revealed = [
        run.sent(party, Step.REVEAL, party.reveal(confirmations))
        for party in run.present(Step.REVEAL)
    ]
    if group.parameters.lead:
        return run.led(), server.survivors, run.transcript
    for message in revealed:
        server.add_reveal(message)
    return server.finish(), server.survivors, run.transcript


class _Run:
    """Who is still there, and what was sent."""

    def __init__(self, group: Cohort, rng: Rng, dropping: Dropping) -> None:
        self.transcript = Transcript()
        self.words: dict[bytes, Words] = {}  # by the message that signs them
        self._heard: list[bytes] = []
        self._lead = group.parameters.lead
        self._dropping = dropping
        self._parties = {
            member.name: group.party(member.name, rng) for member in group.parameters.members
        }

    def present(self, step: Step) -> Sequence[Party]:
        for name in self._dropping.get(step, ()):
            self._parties.pop(name, None)
        return tuple(self._parties.values())

    def sent(self, party: Party, step: Step, message: bytes, *parts: bytes) -> bytes:
        self.transcript.record(party.name, step.name.lower(), message, *parts)
        self._heard.append(message)
        return message

    def led(self) -> NDArray[np.int64]:
        if self._lead not in self._parties:
            raise PartyDroppedError(self._lead, "leads the round, and has dropped out")
        lead = Lead(self._parties[self._lead].opener())
        for message in self._heard:
            lead.add(message, self.words.get(message))
        return lead.finish()

    def passed(self, step: Step, messages: tuple[bytes, ...]) -> tuple[bytes, ...]:
        self.transcript.record("aggregator", step.name.lower(), *messages)
        return messages
