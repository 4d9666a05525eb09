"""Jobs from their claim to their end: runs, turns, whoever watches."""

import asyncio
from dataclasses import dataclass

import pytest
from sqlalchemy import insert, select
from tests.node.working import (
    Chain,
    Workshop,
    ask_for,
    chain,
    chained,
    ended,
    result_of,
    serving,
    shop,
    until,
)

from unseen.node.context import Node
from unseen.node.errors import (
    ClusterLostError,
    FieldInvalidError,
    InternalError,
    JobNotFoundError,
    ResultNotFoundError,
    StorageFullError,
)
from unseen.node.jobs import changes
from unseen.node.jobs.kind import JobKind, Lane, Outcome, Running
from unseen.node.jobs.record import Job, page
from unseen.node.jobs.states import State
from unseen.node.store.schema import parties
from unseen.node.store.schema_jobs import results
from unseen.node.store.writer import Change, Together, Transaction
from unseen.protocols.errors import UnseenError

__all__ = ["chain", "shop"]


class TestRuns:
    async def test_a_job_runs_once_and_its_result_is_sealed(
        self, shop: Workshop, chain: Chain
    ) -> None:
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for(7))
            assert job.state is State.QUEUED
            done = await ended(shop, job)
        assert (done.state, done.attempts, done.chunk) == (State.DONE, 1, 3)
        assert (done.lease_token, done.checkpoint, done.ended_by) == ("", b"", "node")
        assert [each.id for each in chain.ended] == [job.id]
        assert not chain.lost
        assert result_of(shop, job) == chained(7, 3)
        with shop.engine.connect() as connection:
            row = connection.execute(select(results)).one()
        assert chained(7, 3) not in row.body + row.sealed_key
        assert shop.leaves() == []  # no contract is concerned

    async def test_whoever_waits_gets_the_value_or_the_error(
        self, shop: Workshop, chain: Chain
    ) -> None:
        chain.outcome = Outcome(value="found")
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            assert await driver.outcome(await driver.submit(ask_for())) == "found"
            chain.error = ResultNotFoundError("no", clause="c")
            failing = await driver.submit(ask_for())
            with pytest.raises(ResultNotFoundError):
                await driver.outcome(failing)
            assert shop.read(failing).failure == "RESULT_NOT_FOUND"
            assert chain.lost == [(failing.id, "RESULT_NOT_FOUND")]
            chain.error = ValueError("a secret in a bug")
            buggy = await driver.submit(ask_for())
            with pytest.raises(InternalError) as caught:
                await driver.outcome(buggy)
        assert "secret" not in str(caught.value)
        assert shop.read(buggy).failure == "INTERNAL"

    async def test_what_a_change_refuses_fails_the_job_and_writes_nothing(
        self, shop: Workshop, chain: Chain
    ) -> None:
        chain.outcome = Outcome(change=Together((_Enrol("a"), _Refuse())))
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            assert (await ended(shop, job)).failure == "FIELD_INVALID"
            chain.outcome = Outcome(change=_Enrol("b"), value="not this")
            assert await driver.outcome(await driver.submit(ask_for())) == "b"
        with shop.engine.connect() as connection:
            assert connection.execute(select(parties.c.name)).scalars().all() == ["b"]

    async def test_the_same_again_is_the_same(self, shop: Workshop, chain: Chain) -> None:
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            one, other = [await driver.submit(ask_for(3)) for _ in range(2)]
            await ended(shop, other)
        assert result_of(shop, one) == result_of(shop, other) == chained(3, 3)


@dataclass(frozen=True)
class _Enrol(Change[str]):
    name: str

    def apply(self, transaction: Transaction) -> str:
        row = {
            "name": self.name,
            "role": "buyer",
            "suite": "intl",
            "key_id": self.name,
            "evidence_key": b"",
            "certificate": b"",
            "enrolled_at": "",
        }
        transaction.connection.execute(insert(parties), [row])
        return self.name


@dataclass(frozen=True)
class _Refuse(Change[None]):
    def apply(self, transaction: Transaction) -> None:
        raise FieldInvalidError("no", clause="field")


class TestTurns:
    async def test_buyers_take_turns_whoever_came_first(self, shop: Workshop, chain: Chain) -> None:
        driver = shop.driver({"chain": chain.kind})
        flood = [await driver.submit(ask_for(account="greedy")) for _ in range(4)]
        late = await driver.submit(ask_for(account="late"))
        async with serving(driver):
            await ended(shop, flood[-1])
        assert chain.began.index(late.id) == 1
        assert [job for job in chain.began if job != late.id] == [job.id for job in flood]

    async def test_no_more_run_at_once_than_may(self, shop: Workshop) -> None:
        shop.settings.max_jobs = 2
        chain, scan = Chain(), Chain("scan", lane=Lane.SCAN)
        driver = shop.driver({"chain": chain.kind, "scan": scan.kind})
        jobs = [await driver.submit(ask_for(number)) for number in range(4)]
        for job in jobs:
            chain.gates[job.id] = asyncio.Semaphore(0)
        async with serving(driver):
            await until(lambda: len(chain.began) == 2)
            other = await driver.submit(ask_for(kind="scan"))
            assert (await ended(shop, other)).state is State.DONE
            assert len(chain.began) == 2
            shop.draining = True
            for _ in range(3):
                chain.gates[jobs[0].id].release()
            await ended(shop, jobs[0])
            assert len(chain.began) == 2  # nothing new while the node drains

    async def test_a_job_of_an_unknown_kind_waits(self, shop: Workshop, chain: Chain) -> None:
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            strange = await driver.submit(ask_for(kind="from the future"))
            await ended(shop, await driver.submit(ask_for()))
            assert shop.read(strange).state is State.QUEUED
            cancelled = await driver.cancel(strange, "operator")
            assert cancelled.state is State.CANCELLED


