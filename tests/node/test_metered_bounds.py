"""A metered request at its edges: what is held in a stop, the last slot, the last second."""

import asyncio
import dataclasses
import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from tests.node.conftest import NOW, UNTIL, Store, put_epoch
from tests.node.gating import GOOD, made
from tests.node.test_consent_register import A, Register, entry, register
from tests.node.test_metering import LENDER, REPLY, Desk, desk, leaf_of

from unseen.evidence import canonical
from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.states import State
from unseen.node.clock import Clock
from unseen.node.consent.charging import Asked
from unseen.node.consent.reading import Permit
from unseen.node.contracts.decide import Usage
from unseen.node.metering import metered
from unseen.node.metering.meter import Meter
from unseen.node.metering.paying import Answer, Work
from unseen.node.store.schema import charges
from unseen.protocols.errors import UnseenError

SECOND = dt.timedelta(seconds=1)
__all__ = ["desk", "register"]


def stand(desk: Desk, state: State) -> None:
    """Let the contract stand in a state, as the register in memory has it."""
    contracts: Any = desk.node.contracts
    held = dataclasses.replace(desk.house.contract, state=state)
    contracts._by_id[desk.house.identifier] = held


async def test_what_is_paid_for_is_held_while_node_or_contract_is_stopped(desk: Desk) -> None:
    node: Any = desk.node
    first = await desk.ask()
    node.stopped = True
    assert await desk.refused() == "REPLY_HELD node.stopped"
    node.stopped = False
    stand(desk, State.SUSPENDED)
    assert await desk.refused() == "REPLY_HELD state"
    for state in (State.ACTIVE, State.EXHAUSTED, State.REVOKED, State.EXPIRED):
        stand(desk, state)
        assert (await desk.ask()).reply == first.reply
    assert desk.worked == 1


@pytest.mark.parametrize(
    ("state", "now", "cause", "reason"),
    [
        (State.ACTIVE, NOW, "", ""),
        (State.EXHAUSTED, NOW, "", ""),  # by its own last units
        (State.SUSPENDED, NOW, "", "CONTRACT_NOT_ACTIVE"),
        (State.REVOKED, NOW, "", "CONTRACT_NOT_ACTIVE"),
        (State.EXPIRED, NOW, "", "CONTRACT_EXPIRED"),
        (State.ACTIVE, UNTIL - SECOND, "", ""),
        (State.ACTIVE, UNTIL, "", "CONTRACT_EXPIRED"),
        (State.ACTIVE, NOW, "a fire", "NODE_STOPPED"),
    ],
)
def test_work_goes_on_between_its_steps_while_it_may(
    desk: Desk, state: State, now: dt.datetime, cause: str, reason: str
) -> None:
    node: Any = desk.node
    stand(desk, state)
    node.clock, node.stops = Clock(lambda: now), SimpleNamespace(cause=lambda: cause)
    if not reason:
        metered.check_going(node, desk.house.identifier)
        return
    with pytest.raises(UnseenError) as caught:
        metered.check_going(node, desk.house.identifier)
    assert caught.value.reason == reason


async def test_what_opens_a_request_is_kept_of_those_in_the_clear_alone(store: Store) -> None:
    contract = made("lookup", units=3)
    desk = Desk(store, contract)
    put_epoch(store.engine, contract)
    request = desk.request(kind="lookup", manifest=bytes(32), epoch=1)
    reply, _ = GOOD["lookup"]

    async def work(*_: Any) -> Work:
        return Work(reply, bytes(32))

    signed = desk.signed(request)
    answer = await metered.run_metered(desk.node, LENDER, "lookup", signed, 1, work)
    assert answer.reply == reply
    with store.engine.connect() as connection:
        (row,) = connection.execute(select(charges)).all()
    assert (row.opening, row.epoch) == (None, 1)


async def test_a_request_in_the_clear_keeps_what_opens_it(desk: Desk) -> None:
    await desk.ask()
    with desk.node.engine.connect() as connection:
        (row,) = connection.execute(select(charges)).all()
    assert row.opening
    assert b'["x"]' not in row.opening


