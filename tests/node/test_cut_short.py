"""Calls that meet their limit while what they wrote is committed: memory follows the store."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest
from sqlalchemy import insert, select
from tests.node.conftest import Store
from tests.node.gating import OPERATOR, STATED, Gatehouse, made
from tests.node.holding import signed
from tests.node.test_writer import Put, stored

from unseen.node.errors import DrainingError, PartyNotFoundError, ReleaseHeldError
from unseen.node.interceptors import Gate
from unseen.node.release import reviewing
from unseen.node.release.register import State as ReviewState
from unseen.node.store.schema import invitations
from unseen.node.store.schema_release import reviews
from unseen.node.store.writer import Change, Operation, Transaction
from unseen.protocols.errors import UnseenError

DECIDE = "/unseen.v1.ReviewService/DecideReview"
LIMIT = 0.05


class Busy(Operation[None]):
    """Keep the writer until let go: the disk is slow."""

    def __init__(self) -> None:
        self.go = threading.Event()

    @classmethod
    def apply_all(
        cls, transaction: Transaction, operations: Sequence[Any]
    ) -> Sequence[UnseenError | None]:
        assert all(each.go.wait(30) for each in operations)
        return [None] * len(operations)


async def slow(store: Store) -> tuple[Busy, "asyncio.Task[None]"]:
    """Make the writer slow; return what lets it go on, and who waits for it."""
    busy = Busy()
    task = asyncio.create_task(store.writer.submit(busy))
    await asyncio.sleep(0.05)
    return busy, task


async def let_go_late(busy: Busy) -> None:
    await asyncio.sleep(4 * LIMIT)
    busy.go.set()


async def test_who_is_cut_short_hears_what_was_committed_and_is_cut_short_then(
    store: Store,
) -> None:
    busy, _ = await slow(store)
    asyncio.get_running_loop().create_task(let_go_late(busy))
    followed = []

    async def call() -> None:
        async with asyncio.timeout(LIMIT):
            followed.append(await store.writer.submit(Put("a")))
            await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        await call()
    assert followed == [0]
    assert stored(store) == (["a"], 1)


async def test_who_only_follows_is_not_cut_short_at_all(store: Store) -> None:
    busy, _ = await slow(store)
    asyncio.get_running_loop().create_task(let_go_late(busy))
    async with asyncio.timeout(LIMIT):
        followed = await store.writer.submit(Put("a"))
    await asyncio.sleep(0)
    assert followed == 0
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_refusal_stays_the_refusal(store: Store) -> None:
    busy, _ = await slow(store)
    asyncio.get_running_loop().create_task(let_go_late(busy))

    async def call() -> None:
        async with asyncio.timeout(LIMIT):
            await store.writer.submit(Put("a", PartyNotFoundError("no")))

    with pytest.raises(PartyNotFoundError):
        await call()
    await asyncio.sleep(0)
    assert stored(store) == ([], 0)


@pytest.mark.parametrize("times", [1, 2])
async def test_who_is_ended_follows_first_and_ends_at_the_next_wait(
    store: Store, times: int
) -> None:
    busy, _ = await slow(store)
    followed = []

    async def work() -> None:
        followed.append(await store.writer.submit(Put("a")))
        await asyncio.sleep(30)
        followed.append(1)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.01)
    assert not task.done()
    busy.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert followed == [0]


class Note(Change[int]):
    """Count the invitations, and add one."""

    def apply(self, transaction: Transaction) -> int:
        connection = transaction.connection
        count = len(connection.execute(select(invitations.c.id)).all())
        row = {"id": str(count), "party": "p", "role": "buyer", "expires": ""}
        connection.execute(insert(invitations), [row])
        return count + 1


async def test_however_many_are_cut_short_memory_counts_as_the_store_does(store: Store) -> None:
    held = [0]

    async def call(number: int) -> None:
        async with asyncio.timeout(0.0002 * (number % 40)):
            held[0] = max(held[0], await store.writer.submit(Note()))

    calls = (call(number) for number in range(200))
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(each) for each in found} <= {type(None), TimeoutError}
    assert held[0] == len(stored(store)[0])


async def test_a_writer_that_was_closed_takes_nothing_and_holds_nobody_up(store: Store) -> None:
    store.writer.close()
    with pytest.raises(DrainingError):
        await store.writer.submit(Put("a"))
    assert stored(store) == ([], 0)


class Call:
    """The context of a call by the operator, and how it ended."""

    def __init__(self) -> None:
        self.code: grpc.StatusCode | None = None

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [b"pem"]}

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def set_trailing_metadata(self, metadata: Any) -> None:
        pass

    async def abort(self, code: grpc.StatusCode, *_: Any) -> None:
        self.code = code
        raise grpc.aio.AbortError


async def one() -> AsyncIterator[bytes]:
    yield b""


async def test_a_decision_that_is_committed_too_late_for_its_call_is_made(store: Store) -> None:
    house = Gatehouse(store, made("aggregate", runs=5, units=10))
    with pytest.raises(ReleaseHeldError):
        await house.pay((b'[["farming",20],["industry",35]]',), STATED)
    (review,) = house.node.releases.waiting()
    extra = SimpleNamespace(
        calls=Counter[str](),
        parties=SimpleNamespace(get=house.parties.get, caller=lambda *_: OPERATOR),
        orders=SimpleNamespace(all=list),
        log=SimpleNamespace(
            head=lambda: SimpleNamespace(note="head"), consistency_proof=lambda *_: []
        ),
        settings=SimpleNamespace(
            max_in_flight_per_party=4, call_seconds=LIMIT, long_call_seconds=LIMIT, review_hours=72
        ),
    )
    vars(house.node).update(vars(extra))
    token = signed(house, review)

    async def behaviour(_message: bytes, _context: Any) -> str:
        after = await reviewing.decide(house.node, OPERATOR, review.id, token)
        return after.state.value

    context = Call()
    busy, _ = await slow(store)
    asyncio.get_running_loop().create_task(let_go_late(busy))
    guarded = Gate(house.node)._unary(DECIDE, behaviour)
    assert await guarded(one(), cast("Any", context)) == ReviewState.PASSED.value
    assert context.code is None
    with store.engine.connect() as connection:
        (state,) = connection.execute(select(reviews.c.state)).scalars()
    assert state == house.node.releases.get(review.id).state.value == ReviewState.PASSED.value
    assert not house.node.releases.waiting()
    assert house.contract.units_used == 1
    usage = house.node.meter.usage(house.identifier, 0)
    assert usage.under_way == 0
