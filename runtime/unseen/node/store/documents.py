"""Documents that the log names: each by the hash of its bytes, stored beside the leaf.

Mandates, templates, rule files, certificates, orders and the like are public to everybody who may
read the log. What concerns one person is never a document.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import Suite
from unseen.node.store.schema import documents
from unseen.node.store.writer import Transaction


def document_id(suite: Suite, body: bytes) -> str:
    """Return the name of a document: the hash of its bytes; base64url."""
    return b64encode(suite.digest(body))


def put_document(
    transaction: Transaction,
    suite: Suite,
    kind: str,
    body: bytes,
    event: str,
    fields: Mapping[str, Json],
) -> str:
    """Store a document of type `kind` and append the leaf `event` that names it; return its id.

    The leaf carries `fields` and the id as `document`. A document that is stored already is
    named by one more leaf.

    Raises:
        LeafInvalidError: the leaf is malformed or too large.

    """
    identifier = document_id(suite, body)
    leaf = event_leaf(suite, event, transaction.now, {**fields, "document": identifier})
    keep_document(transaction, suite, kind, body, transaction.append(leaf))
    return identifier


def keep_document(
    transaction: Transaction, suite: Suite, kind: str, body: bytes, index: int
) -> None:
    """Store a document that the leaf at `index` names, unless it is stored already."""
    identifier = document_id(suite, body)
    if find_document(transaction.connection, identifier) is None:
        row = {"id": identifier, "type": kind, "body": body, "leaf_index": index}
        transaction.connection.execute(insert(documents), [row])


def find_document(connection: Connection, identifier: str) -> bytes | None:
    """Return the bytes of a document, or None."""
    return connection.execute(
        select(documents.c.body).where(documents.c.id == identifier)
    ).scalar_one_or_none()


def documents_of(connection: Connection, kind: str) -> list[tuple[str, bytes]]:
    """Return id and bytes of every document of type `kind`, in the order of the log."""
    rows = connection.execute(
        select(documents.c.id, documents.c.body)
        .where(documents.c.type == kind)
        .order_by(documents.c.leaf_index, documents.c.id)
    )
    return [(row.id, row.body) for row in rows]
