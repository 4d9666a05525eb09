"""What a job came to: kept sealed, destroyed when it has arrived, expired, held for a person."""

import datetime as dt

import pytest
from sqlalchemy import select
from tests.node.working import (
    Chain,
    Workshop,
    ask_for,
    chain,
    ended,
    passed,
    result_of,
    serving,
    shop,
    until,
)

from unseen.node.errors import JobStateError, ResultNotFoundError, ResultTooLargeError
from unseen.node.identity.vault import Vault
from unseen.node.jobs import changes
from unseen.node.jobs.kind import MAX_RESULT_BYTES, Outcome
from unseen.node.jobs.sealing import seal_result
from unseen.node.jobs.states import State
from unseen.node.release.gate import Held
from unseen.node.store.schema_jobs import results
from unseen.protocols.errors import UnseenError

__all__ = ["chain", "shop"]


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
