"""Pages of the log and of the documents it names, as one caller may see them."""

from typing import NamedTuple

from sqlalchemy import select

from unseen.evidence.log import decode_leaf
from unseen.node.audit.evidence import StoredDocument
from unseen.node.audit.redaction import shows, whole
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError
from unseen.node.identity.parties import Caller
from unseen.node.resources import PAGE_BYTES
from unseen.node.store.schema import documents, leaves


class LeafPage(NamedTuple):
    """Leaves in log order, empty where the caller sees only the hash; and those hashes."""

    leaves: list[bytes]
    hashes: list[bytes]
    size: int  # of the log


class DocumentPage(NamedTuple):
    """Documents in log order, and the leaf that the next page starts at; 0 after the last."""

    documents: list[StoredDocument]
    following: int


def list_leaves(node: Node, who: Caller, start: int, most: int) -> LeafPage:
    """Return at most `most` leaves from the index `start` on.

    Raises:
        FieldInvalidError: `start` is negative.

    """
    with node.engine.connect() as connection:
        found = connection.execute(
            select(leaves.c.leaf_index, leaves.c.body)
            .where(leaves.c.leaf_index >= _index(start), leaves.c.leaf_index < node.log.size)
            .order_by(leaves.c.leaf_index)
            .limit(most)
        ).all()
    page = LeafPage([], [], node.log.size)
    for row in found:
        if whole(who) or shows(node, who, decode_leaf(row.body)):
            page.leaves.append(row.body)
        else:
            page.leaves.append(b"")
            page.hashes.append(node.log.leaf_hash(row.leaf_index))
    return page


def list_documents(node: Node, who: Caller, start: int, most: int) -> DocumentPage:
    """Return at most `most` documents from the leaf `start` on: those that the caller may see.

    Raises:
        FieldInvalidError: `start` is negative.

    """
    with node.engine.connect() as connection:
        rows = connection.execute(
            select(documents, leaves.c.body.label("leaf"))
            .join(leaves, leaves.c.leaf_index == documents.c.leaf_index)
            .where(documents.c.leaf_index >= _index(start))
            .order_by(documents.c.leaf_index)
            .limit(most + 1)
        ).all()
    found: list[StoredDocument] = []
    used = 0
    for place, row in enumerate(rows):
        if place == most or used >= PAGE_BYTES:
            return DocumentPage(found, row.leaf_index)
        if whole(who) or shows(node, who, decode_leaf(row.leaf)):
            found.append(StoredDocument(row.leaf_index, row.type, row.body))
            used += len(row.body)
    return DocumentPage(found, 0)


def _index(start: int) -> int:
    if start < 0:
        raise FieldInvalidError("an index is not negative", clause="start")
    return start
