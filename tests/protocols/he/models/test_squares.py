"""A layer of squares in whole numbers: as far off as it says, and never beyond its bounds."""

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.protocols.he.models.cases import FEATURES, WIDTH, lines, networks, rows

from unseen.protocols.errors import InputInvalidError, ModelInvalidError
from unseen.protocols.he.models import Layer, Model
from unseen.protocols.he.models.columns import whole_rows
from unseen.protocols.he.models.squares import squares, squares_of
from unseen.protocols.he.slots import GRID

ROWS = whole_rows(FEATURES, rows(20))


@st.composite
def layers_of_squares(draw: st.DrawFn) -> Model:
    """Return a network of one hidden layer of polynomials of degree two."""
    model = draw(networks())
    hidden = model.layers[0]
    units = len(hidden.bias)
    number = st.floats(-1, 1).map(lambda one: round(one, 6))
    high = st.one_of(st.floats(0.01, 1), st.floats(-1, -0.01)).map(lambda one: round(one, 6))
    powers = tuple((draw(number), draw(number), draw(high)) for _ in range(units))
    outer = tuple((draw(st.one_of(number, st.just(0.0))),) for _ in range(units))
    assume(all(not one or abs(one) > 1e-5 for (one,) in outer))
    layer = Layer(hidden.weights, hidden.bias, powers)
    return Model("linear", FEATURES, (layer, Layer(outer, (draw(number),))))


@given(layers_of_squares(), st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_scores_are_as_far_off_as_they_say_and_never_beyond_their_bounds(
    model: Model, bits: int
) -> None:
    found = squares_of(model, bits)
    one = 1 << (bits + GRID)
    for row in ROWS:
        score = found.value(row)
        assert abs(score - model.exact(row)) <= found.error
        assert abs(score) * one**2 <= found.largest
        units = [Fraction(int(k), 1 << b) for k, b in zip(row, found.shifts, strict=True)]
        for weights, bias in zip(found.weights, found.biases, strict=True):
            terms = [w * x for w, x in zip(weights, units, strict=True)]
            assert abs(sum(terms, Fraction(0)) * (1 << GRID) + bias) <= found.farthest
    assert found.absolute == max(sum(abs(w) for w in unit) for unit in found.weights)
    assert set(found.signs) <= {1, -1}


@given(layers_of_squares(), st.sampled_from([Fraction(1, 10), Fraction(1, 10**5)]))
@settings(max_examples=30, deadline=None)
def test_the_fewest_bits_that_hold_a_precision_are_taken(model: Model, most: Fraction) -> None:
    found = squares(model, most)
    assert found.error <= most
    assert found.bits == 0 or squares_of(model, found.bits - 1).error > most


def test_a_square_of_hand_is_what_it_is() -> None:
    # 3 (x + 1/2)^2 - 1/4 is 1/2 + 3 x + 3 x^2; x is an indicator.
    hidden = Layer(((0.0,), (0.0,), (1.0,), (0.0,), (0.0,)), (0.0,), ((0.5, 3.0, 3.0),))
    found = squares(Model("linear", FEATURES, (hidden, Layer(((1.0,),), (0.0,)))), Fraction(1, 100))
    assert found.signs == (1,)
    assert found.constant == -(1 << 2 * (found.bits + GRID)) // 4
    for indicator, expected in ((0, Fraction(1, 2)), (1, Fraction(13, 2))):
        score = found.value([500, 0, indicator, 0, 0])
        assert abs(score - expected) <= Fraction(1, 100)


def network(powers: tuple[float, ...], outer: float) -> Model:
    hidden = Layer(((0.5,),) * WIDTH, (0.0,), (powers,))
    return Model("linear", FEATURES, (hidden, Layer(((outer,),), (1.0,))))


def test_units_that_count_for_nothing_stay_as_nothing() -> None:
    found = squares(network((1.0, 2.0, 3.0), 0.0), Fraction(1, 100))
    assert found.weights == ((0,) * WIDTH,)
    assert found.value([200, 0, 0, 0, 1]) == 1


@pytest.mark.parametrize(
    ("model", "clause"),
    [
        (network((0.0, 0.0, 0.0, 1.0), 1.0), "model.degree"),
        (network((0.0, 1.0, 0.0), 1.0), "model.degree"),
        (network((0.0, 0.0, 5e-324), 5e-324), "model.finite"),
    ],
)
def test_networks_that_are_no_squares_are_refused(model: Model, clause: str) -> None:
    with pytest.raises(ModelInvalidError) as refused:
        squares_of(model, 10)
    assert refused.value.clause == clause


@given(lines())
@settings(max_examples=5)
def test_a_line_is_no_network(model: Model) -> None:
    with pytest.raises(ModelInvalidError) as refused:
        squares_of(model, 10)
    assert refused.value.clause == "model.depth"


def test_precision_has_an_end() -> None:
    with pytest.raises(InputInvalidError):
        squares(network((0.0, 0.0, 1.0), 1.0), Fraction(0))
    with pytest.raises(ModelInvalidError) as refused:
        squares(network((0.0, 0.0, 1.0), 1.0), Fraction(1, 10**40))
    assert refused.value.clause == "model.precision"
    with pytest.raises(InputInvalidError):
        squares_of(network((0.0, 0.0, 1.0), 1.0), 8).value([0])


def of_units(*outer: float, bias: tuple[float, ...] = (0.0, 0.0)) -> Model:
    """Return a network of two units of the same weights."""
    weights = tuple((one, one) for one in (0.5, *(0.25,) * (WIDTH - 1)))
    hidden = Layer(weights, bias, ((0.0, 0.0, 1.0),) * 2)
    return Model("linear", FEATURES, (hidden, Layer(tuple((one,) for one in outer), (1.0,))))


def test_units_that_cancel_out_are_no_model_to_score_with() -> None:
    with pytest.raises(ModelInvalidError) as caught:
        squares(of_units(1.0, -1.0), Fraction(1, 100))
    assert caught.value.clause == "model.constant"
    for model in (of_units(1.0, -0.5), of_units(1.0, -1.0, bias=(0.0, 0.5)), of_units(0.0, 0.0)):
        assert not squares(model, Fraction(1, 100)).cancels
