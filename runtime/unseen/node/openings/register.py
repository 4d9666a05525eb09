"""Orders in memory beside the store, and the changes that write them down.

An order waits for a buyer while one of the requests it wants has not been opened. The node knows
who responded and with how many parts, never what is in them.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import starmap
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine, Row, insert, select, update

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.oversight.order import NONCE_BYTES, Draw, Order
from unseen.evidence.oversight.response import Response
from unseen.evidence.suite import Suite
from unseen.node.errors import OrderNotFoundError, OrderStateError
from unseen.node.store.documents import document_id, documents_of, find_document, put_document
from unseen.node.store.schema_openings import orders, responses
from unseen.node.store.writer import Change, Transaction

_Given: TypeAlias = tuple[Row[Any], str]


@dataclass(frozen=True, slots=True)
class Responded:
    """A response as it stands: document, leaf, who gave it, and with which instance key."""

    id: str
    by: str  # name of the party
    instance: str  # name of the instance's key
    index: int
    token: str = field(repr=False)
    said: Response = field(repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as it stands. `draw` is empty where none was made."""

    id: str
    contract: str
    by: str  # name of the party that gave it
    index: int
    token: str = field(repr=False)
    order: Order = field(repr=False)
    draw: str = field(default="", repr=False)
    draw_index: int = -1
    drawn: tuple[str, ...] = ()
    responses: tuple[Responded, ...] = ()

    @property
    def id_bytes(self) -> bytes:
        """The id's 32 bytes."""
        return b64decode(self.id)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The requests that it wants opened; none before its sample is drawn."""
        return self.order.requests or self.drawn

    def opened(self, request: str) -> bool:
        """Return whether some instance has opened `request`."""
        said = (parts for one in self.responses for parts in one.said.opened)
        return any(parts.request == request for parts in said)

    def open_by(self, instance: str) -> tuple[str, ...]:
        """Return the requests that nobody has opened and this instance has said nothing about."""
        known = {r for one in self.responses if one.instance == instance for r in one.said.requests}
        return tuple(one for one in self.wanted if one not in known and not self.opened(one))


class Orders:
    """All orders, by id, and by contract."""

    def __init__(self, engine: Engine) -> None:
        """Read the orders from the store."""
        with engine.connect() as connection:
            self._by_id = {one.id: one for one in _load(connection)}
        self._by_contract: dict[str, list[str]] = {}
        self._waiting: dict[tuple[str, str], int] = {}
        for one in self._by_id.values():
            self._by_contract.setdefault(one.contract, []).append(one.id)

    def all(self) -> list[Standing]:
        """Return every order, oldest first."""
        return sorted(self._by_id.values(), key=lambda one: one.index)

    def of(self, contract: str) -> list[Standing]:
        """Return the orders under a contract, oldest first."""
        return [self._by_id[one] for one in self._by_contract.get(contract, ())]

    def get(self, identifier: str) -> Standing:
        """Return an order.

        Raises:
            OrderNotFoundError: there is none of this id.

        """
        found = self._by_id.get(identifier)
        if found is None:
            raise no_order()
        return found

    def put(self, standing: Standing) -> Standing:
        """Follow the store after a commit."""
        if standing.id not in self._by_id:
            self._by_contract.setdefault(standing.contract, []).append(standing.id)
        self._by_id[standing.id] = standing
        self._waiting.clear()
        return standing

    def waiting(self, party: str, instance: str, buyers: Callable[[str], str]) -> int:
        """Return how many orders wait for an instance (by its key's name) of the party.

        `buyers` names the buyer of a contract. Counted once for each change of any order: this is
        asked on every call.
        """
        known = self._waiting.get((party, instance))
        if known is None:
            own = (one for one in self._by_id.values() if buyers(one.contract) == party)
            known = sum(bool(one.open_by(instance)) for one in own)
            self._waiting[party, instance] = known
        return known

    def __bool__(self) -> bool:
        """Return whether there is any order."""
        return bool(self._by_id)


@dataclass(frozen=True, slots=True)
class PutOrder(Change[Standing]):
    """Write an order that was verified; one that stands already is left as it is.

    `nonce` is 16 random bytes of the node's, for the leaf: on a quiet log whoever gives the order
    could else compute the root that draws its sample, and choose the salt by it.
    """

    suite: Suite
    contract: str
    by: str
    token: str
    order: Order
    nonce: bytes = field(default_factory=lambda: secrets.token_bytes(NONCE_BYTES))

    def apply(self, transaction: Transaction) -> Standing:
        """Write the document, its leaf and the row."""
        body = self.token.encode()
        identifier = document_id(self.suite, body)
        known = _one(transaction.connection, identifier)
        if known is not None:
            return known
        leaf = {"contract": self.contract, "by": self.by, "nonce": b64encode(self.nonce)}
        put_document(transaction, self.suite, "order", body, "opening.ordered", leaf)
        row = {
            "id": identifier,
            "contract": self.contract,
            "by": self.by,
            "leaf_index": transaction.last_index,
            "draw": "",
            "draw_index": -1,
        }
        transaction.connection.execute(insert(orders), [row])
        index = transaction.last_index
        return Standing(identifier, self.contract, self.by, index, self.token, self.order)


@dataclass(frozen=True, slots=True)
class PutDraw(Change[Standing]):
    """Write the draw of an order's sample, which was verified; there is only one."""

    suite: Suite
    order: str
    token: str
    drawn: tuple[str, ...]

    def apply(self, transaction: Transaction) -> Standing:
        """Write the document, its leaf and the row.

        Raises:
            OrderStateError: another draw stands.

        """
        standing = _found(transaction.connection, self.order)
        if standing.draw == self.token:
            return standing
        if standing.draw:
            raise OrderStateError(
                "the sample of this order is drawn already",
                clause="order.draw",
                remedy="see it: unseen audit orders",
            )
        leaf = {"contract": standing.contract, "order": self.order, "by": standing.by}
        body = self.token.encode()
        identifier = put_document(transaction, self.suite, "draw", body, "opening.drawn", leaf)
        index = transaction.last_index
        transaction.connection.execute(
            update(orders)
            .where(orders.c.id == self.order)
            .values(draw=identifier, draw_index=index)
        )
        return replace(standing, draw=self.token, draw_index=index, drawn=self.drawn)


@dataclass(frozen=True, slots=True)
class PutResponse(Change[Standing]):
    """Write an instance's response, which was verified and whose parts are in place."""

    suite: Suite
    order: str
    by: str
    instance: str
    token: str
    response: Response

    def apply(self, transaction: Transaction) -> Standing:
        """Write the document, its leaf and the row; one that stands already changes nothing.

        Raises:
            OrderStateError: another response has opened what this one is about.

        """
        standing = _found(transaction.connection, self.order)
        if any(one.token == self.token for one in standing.responses):
            return standing
        if not set(self.response.requests) <= set(standing.open_by(self.instance)):
            raise OrderStateError(
                "another response to this order came first",
                clause="response.opened",
                remedy="see what is missing: unseen audit orders",
            )
        leaf: dict[str, Json] = {
            "contract": standing.contract,
            "order": self.order,
            "by": self.by,
            "instance": self.instance,
            "opened": len(self.response.opened),
            "unknown": len(self.response.unknown),
            "lost": len(self.response.lost),
        }
        body = self.token.encode()
        identifier = put_document(
            transaction, self.suite, "response", body, "opening.answered", leaf
        )
        index = transaction.last_index
        row = {"id": identifier, "order_id": self.order, "by": self.by, "leaf_index": index}
        transaction.connection.execute(insert(responses), [row])
        made = Responded(identifier, self.by, self.instance, index, self.token, self.response)
        return replace(standing, responses=(*standing.responses, made))


def no_order() -> OrderNotFoundError:
    """Return the error for an order that is not, or is not the caller's to see."""
    return OrderNotFoundError(
        "no order of this id", clause="order", remedy="see yours: unseen audit orders"
    )


def _found(connection: Connection, identifier: str) -> Standing:
    standing = _one(connection, identifier)
    if standing is None:
        raise no_order()
    return standing


def _one(connection: Connection, identifier: str) -> Standing | None:
    row = connection.execute(select(orders).where(orders.c.id == identifier)).one_or_none()
    if row is None:
        return None
    rows = connection.execute(
        select(responses).where(responses.c.order_id == identifier).order_by(responses.c.leaf_index)
    )
    tokens = {one: _text(connection, one) for one in (row.id, row.draw) if one}
    given = [(one, _text(connection, one.id)) for one in rows]
    return _standing(row, tokens, given)


def _load(connection: Connection) -> Iterator[Standing]:
    tokens = {
        identifier: body.decode()
        for kind in ("order", "draw", "response")
        for identifier, body in documents_of(connection, kind)
    }
    given: dict[str, list[_Given]] = {}
    for one in connection.execute(select(responses).order_by(responses.c.leaf_index)):
        given.setdefault(one.order_id, []).append((one, tokens[one.id]))
    for row in connection.execute(select(orders).order_by(orders.c.leaf_index)):
        yield _standing(row, tokens, given.get(row.id, []))


def _standing(row: Row[Any], tokens: Mapping[str, str], given: Sequence[_Given]) -> Standing:
    token, draw = tokens[row.id], tokens.get(row.draw, "")
    drawn = Draw.from_json(jws.peek(draw).payload).requests if draw else ()
    return Standing(
        id=row.id,
        contract=row.contract,
        by=row.by,
        index=row.leaf_index,
        token=token,
        order=Order.from_json(jws.peek(token).payload),
        draw=draw,
        draw_index=row.draw_index,
        drawn=drawn,
        responses=tuple(starmap(_responded, given)),
    )


def _responded(row: Row[Any], token: str) -> Responded:
    found = jws.peek(token)
    said = Response.from_json(found.payload)
    return Responded(row.id, row.by, found.kid, row.leaf_index, token, said)


def _text(connection: Connection, identifier: str) -> str:
    body = find_document(connection, identifier)
    if body is None:
        raise no_order()
    return body.decode()
