"""The compiler over mixed labels: nothing outside the contract compiles, every refusal helps."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.node.asking import COLUMNS, asks, offers, some_labels
from tests.node.conftest import RULES, make_ask, make_offer, make_product, make_signers, make_table

from unseen.evidence.contracts.limits import scope_of
from unseen.node.catalog.catalogue import Column
from unseen.node.catalog.labels import LEVELS, Label
from unseen.node.contracts.clauses import CLAUSES
from unseen.node.contracts.clauses.clause import Ask, Offer
from unseen.node.contracts.clauses.limits import LIMITS
from unseen.node.contracts.clauses.outputs import chosen
from unseen.node.contracts.compile import (
    Compiled,
    Refusal,
    against,
    compile_contract,
    reading_of,
)
from unseen.node.contracts.rules import Ruling
from unseen.node.kinds import kind as kinds


def rules_read(ask: Ask, offer: Offer) -> list[Any]:
    """Return the rule of every label that an ask touches, worked out without the compiler."""
    outputs = ask.outputs or tuple(each.name for each in offer.product.predicates)
    predicates = [each for each in offer.product.predicates if each.name in outputs]
    read = {"id"} | {column for each in predicates for column in each.columns}
    return [RULES.of(column.label) for column in offer.table.columns if column.name in read]


@given(asks(), offers())
@settings(max_examples=400)
def test_nothing_outside_the_contract_compiles(ask: Ask, offer: Offer) -> None:
    found = compile_contract(ask, offer)
    rules = rules_read(ask, offer)
    if isinstance(found, Refusal):
        assert found.errors
        for error in found.errors:
            assert error.reason
            assert error.clause
            assert error.remedy
        return
    terms, plan, product = found.terms, found.plan, offer.product
    offered = {each.name: each for each in product.predicates}
    assert terms.outputs == (ask.outputs or tuple(offered))
    assert set(plan.columns_read) == {c for name in terms.outputs for c in offered[name].columns}
    assert plan.bits_per_unit == 2 * len(terms.outputs)
    assert plan.release is not None
    assert plan.release.bits_in_all == plan.bits_per_unit * ask.quota.units
    assert all(rule is not None and product.kind in rule.kinds for rule in rules)
    assert all(rule.ciphertext for rule in rules) or not found.leakage.ciphertext_leaves
    assert found.leakage.ciphertext_leaves is (terms.protocol == "oprf_table")
    assert (
        all(rule.share == 0 for rule in rules)
        or product.kind == "verify"
        or (
            ask.quota.units + offer.granted
            <= max(offer.table.snapshot.rows // max(rule.share for rule in rules), 1)
        )
    )
    assert terms.order or not any(rule.order for rule in rules)
    assert not any(rule.region for rule in rules) or terms.region.startswith("CN")
    needed = {role for rule in rules for role in rule.approvals}
    assert needed | {"buyer"} == set(terms.approvals)
    assert bool(terms.consent) is any(rule.consent for rule in rules)
    assert plan.rows is not None
    assert plan.rows.consent is bool(terms.consent)
    assert (terms.group, terms.budget) == (plan.group, plan.budget) == (0, "")
    assert terms.rules == RULES.digest
    assert scope_of(terms, plan).labels == tuple(
        (column.name, column.label.category, column.label.level)
        for column in offer.table.columns
        if column.name in {"id", *plan.columns_read}
    )
    for entry in RULES.file.deny:
        assert not entry.denies(terms.scenario) or not any(
            column.label.category in entry.categories and column.label.level in entry.levels
            for column in offer.table.columns
            if column.name in {"id", *plan.columns_read}
        )


@given(asks(), offers())
@settings(max_examples=300)
def test_each_clause_stands_against_what_it_is_for_and_nothing_else(ask: Ask, offer: Offer) -> None:
    clauses = {error.clause for error in against(ask, offer, CLAUSES)}
    rules = [rule for rule in rules_read(ask, offer) if rule is not None]
    assert ("order" in clauses) is (any(rule.order for rule in rules) and not ask.order)
    fits = ask.region in ("CN", "CN-44")
    assert ("region" in clauses) is (any(rule.region for rule in rules) and not fits)
    for role in ("holder", "approver"):
        needed = any(role in rule.approvals for rule in rules)
        assert (f"approvals.{role}" in clauses) is (needed and not getattr(offer.signers, role))
    assert ("outputs.no_such" in clauses) is ("no_such" in ask.outputs)
    assert ("budget" in clauses) is (ask.budget != "")
    # The form comes first: a budget that is no number is all that is said about both.
    assert ("group" in clauses) is (ask.group > 0 and ask.budget != "x")


@given(asks(), offers(), st.sampled_from(COLUMNS), some_labels)
@settings(max_examples=300)
def test_a_stricter_label_never_lets_more_through(
    ask: Ask, offer: Offer, column: str, label: Label
) -> None:
    """What is refused stays refused when a column rises within its category."""
    before = next(each.label for each in offer.table.columns if each.name == column)
    if label.category != before.category or LEVELS.index(label.level) < LEVELS.index(before.level):
        return
    columns = tuple(
        dataclasses.replace(each, label=label) if each.name == column else each
        for each in offer.table.columns
    )
    stricter = dataclasses.replace(offer, table=dataclasses.replace(offer.table, columns=columns))
    if isinstance(compile_contract(ask, offer), Refusal):
        assert isinstance(compile_contract(ask, stricter), Refusal)


def clauses_of(ask: Ask, offer: Offer) -> list[str]:
    return [error.clause for error in against(ask, offer, CLAUSES)]


def labelled(**labels: tuple[str, str]) -> Offer:
    """Return an offer of verdicts over columns with these labels, the others public."""
    table = make_table()
    columns = tuple(
        Column(each.name, each.type, Label(*labels.get(each.name, ("public", "1"))))
        for each in table.columns
    )
    return make_offer(make_product("verify"), dataclasses.replace(table, columns=columns))


def test_the_deny_list_comes_before_everything_else() -> None:
    ask = dataclasses.replace(make_ask(outputs=("p0", "x")), scenario="resale", group=3)
    clauses = clauses_of(ask, labelled(a=("enterprise", "core")))
    assert clauses == ["deny.resale", "outputs.x", "labels.enterprise.core", "group"]


def test_level_four_takes_three_signatures_an_order_and_a_region() -> None:
    offer = labelled(a=("public", "4"))
    assert clauses_of(make_ask(), offer) == [
        "approvals.holder",
        "approvals.approver",
        "order",
        "region",
    ]
    signers = dataclasses.replace(make_signers(), holder="H" * 42 + "A", approver="P" * 42 + "A")
    offer = dataclasses.replace(offer, signers=signers)
    ask = dataclasses.replace(make_ask(), order="EX-1", region="CN-44")
    found = compile_contract(ask, offer)
    assert isinstance(found, Compiled)
    terms = found.terms
    assert terms.approvals == ("operator", "holder", "approver", "buyer")
    assert (terms.holder, terms.approver) == (signers.holder, signers.approver)
    assert (terms.order, terms.region) == ("EX-1", "CN-44")


@pytest.mark.parametrize("level", ["important", "core"])
def test_important_and_core_data_are_refused(level: str) -> None:
    assert clauses_of(make_ask(), labelled(b=("enterprise", level))) == [
        f"labels.enterprise.{level}"
    ]


def test_an_output_is_named_once() -> None:
    (error,) = against(make_ask(outputs=("p0", "p1", "p0")), make_offer(), CLAUSES)
    assert (error.clause, error.remedy) == ("outputs.p0", "name each output once")


def test_what_the_formats_refuse_has_a_remedy_too() -> None:
    for change in ({"scenario": "two words"}, {"order": "a b"}, {"declarations": ("",)}):
        ask: Ask = dataclasses.replace(make_ask(), **change)
        found = compile_contract(ask, make_offer())
        assert isinstance(found, Refusal)
        (error,) = found.errors
        assert error.clause in change
        assert error.remedy


AGGREGATES = dataclasses.replace(kinds.KINDS["verify"], release="aggregate")


@pytest.fixture
def aggregates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `verify` release aggregates, as a later kind does."""
    monkeypatch.setitem(kinds.KINDS, "verify", AGGREGATES)


