"""What is public of a model and what is committed to, in their one form, held to vectors."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.he.models.cases import FEATURES, lines, networks

from unseen.evidence.commitment import commit
from unseen.evidence.suite import INTL
from unseen.protocols.errors import InputInvalidError, MalformedMessageError, ModelInvalidError
from unseen.protocols.he.models import (
    Model,
    joined,
    line,
    numbers,
    shape,
)
from unseen.protocols.he.models.whole import whole_of

VECTORS = json.loads(
    (Path(__file__).parents[3] / "vectors/he/models_v1.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", VECTORS)
def test_a_model_is_that_of_the_vector(name: str) -> None:
    vector = VECTORS[name]
    public, secret = vector["shape"].encode(), bytes.fromhex(vector["numbers"])
    model = joined(public, secret)
    assert (shape(model), numbers(model)) == (public, secret)
    assert model.is_line == (name == "line")
    assert [str(model.exact(row)) for row in vector["rows"]] == vector["exact"]
    nonce = bytes.fromhex(vector["nonce"])
    assert commit(INTL, nonce, (public, secret)).hex() == vector["commitment"]


def test_a_line_in_whole_numbers_is_that_of_the_vector() -> None:
    vector = VECTORS["line"]
    model = joined(vector["shape"].encode(), bytes.fromhex(vector["numbers"]))
    found = whole_of(model, vector["bits"])
    assert (list(found.weights), found.bias) == (vector["weights"], vector["bias"])
    assert found.grid == vector["grid"]
    assert [found.score(row) for row in vector["rows"]] == vector["scores"]


@given(st.one_of(lines(), networks()))
@settings(max_examples=60)
def test_both_parts_make_the_model_again(model: Model) -> None:
    assert joined(shape(model), numbers(model)) == model


@given(lines(), lines())
@settings(max_examples=30)
def test_a_shape_says_nothing_of_weights(one: Model, other: Model) -> None:
    same = Model(one.family, one.features, other.layers)
    assert shape(one) == shape(same)
    assert (numbers(one) == numbers(same)) == (one == same)


def test_minus_zero_is_zero() -> None:
    zero, minus = (line("linear", FEATURES, [sign * 0.0] * 5, 1.0) for sign in (1.0, -1.0))
    assert numbers(zero) == numbers(minus)
    with pytest.raises(MalformedMessageError):
        joined(shape(zero), b"\0\0\0\0\0\0\0\x80" + numbers(zero)[8:])


GOOD = json.loads(VECTORS["network"]["shape"])
SECRET = bytes.fromhex(VECTORS["network"]["numbers"])


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "unseen/he/model/2"},
        {"layers": 1},
        {"layers": []},
        {"layers": [{"units": 2}]},
        {"layers": [{"units": "2", "degree": 2}]},
        {"layers": [{"units": 10**15, "degree": 2}]},
        {"layers": [{"units": 2, "degree": 10**15}]},
        {"layers": [{"units": -2, "degree": 2}]},
        {"layers": [{"units": 2, "degree": 0}, {"units": 1, "degree": 1}]},
        {"layers": [{"units": 1, "degree": 2}, {"units": 1, "degree": 1}]},
        {"family": "probit"},
        {"family": 1},
        {"features": []},
        {"features": {}},
        {"features": [{"name": "a"}]},
        {"features": [GOOD["features"][0]] * 2},
        {"features": [GOOD["features"][0] | {"low": 900}]},
        {"extra": 1},
    ],
)
def test_parts_that_are_no_model_are_refused(changes: dict[str, Any]) -> None:
    spoilt = json.dumps(GOOD | changes, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises((MalformedMessageError, InputInvalidError, ModelInvalidError)):
        joined(spoilt, SECRET)


@pytest.mark.parametrize(
    "secret", [b"", SECRET[:-1], SECRET[:-8], SECRET + b"\0" * 8, b"\xff" * 88]
)
def test_other_numbers_are_refused(secret: bytes) -> None:
    with pytest.raises((MalformedMessageError, ModelInvalidError)):
        joined(VECTORS["network"]["shape"].encode(), secret)


def test_another_layout_is_refused() -> None:
    with pytest.raises(MalformedMessageError):
        joined(json.dumps(GOOD).encode(), SECRET)
