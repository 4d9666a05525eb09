"""Models evaluated in doubles, exactly, and in whole numbers with their worst cases."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.he.models.cases import FEATURES, WIDTH, lines, networks, rows
from tests.protocols.train.tasks import rows as trained_rows
from tests.protocols.train.tasks import task

from unseen.protocols.errors import InputInvalidError, ModelInvalidError
from unseen.protocols.he.models import (
    Feature,
    Fit,
    Layer,
    Model,
    fitted,
    from_trained,
    line,
    linked,
    spans,
    standardised,
    whole,
)
from unseen.protocols.he.models.columns import grid_columns, whole_rows
from unseen.protocols.he.models.polynomial import apply, worst
from unseen.protocols.he.models.whole import whole_of
from unseen.protocols.train import Model as Trained

ROWS = rows(20)
WHOLE = whole_rows(FEATURES, ROWS)


@given(st.one_of(lines(), networks()))
@settings(max_examples=60)
def test_doubles_agree_with_exact_numbers(model: Model) -> None:
    found = model.predictor(ROWS)
    for row, score in zip(WHOLE, found, strict=True):
        exact = float(model.exact(row))
        assert score == pytest.approx(exact, rel=1e-9, abs=1e-9)


@given(lines(), st.integers(0, 40))
@settings(max_examples=60)
def test_whole_numbers_are_as_far_off_as_they_say_and_never_beyond_their_bounds(
    model: Model, bits: int
) -> None:
    found = whole_of(model, bits)
    for row in WHOLE:
        score = found.score(row)
        assert found.low <= score <= found.high
        assert abs(found.value(score) - model.exact(row)) <= found.error


@given(lines())
@settings(max_examples=60)
def test_the_worst_cases_occur(model: Model) -> None:
    found = whole_of(model, 20)
    ends = [(180, 900), (-1000, 1000), (0, 1), (0, 1), (0, 1)]
    for sign, edge in ((1, found.high), (-1, found.low)):
        row = [
            high if sign * w > 0 else low
            for w, (low, high) in zip(found.weights, ends, strict=True)
        ]
        assert found.score(row) == edge
    assert found.absolute == sum(abs(weight) for weight in found.weights)
    for size, bits in ((found.absolute, found.sum_bits), (found.largest, found.reach_bits)):
        assert size <= 1 << bits
        assert bits == 0 or size > 1 << (bits - 1)
    assert found.largest >= max(abs(found.low), abs(found.high), abs(found.bias))


@given(lines())
@settings(max_examples=40)
def test_a_score_is_the_weighted_sum_of_what_is_encrypted(model: Model) -> None:
    found = whole_of(model, 24)
    encrypted = grid_columns(FEATURES, ROWS)
    for row, column in zip(WHOLE, encrypted.T, strict=True):
        terms = [weight * int(x) for weight, x in zip(found.weights, column, strict=True)]
        assert found.score(row) == sum(terms) + found.bias


@given(lines(), st.sampled_from([Fraction(1, 10), Fraction(1, 10_000), Fraction(1, 10**9)]))
@settings(max_examples=40)
def test_the_fewest_bits_that_hold_a_precision_are_taken(model: Model, most: Fraction) -> None:
    found = whole(model, most)
    assert found.error <= most
    assert found.bits == 0 or whole_of(model, found.bits - 1).error > most


def test_a_precision_that_64_bits_do_not_hold_is_refused() -> None:
    model = line("linear", FEATURES, [1e-300] * WIDTH, 0.1)
    assert whole(model, Fraction(1, 10)).weights == (0,) * WIDTH
    with pytest.raises(ModelInvalidError) as refused:
        whole(model, Fraction(1, 10**400))
    assert refused.value.clause == "model.precision"
    with pytest.raises(InputInvalidError):
        whole(model, Fraction(0))


@given(networks())
@settings(max_examples=30)
def test_a_network_stays_within_its_spans_and_is_no_line(model: Model) -> None:
    found = spans(model)
    assert [len(one) for one in found] == [len(layer.bias) for layer in model.layers]
    ((low, high),) = found[-1]
    for row in WHOLE:
        assert low <= model.exact(row) <= high
    with pytest.raises(ModelInvalidError):
        whole(model, Fraction(1))


@given(lines())
@settings(max_examples=20)
def test_the_span_of_a_line_is_its_worst_case(model: Model) -> None:
    (((low, high),),) = spans(model)
    exact = whole_of(model, 60)
    assert abs(exact.value(exact.low) - low) <= exact.error
    assert abs(exact.value(exact.high) - high) <= exact.error


def test_a_model_of_standardised_columns_takes_means_and_scales_in() -> None:
    means, scales = [50.0, 1.0, 0.2, 0.3, 0.4], [20.0, -5.0, 0.5, 0.5, 0.5]
    model = line("linear", FEATURES, [1.0, 2.0, 3.0, 4.0, 5.0], 6.0)
    found = standardised(model, means, scales).predictor(ROWS)
    seen = WHOLE / np.array([10.0, 100.0, 1.0, 1.0, 1.0])
    expected = ((seen - means) / scales) @ np.arange(1.0, 6.0) + 6.0
    assert np.abs(found - expected).max() < 1e-12


@pytest.mark.parametrize(
    ("means", "scales"),
    [
        ([0.0] * 4, [1.0] * 5),
        ([0.0] * 5, [1.0] * 6),
        ([0.0] * 5, [1.0, 1.0, 0.0, 1.0, 1.0]),
        ([float("nan")] * 5, [1.0] * 5),
        ([0.0] * 5, [float("inf")] * 5),
    ],
)
def test_means_and_scales_that_are_none_are_refused(
    means: list[float], scales: list[float]
) -> None:
    with pytest.raises(ModelInvalidError):
        standardised(line("linear", FEATURES, [1.0] * WIDTH, 0.0), means, scales)


@pytest.mark.parametrize("family", ["linear", "logistic", "poisson"])
def test_a_jointly_trained_regression_predicts_the_same(family: str) -> None:
    numbers = (300_000_000, -1_200_000_000, 700_000_000, 1, -500_000_000, 900_000_000)
    trained = Trained(task(family), numbers)
    model = from_trained(trained)
    features = trained_rows(family, 200, 3)[0]
    inside = np.clip(features, [18, -10, -1], [90, 10, 2])
    assert np.abs(model.predict(inside) - trained.predict(inside)).max() < 1e-12
    assert model.family == family
    assert model.features == trained.spec.features


def test_trees_are_refused() -> None:
    nothing = (-1, -1, -1, 0, 0, 0, 0, 0, 0, 0)
    with pytest.raises(ModelInvalidError) as refused:
        from_trained(Trained(task("boosting"), nothing * 3))
    assert refused.value.clause == "model.family"


@pytest.mark.parametrize(
    ("function", "degree", "reach", "expected"),
    [
        # Kim et al. 2018, section 3.2: 0.5 + 1.20096 (x / 8) - 0.81562 (x / 8)^3.
        ("sigmoid", 3, 8, [0.5, 1.20096 / 8, 0.0, -0.81562 / 512]),
        # Of |x| on [-1, 1]: 3/16 + 15/16 x^2; a rectifier is half of it and of x.
        ("relu", 2, 1, [3 / 32, 1 / 2, 15 / 32]),
    ],
)
def test_polynomials_are_those_that_are_known(
    function: str, degree: int, reach: int, expected: list[float]
) -> None:
    assert fitted(function, Fit(degree=degree, reach=reach)) == pytest.approx(expected, abs=3e-6)


@pytest.mark.parametrize(
    ("function", "degree"),
    [("sigmoid", 3), ("tanh", 3), ("relu", 2), ("relu", 3), ("softplus", 2), ("softplus", 3)],
)
def test_no_polynomial_near_a_fitted_one_has_smaller_squares(function: str, degree: int) -> None:
    fit = Fit(degree=degree, reach=4)
    places = np.linspace(-4, 4, 20_001)
    values = apply(function, places)

    def squares(coefficients: tuple[float, ...]) -> float:
        found = np.polynomial.polynomial.polyval(places, np.array(coefficients))
        return float(((values - found) ** 2).mean())

    best = fitted(function, fit)
    for at in range(degree + 1):
        for step in (-0.01, 0.01):
            moved = tuple(one + step * (i == at) for i, one in enumerate(best))
            assert squares(moved) > squares(best)
    assert worst(function, fit) ** 2 >= squares(best)


@pytest.mark.parametrize(("degree", "reach"), [(1, 8), (4, 8), (3, 0), (3, 65), (True, 8)])
def test_other_polynomials_are_refused(degree: int, reach: int) -> None:
    with pytest.raises(InputInvalidError):
        Fit(degree=degree, reach=reach)
    with pytest.raises(InputInvalidError):
        fitted("cosine", Fit())
    with pytest.raises(InputInvalidError, match="a line"):
        fitted("sigmoid", Fit(degree=2))


def test_links_stand_for_probabilities_and_counts() -> None:
    predictor = np.array([-1e9, -1.0, 0.0, 2.0, 1e9])
    assert linked("logistic", predictor)[1:4] == pytest.approx([0.26894142, 0.5, 0.88079708])
    assert linked("poisson", predictor)[1:4] == pytest.approx([0.36787944, 1.0, 7.3890561])
    assert (linked("linear", predictor) == predictor).all()
    assert np.isfinite(linked("poisson", predictor)).all()
    with pytest.raises(InputInvalidError):
        linked("probit", predictor)


GOOD = line("linear", FEATURES, [1.0] * WIDTH, 0.0)
HIDDEN = Layer(((1.0,),) * WIDTH, (0.0,), ((0.0, 0.0, 1.0),))
END = Layer(((1.0,),), (0.0,))


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"family": "probit"}, "model.family"),
        ({"features": ()}, "model.features"),
        ({"features": (FEATURES[0],) * 2}, "model.features"),
        ({"features": (Feature(name="a", values=tuple(map(str, range(1001)))),)}, "model.features"),
        ({"features": FEATURES[:2]}, "model.shape"),
        ({"layers": ()}, "model.depth"),
        ({"layers": (HIDDEN, *(replace(HIDDEN, weights=((1.0,),)),) * 3, END)}, "model.depth"),
        ({"layers": (replace(HIDDEN, powers=()), END)}, "model.depth"),
        ({"layers": (HIDDEN,)}, "model.output"),
        ({"layers": (Layer(((1.0, 1.0),) * WIDTH, (0.0, 0.0)),)}, "model.output"),
    ],
)
def test_models_that_do_not_go_together_are_refused(
    changes: dict[str, object], clause: str
) -> None:
    with pytest.raises(ModelInvalidError) as refused:
        replace(GOOD, **changes)  # type: ignore[arg-type]
    assert refused.value.clause == clause


@pytest.mark.parametrize(
    ("weights", "bias", "powers", "clause"),
    [
        ((), (0.0,), (), "model.shape"),
        (((1.0,),), (), (), "model.shape"),
        (((1.0, 2.0),), (0.0,), (), "model.shape"),
        (((1.0,) * 257,), (0.0,) * 257, (), "model.shape"),
        (((1.0,),), (0.0,), ((0.0, 0.0, 1.0),) * 2, "model.shape"),
        (((1.0, 1.0),), (0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0)), "model.shape"),
        (((1.0,),), (0.0,), ((0.0, 1.0),), "model.degree"),
        (((1.0,),), (0.0,), ((0.0, 0.0, 0.0, 0.0, 1.0),), "model.degree"),
        (((1,),), (0.0,), (), "model.type"),
        (((float("nan"),),), (0.0,), (), "model.finite"),
        (((1.0,),), (float("inf"),), (), "model.finite"),
        (((1e20,),), (0.0,), (), "model.finite"),
    ],
)
def test_layers_that_are_none_are_refused(
    weights: tuple[tuple[float, ...], ...],
    bias: tuple[float, ...],
    powers: tuple[tuple[float, ...], ...],
    clause: str,
) -> None:
    with pytest.raises(ModelInvalidError) as refused:
        Layer(weights, bias, powers)
    assert refused.value.clause == clause


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(InputInvalidError):
        GOOD.exact([0] * (WIDTH - 1))
    with pytest.raises(InputInvalidError):
        whole_of(GOOD, 8).score([0] * (WIDTH + 1))
