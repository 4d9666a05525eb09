"""Answers about one place of the tree, signed: what is in force there, and what a job could use.

The node is asked about a place without being told whose it is. It answers for a root that is in
force, or one under which something was done; the proof of what the tree was then is kept.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from unseen.evidence.canonical import b64encode, decode
from unseen.evidence.consents.consent_proof import (
    ConsentAnswer,
    JobScope,
    Listed,
    sign_answer,
)
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.log import RELEASE, ReleaseLeaf
from unseen.evidence.logged import Logged
from unseen.node.audit.log import Head
from unseen.node.audit.shown import show
from unseen.node.consent.admission import token_name
from unseen.node.consent.nodes import PastNodes
from unseen.node.consent.register import chain_ids, tree_of, unsealed_chain
from unseen.node.consent.tree import Root, TreeKeys, as_root, newest_root
from unseen.node.context import Node
from unseen.node.errors import ConsentNotFoundError, FieldInvalidError
from unseen.node.store.documents import find_document
from unseen.node.store.schema import charges
from unseen.node.store.schema_consent import consent_roots, consents
from unseen.protocols.oprf.suite import check_batch
from unseen.protocols.smt import INDEX_BYTES, SparseTree

_MOMENT = 0.001


@dataclass(frozen=True, slots=True)
class About:
    """Which root a proof is of: that of a job, by request id or leaf; or by number; or the newest.

    At most one is given.
    """

    job: str = ""
    leaf: int | None = None
    root: int = 0


async def evaluate(node: Node, elements: list[bytes]) -> tuple[list[bytes], bytes, bytes]:
    """Return blinded subjects evaluated under the tree's key, the proof, and the public key."""
    check_batch(len(elements))
    key = (await tree_of(node)).key
    *evaluated, proof = await node.executor.run("voprf", [key.scalar, key.public_key, *elements])
    return evaluated, proof, key.public_key


async def prove(node: Node, place: bytes, about: About) -> str:
    """Return the node's signed answer about `place`.

    Raises:
        ConsentNotFoundError: no such root, none that anything was done under, or no such job.

    """
    if len(place) != INDEX_BYTES:
        raise FieldInvalidError(f"an index has {INDEX_BYTES} bytes", clause="index")
    tree = await tree_of(node)
    with node.engine.connect() as connection:  # one moment for all that is read
        job = _job_index(node, connection, about)
        root = _root(node, connection, about, job)
        document = _document(connection, root)
        path = SparseTree(tree.shape, PastNodes(connection, root.number)).path(place)
        rows = connection.execute(_IN_FORCE, {"place": place, "number": root.number}).all()
        nonce = _nonce(connection, tree, place, root.number)
    # What is committed comes into the log that is in memory a moment later, on a thread.
    while node.log.size <= root.leaf_index:  # noqa: ASYNC110 - a thread sets no asyncio.Event
        await asyncio.sleep(_MOMENT)
    head = show(node.log.head())
    answer = ConsentAnswer(
        index=place,
        root=document,
        path=path.encode(),
        place=_logged(node, root.leaf_index, head),
        checkpoint=head.note,
        nonce=nonce,
        consents=tuple(_listed(node, tree, row) for row in rows),
        job=None if job is None else _logged(node, job, head),
        scope=None if job is None else _scope(node, job),
    )
    return sign_answer(node.signer, answer)


def _job_index(node: Node, connection: Connection, about: About) -> int | None:
    """Return the index of the release that the proof is about; nothing if it is of a root."""
    if about.leaf is not None:
        if not 0 <= about.leaf < node.log.size:
            raise _no_job()
        return about.leaf
    if not about.job:
        return None
    of_job = select(charges.c.leaf_index).where(charges.c.request == about.job)
    found = connection.execute(of_job).scalars().all()
    if len(found) != 1:
        raise _no_job()
    return int(found[0])


def _root(node: Node, connection: Connection, about: About, job: int | None) -> Root:
    newest = newest_root(connection)
    found = select(consent_roots).order_by(consent_roots.c.number.desc()).limit(1)
    if job is None:
        wanted = consent_roots.c.number == (about.root or newest.number)
    else:
        leaf = node.log.read_leaf(node.engine, job)
        named = leaf.get("consent_root", "") if leaf.get("type") == RELEASE else ""
        wanted = (consent_roots.c.root == named) & (consent_roots.c.leaf_index < job)
    row = connection.execute(found.where(wanted)).one_or_none()
    if row is None:
        raise _no_job()
    root = as_root(row)
    if not root.used and root.number != newest.number:
        raise ConsentNotFoundError(
            "nothing was done under this root, and its tree is not kept",
            clause="consent.root",
            remedy="ask about the newest root, or about a job",
        )
    return root


def _document(connection: Connection, root: Root) -> ConsentRoot:
    body = find_document(connection, root.document)
    if body is None:  # unreachable: both were written in one transaction
        raise _no_job()
    return ConsentRoot.from_json(decode(body))


def _nonce(connection: Connection, tree: TreeKeys, place: bytes, number: int) -> bytes:
    """Return the nonce of the leaf as it stood under root `number`; empty if there was none."""
    last = connection.execute(_LAST_CHANGE, {"place": place, "number": number}).one()
    changed = max(last.added or 0, last.ended or 0)
    return tree.nonce(place, changed) if changed else b""


def _listed(node: Node, tree: TreeKeys, row: Any) -> Listed:
    token = tree.sealer.open(token_name(row.id), row.sealed_token).decode()
    ids = chain_ids(node, row.delegation) if row.delegation else ()
    return Listed(token=token, chain=tuple(unsealed_chain(node, tree, ids)))


def _logged(node: Node, index: int, head: Head) -> Logged:
    leaf = node.log.read_leaf(node.engine, index)
    return Logged(leaf=leaf, index=index, proof=tuple(node.log.inclusion_proof(index, head)))


def _scope(node: Node, job: int) -> JobScope:
    request = ReleaseLeaf.from_json(node.log.read_leaf(node.engine, job)).request
    terms = node.contracts.get(b64encode(request.contract)).terms
    if terms.consent is None:  # unreachable: its leaf names a root
        raise _no_job()
    return JobScope(
        recipient=terms.buyer, table=terms.table, product=terms.product, consent=terms.consent
    )


def _no_job() -> ConsentNotFoundError:
    return ConsentNotFoundError(
        "no root, and no job that was done under one, is called so",
        clause="consent.root",
        remedy="a job is named by its request id or by the index of its leaf in the log",
    )


_IN_FORCE = (
    select(consents.c.id, consents.c.delegation, consents.c.sealed_token)
    .where(
        consents.c.place == bindparam("place"),
        consents.c.added <= bindparam("number"),
        or_(consents.c.ended.is_(None), consents.c.ended > bindparam("number")),
    )
    .order_by(consents.c.id)
)
_LAST_CHANGE = select(
    func.max(consents.c.added).filter(consents.c.added <= bindparam("number")).label("added"),
    func.max(consents.c.ended).filter(consents.c.ended <= bindparam("number")).label("ended"),
).where(consents.c.place == bindparam("place"))
