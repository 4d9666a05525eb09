"""Lines and networks behind one face: the same calls, each in its own ring and in no other."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tests.protocols.he.networks.cases import FEATURES, MODEL, rows

from unseen.protocols.errors import InputInvalidError, ModelInvalidError
from unseen.protocols.he import parameters
from unseen.protocols.he.models import Feature, Layer, Model, line
from unseen.protocols.he.networks import parameters as networks
from unseen.protocols.he.networks.parameters import SquaresDemand
from unseen.protocols.he.parameters import Demand
from unseen.protocols.he.scorers import (
    Ring,
    RowOwner,
    context_bytes,
    demanded,
    rounded,
    scorer,
)
from unseen.protocols.testing import seeded_rng

PRECISION = Fraction(1, 1000)
LINE = line("linear", FEATURES, [0.5, -1.0, 0.25], 0.125)


def ring_of(model: Model) -> Ring:
    demand = demanded(model, PRECISION, 4)
    if isinstance(demand, SquaresDemand):
        return networks.choose(demand)
    return parameters.choose(demand)


@pytest.mark.parametrize("model", [LINE, MODEL], ids=["line", "network"])
def test_scores_come_back_within_the_precision(model: Model) -> None:
    ring = ring_of(model)
    owner = RowOwner(ring)
    assert len(owner.context()) == context_bytes(ring)
    respond = scorer(ring, owner.context(), rounded(model, ring))
    given = rows(100, 3)
    again = RowOwner(ring, owner.secret())
    found = again.decrypt(respond(owner.encrypt(FEATURES, given), seeded_rng(1)), 100)
    assert np.abs(found - model.predictor(given)).max() <= PRECISION
    with pytest.raises(InputInvalidError):
        owner.encrypt(FEATURES, given * 2)


def test_what_is_demanded_tells_the_two_apart() -> None:
    assert type(demanded(LINE, PRECISION, 4)) is Demand
    assert type(demanded(MODEL, PRECISION, 4)) is SquaresDemand


def test_a_model_of_another_ring_is_refused() -> None:
    line_ring, ring = ring_of(LINE), ring_of(MODEL)
    cases: list[tuple[Model, Any]] = [
        (LINE, ring),
        (MODEL, line_ring),
        (line("linear", FEATURES, [50.0, 1.0, 1.0], 0.0), line_ring),
        (line("linear", FEATURES, [0.5, 1.0, 0.25], 100.0), line_ring),
        (line("linear", (Feature(name="a", low=0, high=1),), [0.5], 0.0), line_ring),
        (line("linear", FEATURES[:2], [0.5, 0.5], 0.0), line_ring),
        (replace(MODEL, layers=(wider(), MODEL.layers[1])), ring),
    ]
    for model, other in cases:
        with pytest.raises(ModelInvalidError):
            rounded(model, other)
    context = RowOwner(line_ring).context()
    with pytest.raises(InputInvalidError):
        scorer(line_ring, context, rounded(MODEL, ring))


def wider() -> Layer:
    hidden = MODEL.layers[0]
    return replace(hidden, weights=tuple(tuple(9 * one for one in row) for row in hidden.weights))
