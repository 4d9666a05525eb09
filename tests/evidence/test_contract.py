"""Terms, approvals and the state machine."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import make_signer

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import MAX_INTEGER, b64encode
from unseen.evidence.contracts import contract
from unseen.evidence.contracts.clauses import Billing, ConsentRule, Payee
from unseen.evidence.contracts.contract import (
    Period,
    Prices,
    Quota,
    Role,
    Terms,
    sign_terms,
    verify_approval,
)
from unseen.evidence.contracts.states import TRANSITIONS, Event, State, advance
from unseen.evidence.errors import (
    CanonicalError,
    ContractInvalidError,
    SignatureInvalidError,
    TransitionError,
)
from unseen.evidence.suite import key_id, signer_id

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_id_is_the_hash_of_the_canonical_terms(world: Any) -> None:
    terms = world.terms()
    assert terms.id() == world.suite.digest(canonical.encode(terms.to_json()))
    assert Terms.decode(terms.encode()) == terms
    assert world.terms(nonce=bytes(16)).id() != terms.id()


def test_decode_refuses_terms_laid_out_otherwise(world: Any) -> None:
    with pytest.raises(CanonicalError):
        Terms.decode(b" " + world.terms().encode())


@pytest.mark.parametrize(
    ("clause", "changes"),
    [
        ("operator", {"operator": "x"}),
        ("node", {"node": b64encode(bytes(31))}),
        ("product", {"product": "a b"}),
        ("product", {"product": ""}),
        ("table", {"table": "x" * 65}),
        ("scenario", {"scenario": "a\u0301"}),
        ("kind", {"kind": "steal"}),
        ("protocol", {"protocol": "-x"}),
        ("outputs", {"outputs": ()}),
        ("outputs", {"outputs": ["overdue"]}),
        ("outputs", {"outputs": ("a", "a")}),
        ("outputs", {"outputs": tuple(str(number) for number in range(129))}),
        ("product_digest", {"product_digest": bytes(31)}),
        ("plan", {"plan": b""}),
        ("leakage", {"leakage": "x"}),
        ("threat_model", {"threat_model": "x" * 257}),
        ("openings", {"openings": 1}),
        ("nonce", {"nonce": bytes(15)}),
        ("approvals", {"approvals": ("operator",)}),
        ("approvals", {"approvals": ("buyer", "operator")}),
        ("approvals", {"approvals": ("operator", "buyer", "buyer")}),
        ("suite", {"suite": None}),
    ],
    ids=str,
)
def test_a_clause_out_of_range_is_named(world: Any, clause: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        world.terms(**changes)
    assert caught.value.clause == clause
    assert clause in str(caught.value)


def test_a_buyer_is_neither_operator_nor_node(world: Any) -> None:
    for signer in (world.operator, world.node):
        with pytest.raises(ContractInvalidError, match="buyer"):
            world.terms(buyer=signer_id(signer))


@pytest.mark.parametrize(
    ("units", "per_minute"), [(0, 1), (1, 0), (-1, 1), (2**53, 1), (True, 1), (1.0, 1), ("1", 1)]
)
def test_quota_refuses_what_is_not_a_count(units: Any, per_minute: Any) -> None:
    with pytest.raises(ContractInvalidError, match="quota"):
        Quota(units=units, per_minute=per_minute)


@pytest.mark.parametrize("currency", ["", "cny", "CN", "CNYY", "C1Y", "ÄÖÜ", None, 3, "CN "])
def test_prices_refuse_what_is_no_currency(currency: Any) -> None:
    with pytest.raises(ContractInvalidError, match=r"prices\.currency"):
        Prices(currency=currency, data_fee=0, service_fee=0)


def test_prices_refuse_what_a_bill_could_not_say(world: Any) -> None:
    prices = Prices(currency="CNY", data_fee=MAX_INTEGER, service_fee=0)
    assert world.terms(prices=prices, quota=Quota(units=1, per_minute=1))
    with pytest.raises(ContractInvalidError, match="prices"):
        world.terms(prices=prices, quota=Quota(units=2, per_minute=1))
    with pytest.raises(ContractInvalidError, match="data_fee"):
        Prices(currency="CNY", data_fee=-1, service_fee=0)


def test_period_covers_its_start_and_not_its_end() -> None:
    period = Period(start=START, until=START + timedelta(hours=1))
    second = timedelta(seconds=1)
    assert period.covers(period.start)
    assert period.covers(period.until - second)
    assert not period.covers(period.until)
    assert not period.covers(period.start - second)


@pytest.mark.parametrize(
    "until",
    [
        START,
        START - timedelta(seconds=1),
        START + timedelta(microseconds=1),
        datetime(2027, 1, 1),  # noqa: DTZ001
        datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=8))),
        "2027-01-01T00:00:00Z",
    ],
    ids=str,
)
def test_period_refuses_an_end_before_its_start_or_in_another_form(until: Any) -> None:
    with pytest.raises(ContractInvalidError, match="period"):
        Period(start=START, until=until)


def test_both_sides_approve_and_nobody_else_can(world: Any) -> None:
    terms = world.terms()
    pairs: tuple[tuple[Role, Any], ...] = (("operator", world.operator), ("buyer", world.buyer))
    for role, signer in pairs:
        token = sign_terms(signer, terms)
        verify_approval(token, terms, role, signer.public_key)
        payload = jws.peek(token).payload
        contract_id = b64encode(terms.id())
        expected = {"v": 1, "suite": terms.suite, "type": "approval"}
        assert payload == expected | {"contract": contract_id, "role": role}
    for signer in (world.node, world.stranger):
        with pytest.raises(ContractInvalidError):
            sign_terms(signer, terms)


def test_an_approval_that_python_would_call_equal_is_refused(world: Any) -> None:
    terms = world.terms()
    body = jws.peek(sign_terms(world.buyer, terms)).payload
    assert isinstance(body, dict)
    odd: list[dict[str, Any]] = [{"v": True}, {"v": 2}, {"contract": b64encode(bytes(32))}]
    for change in odd:
        token = jws.sign(world.buyer, contract.TYP, body | change)
        with pytest.raises(ContractInvalidError, match="approvals"):
            verify_approval(token, terms, "buyer", world.buyer.public_key)


def test_an_approval_holds_for_one_contract_one_role_and_one_key(world: Any) -> None:
    terms, other = world.terms(), world.terms(openings=False)
    operator, buyer = world.operator.public_key, world.buyer.public_key
    token = sign_terms(world.buyer, terms)
    with pytest.raises(ContractInvalidError):
        verify_approval(token, other, "buyer", buyer)
    with pytest.raises(SignatureInvalidError):
        verify_approval(token, terms, "operator", operator)
    with pytest.raises(ContractInvalidError, match="buyer is another key"):
        verify_approval(token, terms, "buyer", operator)
    with pytest.raises(ContractInvalidError, match="role"):
        verify_approval(token, terms, "node", world.node.public_key)  # type: ignore[arg-type]
    forged = jws.sign(world.buyer, contract.TYP, {"contract": b64encode(terms.id())})
    with pytest.raises(ContractInvalidError):
        verify_approval(forged, terms, "buyer", buyer)


def test_a_buyer_cannot_approve_for_the_operator(world: Any) -> None:
    terms = world.terms()
    payload = jws.peek(sign_terms(world.operator, terms)).payload
    forged = jws.sign(world.buyer, contract.TYP, payload)
    pairs: tuple[tuple[Role, Any], ...] = (("operator", world.operator), ("buyer", world.buyer))
    for role, signer in pairs:
        with pytest.raises((ContractInvalidError, SignatureInvalidError)):
            verify_approval(forged, terms, role, signer.public_key)


def test_terms_of_another_suite_are_not_approved(world: Any, intl: Any) -> None:
    if world.suite is not intl.suite:
        name = key_id(world.suite, world.buyer.public_key)
        terms = dataclasses.replace(intl.terms(), buyer=name)
        with pytest.raises(ContractInvalidError):
            sign_terms(world.buyer, terms)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_advance_follows_the_table_and_refuses_the_rest(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert advance(state, event) is TRANSITIONS[state, event]
        stays = (state, event) == (State.SUSPENDED, Event.SUSPEND)  # by one party more
        assert (advance(state, event) is state) == stays
        return
    with pytest.raises(TransitionError) as caught:
        advance(state, event)
    assert (caught.value.state, caught.value.event) == (state.value, event.value)


def test_the_way_of_the_design_is_the_only_way_to_active() -> None:
    state = State.DRAFT
    for event in (Event.PROPOSE, Event.APPROVE, Event.ACTIVATE):
        state = advance(state, event)
    assert state is State.ACTIVE
    into_active = {step for step, after in TRANSITIONS.items() if after is State.ACTIVE}
    assert into_active == {(State.APPROVED, Event.ACTIVATE), (State.SUSPENDED, Event.RESUME)}


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_what_has_ended_stays_ended(events: list[Event]) -> None:
    ended = {State.EXPIRED, State.REVOKED}
    state, approved = State.DRAFT, False
    for event in events:
        before = state
        try:
            state = advance(state, event)
        except TransitionError:
            continue
        approved |= event is Event.APPROVE
        assert before not in ended
        assert state is not State.ACTIVE or approved


def test_an_exhausted_contract_can_be_held_and_ended_and_nothing_else() -> None:
    steps = {
        event: after for (state, event), after in TRANSITIONS.items() if state.value == "exhausted"
    }
    assert steps == {Event.SUSPEND: State.SUSPENDED, Event.REVOKE: State.REVOKED}


def test_every_state_is_reached_and_every_event_used() -> None:
    assert set(TRANSITIONS.values()) == set(State) - {State.DRAFT}
    assert {event for _, event in TRANSITIONS} == set(Event)


OPTIONAL_CLAUSES: dict[str, Any] = {
    "regulator": b64encode(bytes([9]) * 32),
    "mandates": (bytes(32), bytes([1]) * 32),
    "template": bytes([2]) * 32,
    "rules": bytes([3]) * 32,
    "consent": ConsentRule(scenario="credit", latency_seconds=86_400, once=False),
    "billing": Billing(unit="evaluation", free_units=3, cap=7),
    "order": "EX-2026-1",
    "region": "CN-35",
    "group": 10,
    "budget": "0.5",
    "declarations": ("used for the scenario alone",),
    "parameters": {"bands": [1, 2]},
}


@pytest.mark.parametrize("name", OPTIONAL_CLAUSES)
def test_a_clause_is_written_only_where_it_was_agreed(world: Any, name: str) -> None:
    bare, agreed = world.terms(), world.terms(**{name: OPTIONAL_CLAUSES[name]})
    assert name not in bare.to_json()
    assert set(agreed.to_json()) - set(bare.to_json()) == {name}
    assert Terms.decode(agreed.encode()) == agreed
    assert agreed.id() != bare.id()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("holder", ""),
        ("mandates", []),
        ("template", ""),
        ("group", 0),
        ("budget", ""),
        ("declarations", []),
        ("parameters", {}),
    ],
)
def test_a_clause_that_says_nothing_is_refused(world: Any, name: str, value: Any) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        Terms.from_json(world.terms().to_json() | {name: value})
    assert caught.value.clause == name


@pytest.mark.parametrize(
    ("clause", "value"),
    [
        ("regulator", "x"),
        ("mandates", (b"",)),
        ("mandates", (bytes(32), bytes(32))),
        ("mandates", [bytes(32)]),
        ("template", b"x"),
        ("rules", "x"),
        ("consent", {"scenario": "x"}),
        ("billing", "hit"),
        ("order", "a b"),
        ("region", "/"),
        ("group", -1),
        ("group", True),
        ("budget", "1.0"),
        ("budget", 1),
        ("declarations", ("",)),
        ("declarations", ("a", "a")),
        ("parameters", []),
    ],
)
def test_an_optional_clause_out_of_range_is_named(world: Any, clause: str, value: Any) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        world.terms(**{clause: value})
    assert caught.value.clause == clause


def test_holder_and_approver_sign_where_they_are_named(world: Any) -> None:
    holder, approver = make_signer(world.suite, 8), make_signer(world.suite, 9)
    terms = world.terms(
        holder=signer_id(holder),
        approver=signer_id(approver),
        approvals=("operator", "holder", "approver", "buyer"),
    )
    assert terms.required() == ("operator", "holder", "approver")
    for role, signer in (("holder", holder), ("approver", approver)):
        token = sign_terms(signer, terms)
        verify_approval(token, terms, cast("Role", role), signer.public_key)
        with pytest.raises(ContractInvalidError):
            verify_approval(token, terms, "operator", signer.public_key)
    with pytest.raises(ContractInvalidError, match="approvals"):
        world.terms(holder=signer_id(holder))
    with pytest.raises(ContractInvalidError, match="holder"):
        world.terms(holder=world.terms().operator, approvals=("operator", "holder", "buyer"))


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": "x"},
        {"free_units": -1},
        {"cap": -1},
        {"payees": [1]},
        {"payees": (Payee(line="data_fee", name="a", key=b64encode(bytes(32)), share=1),)},
    ],
    ids=str,
)
def test_billing_refuses_what_does_not_add_up(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError, match="billing"):
        Billing(**{"unit": "request", **changes})


def test_billing_survives_its_writing() -> None:
    key = b64encode(bytes(32))
    payees = (
        Payee(line="data_fee", name="province", key=key, share=4_000),
        Payee(line="data_fee", name="city", key=b64encode(bytes([1]) * 32), share=6_000),
    )
    billing = Billing(unit="evaluation", payees=payees)
    assert Billing.from_json(billing.to_json()) == billing