class TestWatching:
    async def test_whoever_watches_hears_of_every_end_and_of_no_moment_twice(
        self, shop: Workshop, chain: Chain
    ) -> None:
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            gate = chain.gates[job.id] = asyncio.Semaphore(0)
            await until(lambda: chain.began == [job.id])
            seen: list[Job] = []

            async def watch() -> None:
                seen.extend([moved async for moved in driver.watch(job.id)])

            watching = asyncio.create_task(watch())
            await until(lambda: bool(seen) or True)
            for _ in range(3):
                gate.release()
            await asyncio.wait_for(watching, 60)
        assert seen[-1].state is State.DONE
        assert seen[-1].id == job.id
        (again,) = [moved async for moved in driver.watch(job.id, "done")]
        assert again.state is State.DONE

    async def test_a_cursor_that_is_known_waits_for_the_next_moment(
        self, shop: Workshop, chain: Chain
    ) -> None:
        driver = shop.driver({"chain": chain.kind})
        job = await driver.submit(ask_for())
        first = await anext(driver.watch(job.id))
        cursor = driver.cursor(first)
        late = asyncio.ensure_future(anext(driver.watch(job.id, cursor)))
        await asyncio.sleep(0.05)
        assert not late.done()
        await driver.cancel(job, "lender", "")
        assert (await asyncio.wait_for(late, 60)).state is State.CANCELLED
        fresh = Workshop(shop.store).driver({"chain": chain.kind})
        assert fresh.cursor(job) != cursor  # another process knows no moment of this one

    async def test_nobody_watches_what_is_not_there(self, shop: Workshop) -> None:
        driver = shop.driver({})
        with pytest.raises(JobNotFoundError):
            await anext(driver.watch("0" * 32))
        with pytest.raises(JobNotFoundError):
            driver.get("0" * 32)


async def test_pages_are_newest_first_and_by_account(shop: Workshop, chain: Chain) -> None:
    driver = shop.driver({"chain": chain.kind})
    jobs = [await driver.submit(ask_for(number, account="ab"[number % 2])) for number in range(6)]
    await driver.cancel(jobs[5], "b")
    with shop.engine.connect() as connection:
        assert [job.number for job in page(connection, 2)] == [6, 5]
        assert [job.number for job in page(connection, 9, before=3)] == [2, 1]
        assert [job.account for job in page(connection, 9, account="a")] == ["a"] * 3
        assert [job.id for job in page(connection, 9, states=[State.CANCELLED])] == [jobs[5].id]
        assert page(connection, 9, contract="none") == []
    assert [job.id for job in driver.live(kind="chain")] == [job.id for job in jobs[:5]]
    assert driver.live(contract="none") == []


async def test_what_cannot_be_written_is_tried_again(
    shop: Workshop, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim that the store refuses leaves the job where it was."""
    driver = shop.driver({"chain": chain.kind})
    job = await driver.submit(ask_for())
    failing = True
    inner = shop.writer.submit

    async def submit(operation: Change[object]) -> object:
        if failing and isinstance(operation, changes.Claim):
            raise StorageFullError("full")
        return await inner(operation)

    monkeypatch.setattr(shop.store.writer, "submit", submit)
    async with serving(driver):
        await asyncio.sleep(0.05)
        assert shop.read(job).state is State.QUEUED
        failing = False
        driver.wake()
        assert (await ended(shop, job)).state is State.DONE


@pytest.mark.parametrize(
    ("error", "told"),
    [(ClusterLostError, "waiting for the cluster"), (StorageFullError, "waiting for space")],
)
async def test_what_waits_for_an_operator_is_tried_again_and_not_counted(
    shop: Workshop, error: type[UnseenError], told: str
) -> None:
    """A lost cluster and a full disk are no fault of the job's, however often it meets them."""
    lost = 3

    async def run(_node: Node, _running: Running) -> Outcome:
        nonlocal lost
        lost -= 1
        if lost >= 0:
            raise error("not now")
        return Outcome()

    driver = shop.driver({"chain": JobKind(name="chain", run=run, attempts=2)})
    job = await driver.submit(ask_for())
    async with serving(driver):
        for left in (2, 1, 0):

            def tried(left: int = left) -> bool:
                return lost == left and not driver._runs

            await until(tried)
            waiting = shop.read(job)
            assert (waiting.state, waiting.attempts) == (State.QUEUED, 0)
            assert waiting.progress.phase == told
            shop.later(seconds=20)
            driver.wake()
        assert (await ended(shop, job)).state is State.DONE
