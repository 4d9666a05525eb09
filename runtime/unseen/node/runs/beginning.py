"""How a run begins: a request is looked up, what it is about has been sent, a job is put in."""

import asyncio
import os
from contextlib import suppress

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.releases.shared import shared_name
from unseen.evidence.suite import Suite, suite_of
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import FieldInvalidError
from unseen.node.identity.parties import Caller
from unseen.node.jobs.steps import NewJob
from unseen.node.metering.metered import SignedRequest, check_held, stored
from unseen.node.metering.paying import Admitted, Answer, answer
from unseen.node.runs.files import file_digest
from unseen.node.runs.holding import not_another
from unseen.node.runs.kind import RunKind
from unseen.node.runs.sessions import Run, UnderWay, live_job, run_of


def standing(
    node: Node, who: Caller, run: Run, admitted: Admitted, signed: SignedRequest
) -> UnderWay | Answer | None:
    """Return the answer of a run, or that a job is at it; nothing where it has yet to begin.

    Whoever begins it then holds `node.runs.lock` over both: of two calls at once one does, and a
    job that ended while a call waited is not done once more.

    Raises:
        UnseenError: the refusal, with its clause.

    """
    known = stored(node, admitted)
    if known is not None:
        check_held(node, admitted.contract)
        return answer(node, who.party, known)
    job = live_job(node, run.kind, run.contract, run.request)
    if job is None:
        return None
    not_another(str(job.ask.get("statement")), signed.statement)
    return UnderWay(job.id)


async def check_sent(run: Run, part: str, size: int, digest: bytes, suite: Suite) -> None:
    """Return if a part was sent of as many bytes as, and with the digest that, a request says.

    Raises:
        FieldInvalidError: it was not, or is another.

    """
    if not run.has(part):
        raise _missing(part)
    if run.size(part) != size or await _digest(run, part, suite) != digest:
        raise FieldInvalidError(
            f"what was sent as {part} is not what the request commits to",
            clause=f"{part}.digest",
            remedy="ask afresh, with another request id",
        )


async def check_kept(
    node: Node, kind: RunKind, contract: Contract, part: str, digest: bytes
) -> None:
    """Return if a part is here that serves many runs and has its digest's name; keep it on.

    Raises:
        FieldInvalidError: it is not here.

    """
    run = run_of(node, kind, contract.id, shared_name(digest))
    suite = suite_of(contract.terms.suite)
    if not run.has(part) or await _digest(run, part, suite) != digest:
        raise _missing(part)
    with suppress(FileNotFoundError):
        os.utime(run.path(part))


async def begin(
    node: Node,
    who: Caller,
    admitted: Admitted,
    ask: dict[str, Json],
    *,
    about: str,
    total: int,
    again: bool = False,
) -> UnderWay:
    """Put in the job of a run: `ask` is what it is told beside what was admitted (`admitted_of`).

    `total` is what its progress counts, and its cost; `again` says that a job before this one has
    the units under way.

    Raises:
        UnseenError: there are too many jobs.

    """
    contract, request = admitted.contract, admitted.request
    new = NewJob(
        kind=request.kind,
        about=about,
        ask={
            "request": request.request,
            "statement": b64encode(request.bytes()),
            "signature": b64encode(admitted.signature),
            "instance": admitted.instance,
            **ask,
        },
        account=who.party,
        owner=who.party,
        contract=contract.id,
        cost=total,
        total=total,
    )
    job = await node.jobs.submit(new)
    node.runs.reserve(node.meter, job.id, contract.id, request.units, again=again)
    return UnderWay(job.id)


async def _digest(run: Run, part: str, suite: Suite) -> bytes:
    # On a thread: a part may have hundreds of MB, and others must not wait for that.
    return await asyncio.to_thread(file_digest, run.path(part), suite)


def _missing(part: str) -> FieldInvalidError:
    return FieldInvalidError(
        f"what the request names as {part} has not been sent, or not all of it",
        clause=part,
        remedy="send it first, then the request",
    )
