"""Jobs from their claim to their end: leases, crashes, stops, results, turns."""

import asyncio
import datetime as dt
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from tests.node.conftest import Store
from tests.node.working import Chain, Workshop, ask_for, chained, passed

from unseen.evidence.contracts.states import State as ContractState
from unseen.node.contracts.register import Contract
from unseen.node.contracts.stops import Hold, Lift, Order, ResumeNode, StopNode
from unseen.node.errors import (
    FieldInvalidError,
    InternalError,
    JobAbandonedError,
    JobCancelledError,
    JobLeaseLostError,
    JobNotFoundError,
    JobStateError,
    NodeStoppedError,
    ResultNotFoundError,
    ResultTooLargeError,
    StorageFullError,
)
from unseen.node.identity.vault import Vault
from unseen.node.jobs import changes
from unseen.node.jobs.driver import Driver
from unseen.node.jobs.kind import MAX_RESULT_BYTES, Lane, Outcome
from unseen.node.jobs.record import Job, Progress, page
from unseen.node.jobs.sealing import open_result, seal_result
from unseen.node.jobs.states import State
from unseen.node.release.gate import Held
from unseen.node.store.schema import contracts, parties
from unseen.node.store.schema_jobs import results
from unseen.node.store.writer import Change, Together, Transaction
from unseen.protocols.errors import UnseenError

Maker = Callable[..., Contract]


@pytest.fixture
def shop(store: Store) -> Workshop:
    return Workshop(store)


@pytest.fixture
def chain() -> Chain:
    return Chain()


@asynccontextmanager
async def serving(driver: Driver) -> AsyncIterator[Driver]:
    task = asyncio.create_task(driver.serve())
    try:
        yield driver
    finally:
        task.cancel()
        await driver.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for is in a store
            await asyncio.sleep(0.005)


async def ended(shop: Workshop, job: Job) -> Job:
    await until(lambda: not shop.read(job).live)
    return shop.read(job)


