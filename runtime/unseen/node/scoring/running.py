"""Running encrypted scores: a request that is sent again and again, until it is answered.

The request is admitted as every metered one. A job computes in a worker process and writes what
returns into the run's folder, durable before it is charged; it leaves after that alone. A job that
dies begins anew with other noise; a charged run is never computed again.
"""

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode
from unseen.evidence.contracts.scoring import KIND, Offered, scoring_in
from unseen.evidence.releases.scored import SentBatches, SentScores
from unseen.evidence.releases.shared import shared_name
from unseen.evidence.suite import suite_of
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError
from unseen.node.failpoints import hit
from unseen.node.identity.parties import Caller
from unseen.node.jobs.kind import JobKind, Outcome, Running
from unseen.node.jobs.record import Job
from unseen.node.metering.metered import SignedRequest, admit, check_allowed
from unseen.node.metering.paying import Admitted, Answer, Work
from unseen.node.release.yielding import paid
from unseen.node.runs.beginning import begin, check_kept, check_sent, standing
from unseen.node.runs.files import ANSWER, BEGAN, STATEMENT
from unseen.node.runs.holding import admitted_of, began, hold
from unseen.node.runs.room import promise, settle
from unseen.node.runs.sessions import Run, UnderWay, run_of
from unseen.node.runs.unpaid import check_unpaid
from unseen.node.scoring.parts import (
    BATCHES,
    CONTEXT,
    SCORES,
    answer_bytes,
    batch_bytes,
    run_bytes,
)


async def advance(node: Node, who: Caller, signed: SignedRequest) -> UnderWay | Answer:
    """Begin the run of a request, say that it is under way, or hand out its answer.

    Raises:
        FieldInvalidError: what the request is about has not been sent.
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    sent = SentBatches.decode(signed.parts[0])
    admitted = admit(node, who, KIND, signed, sent.responses)
    contract = admitted.contract
    run = run_of(node, SCORES, contract.id, admitted.request.request)
    async with node.runs.lock:
        found = standing(node, who, run, admitted, signed)
        if found is not None:
            return found
        check_allowed(node, who.party, admitted, again=run.has(BEGAN))
        await check_kept(node, SCORES, contract, CONTEXT, sent.context)
        if not run.has(STATEMENT):  # else it was, and is not replaced
            size = sent.responses * batch_bytes(scoring_in(contract.terms.parameters))
            await check_sent(run, BATCHES, size, sent.digest, suite_of(contract.terms.suite))
        hold(run, admitted)
        return await _begin(node, who, admitted, run, sent)


async def _begin(
    node: Node, who: Caller, admitted: Admitted, run: Run, sent: SentBatches
) -> UnderWay:
    contract, request = admitted.contract, admitted.request
    check_unpaid(node, SCORES, contract.id)
    promise(node, run, run_bytes(scoring_in(contract.terms.parameters), request.units))
    ask: dict[str, Json] = {"step": KIND, "context": shared_name(sent.context)}
    about = f"{request.units:,} ciphertext{'s' if request.units > 1 else ''}"
    return await begin(node, who, admitted, ask, about=about, total=request.units)


async def _run(node: Node, running: Running) -> Outcome:
    job = running.job
    admitted = admitted_of(node, job)
    contract, request = admitted.contract, admitted.request
    run = run_of(node, SCORES, contract.id, request.request)
    since = began(node, run, job, request)
    hit("request.admitted")
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        running.progress("scoring", done, request.units)

    progress(0)
    task = canonical.encode(_task(node, contract, run, str(job.ask["context"]), request.units))
    (digest,) = await node.executor.run_bulk("score_batches", [task], progress)
    if run.size(ANSWER) != answer_bytes(scoring_in(contract.terms.parameters), request.units):
        raise InternalError("what returns has another size than what is charged")
    part = SentScores(suite=contract.terms.suite, responses=request.units, digest=digest)
    snapshot = b64decode(node.catalogue.table(contract.terms.table).snapshot.commitment)
    hit("request.evaluated")
    return await paid(node, admitted, Work((part.encode(),), snapshot), since)


def _task(
    node: Node, contract: Contract, run: Run, context: str, responses: int
) -> dict[str, Json]:
    table, offered = node.catalogue.table(contract.terms.table), _offered(node, contract)
    return {
        "suite": contract.terms.suite,
        "source": table.source,
        "fingerprint": table.snapshot.fingerprint.to_json(),
        "clause": scoring_in(contract.terms.parameters).to_json(),
        "output": offered.output,
        "reach": offered.reach,
        "context": str(run_of(node, SCORES, contract.id, context).path(CONTEXT)),
        "folder": str(run.folder),
        "responses": responses,
        "memory_mb": node.settings.memory_mb,
    }


def _ended(node: Node, job: Job) -> None:
    node.runs.release(node.meter, job.id)
    settle(run_of(node, SCORES, job.contract, str(job.ask["request"])))


SCORE = JobKind(name=KIND, run=_run, ended=_ended)


def _offered(node: Node, contract: Contract) -> Offered:
    found = node.catalogue.product(contract.terms.product).score
    if found is None:
        raise InternalError("a contract over scores has a product that offers none")
    return found
