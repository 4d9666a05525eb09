"""Rounds with a lead: it alone adds up; whoever relays holds every message, and unmasks nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unseen.protocols.errors import (
    CohortError,
    CohortSignatureError,
    MalformedMessageError,
    PartyDroppedError,
    PartyDuplicateError,
    PartyUnknownError,
    PlanMismatchError,
    RoundReplayedError,
    ShareInvalidError,
    StepOrderError,
    SurvivorsTooFewError,
    UnseenError,
)
from unseen.protocols.secagg import Aggregator, Lead, Member, Party, Round, keying, wire
from unseen.protocols.secagg.driver import Cohort, cohort, drive_secagg
from unseen.protocols.secagg.lead import STEPS
from unseen.protocols.secagg.sealed import Opener, seal_shares
from unseen.protocols.secagg.wire import Step
from unseen.protocols.testing import Transcript, seeded_rng

if TYPE_CHECKING:
    from unseen.protocols.kernels.words import Words

BOUND = 1000
FOLDER = Path(__file__).parents[2] / "vectors/secagg"
VECTOR = json.loads((FOLDER / "lead_v1.json").read_text(encoding="utf-8"))
MASKS = json.loads((FOLDER / "masks_shares_v1.json").read_text(encoding="utf-8"))


def led(count: int, lead: int = 0, ring: int = 64) -> Cohort:
    return cohort(count, 9, BOUND, seeded_rng(count), ring, f"party-{lead}")


COHORTS = {(count, lead): led(count, lead) for count in range(3, 8) for lead in range(count)}


def vectors(group: Cohort, seed: int) -> dict[str, NDArray[np.integer]]:
    source = np.random.default_rng(seed)
    return {m.name: source.integers(-BOUND, BOUND, 9) for m in group.parameters.members}


@settings(max_examples=40)
@given(st.data(), st.integers(0, 2**32))
def test_the_sum_is_right_and_over_all_or_there_is_none(data: st.DataObject, seed: int) -> None:
    group = COHORTS[data.draw(st.sampled_from(sorted(COHORTS)))]
    names = [member.name for member in group.parameters.members]
    gone = data.draw(
        st.dictionaries(st.sampled_from(names), st.sampled_from(STEPS), max_size=2), "gone"
    )
    values = vectors(group, seed)
    dropping = {step: [n for n, when in gone.items() if when is step] for step in STEPS}
    if gone:
        with pytest.raises(CohortError) as caught:
            drive_secagg(group, values, seeded_rng(seed), dropping)
        assert isinstance(caught.value, SurvivorsTooFewError | PartyDroppedError)
        assert set(caught.value.party.split(", ")) <= set(gone)
        return
    total, survivors, _ = drive_secagg(group, values, seeded_rng(seed))
    assert survivors == tuple(names)
    assert (total == sum(values.values())).all()


class Relay:
    """A round with a lead, to its end, as whoever relayed it has it."""

    def __init__(self, group: Cohort, seed: int = 1) -> None:
        rng = seeded_rng(seed)
        self.group, self.parameters = group, group.parameters
        self.server = Aggregator(group.parameters)
        self.parties = {m.name: group.party(m.name, rng) for m in group.parameters.members}
        self.heard: list[tuple[bytes, Words | None]] = []
        self.seals = {}
        for party in self.parties.values():
            self.server.add_keys(self._say(party.advertise()))
        roster = self.server.close_keys()
        for party in self.parties.values():
            self.server.add_shares(self._say(party.share(roster)))
            self.seals[party.name] = party._seal_secret
        deals = self.server.close_shares()
        self.dealt: set[bytes] = set()
        for name, values in vectors(group, seed).items():
            masked = self.parties[name].mask(deals[name], values)
            self.dealt |= {share for pair in self.parties[name]._shares.values() for share in pair}
            self.heard.append((masked.message, masked.words))
            self.server.add_masked(masked)
        survivors = self.server.close_masked()
        for party in self.parties.values():
            self.server.add_confirmation(self._say(party.confirm(survivors)))
        confirmed = self.server.close_confirmations()
        self.revealed = [self._say(party.reveal(confirmed)) for party in self.parties.values()]

    def _say(self, message: bytes) -> bytes:
        self.heard.append((message, None))
        return message

    def opener(self) -> Opener:
        return self.parties[self.parameters.lead].opener()

    def lead(self, change: Callable[[int, bytes], bytes] = lambda _at, message: message) -> Lead:
        lead = Lead(self.opener())
        for at, (message, words) in enumerate(self.heard):
            lead.add(change(at, message), words)
        return lead


@pytest.mark.parametrize("count", [3, 5])
def test_whoever_relays_everything_cannot_unmask(count: int) -> None:
    relay = Relay(led(count, 1))
    for message in relay.revealed:
        with pytest.raises(StepOrderError, match="sealed to party-1"):
            relay.server.add_reveal(message)
    with pytest.raises(SurvivorsTooFewError):
        relay.server.finish()
    said = b"".join(message for message, _ in relay.heard)
    assert len(relay.dealt) == 2 * count * count
    assert not any(share in said for share in relay.dealt)
    expected = sum(vectors(relay.group, 1).values())
    assert (relay.lead().finish() == expected).all()


@pytest.mark.parametrize("count", [3, 5])
def test_what_is_revealed_opens_to_the_lead_alone(count: int) -> None:
    relay = Relay(led(count, 1))
    sealing = {i: relay.server._announced(i)[32:64] for i in range(count)}
    for name, secret in relay.seals.items():
        if name == relay.parameters.lead:
            continue
        opener = Opener(relay.parameters, secret, sealing)
        for message in relay.revealed:
            sender, body = wire.opened(relay.parameters, Step.REVEAL, message, None)
            own = relay.parameters.member(sender).name == name
            if own:
                continue  # what it said itself it knows
            with pytest.raises(ShareInvalidError, match=f"party-{sender}: "):
                opener.open(sender, body[:32], body[32:])
    for name, party in relay.parties.items():
        if name != relay.parameters.lead:
            with pytest.raises(StepOrderError, match=name):
                party.opener()
    assert repr(relay.opener()) == "Opener('party-1')"


def test_inputs_with_one_sum_leave_transcripts_of_one_shape() -> None:
    group = led(4, 2)
    one = vectors(group, 1)
    swapped = {**one, "party-0": one["party-1"], "party-1": one["party-0"]}
    first, _, before = drive_secagg(group, one, seeded_rng(1))
    second, _, after = drive_secagg(group, swapped, seeded_rng(2))
    assert (first == second).all()
    assert shape(before) == shape(after)
    reveals = {len(m.parts[0]) for m in before.messages if m.name == "reveal"}
    assert reveals == {199 + 32 * 4 + 16}


def shape(transcript: Transcript) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(m.sender, m.name, tuple(map(len, m.parts))) for m in transcript.messages]


def test_secrets_are_forgotten_but_for_what_opens_the_shares() -> None:
    relay = Relay(led(3, 1))
    for name, party in relay.parties.items():
        secrets = (party._shares, party._mask_secret, party._self_secret, party._seal_secret)
        assert not any(secrets)
        assert (party._opener is None) == (name != "party-1")


def test_before_the_end_nothing_opens() -> None:
    group = led(3, 0)
    party = group.party("party-0", seeded_rng(1))
    with pytest.raises(StepOrderError, match="party-0"):
        party.opener()
    party.advertise()
    with pytest.raises(StepOrderError, match="party-0"):
        party.opener()


@pytest.mark.parametrize("at", range(15))
@pytest.mark.parametrize("bit", [0, 4, 40, 110, -70, -1])
def test_a_changed_message_names_who_did_not_sign_it(at: int, bit: int) -> None:
    relay = Relay(led(3, 1))

    def bent(place: int, message: bytes) -> bytes:
        if place != at:
            return message
        found = bytearray(message)
        found[bit] ^= 1
        return bytes(found)

    with pytest.raises(UnseenError) as caught:
        relay.lead(bent).finish()
    if bit not in (0, 4):
        assert isinstance(caught.value, CohortSignatureError)
        assert caught.value.party == f"party-{at % 3}"


@pytest.mark.parametrize("at", range(15))
def test_whoever_is_left_out_is_named(at: int) -> None:
    relay = Relay(led(3, 1))
    del relay.heard[at]
    with pytest.raises(SurvivorsTooFewError) as caught:
        relay.lead().finish()
    assert caught.value.party == f"party-{at % 3}"


@pytest.mark.parametrize("at", range(15))
def test_whoever_speaks_twice_or_too_late_is_refused(at: int) -> None:
    relay = Relay(led(3, 1))
    lead = Lead(relay.opener())
    for message, words in relay.heard[: at + 1]:
        lead.add(message, words)
    with pytest.raises(PartyDuplicateError, match=f"party-{at % 3}"):
        lead.add(*relay.heard[at])
    if at >= 3:
        with pytest.raises(StepOrderError):
            lead.add(*relay.heard[0])


def test_another_vector_than_the_signed_one_is_refused() -> None:
    relay = Relay(led(3, 1))
    message, words = relay.heard[7]
    assert words is not None
    relay.heard[7] = (message, words + 1)
    with pytest.raises(MalformedMessageError, match="party-1"):
        relay.lead()
    for wrong in (None, words[1:], words.astype(np.uint32)):
        relay.heard[7] = (message, wrong)
        with pytest.raises(UnseenError):
            relay.lead()
    relay.heard[7] = (message, words)
    relay.heard[0] = (relay.heard[0][0], words)  # a vector where none belongs
    with pytest.raises(MalformedMessageError):
        relay.lead()


def put(at: int, instead: bytes) -> Callable[[int, bytes], bytes]:
    return lambda place, message: instead if place == at else message


def test_messages_of_another_round_are_refused() -> None:
    group = led(3, 1)
    relay, other = Relay(group), Relay(group, 2)
    anew = replace(group, parameters=replace(group.parameters, round_id=bytes(32)))
    stray = Relay(anew)
    for at in range(15):
        with pytest.raises(RoundReplayedError, match=f"party-{at % 3}"):
            relay.lead(put(at, stray.heard[at][0]))
    for at in range(3, 15):  # the same round run with other keys: somebody shows two faces
        with pytest.raises(UnseenError):
            relay.lead(put(at, other.heard[at][0])).finish()


def test_parties_that_believe_in_different_leads_never_meet() -> None:
    group = led(3, 1)
    other = replace(group.parameters, lead="party-2")
    none = replace(group.parameters, lead="")
    assert len({group.parameters.digest, other.digest, none.digest}) == 3
    for strange in (other, none):
        message = Party(strange, "party-0", group.keys["party-0"].sign, seeded_rng(3)).advertise()
        with pytest.raises(PlanMismatchError, match="party-0"):
            Aggregator(group.parameters).add_keys(message)


def test_a_lead_that_is_no_member_or_is_left_out_makes_no_round() -> None:
    parameters = led(4, 1).parameters
    with pytest.raises(PartyUnknownError, match="nobody"):
        replace(parameters, lead="nobody")
    with pytest.raises(PartyUnknownError, match="party-1"):
        parameters.without(["party-1"], bytes(32))
    assert parameters.without(["party-2"], bytes(32)).lead == "party-1"


@pytest.mark.parametrize("count", [3, 5, 10, 100])
def test_nobody_may_drop_out(count: int) -> None:
    parameters = cohort(count, 1, 1, seeded_rng(1), lead="party-0").parameters
    assert (parameters.threshold, parameters.least) == (2 * count // 3 + 1, count)
    with pytest.raises(SurvivorsTooFewError, match="party-2"):
        parameters.require(set(range(count)) - {2})


def test_a_lead_that_shows_parties_different_keys_is_caught() -> None:
    group = led(4, 1)
    rng = seeded_rng(5)
    parties = {m.name: group.party(m.name, rng) for m in group.parameters.members}
    keys = [party.advertise() for party in parties.values()]
    second = group.party("party-1", rng).advertise()
    roster, shown = tuple(keys), (keys[0], second, *keys[2:])
    server = Aggregator(group.parameters)
    for message in keys:
        server.add_keys(message)
    server.close_keys()
    server.add_shares(parties["party-0"].share(roster))
    deceived = parties["party-3"].share(shown)
    with pytest.raises(PlanMismatchError, match="party-3"):
        server.add_shares(deceived)


def test_a_lead_whose_key_agrees_on_nothing_is_named() -> None:
    parameters = led(3, 1).parameters
    own, letter = (0, bytes(range(32))), (bytes(32), bytes(96))
    with pytest.raises(CohortSignatureError, match="party-1"):
        seal_shares(parameters, own, bytes(32), letter)
    with pytest.raises(CohortSignatureError, match="party-2"):
        Opener(parameters, bytes(range(32)), {2: bytes(32)})


def round_of_vectors(lead: str) -> Round:
    members = tuple(Member(one["name"], bytes.fromhex(one["key"])) for one in MASKS["members"])
    fields: dict[str, Any] = {"dimension": MASKS["dimension"], "bound": MASKS["bound"]}
    fields |= {name: bytes.fromhex(MASKS[name]) for name in ("plan_hash", "round_id", "context")}
    return Round(members=members, lead=lead, ring=VECTOR["ring"], **fields)


def test_what_is_sealed_is_that_of_the_vector() -> None:
    parameters = round_of_vectors(VECTOR["lead"])
    assert parameters.digest.hex() == VECTOR["digest"]
    secrets = [bytes.fromhex(one) for one in VECTOR["sealing_secrets"]]
    keys = {i: keying.public_key(secret) for i, secret in enumerate(secrets)}
    assert [key.hex() for key in keys.values()] == VECTOR["sealing_keys"]
    view, lead = bytes.fromhex(VECTOR["view"]), parameters.index(VECTOR["lead"])
    opener = Opener(parameters, secrets[lead], keys)
    both = zip(VECTOR["revealed"], VECTOR["sealed"], strict=True)
    for sender, (shares, sealed) in enumerate(both):
        made = seal_shares(
            parameters, (sender, secrets[sender]), keys[lead], (view, bytes.fromhex(shares))
        )
        assert made.hex() == sealed
        assert opener.open(sender, view, made).hex() == shares
        with pytest.raises(ShareInvalidError):
            opener.open(sender, bytes(32), made)
        with pytest.raises(ShareInvalidError):
            opener.open((sender + 1) % 3, view, made)
