"""The narrowest contract that would do: never wider, never less than what could be used."""

import dataclasses
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.conftest import World
from tests.evidence.governance import make_template
from tests.node.asking import asks, offers
from tests.node.conftest import START, UNTIL, make_ask, make_offer, make_product, make_table

from unseen.evidence.contracts.contract import Period, Prices, Quota
from unseen.evidence.suite import INTL
from unseen.node.catalog.catalogue import Predicate
from unseen.node.contracts.clauses.clause import Ask, Offer, Standing
from unseen.node.contracts.clauses.outputs import chosen
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract
from unseen.node.contracts.explain import demands, explain
from unseen.node.contracts.narrow import Narrowed, narrowest
from unseen.node.kinds import kind as kinds


def price(made: Compiled) -> int:
    return made.terms.prices.data_fee + made.terms.prices.service_fee


def same(one: Compiled | Refusal, other: Compiled | Refusal) -> bool:
    """Return whether two outcomes say the same; errors are compared by what they say."""
    if isinstance(one, Compiled) or isinstance(other, Compiled):
        return one == other
    return [str(error) for error in one.errors] == [str(error) for error in other.errors]


@given(asks(), offers())
@settings(max_examples=400)
def test_the_narrowest_is_never_wider_and_does_all_that_was_granted(ask: Ask, offer: Offer) -> None:
    found = narrowest(ask, offer)
    asked, less = compile_contract(ask, offer), compile_contract(found.ask, found.offer)
    again = narrowest(found.ask, found.offer)
    assert again == Narrowed(found.ask, found.offer, ())
    assert bool(found.narrowings) is ((ask, offer) != (found.ask, found.offer))
    assert found.ask.quota.units <= ask.quota.units
    assert found.ask.period == ask.period
    if isinstance(asked, Refusal):
        return
    assert isinstance(less, Compiled)
    assert set(less.plan.columns_read) <= set(asked.plan.columns_read)
    assert {each.expression_digest for each in less.plan.outputs} == {
        each.expression_digest for each in asked.plan.outputs
    }
    assert less.plan.bits_per_unit <= asked.plan.bits_per_unit
    assert price(less) <= price(asked)
    assert less.terms.approvals == asked.terms.approvals
    assert less.leakage.ciphertext_leaves == asked.leakage.ciphertext_leaves
    # What could have been used can still be used.
    minutes = -((ask.period.start - ask.period.until) // timedelta(minutes=1))
    assert less.terms.quota.units == min(ask.quota.units, ask.quota.per_minute * minutes)


@given(asks(), offers())
@settings(max_examples=200)
def test_what_only_asks_for_too_much_compiles_once_it_is_narrowed(ask: Ask, offer: Offer) -> None:
    asked = compile_contract(ask, offer)
    less = narrowest(ask, offer)
    outcome = compile_contract(less.ask, less.offer)
    if isinstance(asked, Refusal) and isinstance(outcome, Refusal):
        mended = {"quota.per_minute", "declarations"}
        clauses = {error.clause for error in outcome.errors}
        assert not clauses & mended
        # Outputs are dropped as long as one is left.
        assert len(set(less.ask.outputs)) == len(less.ask.outputs) or not chosen(ask, offer)


@given(asks(), offers())
@settings(max_examples=200)
def test_an_explanation_says_why_for_each_difference(ask: Ask, offer: Offer) -> None:
    found = explain(ask, offer)
    assert same(found.asked, compile_contract(ask, offer))
    for each in found.narrowings:
        assert each.asked != each.narrowest
        assert each.why
        assert each.why_zh
    if not found.narrowings:
        assert same(found.narrowest, found.asked)
    for demand in found.demands:
        assert demand.value
        assert "column" in demand.because or demand.clause in ("rotation", "way")


def changed(ask: Ask, offer: Offer) -> dict[str, tuple[str, str]]:
    return {each.clause: (each.asked, each.narrowest) for each in narrowest(ask, offer).narrowings}


def test_a_question_that_is_asked_under_two_names_is_asked_once() -> None:
    assert changed(make_ask(outputs=("p1", "p0", "p1")), make_offer()) == {
        "outputs": ("p1, p0, p1", "p1")  # both read a > b
    }
    assert changed(make_ask(outputs=("nope",)), make_offer()) == {}


def test_outputs_over_refused_labels_are_left_out() -> None:
    product, table = make_product("lookup"), make_table("2", "enterprise")
    predicates = (product.predicates[0], Predicate("high", "is high", "c > 0", ("c",)))
    columns = tuple(
        dataclasses.replace(each, label=dataclasses.replace(each.label, level="4"))
        if each.name == "c"
        else each
        for each in table.columns
    )
    offer = make_offer(
        dataclasses.replace(product, predicates=predicates),
        dataclasses.replace(table, columns=columns),
    )
    assert changed(make_ask(outputs=("p0", "high")), offer) == {"outputs": ("p0, high", "p0")}


def test_the_quota_is_what_may_be_granted_and_the_rate_no_more_than_it() -> None:
    offer = make_offer(table=make_table("2", "enterprise", rows=1000))
    offer = dataclasses.replace(offer, granted=40)
    assert changed(make_ask(500, 500, ("p0",)), offer) == {
        "quota.units": ("500", "60"),
        "quota.per_minute": ("500", "60"),
    }
    assert changed(make_ask(500, 500, ("p0",)), dataclasses.replace(offer, granted=100)) == {}


def test_the_rate_bounds_what_can_be_used() -> None:
    ask = dataclasses.replace(
        make_ask(5000, 2, ("p0",)), period=Period(start=START, until=START + timedelta(minutes=5))
    )
    assert changed(ask, make_offer()) == {"quota.units": ("5000", "10")}


def test_the_same_questions_are_bought_where_they_cost_least() -> None:
    offer = make_offer(make_product(count=1))
    cheap, dear, foreign, other, earlier = (
        dataclasses.replace(
            offer.product,
            name=name,
            kind=kind,
            prices=Prices(currency=currency, data_fee=fee, service_fee=0),
            predicates=tuple(
                dataclasses.replace(each, name=f"{name}_{each.name}")
                for each in offer.product.predicates
            ),
        )
        for name, kind, currency, fee in (
            ("cheap", "lookup", "CNY", 2),
            ("dear", "lookup", "CNY", 5),
            ("foreign", "lookup", "EUR", 1),
            ("other", "verify", "CNY", 1),
            ("earlier", "intersect", "CNY", 1),
        )
    )
    elsewhere = dataclasses.replace(cheap, name="elsewhere", table="a", prices=other.prices)
    strange = (other, earlier, elsewhere)
    offer = dataclasses.replace(offer, others=(dear, foreign, *strange, cheap))
    found = narrowest(make_ask(), offer)
    assert found.offer.product == cheap
    assert found.ask.outputs == ("cheap_p0",)
    (why,) = found.narrowings
    assert why.clause == "product"
    assert "cheap at 2 millionths of CNY" in why.narrowest
    lost = narrowest(make_ask(outputs=("nope",)), offer)
    assert lost.offer == offer


def follow(**changes: Any) -> tuple[Ask, Offer]:
    """Return an ask beyond a template of ten units, one a minute and one day."""
    limits: dict[str, Any] = {
        "max_units": 10,
        "max_per_minute": 1,
        "max_days": 1,
        "period": Period(start=START, until=UNTIL),
    }
    template = make_template(World(INTL), **limits | changes)
    ask = dataclasses.replace(make_ask(20, 20, ("p0",)), template="credit-check")
    return ask, dataclasses.replace(make_offer(), template=Standing(template, {}))


def test_a_template_bounds_units_rate_and_period() -> None:
    ask, offer = follow()
    found = changed(ask, offer)
    assert found["quota.units"] == ("20", "10")
    assert found["quota.per_minute"] == ("20", "1")
    assert found["period.until"][0] > found["period.until"][1]
    unnamed = dataclasses.replace(ask, template="")
    assert changed(unnamed, offer) == {}
    gone = dataclasses.replace(offer, template=None)
    assert changed(ask, gone) == {}
    over, ended = follow(period=Period(start=START - timedelta(days=9), until=START))
    assert "period.until" not in changed(over, ended)
    within = dataclasses.replace(ask, period=Period(start=START, until=START + timedelta(days=1)))
    assert "period.until" not in changed(within, offer)


def test_declarations_are_made_once_and_verdicts_have_no_group() -> None:
    ask = dataclasses.replace(make_ask(outputs=("p0",)), declarations=("a", "b", "a"), group=7)
    ask = dataclasses.replace(ask, budget="0.5")
    assert changed(ask, make_offer()) == {
        "group": ("7", "0"),
        "budget": ("0.5", "-"),
        "declarations": ("3", "2"),
    }


def test_groups_grow_and_epsilon_shrinks_to_what_the_labels_allow(monkeypatch: Any) -> None:
    aggregates = dataclasses.replace(kinds.KINDS["verify"], release="aggregate")
    monkeypatch.setitem(kinds.KINDS, "verify", aggregates)
    offer = make_offer(make_product("verify"), make_table("2", "enterprise"))
    ask = dataclasses.replace(make_ask(outputs=("p0",)), group=3, budget="10")
    assert changed(ask, offer) == {"group": ("3", "5"), "budget": ("10", "8")}
    assert changed(make_ask(outputs=("p0",)), offer) == {}
    within = dataclasses.replace(ask, group=9, budget="0.5")
    assert changed(within, offer) == {}
    clauses = [each.clause for each in demands(ask, offer)]
    assert clauses == ["group", "budget"]


def test_the_price_of_both_is_told() -> None:
    found = explain(make_ask(100, 100, ("p0", "p1")), make_offer())
    told = {each.clause: (each.asked, each.narrowest) for each in found.narrowings}
    assert told["plan.bits_in_all"] == ("400", "200")
    assert told["plan.bits_per_unit"] == ("4", "2")
    fewer = dataclasses.replace(make_ask(), quota=Quota(units=100, per_minute=10))
    cheaper = dataclasses.replace(make_offer(make_product(count=1)))
    best = dataclasses.replace(
        cheaper.product, name="b", prices=Prices(currency="CNY", data_fee=0, service_fee=0)
    )
    found = explain(fewer, dataclasses.replace(cheaper, others=(best,)))
    told = {each.clause: (each.asked, each.narrowest) for each in found.narrowings}
    assert told["prices in all"] == ("300 millionths of CNY", "0 millionths of CNY")


@given(st.sampled_from(["lookup", "verify"]))
def test_a_demand_says_for_which_outputs_its_column_is_read(kind: str) -> None:
    offer = make_offer(make_product(kind), make_table("4"))
    by_clause = {each.clause: each for each in demands(make_ask(), offer)}
    assert by_clause["approvals"].value == "operator, holder, approver"
    assert by_clause["order"].value == "yes"
    assert by_clause["regions"].value == "CN"
    assert ("share" in by_clause) is (kind == "lookup")
    assert by_clause["order"].because == "column 'id': public, level 4; it names the subject"
    table = offer.table
    columns = (dataclasses.replace(table.columns[0], label=make_table().columns[0].label),)
    mixed = dataclasses.replace(table, columns=(*columns, *table.columns[1:]))
    found = {each.clause: each for each in demands(make_ask(), make_offer(offer.product, mixed))}
    assert found["order"].because == "column 'a': public, level 4; read for p0, p1, p2"
