"""Orders in the store and in memory: who waits for what, and what a restart reads again."""

import asyncio
import dataclasses
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Engine
from tests.evidence.conftest import World
from tests.evidence.test_order import IDS, Case
from tests.evidence.test_response import Case as Responding
from tests.node.conftest import NOW, Store

from unseen.evidence.canonical import b64decode, b64encode, parse_time
from unseen.evidence.errors import OrderInvalidError
from unseen.evidence.log import decode_leaf, event_leaf
from unseen.evidence.oversight.order import NONCE_BYTES, sign_draw, verify_order
from unseen.evidence.oversight.response import Parts, sign_response
from unseen.evidence.suite import INTL, signer_id
from unseen.node.errors import (
    FieldInvalidError,
    OrderNotFoundError,
    OrderStateError,
    OverloadedError,
    PartNotFoundError,
)
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role
from unseen.node.openings import conduct
from unseen.node.openings.parts import put_part, read_part
from unseen.node.openings.register import Orders, PutDraw, PutOrder, PutResponse
from unseen.node.services import opening as opening_service
from unseen.node.wire import opening as wire
from unseen.v1 import opening_pb2

CONTRACT = "C" * 43


class Desk:
    """A node's orders, and those who sign them."""

    def __init__(self, store: Store) -> None:
        self.store, self.world = store, World(INTL)
        self.case, self.responding = Case(self.world), Responding(self.world)
        self.orders = Orders(store.engine)

    async def order(self, token: str | None = None) -> Any:
        token = token or self.case.token
        order = verify_order(token, self.case.terms)
        change = PutOrder(INTL, CONTRACT, "supervisor", token, order)
        return self.orders.put(await self.store.writer.submit(change))

    async def respond(self, standing: Any, instance: str = "", **changes: Any) -> Any:
        response = self.responding.response(order=standing.id_bytes, **changes)
        token = sign_response(self.world.client, response)
        change = PutResponse(
            INTL, standing.id, "lender", instance or signer_id(self.world.client), token, response
        )
        return self.orders.put(await self.store.writer.submit(change))

    def leaves(self) -> list[str]:
        return [
            str(decode_leaf(self.store.log.read_leaf_bytes(self.store.engine, index))["type"])
            for index in range(self.store.log.size)
        ]


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


async def test_an_order_waits_until_it_is_opened(desk: Desk) -> None:
    standing = await desk.order()
    client = signer_id(desk.world.client)
    assert standing.open_by(client) == IDS[:2]
    assert desk.orders.waiting("lender", client, lambda _: "lender") == 1
    assert desk.orders.waiting("rival", client, lambda _: "lender") == 0
    standing = await desk.respond(
        standing, opened=(Parts(IDS[0], (bytes(32),)),), unknown=(IDS[1],), lost=()
    )
    assert standing.opened(IDS[0])
    assert not standing.opened(IDS[1])
    assert standing.open_by(client) == ()
    assert standing.open_by("another") == (IDS[1],)
    assert desk.orders.waiting("lender", client, lambda _: "lender") == 0
    assert desk.orders.waiting("lender", "another", lambda _: "lender") == 1
    assert desk.leaves() == ["opening.ordered", "opening.answered"]


async def test_doing_it_twice_changes_nothing(desk: Desk) -> None:
    one, two = await desk.order(), await desk.order()
    assert one == two
    first = await desk.respond(one, opened=(), unknown=IDS[:2], lost=())
    again = await desk.respond(one, opened=(), unknown=IDS[:2], lost=())
    assert first == again
    assert desk.leaves() == ["opening.ordered", "opening.answered"]
    assert bool(desk.orders)


async def test_of_two_responses_at_once_one_counts(desk: Desk) -> None:
    standing = await desk.order()
    said: list[dict[str, Any]] = [
        {"unknown": IDS[:2], "lost": ()},
        {"unknown": IDS[:1], "lost": IDS[1:2]},
    ]
    found = await asyncio.gather(
        *(desk.respond(standing, opened=(), **each) for each in said), return_exceptions=True
    )
    assert sorted(isinstance(one, OrderStateError) for one in found) == [False, True]
    assert desk.leaves() == ["opening.ordered", "opening.answered"]