@pytest.mark.usefixtures("aggregates")
@pytest.mark.parametrize(
    ("group", "budget", "refused"),
    [
        (0, "", []),
        (5, "8", []),
        (6, "0.5", []),
        (4, "", ["group"]),
        (0, "8.1", ["budget"]),
        (4, "10", ["group", "budget"]),
        (0, "0", ["budget"]),
        (-1, "", ["group"]),
        (0, "8.10", ["budget"]),
    ],
)
def test_groups_and_epsilon_of_aggregates_are_bounded_by_labels(
    group: int, budget: str, refused: list[str]
) -> None:
    offer = labelled(a=("enterprise", "2"))
    ask = dataclasses.replace(make_ask(), group=group, budget=budget)
    errors = against(ask, offer, [LIMITS])
    assert [error.clause for error in errors] == refused
    assert all(error.remedy for error in errors if error.reason == "LABEL_REFUSED")
    if not refused:
        agreed = LIMITS.terms(ask, offer, reading_of(ask, offer))
        assert agreed == {"group": group or 5, "budget": budget or "8"}


@pytest.mark.usefixtures("aggregates")
@pytest.mark.parametrize(("rows", "group"), [(5, 0), (4, 0), (9, 9), (8, 9)])
def test_a_group_is_no_larger_than_the_table(rows: int, group: int) -> None:
    offer = labelled(a=("enterprise", "2"))
    snapshot = dataclasses.replace(offer.table.snapshot, rows=rows)
    offer = dataclasses.replace(offer, table=dataclasses.replace(offer.table, snapshot=snapshot))
    errors = against(dataclasses.replace(make_ask(), group=group), offer, [LIMITS])
    enough = rows >= (group or 5)  # the label's, where none is asked for
    assert [(each.clause, each.reason) for each in errors] == (
        [] if enough else [("group", "LABEL_REFUSED")]
    )
    assert all(f"has {rows} rows" in str(each) and each.remedy for each in errors)


