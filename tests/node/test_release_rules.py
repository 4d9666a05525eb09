"""The gate's rules, each by values just within and just beyond it; and what raises, refuses."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.contracts.cells import Boolean, Choice, Number
from unseen.evidence.contracts.typed import Histogram, Model, Scalar, Table, Value, Verdicts, decode
from unseen.node.release import models
from unseen.node.release.examine import RULES, WORDS, examine
from unseen.node.release.facts import AggregateFacts, CellFacts, ModelFacts
from unseen.node.release.rules import EVERY, Case, Finding, Limits, Mode, Outcome, Rule

COUNT = Number(use="count", low=0, high=10**6, optional=True)
SUM = Number(use="measure", low=-(10**9), high=10**9, decimals=2, optional=True)
BY_SECTOR = Table(
    columns=(("sector", Choice(of=("a", "b", "c"))), ("firms", COUNT), ("debt", SUM)), max_rows=3
)
ROWS: list[Any] = [["a", 20, 1_234_000], ["b", 35, 980_000]]
CELL = CellFacts(contributors=20, total=1_000, largest=100, second=90)


def value(shape: Any, found: Any) -> Value:
    return decode(shape, canonical.encode(found))


def aggregate(rows: Any = ROWS, *, cells: Any = None, shape: Any = BY_SECTOR, **facts: Any) -> Case:
    body = value(shape, rows)
    count = sum(1 for row in body.rows for cell in shape.cells if not isinstance(cell, Choice))
    behind = (CELL,) * count if cells is None else tuple(cells)
    known: dict[str, Any] = {"cells": behind, "measured": True} | facts
    return case("aggregate", value=body, facts=AggregateFacts(**known))


def case(kind: str = "verdicts", **changes: Any) -> Case:
    fields: dict[str, Any] = {
        "type": kind,
        "mode": Mode.PASS,
        "bits": 4,
        "bits_per_run": 4,
        "bits_in_all": 400,
        "used": 0,
    }
    if kind == "verdicts":
        fields["value"] = value(Verdicts(count=2), ["yes", "no_usable_result"])
    return Case(**fields | changes)


def first(fields: dict[str, Any], cells: int = 4) -> list[CellFacts]:
    """Return facts of `cells` cells, of which the first is changed."""
    return [dataclasses.replace(CELL, **fields), *[CELL] * (cells - 1)]


def fired(found: Finding) -> set[str]:
    return set(found.rules)


def test_nothing_fires_on_what_is_harmless() -> None:
    assert examine(case()) == Finding(Outcome.PASS, ())
    assert examine(aggregate()) == Finding(Outcome.PASS, ())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"mode": Mode.OFF}, "type.off"),
        ({"mode": Mode.REVIEW}, "type.review"),
        ({"mode": Mode.REVIEW, "value": None}, "type.unreadable"),
        ({"bits": 5}, "bits.run"),
        ({"used": 397}, "bits.contract"),
    ],
)
def test_general_rules(changes: dict[str, Any], rule: str) -> None:
    found = examine(case(**changes))
    assert fired(found) == {rule}
    assert found.outcome is (Outcome.REVIEW if rule == "type.review" else Outcome.REFUSE)


def test_general_rules_at_their_edge() -> None:
    assert examine(case(used=396)).outcome is Outcome.PASS
    assert examine(case(value=None)).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"contributors": 9}, "cells.group"),
        ({"contributors": 0}, "cells.zero"),
        ({"largest": 500, "second": 401}, "cells.dominance"),
        ({"largest": 0, "second": 0, "dominated": True}, "cells.dominance"),
        ({"total": 1_000, "largest": 889, "second": 30}, "cells.p_ratio"),
    ],
)
def test_rules_over_who_stands_behind_a_cell(fields: dict[str, int], rule: str) -> None:
    found = examine(aggregate(cells=first(fields)))
    assert rule in fired(found)
    assert fired(found) <= {rule, "cells.dominance"}  # the p-ratio fires on the dominated too
    assert found.outcome is Outcome.REFUSE
    last = examine(aggregate(cells=first(fields)[::-1]))
    assert last == found


@pytest.mark.parametrize(
    "fields",
    [
        {"contributors": 10},
        {"largest": 500, "second": 400},
        {"total": 1_000, "largest": 800, "second": 100},
        {"total": 0, "largest": 0, "second": 0},
    ],
)
def test_the_same_rules_at_their_edge(fields: dict[str, int]) -> None:
    assert examine(aggregate(cells=first(fields))).outcome is Outcome.PASS


def test_a_suppressed_cell_passes_whatever_stands_behind_it() -> None:
    rows = [["a", None, 1_234_000], ["b", None, 980_000]]
    none = dataclasses.replace(CELL, contributors=1, largest=999)
    found = examine(aggregate(rows, cells=[none, CELL, none, CELL]))
    assert found.outcome is Outcome.PASS


def test_one_suppressed_cell_alone_needs_a_person() -> None:
    found = examine(aggregate([["a", None, 1_234_000], ["b", 35, 980_000]]))
    assert found == Finding(Outcome.REVIEW, ("cells.alone",))
    assert examine(aggregate([["a", None, 1_234_000]])).outcome is Outcome.PASS  # no column


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (["a", 0, 500], "cells.zero"),
        (["a", 21, 500], "cells.rounding"),
        (["a", 20, 12_345], "cells.digits"),
        (["a", 20, -123_450], "cells.digits"),
        (["a", 12_345, 500], "cells.digits"),
    ],
)
def test_rules_over_what_a_cell_shows(row: list[Any], rule: str) -> None:
    assert fired(examine(aggregate([row, ROWS[1]]))) == {rule}


def test_a_measure_may_be_zero_and_a_flag_is_a_cell() -> None:
    assert examine(aggregate([["a", 20, 0], ROWS[1]])).outcome is Outcome.PASS
    flag = Scalar(cell=Boolean())
    assert examine(aggregate(True, shape=flag)).outcome is Outcome.PASS
    small = examine(aggregate(True, shape=flag, cells=first({"contributors": 3}, 1)))
    assert fired(small) == {"cells.group"}


@pytest.mark.parametrize("cells", [[CELL] * 3, [CELL] * 5, []])
def test_facts_for_another_number_of_cells_refuse(cells: list[CellFacts]) -> None:
    assert fired(examine(aggregate(cells=cells))) == {"facts.missing"}


@pytest.mark.parametrize("facts", [None, ModelFacts(rows=100, measured=True)])
def test_an_aggregate_without_facts_is_refused(facts: Any) -> None:
    found = examine(dataclasses.replace(aggregate(), facts=facts))
    assert found == Finding(Outcome.REFUSE, ("facts.missing",))


def test_an_aggregate_that_nobody_can_read_is_refused() -> None:
    found = examine(dataclasses.replace(aggregate(), value=None))
    assert found == Finding(Outcome.REFUSE, ("facts.missing",))


def test_what_code_states_about_itself_needs_a_person() -> None:
    assert examine(aggregate(measured=False)) == Finding(Outcome.REVIEW, ("facts.stated",))


def test_degrees_of_freedom() -> None:
    assert examine(aggregate(freedom=10)).outcome is Outcome.PASS
    assert fired(examine(aggregate(freedom=9))) == {"fit.freedom"}


def test_rows_and_cells() -> None:
    bins = Histogram(cell=COUNT, bins=tuple(f"b{n}" for n in range(11)))
    counts = aggregate([20] * 11, shape=bins)
    few = dataclasses.replace(counts, limits=Limits(rows=10))
    assert fired(examine(few)) == {"table.rows"}
    narrow = dataclasses.replace(counts, limits=Limits(cells=10))
    assert fired(examine(narrow)) == {"table.cells"}
    assert examine(dataclasses.replace(counts, limits=Limits(rows=11, cells=11))).rules == ()


def test_a_contract_can_only_raise_the_smallest_group() -> None:
    assert Limits().with_group(50).group == 50
    assert Limits().with_group(3).group == 10
    strict = dataclasses.replace(aggregate(), limits=Limits().with_group(50))
    assert fired(examine(strict)) == {"cells.group"}


def test_the_gravest_rule_decides_and_every_rule_is_named() -> None:
    found = examine(aggregate(measured=False, cells=first({"contributors": 3})))
    assert found == Finding(Outcome.REFUSE, ("facts.stated", "cells.group"))


PARAMETER = Number(use="parameter", low=-(10**6), high=10**6, decimals=4)


def model(family: str = "logistic", *, parameters: int = 20, **facts: Any) -> Case:
    shape = Model(family=family, format="json", cell=PARAMETER, parameters=parameters)
    known = {"rows": 1_000, "measured": True, "smallest_leaf": 10, "attack": 5_200} | facts
    body = value(shape, [1_234_567 % (n + 7) for n in range(parameters)])
    return case("model", value=body, facts=ModelFacts(**known))


KINDS: list[tuple[Case, set[str]]] = [
    (model("linear"), set()),
    (model("logistic"), set()),
    (model("poisson"), set()),
    (model("naive_bayes"), set()),
    (model("mlp", parameters=200), set()),
    (model("tree"), set()),
    (model("forest", attack=6_000), set()),
    (model("boosting", attack=None, private=True), set()),
    (model("mlp", attack=6_000, private=True), set()),
    (model("mlp", attack=6_001, private=True), {"model.attack"}),  # noise that was not added
    (model("knn"), {"model.family"}),
    (model("svm_rbf"), {"model.family"}),
    (model("gaussian_process"), {"model.family"}),
    (model("whatever"), {"model.family"}),
    (model("mlp", parameters=201), {"model.size"}),
    (model("tree", smallest_leaf=9), {"model.leaf"}),
    (model("logistic", smallest_leaf=0), set()),
    (model("forest", attack=6_001), {"model.attack"}),  # the overfit one
    (model("linear", attack=None), {"model.unmeasured"}),
    (model("linear", measured=False), {"facts.stated"}),
    (model("knn", attack=9_000, parameters=900), {"model.family", "model.size", "model.attack"}),
]


@pytest.mark.parametrize(("given_model", "rules"), KINDS)
def test_kinds_of_model(given_model: Case, rules: set[str]) -> None:
    found = examine(given_model)
    assert fired(found) == rules | {"model.person"}
    refused = rules - {"facts.stated"}
    assert found.outcome is (Outcome.REFUSE if refused else Outcome.REVIEW)


def test_a_model_is_declared_as_one_and_has_facts() -> None:
    strange = dataclasses.replace(model(), value=value(Scalar(cell=COUNT), 20))
    assert {"model.shape", "model.family"} <= fired(examine(strange))
    hidden = dataclasses.replace(model(), value=None)
    assert fired(examine(hidden)) == {"model.shape", "model.family", "model.person"}
    unknown = dataclasses.replace(model("tree"), facts=None)
    assert fired(examine(unknown)) == {"model.facts", "model.person"}


def test_no_model_passes_without_a_person() -> None:
    assert all(examine(each).outcome is not Outcome.PASS for each, _ in KINDS)
    assert models.TREES <= models.FAMILIES


def broken(rule: Rule) -> Rule:
    def fires(_: Case) -> bool:
        raise ZeroDivisionError

    return dataclasses.replace(rule, fires=fires)


@pytest.mark.parametrize("place", range(len(RULES)))
def test_a_rule_that_raises_refuses(place: int) -> None:
    rules = [broken(rule) if at == place else rule for at, rule in enumerate(RULES)]
    found = examine(case(), rules)
    assert found == Finding(Outcome.REFUSE, ("gate.fault",))


def test_a_type_that_is_none_refuses() -> None:
    assert examine(case("log files")) == Finding(Outcome.REFUSE, ("gate.fault",))


def test_the_registry_names_each_rule_once_in_two_languages() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert set(ids) < set(WORDS)
    for text, text_zh in WORDS.values():
        assert text.isascii()
        assert not text_zh.isascii()
    assert all(rule.types and rule.types <= EVERY for rule in RULES)
    assert [outcome.word for outcome in Outcome] == ["pass", "review", "refuse"]


@given(
    contributors=st.integers(-1, 40),
    largest=st.integers(0, 1_000),
    second=st.integers(0, 1_000),
    rest=st.integers(0, 1_000),
)
def test_what_passes_keeps_to_the_definitions(
    contributors: int, largest: int, second: int, rest: int
) -> None:
    largest, second = max(largest, second), min(largest, second)
    total = largest + second + rest
    facts = {"contributors": contributors, "total": total, "largest": largest, "second": second}
    found = examine(aggregate(cells=first(facts)))
    safe = contributors >= 10 and largest + second <= 0.9 * total and rest >= 0.1 * largest
    assert (found.outcome is Outcome.PASS) == safe
