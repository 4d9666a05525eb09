"""The queue in front of a person at its bounds: refusals, floods, types that are off, errors."""

import dataclasses
from typing import Any

import pytest
from sqlalchemy import select
from tests.node.conftest import put_contract
from tests.node.gating import COUNTED, KEYS, OPERATOR, ROWS, STATED, VERDICTS, made
from tests.node.holding import House, books, held, house, log_of, signed

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.suite import signer_id
from unseen.node.errors import (
    BitsExhaustedError,
    InternalError,
    OverloadedError,
    ReleaseHeldError,
    ReleaseOffError,
    ReleaseRefusedError,
)
from unseen.node.metering.charge import Charge
from unseen.node.metering.charged import digest_of
from unseen.node.release import holding, reviewing
from unseen.node.release.gate import Ask, release
from unseen.node.release.register import check_bits
from unseen.node.release.rules import Mode
from unseen.node.store.schema_release import release_modes

__all__ = ["house"]


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
