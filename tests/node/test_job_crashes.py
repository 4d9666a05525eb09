"""Jobs over crashes: leases that lapse, runs that go on, attempts that are counted."""

import asyncio
import errno
from typing import Any

import pytest
from sqlalchemy import select
from tests.node.working import (
    Chain,
    Workshop,
    ask_for,
    chain,
    chained,
    claim,
    ended,
    result_of,
    serving,
    shop,
    until,
)

from unseen.node.errors import JobAbandonedError, JobLeaseLostError
from unseen.node.jobs import changes
from unseen.node.jobs.record import Progress
from unseen.node.jobs.states import State
from unseen.node.store.schema_jobs import results

__all__ = ["chain", "shop"]


class TestCrashes:
    async def test_the_next_start_goes_on_from_the_last_chunk(
        self, shop: Workshop, chain: Chain
    ) -> None:
        first = shop.driver({"chain": chain.kind})
        chain.gates = {}
        zombie = asyncio.create_task(first.serve())
        job = await first.submit(ask_for(5, chunks=4))
        gate = chain.gates[job.id] = asyncio.Semaphore(2)
        await until(lambda: len(chain.worked) == 2)
        zombie.cancel()  # the process is gone as far as the store knows; its run is not
        async with serving(shop.driver({"chain": chain.kind})):
            await until(lambda: len(chain.began) == 2)
            gate.release()
            gate.release()
            gate.release()
            done = await ended(shop, job)
        assert (done.state, done.chunk) == (State.DONE, 4)
        assert result_of(shop, job) == chained(5, 4)
        with shop.engine.connect() as connection:
            assert len(connection.execute(select(results)).all()) == 1
        assert chain.worked[:2] == [(job.id, 0), (job.id, 1)]
        assert not chain.lost  # the first run lost its lease, and that fails nothing

    async def test_a_job_that_kills_every_run_is_given_up(self, shop: Workshop) -> None:
        chain = Chain(attempts=3)
        driver = shop.driver({"chain": chain.kind})
        job = await driver.submit(ask_for())
        for _ in range(3):
            token = await claim(shop, chain, job)
            assert token
            await shop.writer.submit(changes.Lapse(shop.suite, all_of_them=True))
        driver = shop.driver({"chain": chain.kind})
        async with serving(driver):
            with pytest.raises(JobAbandonedError):
                await driver.outcome(job)
        assert shop.read(job).failure == "JOB_ABANDONED"
        assert chain.began == []

    async def test_a_chunk_kept_makes_attempts_count_anew(
        self, shop: Workshop, chain: Chain
    ) -> None:
        job = await shop.driver({"chain": chain.kind}).submit(ask_for())
        for chunk in range(1, 6):
            token = await claim(shop, chain, job)
            step = changes.Renew(job.id, token, Progress("p", 1, 2), chunk, b"state")
            kept = await shop.writer.submit(step)
            assert (kept.attempts, kept.chunk) == (1, chunk)
            await shop.writer.submit(changes.Lapse(shop.suite, all_of_them=True))
        assert shop.read(job).state is State.QUEUED

    async def test_only_leases_that_have_ended_lapse(self, shop: Workshop, chain: Chain) -> None:
        job = await shop.driver({"chain": chain.kind}).submit(ask_for())
        await claim(shop, chain, job)
        assert await shop.writer.submit(changes.Lapse(shop.suite)) == []
        shop.later(seconds=61)
        assert [each.id for each in await shop.writer.submit(changes.Lapse(shop.suite))] == [job.id]

    async def test_a_run_whose_lease_has_ended_is_cut_and_begun_anew(
        self, shop: Workshop, chain: Chain
    ) -> None:
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            gate = chain.gates[job.id] = asyncio.Semaphore(0)
            await until(lambda: len(chain.began) == 1)
            shop.later(seconds=61)
            driver.wake()
            await until(lambda: len(chain.began) == 2)
            for _ in range(3):
                gate.release()
            done = await ended(shop, job)
        assert (done.state, done.attempts) == (State.DONE, 1)

    async def test_a_stop_of_the_node_gives_jobs_back_uncounted(
        self, shop: Workshop, chain: Chain
    ) -> None:
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            chain.gates[job.id] = asyncio.Semaphore(0)
            await until(lambda: len(chain.began) == 1)
        back = shop.read(job)
        assert (back.state, back.attempts, back.lease_token) == (State.QUEUED, 0, "")
        assert not chain.ended

    @pytest.mark.parametrize("stale", ["keep", "finish", "fail", "give back"])
    async def test_a_stale_lease_changes_nothing(
        self, shop: Workshop, chain: Chain, stale: str
    ) -> None:
        job = await shop.driver({"chain": chain.kind}).submit(ask_for())
        old = await claim(shop, chain, job)
        await shop.writer.submit(changes.Lapse(shop.suite, all_of_them=True))
        new = await claim(shop, chain, job)
        before = shop.read(job)
        steps: dict[str, Any] = {
            "keep": changes.Renew(job.id, old, Progress(), 1, b""),
            "finish": changes.Finish(shop.suite, job.id, old, Progress()),
            "fail": changes.Fail(shop.suite, {"chain": chain.kind}, job.id, old, "INTERNAL"),
            "give back": changes.GiveBack(shop.suite, job.id, old),
        }
        with pytest.raises(JobLeaseLostError) as caught:
            await shop.writer.submit(steps[stale])
        assert caught.value.clause == "job.lease"
        assert shop.read(job) == before
        assert new == before.lease_token

    async def test_a_full_disk_makes_a_job_wait_and_try_again(
        self, shop: Workshop, chain: Chain
    ) -> None:
        chain.error = OSError(errno.ENOSPC, "full")
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            await until(lambda: bool(shop.read(job).not_before))
            chain.error = None
            driver.wake()
            await asyncio.sleep(0.05)
            assert chain.began == [job.id]
            shop.later(seconds=15)
            driver.wake()
            assert (await ended(shop, job)).state is State.DONE
        assert chain.began == [job.id] * 2
