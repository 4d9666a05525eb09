"""What a party may do with jobs: see its own, stop what it asked for, take its result.

A buyer sees the jobs on its account, also those that the node does for its contracts; the
operator sees all. Another party's job looks like none.
"""

import re
from collections.abc import Sequence

from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError, JobStateError, RightMissingError
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role
from unseen.node.jobs import record
from unseen.node.jobs.changes import Destroy, no_result
from unseen.node.jobs.record import Job, Kept
from unseen.node.jobs.sealing import open_result
from unseen.node.jobs.states import State
from unseen.node.metering.metered import check_held
from unseen.node.resources import line_of

_JOB = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ALL = frozenset({Role.OPERATOR, Role.AUDITOR, Role.REGULATOR})


def job_id(text: str) -> str:
    """Return ID of `jobs/ID`.

    Raises:
        FieldInvalidError: not of this form.

    """
    prefix, _, identifier = text.partition("/")
    if prefix != "jobs" or not _JOB.fullmatch(identifier):
        raise FieldInvalidError(
            "not a name of the form jobs/ID", clause="job", remedy="see: unseen job list"
        )
    return identifier


def seen(node: Node, who: Caller, identifier: str) -> Job:
    """Return a job that the caller may see.

    Raises:
        JobNotFoundError: none of this id, or one the caller may not see: these look the same.

    """
    job = node.jobs.get(identifier)
    if who.role not in _ALL and job.account != who.party:
        raise record.no_such_job()
    return job


def listed(
    node: Node, who: Caller, size: int, token: str, contract: str, states: Sequence[State]
) -> tuple[list[Job], str]:
    """Return a page of the jobs that the caller may see, and the token of the next one.

    Raises:
        FieldInvalidError: `token` is none of this node.

    """
    if not re.fullmatch(r"[0-9]{0,18}", token, re.ASCII):
        raise FieldInvalidError("not a page token of this node", clause="page_token")
    account = None if who.role in _ALL else who.party
    with node.engine.connect() as connection:
        found = record.page(
            connection,
            size + 1,
            before=int(token or 0),
            account=account,
            contract=contract,
            states=states,
        )
    more = str(found[size - 1].number) if len(found) > size else ""
    present = {job.id: job for job in node.jobs.live()}
    return [present.get(job.id, job) for job in found[:size]], more


def kept(node: Node, jobs: Sequence[Job]) -> dict[str, Kept]:
    """Return, by job, the results that can be fetched."""
    with node.engine.connect() as connection:
        done = [job.id for job in jobs if job.state is State.DONE]
        return record.kept(connection, done)


async def cancel(node: Node, who: Caller, identifier: str, cause: str) -> Job:
    """Cancel a job, as the operator or as the party that asked for it.

    Raises:
        JobNotFoundError: the caller sees no such job.
        RightMissingError: the node does it, for the caller's contract.
        JobStateError: it has ended.

    """
    job = seen(node, who, identifier)
    if who.role is not Role.OPERATOR and job.owner != who.party:
        raise RightMissingError(
            "the node does this job, and only its operator cancels it",
            clause="job.owner",
            remedy="ask the operator, or end the contract: unseen contract revoke ID",
        )
    return await node.jobs.cancel(job, who.party, line_of(cause, "job.cause"))


async def retry(node: Node, who: Caller, identifier: str) -> Job:
    """Begin anew a job that failed or was cancelled; return the new one.

    Raises:
        JobNotFoundError: the caller sees no such job.
        JobStateError: it has not failed, or its kind cannot be begun anew.

    """
    job = seen(node, who, identifier)
    kind = node.jobs.kinds.get(job.kind)
    if kind is not None and kind.again is None:
        raise JobStateError(
            f"a job of kind {job.kind} is begun by whoever asks, and by nobody else",
            clause="job.state",
            remedy="its buyer asks anew: what failed or was cancelled was not charged",
        )
    if job.state not in (State.FAILED, State.CANCELLED) or kind is None or kind.again is None:
        raise JobStateError(
            f"a job of kind {job.kind} that is {job.state.value} is not begun anew",
            clause="job.state",
            remedy="only what failed or was cancelled is: unseen job list --state failed",
        )
    return await kind.again(node, job)


def result(node: Node, who: Caller, identifier: str) -> bytes:
    """Return the result of the caller's own job.

    Raises:
        JobNotFoundError: the caller has no such job.
        ResultNotFoundError: it has no result, or none any more.
        NodeStoppedError: the node stands still.
        ReplyHeldError: its contract is suspended.

    """
    job = _own(node, who, identifier)
    check_leaves(node, job.contract)
    if job.state is not State.DONE:
        raise no_result()
    with node.engine.connect() as connection:
        return open_result(connection, node.vault, job.id, node.clock.now())


def check_leaves(node: Node, contract: str) -> None:
    """Return if a result under `contract`, or under none, may leave now; asked for each chunk.

    Raises:
        NodeStoppedError: the node stands still.
        ReplyHeldError: the contract is suspended.

    """
    node.stops.check_node()
    if contract:
        check_held(node, node.contracts.get(contract))


async def acknowledge(node: Node, who: Caller, identifier: str, digest: bytes) -> Job:
    """Destroy a result that its owner has, as `digest`, its hash, shows.

    Raises:
        JobNotFoundError: the caller has no such job.
        ResultNotFoundError: it has no result, or none any more.
        FieldInvalidError: the hash is of something else.

    """
    if node.suite.digest(result(node, who, identifier)) != digest:
        raise FieldInvalidError(
            "the hash is not that of the result",
            clause="job.result",
            remedy="fetch it again: the node keeps it until it is acknowledged or expires",
        )
    return await node.writer.submit(Destroy(identifier))


def _own(node: Node, who: Caller, identifier: str) -> Job:
    job = node.jobs.get(identifier)
    if job.owner != who.party:
        raise record.no_such_job()
    return job
