"""A job's result over the wire: sealed until its owner has it, and nobody else's, crash or not."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.promises import jobbing
from tests.promises.oversight import audit
from tests.promises.stage import Stage, serving, wait_until

from unseen.client import Client
from unseen.client.errors import RefusedError, UnreachableError
from unseen.client.jobs import JobState
from unseen.evidence import canonical
from unseen.v1 import job_pb2, job_pb2_grpc

ANSWERS = ("yes", "no")
RESULT = canonical.encode(list(ANSWERS))


@pytest.fixture(scope="module")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage whose node knows the kinds of `jobbing`."""
    made = template.copy(tmp_path_factory.mktemp("jobbing") / "stage")
    made.program = jobbing.PROGRAM
    with serving(made, **jobbing.environment()) as found:
        yield found


def fetch(client: Client, job: str, offset: int = 0) -> bytes:
    """Fetch a result without acknowledging it."""
    channel = client._session.channel
    request = job_pb2.FetchResultRequest(name=f"jobs/{job}", offset=offset)
    stub = job_pb2_grpc.JobServiceStub(channel.grpc)
    return b"".join(answer.chunk for answer in channel.stream(stub.FetchResult, request, 30))


def acknowledge(client: Client, job: str, result: bytes) -> None:
    session = client._session
    digest = session.suite.digest(result)
    request = job_pb2.AcknowledgeResultRequest(name=f"jobs/{job}", digest=digest)
    stub = job_pb2_grpc.JobServiceStub(session.channel.grpc)
    session.call(stub.AcknowledgeResult, request)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as caught:
        call()
    assert caught.value.clause
    assert caught.value.remedy
    assert not caught.value.charged
    return caught.value.reason


def at_rest(stage: Stage) -> bytes:
    """Return every byte of the node's state."""
    return b"".join(path.read_bytes() for path in stage.home.glob("state.db*"))


def leaves_of(stage: Stage, contract: str) -> list[str]:
    leaves = stage.operator.leaves()
    return [
        leaf.type
        for leaf in leaves
        if leaf.fields.get("contract") == contract or leaf.type == "release"
    ]


def test_a_result_arrives_as_often_as_it_is_fetched_until_it_is_acknowledged(
    stage: Stage, tmp_path: Path
) -> None:
    contract = stage.contract("clear")
    job = jobbing.study(stage, contract, ANSWERS).wait()
    assert (job.owner, job.contract, job.result_bytes) == ("lender", contract, len(RESULT))
    assert job.result_until
    assert fetch(stage.lender, job.id) == fetch(stage.lender, job.id) == RESULT
    assert refused(lambda: acknowledge(stage.lender, job.id, b"another")) == "FIELD_INVALID"
    kept: list[bytes] = []
    assert stage.lender.job(job.id).result(kept.append) == RESULT
    assert kept == [RESULT]
    for again in (
        lambda: fetch(stage.lender, job.id),
        lambda: acknowledge(stage.lender, job.id, RESULT),
        lambda: stage.lender.job(job.id).result(),
    ):
        assert refused(again) == "RESULT_NOT_FOUND"
    after = stage.lender.job(job.id)
    assert (after.state, after.result_bytes, after.result_until) == (JobState.DONE, 0, "")
    usage = stage.lender.usage(contract)
    assert (usage.units_used, usage.requests) == (1, 1)
    assert leaves_of(stage, contract).count("job.finished") == 1
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings


def test_nobody_but_the_buyer_who_asked_fetches_it(stage: Stage) -> None:
    contract = stage.contract("clear")
    job = jobbing.study(stage, contract, ANSWERS).wait()
    for name in (job.id, job.id[::-1]):  # another's looks like one that is not there
        assert refused(lambda: stage.rival.job(name)) == "JOB_NOT_FOUND"  # noqa: B023
        assert refused(lambda: fetch(stage.rival, name)) == "JOB_NOT_FOUND"  # noqa: B023
        assert refused(lambda: acknowledge(stage.rival, name, RESULT)) == "JOB_NOT_FOUND"  # noqa: B023
        assert refused(lambda: fetch(stage.operator, name)) == "RIGHT_MISSING"  # noqa: B023
    assert job.id not in [each.id for each in stage.rival.jobs()]
    assert stage.operator.job(job.id).result_bytes == len(RESULT)  # how large, not what
    assert stage.lender.job(job.id).result() == RESULT


