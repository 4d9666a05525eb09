"""Running an intersection: a request that is sent again and again takes its run one step further.

    items   the set is here; a job answers it, and its end is the charge; the answer is handed out
    count   the set is here; a job masks the rows; the buyer mixes them; a job counts, adds noise
            and ends with the charge; the number is handed out

The request is admitted as every metered one: who signed it, whether it is allowed now, whether it
was answered before. What a job computes it writes into the run's folder, durable before it is
charged, and nothing that says whether an item is there leaves before that. A job that dies begins
anew with another scalar, unless all that waits to be mixed was written; a charged run is never
computed again.
"""

import secrets
import shutil
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode
from unseen.evidence.contracts.intersection import (
    ITEMS,
    KIND,
    SUM,
    Intersection,
    clause_in,
    domain_of,
    first_bytes,
    session_of,
)
from unseen.evidence.contracts.plan import columns_to_json
from unseen.evidence.releases.intersected import SentAnswer, SentSet
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import suite_of
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError
from unseen.node.failpoints import hit
from unseen.node.identity.parties import Caller
from unseen.node.intersecting.bounds import most_bytes
from unseen.node.intersecting.files import DOUBLED, MIXED, OTHERS, SET, SHARE, SNAPSHOT
from unseen.node.intersecting.parts import INTERSECTIONS
from unseen.node.intersecting.spreading import Masking, masked
from unseen.node.jobs import frames
from unseen.node.jobs.kind import JobKind, Outcome, Running
from unseen.node.jobs.record import Job
from unseen.node.jobs.states import State
from unseen.node.kinds.intersect_plan import least_of
from unseen.node.metering.metered import SignedRequest, admit, check_allowed
from unseen.node.metering.paying import Admitted, Answer, Work
from unseen.node.privacy.answers import look
from unseen.node.privacy.spend import Spend
from unseen.node.release.facts import AggregateFacts
from unseen.node.release.yielding import paid
from unseen.node.runs.beginning import begin, check_sent, standing
from unseen.node.runs.files import BEGAN, STATEMENT
from unseen.node.runs.holding import admitted_of, began, hold
from unseen.node.runs.room import promise, settle
from unseen.node.runs.sessions import Run, UnderWay, run_of
from unseen.node.runs.unpaid import COUNTING, MASK, check_unpaid
from unseen.protocols.group.elgamal import Share
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES, random_scalar
from unseen.protocols.psi.sum import HEAD_BYTES, joined_key, new_share
from unseen.streams.whole import write_whole

ANSWER = "answer"
_PRIVATE = AggregateFacts(cells=(), measured=True, private=True)


@dataclass(frozen=True, slots=True)
class ToMix:
    """The table's elements wait to be mixed: how many bytes they have."""

    size: int


Step = UnderWay | ToMix | Answer


