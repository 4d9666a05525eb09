"""Rounds with noise: what the sum is distributed as, what fits the ring, what is refused."""

from dataclasses import replace
from fractions import Fraction
from math import exp, sqrt
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from unseen.protocols import dp
from unseen.protocols.dp.inversion import MAX_ENTRIES
from unseen.protocols.errors import InputInvalidError, RingOverflowError, UnseenError
from unseen.protocols.kernels.noise import KeyStream, draw
from unseen.protocols.secagg import PartyNoise, Quantiser
from unseen.protocols.secagg.driver import Cohort, cohort, drive_secagg
from unseen.protocols.secagg.noise import reach, tail
from unseen.protocols.secagg.wire import Step
from unseen.protocols.testing import seeded_rng

SIZE = 40_000


def total_of(
    group: Cohort, spread: dp.Distributed, value: int, gone: Any = None
) -> tuple[NDArray[np.int64], int]:
    rng = seeded_rng(7)
    values = {m.name: np.full(SIZE, value, np.int32) for m in group.parameters.members}
    total, survivors, _ = drive_secagg(
        group, values, rng, gone, lambda name: PartyNoise(spread, group.parameters, rng)
    )
    return total - value * len(survivors), len(survivors)


def law_of_sum(sigma2: float, parties: int) -> NDArray[np.float64]:
    """Return the probabilities of a sum of discrete Gaussians; the middle one is that of 0."""
    far = int(30 * sqrt(sigma2)) + 10
    weights = np.exp(-(np.arange(-far, far + 1.0) ** 2) / (2 * sigma2))
    found = np.ones(1)
    for _ in range(parties):
        found = np.convolve(found, weights / weights.sum())
    return found


def fits(noise: NDArray[np.int64], sigma2: float, parties: int) -> bool:
    """Return whether draws fit the law of the sum, at one in a million."""
    law = law_of_sum(sigma2, parties)
    middle = len(law) // 2
    expected = law * noise.size
    kept = np.flatnonzero(expected >= 10)
    seen = np.bincount(noise + middle, minlength=len(law))[kept]
    statistic = float(((seen - expected[kept]) ** 2 / expected[kept]).sum())
    bins = kept.size - 1
    spread = 2 / (9 * bins)
    return statistic < bins * (1 - spread + 4.75 * sqrt(spread)) ** 3


@pytest.mark.parametrize("ring", [32, 64])
@pytest.mark.parametrize("sigma2", [Fraction(1, 2), Fraction(9), Fraction(163, 7)])
def test_the_sum_has_the_noise_of_all(sigma2: Fraction, ring: int) -> None:
    spread = dp.Distributed(sigma2, 4, SIZE)
    group = cohort(5, SIZE, 100 + reach(spread), seeded_rng(1), ring)
    noise, left = total_of(group, spread, -100)
    assert left == 5
    assert fits(noise, float(sigma2), 5)
    assert not fits(noise, float(sigma2), 4)
    assert not fits(noise + 1, float(sigma2), 5)


def test_the_sum_has_the_noise_of_those_left_alone() -> None:
    spread = dp.Distributed(4, 5, SIZE)
    group = cohort(7, SIZE, 100 + reach(spread), seeded_rng(1))
    gone = {Step.MASKED: ["party-2"], Step.REVEAL: ["party-5"]}
    noise, left = total_of(group, spread, 100, gone)
    assert left == 6  # party-5 is in the sum, and its noise
    assert fits(noise, 4.0, 6)


def test_no_two_parties_draw_the_same_and_no_two_blocks() -> None:
    spread = dp.Distributed(144, 3, 80_000)
    group = cohort(3, 80_000, 10_000, seeded_rng(1))
    rng = seeded_rng(5)
    first, second = (PartyNoise(spread, group.parameters, rng) for _ in range(2))
    parts = [noise(40_000) for noise in (first, second, first, second)]
    assert len({part.tobytes() for part in parts}) == 4
    key = seeded_rng(5)(16)
    stream = KeyStream(key)
    assert (parts[0] == draw(dp.Gaussian(144), 40_000, stream)).all()
    assert (parts[2] == draw(dp.Gaussian(144), 40_000, stream)).all()
    assert key.hex() not in repr(first)


def test_a_draw_beyond_the_reach_is_added_like_any_other() -> None:
    class Far:
        reach = 10

        def __call__(self, count: int) -> NDArray[np.int64]:
            return np.array([90, -700, 0], np.int64)

    group = cohort(3, 3, 100, seeded_rng(1))
    values = {m.name: np.array([90, -90, 1]) for m in group.parameters.members}
    total, _, _ = drive_secagg(group, values, seeded_rng(1), noise=lambda name: Far())
    assert total.tolist() == [540, -2370, 3]


