"""The queue in front of a person: what is held, who decides, what it writes, what expires."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select, update
from tests.node.conftest import NOW, Store, put_contract
from tests.node.gating import (
    COUNTED,
    GOOD,
    KEYS,
    MINISTRY,
    OPERATOR,
    ROWS,
    STATED,
    VERDICTS,
    Gatehouse,
    caller,
    later,
    made,
)

from unseen.evidence import jws
from unseen.evidence.canonical import b64decode, b64encode, format_time
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.states import State as ContractState
from unseen.evidence.errors import ReviewInvalidError, SignatureInvalidError
from unseen.evidence.log import decode_leaf
from unseen.evidence.releases.review import TYP, sign_review
from unseen.evidence.releases.review import Review as Decision
from unseen.evidence.suite import INTL, signer_id
from unseen.node.errors import (
    BitsExhaustedError,
    ContractNotActiveError,
    EpochNotReadyError,
    InstanceUnknownError,
    InternalError,
    OverloadedError,
    PartyNotFoundError,
    QuotaExhaustedError,
    ReleaseHeldError,
    ReleaseOffError,
    ReleaseRefusedError,
    ReviewClosedError,
    ReviewNotFoundError,
)
from unseen.node.identity.rights import Role
from unseen.node.metering.charge import Charge, digest_of
from unseen.node.release import holding, reviewing
from unseen.node.release.gate import Ask, release
from unseen.node.release.register import Review, State, check_bits
from unseen.node.release.rules import Mode
from unseen.node.store.schema import charges, contracts, documents, leaves
from unseen.node.store.schema_release import release_modes, reviews

House = Callable[..., Gatehouse]


@pytest.fixture
def house(store: Store) -> House:
    def build(what: str = "aggregate", **terms: Any) -> Gatehouse:
        return Gatehouse(store, made(what, **terms))

    return build


async def held(house: Gatehouse, number: int = 0) -> Review:
    """Have one reply held, and return it."""
    what = "aggregate" if house.contract.plan.release.shape else "verify"  # type: ignore[union-attr]
    parts = GOOD[what][0]
    with pytest.raises(ReleaseHeldError):
        await house.pay(parts, STATED if what == "aggregate" else None, number)
    return house.node.releases.waiting()[-1]


def decision(house: Gatehouse, review: Review, verdict: str = "pass", **changes: Any) -> Decision:
    fields: dict[str, Any] = {
        "suite": "intl",
        "contract": house.contract.terms.id(),
        "request": review.request.request,
        "release": b64decode(review.id),
        "bits": review.bits,
        "rules": review.rules,
        "decision": verdict,
        "role": "operator",
        "time": NOW,
    }
    return Decision(**fields | changes)


def signed(house: Gatehouse, review: Review, verdict: str = "pass", key: str = "operator") -> str:
    role = "operator" if key == "operator" else "approver"
    terms = house.contract.terms
    return sign_review(KEYS[key], decision(house, review, verdict, role=role), terms)


def log_of(store: Store) -> list[dict[str, Any]]:
    with store.engine.connect() as connection:
        after = select(leaves.c.body).where(leaves.c.leaf_index > 0).order_by(leaves.c.leaf_index)
        return [decode_leaf(body) for body in connection.execute(after).scalars()]


def books(house: Gatehouse) -> tuple[int, int, int]:
    """Return units, bits, and how many requests are charged; memory says the same."""
    with house.store.engine.connect() as connection:
        row = connection.execute(select(contracts)).one()
        count = len(connection.execute(select(charges)).all())
        bits = sum(connection.execute(select(charges.c.bits)).scalars())
    assert (row.units_used, row.bits_used) == (
        house.contract.units_used,
        house.contract.bits_used,
    )
    assert bits <= row.bits_used
    return row.units_used, row.bits_used, count


def sealed(house: Gatehouse) -> bytes | None:
    with house.store.engine.connect() as connection:
        found: bytes | None = connection.execute(select(reviews.c.sealed_reply)).scalar_one()
    return found


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


async def test_a_refusal_is_in_the_log_and_says_nothing_to_the_buyer(house: House) -> None:
    gate = house()
    with pytest.raises(ReleaseRefusedError) as caught:
        await gate.pay((b"[]x",), COUNTED)
    assert "malformed" not in str(caught.value)
    (leaf,) = log_of(gate.store)
    assert (leaf["verdict"], leaf["rules"], leaf["bits"]) == ("refuse", ["gate.malformed"], 1)
    assert "release" not in leaf
    assert books(gate) == (0, 1, 0)


async def test_refusals_are_metered_until_nothing_is_left(house: House) -> None:
    gate = house(runs=1)
    for number in range(24):
        with pytest.raises(ReleaseRefusedError):
            await gate.pay((b"x",), COUNTED, number)
    with pytest.raises(BitsExhaustedError):
        check_bits(gate.contract, 1)
    with pytest.raises(ReleaseRefusedError):
        await gate.pay((ROWS,), COUNTED, 99)
    assert log_of(gate.store)[-1]["rules"] == ["bits.contract"]


async def test_refused_verdicts_cost_nothing(house: House) -> None:
    gate = house("verify")
    with pytest.raises(ReleaseRefusedError):
        await gate.pay((b"x",), None)
    assert books(gate) == (0, 0, 0)


async def test_the_queue_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = house()
    monkeypatch.setattr(holding, "_MAX_WAITING", 1)
    await held(gate)
    with pytest.raises(OverloadedError):
        await gate.pay((ROWS,), STATED, 1)
    assert len(gate.node.releases.waiting()) == 1


async def test_no_buyer_fills_the_queue_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = house()
    other = dataclasses.replace(made("aggregate"), buyer="rival")
    terms = dataclasses.replace(other.terms, nonce=bytes(range(16)))
    other = dataclasses.replace(other, id=b64encode(terms.id()), terms=terms)
    put_contract(gate.store.engine, other, other.plan, other.leakage)
    gate.node.contracts.put(other)
    monkeypatch.setattr(holding, "_MAX_OF_BUYER", 2)
    await held(gate)
    await held(gate, number=1)
    with pytest.raises(OverloadedError, match="of this buyer's"):
        await gate.pay((ROWS,), STATED, 2)
    gate.identifier = other.id
    await held(gate, number=3)
    assert [review.contract for review in gate.node.releases.waiting()].count(other.id) == 1


async def test_a_type_that_is_off_is_refused_before_anything_is_computed(house: House) -> None:
    gate = house("verify")
    await reviewing.set_mode(gate.node, OPERATOR, "verdicts", Mode.OFF)
    with pytest.raises(ReleaseOffError):
        gate.node.releases.check(gate.contract, "0" * 32)
    assert gate.start().releases.modes["verdicts"] is Mode.OFF
    (leaf,) = log_of(gate.store)
    assert (leaf["type"], leaf["release_type"], leaf["mode"], leaf["by"]) == (
        "release.mode_set",
        "verdicts",
        "off",
        "operator",
    )
    await reviewing.set_mode(gate.node, OPERATOR, "verdicts", Mode.PASS)
    gate.node.releases.check(gate.contract, "0" * 32)
    with gate.store.engine.connect() as connection:
        assert len(connection.execute(select(release_modes)).all()) == 1


async def test_a_hidden_lookup_cannot_be_reviewed(house: House) -> None:
    gate = house("lookup")
    await reviewing.set_mode(gate.node, OPERATOR, "verdicts", Mode.REVIEW)
    with pytest.raises(ReleaseOffError) as caught:
        gate.node.releases.check(gate.contract, "0" * 32)
    assert "no person could see" in str(caught.value)


def test_defaults_let_verdicts_pass_and_models_past_a_person(house: House) -> None:
    modes = house().node.releases.modes
    assert modes == {"verdicts": Mode.PASS, "aggregate": Mode.PASS, "model": Mode.REVIEW}


async def test_an_error_while_holding_keeps_and_releases_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = house()

    def broken(*_: Any) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(holding, "hit", broken)
    with pytest.raises(InternalError):
        await gate.pay((ROWS,), STATED)
    assert (books(gate), log_of(gate.store)) == ((0, 0, 0), [])
    assert gate.start().releases.all() == []


@pytest.mark.parametrize("step", ["log_decision", "write_closed", "closed", "open_review"])
async def test_an_error_while_deciding_lets_nothing_out(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    gate = house()
    review = await held(gate)

    def broken(*_: Any) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(reviewing, step, broken)
    with pytest.raises(InternalError):
        await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert books(gate) == (0, 0, 0)
    assert len(log_of(gate.store)) == 1
    assert gate.start().releases.waiting() == [review]


async def test_a_charge_for_what_the_gate_did_not_make_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = house()

    class Forged:
        """It has everything but its maker."""

        def __init__(self, made: Any) -> None:
            for name in made.__slots__:
                setattr(self, name, getattr(made, name))

    found: Any = release(
        Ask(gate.contract, gate.request(1).request, 1),
        (ROWS,),
        gate.node.releases.standing(gate.contract),
        COUNTED,
    )
    forgeries: list[Any] = [Forged(found), None, found]
    for released in forgeries:  # the last is for another request
        charge = Charge(
            contract=gate.contract,
            request=gate.request(0),
            statement_digest=digest_of(gate.request(0)),
            signature=bytes(64),
            instance=signer_id(KEYS["buyer"]),
            snapshot=bytes(32),
            released=released,
        )
        with pytest.raises(InternalError):
            await gate.store.writer.submit(charge)
    assert books(gate) == (0, 0, 0)
    assert log_of(gate.store) == []


async def test_a_charge_counts_bits_once_more_under_the_writer_s_order(house: House) -> None:
    gate = house(runs=2)
    for number in range(2):
        await gate.pay((ROWS,), COUNTED, number)
    stale = dataclasses.replace(gate.contract, bits_used=0)  # as a gate beside it would see it
    gate.node.contracts.put(stale)
    with pytest.raises(BitsExhaustedError) as caught:
        await gate.pay((ROWS,), COUNTED, 2)
    assert caught.value.clause == "release.bits_in_all"
    assert "left: 0" in str(caught.value)


async def test_hits_are_billed_when_a_person_lets_them_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = house("verify")
    gate.node.releases.modes["verdicts"] = Mode.REVIEW
    monkeypatch.setattr(Terms, "bills_hits", True)
    with pytest.raises(ReleaseHeldError):
        await gate.pay((VERDICTS,), None, hits=1)
    (review,) = gate.node.releases.waiting()
    assert review.billed == 1
    after = await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert log_of(gate.store)[-1]["billed"] == 1
    assert gate.start().releases.get(after.id).billed is None


async def test_verdicts_go_the_whole_way(house: House) -> None:
    gate = house("verify")
    charged = await gate.pay((VERDICTS,), None)
    assert charged.reply == (VERDICTS,)
    assert books(gate) == (1, 6, 1)
