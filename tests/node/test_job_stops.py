"""Jobs that are cancelled, stand still with the node, or end with their contract."""

import asyncio

import pytest
from sqlalchemy import update
from tests.node.working import (
    Chain,
    Maker,
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

from unseen.evidence.contracts.states import State as ContractState
from unseen.node.contracts.stops import Hold, Lift, Order, ResumeNode, StopNode
from unseen.node.errors import FieldInvalidError, JobCancelledError, JobStateError, NodeStoppedError
from unseen.node.jobs import changes
from unseen.node.jobs.states import State
from unseen.node.store.schema import contracts
from unseen.protocols.errors import UnseenError

__all__ = ["chain", "shop"]


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
