"""Charges as they stand in the store, and the replies that they paid for.

Nobody else reads stored replies: what a charge has let out is handed out again from here alone.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import suite_of
from unseen.node.contracts.register import Contracts
from unseen.node.errors import RequestIdReusedError
from unseen.node.jobs import frames
from unseen.node.store.schema import charges


@dataclass(frozen=True, slots=True)
class Charged:
    """A charge as it stands in the store: where its leaf is, and the reply it paid for.

    `leaf` (its bytes), `total` and `state` (the contract's after this charge) are those of a new
    charge; one found in the store leaves them out.
    """

    leaf_index: int
    release_nonce: bytes
    instance: str  # name of the key that signed the request
    reply: tuple[bytes, ...] = field(repr=False)
    leaf: bytes | None = field(default=None, repr=False)
    total: int | None = None
    state: State | None = None
    bits_used: int = 0

    def follow(self, register: Contracts, contract: str) -> None:
        """Let the contracts in memory follow a new charge."""
        if self.total is not None and self.state is not None:
            register.charged(contract, self.total, self.state, self.bits_used)


def stored_charge(
    connection: Connection, contract: str, request: str, statement_digest: str
) -> Charged | None:
    """Return the charge of this request id, if there is one.

    Raises:
        RequestIdReusedError: it was charged for another statement.

    """
    row = find_charge(connection, contract, request)
    return charged_for(row, statement_digest) if row else None


def find_charge(connection: Connection, contract: str, request: str) -> Row[Any] | None:
    """Return the charge's row, if there is one."""
    return connection.execute(_STORED, {"contract": contract, "request": request}).one_or_none()


def parts_stored(row: Row[Any]) -> int:
    """Return how many parts the reply of a charge's row has; 0 where it is kept no more."""
    return len(frames.unpack(row.reply)) if row.reply else 0


_STORED = select(charges).where(
    charges.c.contract == bindparam("contract"), charges.c.request == bindparam("request")
)


def charged_for(row: Any, statement_digest: str) -> Charged:
    """Return the charge of a row, if it is for this statement.

    Raises:
        RequestIdReusedError: it is for another.

    """
    if row.statement_digest != statement_digest:
        raise RequestIdReusedError(
            "this request id was charged for another request",
            clause="request.id",
            remedy="send the first request again unchanged, or take a fresh id",
        )
    reply = frames.unpack(row.reply) if row.reply is not None else ()
    return Charged(row.leaf_index, row.release_nonce, row.instance, tuple(reply))


def digest_of(request: Request) -> str:
    """Return the hash of a request statement as it is stored; base64url."""
    return b64encode(suite_of(request.suite).digest(request.bytes()))
