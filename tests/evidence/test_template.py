"""Templates: signed once, exceeded by name, written in TOML."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import NOW
from tests.evidence.governance import LABELS, labelled_plan, make_scope, make_template

from unseen.evidence import jws
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.contracts.contract import Period, Prices, Quota, sign_terms, verify_approval
from unseen.evidence.contracts.limits import exceeded, is_standing, verify_standing
from unseen.evidence.contracts.template import (
    TYP,
    PriceBand,
    Template,
    sign_template,
    verify_template_approval,
)
from unseen.evidence.contracts.template_file import parse_template
from unseen.evidence.errors import (
    CanonicalError,
    ContractInvalidError,
    SignatureInvalidError,
    TemplateInvalidError,
)
from unseen.evidence.suite import signer_id

FILE = """
name = "credit-check"
title = "Credit check"
title_zh = "信用核查"
text = "A bank checks an enterprise before a loan."
text_zh = "银行贷前核查企业"
kinds = ["lookup"]
purposes = ["credit-check"]
products = []
max_outputs = 4
max_units = 5000
max_per_minute = 100
max_days = 90
openings = "allowed"
consent = false
latency_seconds = 0
group = 0
budget = ""
region = ""
order = false
declarations = []
approvals = ["operator", "approver"]
valid_days = 365

[[labels]]
category = "enterprise"
level = "2"

