"""Whole rounds: whoever drops out when, the sum is right or there is none, and one share is out."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unseen.protocols.errors import SurvivorsTooFewError
from unseen.protocols.party import Message
from unseen.protocols.secagg import Round, keying, wire
from unseen.protocols.secagg.driver import Cohort, cohort, drive_secagg
from unseen.protocols.secagg.shamir import SHARE_BYTES
from unseen.protocols.secagg.wire import Step
from unseen.protocols.testing import Transcript, seeded_rng

STEPS = (Step.KEYS, Step.SHARES, Step.MASKED, Step.CONFIRM, Step.REVEAL)
BOUND = 1000
COHORTS = {
    (count, ring): cohort(count, 9, BOUND, seeded_rng(count), ring)
    for count in range(3, 9)
    for ring in (32, 64)
}


def vectors(group: Cohort, seed: int) -> dict[str, NDArray[np.integer]]:
    source = np.random.default_rng(seed)
    size = group.parameters.dimension
    return {
        member.name: source.integers(-BOUND, BOUND, size, endpoint=True)
        for member in group.parameters.members
    }


def expected_survivors(parameters: Round, gone: Mapping[str, Step]) -> set[str] | None:
    """Return who is in the sum, or None if a step is left by too few."""
    left = {member.name for member in parameters.members}
    inside = set(left)
    for step in STEPS:
        left -= {name for name, when in gone.items() if when is step}
        if len(left) < parameters.least:
            return None
        if step <= Step.MASKED:
            inside = set(left)
    return inside


@st.composite
def rounds(draw: st.DrawFn) -> tuple[Cohort, dict[str, Step]]:
    group = COHORTS[draw(st.sampled_from(sorted(COHORTS)))]
    names = [member.name for member in group.parameters.members]
    some = st.dictionaries(st.sampled_from(names), st.sampled_from(STEPS), max_size=4)
    return group, draw(some)


@settings(max_examples=60)
@given(rounds(), st.integers(0, 2**32))
def test_whoever_drops_out_when_the_sum_is_right_or_there_is_none(
    case: tuple[Cohort, dict[str, Step]], seed: int
) -> None:
    group, gone = case
    values = vectors(group, seed)
    inside = expected_survivors(group.parameters, gone)
    dropping = {step: [n for n, when in gone.items() if when is step] for step in STEPS}
    if inside is None:
        with pytest.raises(SurvivorsTooFewError) as caught:
            drive_secagg(group, values, seeded_rng(seed), dropping)
        assert set(caught.value.party.split(", ")) <= set(gone)
        return
    total, survivors, transcript = drive_secagg(group, values, seeded_rng(seed), dropping)
    assert set(survivors) == inside
    assert (total == sum(values[name] for name in inside)).all()
    check_one_share_of_each(group.parameters, transcript, inside)


def check_one_share_of_each(parameters: Round, transcript: Transcript, inside: set[str]) -> None:
    """Check what was revealed against the dealers' commitments: of each dealer one kind."""
    sent = [message for message in transcript.messages if message.sender != "aggregator"]

    def of(step: Step) -> dict[int, bytes]:
        found = (m for m in sent if m.name == step.name.lower())
        return {parameters.index(m.sender): m.parts[0] for m in found}

    holders, dealt, revealed = sorted(of(Step.KEYS)), of(Step.SHARES), of(Step.REVEAL)
    assert revealed
    for holder, message in revealed.items():
        shares = message[103 + 32 : -wire.SIGNATURE_BYTES]
        assert len(shares) == SHARE_BYTES * len(dealt)
        for number, dealer in enumerate(sorted(dealt)):
            share = shares[number * SHARE_BYTES :][:SHARE_BYTES]
            at = 103 + 32 + holders.index(holder) * wire.ENTRY_BYTES
            own, mask = dealt[dealer][at : at + 32], dealt[dealer][at + 32 : at + 64]
            name = parameters.members[dealer].name
            label, right = (b"own share", own) if name in inside else (b"mask share", mask)
            assert keying.commit(parameters, label, (dealer, holder), share) == right


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("step", STEPS)
def test_a_small_cohort_aborts_and_starts_again_without_the_missing(count: int, step: Step) -> None:
    group = COHORTS[count, 32]
    values = vectors(group, 1)
    with pytest.raises(SurvivorsTooFewError, match="party-1: missing"):
        drive_secagg(group, values, seeded_rng(1), {step: ["party-1"]})
    if count == 4:
        again = group.parameters.without(["party-1"], bytes(32))
        total, survivors, _ = drive_secagg(Cohort(again, group.keys), values, seeded_rng(2))
        assert survivors == ("party-0", "party-2", "party-3")
        assert (total == sum(values[name] for name in survivors)).all()


