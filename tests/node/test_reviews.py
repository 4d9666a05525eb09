"""The queue in front of a person: what is held, who decides, what it writes, what expires."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select, update
from tests.node.conftest import NOW
from tests.node.gating import (
    COUNTED,
    GOOD,
    KEYS,
    MINISTRY,
    OPERATOR,
    ROWS,
    Gatehouse,
    caller,
    later,
)
from tests.node.holding import House, books, decision, held, house, log_of, sealed, signed

from unseen.evidence import jws
from unseen.evidence.canonical import b64encode, format_time
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.states import State as ContractState
from unseen.evidence.errors import ReviewInvalidError, SignatureInvalidError
from unseen.evidence.releases.review import TYP, sign_review
from unseen.evidence.suite import INTL, signer_id
from unseen.node.errors import (
    BitsExhaustedError,
    ContractNotActiveError,
    EpochNotReadyError,
    InstanceUnknownError,
    PartyNotFoundError,
    QuotaExhaustedError,
    ReleaseHeldError,
    ReleaseRefusedError,
    ReviewClosedError,
    ReviewNotFoundError,
)
from unseen.node.identity.rights import Role
from unseen.node.release import reviewing
from unseen.node.release.register import Review, State, check_bits
from unseen.node.release.rules import Mode
from unseen.node.store.schema import charges, contracts, documents

__all__ = ["books", "held", "house", "log_of", "signed"]


async def test_a_harmless_release_is_charged_by_its_bits(house: House) -> None:
    gate = house()
    charged = await gate.pay((ROWS,), COUNTED)
    assert charged.reply == (ROWS,)
    assert books(gate) == (1, 24, 1)
    assert [leaf["type"] for leaf in log_of(gate.store)] == ["release"]


async def test_what_is_held_is_not_charged_and_sealed(house: House) -> None:
    gate = house()
    review = await held(gate)
    assert (review.state, review.rules, review.bits) == (State.WAITING, ("facts.stated",), 24)
    assert review.expires_at == format_time(later(hours=72))
    assert books(gate) == (0, 0, 0)
    found = sealed(gate)
    assert found is not None
    assert b"farming" not in found
    (leaf,) = log_of(gate.store)
    assert {name: leaf[name] for name in ("type", "verdict", "rules", "bits", "release")} == {
        "type": "release.reviewed",
        "verdict": "review",
        "rules": ["facts.stated"],
        "bits": 24,
        "release": review.id,
    }
    assert gate.node.meter.usage(gate.identifier, 0).under_way == 1


async def test_the_same_request_waits_without_being_computed_again(house: House) -> None:
    gate = house()
    review = await held(gate)
    for node in (gate.node, gate.start()):
        with pytest.raises(ReleaseHeldError) as caught:
            node.releases.check(gate.contract, review.request.request)
        assert review.expires_at in str(caught.value)
        assert caught.value.remedy.endswith(review.request.request)
    gate.node.releases.check(gate.contract, "f" * 32)
    check_bits(gate.contract, 1)


async def test_a_restart_keeps_what_waits_and_its_units(house: House) -> None:
    gate = house()
    review = await held(gate)
    again = gate.start()
    assert again.releases.waiting() == [review]
    reviewing.resume(again)
    assert again.meter.usage(gate.identifier, 0).under_way == 1
    assert reviewing.show(again, OPERATOR, review.id).held is not None


async def test_the_operator_sees_what_is_held_and_nobody_else(house: House) -> None:
    gate = house(approver=signer_id(KEYS["approver"]))
    review = await held(gate)
    shown = reviewing.show(gate.node, OPERATOR, review.id)
    assert shown.held is not None
    assert shown.held.parts == (ROWS,)
    assert b64encode(commit(INTL, shown.held.nonce, shown.held.parts)) == review.id
    assert repr(ROWS) not in repr(shown)
    assert reviewing.show(gate.node, MINISTRY, review.id).held is None
    for who in (OPERATOR, MINISTRY):
        (listed,) = reviewing.listed(gate.node, who)
        assert (listed.review, listed.held) == (review, None)
    stranger = caller("other", Role.APPROVER)
    assert reviewing.listed(gate.node, stranger) == []
    with pytest.raises(ReviewNotFoundError):
        reviewing.show(gate.node, stranger, review.id)
    with pytest.raises(ReviewNotFoundError):
        reviewing.show(gate.node, OPERATOR, "A" * 43)
    with pytest.raises(PartyNotFoundError):
        reviewing.listed(gate.node, caller("nobody", Role.APPROVER))


@pytest.mark.parametrize("key", ["operator", "approver"])
async def test_a_person_lets_it_out_with_a_signature(house: House, key: str) -> None:
    gate = house(approver=signer_id(KEYS["approver"]))
    review = await held(gate)
    who, token = (OPERATOR if key == "operator" else MINISTRY), signed(gate, review, key=key)
    after = await reviewing.decide(gate.node, who, review.id, token)
    assert (after.state, after.decided_by) == (State.PASSED, who.party)
    assert books(gate) == (1, 24, 1)
    assert sealed(gate) is None
    first, reviewed, release = log_of(gate.store)
    assert first["verdict"] == "review"
    assert (reviewed["verdict"], reviewed["document"]) == ("pass", after.document)
    assert release["review"] == after.document
    assert release["since"] == review.leaf_index == 1
    with gate.store.engine.connect() as connection:
        (document,) = connection.execute(select(documents)).all()
        (charge,) = connection.execute(select(charges)).all()
    assert (document.type, document.body.decode()) == ("review", token)
    assert b"farming" in charge.reply
    gate.node.releases.check(gate.contract, review.request.request)
    assert gate.node.meter.usage(gate.identifier, 0).under_way == 0
    assert gate.start().releases.get(review.id) == after
    gate.node.releases.put(review)  # as memory has it for a moment while another decides
    with pytest.raises(ReviewClosedError):
        reviewing.show(gate.node, OPERATOR, review.id)


async def test_a_person_refuses_it_with_a_signature(house: House) -> None:
    gate = house()
    review = await held(gate)
    token = signed(gate, review, "refuse")
    after = await reviewing.decide(gate.node, OPERATOR, review.id, token)
    assert (after.state, after.document != "") == (State.REFUSED, True)
    assert books(gate) == (0, 1, 0)  # that it was refused says one bit
    assert sealed(gate) is None
    leaf = log_of(gate.store)[-1]
    assert (leaf["verdict"], leaf["rules"]) == ("refuse", ["facts.stated", "review.refused"])
    with pytest.raises(ReleaseRefusedError) as caught:
        gate.node.releases.check(gate.contract, review.request.request)
    assert "facts" not in str(caught.value) + caught.value.remedy
    assert reviewing.show(gate.node, OPERATOR, review.id).held is None


async def test_a_reply_whose_consent_has_ended_meanwhile_is_refused(house: House) -> None:
    gate = house("verify")
    gate.node.releases.modes["verdicts"] = Mode.REVIEW
    review = dataclasses.replace(await held(gate), consent="A" * 43)  # the register has none such
    gate.node.releases.put(review)
    after = await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert after.state is State.REFUSED
    assert log_of(gate.store)[-1]["rules"] == ["type.review", "review.consent_ended"]
    assert books(gate)[2] == 0


async def test_a_hidden_reply_of_a_table_that_is_overdue_waits_on(house: House) -> None:
    gate = house("verify")
    gate.node.releases.modes["verdicts"] = Mode.REVIEW
    review = await held(gate)
    request = dataclasses.replace(review.request, epoch=1, kind="lookup", manifest=bytes(32))
    gate.node.releases.put(dataclasses.replace(review, request=request))
    gate.node.consents.deadlines[gate.identifier] = NOW
    cast("Any", gate.node).epochs = SimpleNamespace(newest_failure=lambda _: None)
    with pytest.raises(EpochNotReadyError):
        await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert gate.node.releases.get(review.id).state is State.WAITING


async def test_a_verdict_that_was_held_costs_no_bit_if_it_is_refused(house: House) -> None:
    gate = house("verify")
    gate.node.releases.modes["verdicts"] = Mode.REVIEW
    review = await held(gate)
    assert review.rules == ("type.review",)
    await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review, "refuse"))
    assert books(gate) == (0, 0, 0)


@pytest.mark.parametrize("verdict", ["pass", "refuse"])
async def test_it_is_decided_once(house: House, verdict: str) -> None:
    gate = house()
    review = await held(gate)
    await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review, verdict))
    size = gate.store.log.size
    for again in ("pass", "refuse"):
        with pytest.raises(ReviewClosedError):
            await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review, again))
    assert gate.store.log.size == size
    gate.node.releases.put(review)  # as a second decision under way would have it
    for again in ("pass", "refuse"):
        with pytest.raises(ReviewClosedError):
            await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review, again))
    assert gate.store.log.size == size


@pytest.mark.parametrize("key", ["node", "buyer", "approver", "stranger"])
async def test_a_signature_in_the_wrong_role_decides_nothing(house: House, key: str) -> None:
    gate = house()
    review = await held(gate)
    for role in ("operator", "approver"):
        forged = jws.sign(KEYS[key], TYP, decision(gate, review, role=role).to_json())
        with pytest.raises((SignatureInvalidError, ReviewInvalidError)):
            await reviewing.decide(gate.node, OPERATOR, review.id, forged)
    assert gate.node.releases.get(review.id) == review
    assert books(gate) == (0, 0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"request": "f" * 32},
        {"release": bytes(32)},
        {"bits": 23},
        {"rules": ()},
        {"rules": ("facts.stated", "type.review")},
    ],
)
async def test_a_decision_on_something_else_decides_nothing(
    house: House, changes: dict[str, Any]
) -> None:
    gate = house()
    review = await held(gate)
    token = sign_review(KEYS["operator"], decision(gate, review, **changes), gate.contract.terms)
    with pytest.raises(ReviewInvalidError):
        await reviewing.decide(gate.node, OPERATOR, review.id, token)
    assert gate.node.releases.get(review.id) == review


async def test_what_nobody_decides_on_is_refused(house: House) -> None:
    gate = house()
    review = await held(gate)
    await reviewing.sweep(gate.node)
    assert gate.node.releases.waiting() == [review]
    gate.node.clock._now = lambda: later(hours=72)
    with pytest.raises(ReviewClosedError):  # before any sweep
        await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    await reviewing.sweep(gate.node)
    after = gate.node.releases.get(review.id)
    assert (after.state, after.decided_by, after.document) == (State.EXPIRED, "node", "")
    assert sealed(gate) is None
    leaf = log_of(gate.store)[-1]
    assert (leaf["verdict"], leaf["rules"][-1]) == ("refuse", "review.expired")
    assert "document" not in leaf
    with pytest.raises(ReleaseRefusedError):
        gate.node.releases.check(gate.contract, review.request.request)
    assert gate.node.meter.usage(gate.identifier, 0).under_way == 0


async def test_it_expires_between_the_decision_and_its_transaction(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = house()
    review = await held(gate)
    gate.node.clock._now = lambda: later(hours=72)
    checked = reviewing._check_open
    asked: list[dt.datetime] = []

    def first_time_passes(found: Review, now: dt.datetime) -> None:
        asked.append(now)
        if len(asked) > 1:
            checked(found, now)

    monkeypatch.setattr(reviewing, "_check_open", first_time_passes)
    with pytest.raises(ReviewClosedError):
        await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert books(gate) == (0, 0, 0)
    assert len(log_of(gate.store)) == 1


@pytest.mark.parametrize("state", [ContractState.REVOKED, ContractState.EXPIRED])
async def test_the_end_of_the_contract_ends_what_waits(house: House, state: Any) -> None:
    gate = house()
    review = await held(gate)
    gate.node.contracts.put(dataclasses.replace(gate.contract, state=state))
    await reviewing.sweep(gate.node)
    assert gate.node.releases.get(review.id).state is State.EXPIRED


def suspend(gate: Gatehouse) -> None:
    with gate.store.engine.begin() as connection:
        connection.execute(update(contracts).values(state=ContractState.SUSPENDED.value))


def use_up(gate: Gatehouse) -> None:
    with gate.store.engine.begin() as connection:
        connection.execute(update(contracts).values(units_used=10))


def say_all(gate: Gatehouse) -> None:
    with gate.store.engine.begin() as connection:
        connection.execute(update(contracts).values(bits_used=5 * 24))


@pytest.mark.parametrize(
    ("happens", "error"),
    [
        (suspend, ContractNotActiveError),
        (use_up, QuotaExhaustedError),
        (say_all, BitsExhaustedError),
    ],
)
async def test_what_the_contract_does_not_allow_any_more_stays_held(
    house: House, happens: Callable[[Gatehouse], None], error: type[Exception]
) -> None:
    gate = house()
    review = await held(gate)
    happens(gate)
    with pytest.raises(error):
        await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert gate.node.releases.waiting() == [review]
    assert sealed(gate) is not None
    assert len(log_of(gate.store)) == 1


@pytest.mark.parametrize("instances", [{}, None])
async def test_what_no_receipt_could_prove_is_not_let_out(house: House, instances: Any) -> None:
    gate = house()
    review = await held(gate)
    if instances is None:
        del gate.parties["lender"]
    else:
        gate.parties["lender"] = dataclasses.replace(gate.parties["lender"], instances={})
    with pytest.raises(InstanceUnknownError):
        await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert gate.node.releases.waiting() == [review]


async def test_a_release_may_be_let_out_days_after_the_request(house: House) -> None:
    gate = house()
    review = await held(gate)
    gate.node.clock._now = lambda: later(hours=23)
    await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    release = log_of(gate.store)[-1]
    assert release["since"] == review.leaf_index == 1


async def test_what_was_altered_while_it_waited_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = house()
    review = await held(gate)
    whole = reviewing._held(gate.node, review)
    other = dataclasses.replace(whole, parts=(GOOD["aggregate"][0][0].replace(b"20", b"25"),))
    monkeypatch.setattr(reviewing, "_held", lambda *_: other)
    after = await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert after.state is State.REFUSED
    assert log_of(gate.store)[-1]["rules"] == ["facts.stated", "gate.malformed"]
    assert books(gate) == (0, 1, 0)
