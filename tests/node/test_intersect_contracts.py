"""Contracts over intersections: what they hold, what stands against them, and what they say."""

import dataclasses
from typing import Any

import pytest
from tests.node.conftest import RULES, make_ask, make_offer, make_product, make_table

from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.intersection import (
    COUNT,
    ITEMS,
    KIND,
    SUM,
    Offered,
    Summed,
    check_intersection,
    clause_in,
)
from unseen.evidence.contracts.privacy import delta_of, spends
from unseen.evidence.contracts.ruling import breaches
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.errors import ContractInvalidError
from unseen.node.catalog.catalogue import found_of
from unseen.node.contracts.clauses.clause import Ask, Offer
from unseen.node.contracts.clauses.intersect import MAX_ROWS
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract
from unseen.node.contracts.explain import explain
from unseen.node.contracts.standing import ask_of
from unseen.node.kinds import intersect_plan
from unseen.protocols.lookup.subject import SubjectColumn

OFFERED = Offered(outputs=(ITEMS, COUNT), most=5_000, rho="0.01", delta="0.000001")


def offer_of(offered: Offered = OFFERED, **table: Any) -> Offer:
    product = dataclasses.replace(
        make_product(), kind=KIND, predicates=found_of(offered), intersect=offered
    )
    return make_offer(product, make_table(**table))


def asked(output: str = ITEMS, **changes: Any) -> Ask:
    fields: dict[str, Any] = {"outputs": (output,) if output else ()}
    fields |= {"budget": "1"} if output == COUNT else {}
    return dataclasses.replace(make_ask(), **fields | changes)


def compiled(ask: Ask, offer: Offer | None = None) -> Compiled:
    found = compile_contract(ask, offer or offer_of())
    assert isinstance(found, Compiled), found
    return found


def against(ask: Ask, offer: Offer | None = None) -> set[str]:
    found = compile_contract(ask, offer or offer_of())
    assert isinstance(found, Refusal)
    assert all(error.remedy for error in found.errors)
    return {error.clause for error in found.errors}


@pytest.mark.parametrize("output", [ITEMS, COUNT])
def test_what_is_signed_follows_from_the_output(output: str) -> None:
    found = compiled(asked(output, quota=Quota(units=2_000, per_minute=700)))
    terms, plan = found.terms, found.plan
    clause = clause_in(terms.parameters)
    assert (clause.output, clause.most) == (output, 700)
    assert terms.protocol == plan.protocol == clause.protocol
    assert (plan.columns_read, terms.outputs) == ((), (output,))
    assert found.leakage.ciphertext_leaves
    check_agreed(terms, plan)
    check_intersection(terms, plan)
    assert spends(terms) == (output == COUNT)
    assert delta_of(terms) == ("0.000001" if output == COUNT else "")
    assert not breaches(RULES, terms, plan, found.leakage)
    offered = compiled(ask_of(terms))
    assert offered.plan == plan


def test_a_set_is_never_larger_than_units_rate_and_product() -> None:
    for units, rate, most in ((9_000, 9_000, 5_000), (40, 9_000, 40), (9_000, 3, 3)):
        found = compiled(asked(quota=Quota(units=units, per_minute=rate)))
        assert clause_in(found.terms.parameters).most == most


def test_an_intersection_has_one_output_a_budget_for_a_count_and_no_openings() -> None:
    assert "outputs" in against(asked(""))
    assert "outputs" in against(asked(outputs=(ITEMS, COUNT), budget="1"))
    assert "budget" in against(asked(COUNT, budget=""))
    assert "openings" in against(asked(openings=True))
    assert "budget" in against(asked(budget="1"))
    only = dataclasses.replace(OFFERED, outputs=(ITEMS,), rho="", delta="")
    assert "outputs.count" in against(asked(COUNT), offer_of(only))
    assert compiled(asked(""), offer_of(only)).terms.outputs == (ITEMS,)


def test_a_table_of_more_rows_than_fit_is_refused() -> None:
    assert "table.rows" in against(asked(), offer_of(rows=MAX_ROWS + 1))
    compiled(asked(), offer_of(rows=MAX_ROWS))