def result_of(shop: Workshop, job: Job) -> bytes:
    with shop.engine.connect() as connection:
        return open_result(connection, shop.vault, job.id, shop.clock.now())


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
            token = await _claim(shop, chain, job)
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
            token = await _claim(shop, chain, job)
            step = changes.Renew(job.id, token, Progress("p", 1, 2), chunk, b"state")
            kept = await shop.writer.submit(step)
            assert (kept.attempts, kept.chunk) == (1, chunk)
            await shop.writer.submit(changes.Lapse(shop.suite, all_of_them=True))
        assert shop.read(job).state is State.QUEUED

    async def test_only_leases_that_have_ended_lapse(self, shop: Workshop, chain: Chain) -> None:
        job = await shop.driver({"chain": chain.kind}).submit(ask_for())
        await _claim(shop, chain, job)
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
        old = await _claim(shop, chain, job)
        await shop.writer.submit(changes.Lapse(shop.suite, all_of_them=True))
        new = await _claim(shop, chain, job)
        before = shop.read(job)
        steps: dict[str, Change[Any]] = {
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


async def _claim(shop: Workshop, chain: Chain, job: Job) -> str:
    step = changes.Claim(shop.suite, {"chain": chain.kind}, job.id, "t" + job.id[1:])
    step = replace(step, token=f"{shop.read(job).attempts:032d}")
    return (await shop.writer.submit(step)).lease_token


class TestStops:
    async def test_a_job_that_waits_or_runs_is_cancelled_and_one_that_ended_is_not(
        self, shop: Workshop, chain: Chain
    ) -> None:
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            running, waiting = await driver.submit(ask_for(1)), await driver.submit(ask_for(2))
            chain.gates[running.id] = asyncio.Semaphore(0)
            await until(lambda: chain.began == [running.id])
            told = asyncio.create_task(driver.outcome(waiting))
            await asyncio.sleep(0)
            for job in (waiting, running):
                stopped = await driver.cancel(job, "operator", "not now")
                assert (stopped.state, stopped.ended_by) == (State.CANCELLED, "operator")
                await until(lambda: job.id in [each.id for each in chain.ended])  # noqa: B023
                with pytest.raises(JobStateError):
                    await driver.cancel(job, "operator", "")
            with pytest.raises(JobCancelledError, match="operator: not now"):
                await told
            await asyncio.sleep(0.05)
        assert not chain.worked
        assert [reason for _, reason in chain.lost] == ["JOB_CANCELLED"] * 2
        assert driver.live() == []

    async def test_a_run_that_is_cut_before_its_first_step_leaves_its_place(
        self, shop: Workshop, chain: Chain
    ) -> None:
        shop.settings.max_jobs = 1
        driver = shop.driver({"chain": chain.kind})
        job = await driver.submit(ask_for(1))
        # A claim and a cancellation may be of one commit: the run is cut before it had a turn.
        await driver._claim(job)
        driver._runs[job.id].cut()
        step = changes.Cancel(shop.suite, driver.kinds, job.id, "operator", "over")
        driver.adopt([await shop.writer.submit(step)])
        async with serving(driver):
            other = await driver.submit(ask_for(2))
            assert (await ended(shop, other)).state is State.DONE
        assert chain.began == [other.id]
        assert [each.id for each in chain.ended] == [job.id, other.id]

    async def test_no_run_begins_and_none_goes_on_while_the_node_stands_still(
        self, shop: Workshop, chain: Chain
    ) -> None:
        order = Order(by="operator", cause="a fire")
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            gate = chain.gates[job.id] = asyncio.Semaphore(1)
            await until(lambda: len(chain.worked) == 1)
            driver.adopt(await shop.writer.submit(StopNode(shop.suite, order)))
            shop.stops.reload()
            with pytest.raises(NodeStoppedError, match="a fire"):
                shop.stops.check_node()
            gate.release()
            gate.release()
            driver.wake()
            await asyncio.sleep(0.1)
            held = shop.read(job)
            assert (held.state, held.chunk, held.attempts) == (State.QUEUED, 1, 0)
            claim = changes.Claim(shop.suite, driver.kinds, job.id, "token")
            assert (await shop.writer.submit(claim)).state is State.QUEUED
            await shop.writer.submit(ResumeNode(shop.suite, order))
            shop.stops.reload()
            driver.wake()
            done = await ended(shop, job)
        assert done.state is State.DONE
        assert result_of(shop, job) == chained(1, 3)
        assert [leaf["type"] for leaf in shop.leaves()] == ["node.stopped", "node.resumed"]

    async def test_a_stopped_node_is_stopped_after_a_restart_and_stops_once(
        self, shop: Workshop
    ) -> None:
        order = Order(by="operator", cause="a fire")
        await shop.writer.submit(StopNode(shop.suite, order))
        again = Workshop(shop.store)
        assert again.stopped is not None
        assert (again.stopped.by, again.stopped.cause) == ("operator", "a fire")
        with pytest.raises(NodeStoppedError):
            await shop.writer.submit(StopNode(shop.suite, order))
        await shop.writer.submit(ResumeNode(shop.suite, order))
        with pytest.raises(UnseenError, match="not stopped"):
            await shop.writer.submit(ResumeNode(shop.suite, order))
        assert Workshop(shop.store).stopped is None

    async def test_an_ended_contract_takes_its_jobs_along(
        self, shop: Workshop, chain: Chain, contract_in: Maker
    ) -> None:
        contract = contract_in()
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for(contract=contract.id))
            chain.gates[job.id] = asyncio.Semaphore(0)
            await until(lambda: chain.began == [job.id])
            hold = Hold(shop.suite, driver.kinds, contract.id, Order(by="operator", cause="leak"))
            assert (await shop.writer.submit(hold)).state is ContractState.SUSPENDED
            driver.look()
            await until(lambda: bool(chain.ended))
            late = await driver.submit(ask_for(contract=contract.id))
            over = await ended(shop, late)
        assert over.state is shop.read(job).state is State.CANCELLED
        assert over.cause == "the contract is suspended"
        assert chain.began == [job.id]
        leaves = [(leaf["type"], leaf.get("job")) for leaf in shop.leaves()]
        assert leaves == [
            ("job.started", job.id),
            ("contract.suspended", None),
            ("job.cancelled", job.id),
            ("job.cancelled", late.id),
        ]

    async def test_each_party_lifts_its_own_stop(
        self, shop: Workshop, chain: Chain, contract_in: Maker
    ) -> None:
        contract, kinds = contract_in(), {"chain": chain.kind}
        both = [Order(by=by, cause="why") for by in ("operator", "regulator")]
        for order in both:
            await shop.writer.submit(Hold(shop.suite, kinds, contract.id, order))
        with pytest.raises(UnseenError) as caught:
            await shop.writer.submit(Hold(shop.suite, kinds, contract.id, both[0]))
        assert caught.value.reason == "CONTRACT_STATE"
        lift = [Lift(shop.suite, contract.id, order) for order in both]
        assert (await shop.writer.submit(lift[0])).state is ContractState.SUSPENDED
        with pytest.raises(UnseenError, match="suspended by regulator") as caught:
            await shop.writer.submit(lift[0])
        assert caught.value.reason == "RIGHT_MISSING"
        assert (await shop.writer.submit(lift[1])).state is ContractState.ACTIVE
        with pytest.raises(UnseenError) as caught:
            await shop.writer.submit(lift[1])
        assert caught.value.reason == "CONTRACT_STATE"
        assert [leaf["type"] for leaf in shop.leaves()] == [
            "contract.suspended",
            "contract.suspended",
            "stop.lifted",
            "contract.resumed",
        ]

    async def test_an_exhausted_contract_lets_its_jobs_end(
        self, shop: Workshop, chain: Chain, contract_in: Maker
    ) -> None:
        contract = contract_in(state=ContractState.EXHAUSTED)
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for(contract=contract.id))
            assert (await ended(shop, job)).state is State.DONE
        assert [leaf["type"] for leaf in shop.leaves()] == ["job.started", "job.finished"]

    async def test_a_failure_under_a_contract_is_in_the_log_by_its_reason(
        self, shop: Workshop, chain: Chain, contract_in: Maker
    ) -> None:
        contract, chain.error = contract_in(), FieldInvalidError("secret words", clause="c")
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            await ended(shop, await driver.submit(ask_for(contract=contract.id)))
        last = shop.leaves()[-1]
        assert (last["type"], last["failure"]) == ("job.failed", "FIELD_INVALID")
        assert "secret" not in str(last)

    async def test_a_contract_that_is_gone_has_no_jobs(
        self, shop: Workshop, chain: Chain, contract_in: Maker
    ) -> None:
        contract = contract_in()
        driver = shop.driver({"chain": chain.kind})
        job = await driver.submit(ask_for(contract=contract.id))
        with shop.engine.begin() as connection:
            connection.execute(update(contracts).values(id="other"))
        async with serving(driver):
            assert (await ended(shop, job)).cause == "the contract is unknown"


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


