"""Jobs in a transaction: putting one in, taking it a step further, and what the log says of it.

Every step goes through `step`, and with it through the table of `states.py`. A leaf is written
where a contract is concerned; it names the job and never what was asked or found.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, insert, select, update

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, format_time
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import Suite
from unseen.node.errors import JobCancelledError, JobLeaseLostError
from unseen.node.jobs.kind import JobKind
from unseen.node.jobs.record import NODE, Job, Progress, find, from_row, live
from unseen.node.jobs.states import LIVE, Event, State, advance
from unseen.node.store.schema_jobs import jobs, results
from unseen.node.store.writer import Transaction

Kinds = Mapping[str, JobKind]
_LEAVES = {
    State.RUNNING: "job.started",
    State.DONE: "job.finished",
    State.FAILED: "job.failed",
    State.CANCELLED: "job.cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be: `about` says for people what it concerns; `cost` is what it takes of a share."""

    kind: str
    about: str
    ask: Mapping[str, Json]
    account: str = ""
    owner: str = NODE
    contract: str = ""
    cost: int = 1
    total: int = 0


def put_in(transaction: Transaction, new: NewJob) -> Job:
    """Write a job as QUEUED and return it."""
    row = {
        "id": secrets.token_hex(16),
        "kind": new.kind,
        "state": State.QUEUED.value,
        "account": new.account,
        "owner": new.owner,
        "contract": new.contract,
        "about": new.about,
        "ask": canonical.encode(dict(new.ask)),
        "cost": max(new.cost, 1),
        "attempts": 0,
        "lease_token": "",
        "lease_until": "",
        "not_before": "",
        "phase": "",
        "done": 0,
        "total": new.total,
        "chunk": 0,
        "checkpoint": b"",
        "created_at": format_time(transaction.now),
        "started_at": "",
        "ended_at": "",
        "ended_by": "",
        "cause": "",
        "failure": "",
    }
    transaction.connection.execute(insert(jobs), [row])
    return find(transaction.connection, str(row["id"]))


def step(
    transaction: Transaction, suite: Suite, job: Job, event: Event, by: str = NODE, **changes: Any
) -> Job:
    """Take `job`, as it stands in the store, one step further and return it.

    `changes` are fields that change with the step.

    Raises:
        JobStateError: its state knows no such step.

    """
    state, now = advance(job.state, event), format_time(transaction.now)
    first = state is State.RUNNING and not job.started_at
    values: dict[str, Any] = {"state": state, **changes}
    if state is not State.RUNNING:
        values |= {"lease_token": "", "lease_until": ""}
    if first:
        values["started_at"] = now
    if state not in LIVE and not job.ended_at:
        values |= {"ended_at": now, "ended_by": by, "checkpoint": b""}
    after = replace(job, **values)
    write(transaction, after)
    if state not in {State.DONE, State.REVIEW}:  # in any other state there is nothing to fetch
        transaction.connection.execute(delete(results).where(results.c.job == job.id))
    if job.contract and (first or state in _LEAVES.keys() - {State.RUNNING}):
        _log(transaction, suite, after)
    return after


def write(transaction: Transaction, job: Job) -> None:
    """Write what can change of a job."""
    progress: Progress = job.progress
    transaction.connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id)
        .values(
            state=job.state.value,
            attempts=job.attempts,
            lease_token=job.lease_token,
            lease_until=job.lease_until,
            not_before=job.not_before,
            phase=progress.phase,
            done=progress.done,
            total=progress.total,
            chunk=job.chunk,
            checkpoint=job.checkpoint,
            started_at=job.started_at,
            ended_at=job.ended_at,
            ended_by=job.ended_by,
            cause=job.cause,
            failure=job.failure,
        )
    )


def held(transaction: Transaction, identifier: str, token: str) -> Job:
    """Return a job whose lease `token` is.

    Raises:
        JobLeaseLostError: another run has the job, or it has ended.
        JobNotFoundError: there is no such job.

    """
    job = find(transaction.connection, identifier)
    if job.state is not State.RUNNING or not secrets.compare_digest(job.lease_token, token):
        raise JobLeaseLostError(
            f"the job is {job.state.value}, and its lease is not this one",
            clause="job.lease",
            remedy="stop: the run that has the lease goes on",
        )
    return job


def cancel(
    transaction: Transaction, suite: Suite, kinds: Kinds, job: Job, by: str, cause: str
) -> Job:
    """Cancel a job that is still to end.

    Raises:
        JobStateError: it has ended.

    """
    after = step(transaction, suite, job, Event.CANCEL, by, cause=cause)
    lose(transaction, kinds, after, JobCancelledError.reason)
    return after


def cancel_of(
    transaction: Transaction, suite: Suite, kinds: Kinds, contract: str, by: str, cause: str
) -> list[Job]:
    """Cancel whatever is still to end under a contract."""
    return [
        cancel(transaction, suite, kinds, job, by, cause) for job in live_of(transaction, contract)
    ]


def live_of(transaction: Transaction, contract: str) -> list[Job]:
    """Return the jobs under a contract that are still to end."""
    found = transaction.connection.execute(
        select(jobs)
        .where(
            jobs.c.contract == contract,
            jobs.c.state.in_(sorted(state.value for state in LIVE)),
        )
        .order_by(jobs.c.number)
    )
    return [from_row(row) for row in found.fetchall()]


def yield_all(transaction: Transaction, suite: Suite) -> list[Job]:
    """Have every run give its job back, uncounted; return the jobs."""
    return [
        step(transaction, suite, job, Event.LAPSE, attempts=max(job.attempts - 1, 0))
        for job in live(transaction.connection)
        if job.state is State.RUNNING
    ]


def lose(transaction: Transaction, kinds: Kinds, job: Job, reason: str) -> None:
    """Have the job's kind write what else its failure or cancellation means."""
    if job.kind in kinds:
        kinds[job.kind].lost(transaction, job, reason)


def _log(transaction: Transaction, suite: Suite, job: Job) -> None:
    fields: dict[str, Json] = {"job": job.id, "contract": job.contract, "kind": job.kind}
    if job.failure:
        fields["failure"] = job.failure
    if job.state is State.CANCELLED:
        fields["by"] = job.ended_by
        if job.cause:
            fields["cause"] = job.cause
    transaction.append(event_leaf(suite, _LEAVES[job.state], transaction.now, fields))
