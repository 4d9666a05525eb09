"""Contracts over statistics: what of a menu they hold, what stands against them, what they say."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.menus import DEFINITION, MENU
from tests.node.conftest import RULES, UNTIL, make_ask, make_offer, make_table, offering
from tests.node.governed import template

from unseen.evidence.contracts.clauses import Billing
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.limits import exceeded, scope_of
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.privacy import tables_of
from unseen.evidence.contracts.ruling import breaches
from unseen.evidence.contracts.statistics import Partition, menu_of
from unseen.evidence.contracts.statistics.agreed import check_agreed, tables_read
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.registry.permission import Permission
from unseen.evidence.suite import INTL
from unseen.node.catalog.catalogue import Column, Table
from unseen.node.catalog.labels import Label
from unseen.node.contracts.clauses.clause import Ask, Offer, Standing
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract
from unseen.node.contracts.explain import explain
from unseen.node.contracts.narrow import narrowest
from unseen.protocols.lookup.subject import SubjectColumn

LOW = Label("enterprise", "1")
STAYS = {
    "stay": "BIGINT",
    "patient": "VARCHAR",
    "region": "VARCHAR",
    "age": "INTEGER",
    "cost": "DECIMAL(12,2)",
    "days": "DOUBLE",
    "diagnosis": "VARCHAR",
}
INSURANCES = {"holder": "VARCHAR", "active": "BOOLEAN", "tariff": "VARCHAR"}


def table_of(
    name: str, types: dict[str, str], subject: str, labels: dict[str, Label] | None = None
) -> Table:
    """Return a table whose columns have these types, and enterprise labels but where told."""
    given = labels or {}
    columns = tuple(Column(each, kind, given.get(each, LOW)) for each, kind in types.items())
    return dataclasses.replace(
        make_table(), name=name, columns=columns, subject=(SubjectColumn(subject, "string"),)
    )


def offer_of(
    definition: Definition = DEFINITION,
    labels: dict[str, Label] | None = None,
    types: dict[str, str] | None = None,
    beside: dict[str, Label] | None = None,
) -> Offer:
    """Return an offer of the menu over stays in hospital, joined with insurances."""
    stays = table_of("stays", STAYS | (types or {}), "stay", labels)
    joined = table_of("insurances", INSURANCES, "holder", beside) if definition.join else None
    offer = make_offer(offering(definition, "stays"), stays)
    return dataclasses.replace(offer, joined=joined)


def ask_of(*outputs: str, **changes: Any) -> Ask:
    return dataclasses.replace(make_ask(outputs=outputs), **changes)


def made(ask: Ask, offer: Offer) -> Compiled:
    found = compile_contract(ask, offer)
    assert isinstance(found, Compiled), found
    return found


def clauses_of(ask: Ask, offer: Offer) -> list[str]:
    found = compile_contract(ask, offer)
    assert isinstance(found, Refusal)
    assert all(error.remedy for error in found.errors)
    return [error.clause for error in found.errors]


@given(st.sets(st.sampled_from(MENU.names), min_size=1))
def test_a_contract_holds_what_was_chosen_of_the_menu_and_nothing_else(names: set[str]) -> None:
    found = made(ask_of(*sorted(names)), offer_of())
    terms, plan = found.terms, found.plan
    menu = menu_of(terms.parameters)
    assert menu == DEFINITION.only(sorted(names))
    assert {*menu.names} == {*terms.outputs} == names
    assert {*plan.columns_read} == {c for name in names for c in DEFINITION.reads(name)}
    labels = {*plan.columns_read, "stay"}
    assert plan.rows is not None
    assert {each.column for each in plan.rows.labels} == labels
    assert tables_read(terms) == ("stays", *(["insurances"] if "insured" in names else []))
    assert (menu.partition is not None) == ({"region", "adult", "cost"} <= names)
    check_agreed(terms, plan)
    assert Terms.from_json(terms.to_json()) == terms
    assert Plan.from_json(plan.to_json()) == plan
    assert breaches(RULES, terms, plan, found.leakage) == []
    for output in plan.outputs:
        text = DEFINITION.entry_text(output.name)
        assert output.expression_digest == INTL.digest(text.encode())


def test_without_names_the_whole_menu_is_asked_for() -> None:
    terms = made(ask_of(), offer_of()).terms
    assert menu_of(terms.parameters) == MENU
    assert terms.outputs == MENU.names
    assert terms.protocol == "dp_statistics"


def test_groups_and_epsilon_are_those_of_the_labels_unless_asked_for_stricter() -> None:
    terms = made(ask_of(), offer_of()).terms
    assert (terms.group, terms.budget) == (5, "8")
    stricter = made(ask_of(group=20, budget="0.5"), offer_of())
    assert (stricter.plan.group, stricter.plan.budget) == (20, "0.5")
    assert clauses_of(ask_of(group=4, budget="9"), offer_of()) == ["group", "budget"]


def test_columns_of_the_joined_table_count_by_their_own_labels() -> None:
    strict = offer_of(beside={"active": Label("enterprise", "3")})
    assert made(ask_of("insured"), strict).terms.group == 10
    assert made(ask_of("region"), strict).terms.group == 5
    core = offer_of(beside={"holder": Label("personal", "core")})
    assert clauses_of(ask_of("insured"), core) == ["labels.personal.core"]
    assert made(ask_of("region"), core).terms.group == 5


@pytest.mark.parametrize(
    ("types", "clause"),
    [
        ({"cost": "VARCHAR"}, "product.menu.measures.cost.column"),
        ({"days": "DATE"}, "product.menu.measures.stay.column"),
        ({"age": "VARCHAR"}, "product.menu.dimensions.age.column"),
        ({"region": "INTEGER"}, "product.menu.dimensions.region.column"),
        ({"region": "BOOLEAN"}, "product.menu.dimensions.region.column"),
        ({"patient": "BIGINT"}, "product.menu.join.on"),
    ],
)
def test_a_column_that_has_another_type_by_now_is_named(types: dict[str, str], clause: str) -> None:
    assert clauses_of(ask_of(), offer_of(types=types)) == [clause]


def test_types_that_fit_are_taken() -> None:
    for types in ({"region": "ENUM('a', 'b')"}, {"cost": "HUGEINT"}, {"days": "UTINYINT"}):
        assert made(ask_of(), offer_of(types=types)).terms.kind == "statistics"


@pytest.mark.parametrize("gone", ["cost", "patient", "region"])
def test_a_column_that_is_gone_refuses_what_reads_it(gone: str) -> None:
    offer = offer_of()
    columns = tuple(each for each in offer.table.columns if each.name != gone)
    offer = dataclasses.replace(offer, table=dataclasses.replace(offer.table, columns=columns))
    expected = [n for n in MENU.names if gone in DEFINITION.reads(n)]
    assert clauses_of(ask_of(), offer) == [f"outputs.{name}" for name in expected]


def test_what_is_not_on_the_menu_is_refused_by_name() -> None:
    assert clauses_of(ask_of("region", "diagnosis"), offer_of()) == ["outputs.diagnosis"]
    assert clauses_of(ask_of("region", "region"), offer_of()) == ["outputs.region"]


PERSONAL = {name: Label("personal", "1") for name in STAYS}
BY_SUBJECT = dataclasses.replace(
    DEFINITION, menu=dataclasses.replace(MENU, rows_per_person=1), person=()
)
ALONE = Definition(
    menu=dataclasses.replace(
        MENU, filters=MENU.filters[:1], rows_per_person=1, joined=(), partition=None
    ),
    columns=DEFINITION.columns,
    conditions=DEFINITION.conditions[:1],
)


def test_rows_with_consent_are_of_the_table_s_own_subjects() -> None:
    found = made(ask_of(), offer_of(ALONE, labels=PERSONAL))
    assert found.terms.consent is not None
    assert not found.terms.consent.once
    assert {line.what for line in found.leakage.statements} >= {"consent", "consents"}
    several = dataclasses.replace(ALONE, person=("patient",))
    assert clauses_of(ask_of(), offer_of(several, labels=PERSONAL)) == ["consent"]


def test_only_public_columns_are_joined_by_other_keys_than_the_person_s() -> None:
    foreign = dataclasses.replace(BY_SUBJECT)
    assert clauses_of(ask_of(), offer_of(foreign)) == ["join.on"]
    public = dict.fromkeys(INSURANCES, Label("public", "1"))
    assert made(ask_of(), offer_of(foreign, beside=public)).terms.kind == "statistics"


def test_one_holder_signs_for_both_tables() -> None:
    offer = offer_of(labels={"cost": Label("enterprise", "4")})
    signers = dataclasses.replace(offer.signers, holder="H" * 42 + "A", approver="P" * 42 + "A")
    offer = dataclasses.replace(
        offer, signers=signers, table=dataclasses.replace(offer.table, holder="hospital")
    )
    asked = ask_of(order="EX-1", region="CN")
    assert clauses_of(asked, offer) == ["join.holder"]
    joined = offer.joined
    assert joined is not None
    ours = dataclasses.replace(offer, joined=dataclasses.replace(joined, holder="hospital"))
    assert made(asked, ours).terms.holder == signers.holder


def granted(*tables: str) -> Permission:
    return Permission(
        authority="A",
        grantee=offer_of().signers.operator,
        tier="operator",
        tables=frozenset(tables),
        scenarios=frozenset({"tests"}),
        kinds=frozenset({"statistics"}),
        start=make_ask().period.start,
        until=UNTIL,
        mandates=(bytes(31) + bytes([len(tables)]),),
    )


def test_a_mandate_over_the_joined_table_has_to_permit_both() -> None:
    alone, both = granted("insurances"), granted("stays", "insurances")
    offer = dataclasses.replace(offer_of(), joined_mandates=(alone,))
    assert clauses_of(ask_of(), offer) == ["mandates.tables"]
    assert made(ask_of("region"), offer).terms.mandates == ()  # nothing of it is read
    offer = dataclasses.replace(offer, joined_mandates=(alone, both))
    assert made(ask_of(), offer).terms.mandates == both.mandates
    ours = dataclasses.replace(offer, mandates=(granted("stays"),), joined_mandates=(alone,))
    assert clauses_of(ask_of(), ours) == ["mandates.tables"]


def test_a_unit_is_a_question_and_is_billed_by_the_request() -> None:
    offer = offer_of()
    product = dataclasses.replace(offer.product, billing=Billing(unit="request"))
    found = made(ask_of(), dataclasses.replace(offer, product=product))
    assert found.terms.billing is not None
    assert found.plan.release is not None
    assert found.plan.release.bits_per_run == found.plan.bits_per_unit
    # Questions over many people do not list a table: the share of hidden questions is not asked.
    assert made(ask_of(), dataclasses.replace(offer, granted=10**6)).terms.quota.units == 10


def test_what_is_leaked_is_told_with_the_numbers_of_the_contract() -> None:
    found = made(ask_of(group=12, budget="0.25"), offer_of())
    lines = {(line.party, line.what): line for line in found.leakage.statements}
    answers = lines["buyer", "answers"]
    assert "epsilon 0.25 at delta 0.000001" in answers.bound
    assert "3 rows" in answers.text
    assert answers.amount is not None
    assert answers.amount.each == found.plan.bits_per_unit
    exact = lines["buyer", "partition"]
    assert "fewer than 12" in exact.text
    assert "不足 12 人" in exact.text_zh
    assert "3 groups" in exact.bound
    assert not any("{" in line.text + line.bound + line.text_zh for line in lines.values())
    assert all(line.amount and line.bound_zh for line in lines.values())
    less = made(ask_of("region"), offer_of())
    assert {line.what for line in less.leakage.statements}.isdisjoint({"partition", "refusals"})
    assert not found.leakage.ciphertext_leaves


def test_without_a_budget_of_its_own_the_table_s_is_named() -> None:
    public = dict.fromkeys(STAYS, Label("public", "1"))
    found = made(ask_of(), offer_of(ALONE, labels=public))
    assert found.terms.budget == ""
    answers = next(
        line
        for line in found.leakage.statements
        if line.what == "answers" and line.party == "buyer"
    )
    assert answers.bound.startswith("no epsilon of this contract's own")


def test_an_explanation_names_what_is_read_and_a_narrower_ask() -> None:
    offer = offer_of()
    found = explain(ask_of("region", "region", "cost"), offer)
    assert isinstance(found.asked, Refusal)
    assert isinstance(found.narrowest, Compiled)
    assert found.narrowest.terms.outputs == ("region", "cost")
    demanded = {each.clause: each.value for each in found.demands}
    assert (demanded["group"], demanded["budget"]) == ("5", "8")
    assert "share" not in demanded


def test_a_cheaper_product_is_named_only_if_it_counts_alike() -> None:
    offer = offer_of()
    cheap = dataclasses.replace(
        offer.product, name="cheap", prices=dataclasses.replace(offer.product.prices, data_fee=0)
    )
    found = narrowest(ask_of(), dataclasses.replace(offer, others=(cheap,)))
    assert found.offer.product.name == "cheap"
    other = dataclasses.replace(MENU, partition=Partition(by=("age",)))
    coarse = dataclasses.replace(DEFINITION, menu=other)
    unlike = dataclasses.replace(cheap, definition=coarse)
    found = narrowest(ask_of(), dataclasses.replace(offer, others=(unlike,)))
    assert found.offer.product.name == "product"


def test_templates_bound_statistics() -> None:
    found = made(ask_of(group=20, budget="0.5"), offer_of())
    scope = scope_of(found.terms, found.plan)
    fields: dict[str, Any] = {"kinds": ("statistics",), "group": 10, "budget": "1"}
    allowed = template(**fields)
    clauses = {excess.clause for excess in exceeded(allowed, scope)}
    assert clauses.isdisjoint({"kinds", "group", "budget"})
    strict = template(**fields | {"group": 50, "budget": "0.1"})
    assert {excess.clause for excess in exceeded(strict, scope)} >= {"group", "budget"}


def test_a_contract_over_statistics_follows_a_template_within_its_limits() -> None:
    limits: dict[str, Any] = {"kinds": ("statistics",), "group": 20, "budget": "1"}
    made_of = template(**limits)
    standing = Standing(made_of, {"operator": "signed"})
    signers = dataclasses.replace(offer_of().signers, operator=made_of.operator)
    offer = dataclasses.replace(offer_of(), template=standing, signers=signers)
    within = ask_of("region", "cost", template="credit-check", group=20, budget="0.5")
    assert made(within, offer).terms.template == made_of.id()
    beyond = dataclasses.replace(within, group=5, budget="2")
    assert clauses_of(beyond, offer) == ["template.group", "template.budget"]
    other = dataclasses.replace(offer, template=Standing(template(), {"operator": "signed"}))
    assert "template.kinds" in clauses_of(within, other)


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {}},
        {"parameters": {"menu": {"rows_per_person": 1}}},
        {"parameters": {"menu": MENU.only(("region", "age")).to_json()}},
        {"outputs": MENU.names[:-1]},
    ],
)
def test_terms_whose_menu_is_another_are_refused(change: dict[str, Any]) -> None:
    found = made(ask_of(), offer_of())
    with pytest.raises(ContractInvalidError):
        check_agreed(dataclasses.replace(found.terms, **change), found.plan)


@pytest.mark.parametrize("field", ["bits_per_unit", "outputs", "columns_read"])
def test_plans_that_say_another_thing_than_the_menu_are_refused(field: str) -> None:
    found = made(ask_of(), offer_of())
    plan, release = found.plan, found.plan.release
    assert release is not None
    changes: dict[str, Any] = {
        "bits_per_unit": plan.bits_per_unit - 1,
        "outputs": (dataclasses.replace(plan.outputs[0], text="else"), *plan.outputs[1:]),
        "columns_read": tuple(c for c in plan.columns_read if "." not in c),
    }
    with pytest.raises(ContractInvalidError):
        check_agreed(found.terms, dataclasses.replace(plan, **{field: changes[field]}))


def test_a_menu_stands_in_no_contract_of_another_kind() -> None:
    found = compile_contract(make_ask(), make_offer())
    assert isinstance(found, Compiled)
    check_agreed(found.terms, found.plan)
    terms = dataclasses.replace(found.terms, parameters={"menu": MENU.to_json()})
    with pytest.raises(ContractInvalidError):
        check_agreed(terms, found.plan)
    assert tables_read(terms) == (terms.table,)


@pytest.mark.parametrize("joined", ["insurances", [1], ["a b"]])
def test_terms_that_join_no_tables_read_their_own_and_are_refused(joined: Any) -> None:
    found = made(ask_of(), offer_of())
    parameters: dict[str, Any] = {"menu": {**MENU.to_json(), "joined": joined}}
    terms = dataclasses.replace(found.terms, parameters=parameters)
    assert tables_read(terms) == (terms.table,)
    with pytest.raises(ContractInvalidError):
        tables_of(terms)
    with pytest.raises(ContractInvalidError):
        check_agreed(terms, found.plan)