def test_an_order_takes_so_many_responses_that_it_can_be_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def standing(*instances: str) -> Any:
        said = tuple(SimpleNamespace(instance=one, token="t" * 10) for one in instances)
        return SimpleNamespace(responses=said)

    for name, value in (("_MAX_RESPONSES", 2), ("_MAX_OF_ORDER", 4), ("_MAX_BYTES", 45)):
        monkeypatch.setattr(conduct, name, value)
    conduct._check_room(standing("a", "b", "b"), "a", "t" * 10)
    for full, token, said in (
        (standing("a", "a"), "t", "2 responses of this instance"),
        (standing("b", "b", "c", "c"), "t", "4 responses"),
        (standing("b", "b", "c"), "t" * 16, "45 bytes"),
    ):
        with pytest.raises(OverloadedError, match=said):
            conduct._check_room(full, "a", token)


async def test_orders_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    node: Any = SimpleNamespace()
    listed = [SimpleNamespace(index=index) for index in (3, 7, 8, 20)]
    who = Caller(Role.REGULATOR, "supervisor", "default")
    monkeypatch.setattr(opening_service, "caller", lambda: who)
    monkeypatch.setattr(conduct, "listed", lambda *_: listed)

    def message(_node: Any, standing: Any) -> opening_pb2.Order:
        return opening_pb2.Order(name=f"orders/{standing.index}", order_checkpoint="x" * 300_000)

    monkeypatch.setattr(wire, "order_message", message)
    service = opening_service.OpeningService(node)

    async def pages(size: int) -> list[list[str]]:
        found, token = [], ""
        while True:
            request = opening_pb2.ListOrdersRequest(page_size=size, page_token=token)
            page = await service.ListOrders(request, cast("Any", None))
            found.append([one.name.removeprefix("orders/") for one in page.orders])
            token = page.next_page_token
            if not token:
                return found

    assert await pages(0) == [["3", "7"], ["8", "20"]]
    assert await pages(3) == [["3", "7"], ["8", "20"]]
    assert await pages(1) == [["3"], ["7"], ["8"], ["20"]]
    with pytest.raises(FieldInvalidError):
        await service.ListOrders(opening_pb2.ListOrdersRequest(page_token="x"), cast("Any", None))


async def test_nobody_waits_for_the_disk_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []

    def put(*arguments: Any) -> None:
        written.append((threading.current_thread(), *arguments[1:]))

    instance, plan = (
        SimpleNamespace(key_id="k" * 43),
        SimpleNamespace(protocol="oprf_table", evaluations=1),
    )
    monkeypatch.setattr(conduct, "put_part", put)
    monkeypatch.setattr(conduct, "_instance", lambda *_: instance)
    monkeypatch.setattr(conduct, "_contract", lambda *_: SimpleNamespace(plan=plan))
    monkeypatch.setattr(conduct, "_units", lambda *_: {IDS[0]: 1})
    standing: Any = SimpleNamespace(id="o" * 43, wanted=IDS, open_by=lambda _: IDS)
    node: Any = SimpleNamespace(home=None)
    who = Caller(Role.BUYER, "lender", "default")
    await conduct.take_part(node, who, standing, IDS[0], 0, b"part")
    ((thread, *place),) = written
    assert thread is not threading.main_thread()
    assert place == ["o" * 43, ("k" * 43, IDS[0], 0), b"part"]
    with pytest.raises(FieldInvalidError):
        await conduct.take_part(node, who, standing, IDS[0], 1, b"part")