[prices]
currency = "CNY"
data_fee = ["0", "1.5"]
service_fee = ["0.01", "0.010000"]
"""


def test_its_name_is_the_hash_of_its_bytes(world: Any) -> None:
    template = make_template(world)
    assert template.id() == world.suite.digest(template.encode())
    assert Template.decode(template.encode()) == template
    assert make_template(world, max_units=5001).id() != template.id()


def test_each_signer_signs_for_its_own_role(world: Any) -> None:
    template = make_template(world)
    assert template.approvals == ("operator", "approver")
    roles = (
        ("operator", "approver", world.operator),
        ("approver", "operator", world.stranger),
    )
    for role, other, signer in roles:
        token = sign_template(signer, template)
        verify_template_approval(token, template, role, signer.public_key)
        with pytest.raises(TemplateInvalidError, match="another key"):
            verify_template_approval(token, template, other, signer.public_key)
    with pytest.raises(TemplateInvalidError, match="not a signer"):
        sign_template(world.buyer, template)


def test_an_approval_is_of_one_template_and_role(world: Any) -> None:
    template, other = make_template(world), make_template(world, max_units=6000)
    token = sign_template(world.operator, template)
    key = world.operator.public_key
    with pytest.raises(TemplateInvalidError, match="do not hold"):
        verify_template_approval(token, other, "operator", key)
    payload = jws.peek(token).payload
    forged = jws.sign(world.stranger, TYP, payload)
    with pytest.raises(TemplateInvalidError, match="do not hold"):
        verify_template_approval(forged, template, "approver", world.stranger.public_key)
    with pytest.raises(SignatureInvalidError):
        verify_template_approval(forged, template, "operator", key)
    with pytest.raises(SignatureInvalidError):
        verify_template_approval(token[:-4] + "AAAA", template, "operator", key)
    with pytest.raises(CanonicalError):
        verify_template_approval("x", template, "operator", key)


def test_without_an_approver_there_is_one_signature(world: Any) -> None:
    template = make_template(world, approver="")
    assert template.approvals == ("operator",)
    with pytest.raises(TemplateInvalidError):
        verify_template_approval("", template, "approver", world.stranger.public_key)


def test_a_signer_of_another_suite_signs_nothing(world: Any, intl: Any) -> None:
    if world.suite is not intl.suite:
        template = make_template(intl, operator=signer_id(world.operator))
        with pytest.raises(TemplateInvalidError):
            sign_template(world.operator, template)


@pytest.mark.parametrize(
    "change",
    [
        {"kinds": ()},
        {"kinds": ("guess",)},
        {"kinds": ("lookup", "lookup")},
        {"purposes": ()},
        {"purposes": ("a b",)},
        {"products": ("x/y",)},
        {"labels": ()},
        {"max_days": 0},
        {"openings": "perhaps"},
        {"budget": "1.50"},
        {"declarations": ("",)},
        {"operator": "x"},
        {"approver": "x"},
    ],
)
def test_a_field_out_of_range_is_refused(world: Any, change: dict[str, Any]) -> None:
    with pytest.raises(TemplateInvalidError):
        make_template(world, **change)


def test_the_operator_is_not_its_own_second_approver(world: Any) -> None:
    with pytest.raises(TemplateInvalidError, match="operator as well"):
        make_template(world, approver=signer_id(world.operator))


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "cny"},
        {"currency": "C1Y"},
        {"currency": None},
        {"data_fee": (2, 1)},
        {"data_fee": (-1, 1)},
        {"data_fee": (1,)},
        {"service_fee": ("1", "2")},
    ],
)
def test_a_band_of_prices_is_two_amounts_in_order(change: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"currency": "CNY", "data_fee": (0, 1), "service_fee": (0, 1)}
    with pytest.raises(TemplateInvalidError):
        PriceBand(**fields | change)


def test_what_stays_within_exceeds_nothing(world: Any) -> None:
    assert exceeded(make_template(world), make_scope()) == []
    loose = make_template(
        world,
        products=(),
        openings="allowed",
        consent=False,
        latency_seconds=0,
        budget="",
        region="",
        order=False,
        declarations=(),
    )
    scope = make_scope(
        product="any", openings=False, latency_seconds=None, budget="", region="", order=""
    )
    assert exceeded(loose, dataclasses.replace(scope, declarations=())) == []


DAY = timedelta(days=1)
EXCESSES: list[tuple[str, dict[str, Any]]] = [
    ("kinds", {"kind": "train"}),
    ("purposes", {"scenario": "marketing"}),
    ("products", {"product": "other"}),
    ("region", {"region": ""}),
    ("region", {"region": "CNX"}),
    ("labels", {"labels": (("age", "personal", "1"),)}),
    ("labels", {"labels": (("debt", "enterprise", "3"),)}),
    ("max_outputs", {"outputs": ("a", "b", "c", "d", "e")}),
    ("max_units", {"quota": Quota(units=5001, per_minute=100)}),
    ("max_per_minute", {"quota": Quota(units=5000, per_minute=101)}),
    ("group", {"group": 4, "kind": "statistics"}),
    ("budget", {"budget": "1.6", "kind": "statistics"}),
    ("budget", {"budget": "", "kind": "statistics"}),
    ("max_days", {"period": Period(start=NOW, until=NOW + 91 * DAY)}),
    ("period", {"period": Period(start=NOW + 299 * DAY, until=NOW + 301 * DAY)}),
    ("prices.currency", {"prices": Prices(currency="EUR", data_fee=1, service_fee=10_000)}),
    ("prices.data_fee", {"prices": Prices(currency="CNY", data_fee=100_001, service_fee=10_000)}),
    ("prices.service_fee", {"prices": Prices(currency="CNY", data_fee=0, service_fee=9_999)}),
    ("openings", {"openings": False}),
    ("consent", {"latency_seconds": None}),
    ("latency_seconds", {"latency_seconds": 86_401}),
    ("order", {"order": ""}),
    ("declarations", {"declarations": ("other",)}),
]


@pytest.mark.parametrize(("clause", "change"), EXCESSES)
def test_each_limit_is_named_when_it_is_exceeded(
    world: Any, clause: str, change: dict[str, Any]
) -> None:
    template = make_template(world, kinds=("lookup", "statistics"))
    (excess,) = exceeded(template, make_scope(**change))
    assert (excess.clause, excess.ended) == (clause, False)
    assert excess.why
    assert excess.remedy


def test_openings_that_a_template_refuses(world: Any) -> None:
    (excess,) = exceeded(make_template(world, openings="refused"), make_scope())
    assert (excess.clause, excess.remedy) == ("openings", "ask without --openings")


@pytest.mark.parametrize("days", [300, 400, -11])
def test_a_template_whose_time_is_not_now_has_ended(world: Any, days: int) -> None:
    start = NOW + days * DAY
    (excess,) = exceeded(
        make_template(world), make_scope(period=Period(start=start, until=start + DAY))
    )
    assert (excess.clause, excess.ended) == ("period", True)


def test_all_that_is_exceeded_is_named_at_once(world: Any) -> None:
    scope = make_scope(kind="train", order="", openings=False, group=0)
    clauses = [excess.clause for excess in exceeded(make_template(world), scope)]
    assert clauses == ["kinds", "group", "openings", "order"]
    assert len(clauses) == len(set(clauses))


@given(
    units=st.integers(1, 10_000),
    rate=st.integers(1, 200),
    begin=st.integers(-20, 310),
    days=st.integers(1, 100),
    outputs=st.integers(1, 8),
)
def test_an_instance_never_reaches_beyond_its_template(
    units: int, rate: int, begin: int, days: int, outputs: int
) -> None:
    from tests.evidence.conftest import World

    from unseen.evidence.suite import INTL

    template = make_template(World(INTL))
    start = NOW + begin * DAY
    scope = make_scope(
        quota=Quota(units=units, per_minute=rate),
        period=Period(start=start, until=start + days * DAY),
        outputs=tuple(f"o{number}" for number in range(outputs)),
    )
    within = (
        units <= template.max_units
        and rate <= template.max_per_minute
        and outputs <= template.max_outputs
        and days <= template.max_days
        and template.period.start <= start
        and start + days * DAY <= template.period.until
    )
    assert (not exceeded(template, scope)) is within


def parsed(world: Any, text: str = FILE, approver: str | None = None) -> Template:
    second = signer_id(world.stranger) if approver is None else approver
    return parse_template(
        text.encode(),
        suite=world.suite.id,
        operator=signer_id(world.operator),
        approver=second,
        start=NOW,
    )


def test_a_file_becomes_a_template_with_keys_and_dates(world: Any) -> None:
    template = parsed(world)
    assert template.operator == signer_id(world.operator)
    assert template.approver == signer_id(world.stranger)
    assert template.period == Period(start=NOW, until=NOW + 365 * DAY)
    assert template.prices.data_fee == (0, 1_500_000)
    assert template.prices.service_fee == (10_000, 10_000)
    one = parsed(world, FILE.replace(', "approver"]', "]"))
    assert one.approvals == ("operator",)


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        ("max_units = 5000\n", "", "max_units"),
        ("max_units = 5000", 'max_units = "5000"', "max_units"),
        ('title = "Credit check"', 'title = "Credit check"\nother = 1', "document"),
        ('["operator", "approver"]', '["approver"]', "approvals"),
        ('["operator", "approver"]', '"operator"', "approvals"),
        ("valid_days = 365", "valid_days = 0", "valid_days"),
        ('["0", "1.5"]', "[0, 1]", "prices.data_fee"),
        ('["0", "1.5"]', '["0", "1.5000001"]', "prices.data_fee"),
        ('["0", "1.5"]', '["0"]', "prices.data_fee"),
        ('["0", "1.5"]', '["1.5", "0"]', "prices.data_fee"),
        ("[prices]", "[other]", "prices"),
        ("[[labels]]", "[labels]", "labels"),
        ("kinds = [", "kinds = [[", "document"),
    ],
)
def test_a_file_that_says_something_else_is_refused(
    intl: Any, old: str, new: str, clause: str
) -> None:
    with pytest.raises((TemplateInvalidError, ContractInvalidError)) as caught:
        parsed(intl, FILE.replace(old, new))
    assert caught.value.clause == clause


def test_a_file_with_an_approver_needs_one(intl: Any) -> None:
    with pytest.raises(TemplateInvalidError, match="there is none"):
        parsed(intl, approver="")


def instance_of(world: Any, of: Template, **changes: Any) -> tuple[Any, Any]:
    """Return terms that follow the template `of`, and their plan."""
    plan = labelled_plan(world)
    fields: dict[str, Any] = {
        "template": of.id(),
        "plan": plan.digest(world.suite),
        "period": Period(start=NOW, until=NOW + 90 * DAY),
        "approver": signer_id(world.stranger),
        "approvals": ("operator", "approver", "buyer"),
        "consent": ConsentRule(scenario="credit", latency_seconds=3600, once=False),
        "region": "CN",
        "order": "EX-17",
        "declarations": ("used for lending alone",),
    }
    return world.terms(**fields | changes), plan


def test_a_template_s_signatures_stand_for_those_of_its_contracts(world: Any) -> None:
    template = make_template(world)
    terms, plan = instance_of(world, template)
    for role, signer in (("operator", world.operator), ("approver", world.stranger)):
        token = sign_template(signer, template)
        assert is_standing(token)
        verify_standing(token, terms, plan, template, role, signer.public_key)
    assert not is_standing(sign_terms(world.operator, terms))
    with pytest.raises(SignatureInvalidError):
        verify_approval(token, terms, "approver", world.stranger.public_key)


def test_they_stand_for_no_contract_beyond_it(world: Any) -> None:
    template = make_template(world)
    token = sign_template(world.operator, template)
    key = world.operator.public_key

    def refused(terms: Any, plan: Any, *, of: Template = template) -> str:
        with pytest.raises(TemplateInvalidError) as caught:
            verify_standing(token, terms, plan, of, "operator", key)
        return caught.value.clause

    terms, plan = instance_of(world, template)
    assert refused(*instance_of(world, template, template=bytes(32))) == "template"
    assert refused(*instance_of(world, template, template=b"")) == "template"
    assert refused(terms, plan, of=make_template(world, max_units=6000)) == "template"
    assert refused(*instance_of(world, template, quota=Quota(units=5001, per_minute=1))) == (
        "max_units"
    )
    assert refused(*instance_of(world, template, openings=False)) == "openings"
    assert refused(terms, world.plan()) == "plan"
    mute = instance_of(world, template, plan=world.plan().digest(world.suite))[0]
    assert refused(mute, world.plan()) == "labels"
    part = labelled_plan(world, LABELS[:2])
    assert refused(instance_of(world, template, plan=part.digest(world.suite))[0], part) == "labels"
    high = labelled_plan(world, (*LABELS[:2], ("debt", "enterprise", "3")))
    assert refused(instance_of(world, template, plan=high.digest(world.suite))[0], high) == "labels"
    other = instance_of(world, template, approver="", approvals=("operator", "buyer"))[0]
    with pytest.raises(TemplateInvalidError, match="approver is not the contract's"):
        verify_standing(token, other, plan, template, "approver", world.stranger.public_key)


def test_a_verdict_has_no_group_and_no_budget_to_bound(world: Any) -> None:
    scope = make_scope(group=0, budget="")
    assert exceeded(make_template(world), scope) == []
    counts = make_template(world, kinds=("statistics",))
    clauses = [
        each.clause for each in exceeded(counts, dataclasses.replace(scope, kind="statistics"))
    ]
    assert clauses == ["group", "budget"]
