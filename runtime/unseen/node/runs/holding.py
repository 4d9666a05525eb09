"""What a run is for: one statement, a first job that began in time, what was admitted for it."""

import secrets

from unseen.evidence.canonical import b64decode, b64encode, parse_time
from unseen.evidence.releases.request import MAX_REQUEST_AGE, Request
from unseen.node.context import Node
from unseen.node.contracts.decide import outdated
from unseen.node.errors import RequestIdReusedError, disk_full
from unseen.node.jobs.record import Job
from unseen.node.metering.charged import digest_of
from unseen.node.metering.paying import Admitted
from unseen.node.runs.files import BEGAN, STATEMENT
from unseen.node.runs.sessions import Run
from unseen.streams.whole import write_whole

_RECENT = 256  # leaves that may have come since a job began


def began(node: Node, run: Run, job: Job, request: Request) -> int:
    """Return the index of the leaf that holds the request: its first job has begun in time.

    0 where there is none: then the request counts as long as any other.

    Raises:
        RequestOutdatedError: it began too late to be charged, so that nothing is to be computed.

    """
    if run.has(BEGAN):
        return int(run.path(BEGAN).read_bytes())
    size = node.log.head().size
    for index in range(size - 1, max(size - _RECENT, 0), -1):
        leaf = node.log.read_leaf(node.engine, index)
        if (leaf["type"], leaf.get("job")) != ("job.started", job.id):
            continue
        if parse_time(str(leaf["time"])) - request.issued_at > MAX_REQUEST_AGE:
            raise outdated()
        try:
            write_whole(run.path(BEGAN), str(index).encode())
        except OSError as error:
            raise disk_full(error) or error from None
        return index
    return 0


def admitted_of(node: Node, job: Job) -> Admitted:
    """Return what was admitted for a job when it was put in."""
    ask = job.ask
    request = Request.decode(b64decode(str(ask["statement"])))
    signature = b64decode(str(ask["signature"]))
    contract = node.contracts.get(job.contract)
    return Admitted(contract, request, digest_of(request), signature, str(ask["instance"]))


def hold(run: Run, admitted: Admitted) -> None:
    """Have the run be for this statement alone."""
    path = run.path(STATEMENT)
    if run.has(STATEMENT):
        not_another(b64encode(path.read_bytes()), admitted.request.bytes())
        return
    try:
        write_whole(path, admitted.request.bytes())
    except OSError as error:
        raise disk_full(error) or error from None


def not_another(known: str, statement: bytes) -> None:
    """Return if a run is for this statement; `known` is its own, base64url.

    Raises:
        RequestIdReusedError: it is for another.

    """
    if not secrets.compare_digest(known, b64encode(statement)):
        raise RequestIdReusedError(
            "this request id is under way for another request",
            clause="request.id",
            remedy="take a fresh id",
        )