async def test_a_sample_is_drawn_once(desk: Desk) -> None:
    standing = await desk.order(desk.case.sampled)
    assert standing.wanted == ()
    drawn = desk.case.drawn()
    token = sign_draw(desk.case.regulator, drawn)
    change = PutDraw(INTL, standing.id, token, drawn.requests)
    standing = desk.orders.put(await desk.store.writer.submit(change))
    assert standing.wanted == drawn.requests
    assert await desk.store.writer.submit(change) == standing
    other = sign_draw(desk.case.regulator, dataclasses.replace(drawn, size=22))
    with pytest.raises(OrderStateError):
        await desk.store.writer.submit(PutDraw(INTL, standing.id, other, drawn.requests))
    with pytest.raises(OrderNotFoundError):
        await desk.store.writer.submit(PutDraw(INTL, "x", other, drawn.requests))
    assert desk.leaves() == ["opening.ordered", "opening.drawn"]


async def test_nobody_knows_the_leaf_of_an_order_before_it_stands(desk: Desk) -> None:
    """A regulator that reads the log could else compute the root, and choose its salt by it."""
    token = desk.case.sampled
    await desk.order(token)
    leaf = decode_leaf(desk.store.log.read_leaf_bytes(desk.store.engine, 0))
    guessed = event_leaf(
        INTL,
        "opening.ordered",
        parse_time(str(leaf["time"])),
        {
            "contract": CONTRACT,
            "by": "supervisor",
            "document": b64encode(INTL.digest(token.encode())),
        },
    )
    assert {name for name in leaf if leaf[name] != guessed.get(name)} == {"nonce"}
    assert len(b64decode(str(leaf["nonce"]))) == NONCE_BYTES
    order = verify_order(token, desk.case.terms)
    one, other = (PutOrder(INTL, CONTRACT, "supervisor", token, order) for _ in range(2))
    assert one.nonce != other.nonce


async def test_a_restart_reads_what_stands(desk: Desk, engine: Engine) -> None:
    named, sampled = await desk.order(), await desk.order(desk.case.sampled)
    drawn = desk.case.drawn()
    token = sign_draw(desk.case.regulator, drawn)
    sampled = desk.orders.put(
        await desk.store.writer.submit(PutDraw(INTL, sampled.id, token, drawn.requests))
    )
    named = await desk.respond(named, opened=(), unknown=(IDS[1],), lost=())
    again = Orders(engine)
    assert again.all() == [named, sampled]
    assert again.of(CONTRACT) == [named, sampled]
    assert again.get(named.id).responses[0].instance == signer_id(desk.world.client)
    assert again.of("x") == []
    with pytest.raises(OrderNotFoundError):
        again.get("x")
    assert b64decode(named.id) == desk.case.id


def test_parts_are_kept_where_they_belong(tmp_path: Any) -> None:
    order, place = "O" * 43, ("I" * 43, "0" * 32, 3)
    put_part(tmp_path, order, place, b"one")
    put_part(tmp_path, order, place, b"two")
    assert read_part(tmp_path, order, place) == b"two"
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert path.stat().st_mode & 0o77 == 0
    with pytest.raises(PartNotFoundError):
        read_part(tmp_path, order, (*place[:2], 4))
    wrong: list[tuple[str, tuple[str, str, int]]] = [
        ("../x", place),
        (order, ("..", *place[1:])),
        (order, (place[0], "../../x", 3)),
        (order, (*place[:2], -1)),
        (order, (*place[:2], 1000)),
    ]
    for name, where in wrong:
        with pytest.raises(FieldInvalidError):
            read_part(tmp_path, name, where)
    for size in (0, 1 << 20):
        with pytest.raises(FieldInvalidError):
            put_part(tmp_path, order, place, bytes(size))


def test_an_order_is_under_its_contract(desk: Desk) -> None:
    terms = desk.world.terms(regulator=signer_id(desk.case.regulator), quota=desk.case.terms.quota)
    late = desk.case.sign(deadline=NOW + timedelta(days=30))
    assert verify_order(late, terms).deadline == NOW + timedelta(days=30)
    with pytest.raises(OrderInvalidError):
        verify_order(late, desk.world.terms())
