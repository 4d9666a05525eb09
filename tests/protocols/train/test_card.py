"""A model card: one spelling, rounded figures, words in two languages, no marks of strangers."""

import re
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from tests.protocols.train.tasks import LABELS, rows, task

from unseen.protocols import dp
from unseen.protocols.dp.zcdp import UNIT
from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.testing import seeded_rng
from unseen.protocols.train import Model, coding
from unseen.protocols.train.attack import Membership
from unseen.protocols.train.card import UNFIT, Card, Endorsement, Source, card_of
from unseen.protocols.train.card_words import to_markdown
from unseen.protocols.train.driver import Share, drive_train

FAMILIES = tuple(LABELS)
FOUND = Membership(
    auc=5149, low=4851, high=5449, least=4700, advantage=420, members=900, others=800
)
ENDORSED = (
    Endorsement(party="north", request="ab" * 16, leaf=41, bar=6000),
    Endorsement(party="south|*evil*<b>", request="cd" * 16, leaf=0, bar=5500),
)
SOURCES = (
    Source(party="north", contract="c" * 64, commitment="d" * 64),
    Source(party="south|*evil*<b>"),
)


def made(family: str = "logistic", *, noisy: bool = True) -> Card:
    spec = task(family, evaluation="0.5")
    shares = {f"p{i}": Share(*rows(family, 400, i), *rows(family, 200, 9 + i)) for i in range(3)}
    found = drive_train(spec, shares, seeded_rng(1), masked=False, noisy=noisy)
    card = card_of(
        found.model,
        SOURCES,
        cost=found.cost,
        delta="0.00001",
        metrics=found.metrics,
        attacks=(("north", FOUND),),
        purpose=("to plan wards", "用于床位规划"),
    )
    return replace(card, endorsed=ENDORSED)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_card_survives_its_bytes(family: str) -> None:
    card = made(family)
    assert Card.decode(card.encode()) == card
    assert card.unfit == UNFIT
    assert len(card.digest) == 64


def test_figures_are_rounded_before_they_are_passed_on() -> None:
    (attack,) = made().attacks
    assert (attack.auc, attack.low, attack.high) == (51, 48, 55)
    figures = dict(made().metrics)
    assert set(figures) == {"auc", "loss", "spread", "rows"}
    assert 500 < figures["auc"] <= 1000


def test_epsilon_is_that_of_the_cost() -> None:
    card = made()
    assert card.epsilon == dp.epsilon_of(card.cost * UNIT, Fraction(1, 10**5))
    assert made(noisy=False).epsilon is None
    assert "Trained without noise" in to_markdown(made(noisy=False))
    model = Model(task(), (0,) * 6)
    for delta in ("0", "1", "1e-5", "-0.1"):
        with pytest.raises(InputInvalidError):
            card_of(model, (), cost=1, delta=delta, metrics=None, attacks=(), purpose=("", ""))


BENT: dict[str, list[Any]] = {
    "format": ["x", 7],
    "task": [{}, "x"],
    "model": ["x", 7, "A" * 64],
    "sources": [{}, "x", 7, [[1]], [{"party": "p"}]],
    "cost": [-1, "1", []],
    "delta": ["0", "1", "1e-5", 7],
    "metrics": [[], 7, {"auc": "x"}, {"auc": []}],
    "calibration": [7, [[1]], [[1, 2, "3"]]],
    "attacks": [7, [{}], [{"party": "p", "auc": "1", "low": 1, "high": 1}]],
    "endorsed": [
        7,
        [{}],
        [{"party": "p", "request": "AB" * 16, "leaf": 1, "bar": 6000}],
        [{"party": "p", "request": "ab" * 16, "leaf": -1, "bar": 6000}],
        [{"party": "p", "request": "ab" * 16, "leaf": 1, "bar": 10_001}],
        [{"party": "p", "request": "ab" * 16, "leaf": "1", "bar": 6000}],
    ],
    "purpose": [7, []],
    "purpose_zh": [7, {}],
    "unfit": [7, [[1]], ["x"], [["a", "b", "c"]]],
}


def test_bytes_that_are_no_card_are_refused() -> None:
    whole = made().to_json()
    assert set(whole) == set(BENT)
    for name, values in BENT.items():
        for wrong in values:
            with pytest.raises((MalformedMessageError, InputInvalidError)):
                Card.decode(coding.encode(whole | {name: wrong}))
        less = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(MalformedMessageError):
            Card.decode(coding.encode(less))


@pytest.mark.parametrize("family", FAMILIES)
def test_words_say_what_the_card_holds(family: str) -> None:
    card = made(family)
    english, chinese = to_markdown(card), to_markdown(card, chinese=True)
    for text in (english, chinese):
        assert card.model in text
        assert f"epsilon {float(card.epsilon or 0):.3f}" in text
        assert "0.51 (0.48 - 0.55)" in text
        assert "| north |" in text
        assert "south\\|\\*evil\\*\\<b\\>" in text
        for feature in card.spec.features:
            assert feature.name in text
    assert "to plan wards" in english
    assert "用于床位规划" in chinese
    assert not re.search("[一-鿿]", english)
    for one, other in UNFIT:
        assert one in english
        assert other in chinese
    bare = to_markdown(replace(card, metrics=(), calibration=(), attacks=(), endorsed=(), cost=0))
    assert bare.count("Not measured.") == 2


def test_what_bounds_membership_follows_from_the_cost_and_is_rounded_up() -> None:
    card = made()
    assert card.bounds is not None
    by_epsilon, by_rho = card.bounds
    assert by_rho.advantage**2 >= Fraction(card.cost, 2 * 10**12)
    assert by_rho.advantage < by_epsilon.advantage < 1
    assert Fraction(1, 2) < by_rho.area < by_epsilon.area < 1
    english = to_markdown(card)
    for bound in card.bounds:
        assert f"advantage at most {ceil(1000 * bound.advantage) / 1000:.3f}, area" in english
    assert made(noisy=False).bounds is None


def test_of_a_node_that_let_it_out_a_card_holds_the_bar_and_the_receipt_and_no_figure() -> None:
    card = replace(made(), attacks=())
    assert set(card.to_json()["endorsed"][0]) == {"party", "request", "leaf", "bar"}
    for text in (to_markdown(card), to_markdown(card, chinese=True)):
        assert f"| north | 0.60 | {'ab' * 16} | 41 |" in text
        assert "| 0.55 |" in text
        assert "(0." not in text
    waiting = replace(card, endorsed=())
    assert "No party has let it out yet" in to_markdown(waiting)
    assert "尚无参与方准予出域" in to_markdown(waiting, chinese=True)