@pytest.mark.parametrize("sigma2", [Fraction(1, 4), Fraction(9), Fraction(14_400)])
def test_values_keep_the_reach_below_the_bound(sigma2: Fraction) -> None:
    spread = dp.Distributed(sigma2, 3, 4)
    group = cohort(3, 4, 50 + reach(spread), seeded_rng(1))
    ends = np.array([50, -50, 0, 1])
    values = {m.name: ends for m in group.parameters.members}
    rng = seeded_rng(2)

    def noise(name: str) -> PartyNoise:
        return PartyNoise(spread, group.parameters, rng)

    drive_secagg(group, values, rng, noise=noise)
    values["party-1"] = np.array([0, 0, 51, 0])
    with pytest.raises(RingOverflowError) as caught:
        drive_secagg(group, values, rng, noise=noise)
    assert (caught.value.party, caught.value.position) == ("party-1", 2)


@pytest.mark.parametrize("sigma2", [Fraction(1, 4), Fraction(1), Fraction(9), Fraction(144)])
def test_the_tail_is_bounded_and_as_small_as_is_said(sigma2: Fraction) -> None:
    spread = dp.Distributed(sigma2, 3, 1)
    far = reach(spread)
    scale = sum(exp(-(k * k) / (2 * float(sigma2))) for k in range(-far, far + 1))
    beyond = 2 * sum(exp(-(k * k) / (2 * float(sigma2))) for k in range(far, far + 200)) / scale
    assert beyond <= float(tail(spread)) < 2.0**-183
    assert 15 * float(sigma2) ** 0.5 < far < 16 * float(sigma2) ** 0.5 + 2
    most = dp.Distributed(sigma2, 3, 1 << 40)
    assert tail(most, 100) == tail(spread) * 100 * 2**40 < Fraction(1, 2**136)


def test_what_a_round_costs_adds_up() -> None:
    spread = dp.Distributed(16, 4, SIZE)
    person = dp.Sensitivity(25, 25)
    cost = spread.rho(person)
    assert dp.units(cost) == dp.units(Fraction(25, 2 * 4 * 16) + Fraction(1, 10**30))
    assert dp.epsilon_of(dp.compose([cost, cost]), Fraction(1, 10**6)) > dp.epsilon_of(
        cost, Fraction(1, 10**6)
    )


def test_a_round_with_quantised_values_and_noise_is_near_the_sum() -> None:
    quantiser = Quantiser(clip=1.0, bits=16)
    spread = dp.Distributed(144, 7, 5000)
    group = cohort(10, 5000, quantiser.bound + reach(spread), seeded_rng(1))
    reals = np.linspace(-1, 1, 5000)
    rng = seeded_rng(3)
    vectors = {m.name: quantiser.quantise(m.name, reals, rng) for m in group.parameters.members}
    total, _, _ = drive_secagg(
        group, vectors, rng, noise=lambda name: PartyNoise(spread, group.parameters, rng)
    )
    error = quantiser.restore(total) - 10 * reals
    assert 0.8 < error.std() / (quantiser.step * sqrt(10 * 144 + 10 / 6)) < 1.2


@pytest.mark.parametrize(
    ("spread", "words"),
    [
        (dp.Distributed(9, 3, 5), "another number of coordinates"),
        (dp.Distributed(9, 5, 4), "more parties than the round needs"),
        (dp.Distributed(10**6, 3, 4), "no room below"),
    ],
)
def test_noise_that_does_not_fit_the_round_is_refused(spread: dp.Distributed, words: str) -> None:
    group = cohort(5, 4, 1000, seeded_rng(1))  # four of five have to be left
    with pytest.raises(InputInvalidError, match=words) as caught:
        PartyNoise(spread, group.parameters, seeded_rng(1))
    assert caught.value.clause == "secagg.noise"


def refused(make: Any, words: str) -> None:
    with pytest.raises(UnseenError, match=words):
        make()


def test_noise_is_refused_before_anything_is_drawn_where_the_law_is_too_wide() -> None:
    parameters = replace(cohort(5, 4, 1000, seeded_rng(1), 64).parameters, bound=1 << 40)
    wide = dp.Distributed(MAX_ENTRIES**2, 3, 4)
    refused(lambda: PartyNoise(wide, parameters, seeded_rng(1)), "too wide")


def test_a_broken_source_is_refused() -> None:
    parameters = cohort(5, 4, 1000, seeded_rng(1)).parameters
    spread = dp.Distributed(9, 3, 4)
    refused(lambda: PartyNoise(spread, parameters, lambda count: b""), "another number of bytes")


def test_noise_is_drawn_once_for_each_coordinate() -> None:
    parameters = cohort(5, 4, 1000, seeded_rng(1)).parameters
    noise = PartyNoise(dp.Distributed(9, 3, 4), parameters, seeded_rng(1))
    noise(4)
    refused(lambda: noise(1), "once for each coordinate")
