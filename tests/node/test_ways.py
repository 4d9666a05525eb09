"""By which way a hidden lookup answers: what labels forbid never, wishes if they may, then size."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.node.asking import asks, offers
from tests.node.conftest import RULES, make_ask, make_offer, make_product, make_table

from unseen.evidence.contracts.leakage import Leakage
from unseen.node.catalog.labels import Label
from unseen.node.contracts.clauses.clause import Ask, Offer
from unseen.node.contracts.clauses.quota import HIDDEN_QUESTIONS
from unseen.node.contracts.clauses.ways import SENT_BYTES, against_way
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract, reading_of
from unseen.node.contracts.explain import Demand, demands
from unseen.node.contracts.narrow import narrowest
from unseen.node.kinds.kind import KINDS
from unseen.node.kinds.lookup_plan import BUILDS, PASSES
from unseen.protocols.lookup.lwe_pir.choice import least_width
from unseen.protocols.lookup.lwe_pir.parameters import Shape

ROW = 17  # a tag of 16 bytes and a label of one
WAYS = ("", "oprf_table", "lwe_pir", "clear", "no such")


def lookup(level: str = "1", category: str = "public", rows: int = 1000) -> Offer:
    return make_offer(make_product("lookup"), make_table(level, category, rows=rows))


def wish(way: str) -> Ask:
    return dataclasses.replace(make_ask(), way=way)


def compiled(ask: Ask, offer: Offer) -> Compiled:
    found = compile_contract(ask, offer)
    assert isinstance(found, Compiled), found
    return found


def refused(ask: Ask, offer: Offer) -> list[Any]:
    found = compile_contract(ask, offer)
    assert isinstance(found, Refusal)
    return list(found.errors)


@given(asks(), offers(), st.sampled_from(WAYS), st.sampled_from([0, 1, 1 << 22, 1 << 23]))
@settings(max_examples=300)
def test_a_way_is_one_of_the_kind_and_never_one_that_labels_forbid(
    ask: Ask, offer: Offer, way: str, rows: int
) -> None:
    snapshot = dataclasses.replace(offer.table.snapshot, rows=rows)
    offer = dataclasses.replace(offer, table=dataclasses.replace(offer.table, snapshot=snapshot))
    ask = dataclasses.replace(ask, way=way)
    found = compile_contract(ask, offer)
    if isinstance(found, Refusal):
        return
    terms, leakage = found.terms, found.leakage
    known = {each.protocol: each for each in KINDS[terms.kind].ways}
    assert terms.protocol == found.plan.protocol
    assert way in ("", terms.protocol)
    assert leakage.ciphertext_leaves is known[terms.protocol].ciphertext_leaves
    assert found.plan.rows is not None
    rulings = [RULES.of(Label(i.category, i.level)) for i in found.plan.rows.labels]
    assert all(rule and rule.ciphertext for rule in rulings) or not leakage.ciphertext_leaves
    if terms.kind == "lookup" and not way:
        fits = rows * (16 + found.plan.label_bytes) <= SENT_BYTES
        may = all(rule and rule.ciphertext for rule in rulings)
        assert (terms.protocol == "oprf_table") is (may and fits)


def test_size_decides_where_labels_do_not() -> None:
    most = SENT_BYTES // ROW
    for rows, protocol in ((0, "oprf_table"), (most, "oprf_table"), (most + 1, "lwe_pir")):
        assert compiled(make_ask(), lookup(rows=rows)).terms.protocol == protocol


@pytest.mark.parametrize("way", ["oprf_table", "lwe_pir"])
def test_a_buyer_may_wish_for_what_labels_allow(way: str) -> None:
    assert compiled(wish(way), lookup()).terms.protocol == way


def test_a_wish_that_labels_forbid_is_refused_and_says_what_would_do() -> None:
    (error,) = refused(wish("oprf_table"), lookup("3"))
    assert (error.reason, error.clause) == ("LABEL_REFUSED", "labels.public.3")
    assert "lwe_pir" in error.remedy
    assert compiled(wish("lwe_pir"), lookup("3")).terms.protocol == "lwe_pir"


def test_a_way_of_another_kind_is_refused_by_its_clause() -> None:
    for way in ("clear", "no such"):
        (error,) = refused(wish(way), lookup())
        assert (error.reason, error.clause) == ("CONTRACT_INVALID", "way")
        assert "oprf_table, lwe_pir" in error.remedy
    (error,) = refused(wish("lwe_pir"), make_offer(make_product("verify"), make_table()))
    assert error.clause == "way"


def test_where_no_way_may_read_the_columns_it_is_the_labels_that_refuse() -> None:
    errors = refused(wish("oprf_table"), lookup("4"))
    assert "labels.public.4" in {error.clause for error in errors}
    assert "way" not in {error.clause for error in errors}


def test_where_no_ciphertext_may_leave_answers_never_add_up_to_it() -> None:
    large = lookup("3", rows=10**9)
    for units, allowed in ((HIDDEN_QUESTIONS, True), (HIDDEN_QUESTIONS + 1, False)):
        found = compile_contract(make_ask(units), large)
        assert isinstance(found, Compiled) is allowed
    (error,) = refused(make_ask(HIDDEN_QUESTIONS + 1), large)
    assert (error.reason, error.clause) == ("LABEL_REFUSED", "quota.units")
    less = narrowest(make_ask(10**6), large)
    assert less.ask.quota.units == HIDDEN_QUESTIONS
    assert isinstance(compile_contract(less.ask, less.offer), Compiled)
    # Where it may leave, and is large, nothing is bounded.
    assert compiled(make_ask(10**6), lookup(rows=10**9)).terms.protocol == "lwe_pir"
    assert least_width(PASSES * HIDDEN_QUESTIONS) == 1 << 17
    assert least_width(PASSES * (HIDDEN_QUESTIONS + 1)) is None


def said(ask: Ask, offer: Offer) -> Demand:
    (found,) = (each for each in demands(ask, offer) if each.clause == "way")
    return found


def test_an_explanation_says_which_way_and_why() -> None:
    large = SENT_BYTES // ROW + 1
    for ask, offer, value, why in (
        (make_ask(), lookup(), "oprf_table", "17,000 bytes at most"),
        (make_ask(), lookup("3"), "lwe_pir", "no ciphertext of the table may leave: column 'id'"),
        (make_ask(), lookup(rows=large), "lwe_pir", "over 67,108,864"),
        (wish("lwe_pir"), lookup(), "lwe_pir", "it was asked for; else oprf_table"),
        (wish("lwe_pir"), lookup("3"), "lwe_pir", "no ciphertext of the table may leave"),
    ):
        found = said(ask, offer)
        assert found.value == value
        assert why in found.because
    for ask, offer in (
        (wish("oprf_table"), lookup("3")),
        (make_ask(), make_offer(make_product("verify"), make_table())),
    ):
        assert "way" not in {each.clause for each in demands(ask, offer)}


def test_each_way_has_a_statement_of_its_own() -> None:
    sent, hidden = compiled(make_ask(), lookup()), compiled(make_ask(), lookup("3"))

    def lines(leakage: Leakage) -> dict[tuple[str, str], str]:
        return {(line.party, line.what): line.text for line in leakage.statements}

    assert lines(hidden.leakage).keys() - lines(sent.leakage).keys() == {("buyer", BUILDS)}
    assert lines(sent.leakage).keys() <= lines(hidden.leakage).keys()
    builds = next(line for line in hidden.leakage.statements if line.what == BUILDS)
    assert builds.amount is not None
    answers = next(line for line in hidden.leakage.statements if line.what == "answers")
    assert answers.amount is not None
    assert builds.amount.most == (PASSES - 1) * (answers.amount.most or 0) > 0
    subject = ("operator", "subject")
    assert "learning with errors" in lines(hidden.leakage)[subject]
    assert "learning with errors" not in lines(sent.leakage)[subject]
    assert (sent.leakage.ciphertext_leaves, hidden.leakage.ciphertext_leaves) == (True, False)
    table = next(line for line in hidden.leakage.statements if line.what == "table")
    assert table.amount is not None
    assert (table.amount.measure, table.amount.most) == ("bytes", None)
    assert all(line.text_zh and line.bound_zh and line.amount for line in hidden.leakage.statements)


@pytest.mark.parametrize("units", [1, 100, HIDDEN_QUESTIONS])
def test_the_amount_of_a_hidden_table_is_its_hint_and_every_answer(units: int) -> None:
    """Of each row of the matrix, which has a byte a cell: so it never comes to the whole row."""
    found = compiled(make_ask(units), lookup("3", rows=10**9))
    table = next(line for line in found.leakage.statements if line.what == "table")
    width = least_width(PASSES * units)
    assert table.amount is not None
    assert width is not None
    one = Shape(1, width, 1)
    sums = one.hint_bytes + PASSES * units * one.answer_bytes
    assert table.amount.each == sums // one.rows
    assert table.amount.each < one.table_bytes // one.rows


def test_a_contract_keeps_its_way_and_falls_with_it() -> None:
    terms = compiled(make_ask(), lookup()).terms
    again = dataclasses.replace(make_ask(), way=terms.protocol, agreed=terms)
    grown, stricter = lookup(rows=SENT_BYTES), lookup("3")
    assert not tuple(against_way(again, grown, reading_of(again, grown)))
    (error,) = against_way(again, stricter, reading_of(again, stricter))
    assert error.reason == "LABEL_REFUSED"
