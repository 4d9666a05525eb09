"""What is trained, and with which noise: bounds hold for the worst rows there are."""

import dataclasses
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.he.training.tasks import KINDS, Reals, rows_of, task_of

from unseen.protocols.dp import epsilon_of
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.training import bounds, clear
from unseen.protocols.he.training.chain import RESIDUALS, chain_of
from unseen.protocols.he.training.descent import Descent, largest_score, within_reach
from unseen.protocols.he.training.disclosure import what_training_teaches
from unseen.protocols.he.training.rows import kept, labels_of
from unseen.protocols.he.training.task import Task

REALS = st.floats(-1e3, 1e3, allow_nan=False)
WIDE = st.floats(allow_nan=False, allow_infinity=False)


def one_row(task: Task, seed: int) -> tuple[Reals, Reals]:
    """Return a row and weights at the edge of what is allowed."""
    source = np.random.default_rng(seed)
    row, weights = source.normal(size=(2, task.width))
    theirs, own = np.split(row, [task.columns])
    row = np.concatenate(
        [
            theirs / np.linalg.norm(theirs) * float(task.norm),
            own / max(float(np.linalg.norm(own)), 1e-9) * float(task.own_norm),
        ]
    )
    # Half of the weights point along the row, where scores reach furthest.
    along = row * float(source.choice([-1, 1])) if source.random() < 0.5 else weights
    return row[np.newaxis], within_reach(along * 1e6, task)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(40))
def test_no_row_moves_a_gradient_by_more_than_is_said(kind: str, seed: int) -> None:
    task = task_of(kind)
    row, weights = one_row(task, seed)
    gone = row.copy()
    gone[:, : task.columns] = 0
    for label in (0.0, 1.0) if task.logistic else (-float(task.largest_label), 0.3):
        labels = np.array([label])
        found = clear.gradient(row, labels, weights, task)
        # Vertical: the row is still there, its values at the provider are not.
        left = clear.gradient(gone, labels, weights, task) if task.vertical else np.zeros(5)
        moved = float(np.linalg.norm(found - left)) * float(task.shrink)
        assert moved <= float(bounds.change(task))


@pytest.mark.parametrize("reach", [1, 4, 6, 8])
def test_residuals_stay_below_their_largest(reach: int) -> None:
    task = task_of(reach=Fraction(reach))
    scores = np.linspace(-reach, reach, 100_001)
    chances = clear.cubic(scores)
    most = float(bounds.largest_residual(task))
    seen = max(float(np.abs(chances - y).max()) for y in (0.0, 1.0))
    assert seen <= most <= seen + 1e-3
    assert float(np.ptp(chances)) <= float(bounds.largest_change(task)) <= np.ptp(chances) + 1e-3


def test_the_cubic_is_near_the_sigmoid() -> None:
    scores = np.linspace(-8, 8, 1001)
    assert float(np.abs(clear.cubic(scores) - clear.sigmoid(scores)).max()) < 0.12
    wanted = 0.5 + 0.15012 * scores - 0.00159 * scores**3
    assert float(np.abs(clear.cubic(scores) - wanted).max()) < 5e-4


@given(st.fractions(0, 10**9, max_denominator=10**9))
def test_roots_are_rounded_up_and_near(number: Fraction) -> None:
    found = bounds.root(number)
    assert found**2 >= number
    assert (found - Fraction(2, 1 << 64)) ** 2 <= number or found <= Fraction(2, 1 << 64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [100, 100_000])
@pytest.mark.parametrize("rho", [Fraction(1, 1000), Fraction(1, 3)])
def test_noise_costs_the_rho_of_the_task_and_hides(kind: str, rows: int, rho: Fraction) -> None:
    chain = chain_of(task_of(kind, most_rows=rows, rho=rho, iterations=100))
    assert rho * Fraction(999_999, 10**6) < chain.rho <= rho
    assert chain.rho == Fraction(chain.l2**2) / (2 * chain.law.sigma2)
    # What is drawn for includes both errors, which are a small part of it.
    moved = bounds.change(chain.task)
    assert moved < Fraction(chain.l2 * 8192) / chain.total_scale < moved * Fraction(102, 100)
    assert chain.hiding_bits >= 40
    assert chain.security.core >= 128
    assert chain.security.matzov >= 128
    assert sum(prime.bit_length() for prime in chain.primes) <= 438


def test_errors_grow_with_rows_and_not_otherwise() -> None:
    few, many = (chain_of(task_of(most_rows=rows)) for rows in (8192, 819_200))
    assert many.error == 100 * few.error
    assert many.primes == few.primes


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": 0},
        {"columns": 257},
        {"own_columns": 1},
        {"vertical": True, "own_columns": 1},
        {"own_norm": Fraction(1)},
        {"least_rows": 99},
        {"least_rows": 9001},
        {"most_rows": (1 << 24) + 1},
        {"iterations": 0},
        {"rho": Fraction(0)},
        {"norm": Fraction(0)},
        {"reach": Fraction(9)},
        {"largest_label": Fraction(2)},
        {"norm": 2.0},
    ],
)
def test_what_cannot_be_trained_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputInvalidError):
        task_of(**changes)