@pytest.mark.usefixtures("aggregates")
def test_without_a_ceiling_any_epsilon_will_do() -> None:
    ask = dataclasses.replace(make_ask(), budget="100")
    assert against(ask, labelled(), [LIMITS]) == ()


@pytest.mark.usefixtures("aggregates")
@pytest.mark.parametrize(
    ("budget", "delta", "clause"),
    [("100.1", "", "budget"), ("1", "0.01", "delta"), ("1", "1", "delta"), ("1", "0.001", "")],
)
def test_a_budget_that_no_ledger_holds_is_refused(budget: str, delta: str, clause: str) -> None:
    offer = labelled()
    definition: Any = SimpleNamespace(menu=SimpleNamespace(delta=delta)) if delta else None
    offer = dataclasses.replace(
        offer, product=dataclasses.replace(offer.product, definition=definition)
    )
    errors = against(dataclasses.replace(make_ask(), budget=budget), offer, [LIMITS])
    assert [each.clause for each in errors] == [clause] * bool(clause)
    assert all(each.reason == "CONTRACT_INVALID" and each.remedy for each in errors)


def test_rules_may_demand_a_template() -> None:
    ask, offer = make_ask(), make_offer()
    reading = dataclasses.replace(
        reading_of(ask, offer), ruling=Ruling(template=True, because={"template": "column 'a'"})
    )
    clause = next(each for each in CLAUSES if each.name == "template")
    (error,) = clause.check(ask, offer, reading)
    assert (error.reason, error.clause) == ("LABEL_REFUSED", "template")


def test_all_outputs_are_chosen_where_none_is_named() -> None:
    assert [each.name for each in chosen(make_ask(), make_offer())] == ["p0", "p1", "p2"]


def test_clauses_have_names_of_their_own() -> None:
    names = [clause.name for clause in CLAUSES]
    assert len(set(names)) == len(CLAUSES)
    assert CLAUSES[0].name == "deny"
    assert CLAUSES[-1].name == "template"
