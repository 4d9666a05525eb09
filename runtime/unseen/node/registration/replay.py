"""Replaying the build of an epoch's table, to hold the manifest against the registered rows.

A build takes its randomness from two values: the epoch's key, sealed by the vault while the epoch
answers, and the nonce in the manifest. With both and the registered rows it can be done again and
has to give the same bytes. When the epoch ends its key is destroyed, and with it the possibility
to replay: an auditor comes while the epoch answers, or not at all. Of a further build under the
same key each block is replayed with the nonce of the build that made it.
"""

import asyncio
import dataclasses
import shutil
from dataclasses import dataclass

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.releases.manifest import verify_manifest
from unseen.node.consent.serving import choose_again
from unseen.node.context import Node
from unseen.node.contracts.builder import build_table, spec_of
from unseen.node.contracts.epochs import Epoch, builds_of
from unseen.node.contracts.further import lend
from unseen.node.contracts.register import Contract
from unseen.node.data import source
from unseen.node.data.spec import BuildSpec
from unseen.node.errors import KindRefusedError, SeedDestroyedError
from unseen.node.registration.audit import Note
from unseen.protocols.lookup.oprf_table import TableParameters


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay gave: number of rows, digest and root of the table that was built again.

    `manifest` is the manifest's id, `token` the manifest itself, signed.
    """

    epoch: int
    manifest: str
    token: str
    rows: int
    digest: bytes
    root: bytes
    matches: bool
    leaf: int


def _hidden(node: Node, epoch: Epoch, spec: BuildSpec) -> BuildSpec:
    """Return the specification of a hidden table as it was built, block by block.

    One that turned out too narrow has more blocks than planned; of a further build some blocks are
    those of builds before, and the published hint says which.
    """
    shape = epoch.manifest.shape()
    spec = dataclasses.replace(spec, blocks=shape.blocks, width=shape.width, keep=False)
    if epoch.build == 1:
        return spec
    with node.engine.connect() as connection:
        tokens = [token for token, _ in builds_of(connection, epoch.contract, epoch.number)[1:]]
    manifests = [verify_manifest(token, node.suite, node.signer.public_key) for token in tokens]
    lend(node.table_path(epoch.contract, epoch.number, epoch.build), spec.spool)
    return dataclasses.replace(spec, past=tuple(manifest.nonce for manifest in manifests))


async def replay_table(node: Node, contract: Contract, by: str) -> Replayed:
    """Build the present epoch's table again from its sealed key, and compare with the manifest.

    Raises:
        KindRefusedError: the contract has no encrypted table.
        SeedDestroyedError: no epoch of it answers: its key is gone, or it has none yet.
        TableChangedError: the rows that it was built from are not the present snapshot's.

    """
    if contract.terms.kind != "lookup":
        raise KindRefusedError(
            "a contract of this kind has no encrypted table",
            clause="contract.kind",
            remedy="replay the build of a contract of kind lookup",
        )
    if not node.epochs.answers(contract.id):
        raise SeedDestroyedError(
            "no epoch of this contract answers: the key of its table is gone, or not there yet",
            clause="epoch",
            remedy="replay a build while its epoch answers: see unseen contract show ID",
        )
    epoch, table = node.epochs.current(contract.id), node.catalogue.table(contract.terms.table)
    if b64encode(epoch.manifest.snapshot) != table.snapshot.commitment:
        raise source.changed()
    spool = node.spool_path(f"{contract.id}-{epoch.number}-replay")
    async with node.audits:
        try:
            spool.mkdir(parents=True)
            await choose_again(node, contract, epoch.number, spool)
            spec = spec_of(node, contract, table, epoch.number, spool)
            parameters = TableParameters(
                spec.parameters.domain, epoch.manifest.nonce, epoch.manifest.label_bytes
            )
            spec = dataclasses.replace(spec, parameters=parameters)
            if spec.hidden:
                spec = await asyncio.to_thread(_hidden, node, epoch, spec)
            built = await build_table(node, spec, epoch.key, table)
        finally:
            shutil.rmtree(spool, ignore_errors=True)
    stated = (epoch.manifest.rows, epoch.manifest.digest, epoch.manifest.root)
    matches = (built.rows, built.digest, built.root) == stated
    name = b64encode(epoch.manifest_id)
    fields: dict[str, Json] = {
        "contract": contract.id,
        "epoch": epoch.number,
        "manifest": name,
        "matches": matches,
        "by": by,
    }
    leaf = await node.writer.submit(Note(node.suite, "table.replayed", fields))
    return Replayed(
        epoch.number, name, epoch.token, built.rows, built.digest, built.root, matches, leaf
    )
