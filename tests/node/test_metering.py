"""One metered request from its statement to its receipt: each way it can be refused or answered."""

import asyncio
import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from tests.node.conftest import NOW, Store
from tests.node.gating import GOOD, KEYS, Gatehouse, made

from unseen.evidence import jws
from unseen.evidence.canonical import b64encode, format_time
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.clauses import Billing
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError
from unseen.node.identity.parties import Caller, Instance
from unseen.node.identity.rights import Role
from unseen.node.metering import metered, paying
from unseen.node.metering.charged import find_charge
from unseen.node.metering.meter import Meter
from unseen.node.metering.paying import Answer, Work
from unseen.node.store.schema import charges
from unseen.protocols.errors import UnseenError

LENDER = Caller(Role.BUYER, "lender", "desk")
NONCE = bytes(range(32))
SUBJECT = (b'["x"]',)
REPLY, FACTS = GOOD["verify"]
DESK = Ed25519Signer(b"\x2a" * 32)
UNTIL = NOW + dt.timedelta(days=30)


class Desk:
    """A node as far as a metered request needs one, and a buyer's instance that asks it."""

    def __init__(self, store: Store, contract: Contract) -> None:
        house = Gatehouse(store, contract)
        token = certify(KEYS["buyer"], "desk", DESK.public_key, UNTIL)
        self.instance = Instance(
            party="lender",
            name="desk",
            key_id=signer_id(DESK),
            key=DESK.public_key,
            certification=token,
            until=format_time(UNTIL),
            revoked=False,
        )
        self.party = SimpleNamespace(instances={"desk": self.instance})
        node: Any = house.node
        node.log, node.signer = store.log, KEYS["node"]
        node.in_flight, node.load, node.draining = {}, Counter(), False
        node.settings = SimpleNamespace(max_in_flight=3, max_in_flight_per_party=2)
        node.stops, node.stopped = SimpleNamespace(cause=lambda: ""), False
        node.parties = SimpleNamespace(get={"lender": self.party}.get)
        self.node, self.house, self.worked = node, house, 0

    def request(self, number: int = 0, **changes: Any) -> Request:
        fields = {"commitment": commit(INTL, NONCE, SUBJECT)} | changes
        return self.house.request(number, **fields)

    def signed(self, request: Request, **changes: Any) -> metered.SignedRequest:
        signed = metered.SignedRequest(request.bytes(), sign_request(DESK, request), NONCE, SUBJECT)
        return dataclasses.replace(signed, **changes)

    async def work(self, _contract: Contract, _request: Request) -> Work:
        self.worked += 1
        return Work(REPLY, bytes(32), hits=1)

    async def ask(
        self,
        request: Request | None = None,
        *,
        work: Callable[..., Awaitable[Work]] | None = None,
        units: int = 1,
        who: Caller = LENDER,
        **changes: Any,
    ) -> Answer:
        signed = self.signed(request or self.request(), **changes)
        return await metered.run_metered(self.node, who, "verify", signed, units, work or self.work)

    async def refused(self, *arguments: Any, **named: Any) -> str:
        with pytest.raises(UnseenError) as caught:
            await self.ask(*arguments, **named)
        return f"{caught.value.reason} {caught.value.clause}"


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store, made(units=3))


def leaf_of(answer: Answer) -> ReleaseLeaf:
    payload: Any = jws.peek(answer.receipt).payload
    return ReleaseLeaf.from_json(payload["leaf"])


async def test_an_answer_has_a_receipt_and_a_retry_the_same(desk: Desk) -> None:
    first, again = await desk.ask(), await desk.ask()
    assert desk.worked == 1
    assert (first.reply, first.nonce) == (again.reply, again.nonce)
    assert leaf_of(first) == leaf_of(again)
    assert leaf_of(first).release == commit(INTL, first.nonce, first.reply)
    assert leaf_of(first).billed is None
    lone = metered.receipt_again(desk.node, LENDER, desk.house.identifier, "0" * 32)
    assert (lone.reply, leaf_of(lone)) == ((), leaf_of(first))
    assert desk.house.contract.units_used == 1