def test_what_does_not_fit_a_ring_or_hides_too_little_is_refused() -> None:
    huge: dict[str, Any] = {"family": "linear", "reach": Fraction(1000), "most_rows": 1 << 24}
    with pytest.raises(InputInvalidError, match="do not fit"):
        chain_of(task_of(**huge))
    with pytest.raises(InputInvalidError, match="hides less"):
        chain_of(task_of(rho=Fraction(10**20)))


@pytest.mark.parametrize("kind", KINDS)
def test_sums_leave_room_in_the_modulus(kind: str) -> None:
    chain = chain_of(task_of(kind, most_rows=1_000_000))
    largest = bounds.largest_residual(chain.task) * chain.task.norm * chain.task.shrink
    most = largest * chain.blocks * chain.total_scale
    assert 2 * most < prod(chain.primes[:RESIDUALS])


@given(st.lists(st.lists(WIDE, min_size=5, max_size=5), min_size=1, max_size=8))
def test_rows_are_drawn_in_to_their_norm(values: list[list[float]]) -> None:
    given_rows = np.array(values)
    found = kept(given_rows, 5, Fraction(2))
    sizes = np.sqrt((found * found).sum(axis=1))
    assert (sizes <= 2).all()
    for row, before in zip(found, given_rows, strict=True):
        inside = np.abs(before).max() < 1e100 and np.linalg.norm(before) < 1.99
        assert not inside or np.allclose(row, before, rtol=1e-12, atol=0)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(wrong: float) -> None:
    values, labels = rows_of(task_of(), 100)
    values[3, 2] = wrong
    with pytest.raises(InputInvalidError, match="column 2"):
        kept(values, 5, Fraction(2))
    labels[5] = wrong
    with pytest.raises(InputInvalidError):
        labels_of(labels, 100, task_of())


def test_labels_keep_their_bounds() -> None:
    with pytest.raises(InputInvalidError, match="0 and 1"):
        labels_of(np.array([0.5]), 1, task_of())
    with pytest.raises(InputInvalidError):
        labels_of(np.zeros(2), 1, task_of())
    assert labels_of(np.array([9.0, -9.0]), 2, task_of("linear")).tolist() == [2, -2]


@pytest.mark.parametrize("kind", KINDS)
@given(weights=st.lists(REALS, min_size=8, max_size=8))
@settings(max_examples=50)
def test_weights_stay_within_reach(kind: str, weights: list[float]) -> None:
    task = task_of(kind)
    found = within_reach(np.array(weights)[: task.width], task)
    assert largest_score(found, task) <= float(task.reach)


@pytest.mark.parametrize("kind", ["logistic", "linear"])
def test_a_descent_without_noise_finds_the_least(kind: str) -> None:
    task = dataclasses.replace(task_of(kind), iterations=400, most_rows=500)
    values, labels = rows_of(task, 500, seed=3)
    weights = clear.trained(values, labels, Descent(task, rate=4))
    slope = clear.gradient(values, labels, weights, task) / 500
    inside = largest_score(weights, task) < float(task.reach) * 0.999
    assert inside
    assert float(np.linalg.norm(slope)) < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_taught_is_said_in_both_languages(kind: str) -> None:
    chain = chain_of(task_of(kind, rho=Fraction(1, 50), iterations=10))
    gradients, counts, trust = what_training_teaches(chain, Fraction(1, 10**6))
    spent = epsilon_of(chain.rho * 10, Fraction(1, 10**6))
    said = Fraction(gradients.bound.split("epsilon ")[1].split()[0])
    assert spent <= said < spent + Fraction(1, 999)
    assert "10 gradients" in gradients.text
    assert "10 次梯度" in gradients.text_zh
    assert ("labels" in counts.text) == ("标签" in counts.text_zh) == chain.task.vertical
    assert "semi-honest" in trust.bound
    assert "半诚实" in trust.bound_zh


def test_what_is_one_is_said_as_one() -> None:
    task = Task(
        family="linear",
        columns=2,
        norm=Fraction(2),
        vertical=True,
        own_columns=0,
        own_norm=Fraction(0),
        reach=Fraction(4),
        least_rows=1000,
        most_rows=1000,
        iterations=1,
        rho=Fraction(1, 100),
    )
    gradients, counts, _ = what_training_teaches(chain_of(task), Fraction(1, 10**6))
    assert gradients.text.startswith("1 gradient of 2 numbers")
    assert (counts.text.split(" there")[0], counts.bound) == (
        "how many weights and labels",
        "1 iteration at most",
    )
    own = dataclasses.replace(task, own_columns=1, own_norm=Fraction(1))
    _, counts, _ = what_training_teaches(chain_of(own), Fraction(1, 10**6))
    assert "labels and columns of the buyer's (1) there are" in counts.text
    assert "各列（共 1 列）" in counts.text_zh
