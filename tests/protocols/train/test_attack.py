"""The attack finds who is in a model that learnt by heart, and nobody in one that could not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.train.tasks import LABELS, rows, task

from unseen.protocols.dp.membership import by_chance
from unseen.protocols.errors import InputInvalidError, VectorInvalidError
from unseen.protocols.testing import seeded_rng
from unseen.protocols.train.attack import (
    Membership,
    advantage,
    area,
    least_of,
    membership,
)
from unseen.protocols.train.driver import Share, drive_train
from unseen.protocols.train.spec import Spec

FAMILIES = tuple(LABELS)
BAR = 6000  # of the gate, in ten-thousandths
SIZES = ((40, 40), (160, 40), (800, 100), (20_000, 5_000))


def attacked(spec: Spec, count: int, *, noisy: bool, seed: int = 0) -> Membership:
    shares = {
        f"p{i}": Share(*rows(spec.family, count, seed + i), *rows(spec.family, 1)) for i in range(3)
    }
    model = drive_train(spec, shares, seeded_rng(seed), masked=False, noisy=noisy).model
    mine = shares["p0"]
    others = rows(spec.family, 2 * count, seed + 1000)
    return membership(model, "p0", (mine.features, mine.labels), others)


def test_a_model_that_learnt_by_heart_is_found_out() -> None:
    by_heart = task(
        "boosting", trees=20, depth=7, bins=128, columns=5, rate="1", ridge="0", leaf=1, rho="1000"
    )
    found = attacked(by_heart, 100, noisy=False)
    assert found.auc > 7000
    assert found.low > 5000
    assert found.least > BAR  # whoever adds no noise, as its ledger says it does, is found here


@pytest.mark.parametrize("family", FAMILIES)
def test_models_under_noise_give_nobody_away(family: str) -> None:
    areas = [attacked(task(family, rho="0.1"), 400, noisy=True, seed=10 * i) for i in range(5)]
    mean = sum(one.auc for one in areas) / len(areas)
    assert 4700 < mean < 5400
    assert sum(one.low <= 5000 <= one.high for one in areas) >= 3
    assert all((one.members, one.others) == (400, 400) for one in areas)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=20),
    st.lists(st.integers(0, 5), min_size=1, max_size=20),
)
def test_area_is_what_counting_says(first: list[int], second: list[int]) -> None:
    wins = sum((a > b) + (a == b) / 2 for a in first for b in second)
    found = area(np.array(first, float), np.array(second, float))
    assert found == pytest.approx(wins / (len(first) * len(second)))


def test_too_few_rows_and_broken_ones_are_refused() -> None:
    spec = task()
    with pytest.raises(InputInvalidError) as caught:
        attacked(spec, 39, noisy=True)
    assert "p0" in str(caught.value)
    model = drive_train(
        spec,
        {f"p{i}": Share(*rows("logistic", 50, i), *rows("logistic", 1)) for i in range(3)},
        seeded_rng(1),
        masked=False,
    ).model
    features, labels = rows("logistic", 100)
    features[0, 0] = np.nan
    with pytest.raises(VectorInvalidError):
        membership(model, "p0", (features, labels), rows("logistic", 100))


def refused(seed: int, sizes: tuple[int, int], shift: float, times: int) -> float:
    """Return how often the bar refuses an attack whose members lie `shift` sigmas higher."""
    chance = np.random.default_rng(seed)
    count = 0
    for _ in range(times):
        higher, lower = chance.normal(shift, 1, sizes[0]), chance.normal(0, 1, sizes[1])
        found = area(higher, lower)
        count += least_of(found, *sizes) > BAR
    return count / times


@pytest.mark.parametrize("sizes", SIZES)
def test_the_bar_refuses_no_honest_model_by_chance_and_one_in_a_hundred_at_the_bar(
    sizes: tuple[int, int],
) -> None:
    times = 4000 if sizes[0] < 1000 else 300
    assert refused(1, sizes, 0.0, times) <= 0.001
    # sqrt(2) times the normal quantile of 0.6: an area of just the bar.
    assert refused(2, sizes, 0.3583, times) <= 0.015


def test_a_model_that_says_much_is_refused_where_rows_are_enough() -> None:
    shift = 1.19  # an area of 0.8
    assert refused(3, (40, 40), shift, 500) > 0.7
    assert refused(3, (160, 40), shift, 500) > 0.95
    assert refused(3, (20_000, 5_000), 0.45, 50) > 0.95  # one of 0.625


def test_the_same_rows_many_times_over_do_not_make_a_figure_surer() -> None:
    chance = np.random.default_rng(5)
    count = 0
    for _ in range(1000):
        higher, lower = (np.repeat(chance.normal(0, 1, 40), 8) for _ in range(2))
        found = area(higher, lower)
        count += least_of(found, 320, 320, alike=8) > BAR
    assert count <= 1


@pytest.mark.parametrize("sizes", [(50, 50), (400, 100), (3000, 1000)])
def test_an_advantage_without_any_is_what_chance_makes_of_it(sizes: tuple[int, int]) -> None:
    chance = np.random.default_rng(7)
    found = [
        advantage(chance.normal(size=sizes[0]), chance.normal(size=sizes[1])) for _ in "x" * 200
    ]
    assert 0.8 < float(np.mean(found)) / by_chance(*sizes) < 1.1


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=20),
    st.lists(st.integers(0, 5), min_size=1, max_size=20),
)
def test_the_advantage_is_what_counting_says(first: list[int], second: list[int]) -> None:
    best = max(
        sum(a >= cut for a in first) / len(first) - sum(b >= cut for b in second) / len(second)
        for cut in range(7)
    )
    assert advantage(np.array(first, float), np.array(second, float)) == pytest.approx(max(best, 0))