async def advance(node: Node, who: Caller, signed: SignedRequest) -> Step:
    """Take the run of a request its next step, or hand out its answer.

    Raises:
        FieldInvalidError: what the request is about has not been sent.
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    sent = SentSet.decode(signed.parts[0])
    admitted = admit(node, who, KIND, signed, sent.items)
    contract = admitted.contract
    run = run_of(node, INTERSECTIONS, contract.id, admitted.request.request)
    async with node.runs.lock:
        found = standing(node, who, run, admitted, signed)
        if found is not None:
            return found
        check_allowed(node, who.party, admitted, again=run.has(OTHERS) and run.has(BEGAN))
        if not (run.has(SET) and run.has(STATEMENT)):  # else it was, and neither is replaced
            size = first_bytes(clause_in(contract.terms.parameters).output, sent.items)
            await check_sent(run, SET, size, sent.digest, suite_of(contract.terms.suite))
        hold(run, admitted)
        return await _begin(node, who, admitted, run)


async def _begin(node: Node, who: Caller, admitted: Admitted, run: Run) -> Step:
    contract, request = admitted.contract, admitted.request
    clause, table = clause_in(contract.terms.parameters), node.catalogue.table(contract.terms.table)
    step, again = ANSWER, False
    if clause.output != ITEMS:
        look(node, contract, _spend(clause))
        if run.has(OTHERS) and not run.has(MIXED):
            return ToMix(run.size(OTHERS))
        again = run.has(OTHERS)
        step = COUNTING if again else MASK
    rows = 0 if again else table.snapshot.rows
    check_unpaid(node, INTERSECTIONS, contract.id, counting=again)
    if not again:
        promise(node, run, most_bytes(clause.output, rows, request.units))
    ask: dict[str, Json] = {"step": step}
    about, total = f"{request.units:,} items", rows + request.units
    return await begin(node, who, admitted, ask, about=about, total=total, again=again)


async def _run(node: Node, running: Running) -> Outcome:
    job, ask = running.job, running.job.ask
    admitted = admitted_of(node, job)
    contract, request = admitted.contract, admitted.request
    run = run_of(node, INTERSECTIONS, contract.id, request.request)
    table = node.catalogue.table(contract.terms.table)
    snapshot = b64decode(table.snapshot.commitment)
    since = began(node, run, job, request)
    hit("request.admitted")
    total, done = table.snapshot.rows + request.units, 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        running.progress("masking", done, total)

    progress(0)
    if ask["step"] == COUNTING:
        work = await _count(node, contract, request, run)
        hit("request.evaluated")
        return await paid(node, admitted, work, since)
    if ask["step"] == MASK and run.has(OTHERS):
        # An attempt before wrote all of it and did not come to say so. Never anew: elements that
        # were begun to be mixed would be compared with those of another scalar.
        return Outcome()
    share = _share(node, contract, request, run)
    masking = _masking(node, contract, request, run, share)
    async with masked(node, job.id, masking, progress) as reading:
        parts = [canonical.encode(reading), masking.session, masking.scalar]
        if ask["step"] == MASK:
            await node.executor.run_bulk("intersect_mask", [*parts, snapshot, *share], progress)
            return Outcome()
        told, digest = await node.executor.run_bulk("intersect_answer", parts, progress)
    found: Any = canonical.decode(told)
    part = SentAnswer(
        suite=contract.terms.suite,
        items=found["items"],
        others=found["others"],
        digest=digest,
    )
    work = Work((part.encode(),), snapshot)
    _check_units(request, found["items"])
    hit("request.evaluated")
    return await paid(node, admitted, work, since)


async def _count(node: Node, contract: Contract, request: Request, run: Run) -> Work:
    clause = clause_in(contract.terms.parameters)
    ask: dict[str, Json] = {
        "folder": str(run.folder),
        "suite": contract.terms.suite,
        "clause": clause.to_json(),
        "group": least_of(contract.plan),
        "most": request.units,
    }
    _check_units(request, run.size(DOUBLED) // ELEMENT_BYTES)
    session, share = _session(contract, request), _share(node, contract, request, run)
    (number,) = await node.executor.run_bulk(
        "intersect_count", [canonical.encode(ask), session, *share]
    )
    snapshot = run.path(SNAPSHOT).read_bytes()
    return Work((number,), snapshot, facts=_PRIVATE, privacy=_spend(clause))


def _ended(node: Node, job: Job) -> None:
    node.runs.release(node.meter, job.id)
    shutil.rmtree(node.spool_path(job.id), ignore_errors=True)  # what a part wrote to the last
    if job.state is not State.DONE or job.ask["step"] != MASK:  # else elements come back yet
        settle(run_of(node, INTERSECTIONS, job.contract, str(job.ask["request"])))


INTERSECT = JobKind(name=KIND, run=_run, ended=_ended)


def _masking(
    node: Node, contract: Contract, request: Request, run: Run, share: list[bytes]
) -> Masking:
    """Return what is masked, by a scalar that is drawn here and serves one job.

    Raises:
        MalformedMessageError, ElementInvalidError, ProofInvalidError: where there is a sum, what
            the buyer sent is no share of its key.

    """
    clause, table = clause_in(contract.terms.parameters), node.catalogue.table(contract.terms.table)
    session, key = _session(contract, request), b""
    if share:
        with run.path(SET).open("rb") as file:
            key = joined_key(Share(*share), file.read(HEAD_BYTES), session, provider=False)
    return Masking(
        reading={
            "suite": contract.terms.suite,
            "source": table.source,
            "fingerprint": table.snapshot.fingerprint.to_json(),
            "subject": columns_to_json(contract.plan.subject_columns),
            "sum": None if clause.sum is None else clause.sum.to_json(),
            "domain": domain_of(contract.id_bytes).hex(),
            "folder": str(run.folder),
            "memory_mb": node.settings.memory_mb,
        },
        session=session,
        scalar=random_scalar(secrets.token_bytes),
        buyers=run.path(SET),
        head=HEAD_BYTES if share else 0,
        items=request.units,
        rows=table.snapshot.rows,
        key=key,
    )


def _session(contract: Contract, request: Request) -> bytes:
    return session_of(suite_of(contract.terms.suite), contract.id_bytes, request.request)


def _share(node: Node, contract: Contract, request: Request, run: Run) -> list[bytes]:
    """Return the node's share of a run's key, as its parts; nothing where no sum is asked for.

    It has to open what comes back later, so that it is kept, sealed, as long as the run is.
    """
    if clause_in(contract.terms.parameters).output != SUM:
        return []
    place, path = f"intersect/{contract.id}/{request.request}", run.path(SHARE)
    if not run.has(SHARE):
        share = new_share(_session(contract, request), secrets.token_bytes, provider=True)
        data = frames.pack((share.secret, share.element, share.proof))
        write_whole(path, node.vault.seal(place, data))
    return frames.unpack(node.vault.open(place, path.read_bytes()))


def _spend(clause: Intersection) -> Spend:
    """Return what a count costs; it is never given again, as no other run asks the same."""
    return Spend(rho=Fraction(clause.rho))


def _check_units(request: Request, items: int) -> None:
    """Return if what was computed is what is charged: files lie between the one and the other."""
    if items != request.units:
        raise InternalError(f"{items} items were computed, and {request.units} are charged")
