"""A further build of a hidden table under its epoch's key, and the kind of job that builds tables.

The build before goes on answering until the new one is announced, and is whole until then: its
files are lent to the spool by links, or copied where that lies on another file system, and never
written to. What is built is put beside them under a name of its own. Where a further build cannot
be made the contract gets a new epoch, with a new key.
"""

import asyncio
import logging
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from unseen.evidence.releases.manifest import Manifest, build_fault, sign_manifest
from unseen.node.consent.rotation import same_people
from unseen.node.consent.serving import choose_again
from unseen.node.context import Node
from unseen.node.contracts import builder
from unseen.node.contracts.builder import Told, build_table, spec_of
from unseen.node.contracts.epochs import Epoch, PublishBuild
from unseen.node.contracts.keeping import kept_epoch
from unseen.node.contracts.register import Contract
from unseen.node.data.spec import BEFORE, BuildSpec, Built, files_of
from unseen.node.errors import EpochNotReadyError
from unseen.node.failpoints import hit
from unseen.node.jobs.kind import JobKind, Outcome, Running
from unseen.node.store.writer import Change, Transaction

_logger = logging.getLogger("unseen.node.epochs")


async def _run(node: Node, running: Running) -> Outcome:
    if builder.build_of(running.job) == 1:
        return await builder.run(node, running)
    job = running.job
    contract, build = node.contracts.get(job.contract), builder.build_of(job)
    table = node.catalogue.table(contract.terms.table)
    epoch = _epoch(node, contract, build)
    _logger.info("contract %s: building epoch %d, build %d", contract.id, epoch.number, build)
    spool = node.spool_path(job.id)
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir(parents=True)
    spec, built = await _build(node, contract, epoch, spool, running.progress)
    target = node.table_path(contract.id, epoch.number, build)
    await asyncio.to_thread(builder.put_in_place, node, spec, target)
    found = builder.manifest_of(contract, epoch.number, spec, built, epoch.key, table)
    manifest = replace(found, consent_root=epoch.manifest.consent_root, build=build)
    # Whoever has withdrawn while it was built stands in it: then the key goes.
    _check(node, contract, epoch, manifest)
    _logger.info("contract %s: %d of %d blocks built", contract.id, built.fresh, built.rows)
    token, size = sign_manifest(node.signer, manifest), manifest.rows * manifest.row_bytes
    hit("epoch.before_publish")
    version = table.snapshot.version
    published = PublishBuild(contract.id, epoch.number, token, manifest, size, version)
    return Outcome(PublishAgain(contract, epoch, published))


@dataclass(frozen=True, slots=True)
class PublishAgain(Change[bool]):
    """Make a further build answer, unless somebody has come or gone up to this very change."""

    contract: Contract
    epoch: Epoch = field(repr=False)
    published: PublishBuild

    def apply(self, transaction: Transaction) -> bool:
        """Write as `PublishBuild` does.

        Raises:
            EpochNotReadyError: the people in the table are no longer those that it was chosen by.

        """
        if not same_people(transaction.connection, self.contract, self.epoch, transaction.now):
            raise _over()
        return self.published.apply(transaction)


async def _build(
    node: Node, contract: Contract, epoch: Epoch, spool: Path, told: Told
) -> tuple[BuildSpec, Built]:
    """Build what has changed since the epoch's present build.

    Raises:
        FilterFullError: a block gets more keys than it takes.
        TableChangedError: the rows are not the registered ones.

    """
    table = node.catalogue.table(contract.terms.table)
    await asyncio.to_thread(lend, node.table_path(contract.id, epoch.number, epoch.build), spool)
    await choose_again(node, contract, epoch.number, spool)
    spec = spec_of(node, contract, table, epoch.number, spool)
    shape = epoch.manifest.shape()
    spec = replace(spec, blocks=shape.blocks, width=shape.width, again=True)
    return spec, await build_table(node, spec, epoch.key, table, told)


def lend(table: Path, spool: Path) -> None:
    """Put the files of a build into the spool, from where they are read.

    Raises:
        OSError: one is not there, or there is no space.

    """
    for own, lent in zip(files_of(table), files_of(spool / BEFORE), strict=True):
        if not own.exists():
            continue  # of a build that nothing was kept of, which is replayed and not gone on from
        try:
            os.link(own.resolve(), lent)  # a matrix that a cluster answers from lies elsewhere
        except OSError:
            shutil.copyfile(own, lent)


def _epoch(node: Node, contract: Contract, build: int) -> Epoch:
    table = node.catalogue.table(contract.terms.table)
    epoch = node.epochs.current(contract.id)
    if (kept_epoch(node, contract, table), epoch.build) != (epoch.number, build - 1):
        raise _over()
    return epoch


def _check(node: Node, contract: Contract, epoch: Epoch, manifest: Manifest) -> None:
    present = _epoch(node, contract, manifest.build)
    if present.manifest_id != epoch.manifest_id or build_fault(epoch.manifest, manifest):
        raise _over()


def _over() -> EpochNotReadyError:
    return EpochNotReadyError(
        "the table cannot be built again under its key: consents, rows or the key's time are over",
        clause="epoch.build",
        remedy="a new epoch begins by itself; see: unseen job list",
    )


BUILD = JobKind(
    name=builder.KIND,
    run=_run,
    attempts=5,
    lost=builder.lost,
    ended=builder.ended,
    again=builder.again,
)
