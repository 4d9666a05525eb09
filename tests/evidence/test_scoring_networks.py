"""The clause of encrypted scoring where the model is a network of squares, and its frozen bytes.

`formats_v1_score_network.json` was written by `frozen` below, from fixed keys.
"""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.test_scoring import CLAUSE as LINE
from tests.evidence.test_scoring import SHAPE, UNITS, plan_of, terms_of

from unseen.evidence import canonical
from unseen.evidence.contracts.scoring import (
    MAX_REACH,
    Offered,
    Scoring,
    Wanted,
    check_scoring,
    scoring_of,
    scoring_rows,
)
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.errors import ContractInvalidError
from unseen.protocols.he.networks.parameters import SquaresParameters, choose

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_score_network.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
NETWORK = replace(SHAPE, layers=((4, 2), (1, 1)))
BOUNDS = {
    "columns": 3,
    "units": 4,
    "weight_bits": 20,
    "sum_bits": 23,
    "unit_bits": 69,
    "reach_bits": 138,
    "precision_bits": 14,
}
OFFERED = Offered(model=NETWORK, bounds=BOUNDS, precision="0.0001", most=16, reach=8)
CLAUSE = OFFERED.only(UNITS)


def frozen(world: Any) -> dict[str, str]:
    wanted = Wanted(features=SHAPE.features, precision="0.0001", most=16, reach=8)
    return {
        "wanted": wanted.encode().decode(),
        "offered": OFFERED.encode().decode(),
        "clause": canonical.encode(CLAUSE.to_json()).decode(),
        "terms": terms_of(world, CLAUSE).encode().decode(),
        "plan": plan_of(world, CLAUSE).encode().decode(),
    }


def test_every_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_frozen_documents_are_read_and_written_the_same(world: Any) -> None:
    vector = VECTORS[world.suite.id]
    assert Offered.decode(vector["offered"].encode()) == OFFERED
    assert Wanted.decode(vector["wanted"].encode()).reach == 8
    assert Scoring.from_json(canonical.decode(vector["clause"].encode())) == CLAUSE


def test_terms_and_plan_that_follow_from_the_clause_agree(world: Any) -> None:
    check_agreed(terms_of(world, CLAUSE), plan_of(world, CLAUSE))
    assert isinstance(CLAUSE.ring, SquaresParameters)
    rows = dict(scoring_rows(terms_of(world, CLAUSE).parameters))
    assert rows["model"] == "logistic, 3 columns, a hidden layer of 4"
    # Rows lie in slots, half as many as there are coefficients, each of which may carry bits.
    assert rows["rows a unit"] == f"{CLAUSE.ring.degree // 2:,} at most"
    assert CLAUSE.bits_per_unit == CLAUSE.ring.degree * CLAUSE.ring.taught_bits
    with pytest.raises(ContractInvalidError):
        check_scoring(terms_of(world, CLAUSE), plan_of(world, LINE))


@given(units=st.integers(1, 10**6))
@settings(max_examples=20, deadline=None)
def test_a_clause_hides_as_much_for_any_number_of_units(units: int) -> None:
    clause = OFFERED.only(units)
    assert clause.most == min(OFFERED.most, units)
    assert clause.ring.hiding_bits >= 40
    assert min(clause.ring.security.matzov, clause.ring.security.core) >= 128
    assert clause.ring.demand.responses == units
    assert Scoring.from_json(clause.to_json()) == clause


def test_a_ring_of_another_sort_or_that_hides_less_is_refused() -> None:
    body: Any = CLAUSE.to_json()
    line: Any = LINE.to_json()
    ring, demand, layers = body["ring"], body["demand"], body["layers"]
    wrong: list[dict[str, Any]] = [
        {"layers": line["layers"]},
        {"demand": line["demand"], "ring": line["ring"]},
        {"ring": line["ring"]},
        {"layers": [layers[0] | {"units": 3}, layers[1]]},
        {"layers": [layers[0] | {"degree": 3}, layers[1]]},
        {"layers": [layers[0], *layers]},
        {"ring": ring | {"flood_bits": ring["flood_bits"] - 1}},
        {"ring": ring | {"shift": ring["shift"] + 1}},
        {"ring": ring | {"degree": 8192}},
        {"ring": ring | {"primes": ring["primes"][1:]}},
        {"ring": ring | {"primes": ring["primes"][::-1]}},
        {"demand": demand | {"responses": 10**9}},
        {"demand": demand | {"units": 5}},
        {"demand": demand | {"columns": 4}},
        {"demand": demand | {"unit_bits": 129}},
        {"demand": demand | {"grid": 1}},
    ]
    for changes in wrong:
        with pytest.raises(ContractInvalidError) as caught:
            scoring_of({"score": body | changes})
        assert caught.value.clause


@pytest.mark.parametrize(
    "changes",
    [
        {"model": SHAPE},
        {"model": replace(NETWORK, layers=((5, 2), (1, 1)))},
        {"model": replace(NETWORK, layers=((4, 3), (1, 1)))},
        {"model": replace(NETWORK, layers=((4, 2), (4, 2), (1, 1)))},
        {"bounds": BOUNDS | {"reach_bits": 264, "unit_bits": 128, "precision_bits": 20}},
        {"reach": -1},
        {"reach": MAX_REACH + 1},
        {"reach": True},
    ],
)
def test_an_offer_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        replace(OFFERED, **changes)
    assert caught.value.clause.startswith("score.")


def test_an_interval_of_nothing_is_not_written() -> None:
    body: Any = OFFERED.to_json()
    assert "reach" not in replace(OFFERED, reach=0).to_json()
    for wrong in (0, MAX_REACH + 1, "8", True):
        with pytest.raises(ContractInvalidError):
            Offered.from_json(body | {"reach": wrong})


def test_bounds_are_those_of_a_demand() -> None:
    assert {*BOUNDS, "responses"} == {one.name for one in fields(CLAUSE.ring.demand)}
    assert isinstance(CLAUSE.ring, SquaresParameters)
    assert choose(CLAUSE.ring.demand) == CLAUSE.ring


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to all values within one."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [at, *(way for key, one in items for way in places(one, (*at, key)))]


def changed(value: Any, way: tuple[Any, ...], other: Any) -> Any:
    if not way:
        return other
    copy = value.copy()
    copy[way[0]] = changed(value[way[0]], way[1:], other)
    return copy


OTHERS: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 33, 1 << 20, 1 << 34, (1 << 53) - 1),
    *("", "1", "9" * 20, "x" * 5000, [], [1], {}, {"a": 1}),
)


@pytest.mark.parametrize("clause", [LINE, CLAUSE], ids=["line", "network"])
def test_whatever_stands_in_a_clause_it_is_one_or_one_clear_error(clause: Scoring) -> None:
    body: Any = clause.to_json()
    taken, named = 0, list[str]()
    for way in places(body):
        for other in OTHERS:
            spoilt = changed(body, way, other)
            try:
                found = Scoring.from_json(spoilt)
            except ContractInvalidError as error:
                named.append(error.clause)
                continue
            assert found.to_json() == spoilt
            taken += 1
    assert all(named)
    assert 0 < taken < 60  # a name, a bound: what a clause may say as well