async def test_twins_in_flight_are_one_charge(desk: Desk) -> None:
    go = asyncio.Event()

    async def slow(contract: Contract, request: Request) -> Work:
        await go.wait()
        return await desk.work(contract, request)

    twins = [asyncio.ensure_future(desk.ask(work=slow)) for _ in range(3)]
    await asyncio.sleep(0.01)
    other = desk.request(issued_at=NOW - dt.timedelta(seconds=1))
    assert await desk.refused(other, work=slow) == "REQUEST_ID_REUSED request.id"
    go.set()
    answers = await asyncio.gather(*twins)
    assert len({leaf_of(answer).total for answer in answers}) == desk.worked == 1
    await asyncio.sleep(0)
    assert not desk.node.in_flight
    assert desk.node.load["lender"] == 0


async def test_work_goes_on_if_the_caller_hangs_up(desk: Desk) -> None:
    go = asyncio.Event()

    async def slow(contract: Contract, request: Request) -> Work:
        await go.wait()
        return await desk.work(contract, request)

    caller = asyncio.ensure_future(desk.ask(work=slow))
    await asyncio.sleep(0.01)
    caller.cancel()
    go.set()
    (running,) = (task for _, task in desk.node.in_flight.values())
    await running
    assert (await desk.ask()).reply == REPLY
    assert desk.worked == 1


async def test_work_that_ends_badly_is_not_charged_and_holds_nothing(desk: Desk) -> None:
    async def broken(*_: Any) -> Work:
        raise InternalError("no")

    async def endless(*_: Any) -> Work:
        await asyncio.Event().wait()
        raise InternalError("never")

    assert await desk.refused(work=broken) == "INTERNAL "
    caller = asyncio.ensure_future(desk.ask(work=endless))
    await asyncio.sleep(0.01)
    (running,) = (task for _, task in desk.node.in_flight.values())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert desk.node.load["lender"] == 0
    assert desk.node.meter.usage(desk.house.identifier, 0).under_way == 0
    assert (await desk.ask()).reply == REPLY


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nonce": bytes(31)}, "FIELD_INVALID request.commitment"),
        ({"nonce": bytes(32)}, "FIELD_INVALID request.commitment"),
        ({"parts": (b'["y"]',)}, "FIELD_INVALID request.commitment"),
        ({"signature": bytes(64)}, "SIGNATURE_INVALID "),
        ({"statement": b"{}"}, "REQUEST_INVALID v"),
        ({"units": 2}, "FIELD_INVALID request.units"),
        ({"who": Caller(Role.BUYER, "rival", "desk")}, "CONTRACT_NOT_FOUND contract"),
        ({"who": Caller(Role.BUYER, "lender", "other")}, "INSTANCE_UNKNOWN identity.instance"),
    ],
    ids=str,
)
async def test_what_is_not_as_signed_is_not_let_in(
    desk: Desk, changes: dict[str, Any], reason: str
) -> None:
    assert await desk.refused(**changes) == reason
    assert desk.worked == 0


async def test_another_kind_is_not_let_in(desk: Desk) -> None:
    request = desk.request(kind="lookup", manifest=bytes(32), epoch=1)
    assert await desk.refused(request) == "FIELD_INVALID request.units"


async def test_an_instance_has_to_be_certified_when_it_asks_and_when_it_is_answered(
    desk: Desk,
) -> None:
    instances = desk.party.instances
    instances["desk"] = dataclasses.replace(desk.instance, until=format_time(NOW))
    assert await desk.refused() == "INSTANCE_UNKNOWN identity.instance"
    soon = NOW + dt.timedelta(seconds=5)
    instances["desk"] = dataclasses.replace(desk.instance, until=format_time(soon))
    ahead = desk.request(issued_at=soon)
    assert await desk.refused(ahead) == "INSTANCE_UNKNOWN identity.instance"
    instances["desk"] = desk.instance
    await desk.ask()
    desk.node.parties = SimpleNamespace(get=lambda _: None)
    with pytest.raises(UnseenError, match="not known any more"):
        metered.receipt_again(desk.node, LENDER, desk.house.identifier, "0" * 32)
    assert await desk.refused() == "INSTANCE_UNKNOWN identity.instance"


