"""From a model and a precision to scores: what comes back is the model's own predictor."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.protocols.he.models.cases import FEATURES, WIDTH, lines, networks, rows

from unseen.protocols.errors import InputInvalidError, ModelInvalidError
from unseen.protocols.he import clear, tenseal_scheme
from unseen.protocols.he.lines import demanded
from unseen.protocols.he.models import Feature, Model, line
from unseen.protocols.he.models.columns import grid_columns
from unseen.protocols.he.parameters import choose
from unseen.protocols.he.scheme import HeScheme
from unseen.protocols.testing import seeded_rng

TENTH_OF_A_THOUSANDTH = Fraction(1, 10_000)


def scored(scheme: HeScheme[Any], model: Model, precision: Fraction, given_rows: Any) -> Any:
    whole, demand = demanded(model, precision, 16)
    parameters = choose(demand)
    owner = scheme.owner(parameters)
    node = scheme.opened(parameters, owner.context())
    sent = owner.encrypt(grid_columns(model.features, given_rows))
    found = node.weighted(sent, whole.weights, whole.bias)
    return owner.decrypt(node.private(found, seeded_rng(1)), len(given_rows))


@pytest.mark.parametrize("scheme", [clear.SCHEME, tenseal_scheme.SCHEME], ids=lambda one: one.name)
@settings(deadline=None, max_examples=12)
@given(
    model=lines(),
    seed=st.integers(0, 1 << 32),
    precision=st.sampled_from([2, 100, 10_000, 1 << 17]),
)
def test_scores_are_the_models_own(
    scheme: HeScheme[Any], model: Model, seed: int, precision: int
) -> None:
    given_rows = rows(40, seed)
    wanted = model.predictor(given_rows)
    found = scored(scheme, model, Fraction(1, precision), given_rows)
    assert np.abs(found - wanted).max() <= 1 / precision + 1e-9


def test_thirty_columns_at_a_tenth_of_a_thousandth() -> None:
    rng = np.random.default_rng(1)
    features = tuple(Feature(name=f"x{i}", low=-500, high=500, decimals=2) for i in range(30))
    model = line("logistic", features, [float(x) for x in rng.normal(size=30) / 2], 0.5)
    given_rows = rng.uniform(-5, 5, (8192, 30))
    found = scored(tenseal_scheme.SCHEME, model, TENTH_OF_A_THOUSANDTH, given_rows)
    assert np.abs(found - model.predictor(given_rows)).max() <= 1e-4


@settings(deadline=None, max_examples=100)
@given(lines(), st.fractions(Fraction(1, 1 << 30), 1))
def test_what_is_demanded_bounds_the_line_and_the_error(model: Model, precision: Fraction) -> None:
    try:
        whole, demand = demanded(model, precision, 1000)
        parameters = choose(demand)
    except (InputInvalidError, ModelInvalidError):
        assume(False)
    assert whole.error + parameters.error <= precision
    assert whole.absolute <= 1 << demand.sum_bits
    assert whole.largest <= 1 << demand.reach_bits
    assert (demand.columns, demand.responses) == (WIDTH, 1000)


def test_what_is_demanded_says_no_more_of_weights_than_their_size() -> None:
    weights = [0.5, -1.25, 3.0, 0.0, 2.0]
    turned = [-one for one in weights]
    first, second = (
        demanded(line("linear", FEATURES, one, 0.0), TENTH_OF_A_THOUSANDTH, 1)[1]
        for one in (weights, turned)
    )
    assert first == second


@pytest.mark.parametrize(
    "precision", [Fraction(0), Fraction(-1), Fraction(3, 2), Fraction(1, 1 << 31)]
)
def test_other_precisions_are_refused(precision: Fraction) -> None:
    with pytest.raises(InputInvalidError) as refused:
        demanded(line("linear", FEATURES, [1.0] * WIDTH, 0.0), precision, 1)
    assert refused.value.clause == "score.precision"


@given(networks())
@settings(max_examples=3)
def test_networks_are_no_lines(model: Model) -> None:
    with pytest.raises(ModelInvalidError):
        demanded(model, TENTH_OF_A_THOUSANDTH, 1)


def test_weights_of_many_bits_are_scored_with() -> None:
    wide = (Feature(name="x", low=-(10**8), high=10**8), Feature(name="y", low=0, high=1))
    model = line("linear", wide, [1.1, -0.3], 0.125)
    precision = Fraction(1, 1 << 13)
    whole, _ = demanded(model, precision, 16)
    assert max(whole.weights) > 1 << 36
    given_rows = np.array([[10**8, 1], [-(10**8), 0], [3, 1], [0, 0]], float)
    found = scored(tenseal_scheme.SCHEME, model, precision, given_rows)
    assert np.abs(found - model.predictor(given_rows)).max() <= 2.0**-13
