"""unseen.v1 job messages <-> jobs."""

from collections.abc import Mapping, Sequence

from unseen.node.errors import FieldInvalidError
from unseen.node.jobs.record import Job, Kept
from unseen.node.jobs.states import State
from unseen.v1 import job_pb2

_STATES = {state: getattr(job_pb2, f"JOB_STATE_{state.name}") for state in State}
_BACK = {value: state for state, value in _STATES.items()}


def states(values: Sequence[int]) -> tuple[State, ...]:
    """Return the states asked for.

    Raises:
        FieldInvalidError: one is none.

    """
    if unknown := [value for value in values if value not in _BACK]:
        raise FieldInvalidError(f"{unknown[0]} is no state of a job", clause="states")
    return tuple(_BACK[value] for value in values)


def job_message(job: Job, kept: Mapping[str, Kept]) -> job_pb2.Job:
    """Return a job as its parties see it; `kept` are the results that can be fetched."""
    result = kept.get(job.id)
    return job_pb2.Job(
        name=f"jobs/{job.id}",
        kind=job.kind,
        state=_STATES[job.state],
        about=job.about,
        contract=f"contracts/{job.contract}" if job.contract else "",
        buyer=job.account,
        owner=job.owner,
        phase=job.progress.phase,
        done=job.progress.done,
        total=job.progress.total,
        chunk=job.chunk,
        attempts=job.attempts,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        ended_by=job.ended_by,
        cause=job.cause,
        failure=job.failure,
        result_bytes=result.size if result else 0,
        result_until=result.until if result else "",
    )
