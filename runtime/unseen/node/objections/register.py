"""Objections in the store: signed documents that the log names, and sealed words that it does not.

What stands is computed from the documents each time, by the rules of
`evidence.oversight.objections`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select, update

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.oversight.objection import Answered, Closed, Opened
from unseen.evidence.suite import Suite
from unseen.node.errors import ObjectionNotFoundError, ObjectionStateError
from unseen.node.identity.vault import Vault
from unseen.node.store.documents import document_id, find_document, put_document
from unseen.node.store.schema import contracts
from unseen.node.store.schema_openings import objections
from unseen.node.store.writer import Change, Transaction


@dataclass(frozen=True, slots=True)
class Words:
    """What a side says, and the nonce of the commitment to it, 32 bytes."""

    text: str
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """An objection's tokens as they stand, empty where there is none yet. `by` opened it."""

    id: str
    contract: str
    by: str  # name of the party
    opened: str
    answered: str
    closed: str
    opened_words: bytes  # sealed
    answered_words: bytes  # sealed; empty until given

    @property
    def tokens(self) -> tuple[str, ...]:
        """The documents that are there, in their order."""
        return tuple(one for one in (self.opened, self.answered, self.closed) if one)


def seal_words(vault: Vault, place: str, words: Words) -> bytes:
    """Return words as the store keeps them; `place` is the id of the document they belong to."""
    value: Json = [words.text, b64encode(words.nonce)]
    return vault.seal(f"words/{place}", canonical.encode(value))


def open_words(vault: Vault, place: str, sealed: bytes) -> Words | None:
    """Return the words that were sealed for `place`; None where there are none."""
    value = canonical.decode(vault.open(f"words/{place}", sealed)) if sealed else None
    match value:
        case [str() as text, str() as nonce]:
            return Words(text, b64decode(nonce))
    return None


def find(engine: Engine, identifier: str) -> Standing:
    """Return an objection.

    Raises:
        ObjectionNotFoundError: there is none of this id.

    """
    with engine.connect() as connection:
        return _find(connection, identifier)


def opener_of(engine: Engine, identifier: str) -> str:
    """Return the name of the party that opened an objection; empty if there is none of this id."""
    query = select(objections.c.by).where(objections.c.id == identifier)
    with engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none() or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """Which objections are listed: those behind the id `after` that have what is not empty.

    `contract` is an id, `by` the party that opened it, `buyer` the party of its contract.
    """

    contract: str = ""
    by: str = ""
    buyer: str = ""
    after: str = ""


def listed(engine: Engine, only: Only) -> Iterator[Standing]:
    """Yield objections by id, each read when it is asked for."""
    wanted = select(objections.c.id).where(objections.c.id > only.after).order_by(objections.c.id)
    if only.contract:
        wanted = wanted.where(objections.c.contract == only.contract)
    if only.by:
        wanted = wanted.where(objections.c.by == only.by)
    if only.buyer:
        own = select(contracts.c.id).where(contracts.c.buyer == only.buyer)
        wanted = wanted.where(objections.c.contract.in_(own))
    with engine.connect() as connection:
        for identifier in connection.execute(wanted).scalars().all():
            yield _find(connection, identifier)


@dataclass(frozen=True, slots=True)
class PutOpened(Change[Standing]):
    """Write an objection that was verified; one that stands already is left as it is."""

    suite: Suite
    contract: str
    by: str
    token: str
    document: Opened
    words: bytes  # sealed

    def apply(self, transaction: Transaction) -> Standing:
        """Write the document, its leaf and the row."""
        body = self.token.encode()
        identifier = document_id(self.suite, body)
        known = transaction.connection.execute(
            select(objections.c.id).where(objections.c.id == identifier)
        ).scalar_one_or_none()
        if known is None:
            leaf = {
                "contract": self.contract,
                "by": self.by,
                "reason": self.document.reason,
                "request": self.document.request,
            }
            put_document(transaction, self.suite, "objection", body, "objection.opened", leaf)
            row = {
                "id": identifier,
                "contract": self.contract,
                "by": self.by,
                "answer": "",
                "close": "",
                "opened_words": self.words,
                "answered_words": b"",
            }
            transaction.connection.execute(insert(objections), [row])
        return _find(transaction.connection, identifier)


@dataclass(frozen=True, slots=True)
class PutLater(Change[Standing]):
    """Write an answer or a close that follows from what `seen` shows, if nothing came between."""

    suite: Suite
    seen: Sequence[str]  # the tokens that it was checked against
    objection: str
    by: str
    token: str
    document: Answered | Closed
    words: bytes = b""  # sealed

    def apply(self, transaction: Transaction) -> Standing:
        """Write the document, its leaf and the row; one that stands already changes nothing.

        Raises:
            ObjectionStateError: another document came first.

        """
        standing = _find(transaction.connection, self.objection)
        if self.token in standing.tokens:
            return standing
        if standing.tokens != tuple(self.seen):
            raise moved_on()
        answer = isinstance(self.document, Answered)
        event = "objection.answered" if answer else "objection.closed"
        leaf: dict[str, Json] = {
            "contract": standing.contract,
            "objection": self.objection,
            "by": self.by,
            **_said(self.document),
        }
        body = self.token.encode()
        identifier = put_document(transaction, self.suite, "objection", body, event, leaf)
        values = (
            {"answer": identifier, "answered_words": self.words}
            if answer
            else {"close": identifier}
        )
        transaction.connection.execute(
            update(objections).where(objections.c.id == self.objection).values(values)
        )
        return _find(transaction.connection, self.objection)


def no_objection() -> ObjectionNotFoundError:
    """Return the error for an objection that is not, or is not the caller's to see."""
    return ObjectionNotFoundError(
        "no objection of this id", clause="objection", remedy="see yours: unseen objection list"
    )


def moved_on() -> ObjectionStateError:
    """Return the error for a document that another one has overtaken."""
    return ObjectionStateError(
        "another document of this objection came first",
        clause="status",
        remedy="see where it stands: unseen objection show ID",
    )


def _said(document: Answered | Closed) -> dict[str, Json]:
    if isinstance(document, Closed):
        return {"agreed": document.agreed}
    credit, correction = document.credit, document.correction
    return {
        "verdict": "accepted" if document.accepted else "rejected",
        "credit": credit.to_json() if credit else None,
        "correction": correction.to_json() if correction else None,
    }


def _find(connection: Connection, identifier: str) -> Standing:
    row = connection.execute(select(objections).where(objections.c.id == identifier)).one_or_none()
    if row is None:
        raise no_objection()
    return Standing(
        id=row.id,
        contract=row.contract,
        by=row.by,
        opened=_text(connection, row.id),
        answered=_text(connection, row.answer),
        closed=_text(connection, row.close),
        opened_words=row.opened_words,
        answered_words=row.answered_words,
    )


def _text(connection: Connection, identifier: str) -> str:
    body = find_document(connection, identifier) if identifier else None
    return "" if body is None else body.decode()