class TestResults:
    async def test_a_result_is_destroyed_when_it_has_arrived(
        self, shop: Workshop, chain: Chain
    ) -> None:
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            with pytest.raises(ResultNotFoundError):
                await shop.writer.submit(changes.Destroy(job.id))
            await ended(shop, job)
        assert (await shop.writer.submit(changes.Destroy(job.id))).state is State.DONE
        with pytest.raises(ResultNotFoundError):
            result_of(shop, job)
        with pytest.raises(ResultNotFoundError):
            await shop.writer.submit(changes.Destroy(job.id))
        with shop.engine.connect() as connection:
            assert connection.execute(select(results)).all() == []

    async def test_a_result_that_nobody_fetches_expires(self, shop: Workshop) -> None:
        chain = Chain(kept_for=dt.timedelta(hours=1))
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            done = await ended(shop, job)
            await until(lambda: len(chain.ended) == 1)
            await driver.expire()
            assert result_of(shop, job)
            shop.later(hours=1)
            with pytest.raises(ResultNotFoundError):  # whenever it is swept away
                result_of(shop, job)
            await driver.expire()
            await driver.expire()
        over = shop.read(job)
        assert (over.state, over.ended_at) == (State.EXPIRED, done.ended_at)
        with pytest.raises(ResultNotFoundError):
            result_of(shop, job)
        assert len(chain.ended) == 1  # its end was followed once

    @pytest.mark.parametrize("end", ["released", "refused", "expired", "cancelled"])
    async def test_a_result_waits_for_a_person(
        self, shop: Workshop, chain: Chain, end: str
    ) -> None:
        chain.outcome = Outcome(result=Held(1, (), (b"model",), bytes(32), bytes(32)))
        kinds = {"chain": chain.kind}
        async with serving(shop.driver(kinds)) as driver:
            job = await driver.submit(ask_for())
            await until(lambda: shop.read(job).state is State.REVIEW)
            with pytest.raises(ResultNotFoundError):
                await shop.writer.submit(changes.Destroy(job.id))
            if end == "expired":
                shop.later(days=7, hours=72)
                await driver.expire()
            elif end == "cancelled":
                await driver.cancel(shop.read(job), "lender", "")
            else:
                passed = end == "released"
                review = changes.Review(
                    shop.suite, kinds, job.id, "reviewer", passed, "" if passed else "JOB_STATE"
                )
                driver.adopt([await shop.writer.submit(review)])
                with pytest.raises(JobStateError):
                    await shop.writer.submit(review)
        over = shop.read(job)
        wanted = {"released": State.DONE, "refused": State.FAILED}
        assert over.state is wanted.get(end, State(end) if end not in wanted else State.DONE)
        if end == "released":
            assert result_of(shop, job) == b"model"
        else:
            with pytest.raises(ResultNotFoundError):
                result_of(shop, job)
        assert (over.failure == "JOB_STATE") == (end == "refused")

    async def test_a_result_that_is_too_large_fails_the_job(
        self, shop: Workshop, chain: Chain
    ) -> None:
        chain.outcome = Outcome(result=passed(bytes(MAX_RESULT_BYTES + 1)))
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            assert (await ended(shop, job)).failure == "RESULT_TOO_LARGE"
        with pytest.raises(ResultTooLargeError):
            seal_result(shop.vault, job.id, passed(bytes(MAX_RESULT_BYTES + 1)), shop.time)

    async def test_another_vault_opens_nothing(self, shop: Workshop, chain: Chain) -> None:
        async with serving(shop.driver({"chain": chain.kind})) as driver:
            job = await driver.submit(ask_for())
            await ended(shop, job)
        shop.vault = Vault(b"\x01" * 32)
        with pytest.raises(UnseenError, match="does not open"):
            result_of(shop, job)


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
