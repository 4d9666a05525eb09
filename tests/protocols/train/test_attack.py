"""The attack finds who is in a model that learnt by heart, and nobody in one that could not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.train.tasks import LABELS, rows, task

from unseen.protocols.errors import InputInvalidError, VectorInvalidError
from unseen.protocols.testing import seeded_rng
from unseen.protocols.train.attack import Membership, area, membership
from unseen.protocols.train.driver import Share, drive_train
from unseen.protocols.train.spec import Spec

FAMILIES = tuple(LABELS)


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
