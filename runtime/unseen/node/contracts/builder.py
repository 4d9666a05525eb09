"""Building an epoch's table, a job of the node's own, and publishing it when it is whole.

The epoch's key and its job are written in one transaction, and so are the manifest, the end of
the epoch before and the job's end. A crash in between leaves a job that goes on at the next start,
under the same key; its half-made files lie in the spool, in a folder named by the job.
"""

import asyncio
import logging
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, parse_time
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.manifest import HIDDEN_TABLE, PROTOCOL, Manifest, sign_manifest
from unseen.evidence.suite import Suite
from unseen.node.catalog.catalogue import Table
from unseen.node.consent import rotation
from unseen.node.consent.serving import choose_rows
from unseen.node.consent.tree import open_secret
from unseen.node.context import Node
from unseen.node.contracts.epochs import (
    CloseEpochs,
    FailEpoch,
    OpenEpoch,
    PublishEpoch,
    next_build,
)
from unseen.node.contracts.keeping import allows_builds
from unseen.node.contracts.matrices import share_matrix, sweep_matrices
from unseen.node.contracts.register import Contract
from unseen.node.contracts.stops import end_stops
from unseen.node.data.moving import move_whole
from unseen.node.data.spec import (
    BuildSpec,
    Built,
    encode_spec,
    files_of,
    matrix_path,
    new_nonce,
)
from unseen.node.errors import ContractNotActiveError, InternalError, StorageFullError, disk_full
from unseen.node.failpoints import hit
from unseen.node.identity.vault import Vault
from unseen.node.jobs import steps
from unseen.node.jobs.cutting import memory_of, parts_of
from unseen.node.jobs.kind import Outcome, Running
from unseen.node.jobs.record import NODE, Job
from unseen.node.jobs.states import State as JobState
from unseen.node.kinds.lookup_plan import PASSES
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.errors import FilterFullError, UnseenError
from unseen.protocols.lookup.lwe_pir.choice import choose, least_width
from unseen.protocols.lookup.oprf_table import TableParameters, epoch_domain
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.keys import PrivateKey

KIND = "build"
_TABLE = "finished"
_logger = logging.getLogger("unseen.node.epochs")
LEAST_WIDTH: Final = 4096
"""Of a hidden table: a row of its hint, 1472 numbers of 16 bits, is then shorter than the row."""
_ROOMIER = 3  # further builds of a hidden table that has too few blocks


def start_epoch(node: Node, contract: Contract) -> None:
    """Begin a new epoch of `contract` in the background; its job is soon in the list."""
    node.epochs.begin(contract.id)
    task = asyncio.create_task(_begin(node, contract))
    node.background.add(task)
    task.add_done_callback(node.background.discard)
    task.add_done_callback(lambda done: _finish(node, contract, done))


async def begin_epoch(node: Node, contract: Contract) -> Job:
    """Begin a new epoch of `contract` and return the job that builds its table."""
    node.epochs.begin(contract.id)
    table = node.catalogue.table(contract.terms.table)
    key = keys.generate(secrets.token_bytes)
    version, rows = table.snapshot.version, table.snapshot.rows
    opened = OpenBuild(node.suite, node.jobs.kinds, node.vault, contract, version, rows, key.scalar)
    return node.jobs.adopt(await node.writer.submit(opened))[-1]


def retry_epochs(node: Node) -> None:
    """Begin again what could not even be written down for want of space."""
    for contract in node.contracts.all():
        full = node.epochs.failure(contract.id) == StorageFullError.reason
        if full and contract.state is State.ACTIVE and not node.jobs.live(KIND, contract.id):
            start_epoch(node, contract)


async def end_epochs(node: Node, contract: Contract, by: str = NODE, cause: str = "") -> None:
    """End the contract's epochs and jobs: keys and replies destroyed, table files deleted."""
    ending = EndWork(node.suite, node.jobs.kinds, contract.id, by, cause)
    follow_end(node, contract, await node.writer.submit(ending))


def follow_end(node: Node, contract: Contract, jobs: list[Job]) -> None:
    """Let memory and files follow `EndWork`, which returned `jobs`."""
    node.jobs.adopt(jobs)
    node.epochs.reload()
    node.stops.reload()
    _delete_tables(node, contract.id, keep=None)


@dataclass(frozen=True, slots=True)
class EndWork(Change[list[Job]]):
    """End whatever is under way under a contract that has ended; return the jobs cancelled."""

    suite: Suite
    kinds: steps.Kinds
    contract: str
    by: str = NODE
    cause: str = ""

    def apply(self, transaction: Transaction) -> list[Job]:
        """Cancel its jobs, close its epochs, end its stops."""
        cause = self.cause or "the contract has ended"
        cancelled = steps.cancel_of(
            transaction, self.suite, self.kinds, self.contract, self.by, cause
        )
        CloseEpochs(self.suite, self.contract).apply(transaction)
        end_stops(transaction, self.contract)
        return cancelled


@dataclass(frozen=True, slots=True)
class OpenBuild(Change[list[Job]]):
    """Put in the job that builds a contract's next epoch, in place of one that is under way."""

    suite: Suite
    kinds: steps.Kinds
    vault: Vault
    contract: Contract
    version: int  # of the snapshot
    rows: int
    key: bytes = field(repr=False)
    kept: int = 0  # number of the epoch whose key stays, if it is ready and nothing newer was begun

    def apply(self, transaction: Transaction) -> list[Job]:
        """Write epoch and job; return the jobs that were cancelled, and last the new one."""
        contract = self.contract
        cancelled = [
            steps.cancel(transaction, self.suite, self.kinds, job, NODE, "a newer epoch begins")
            for job in steps.live_of(transaction, contract.id)
            if job.kind == KIND
        ]
        about, ask = self._opened(transaction)
        new = steps.NewJob(
            kind=KIND,
            about=about,
            ask=ask,
            account=contract.buyer,
            contract=contract.id,
            cost=self.rows,
            total=self.rows,
        )
        return [*cancelled, steps.put_in(transaction, new)]

    def _opened(self, transaction: Transaction) -> tuple[str, dict[str, Json]]:
        """Return what the job is about and what it is asked: a new epoch, or a further build."""
        number = self.kept
        if number and (build := next_build(transaction, self.contract.id, number)):
            return f"epoch {number}, build {build}", {"epoch": number, "build": build}
        opened = OpenEpoch(self.contract.id, self.version, self.vault, self.key)
        number = opened.apply(transaction)
        return f"epoch {number}", {"epoch": number}


async def _begin(node: Node, contract: Contract) -> None:
    await begin_epoch(node, contract)


def _finish(node: Node, contract: Contract, task: "asyncio.Task[None]") -> None:
    error = None if task.cancelled() else task.exception()
    if error is None:
        return
    reason = error.reason if isinstance(error, UnseenError) else InternalError.reason
    node.epochs.note_failure(contract.id, reason)
    _logger.error("contract %s: its epoch could not be written down (%s)", contract.id, reason)


async def run(node: Node, running: Running) -> Outcome:
    """Build a new epoch's table, the first build under its key."""
    job, number = running.job, _epoch(running.job)
    contract = node.contracts.get(job.contract)
    table = node.catalogue.table(contract.terms.table)
    node.epochs.begin(contract.id)
    _logger.info("contract %s: building epoch %d", contract.id, number)
    spool = node.spool_path(job.id)
    try:
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir(parents=True)
        key, began = node.epochs.key_of(contract.id, number), time.monotonic()
        root = await choose_rows(node, contract, number, spool)
        spec = spec_of(node, contract, table, number, spool)
        spec, built = await _build_roomy(node, spec, key, table, running.progress)
        node.consents.seconds[contract.id] = time.monotonic() - began
        if built.unusable:
            what = "contract %s: %d rows have no canonical form, and nobody can ask about them"
            _logger.warning(what, contract.id, built.unusable)
        await asyncio.to_thread(put_in_place, node, spec, node.table_path(contract.id, number))
    except (StorageFullError, OSError) as error:
        # It is tried again; meanwhile the buyer hears why there is no answer.
        if isinstance(error, StorageFullError) or disk_full(error):
            node.epochs.note_failure(contract.id, StorageFullError.reason)
        raise
    manifest = replace(manifest_of(contract, number, spec, built, key, table), consent_root=root)
    token = sign_manifest(node.signer, manifest)
    size = manifest.rows * manifest.row_bytes
    hit("epoch.before_publish")
    return Outcome(PublishEpoch(node.suite, contract.id, number, token, manifest, size))


def lost(transaction: Transaction, job: Job, reason: str) -> None:
    """Note that an epoch's table could not be built; of a further build the one before answers."""
    FailEpoch(job.contract, _epoch(job), reason).apply(transaction)


def ended(node: Node, job: Job) -> None:
    """Let memory and files follow a build's end; a failed one under a kept key begins anew."""
    number, build = _epoch(job), build_of(job)
    shutil.rmtree(node.spool_path(job.id), ignore_errors=True)
    node.epochs.reload()
    rotation.look_again(node, job.contract)
    own = node.table_path(job.contract, number, build)
    if job.state is JobState.DONE:
        hit("epoch.after_publish")
        _delete_tables(node, job.contract, keep=own)
        _logger.info("contract %s: epoch %d, build %d answers", job.contract, number, build)
        return
    for path in files_of(own):
        path.unlink(missing_ok=True)
    sweep_matrices(node, job.contract)
    contract = node.contracts.get(job.contract)
    if build > 1 and job.state is JobState.FAILED and contract.state is State.ACTIVE:
        start_epoch(node, contract)


async def again(node: Node, job: Job) -> Job:
    """Begin a new epoch where the build of one has failed or was cancelled.

    Raises:
        ContractNotActiveError: the contract is not in force.

    """
    contract = node.contracts.get(job.contract)
    if contract.state is not State.ACTIVE:
        raise ContractNotActiveError(
            f"the contract is {contract.state.value}",
            clause="state",
            remedy="see who has to act next: unseen contract show ID",
        )
    return await begin_epoch(node, contract)


def _epoch(job: Job) -> int:
    number = job.ask["epoch"]
    return number if isinstance(number, int) else 0


def build_of(job: Job) -> int:
    """Return which build of its epoch's table a job makes: 1 under a new key."""
    build = job.ask.get("build", 1)
    return build if isinstance(build, int) else 1


Told = Callable[[str, int, int], None]


def _untold(phase: str, done: int, total: int) -> None:
    del phase, done, total


class _Rows:
    """Adds up the rows that several processes report of one phase."""

    def __init__(self, told: Told, phase: str, total: int) -> None:
        self._told, self._phase, self._total, self._done = told, phase, total, 0
        self.add(0)

    def add(self, rows: int) -> None:
        self._done += rows
        self._told(self._phase, self._done, self._total)


async def build_table(
    node: Node, spec: BuildSpec, key: PrivateKey, table: Table, told: Told = _untold
) -> Built:
    """Build a table in the spool of `spec`, from the rows of the registered snapshot.

    `told` hears how many rows of how many are done, by phase.

    Raises:
        TableChangedError: the rows are not the registered ones.

    """
    salt = node.vault.open(f"snapshot/{table.name}", table.snapshot.sealed_salt)
    parts = parts_of(node, spec.rows)
    encoded = encode_spec(spec)
    secret = [open_secret(node.reader.connection, node.vault)] if spec.permitted else []
    rows = _Rows(told, "sealing", spec.rows)
    try:
        async with asyncio.TaskGroup() as group:  # one that fails ends the others
            asks = [
                canonical.encode({"spec": encoded, "part": part, "parts": parts})
                for part in range(parts)
            ]
            run = node.executor.run_bulk
            fills = [
                group.create_task(run("fill_table", [ask, key.scalar, salt, *secret], rows.add))
                for ask in asks
            ]
    except* UnseenError as failed:
        raise failed.exceptions[0] from None
    target = str(spec.spool / _TABLE).encode()
    rows = _Rows(told, "sorting", spec.rows)
    sent = [canonical.encode({"spec": encoded}), target, *([key.scalar] if spec.hidden else [])]
    counts, digest, root = await node.executor.run_bulk("merge_table", sent, rows.add)
    found: Any = canonical.decode(counts)
    unusable = sum(int(fill.result()[0]) for fill in fills)
    return Built(found["rows"], found["size"], digest, root, unusable, found["fresh"])


async def _build_roomy(
    node: Node, spec: BuildSpec, key: PrivateKey, table: Table, told: Told
) -> tuple[BuildSpec, Built]:
    """Build, and again with a block more where one is too full, which is hardly ever.

    Raises:
        FilterFullError: one always is.
        TableChangedError: as `build_table`.

    """
    for _ in range(_ROOMIER):
        try:
            return spec, await build_table(node, spec, key, table, told)
        except FilterFullError:
            _logger.warning("a block of %d is too full: building with one more", spec.blocks)
        # Another nonce: under one, two builds' pads would cancel.
        parameters = replace(spec.parameters, nonce=new_nonce())
        spec = replace(spec, parameters=parameters, blocks=spec.blocks + 1)
    return spec, await build_table(node, spec, key, table, told)


def spec_of(node: Node, contract: Contract, table: Table, number: int, spool: Path) -> BuildSpec:
    """Return what building epoch `number` of a contract takes, under a fresh nonce.

    Where the contract asks for consent the spool has to hold who gave it (`consent/serving.py`).
    """
    product = node.catalogue.product(contract.terms.product)
    expressions = {predicate.name: predicate.expression for predicate in product.predicates}
    domain = epoch_domain(contract.id_bytes, number)
    blocks, width = _shape(contract, table)
    return BuildSpec(
        source=table.where,
        fingerprint=table.snapshot.fingerprint,
        subject=contract.plan.subject_columns,
        predicates=()
        if contract.plan.match
        else tuple((name, expressions[name]) for name in contract.terms.outputs),
        columns=tuple(column.name for column in table.columns),
        snapshot=b64decode(table.snapshot.commitment),
        rows=table.snapshot.rows,
        parameters=TableParameters(domain, new_nonce(), contract.plan.label_bytes),
        spool=spool,
        memory_mb=memory_of(node, parts_of(node, table.snapshot.rows)),
        permitted=contract.terms.consent is not None,
        blocks=blocks,
        width=width,
        provider=node.signer.public_key if blocks else b"",
        match=contract.plan.match,
        keep=bool(blocks) and allows_builds(contract),
    )


def _shape(contract: Contract, table: Table) -> tuple[int, int]:
    """Return blocks and width of a hidden table, or twice 0.

    By the rows of the whole table, whoever of them consents: how many do shows in nothing.
    """
    plan = contract.plan
    if plan.protocol != HIDDEN_TABLE:
        return 0, 0
    rows = max(table.snapshot.rows * plan.evaluations, 1)  # of a match each gives two
    queries = contract.terms.quota.units * plan.evaluations
    # No width leaves rows undetermined for a quota that is granted only where they may leave.
    least = least_width(PASSES * queries) or LEAST_WIDTH
    shape = choose(rows, plan.label_bytes, queries, least=max(least, LEAST_WIDTH))
    return shape.blocks, shape.width


def manifest_of(
    contract: Contract, number: int, spec: BuildSpec, built: Built, key: PrivateKey, table: Table
) -> Manifest:
    """Return what the node says of a table that was built, its first build under the key."""
    return Manifest(
        suite=contract.terms.suite,
        contract=contract.id_bytes,
        epoch=number,
        public_key=key.public_key,
        rows=built.rows,
        row_bytes=spec.shape.hint_row_bytes if spec.hidden else spec.parameters.row_bytes,
        label_bytes=spec.parameters.label_bytes,
        nonce=spec.parameters.nonce,
        snapshot=spec.snapshot,
        snapshot_at=parse_time(table.snapshot.taken_at),
        root=built.root,
        digest=built.digest,
        subject=spec.subject,
        outputs=contract.terms.outputs,
        until=contract.terms.period.until,
        protocol=HIDDEN_TABLE if spec.hidden else PROTOCOL,
        width=spec.width,
        match=spec.match,
    )


def put_in_place(node: Node, spec: BuildSpec, table: Path) -> None:
    """Move what was built out of the spool: all of it, or the table is not there."""
    table.parent.mkdir(exist_ok=True)
    pairs = list(zip(files_of(spec.spool / _TABLE), files_of(table), strict=True))
    matrix = matrix_path(spec.spool / _TABLE)
    for built, own in reversed(pairs):  # the table itself last
        if not built.exists():
            continue
        if built == matrix and share_matrix(node, spec, built, own):
            continue
        move_whole(built, own)


def _delete_tables(node: Node, contract: str, *, keep: Path | None) -> None:
    kept = () if keep is None else files_of(keep)
    for end in files_of(node.table_path(contract, 0)):
        for path in end.parent.glob(f"{contract}-*{end.suffix}"):
            if path not in kept:
                path.unlink(missing_ok=True)
    sweep_matrices(node, contract)
