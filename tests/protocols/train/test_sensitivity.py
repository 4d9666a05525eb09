"""No person moves a sum by more than its noise was made for, whatever rows and weights."""

from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.train.tasks import LABELS, task

from unseen.protocols import dp
from unseen.protocols.dp.zcdp import UNIT
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.secagg import Member, Round
from unseen.protocols.testing import seeded_rng
from unseen.protocols.train import (
    Coordinator,
    Spec,
    Step,
    bound_of,
    coding,
    cost_of,
    local_step,
    schedule,
)
from unseen.protocols.train.steps import FORMAT

FAMILIES = tuple(LABELS)
reals = st.floats(-1e12, 1e12)
row = st.tuples(reals, reals, st.integers(-2, 4), reals)


def payload(spec: Spec, step: Step, weights: list[int]) -> bytes:
    state = {"weights": weights}
    return coding.encode(
        {"format": FORMAT, "spec": spec.digest, "step": step.number, "state": state}
    )


def claimed(spec: Spec, step: Step) -> Fraction:
    """Return the squared length per person that the step's noise stands for, at least.

    Without tau, whose share of the cost is far below what is added here.
    """
    rho = (step.cost + 1) * UNIT
    return rho * 2 * spec.privacy.honest * step.sigma2


@settings(max_examples=300)
@given(
    family=st.sampled_from(("linear", "logistic", "poisson")),
    one=row,
    weights=st.lists(st.integers(-(10**14), 10**14), min_size=6, max_size=6),
    norm=st.sampled_from(("0.5", "1", "3", "50")),
    clip=st.sampled_from(("0.01", "1", "100")),
    bits=st.integers(5, 12),
)
def test_a_row_is_never_longer_than_the_noise_was_made_for(
    family: str, one: tuple[float, ...], weights: list[int], norm: str, clip: str, bits: int
) -> None:
    spec = task(family, norm=norm, clip=clip, bits=bits, most_rows=100)
    features, labels = np.array([one[:3]]), np.array([one[3]])
    for step in schedule(spec)[:2]:
        found = local_step(spec, payload(spec, step, weights), "p", features, labels)
        squared = sum(int(value) ** 2 for value in found)
        assert squared <= claimed(spec, step)
        assert max(map(abs, found.tolist())) <= step.most


@settings(max_examples=100)
@given(one=row, other=st.lists(row, max_size=5), seed=st.integers(0, 100))
def test_a_row_of_a_histogram_is_within_its_bound(
    one: tuple[float, ...], other: list[tuple[float, ...]], seed: int
) -> None:
    for objective, label in (("logistic", LABELS["logistic"]), ("squared", LABELS["linear"])):
        spec = task("boosting", objective=objective, label=label, leaf=1, ridge="0", evaluation="1")
        coordinator = Coordinator(spec)
        source = np.random.default_rng(seed)
        while step := coordinator.step:
            both = np.array([one, *other])
            sent = coordinator.payload()
            whole = local_step(spec, sent, "p", both[:, :3], both[:, 3])
            rest = local_step(spec, sent, "p", both[1:, :3], both[1:, 3])
            assert sum(int(value) ** 2 for value in whole - rest) <= claimed(spec, step)
            assert np.abs(whole - rest).max() <= step.most
            noise = source.integers(-1000, 1000, step.dimension)
            coordinator.absorb(whole + noise, 3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("people", [1, 3])
def test_steps_cost_what_was_agreed_and_no_more(family: str, people: int) -> None:
    spec = task(family, rho="0.5", evaluation="0.125", rows_per_person=people, most_rows=100)
    steps = schedule(spec)
    assert [step.number for step in steps] == list(range(len(steps)))
    assert cost_of(spec) * UNIT <= Fraction(5, 8)
    fitting = sum(step.cost for step in steps if step.kind != "evaluation")
    assert Fraction(999, 2000) <= fitting * UNIT <= Fraction(1, 2)
    alone = schedule(task(family, rho="0.5", evaluation="0.125", most_rows=100))
    for step, one in zip(steps, alone, strict=True):
        assert step.sigma2 >= (people**2) * (one.sigma2 - 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_fewer_honest_parties_mean_more_noise_from_each(family: str) -> None:
    many = schedule(task(family, parties=9, honest=7, most_rows=100))
    few = schedule(task(family, parties=9, honest=3, most_rows=100))
    assert all(a.sigma2 * 2.2 < b.sigma2 for a, b in zip(many, few, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_step_makes_a_round(family: str) -> None:
    spec = task(family, evaluation="0.1")
    members = tuple(Member(f"p{i}", bytes([i]) * 32) for i in range(3))
    for step in schedule(spec):
        made = Round(
            plan_hash=bytes(32),
            round_id=bytes(32),
            context=bytes(32),
            members=members,
            dimension=step.dimension,
            bound=step.bound,
            ring=spec.privacy.ring,
        )
        assert made.bound >= spec.privacy.most_rows * step.most + step.noise(seeded_rng(1)).reach
        assert bound_of(spec) >= step.bound


@pytest.mark.parametrize("family", FAMILIES)
def test_sums_that_might_wrap_are_refused(family: str) -> None:
    with pytest.raises(InputInvalidError) as caught:
        schedule(task(family, ring=32, most_rows=1 << 24))
    assert caught.value.clause == "spec.ring"
    assert schedule(task(family, ring=32, most_rows=100, bits=6, rho="2"))


def test_sums_that_floats_do_not_hold_are_refused() -> None:
    with pytest.raises(InputInvalidError):
        schedule(task(bits=14, most_rows=1 << 32))


@pytest.mark.parametrize("family", FAMILIES)
def test_noise_is_that_of_the_step(family: str) -> None:
    step = schedule(task(family, most_rows=100))[0]
    drawn = np.concatenate([step.noise(seeded_rng(i))(step.dimension) for i in range(40)])
    assert drawn.dtype == np.int64
    assert len(set(drawn.tolist())) > len(drawn) / 10
    spread = float(np.mean(drawn.astype(float) ** 2)) / step.sigma2
    assert abs(spread - 1) < 6 * (2 / len(drawn)) ** 0.5
    assert dp.Gaussian(step.sigma2).reach(64) > isqrt(step.sigma2)