@pytest.mark.parametrize(
    ("in_flight", "load", "reason"),
    [
        (2, 1, ""),
        (3, 1, "OVERLOADED node.max_in_flight"),
        (4, 1, "OVERLOADED node.max_in_flight"),
        (2, 2, "OVERLOADED node.max_in_flight_per_party"),
        (2, 3, "OVERLOADED node.max_in_flight_per_party"),
    ],
)
async def test_the_last_slot_is_given(desk: Desk, in_flight: int, load: int, reason: str) -> None:
    node: Any = desk.node
    node.in_flight = {("c", str(number)): ("", None) for number in range(in_flight)}
    node.load["lender"] = load
    if reason:
        assert await desk.refused() == reason
    else:
        assert (await desk.ask()).reply == REPLY
    assert node.load["lender"] == load


@pytest.mark.parametrize(("signed", "called"), [(1, 2), (2, 1)])
async def test_a_statement_says_just_the_units_of_its_call(
    desk: Desk, signed: int, called: int
) -> None:
    request = desk.request(units=signed)
    assert await desk.refused(request, units=called) == "FIELD_INVALID request.units"
    assert desk.worked == 0


@pytest.mark.parametrize(("offered", "called"), [("lookup", "verify"), ("verify", "lookup")])
async def test_a_statement_is_of_the_kind_of_its_call(
    store: Store, offered: str, called: str
) -> None:
    desk = Desk(store, made(offered, units=3))
    hidden: dict[str, Any] = {"kind": "lookup", "manifest": bytes(32), "epoch": 1}
    signed = desk.signed(desk.request(**hidden if offered == "lookup" else {}))
    with pytest.raises(UnseenError) as caught:
        await metered.run_metered(desk.node, LENDER, called, signed, 1, desk.work)
    assert caught.value.clause == "request.units"


@pytest.mark.parametrize(("left", "known"), [(0, False), (1, True)])
async def test_an_instance_is_certified_to_its_last_second(
    desk: Desk, left: int, known: bool
) -> None:
    until = format_time(NOW + left * SECOND)
    desk.party.instances["desk"] = dataclasses.replace(desk.instance, until=until)
    if known:
        assert (await desk.ask()).reply == REPLY
    else:
        assert await desk.refused() == "INSTANCE_UNKNOWN identity.instance"


@pytest.mark.parametrize("gone", [False, True])
def test_an_answer_rests_on_the_consent_that_counts_at_its_charge(
    store: Store, register: Register, gone: bool
) -> None:
    lasting = entry(A)
    root = register.put(lasting)
    if gone:
        ended = register.end(lasting.id)
        assert ended is not None
        root = ended
    nothing = (canonical.encode(["no_usable_result"] * 3),)

    async def work(*_: Any) -> Work:
        permit = Permit(lasting.id, once=False)
        return Work(REPLY, bytes(32), consent=Asked(register.tree, permit, nothing))

    async def ask() -> Answer:
        return await Desk(store, made(units=3)).ask(work=work)

    answer = asyncio.run(ask())
    assert answer.reply == (nothing if gone else REPLY)
    assert leaf_of(answer).consent_root == root.root


def test_the_meter_counts_what_is_reserved_until_it_is_let_go() -> None:
    now = [0.0]
    meter = Meter(lambda: now[0])
    meter.reserve("c", 3)
    meter.hold("c", 4)
    assert meter.usage("c", 5) == Usage(5, 7, 3)
    now[0] = 59.0
    meter.reserve("c", 2)
    assert meter.usage("c", 5) == Usage(5, 9, 5)
    now[0] = 60.0  # exactly a minute after the first
    assert meter.usage("c", 5) == Usage(5, 9, 2)
    meter.release("c", 3)
    meter.release("c", 4)
    assert meter.usage("c", 5) == Usage(5, 2, 2)
    now[0] = 119.0
    assert meter.usage("c", 5) == Usage(5, 2, 0)
    assert meter.usage("another", 0) == Usage(0, 0, 0)


def test_what_was_asked_and_answered_is_not_shown() -> None:
    work = Work((b"a reply",), bytes(32), hits=7)
    assert "a reply" not in repr(work)
    assert "hits" not in repr(work)
    signed = metered.SignedRequest(b"", b"", b"", (b"a subject",))
    assert "a subject" not in repr(signed)
