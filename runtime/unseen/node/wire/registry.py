"""unseen.v1 registry messages <-> certificates, audits, replays."""

import re

from unseen.node.errors import FieldInvalidError
from unseen.node.handover.inheriting import Inherited
from unseen.node.registration.audit import Audited
from unseen.node.registration.register import Listed
from unseen.node.registration.replay import Replayed
from unseen.v1 import registry_pb2

_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_OBJECTS = ("", "table", "product", "contract")


def certificate_id(name: str) -> str:
    """Return the id in `certificates/ID`.

    Raises:
        FieldInvalidError: not of this form.

    """
    prefix, _, identifier = name.partition("/")
    if prefix != "certificates" or not _ID.fullmatch(identifier):
        raise FieldInvalidError("not a name of the form certificates/ID", clause="certificate")
    return identifier


def page(request: registry_pb2.ListCertificatesRequest) -> tuple[str, str]:
    """Return the kind of object and the id after which a page begins.

    Raises:
        FieldInvalidError: either is malformed.

    """
    if request.object not in _OBJECTS:
        raise FieldInvalidError(
            "certificates are of a table, a product or a contract", clause="object"
        )
    if request.page_token and not _ID.fullmatch(request.page_token):
        raise FieldInvalidError("not a page token of this node", clause="page_token")
    return request.object, request.page_token


def certificate_message(listed: Listed) -> registry_pb2.Certificate:
    """Return a certificate with its present holder."""
    return registry_pb2.Certificate(
        name=f"certificates/{listed.id}",
        token=listed.token,
        holder=listed.holder,
        newest=listed.newest,
    )


def audited_message(audited: Audited) -> registry_pb2.AuditTableResponse:
    """Return what an audit found; nothing of the rows."""
    snapshot = audited.table.snapshot
    return registry_pb2.AuditTableResponse(
        version=snapshot.version,
        snapshot=snapshot.commitment,
        registered_rows=snapshot.rows,
        rows=audited.rows,
        root=audited.root,
        proofs=[
            registry_pb2.RowProof(index=proof.index, leaf=proof.leaf, path=b"".join(proof.path))
            for proof in audited.proofs
        ],
        matches=audited.matches,
        leaf_index=audited.leaf,
    )


def replayed_message(replayed: Replayed) -> registry_pb2.ReplayTableResponse:
    """Return what a replay gave."""
    return registry_pb2.ReplayTableResponse(
        epoch=replayed.epoch,
        manifest=replayed.manifest,
        manifest_token=replayed.token,
        rows=replayed.rows,
        digest=replayed.digest,
        root=replayed.root,
        matches=replayed.matches,
        leaf_index=replayed.leaf,
    )


def inherited_message(quota: Inherited) -> registry_pb2.Inherited:
    """Return what a buyer had left at a predecessor."""
    return registry_pb2.Inherited(
        contract=quota.contract,
        origin=quota.origin,
        buyer=quota.buyer,
        product=quota.product,
        kind=quota.kind,
        units=quota.units,
        used=quota.used,
        successor=f"contracts/{quota.successor}" if quota.successor else "",
    )
