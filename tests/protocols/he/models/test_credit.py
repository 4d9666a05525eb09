"""Real loans: scores that were encrypted rank them as scores in the clear do."""

import secrets
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tests.protocols.he.models.credit import area, held_out, loans, logistic, network

from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he import clear, tenseal_scheme
from unseen.protocols.he.lines import demanded
from unseen.protocols.he.models import from_onnx, to_onnx
from unseen.protocols.he.models.columns import grid_columns, whole_rows
from unseen.protocols.he.models.squares import squares
from unseen.protocols.he.parameters import choose
from unseen.protocols.he.scheme import HeScheme

FEATURES, ROWS, BAD = loans()
OUT = held_out()
PRECISION = Fraction(1, 10_000)


def test_models_are_worth_something() -> None:
    for model, least in ((logistic(), 0.75), (network(), 0.75)):
        assert area(model.predictor(ROWS)[OUT], BAD[OUT]) > least


@pytest.mark.parametrize("scheme", [clear.SCHEME, tenseal_scheme.SCHEME], ids=lambda one: one.name)
def test_encrypted_scores_are_within_the_precision_and_rank_as_clear_ones(
    scheme: HeScheme[Any],
) -> None:
    model = from_onnx(to_onnx(logistic(), {}), FEATURES)
    line, demand = demanded(model, PRECISION, 1024)
    parameters = choose(demand)
    owner = scheme.owner(parameters)
    node = scheme.opened(parameters, owner.context())
    sent = owner.encrypt(grid_columns(FEATURES, ROWS))
    response = node.private(node.weighted(sent, line.weights, line.bias), secrets.token_bytes)
    found = owner.decrypt(response, len(ROWS))
    clear_scores = model.predictor(ROWS)
    assert np.abs(found - clear_scores).max() < 1e-4
    assert area(found[OUT], BAD[OUT]) == pytest.approx(area(clear_scores[OUT], BAD[OUT]), abs=1e-4)


def test_a_plan_says_no_more_of_weights_than_their_powers_of_two() -> None:
    line, demand = demanded(logistic(), PRECISION, 1024)
    assert demand.sum_bits == line.sum_bits
    assert demand.reach_bits == line.reach_bits
    assert line.error + Fraction(1, 1 << demand.precision_bits) <= PRECISION
    for number, bits in ((line.absolute, demand.sum_bits), (line.largest, demand.reach_bits)):
        assert number <= 1 << bits < 2 * number


def test_a_network_is_no_line_to_plan_for() -> None:
    with pytest.raises(ModelInvalidError):
        demanded(network(), PRECISION, 1)


def test_a_network_in_whole_numbers_ranks_as_in_doubles() -> None:
    model = network()
    found = squares(model, Fraction(1, 10**4))
    rows = np.array([found.value(row) for row in whole_rows(FEATURES, ROWS)], np.float64)
    assert np.abs(rows - model.predictor(ROWS)).max() < 1e-4
    assert area(rows[OUT], BAD[OUT]) == pytest.approx(
        area(model.predictor(ROWS)[OUT], BAD[OUT]), abs=1e-4
    )