@pytest.mark.parametrize(
    ("labels", "clause"),
    [
        ("public:3", "labels.public.3"),  # no ciphertext of it leaves
        ("enterprise:1", "labels.enterprise.1"),  # only against a buyer that may deviate
        ("personal:1", "consent"),  # rows are chosen, and no intersection chooses rows
    ],
)
def test_labels_that_ask_for_more_than_it_gives_refuse_it(labels: str, clause: str) -> None:
    category, level = labels.split(":")
    assert clause in against(asked(), offer_of(category=category, level=level))


@pytest.mark.parametrize("output", [ITEMS, COUNT])
def test_the_leakage_statement_names_each_side_s_part(output: str) -> None:
    lines = {(line.party, line.what): line for line in compiled(asked(output)).leakage.statements}
    assert lines["operator", "items"].amount is not None
    assert lines["operator", "items"].amount.most == 0
    assert ("operator", "number") in lines or output == ITEMS
    assert ("auditor", "privacy") in lines or output == ITEMS
    assert lines["buyer", "table"].channel == "ciphertext"
    for line in lines.values():
        assert "{" not in line.text + line.text_zh + line.bound + line.bound_zh
        assert line.bound_zh
    if output == COUNT:
        assert "0.01" in lines["buyer", "answers"].bound
        assert "10" in lines["buyer", "answers"].text  # the smallest group


def test_a_small_domain_is_warned_of() -> None:
    born = SubjectColumn("born", "date")
    name = SubjectColumn("name", "string")
    assert intersect_plan.space_of((name,)) is None
    assert intersect_plan.space_of((born,)) == 36_525
    assert intersect_plan.space_of((name, born)) == 36_525
    offer = offer_of()
    table = dataclasses.replace(offer.table, subject=(born,))
    found = compiled(asked(), dataclasses.replace(offer, table=table))
    said = {line.what: line for line in found.leakage.statements}
    assert "36,525" in said["small-domain"].text
    assert "36,525" in said["small-domain"].text_zh


def test_an_explanation_recommends_a_lookup_where_the_set_is_small_beside_the_table() -> None:
    few = explain(asked(quota=Quota(units=100, per_minute=100)), offer_of(rows=6_401))
    assert [each.value for each in few.demands if each.clause == "lookup"] == ["worth asking for"]
    for ask, rows in (
        (asked(quota=Quota(units=100, per_minute=100)), 6_400),
        (asked(COUNT), 9_999),
    ):
        assert "lookup" not in {each.clause for each in explain(ask, offer_of(rows=rows)).demands}


SUMS = Offered(
    outputs=(COUNT, SUM),
    most=5_000,
    rho="0.01",
    delta="0.000001",
    sum=Summed(column="a", low=0, high=500, decimals=0),
)


def test_a_sum_is_compiled_only_where_the_product_names_it() -> None:
    assert "outputs.sum" in against(asked(SUM, budget="1"))
    clause = clause_in(compiled(asked(SUM, budget="1"), offer_of(SUMS)).terms.parameters)
    assert clause.sum == SUMS.sum
    with pytest.raises(ContractInvalidError):
        dataclasses.replace(SUMS, sum=None)
    with pytest.raises(ContractInvalidError):
        dataclasses.replace(SUMS, outputs=(COUNT,))


@pytest.mark.parametrize("output", [COUNT, SUM])
def test_whoever_approves_noise_is_told_for_whom_it_holds(output: str) -> None:
    ask = asked(output, budget="1")
    (told,) = [each for each in explain(ask, offer_of(SUMS)).demands if each.clause == "buyer"]
    assert (told.value, "no other" in told.because) == ("is trusted to follow the protocol", True)
    assert ("free of its noise" in told.because) == (output == SUM)
    found = compiled(ask, offer_of(SUMS))
    assert "both follow the protocol" in found.plan.threat_model
    assert "双方均遵循协议" in found.plan.threat_model_zh
    (said,) = [line for line in found.leakage.statements if line.what == "combined"]
    assert ("nothing bounds it" in said.bound) == (output == SUM)
    assert "遵循协议的购买方" in said.bound_zh
    assert "buyer" not in {each.clause for each in explain(asked(), offer_of()).demands}


def test_an_explanation_compiles_both_and_takes_the_budget_from_verdicts() -> None:
    found = explain(asked(quota=Quota(units=100, per_minute=500)), offer_of())
    assert isinstance(found.asked, Compiled)
    assert isinstance(found.narrowest, Compiled)
    assert clause_in(found.narrowest.terms.parameters).most == 100
