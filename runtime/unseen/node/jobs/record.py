"""A job as it stands in the store, and reading jobs from there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.node.errors import JobNotFoundError
from unseen.node.jobs.states import LIVE, State
from unseen.node.store.schema_jobs import jobs, results

NODE = "node"  # owner of what nobody asked for


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: units done of `total` (0 where nobody knows) in its present phase."""

    phase: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One job. Times are text as in the store, empty where there is none yet.

    `account` is the buyer whose share of the machine it uses (empty: the node's own), `owner` the
    party that asked for it, or `NODE`. `ask` says what to do, by kind, and holds no secret.
    `chunk` counts the chunks whose work is kept; `checkpoint` is where a next run goes on.
    """

    number: int
    id: str
    kind: str
    state: State
    account: str
    owner: str
    contract: str
    about: str
    ask: dict[str, Json] = field(repr=False)
    cost: int
    attempts: int
    lease_token: str = field(repr=False)
    lease_until: str
    not_before: str
    progress: Progress
    chunk: int
    checkpoint: bytes = field(repr=False)
    created_at: str
    started_at: str
    ended_at: str
    ended_by: str
    cause: str
    failure: str

    @property
    def live(self) -> bool:
        """Return whether the job is still to end."""
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a result that is still kept: its bytes, and until when."""

    size: int
    until: str


def find(connection: Connection, identifier: str) -> Job:
    """Return a job.

    Raises:
        JobNotFoundError: none of this id.

    """
    row = connection.execute(select(jobs).where(jobs.c.id == identifier)).one_or_none()
    if row is None:
        raise no_such_job()
    return from_row(row)


def live(connection: Connection) -> list[Job]:
    """Return every job that is still to end, in order of arrival."""
    states = sorted(state.value for state in LIVE)
    rows = connection.execute(select(jobs).where(jobs.c.state.in_(states)).order_by(jobs.c.number))
    return [from_row(row) for row in rows]


def page(
    connection: Connection,
    size: int,
    *,
    before: int = 0,
    account: str | None = None,
    contract: str = "",
    states: Sequence[State] = (),
) -> list[Job]:
    """Return up to `size` jobs, the newest first, that arrived before number `before` (0: all).

    With `account` only the jobs on it, with `contract` only those under it, with `states` only
    those that stand there.
    """
    wanted = select(jobs).order_by(jobs.c.number.desc()).limit(size)
    if before:
        wanted = wanted.where(jobs.c.number < before)
    if account is not None:
        wanted = wanted.where(jobs.c.account == account)
    if contract:
        wanted = wanted.where(jobs.c.contract == contract)
    if states:
        wanted = wanted.where(jobs.c.state.in_(sorted(state.value for state in states)))
    return [from_row(row) for row in connection.execute(wanted)]


def kept(connection: Connection, identifiers: Sequence[str]) -> dict[str, Kept]:
    """Return, by job, what is known of the results that are still kept."""
    rows = connection.execute(
        select(results.c.job, results.c.size, results.c.until).where(results.c.job.in_(identifiers))
    )
    return {row.job: Kept(row.size, row.until) for row in rows}


def no_such_job() -> JobNotFoundError:
    """Return the error for a job that is not there, or that the caller may not see."""
    return JobNotFoundError("no job of this id", clause="job", remedy="see yours: unseen job list")


def from_row(row: Row[Any]) -> Job:
    """Return the job that a row of the table holds."""
    ask = canonical.decode(row.ask)
    return Job(
        number=row.number,
        id=row.id,
        kind=row.kind,
        state=State(row.state),
        account=row.account,
        owner=row.owner,
        contract=row.contract,
        about=row.about,
        ask=ask if isinstance(ask, dict) else {},
        cost=row.cost,
        attempts=row.attempts,
        lease_token=row.lease_token,
        lease_until=row.lease_until,
        not_before=row.not_before,
        progress=Progress(row.phase, row.done, row.total),
        chunk=row.chunk,
        checkpoint=row.checkpoint,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        cause=row.cause,
        failure=row.failure,
    )
