"""Running an iteration: a request that is sent again and again, until it is answered.

The request is admitted as every metered one. A job reads the rows of now and computes in a worker
process, which draws the noise and writes the samples into the run's folder, durable before they are
charged; they leave after that alone. The charge takes the privacy from every ledger in the
transaction that ends the job. A job that dies begins anew with other noise, and nobody has seen the
first; a charged run is never computed again.
"""

from typing import TYPE_CHECKING, Any

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode
from unseen.evidence.contracts.encrypted import KIND, domain_of
from unseen.evidence.contracts.statistics.definition import Condition
from unseen.evidence.releases.encrypted import SentGradient, SentWeights
from unseen.evidence.releases.shared import shared_name
from unseen.evidence.suite import suite_of
from unseen.node.catalog.snapshots import spool
from unseen.node.consent.serving import choose_now
from unseen.node.consent.tree import open_secret
from unseen.node.data.listed import Listed, Reading, encode_reading
from unseen.node.errors import FieldInvalidError, InternalError, OverloadedError
from unseen.node.failpoints import hit
from unseen.node.jobs.kind import JobKind, Outcome, Running
from unseen.node.jobs.states import State
from unseen.node.metering.metered import SignedRequest, admit, check_allowed
from unseen.node.metering.paying import Admitted, Answer, Work
from unseen.node.privacy.answers import look
from unseen.node.privacy.spend import Spend
from unseen.node.release.facts import AggregateFacts
from unseen.node.release.yielding import paid
from unseen.node.runs.beginning import begin, check_kept, check_sent, standing
from unseen.node.runs.files import ANSWER, BEGAN, STATEMENT
from unseen.node.runs.holding import admitted_of, began, hold
from unseen.node.runs.room import promise, settle
from unseen.node.runs.sessions import Run, UnderWay, run_of
from unseen.node.runs.unpaid import check_unpaid
from unseen.node.statistics.asked import Room, featured_counting
from unseen.node.training.parts import (
    CONTEXT,
    ROWS,
    SHARED,
    TRAININGS,
    WEIGHTS,
    answer_bytes,
    asked_bytes,
    check_rows,
    clause_in,
    listed_in,
    run_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from unseen.evidence.contracts.encrypted import Encrypted
    from unseen.node.catalog.catalogue import Table
    from unseen.node.context import Node
    from unseen.node.contracts.register import Contract
    from unseen.node.identity.parties import Caller
    from unseen.node.jobs.record import Job

_PRIVATE = AggregateFacts(cells=(), measured=True, private=True)
_SHARE = 2  # of a process' memory: the other half is for reading rows


async def advance(node: "Node", who: "Caller", signed: SignedRequest) -> UnderWay | Answer:
    """Begin the iteration of a request, say that it is under way, or hand out its answer.

    Raises:
        FieldInvalidError: what the request is about has not been sent, or the rows are too few.
        KindRefusedError: the contract is over no training under encryption.
        OverloadedError: the training needs more memory than a process may have.
        PrivacyBudgetSpentError: a table's ledger, or the contract's budget, has less left.
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    sent = SentWeights.decode(signed.parts[0])
    admitted = admit(node, who, KIND, signed, 1)
    contract, suite = admitted.contract, suite_of(admitted.contract.terms.suite)
    clause = clause_in(contract)
    run = run_of(node, TRAININGS, contract.id, admitted.request.request)
    async with node.runs.lock:
        found = standing(node, who, run, admitted, signed)
        if found is not None:
            return found
        check_allowed(node, who.party, admitted, again=run.has(BEGAN))
        await check_kept(node, TRAININGS, contract, CONTEXT, sent.context)
        own = await _own_rows(node, contract, clause, sent)
        if not run.has(STATEMENT):  # else it was, and is not replaced
            await check_sent(run, WEIGHTS, asked_bytes(clause, own), sent.digest, suite)
        hold(run, admitted)
        return await _begin(node, who, admitted, run, sent, own)


async def _own_rows(
    node: "Node", contract: "Contract", clause: "Encrypted", sent: SentWeights
) -> int:
    """Return how many rows of the buyer's a request is over, which are here.

    Raises:
        FieldInvalidError: they are not, or are none of this training.

    """
    if not clause.vertical:
        if sent.rows:
            raise FieldInvalidError(
                "a training of a secret model has no rows of the buyer's",
                clause="rows",
                remedy="ask afresh, and name none",
            )
        return 0
    await check_kept(node, TRAININGS, contract, ROWS, sent.rows)
    run = run_of(node, TRAININGS, contract.id, shared_name(sent.rows))
    return listed_in(clause, run.size(ROWS))


async def _begin(
    node: "Node", who: "Caller", admitted: Admitted, run: Run, sent: SentWeights, own: int
) -> UnderWay:
    contract = admitted.contract
    clause, table = clause_in(contract), node.catalogue.table(contract.terms.table)
    count = own if clause.vertical else table.snapshot.rows
    check_rows(clause, count)
    look(node, contract, _spend(clause))
    check_unpaid(node, TRAININGS, contract.id)
    _check_memory(node, clause)
    promise(node, run, run_bytes(clause, run.size(WEIGHTS)))
    ask: dict[str, Json] = {
        "step": KIND,
        "context": shared_name(sent.context),
        "rows": shared_name(sent.rows),
    }
    about = f"{clause.samples:,} columns"
    return await begin(node, who, admitted, ask, about=about, total=count)


def _spend(clause: "Encrypted") -> Spend:
    """Return what an iteration costs; it is never given again, as no other draws the same noise."""
    return Spend(rho=clause.charge)


def _check_memory(node: "Node", clause: "Encrypted") -> None:
    from unseen.protocols.he.training.sizes import working_bytes  # noqa: PLC0415 - with vectors

    need = -(-_SHARE * working_bytes(clause.chain()) >> 20)
    if need > node.settings.memory_mb:
        raise OverloadedError(
            f"an iteration over {clause.samples:,} columns takes {need:,} MiB, and a process may"
            f" have {node.settings.memory_mb:,}",
            clause="node.memory_mb",
            remedy="its operator gives tasks more (setting memory_mb), then send the same request"
            " again; nothing was charged",
        )


async def _run(node: "Node", running: Running) -> Outcome:
    job = running.job
    admitted = admitted_of(node, job)
    contract, clause = admitted.contract, clause_in(admitted.contract)
    run = run_of(node, TRAININGS, contract.id, admitted.request.request)
    since = began(node, run, job, admitted.request)
    hit("request.admitted")
    table, done = node.catalogue.table(contract.terms.table), 0
    total = job.progress.total

    def progress(count: int) -> None:
        nonlocal done
        done += count
        running.progress("training", done, total)

    progress(0)
    with spool(node) as folder:
        root = await choose_now(node, contract.terms, folder)
        room = Room(folder, node.settings.memory_mb, permitted=bool(root))
        task = canonical.encode(_task(node, contract, table, run, job.ask, room))
        secret = [open_secret(node.reader.connection, node.vault)] if root else []
        (digest,) = await node.executor.run_bulk("train_gradient", [task, *secret], progress)
    if run.size(ANSWER) != answer_bytes(clause):
        raise InternalError("what returns has another size than what is charged")
    part = SentGradient(suite=contract.terms.suite, samples=clause.samples, digest=digest)
    work = Work(
        (part.encode(),),
        b64decode(table.snapshot.commitment),
        facts=_PRIVATE,
        consent_root=root,
        privacy=_spend(clause),
    )
    hit("request.evaluated")
    return await paid(node, admitted, work, since)


def _task(
    node: "Node",
    contract: "Contract",
    table: "Table",
    run: Run,
    ask: "Mapping[str, Any]",
    room: Room,
) -> dict[str, Json]:
    shared = {name: run_of(node, TRAININGS, contract.id, str(ask[name])) for name in _names(ask)}
    listed = shared[ROWS].path(ROWS) if ROWS in shared else None
    return {
        "reading": encode_reading(_reading(node, contract, table, listed, room)),
        "suite": contract.terms.suite,
        "context": str(shared[CONTEXT].path(CONTEXT)),
        "weights": str(run.path(WEIGHTS)),
        "folder": str(run.folder),
    }


def _names(ask: "Mapping[str, Any]") -> "Iterator[str]":
    return (name for name in SHARED if ask[name])


def _reading(
    node: "Node", contract: "Contract", table: "Table", listed: "Path | None", room: Room
) -> Reading:
    """Return what is read: of all rows, or of those of the buyer's list in `listed`."""
    clause, terms = clause_in(contract), contract.terms
    definition = node.catalogue.product(terms.product).definition
    if definition is None:
        raise InternalError("a product of trainings without a menu")
    read = clause.features if clause.vertical else (*clause.features, clause.label)
    behind = None if clause.vertical else definition.behind(clause.label.name)
    count = table.snapshot.rows
    found = None
    if listed is not None:
        count = listed_in(clause, listed.stat().st_size)
        subject = contract.plan.subject_columns
        found = Listed(listed, subject, domain_of(contract.id_bytes), terms.suite)
    return Reading(
        counting=featured_counting(read, definition, table, room),
        clause=clause,
        count=count,
        condition=behind.expression if isinstance(behind, Condition) else "",
        listed=found,
    )


def _ended(node: "Node", job: "Job") -> None:
    node.runs.release(node.meter, job.id)
    run = run_of(node, TRAININGS, job.contract, str(job.ask["request"]))
    if job.state is not State.DONE:  # what nobody pays for is kept for nobody
        run.path(ANSWER).unlink(missing_ok=True)
    settle(run)


TRAIN = JobKind(name=KIND, run=_run, ended=_ended)
