"""What an operator reads of a model that is held: each weight beside its feature."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from tests.evidence.test_jointly import MENU
from tests.evidence.test_training import FILE, TREES, joint_of, spec_of

from unseen.cli.commands.review import review_json
from unseen.client.reviews import Review, ReviewState
from unseen.client.weights import model_rows
from unseen.evidence.contracts.training import clause
from unseen.node.release.examine import WORDS
from unseen.protocols.train import Spec

TREE = (1, -1, 3, 5, 0, 0, 10**9, -(10**9), 0, 1)  # columns and bins of three splits, four leaves


def terms_of(spec: Spec) -> Any:
    parameters = {
        "train": spec.to_json(),
        "menu": MENU.only(clause.names_of(spec)).to_json(),
        "joint": joint_of(spec).to_json(),
    }
    return SimpleNamespace(parameters=parameters)


def test_every_weight_stands_beside_its_feature() -> None:
    found = model_rows(terms_of(spec_of(FILE)), [10**9, -(10**8), 2, 0, 5 * 10**8, -1, 7 * 10**8])
    (says, heading), *weights = found
    assert says == "says"
    assert "a logistic model, 7 numbers" in str(heading)
    assert "7 个参数" in str(heading)
    assert weights == [
        ("intercept", "+1.0000"),
        ("weight", "-0.1000  ward = a"),
        ("weight", "+0.0000  ward = b"),
        ("weight", "+0.0000  ward = c"),
        ("weight", "+0.5000  age = [0,40)"),
        ("weight", "-0.0000  age = [40,120)"),
        ("weight", "+0.7000  stay"),
    ]


def test_of_trees_it_is_told_what_they_split_by() -> None:
    spec = spec_of(TREES)
    names = [
        name
        for each in spec.features
        for name in ([f"{each.name} = {value}" for value in each.values] or [each.name])
    ]
    splits = [0] * len(names)
    for column in TREE[:3]:
        if column >= 0:
            splits[column] += spec.boosting.trees
    numbers: list[Any] = [*TREE[:3], 0, 0, 0, *TREE[6:]] * spec.boosting.trees
    found = model_rows(terms_of(spec), numbers)
    assert "3 trees" in str(found[0][1])
    assert list(found[1:]) == [
        *(("splits", f"{count}  {name}") for name, count in zip(names, splits, strict=True)),
        ("leaves of trees", "12, -1.0000 to +1.0000"),
    ]


@pytest.mark.parametrize(
    "value", [None, {}, [], [1, 2], [0.5] * 7, [True] * 7, ["1"] * 7, [[1]] * 7], ids=repr
)
def test_what_is_no_model_of_the_training_is_shown_as_it_is(value: Any) -> None:
    assert model_rows(terms_of(spec_of(FILE)), value) == ()
    assert model_rows(terms_of(spec_of(TREES)), value) == ()
    assert model_rows(SimpleNamespace(parameters={}), value) == ()  # type: ignore[arg-type]


def test_the_card_has_weights_in_the_place_of_bare_numbers_and_json_keeps_those() -> None:
    numbers = [123_456_789] * 7
    review = Review(
        id="R",
        contract="C",
        request="Q",
        type="model",
        state=ReviewState.WAITING,
        bits=1,
        findings=(),
        held_at="then",
        expires_at="later",
        decided_at="",
        decided_by="",
        document="",
        shown=True,
        value=list(numbers),
    )
    assert "123456789" in str(review)
    read = dataclasses.replace(review, reads=model_rows(terms_of(spec_of(FILE)), list(numbers)))
    assert "123456789" not in str(read)
    assert "+0.1235  stay" in str(read)
    body: Any = review_json(read)
    assert body["value"] == numbers


def test_why_it_is_held_is_true_whoever_set_it() -> None:
    text, text_zh = WORDS["type.review"]
    assert text == "releases of this type are held until a person has seen them"
    assert "运营方要求" not in text_zh
