"""What scores teach: the numbers that are said of it are those after which a model is known."""

from fractions import Fraction
from itertools import combinations_with_replacement
from math import prod
from typing import Any

import numpy as np
import pytest

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.lessons import Shown, scores_needed, what_scores_teach
from unseen.protocols.he.models import Feature, Layer, Model, line

FEATURES = tuple(Feature(name=one, low=-(10**6), high=10**6, decimals=6) for one in "abcd")
WIDTH = len(FEATURES)
SHOWN = Shown(scores=8, coefficients=16, bits=3, ciphertexts=10)


def test_what_scores_teach_is_said_in_numbers_and_two_languages() -> None:
    scores, packing = what_scores_teach(5, [(1, 1)], SHOWN)
    assert scores.text == "a weighted sum of 5 columns is known after 6 scores"
    assert "6 个" in scores.text_zh
    assert scores.bound == "8 scores a ciphertext, 80 in all: enough for all of it"
    assert (scores.each, scores.most) == (None, None)
    assert (packing.each, packing.most) == (48, 480)
    assert packing.bound.endswith("48 bits a ciphertext, 480 in all")
    assert "480" in packing.bound_zh
    narrow, _ = what_scores_teach(1, [(1, 1)], SHOWN)
    assert narrow.text == "a weighted sum of 1 column is known after 2 scores"
    squares, same = what_scores_teach(5, [(9, 2), (1, 1)], SHOWN)
    assert "a polynomial of degree 2, known after 21 scores at most" in squares.text
    assert "21 个" in squares.text_zh
    assert same == packing
    few = Shown(scores=5, coefficients=8, bits=3, ciphertexts=1)
    for layers in ([(1, 1)], [(9, 2), (1, 1)]):
        (lesson, _) = what_scores_teach(5, layers, few)
        assert lesson.bound.endswith("5 in all: not enough for all of it")


def solved(model: Model, count: int) -> float:
    """Return how far a polynomial that was solved from `count` scores is off on other rows."""
    degree = prod(degree for _, degree in model.sizes)
    seen = np.random.default_rng(7).uniform(-1, 1, (count + 50, WIDTH)).round(6)
    terms = [
        np.prod(seen[:, list(some)], axis=1)
        for size in range(degree + 1)
        for some in combinations_with_replacement(range(WIDTH), size)
    ]
    known = np.stack(terms, axis=1)
    scores = model.predictor(seen)
    found = np.linalg.lstsq(known[:count], scores[:count], rcond=None)[0]
    return float(np.abs(known[count:] @ found - scores[count:]).max() / np.abs(scores).max())


@pytest.mark.parametrize("degrees", [(), (2,), (3,), (2, 2)])
def test_as_many_scores_as_are_said_give_a_model_away(degrees: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    layers, inputs = [], WIDTH
    for degree in degrees:
        weights = rng.normal(0, 0.5, (inputs, 3))
        powers = tuple(tuple(map(float, rng.normal(size=degree + 1))) for _ in range(3))
        layers.append(Layer(tuple(map(tuple, weights.tolist())), (0.1, -0.2, 0.3), powers))
        inputs = 3
    end = Layer(tuple((float(one),) for one in rng.normal(size=inputs)), (0.5,))
    model = Model("linear", FEATURES, (*layers, end))
    assert solved(model, scores_needed(WIDTH, model.sizes)) < 1e-5
    assert solved(model, scores_needed(WIDTH, model.sizes) // 4) > 1e-3


def test_a_line_is_of_degree_one() -> None:
    model = line("linear", FEATURES, [1.0] * WIDTH, 0.0)
    assert scores_needed(WIDTH, model.sizes) == WIDTH + 1


@pytest.mark.parametrize("name", ["scores", "coefficients", "bits", "ciphertexts"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, Fraction(1)])
def test_what_is_shown_is_whole_numbers(name: str, value: Any) -> None:
    given = {"scores": 1, "coefficients": 1, "bits": 1, "ciphertexts": 1} | {name: value}
    with pytest.raises(InputInvalidError):
        Shown(**given)
