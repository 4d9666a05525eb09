"""Group commit: what stands together falls alone, unless the disk itself fails."""

import asyncio
import datetime as dt
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text
from tests.node.conftest import NOW, Store

from unseen.evidence.log import event_leaf
from unseen.evidence.suite import INTL
from unseen.node.errors import (
    ClockSetBackError,
    InternalError,
    PartyNotFoundError,
    StorageFullError,
)
from unseen.node.store.schema import invitations, leaves
from unseen.node.store.writer import Change, Operation, Transaction, Writer
from unseen.protocols.errors import UnseenError


class Put(Change[int]):
    """Write an invitation of this name and a leaf; fail as told after both."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name, self.error = name, error

    def apply(self, transaction: Transaction) -> int:
        index = transaction.append(event_leaf(INTL, "node.started", transaction.now, {}))
        row = {"id": self.name, "party": "p", "role": "buyer", "expires": ""}
        transaction.connection.execute(insert(invitations), [row])
        if self.error:
            raise self.error
        return index


class Hold(Operation[None]):
    """Keep the writer busy until let go, so that what follows stands in one group."""

    go = threading.Event()

    @classmethod
    def apply_all(
        cls, transaction: Transaction, operations: Sequence[Any]
    ) -> Sequence[UnseenError | None]:
        assert cls.go.wait(30)
        return [None] * len(operations)


async def together(writer: Writer, *operations: Operation[Any]) -> list[Any]:
    """Submit all of them while the writer is busy; return their results or errors."""
    Hold.go.clear()
    tasks = [asyncio.ensure_future(writer.submit(Hold()))]
    await asyncio.sleep(0.05)
    tasks += [asyncio.ensure_future(writer.submit(operation)) for operation in operations]
    await asyncio.sleep(0.05)
    Hold.go.set()
    return (await asyncio.gather(*tasks, return_exceptions=True))[1:]


def stored(store: Store) -> tuple[list[str], int]:
    with store.engine.connect() as connection:
        names = connection.execute(select(invitations.c.id).order_by(invitations.c.id)).scalars()
        count = connection.execute(text("SELECT count(*) FROM leaves")).scalar_one()
        return list(names), count


async def test_a_group_is_one_commit_and_its_leaves_lie_in_order(store: Store) -> None:
    commits: list[None] = []
    event.listen(store.engine, "commit", lambda _: commits.append(None))
    assert await together(store.writer, Put("a"), Put("b"), Put("c")) == [0, 1, 2]
    assert len(commits) == 2  # the holder's and the group's
    assert stored(store) == (["a", "b", "c"], 3)
    assert store.log.size == 3


async def test_what_one_refuses_takes_back_only_its_own(store: Store) -> None:
    refusal = PartyNotFoundError("no")
    found = await together(store.writer, Put("a"), Put("b", refusal), Put("c"))
    assert found == [0, refusal, 1]
    assert stored(store) == (["a", "c"], 2)
    assert store.log.size == 2


async def test_a_contradiction_takes_back_only_its_own(store: Store) -> None:
    first, second, third = await together(store.writer, Put("a"), Put("a"), Put("c"))
    assert (first, third) == (0, 1)
    assert isinstance(second, InternalError)
    assert stored(store) == (["a", "c"], 2)


async def test_a_bug_fails_its_own_change_and_nobody_elses(store: Store) -> None:
    found = await together(store.writer, Put("a"), Put("b", ZeroDivisionError()), Put("c"))
    assert [type(each) for each in found] == [int, InternalError, int]
    assert [found[0], found[2]] == [0, 1]
    assert store.log.size == 2


@pytest.mark.parametrize("when", ["commit", "before_cursor_execute"])
async def test_a_full_disk_changes_nothing_and_is_said_so(store: Store, when: str) -> None:
    head = store.log.head()

    def fail(connection: Connection, *_: object) -> None:
        connection.exec_driver_sql("INSERT INTO no_such_table VALUES (1)")

    event.listen(store.engine, when, fail, once=True)
    with pytest.raises(StorageFullError) as caught:
        await store.writer.submit(Put("a"))
    assert caught.value.remedy
    assert stored(store) == ([], 0)
    assert store.log.head() == head
    assert await store.writer.submit(Put("b")) == 0


async def test_a_clock_set_back_changes_nothing(store: Store) -> None:
    store.clock.raise_floor(NOW + dt.timedelta(minutes=1))
    with pytest.raises(ClockSetBackError):
        await store.writer.submit(Put("a"))
    assert stored(store) == ([], 0)


async def test_leaf_times_never_go_back(store: Store) -> None:
    store.clock.raise_floor(NOW + dt.timedelta(seconds=3))
    await store.writer.submit(Put("a"))
    with store.engine.connect() as connection:
        body = connection.execute(select(leaves.c.body)).scalar_one()
    assert b"05:30:03Z" in body


async def test_closing_finishes_what_is_queued(store: Store) -> None:
    writer = Writer(store.engine, store.log, store.clock)
    tasks = [asyncio.ensure_future(writer.submit(Put(f"{number:03}"))) for number in range(300)]
    await asyncio.sleep(0)
    await asyncio.to_thread(writer.close)
    assert sorted(await asyncio.gather(*tasks)) == list(range(300))
