"""Privacy as leaves and terms say it: units, texts, and which ledgers a contract is charged to.

`formats_v1_privacy.json` was written by `frozen` below, from fixed keys.
"""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.contracts.privacy import (
    MAX_EPSILON,
    UNITS,
    charged_units,
    delta_of,
    epsilon_text,
    granted,
    limit_of,
    rho_text,
    spends,
    tables_of,
    units_of,
)
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.log import decode_leaf, event_leaf
from unseen.protocols.dp.zcdp import UNIT, epsilon_of
from unseen.protocols.errors import InputInvalidError

DELTA = "0.000001"
FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_privacy.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
BUDGETS = [("0.1", DELTA), ("1", DELTA), ("4", "0.00001"), ("10", "0.000000001"), ("100", "0.001")]


def frozen(world: Any) -> dict[str, Any]:
    time, suite = world.leaf().time, world.suite
    own: dict[str, canonical.Json] = {"table": "enterprises", "delta": DELTA, "by": "operator"}
    events: dict[str, dict[str, canonical.Json]] = {
        "privacy.budget": own | {"epsilon": "1", "limit": limit_of("1", DELTA)},
        "privacy.raised": own | {"epsilon": "2", "limit": limit_of("2", DELTA)},
        "privacy.inherited": {"table": "enterprises", "origin": "other/log", "spent": 1_000_000},
    }
    return {
        kind: canonical.encode(event_leaf(suite, kind, time, fields)).decode()
        for kind, fields in events.items()
    } | {
        "release": world.leaf(privacy=rho_text(charged_units(Fraction(1, 3)))).encode().decode(),
        "limits": [[epsilon, delta, limit_of(epsilon, delta)] for epsilon, delta in BUDGETS],
    }


def test_every_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_the_frozen_leaves_are_read(world: Any) -> None:
    vector = VECTORS[world.suite.id]
    for kind in ("privacy.budget", "privacy.raised", "privacy.inherited", "release"):
        assert decode_leaf(vector[kind].encode())["type"] == kind
    assert decode_leaf(vector["release"].encode())["privacy"] == "0.333333334"


def terms(world: Any, parameters: dict[str, Any], budget: str = "") -> Any:
    return world.terms(parameters=parameters, budget=budget)


@given(rho=st.fractions(0, 10**9 - 1))
def test_a_leaf_says_what_is_charged_and_never_less(rho: Fraction) -> None:
    units = charged_units(rho)
    assert units % 1000 == 0
    assert rho <= units * UNIT < rho + Fraction(1, 10**9)
    assert units_of(rho_text(units)) == units


@given(places=st.integers(0, 10**18 - 1))
def test_every_text_of_a_leaf_comes_back(places: int) -> None:
    text = rho_text(places * 1000)
    assert Fraction(text) == Fraction(places, 10**9)
    assert rho_text(units_of(text)) == text


@pytest.mark.parametrize("units", [1, 999, -1000, 10**9 * UNITS])
def test_a_leaf_cannot_say_every_cost(units: int) -> None:
    with pytest.raises(ContractInvalidError):
        rho_text(units)


@pytest.mark.parametrize("text", ["", "1.0", "01", ".5", "1e3", "-1", "0.0000000001", 1, None])
def test_only_decimals_in_their_shortest_form(text: Any) -> None:
    with pytest.raises(ContractInvalidError):
        units_of(text)


@pytest.mark.parametrize("rho", [0.1, "1", None, -1])
def test_costs_are_exact(rho: Any) -> None:
    with pytest.raises(InputInvalidError):
        charged_units(rho)


@pytest.mark.parametrize("epsilon", ["0.001", "1", "4", "100"])
def test_a_limit_is_within_its_epsilon_and_tight(epsilon: str) -> None:
    units = limit_of(epsilon, DELTA)
    assert epsilon_of(units * UNIT, Fraction(DELTA)) <= Fraction(epsilon)
    assert epsilon_of((units + 1) * UNIT, Fraction(DELTA)) > Fraction(epsilon)
    assert Fraction(epsilon_text(units, DELTA)) - Fraction(epsilon) < Fraction(1, 1000)


@pytest.mark.parametrize(
    ("epsilon", "delta"),
    [("0", DELTA), (str(MAX_EPSILON + 1), DELTA), ("1", "0"), ("1", "0.002"), ("1", "1")],
)
def test_budgets_out_of_range_are_refused(epsilon: str, delta: str) -> None:
    with pytest.raises(ContractInvalidError):
        limit_of(epsilon, delta)


def test_epsilon_is_said_to_four_places_and_rounded_up() -> None:
    assert epsilon_text(0, DELTA) == "0"
    assert epsilon_text(limit_of("1", DELTA), DELTA) == "1"
    small = epsilon_text(1_000_000, DELTA)
    assert Fraction(small) >= epsilon_of(1_000_000 * UNIT, Fraction(DELTA))
    assert len(small.partition(".")[2]) <= 4
    for delta in ("0", "1", "2"):
        with pytest.raises(ContractInvalidError):
            epsilon_text(1, delta)


def test_tables_follow_from_the_terms(world: Any) -> None:
    own = world.terms().table
    assert tables_of(terms(world, {})) == (own,)
    assert tables_of(terms(world, {"menu": {"joined": ["wages", own]}})) == (own, "wages")
    assert tables_of(terms(world, {"menu": "wages"})) == (own,)
    wrong: tuple[Any, ...] = ("wages", [7], ["a b"], {})
    for joined in wrong:
        with pytest.raises(ContractInvalidError):
            tables_of(terms(world, {"menu": {"joined": joined}}))


def test_what_may_be_spent_follows_from_the_terms(world: Any) -> None:
    menu = {"delta": DELTA}
    assert granted(terms(world, {"menu": menu}, "1")) == limit_of("1", DELTA)
    assert granted(terms(world, {"train": menu}, "1")) == limit_of("1", DELTA)
    assert granted(terms(world, {"menu": menu})) == 0
    assert granted(terms(world, {}, "1")) == 0
    assert delta_of(terms(world, {"menu": menu})) == DELTA
    assert [spends(terms(world, given)) for given in ({}, {"menu": menu})] == [False, True]
    for delta in (1, "x", None, ["0.1"]):
        with pytest.raises(ContractInvalidError):
            granted(terms(world, {"menu": {"delta": delta}}, "1"))