def test_many_bytes_come_in_pieces_are_sealed_at_rest_and_go_on_from_an_offset(
    stage: Stage,
) -> None:
    job = jobbing.put_in(stage, "bulk", "lender", seed="many").wait()
    result = jobbing.bulk("many")
    assert job.result_bytes == len(result)
    stored = at_rest(stage)
    assert len(stored) > len(result)
    assert not any(result[at : at + 32] in stored for at in range(0, len(result), 4096))
    assert fetch(stage.lender, job.id) == result
    for offset in (1, 300_000, len(result)):
        assert fetch(stage.lender, job.id, offset) == result[offset:]
    for offset in (-1, len(result) + 1):
        assert refused(lambda: fetch(stage.lender, job.id, offset)) == "FIELD_INVALID"  # noqa: B023
    assert stage.lender.job(job.id).result() == result


def test_what_nobody_fetches_is_destroyed_in_time(stage: Stage) -> None:
    contract = stage.contract("clear")
    job = jobbing.study(stage, contract, ANSWERS, kind="brief").wait()
    wait_until(lambda: stage.lender.job(job.id).state is JobState.EXPIRED)
    assert refused(lambda: fetch(stage.lender, job.id)) == "RESULT_NOT_FOUND"
    assert refused(lambda: acknowledge(stage.lender, job.id, RESULT)) == "RESULT_NOT_FOUND"
    over = stage.lender.job(job.id)
    assert (over.result_bytes, over.result_until) == (0, "")
    assert stage.lender.usage(contract).units_used == 1  # it was delivered as far as one could


@pytest.mark.parametrize("units", [1000, 1])
def test_a_result_waits_while_its_contract_is_suspended(stage: Stage, units: int) -> None:
    contract = stage.contract("clear", units=units)  # with one, it is used up by then
    job = jobbing.study(stage, contract, ANSWERS).wait()
    before = stage.lender.contract(contract).state
    stage.operator.suspend(contract, "looked into")
    with pytest.raises(RefusedError) as caught:
        fetch(stage.lender, job.id)
    assert caught.value.reason == "REPLY_HELD"
    stage.operator.resume(contract, "unfounded")
    assert stage.lender.contract(contract).state is before
    assert stage.lender.job(job.id).result() == RESULT


def test_what_the_gate_refuses_is_no_result(stage: Stage) -> None:
    contract = stage.contract("clear")
    job = jobbing.study(stage, contract, ("yes", "perhaps"))
    wait_until(lambda: not stage.lender.job(job.id).live)
    assert stage.lender.job(job.id).state is JobState.FAILED
    assert stage.lender.job(job.id).failure == "RELEASE_REFUSED"
    assert refused(lambda: fetch(stage.lender, job.id)) == "RESULT_NOT_FOUND"
    assert stage.lender.usage(contract).units_used == 0


@pytest.mark.sampled
@pytest.mark.parametrize(
    "point",
    ["gate.judged", "job.before_finish", "charge.before_commit", "job.after_finish", "fetched"],
)
def test_a_crash_between_gate_and_fetch_neither_loses_nor_doubles(
    copy: Callable[[], Stage], tmp_path: Path, point: str
) -> None:
    stage = copy()
    stage.program = jobbing.PROGRAM
    armed = {} if point == "fetched" else {"UNSEEN_FAILPOINT": point}
    stage.start(**jobbing.environment(**armed))
    contract = stage.contract("clear")
    if armed:
        with suppress(UnreachableError):
            jobbing.study(stage, contract, ANSWERS)
        stage.wait_dead()
    else:
        job = jobbing.study(stage, contract, ANSWERS).wait()
        assert fetch(stage.lender, job.id) == RESULT
        stage.kill()
    stage.start(**jobbing.environment())
    (job,) = stage.lender.jobs(contract)
    assert job.wait().result() == RESULT
    assert refused(lambda: fetch(stage.lender, job.id)) == "RESULT_NOT_FOUND"
    usage = stage.lender.usage(contract)
    assert (usage.units_used, usage.requests) == (1, 1)
    types = leaves_of(stage, contract)
    assert types.count("release") == types.count("job.finished") == 1
    assert types.count("job.started") == 1
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings
