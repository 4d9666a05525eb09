"""Building an epoch's table in the background, and publishing it when it is whole.

A stop in between leaves a BUILDING epoch that is built anew, under a new key, at the next start;
its half-made files are in the spool, which is emptied then.
"""

import asyncio
import logging
import secrets
import shutil
from pathlib import Path
from typing import Any

from unseen.evidence import canonical
from unseen.evidence.canonical import b64decode, parse_time
from unseen.evidence.contract import State
from unseen.evidence.manifest import Manifest, sign_manifest
from unseen.node.catalog.catalogue import Table
from unseen.node.context import Node
from unseen.node.contracts.epochs import CloseEpochs, FailEpoch, OpenEpoch, PublishEpoch
from unseen.node.contracts.register import Contract
from unseen.node.data.spec import BuildSpec, Built, encode_spec, new_nonce
from unseen.node.errors import InternalError, StorageFullError
from unseen.node.failpoints import hit
from unseen.protocols.errors import UnseenError
from unseen.protocols.lookup.oprf_table import TableParameters, epoch_domain
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.keys import PrivateKey

_TABLE = "finished"
_logger = logging.getLogger("unseen.node.epochs")
_PARALLEL_ROWS = 50_000  # below this a second process costs more than it saves


def start_epoch(node: Node, contract: Contract) -> None:
    """Begin a new epoch of `contract` in the background."""
    node.epochs.begin(contract.id)
    task = asyncio.create_task(_run_epoch(node, contract))
    node.background.add(task)
    node.building.add(contract.id)
    task.add_done_callback(node.background.discard)
    task.add_done_callback(lambda done: _finish(node, contract, done))


def retry_epochs(node: Node) -> None:
    """Begin again what could not be built for want of space."""
    for contract in node.contracts.all():
        full = node.epochs.failure(contract.id) == StorageFullError.reason
        if full and contract.state is State.ACTIVE and contract.id not in node.building:
            start_epoch(node, contract)


def _finish(node: Node, contract: Contract, task: "asyncio.Task[None]") -> None:
    node.building.discard(contract.id)
    error = None if task.cancelled() else task.exception()
    if error is None:
        return
    reason = error.reason if isinstance(error, UnseenError) else InternalError.reason
    node.epochs.note_failure(contract.id, reason)
    _logger.error("contract %s: its epoch could not be written down (%s)", contract.id, reason)


async def end_epochs(node: Node, contract: Contract) -> None:
    """End the contract's epochs: keys and replies destroyed, table files deleted."""
    await node.writer.submit(CloseEpochs(node.suite, contract.id))
    node.epochs.reload()
    _delete_tables(node, contract.id, keep=None)


async def _run_epoch(node: Node, contract: Contract) -> None:
    table = node.catalogue.table(contract.terms.table)
    key = keys.generate(secrets.token_bytes)
    number = await node.writer.submit(
        OpenEpoch(contract.id, table.snapshot.version, node.vault, key.scalar)
    )
    _logger.info("contract %s: building epoch %d", contract.id, number)
    spool = node.spool_path(f"{contract.id}-{number}")
    try:
        spool.mkdir(parents=True)
        spec = spec_of(node, contract, table, number, spool)
        async with node.builds:  # one at a time: each uses every core
            built = await build_table(node, spec, key, table)
        (spool / _TABLE).replace(_make_parent(node.table_path(contract.id, number)))
        await _publish(node, contract, number, _manifest(contract, number, spec, built, key, table))
    except UnseenError as error:
        _logger.error("contract %s: epoch %d failed: %s", contract.id, number, error)  # noqa: TRY400
        await node.writer.submit(FailEpoch(contract.id, number, error.reason))
    except OSError as error:
        _logger.error("contract %s: epoch %d failed: %s", contract.id, number, error.strerror)  # noqa: TRY400
        await node.writer.submit(FailEpoch(contract.id, number, "STORAGE_FULL"))
    finally:
        shutil.rmtree(spool, ignore_errors=True)
        node.epochs.reload()


async def _publish(node: Node, contract: Contract, number: int, manifest: Manifest) -> None:
    token = sign_manifest(node.signer, manifest)
    size = manifest.rows * manifest.row_bytes
    hit("epoch.before_publish")
    publish = PublishEpoch(node.suite, contract.id, number, token, manifest, size)
    if await node.writer.submit(publish):
        hit("epoch.after_publish")
        _delete_tables(node, contract.id, keep=number)
        _logger.info("contract %s: epoch %d answers, %d rows", contract.id, number, manifest.rows)
    else:
        node.table_path(contract.id, number).unlink(missing_ok=True)


async def build_table(node: Node, spec: BuildSpec, key: PrivateKey, table: Table) -> Built:
    """Build a table in the spool of `spec`, from the rows of the registered snapshot.

    Raises:
        TableChangedError: the rows are not the registered ones.

    """
    salt = node.vault.open(f"snapshot/{table.name}", table.snapshot.sealed_salt)
    parts = _parts(node, spec.rows)
    encoded = encode_spec(spec)
    try:
        async with asyncio.TaskGroup() as fills:  # one that fails ends the others
            for part in range(parts):
                ask = canonical.encode({"spec": encoded, "part": part, "parts": parts})
                fills.create_task(node.executor.run_bulk("fill_table", [ask, key.scalar, salt]))
    except* UnseenError as group:
        raise group.exceptions[0] from None
    target = str(spec.spool / _TABLE).encode()
    counts, digest, root = await node.executor.run_bulk(
        "merge_table", [canonical.encode({"spec": encoded}), target]
    )
    found: Any = canonical.decode(counts)
    return Built(found["rows"], found["size"], digest, root)


def _parts(node: Node, rows: int) -> int:
    """Return how many processes fill one table; they share the memory ceiling."""
    return node.settings.worker_count() if rows >= _PARALLEL_ROWS else 1


def spec_of(node: Node, contract: Contract, table: Table, number: int, spool: Path) -> BuildSpec:
    """Return what building epoch `number` of a contract takes, under a fresh nonce."""
    product = node.catalogue.product(contract.terms.product)
    expressions = {predicate.name: predicate.expression for predicate in product.predicates}
    domain = epoch_domain(contract.id_bytes, number)
    return BuildSpec(
        source=table.where,
        fingerprint=table.snapshot.fingerprint,
        subject=table.subject,
        predicates=tuple((name, expressions[name]) for name in contract.terms.outputs),
        columns=tuple(column.name for column in table.columns),
        snapshot=b64decode(table.snapshot.commitment),
        rows=table.snapshot.rows,
        parameters=TableParameters(domain, new_nonce(), contract.plan.label_bytes),
        spool=spool,
        memory_mb=node.settings.memory_mb // _parts(node, table.snapshot.rows),
    )


def _manifest(
    contract: Contract, number: int, spec: BuildSpec, built: Built, key: PrivateKey, table: Table
) -> Manifest:
    return Manifest(
        suite=contract.terms.suite,
        contract=contract.id_bytes,
        epoch=number,
        public_key=key.public_key,
        rows=built.rows,
        row_bytes=spec.parameters.row_bytes,
        label_bytes=spec.parameters.label_bytes,
        nonce=spec.parameters.nonce,
        snapshot=spec.snapshot,
        snapshot_at=parse_time(table.snapshot.taken_at),
        root=built.root,
        digest=built.digest,
        subject=spec.subject,
        outputs=contract.terms.outputs,
        until=contract.terms.period.until,
    )


def _make_parent(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path


def _delete_tables(node: Node, contract: str, *, keep: int | None) -> None:
    kept = None if keep is None else node.table_path(contract, keep)
    for path in node.table_path(contract, 0).parent.glob(f"{contract}-*.table"):
        if path != kept:
            path.unlink(missing_ok=True)
