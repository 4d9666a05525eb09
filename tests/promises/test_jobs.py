"""Long work is a job: it moves, can be stopped, and no crash loses or doubles it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from tests.promises.stage import Stage, serving, wait_until

from unseen.cli.commands.doctor import _builds
from unseen.client.errors import RefusedError
from unseen.client.jobs import Job, JobNotDoneError, JobState

ROWS = 12_000  # seconds of building


@pytest.fixture
def slow(stage: Stage, tmp_path: Path) -> str:
    """Return a hidden product whose table takes a while to build."""
    return offer_slow(stage, tmp_path)


def offer_slow(stage: Stage, folder: Path) -> str:
    name, path = f"slow-{uuid4().hex[:8]}", folder / "slow.csv"
    rows = "".join(f"{number:08},{number}\n" for number in range(ROWS))
    path.write_text(f"subject,earnings\n{rows}")
    stage.register(name, path)
    stage.offer(name, name, "lookup")
    return name


def build_of(stage: Stage, contract: str, party: str = "lender") -> Job:
    client = stage.client(party)
    wait_until(lambda: bool(client.jobs(contract)))
    return client.jobs(contract)[0]


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as caught:
        call()
    assert caught.value.clause
    assert caught.value.remedy
    return caught.value.reason


def test_a_build_moves_before_its_buyer_and_nobody_else(stage: Stage, slow: str) -> None:
    contract = stage.contract(slow)
    job = build_of(stage, contract)
    assert (job.kind, job.contract, job.buyer, job.owner) == ("build", contract, "lender", "node")
    seen = list(job.watch())
    assert seen[-1].state is JobState.DONE
    assert {moved.phase for moved in seen} & {"sealing", "sorting"}
    assert seen[-1].total == ROWS
    assert job.wait() == seen[-1]
    assert [moved.state for moved in job.watch()] == [JobState.DONE]  # a finished one says so
    assert [each.id for each in stage.operator.jobs(contract)] == [job.id]
    assert stage.rival.jobs(contract) == []
    assert refused(lambda: stage.rival.job(job.id)) == "JOB_NOT_FOUND"
    assert refused(lambda: list(stage.rival._jobs.watch(job.id))) == "JOB_NOT_FOUND"
    assert refused(lambda: stage.rival._jobs.cancel(job.id)) == "JOB_NOT_FOUND"
    assert refused(lambda: stage.lender.job("0" * 32)) == "JOB_NOT_FOUND"
    assert refused(job.result) == "JOB_NOT_FOUND"  # the node asked for it, and it has none
    assert refused(job.cancel) == "RIGHT_MISSING"
    assert refused(lambda: stage.operator.job(job.id).cancel()) == "JOB_STATE"
    assert refused(lambda: stage.operator.job(job.id).retry()) == "JOB_STATE"
    types = [leaf.type for leaf in stage.operator.leaves() if leaf.fields.get("job") == job.id]
    assert types == ["job.started", "job.finished"]


def test_a_cancelled_build_stops_and_is_begun_anew(stage: Stage, slow: str) -> None:
    contract = stage.contract(slow)
    job = build_of(stage, contract, "operator")
    wait_until(lambda: stage.operator.job(job.id).state is not JobState.QUEUED)
    stopped = job.cancel("wrong file")
    assert (stopped.state, stopped.ended_by, stopped.cause) == (
        JobState.CANCELLED,
        "operator",
        "wrong file",
    )
    with pytest.raises(JobNotDoneError, match="wrong file"):
        job.wait()
    with pytest.raises(RefusedError, match="JOB_CANCELLED"):
        stage.lender.lookup(contract, "00000001")
    (check,) = _builds(stage.operator)
    assert (check.state, "unseen job retry" in check.remedy) == ("fail", True)
    assert job.retry().wait().state is JobState.DONE
    assert stage.lender.lookup(contract, "00000001").found
    (check,) = _builds(stage.operator)
    assert contract not in check.found


def test_an_ended_contract_takes_its_build_along(stage: Stage, slow: str) -> None:
    contract = stage.contract(slow)
    job = build_of(stage, contract)
    stage.lender.revoke(contract, "no need any more")
    over = stage.lender.job(job.id)
    assert (over.state, over.ended_by, over.cause) == (
        JobState.CANCELLED,
        "lender",
        "no need any more",
    )


def test_a_refresh_is_a_job_and_can_be_cancelled(stage: Stage, slow: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(stage.operator.refresh_table, slow)

        def live() -> list[Job]:
            found = stage.operator.jobs(states=[JobState.QUEUED, JobState.RUNNING])
            return [job for job in found if job.about == f"table {slow}"]

        wait_until(lambda: bool(live()) or running.done())
        for job in live():
            job.cancel("not now")
            assert isinstance(running.exception(), RefusedError)
    assert stage.operator.refresh_table(slow).table.version >= 2


@pytest.mark.sampled
@pytest.mark.parametrize("point", ["job.claimed", "job.before_finish", "job.after_finish"])
def test_a_crash_neither_loses_nor_doubles_a_build(copy: Callable[[], Stage], point: str) -> None:
    stage = copy()
    with serving(stage, UNSEEN_FAILPOINT=point):
        contract = stage.contract("hidden")
        stage.wait_dead()
        stage.start()
        verdict = stage.lender.lookup(contract, stage.people[1].subject)
        assert {name: answer.value for name, answer in verdict.answers.items()} == (
            stage.people[1].answers
        )
        (job,) = stage.lender.jobs(contract)
        assert job.state is JobState.DONE
        types = [
            leaf.type for leaf in stage.operator.leaves() if leaf.fields.get("contract") == contract
        ]
        assert types.count("manifest.published") == types.count("job.finished") == 1
        assert types.count("job.started") == 1
