"""What a liar sends, party or aggregator: one error that names the party, nothing released."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from unseen.protocols.errors import (
    CohortSignatureError,
    DimensionMismatchError,
    InputInvalidError,
    MalformedMessageError,
    PartyDroppedError,
    PartyDuplicateError,
    PartyUnknownError,
    PlanMismatchError,
    RingOverflowError,
    RoundReplayedError,
    ShareConflictError,
    ShareInvalidError,
    StepOrderError,
    SurvivorsTooFewError,
    UnseenError,
)
from unseen.protocols.secagg import Aggregator, Masked, Member, Party, shamir, wire
from unseen.protocols.secagg.driver import Cohort, cohort
from unseen.protocols.secagg.wire import Step
from unseen.protocols.testing import seeded_rng

GROUP = cohort(5, 4, 100, seeded_rng(1))
ROUND = GROUP.parameters
VALUES = np.array([1, -2, 3, -100])
Flip = Callable[[bytes], bytes]


def resigned(message: bytes, change: Flip, sender: int, group: Cohort = GROUP) -> bytes:
    """Return a message changed by the party itself: its signature is right."""
    text = bytearray(change(message[: -wire.SIGNATURE_BYTES]))
    head, body = bytes(text[:103]), bytes(text[103:])
    names = wire.head(group.parameters, Step(head[4]), sender)
    key = group.keys[group.parameters.members[sender].name]
    if head != names:
        changed = head + body
        return changed + key.sign(wire._to_sign(changed))
    return wire.signed(group.parameters, Step(head[4]), sender, body, key.sign)


def flipped(at: int) -> Flip:
    def change(text: bytes) -> bytes:
        found = bytearray(text)
        found[at] ^= 1
        return bytes(found)

    return change


class Stage:
    """A round up to some step, with every message at hand."""

    def __init__(self, until: Step, absent: tuple[int, ...] = ()) -> None:
        rng = seeded_rng(7)
        self.server = Aggregator(ROUND)
        self.parties = [GROUP.party(member.name, rng) for member in ROUND.members]
        self.sent: dict[int, Any] = {}
        self.keys = [party.advertise() for party in self.parties]
        self._take(self.server.add_keys, dict(enumerate(self.keys)), until is Step.KEYS)
        if until is Step.KEYS:
            return
        self.roster = self.server.close_keys()
        shares = {party.index: party.share(self.roster) for party in self.parties}
        self._take(self.server.add_shares, shares, until is Step.SHARES)
        if until is Step.SHARES:
            return
        self.deliveries = self.server.close_shares()
        left = [party for party in self.parties if party.index not in absent]
        if until is Step.MASKED and not absent:
            return
        masked: dict[int, Any] = {p.index: p.mask(self.deliveries[p.name], VALUES) for p in left}
        self._take(self.server.add_masked, masked, until is Step.MASKED)
        if until is Step.MASKED:
            return
        self.survivors = self.server.close_masked()
        if until is Step.SURVIVORS:
            return
        confirmed = {p.index: p.confirm(self.survivors) for p in left}
        self._take(self.server.add_confirmation, confirmed, until is Step.CONFIRM)
        if until is Step.CONFIRM:
            return
        self.confirmations = self.server.close_confirmations()
        revealed = {p.index: p.reveal(self.confirmations) for p in left}
        self._take(self.server.add_reveal, revealed, last=True)

    def _take(self, add: Callable[[Any], None], messages: dict[int, Any], last: bool) -> None:
        self.sent = messages
        for message in messages.values() if not last else ():
            add(message)


def refused(kind: type[UnseenError], work: Callable[[], object], party: str = "") -> UnseenError:
    with pytest.raises(kind) as caught:
        work()
    assert type(caught.value) is kind
    if party:
        assert getattr(caught.value, "party", "") == party
        assert str(caught.value).startswith(party)
    return caught.value


ROUND_PARTS = {"plan_hash": PlanMismatchError, "round_id": RoundReplayedError}
ROUND_PARTS |= {"context": PlanMismatchError}


@pytest.mark.parametrize("part", ROUND_PARTS)
def test_a_message_of_another_plan_or_round_names_its_party(part: str) -> None:
    changed: dict[str, Any] = {part: bytes(32)}
    other = replace(ROUND, **changed)
    stray = Party(other, "party-3", GROUP.keys["party-3"].sign, seeded_rng(2)).advertise()
    stage = Stage(Step.KEYS)
    refused(ROUND_PARTS[part], lambda: stage.server.add_keys(stray), "party-3")
    roster = [*stage.keys[:3], stray, stage.keys[4]]
    refused(ROUND_PARTS[part], lambda: stage.parties[0].share(roster), "party-3")


def test_a_round_that_was_run_is_not_run_again() -> None:
    sign = GROUP.keys["party-2"].sign
    refused(
        RoundReplayedError,
        lambda: Party(ROUND, "party-2", sign, seeded_rng(1), {ROUND.round_id}),
        "party-2",
    )


def test_an_unknown_party_is_named_by_its_number() -> None:
    stage = Stage(Step.KEYS)
    change = stage.keys[0][:101] + b"\x00\x09" + stage.keys[0][103:]
    refused(PartyUnknownError, lambda: stage.server.add_keys(change), "#9")
    sign = GROUP.keys["party-2"].sign
    refused(PartyUnknownError, lambda: Party(ROUND, "nobody", sign, seeded_rng(1)), "nobody")


def test_a_message_in_another_s_name_is_refused() -> None:
    stage = Stage(Step.KEYS)
    forged = resigned(stage.keys[0], lambda text: text, 0)[:-64] + bytes(64)
    refused(CohortSignatureError, lambda: stage.server.add_keys(forged), "party-0")
    roster = [forged, *stage.keys[1:]]
    refused(CohortSignatureError, lambda: stage.parties[1].share(roster), "party-0")


@pytest.mark.parametrize("step", [Step.KEYS, Step.SHARES, Step.MASKED, Step.CONFIRM, Step.REVEAL])
def test_a_step_sent_twice_names_its_party(step: Step) -> None:
    stage = Stage(step, absent=(4,) if step is Step.MASKED else ())
    adds: dict[Step, Callable[[Any], None]] = {
        Step.KEYS: stage.server.add_keys,
        Step.SHARES: stage.server.add_shares,
        Step.MASKED: stage.server.add_masked,
        Step.CONFIRM: stage.server.add_confirmation,
        Step.REVEAL: stage.server.add_reveal,
    }
    add = adds[step]
    add(stage.sent[1])
    refused(PartyDuplicateError, lambda: add(stage.sent[1]), "party-1")


def test_a_party_twice_in_a_roster_is_named() -> None:
    stage = Stage(Step.KEYS)
    roster = [stage.keys[0], *stage.keys]
    refused(PartyDuplicateError, lambda: stage.parties[0].share(roster), "party-0")
    member = ROUND.members[0]
    for twin in (Member("twin", member.key), Member(member.name, bytes(32))):
        members = (*ROUND.members, twin)
        refused(PartyDuplicateError, partial(replace, ROUND, members=members), twin.name)


@pytest.mark.parametrize("values", [np.zeros(3, np.int64), np.zeros(5, np.int32)])
def test_a_vector_of_another_dimension_is_refused_on_both_sides(values: Any) -> None:
    stage = Stage(Step.MASKED)
    party = stage.parties[0]
    mine = stage.deliveries[party.name]
    refused(DimensionMismatchError, lambda: party.mask(mine, values), "party-0")
    sent = party.mask(mine, VALUES)  # the refusal has not ended the round
    wrong = Masked(sent.message, np.zeros(values.size, np.uint32))
    refused(DimensionMismatchError, lambda: stage.server.add_masked(wrong), "party-0")
    stage.server.add_masked(sent)


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 0, 101, 0]),
        np.array([0, 0, -101, 0]),
        np.array([0, 0, 2**64 - 1, 0], np.uint64),
        np.array([0, 0, -(2**63), 0]),
    ],
)
def test_a_value_over_the_bound_is_refused_by_place(values: Any) -> None:
    stage = Stage(Step.MASKED)
    party = stage.parties[1]
    error = refused(
        RingOverflowError, lambda: party.mask(stage.deliveries[party.name], values), "party-1"
    )
    assert getattr(error, "position", None) == 2


@pytest.mark.parametrize("values", [np.zeros(4), np.zeros((2, 2), np.int64)])
def test_what_is_no_vector_of_whole_numbers_is_refused(values: Any) -> None:
    stage = Stage(Step.MASKED)
    party = stage.parties[1]
    refused(InputInvalidError, lambda: party.mask(stage.deliveries[party.name], values))


class Given:
    """Noise that is what it is given, with the reach that it claims."""

    def __init__(self, numbers: Any, reach: int) -> None:
        self.reach = reach
        self.numbers = numbers

    def __call__(self, count: int) -> Any:
        return self.numbers


@pytest.mark.parametrize(
    ("noise", "kind"),
    [
        (Given(np.zeros(3, np.int64), 0), InputInvalidError),
        (Given(np.zeros(4), 0), InputInvalidError),
        (Given(np.zeros((4, 1), np.int64), 0), InputInvalidError),
        (Given(np.full(4, 2**62), 0), InputInvalidError),
        (Given(np.full(4, -801), 0), InputInvalidError),
        (Given(np.zeros(4, np.int64), 1), RingOverflowError),
        (Given(np.zeros(4, np.int64), 101), InputInvalidError),
    ],
)
def test_noise_that_does_not_fit_is_refused(noise: Given, kind: type[UnseenError]) -> None:
    stage = Stage(Step.MASKED)
    party = stage.parties[1]
    mine = stage.deliveries[party.name]
    refused(kind, lambda: party.mask(mine, VALUES, noise))


def test_another_vector_than_the_signed_one_is_refused() -> None:
    stage = Stage(Step.MASKED, absent=(4,))
    sent = stage.sent[0]
    other = Masked(sent.message, sent.words + np.uint32(1))
    refused(MalformedMessageError, lambda: stage.server.add_masked(other))
    wide = Masked(sent.message, sent.words.astype(np.uint64))
    refused(MalformedMessageError, lambda: stage.server.add_masked(wide))


def test_a_dropped_party_is_not_heard_again() -> None:
    stage = Stage(Step.CONFIRM, absent=(3,))
    late = resigned(stage.sent[0], lambda text: text[:101] + b"\x00\x03" + text[103:], 3)
    refused(PartyDroppedError, lambda: stage.server.add_confirmation(late), "party-3")
    stage = Stage(Step.REVEAL, absent=(3,))
    late = resigned(stage.sent[0], lambda text: text[:101] + b"\x00\x03" + text[103:], 3)
    refused(PartyDroppedError, lambda: stage.server.add_reveal(late), "party-3")


def test_both_shares_of_a_party_are_never_asked_for_with_success() -> None:
    stage = Stage(Step.SURVIVORS, absent=(3,))
    both = wire.survivors_message(ROUND, [0, 1, 2, 4], [2, 3])
    refused(ShareConflictError, lambda: stage.parties[0].confirm(both), "party-2")
    stage.parties[0].confirm(stage.survivors)
    other = wire.survivors_message(ROUND, [0, 1, 3, 4], [2])
    refused(ShareConflictError, lambda: stage.parties[0].confirm(other), "party-2")
    refused(StepOrderError, lambda: stage.parties[0].confirm(stage.survivors))


def test_two_lists_for_two_halves_reveal_nothing() -> None:
    stage = Stage(Step.MASKED, absent=(9,))
    lists = [wire.survivors_message(ROUND, [0, 1, 2, 3], [4])] * 2
    lists += [wire.survivors_message(ROUND, [0, 1, 2, 3, 4], [])] * 2
    confirmed = [p.confirm(text) for p, text in zip(stage.parties, lists, strict=False)]
    refused(PlanMismatchError, lambda: stage.parties[0].reveal(confirmed), "party-2")
    refused(PlanMismatchError, lambda: stage.parties[2].reveal(confirmed), "party-0")


def test_nothing_is_revealed_to_fewer_than_the_threshold() -> None:
    stage = Stage(Step.CONFIRM)
    few = [stage.sent[index] for index in (0, 1, 2)]
    refused(SurvivorsTooFewError, lambda: stage.parties[0].reveal(few), "party-3, party-4")
    twice = [*few, few[0]]
    refused(PartyDuplicateError, lambda: stage.parties[0].reveal(twice), "party-0")


@pytest.mark.parametrize(
    ("left", "gone", "kind", "party"),
    [
        ((0, 1, 2), (3, 4), SurvivorsTooFewError, "party-3, party-4"),
        ((0, 1, 2, 3, 9), (4,), PartyUnknownError, "#9"),
        ((0, 1, 2, 3), (), PartyUnknownError, "party-4"),
        ((1, 2, 3, 4), (0,), PartyDroppedError, "party-0"),
    ],
)
def test_a_list_of_survivors_is_held_against_the_round(
    left: tuple[int, ...], gone: tuple[int, ...], kind: type[UnseenError], party: str
) -> None:
    stage = Stage(Step.MASKED, absent=(9,))
    text = wire.survivors_message(ROUND, left, gone)
    refused(kind, lambda: stage.parties[0].confirm(text), party)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: text[:-1], MalformedMessageError),
        (lambda text: text + b"\x00", MalformedMessageError),
        (lambda text: b"", MalformedMessageError),
        (lambda text: text[:103] + b"\xff" + text[104:], MalformedMessageError),
        (flipped(4), MalformedMessageError),
        (flipped(102), MalformedMessageError),
        (flipped(5), PlanMismatchError),
        (flipped(40), RoundReplayedError),
        (flipped(70), PlanMismatchError),
        (lambda text: text[:105] + text[107:109] + text[107:], PartyDuplicateError),
        (
            lambda text: text[:105] + text[107:109] + text[105:107] + text[109:],
            MalformedMessageError,
        ),
    ],
)
def test_a_bent_list_of_survivors_is_refused(change: Flip, kind: type[UnseenError]) -> None:
    stage = Stage(Step.SURVIVORS)
    refused(kind, lambda: stage.parties[0].confirm(change(stage.survivors)))


@pytest.mark.parametrize("at", [103, 140, 200, 250, -65])
def test_sealed_shares_that_were_bent_name_their_dealer(at: int) -> None:
    stage = Stage(Step.MASKED)
    party = stage.parties[0]
    deals = list(stage.deliveries[party.name])
    place = at % (len(deals[2]) - 2) + 2
    deals[2] = flipped(place)(deals[2])
    refused(ShareInvalidError, lambda: party.mask(deals, VALUES), "party-2")


def test_shares_of_somebody_unknown_or_twice_are_refused() -> None:
    stage = Stage(Step.MASKED)
    party = stage.parties[0]
    deals = list(stage.deliveries[party.name])
    stranger = b"\x00\x09" + deals[1][2:]
    refused(PartyUnknownError, lambda: party.mask([*deals, stranger], VALUES), "#9")
    refused(PartyDuplicateError, lambda: party.mask([*deals, deals[1]], VALUES), "party-1")
    refused(MalformedMessageError, lambda: party.mask(deals[1:], VALUES))
    refused(MalformedMessageError, lambda: party.mask([deals[0][:-1]], VALUES))
    refused(SurvivorsTooFewError, lambda: party.mask(deals[:3], VALUES), "party-3, party-4")


def test_a_dealer_that_commits_to_other_shares_is_named() -> None:
    stage = Stage(Step.SHARES)
    liar = stage.parties[1]
    split = shamir.split
    pairs = iter((True, False))

    def bent(*arguments: Any) -> tuple[bytes, ...]:
        shares = split(*arguments)
        return (flipped(31)(shares[0]), *shares[1:]) if next(pairs) else shares

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shamir, "split", bent)
        liar._stage = type(liar._stage)(1)
        stage.sent[1] = liar.share(stage.roster)
    for message in stage.sent.values():
        stage.server.add_shares(message)
    deliveries = stage.server.close_shares()
    for party in stage.parties:
        stage.server.add_masked(party.mask(deliveries[party.name], VALUES))
    survivors = stage.server.close_masked()
    for party in stage.parties:
        stage.server.add_confirmation(party.confirm(survivors))
    confirmations = stage.server.close_confirmations()
    for party in stage.parties:
        stage.server.add_reveal(party.reveal(confirmations))
    refused(ShareInvalidError, stage.server.finish, "party-1")


@pytest.mark.parametrize("dealer", range(5))
def test_a_holder_that_reveals_another_share_is_named(dealer: int) -> None:
    stage = Stage(Step.REVEAL, absent=(3,))
    bent = resigned(stage.sent[2], flipped(103 + 32 + 32 * dealer + 5), 2)
    refused(ShareInvalidError, lambda: stage.server.add_reveal(bent), "party-2")


def test_too_few_shares_make_no_sum() -> None:
    stage = Stage(Step.REVEAL)
    for index in (0, 1, 2):
        stage.server.add_reveal(stage.sent[index])
    refused(SurvivorsTooFewError, stage.server.finish, "party-3, party-4")
    stage.server.add_reveal(stage.sent[4])
    assert (stage.server.finish() == 5 * VALUES).all()
    refused(StepOrderError, stage.server.finish)


def test_a_sealing_key_that_agrees_on_nothing_names_its_party() -> None:
    stage = Stage(Step.KEYS)
    zero = resigned(stage.keys[2], lambda text: text[:135] + bytes(32) + text[167:], 2)
    keys = [*stage.keys[:2], zero, *stage.keys[3:]]
    refused(CohortSignatureError, lambda: stage.parties[0].share(keys), "party-2")


def test_a_mask_key_that_agrees_on_nothing_names_its_party() -> None:
    stage = Stage(Step.MASKED)
    party = stage.parties[0]
    party._keys[2] = (bytes(32), party._keys[2][1])
    mine = stage.deliveries[party.name]
    refused(CohortSignatureError, lambda: party.mask(mine, VALUES), "party-2")


@pytest.mark.parametrize("at", [0, 4, 50, 102])
def test_steps_out_of_turn_are_refused(at: int) -> None:
    stage = Stage(Step.KEYS)
    party = stage.parties[0]
    refused(StepOrderError, party.advertise)
    refused(StepOrderError, lambda: party.mask([], VALUES))
    refused(StepOrderError, lambda: party.reveal([]))
    for work in (
        lambda: stage.server.add_shares(b""),
        stage.server.close_shares,
        stage.server.close_masked,
        stage.server.close_confirmations,
        stage.server.finish,
    ):
        refused(StepOrderError, work)
    bent = flipped(at)(stage.keys[0])
    with pytest.raises(UnseenError):
        stage.server.add_keys(bent)


def test_a_message_of_another_step_is_refused() -> None:
    stage = Stage(Step.SHARES)
    refused(MalformedMessageError, lambda: stage.server.add_shares(stage.keys[0]))
    refused(MalformedMessageError, lambda: stage.server.add_shares(b"USA1"))
    cut = resigned(stage.sent[0], lambda text: text[:-1], 0)
    refused(MalformedMessageError, lambda: stage.server.add_shares(cut))


def test_a_party_that_saw_other_keys_is_named() -> None:
    stage = Stage(Step.SHARES)
    bent = resigned(stage.sent[2], flipped(103), 2)
    refused(PlanMismatchError, lambda: stage.server.add_shares(bent), "party-2")


def test_keys_in_another_order_or_without_ones_own_are_refused() -> None:
    stage = Stage(Step.KEYS)
    refused(MalformedMessageError, lambda: stage.parties[0].share(stage.keys[::-1]))
    refused(MalformedMessageError, lambda: stage.parties[0].share(stage.keys[1:]))
    refused(SurvivorsTooFewError, lambda: stage.parties[0].share(stage.keys[:3]))


@pytest.mark.parametrize(
    "change",
    [
        {"plan_hash": b""},
        {"round_id": bytes(31)},
        {"members": ROUND.members[:2]},
        {"members": (*ROUND.members, Member("", bytes(32)))},
        {"members": (*ROUND.members, Member("x", bytes(31)))},
        {"dimension": 0},
        {"bound": 0},
        {"ring": 16},
        {"bound": 2**28 // 5 + 1},
    ],
)
def test_a_round_that_cannot_be_run_is_refused(change: dict[str, Any]) -> None:
    refused(InputInvalidError, lambda: replace(ROUND, **change))


def test_a_round_starts_anew_under_a_fresh_id_only() -> None:
    refused(InputInvalidError, lambda: ROUND.without(["party-1"], ROUND.round_id))
    refused(PartyUnknownError, lambda: ROUND.without(["nobody"], bytes(32)), "nobody")
    assert ROUND.without(["party-1"], bytes(32)).digest != ROUND.digest


def test_the_digest_depends_on_every_parameter() -> None:
    others = [
        replace(ROUND, **change)
        for change in (
            {"plan_hash": bytes(32)},
            {"round_id": bytes(32)},
            {"context": bytes(32)},
            {"members": ROUND.members[::-1]},
            {"dimension": 5},
            {"bound": 99},
            {"ring": 64},
        )
    ]
    assert len({one.digest for one in (ROUND, *others)}) == 8


def test_a_party_shows_no_secret() -> None:
    party = Stage(Step.KEYS).parties[0]
    assert repr(party) == "Party('party-0', KEYS)"


def test_secrets_of_a_round_are_forgotten() -> None:
    stage = Stage(Step.REVEAL)
    for party in stage.parties:
        secrets = (party._shares, party._mask_secret, party._self_secret, party._seal_secret)
        assert not any(secrets)