async def test_a_receipt_of_what_was_never_charged_is_refused(desk: Desk) -> None:
    with pytest.raises(UnseenError) as caught:
        metered.receipt_again(desk.node, LENDER, desk.house.identifier, "f" * 32)
    assert caught.value.reason == "REPLY_NOT_FOUND"


async def test_a_reply_that_is_no_longer_kept_is_said_to_be(desk: Desk) -> None:
    await desk.ask()
    with desk.node.engine.begin() as connection:
        connection.execute(update(charges).values(reply=None))
    assert await desk.refused() == "REPLY_NOT_FOUND epoch"


async def test_capacity_is_the_nodes_and_each_partys(desk: Desk) -> None:
    desk.node.draining = True
    assert await desk.refused() == "DRAINING node"
    desk.node.draining = False
    desk.node.load["lender"] = 2
    assert await desk.refused() == "OVERLOADED node.max_in_flight_per_party"
    desk.node.in_flight = {("c", str(number)): ("", None) for number in range(3)}
    assert await desk.refused() == "OVERLOADED node.max_in_flight_per_party"  # its own comes first
    desk.node.load["lender"] = 0
    assert await desk.refused() == "OVERLOADED node.max_in_flight"
    desk.node.in_flight = {}
    assert (await desk.ask()).reply == REPLY


async def test_the_quota_ends_with_its_last_unit(desk: Desk) -> None:
    for number in range(3):
        await desk.ask(desk.request(number))
    assert await desk.refused(desk.request(3)) == "QUOTA_EXHAUSTED quota.units"
    assert desk.house.contract.state.value == "exhausted"
    assert (await desk.ask(desk.request(1))).reply == REPLY


@pytest.mark.parametrize("hits", [0, 1])
async def test_hits_are_in_the_leaf_where_the_contract_bills_them(store: Store, hits: int) -> None:
    contract = made(units=3)
    terms = dataclasses.replace(contract.terms, billing=Billing(unit="hit"))
    desk = Desk(store, dataclasses.replace(contract, id=b64encode(terms.id()), terms=terms))

    async def work(*_: Any) -> Work:
        return Work(REPLY, bytes(32), hits=hits)

    assert leaf_of(await desk.ask(work=work)).billed == hits


async def test_a_charge_in_the_store_is_read_through_one_kept_connection(desk: Desk) -> None:
    await desk.ask()
    kept = desk.node.reader.connection
    await desk.ask(desk.request(1))
    again = await desk.ask(desk.request(1))  # seen at once: the reader holds no old snapshot
    assert leaf_of(again).total == 2
    assert desk.node.reader.connection is kept
    kept.invalidate()
    assert (await desk.ask(desk.request(1))).reply == REPLY
    assert desk.node.reader.connection is not kept
    desk.node.reader.close()
    desk.node.reader.close()
    assert (await desk.ask(desk.request(1))).reply == REPLY


async def test_an_answer_needs_the_party_it_is_for(desk: Desk) -> None:
    await desk.ask()
    charged = find_charge(desk.node.reader.connection, desk.house.identifier, "0" * 32)
    assert charged is not None
    kept = cast("Any", SimpleNamespace(instance="another", leaf_index=0))
    with pytest.raises(UnseenError, match="not known any more"):
        paying.answer(desk.node, "lender", kept)


@given(
    asked=st.lists(
        st.tuples(st.sampled_from(["wait", "reserve", "hold", "release"]), st.integers(1, 9)),
        max_size=30,
    )
)
def test_the_minute_forgets_after_sixty_seconds(asked: list[tuple[str, int]]) -> None:
    time, under_way, minute = 0.0, 0, []
    meter = Meter(lambda: time)
    for act, amount in asked:
        if act == "wait":
            time += amount * 10
        elif act == "reserve":
            meter.reserve("c", amount)
            under_way += amount
            minute.append((time, amount))
        elif act == "hold":
            meter.hold("c", amount)
            under_way += amount
        else:
            meter.release("c", amount)
            under_way -= amount
        recent = sum(units for at, units in minute if at > time - 60)
        usage = meter.usage("c", 7)
        assert (usage.charged, usage.under_way, usage.this_minute) == (7, under_way, recent)
    assert meter.usage("another", 0).under_way == 0
