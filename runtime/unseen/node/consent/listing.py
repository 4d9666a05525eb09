"""What the register shows: roots to whoever reads the log, one subject's consents to a hub."""

from dataclasses import dataclass, field

from sqlalchemy import select

from unseen.node.consent.admission import token_name
from unseen.node.consent.register import tree_of
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError
from unseen.node.store.schema import documents
from unseen.node.store.schema_consent import consent_roots, consents
from unseen.protocols.smt import INDEX_BYTES


@dataclass(frozen=True, slots=True)
class Registered:
    """A consent as the register has it; `ended` is 0 and `cause` empty while it is in force."""

    id: str
    token: str = field(repr=False)
    added: int
    ended: int
    cause: str
    ended_at: str


@dataclass(frozen=True, slots=True)
class LoggedRoot:
    """A root's number, its document, and the index of the leaf that names it."""

    number: int
    document: bytes
    leaf_index: int


async def at_place(node: Node, place: bytes) -> list[Registered]:
    """Return every consent that was ever registered at a place of the tree."""
    if len(place) != INDEX_BYTES:
        raise FieldInvalidError(f"an index has {INDEX_BYTES} bytes", clause="index")
    tree = await tree_of(node)
    found = select(consents).where(consents.c.place == place).order_by(consents.c.added)
    return [
        Registered(
            row.id,
            tree.sealer.open(token_name(row.id), row.sealed_token).decode(),
            row.added,
            row.ended or 0,
            row.cause or "",
            row.ended_at or "",
        )
        for row in node.reader.connection.execute(found)
    ]


def roots(node: Node, after: int, count: int) -> list[LoggedRoot]:
    """Return up to `count` roots numbered above `after`, in order."""
    found = (
        select(consent_roots.c.number, consent_roots.c.leaf_index, documents.c.body)
        .join(documents, documents.c.id == consent_roots.c.document)
        .where(consent_roots.c.number > after)
        .order_by(consent_roots.c.number)
        .limit(count)
    )
    rows = node.reader.connection.execute(found)
    return [LoggedRoot(row.number, row.body, row.leaf_index) for row in rows]