@pytest.mark.parametrize(
    ("count", "threshold", "least"), [(3, 3, 3), (4, 3, 4), (5, 4, 4), (10, 7, 7), (100, 67, 67)]
)
def test_the_threshold_is_over_two_thirds(count: int, threshold: int, least: int) -> None:
    found = cohort(count, 1, 1, seeded_rng(1)).parameters
    assert (found.threshold, found.least) == (threshold, least)


def shape(messages: list[Message]) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(m.sender, m.name, tuple(len(part) for part in m.parts)) for m in messages]


@pytest.mark.parametrize("dropping", [{}, {Step.MASKED: ["party-2"]}])
@pytest.mark.parametrize("ring", [32, 64])
def test_inputs_with_one_sum_leave_transcripts_of_one_shape(
    ring: int, dropping: dict[Step, list[str]]
) -> None:
    group = COHORTS[6, ring]
    one = vectors(group, 1)
    swapped = {**one, "party-0": one["party-1"], "party-1": one["party-0"]}
    first, _, before = drive_secagg(group, one, seeded_rng(1), dropping)
    second, _, after = drive_secagg(group, swapped, seeded_rng(2), dropping)
    assert (first == second).all()
    assert shape(before.messages) == shape(after.messages)


@pytest.mark.parametrize("size", [4, 8])
def test_a_masked_vector_has_the_bytes_of_its_words_and_no_more(size: int) -> None:
    group = COHORTS[5, 8 * size]
    _, _, transcript = drive_secagg(group, vectors(group, 1), seeded_rng(1))
    masked = [m for m in transcript.messages if m.name == "masked"]
    assert {len(m.parts[1]) for m in masked} == {size * group.parameters.dimension}


def test_masked_vectors_look_uniform_and_share_nothing() -> None:
    group = cohort(5, 20_000, 1, seeded_rng(1))
    zero = {m.name: np.zeros(20_000, np.int32) for m in group.parameters.members}
    _, _, transcript = drive_secagg(group, zero, seeded_rng(1))
    seen = [m.parts[1] for m in transcript.messages if m.name == "masked"]
    for vector in seen:
        counts = np.bincount(np.frombuffer(vector, np.uint8), minlength=256)
        # Chi-squared with 255 degrees of freedom: over 400 once in 10^8.
        assert ((counts - 312.5) ** 2 / 312.5).sum() < 400
    assert len(set(seen)) == len(seen)


def test_noise_is_asked_for_and_added() -> None:
    group = cohort(5, 70_000, 10, seeded_rng(1))
    values = {m.name: np.ones(70_000, np.int32) for m in group.parameters.members}
    asked: list[int] = []

    class Threes:
        reach = 3

        def __call__(self, count: int) -> NDArray[np.int64]:
            asked.append(count)
            return np.full(count, 3, np.int64)

    total, _, _ = drive_secagg(group, values, seeded_rng(1), noise=lambda name: Threes())
    assert (total == 5 * 4).all()
    assert sum(asked) == 5 * 70_000


@pytest.mark.slow
def test_a_hundred_parties_and_a_third_of_them_gone() -> None:
    group = cohort(100, 50, BOUND, seeded_rng(1))
    values = vectors(group, 1)
    gone = {
        Step.SHARES: [f"party-{i}" for i in range(10)],
        Step.MASKED: [f"party-{i}" for i in range(10, 25)],
        Step.REVEAL: [f"party-{i}" for i in range(25, 33)],
    }
    total, survivors, _ = drive_secagg(group, values, seeded_rng(1), gone)
    assert len(survivors) == 75
    assert (total == sum(values[name] for name in survivors)).all()
