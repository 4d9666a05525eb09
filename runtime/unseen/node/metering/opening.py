"""What opens the receipt of a request in the clear, kept sealed so that the operator can answer.

In a dispute both sides have to be able to show what was asked and answered: the buyer's client
keeps it, and so does the node, under its vault, for as long as it keeps the reply.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from unseen.evidence.canonical import b64encode
from unseen.evidence.releases.request import Request
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError, ReleaseNotFoundError, ReplyNotFoundError
from unseen.node.identity.vault import Vault
from unseen.node.jobs import frames
from unseen.node.metering.charged import stored_charge
from unseen.node.metering.paying import Answer, answer
from unseen.node.store.schema import charges

IN_THE_CLEAR = frozenset({"verify", "statistics", "train"})


@dataclass(frozen=True, slots=True)
class OpenedRelease:
    """A charged request in the clear: its contract, its parts and nonce, and its answer."""

    contract: str
    nonce: bytes
    parts: tuple[bytes, ...] = field(repr=False)
    answer: Answer


def seal_opening(vault: Vault, request: Request, nonce: bytes, parts: tuple[bytes, ...]) -> bytes:
    """Return nonce and parts of a request as the store keeps them."""
    place = _place(b64encode(request.contract), request.request)
    return vault.seal(place, frames.pack((nonce, *parts)))


def open_release(node: Node, request: str, contract: str = "") -> OpenedRelease:
    """Return what a charged request in the clear asked, and its answer with a receipt.

    Buyers choose the ids of their requests: one of them may stand under several contracts, and
    then `contract` has to say which is meant.

    Raises:
        FieldInvalidError: requests of this id were charged under several contracts.
        ReplyNotFoundError: none of this id was charged, or it hid its subjects, or its contract
            has ended and nothing is kept.

    """
    connection = node.reader.connection
    found = _find(connection, request, contract)
    kept = found and stored_charge(connection, found.contract, request, found.statement_digest)
    if found is None and not _charged(connection, request):
        raise ReleaseNotFoundError(
            "no request of this id was charged", clause="request.id", remedy="check the id"
        )
    if found is None or not kept or not kept.reply:
        raise ReplyNotFoundError(
            "no request of this id is kept that was sent in the clear",
            clause="request.id",
            remedy="what a hidden lookup asked only its buyer can open: unseen receipt open",
        )
    nonce, *parts = frames.unpack(node.vault.open(_place(found.contract, request), found.opening))
    buyer = node.contracts.get(found.contract).buyer
    return OpenedRelease(found.contract, nonce, tuple(parts), answer(node, buyer, kept))


def _find(connection: Connection, request: str, contract: str) -> Any:  # a row, or nothing
    wanted = select(charges.c.contract, charges.c.statement_digest, charges.c.opening).where(
        charges.c.request == request, charges.c.opening.is_not(None)
    )
    if contract:
        wanted = wanted.where(charges.c.contract == contract)
    rows = connection.execute(wanted.limit(2)).all()
    if len(rows) > 1:
        raise FieldInvalidError(
            "requests of this id were charged under several contracts",
            clause="contract",
            remedy="name one: unseen receipt open REQUEST --contract ID",
        )
    return next(iter(rows), None)


def _place(contract: str, request: str) -> str:
    return f"opening/{contract}/{request}"


def _charged(connection: Connection, request: str) -> bool:
    found = select(charges.c.request).where(charges.c.request == request).limit(1)
    return connection.execute(found).first() is not None
