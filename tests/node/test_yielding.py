"""What long jobs yield: only what the gate made of it is kept, charged and fetched."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from tests.node.conftest import NOW, Store
from tests.node.gating import COUNTED, KEYS, OPERATOR, ROWS, STATED, STUDY, Gatehouse, later, made
from tests.node.holding import books, log_of, signed

from unseen.evidence.suite import INTL, signer_id
from unseen.node.errors import (
    BitsExhaustedError,
    InternalError,
    NodeStoppedError,
    ReleaseRefusedError,
    ResultNotFoundError,
    ReviewClosedError,
)
from unseen.node.jobs import changes
from unseen.node.jobs.changes import Cancel, Claim, Finish, Submit
from unseen.node.jobs.kind import Outcome
from unseen.node.jobs.record import Job, Progress
from unseen.node.jobs.sealing import open_result, seal_result
from unseen.node.jobs.states import State
from unseen.node.jobs.steps import NewJob
from unseen.node.release import reviewing
from unseen.node.release.facts import AggregateFacts
from unseen.node.release.gate import Held, Released
from unseen.node.release.holding import Run
from unseen.node.release.register import State as ReviewState
from unseen.node.release.yielding import yielded
from unseen.node.store.schema import charges

House = Callable[..., Gatehouse]


@pytest.fixture
def house(store: Store) -> House:
    def build(**terms: Any) -> Gatehouse:
        return Gatehouse(store, made("aggregate", **terms))

    return build


async def claimed(gate: Gatehouse) -> Job:
    """Put a job in and begin a run of it."""
    new = NewJob(kind="study", about="a study", ask={}, contract=gate.identifier)
    job = await gate.store.writer.submit(Submit(new))
    claim = Claim(INTL, {STUDY.name: STUDY}, job.id, "token")
    return await gate.store.writer.submit(claim)


def run_of(gate: Gatehouse, number: int = 0) -> Run:
    instance = signer_id(KEYS["buyer"])
    return Run(gate.contract, gate.request(number), bytes(64), instance, bytes(32))


async def finish(gate: Gatehouse, job: Job, outcome: Outcome) -> Job:
    """End the run as the driver does."""
    assert outcome.result is not None
    sealed = seal_result(gate.node.vault, job.id, outcome.result, later(days=9))
    review = isinstance(outcome.result, Held)
    step = Finish(INTL, job.id, "token", Progress(), outcome.change, sealed, review)
    after, value = await gate.store.writer.submit(step)
    outcome.follow(value)
    return after


async def study(gate: Gatehouse, facts: AggregateFacts, number: int = 0, since: int = 0) -> Job:
    job = await claimed(gate)
    run = run_of(gate, number)
    return await finish(gate, job, await yielded(gate.node, job.id, run, (ROWS,), facts, since))


def result_of(gate: Gatehouse, job: Job) -> bytes:
    with gate.store.engine.connect() as connection:
        return open_result(connection, gate.node.vault, job.id, gate.node.clock.now())


async def test_a_job_ends_with_its_charge_and_its_result(house: House) -> None:
    gate = house()
    job = await study(gate, COUNTED, since=1)
    assert job.state is State.DONE
    assert result_of(gate, job) == ROWS
    assert books(gate) == (1, 24, 1)
    release = log_of(gate.store)[1]
    assert (release["type"], release["since"]) == ("release", 1)
    with gate.store.engine.connect() as connection:
        assert connection.execute(select(charges.c.reply)).scalar_one() is None


async def test_what_a_person_has_to_see_stays_with_the_job(house: House) -> None:
    gate = house()
    job = await study(gate, STATED)
    assert job.state is State.REVIEW
    assert books(gate) == (0, 0, 0)
    (review,) = gate.node.releases.waiting()
    assert review.job == job.id
    assert gate.start().releases.waiting() == [review]
    shown = reviewing.show(gate.node, OPERATOR, review.id)
    assert shown.held is not None
    assert shown.held.parts == (ROWS,)
    await reviewing.sweep(gate.node)
    assert gate.node.releases.waiting() == [review]

    after = await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert after.state is ReviewState.PASSED
    assert gate.node.jobs.get(job.id).state is State.DONE
    assert result_of(gate, job) == ROWS
    assert books(gate) == (1, 24, 1)
    assert gate.node.jobs.looked == 1  # type: ignore[attr-defined]
    assert gate.node.meter.usage(gate.identifier, 0).under_way == 0


async def test_a_refusal_fails_the_job_and_destroys_its_result(house: House) -> None:
    gate = house()
    job = await study(gate, STATED)
    (review,) = gate.node.releases.waiting()
    await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review, "refuse"))
    after = gate.node.jobs.get(job.id)
    assert (after.state, after.failure) == (State.FAILED, "RELEASE_REFUSED")
    assert books(gate) == (0, 1, 0)
    with pytest.raises(ResultNotFoundError):
        result_of(gate, job)


async def test_what_nobody_looks_at_expires_with_the_job(house: House) -> None:
    gate = house()
    job = await study(gate, STATED)
    gate.node.clock._now = lambda: later(hours=72)
    await reviewing.sweep(gate.node)
    assert gate.node.jobs.get(job.id).state is State.EXPIRED
    assert gate.node.releases.waiting() == []
    with pytest.raises(ResultNotFoundError):
        result_of(gate, job)


async def test_a_job_that_is_cancelled_meanwhile_is_not_let_out(house: House) -> None:
    gate = house()
    job = await study(gate, STATED)
    (review,) = gate.node.releases.waiting()
    await gate.store.writer.submit(Cancel(INTL, gate.node.jobs.kinds, job.id, "lender", ""))
    with pytest.raises(ResultNotFoundError):
        await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    await reviewing.sweep(gate.node)
    assert gate.node.releases.get(review.id).state is ReviewState.EXPIRED
    assert gate.node.jobs.get(job.id).state is State.CANCELLED
    with pytest.raises(ReviewClosedError):
        await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert books(gate) == (0, 1, 0)


async def test_what_the_gate_refuses_is_no_result(house: House) -> None:
    gate = house()
    job = await claimed(gate)
    with pytest.raises(ReleaseRefusedError):
        await yielded(gate.node, job.id, run_of(gate), (b"raw rows",), COUNTED)
    assert [leaf["type"] for leaf in log_of(gate.store)] == ["job.started", "release.reviewed"]
    assert books(gate) == (0, 1, 0)


async def test_a_charge_that_is_denied_leaves_the_job_running(house: House) -> None:
    gate = house(runs=1)
    job = await claimed(gate)
    outcome = await yielded(gate.node, job.id, run_of(gate, 1), (ROWS,), COUNTED)
    await study(gate, COUNTED, number=2)
    with pytest.raises(BitsExhaustedError):
        await finish(gate, job, outcome)
    assert gate.node.jobs.get(job.id).state is State.RUNNING
    with pytest.raises(ResultNotFoundError):
        result_of(gate, job)


async def test_nothing_else_can_be_a_result(house: House) -> None:
    gate = house()
    job = await claimed(gate)
    outcome = await yielded(gate.node, job.id, run_of(gate), (ROWS,), COUNTED)
    found = outcome.result
    assert isinstance(found, Released)

    class Likeness:
        parts = (ROWS,)

    wrong: list[Any] = [ROWS, Likeness(), Held(1, (), (ROWS, ROWS), bytes(32), bytes(32))]
    for each in wrong:
        with pytest.raises(InternalError):
            seal_result(gate.node.vault, job.id, each, NOW)


async def test_nothing_is_let_out_while_the_node_stands_still(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = house()
    await study(gate, STATED)
    (review,) = gate.node.releases.waiting()

    def stopped() -> None:
        raise NodeStoppedError("the node stands still")

    monkeypatch.setattr(gate.node.stops, "check_node", stopped)
    with pytest.raises(NodeStoppedError):
        await reviewing.decide(gate.node, OPERATOR, review.id, signed(gate, review))
    assert gate.node.releases.waiting() == [review]


def test_an_outcome_without_a_result_has_nothing_to_follow() -> None:
    outcome = Outcome(value=7)
    outcome.follow(None)
    assert (outcome.result, outcome.value) == (None, 7)
    assert changes.Finish.__dataclass_fields__["review"].default is False
