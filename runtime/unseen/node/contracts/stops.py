"""Stops by order: which contracts stand still and whether the node does, who said so and why.

A stop stands until whoever gave it lifts it: what a regulator has stopped no operator sets going
again. They are rows, so that a restart forgets none, and each is one leaf. What runs under what
is stopped is ended in the same transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from unseen.evidence.canonical import Json, format_time
from unseen.evidence.contracts.states import TRANSITIONS, Event
from unseen.evidence.errors import StopInvalidError, TransitionError
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import Suite
from unseen.node.contracts.decide import node_stopped
from unseen.node.contracts.register import Contract, Step, find_contract
from unseen.node.errors import RightMissingError
from unseen.node.jobs import steps
from unseen.node.jobs.record import Job
from unseen.node.store.documents import document_id, find_document, put_document
from unseen.node.store.schema_jobs import stops
from unseen.node.store.writer import Change, Transaction

NODE = "node"
DOCUMENT = "stop"  # type of the documents that signed orders are
_STANDING = select(stops).where(stops.c.lifted_at == "").order_by(stops.c.number)


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop that stands: of what, by whom (a party, or `node` with what it looked at), why."""

    target: str
    by: str
    cause: str
    since: str
    document: str


class Stops:
    """The stops that stand, in memory beside the store."""

    def __init__(self, engine: Engine) -> None:
        """Read the stops from the store."""
        self._engine = engine
        self.reload()

    def reload(self) -> None:
        """Read the stops anew."""
        with self._engine.connect() as connection:
            found = _standing(connection)
        self._by_target: dict[str, tuple[Stop, ...]] = {}
        for stop in found:
            self._by_target[stop.target] = (*self.of(stop.target), stop)

    def node(self) -> Stop | None:
        """Return the stop of the node itself, if it stands still."""
        return next(iter(self.of(NODE)), None)

    def cause(self) -> str:
        """Return why the node stands still; empty where it does not."""
        standing = self.node()
        return standing.cause if standing else ""

    def check_node(self) -> None:
        """Return if the node does not stand still.

        Raises:
            NodeStoppedError: it does.

        """
        standing = self.node()
        if standing is not None:
            raise node_stopped(standing.cause)

    def of(self, contract: str) -> tuple[Stop, ...]:
        """Return the stops of a contract, the oldest first."""
        return self._by_target.get(contract, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a stop or its end rests on: `token` is the signed order, empty if it is the node's."""

    by: str
    cause: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Hold(Change[Contract]):
    """Suspend a contract and cancel what runs under it."""

    suite: Suite
    kinds: steps.Kinds
    contract: str
    order: Order

    def apply(self, transaction: Transaction) -> Contract:
        """Write stop, state, jobs and leaves.

        Raises:
            TransitionError: the contract is not in force, or this party has suspended it.
            StopInvalidError: the order was used before.

        """
        order = self.order
        if order.by in {stop.by for stop in _of(transaction.connection, self.contract)}:
            raise TransitionError(state="suspended", event=Event.SUSPEND.value)
        _check_fresh(transaction, self.suite, order)
        step = Step(self.contract, Event.SUSPEND, order.by, order.cause, order.token)
        after = step.apply(transaction)
        _write(transaction, self.suite, self.contract, order)
        cause = f"the contract was suspended: {order.cause}"
        steps.cancel_of(transaction, self.suite, self.kinds, self.contract, order.by, cause)
        return after


@dataclass(frozen=True, slots=True)
class Lift(Change[Contract]):
    """Lift a party's stop of a contract; the last one resumes it."""

    suite: Suite
    contract: str
    order: Order

    def apply(self, transaction: Transaction) -> Contract:
        """Write the stop's end, the state and the leaf.

        Raises:
            TransitionError: the contract is not suspended.
            RightMissingError: this party has not suspended it.
            StopInvalidError: the order was used before.

        """
        order, connection = self.order, transaction.connection
        contract = find_contract(connection, self.contract)
        standing = _of(connection, self.contract)
        if (contract.state, Event.RESUME) not in TRANSITIONS:
            raise TransitionError(state=contract.state.value, event=Event.RESUME.value)
        if order.by not in {stop.by for stop in standing}:
            raise _not_theirs(standing)
        _check_fresh(transaction, self.suite, order)
        _end(transaction, self.contract, order.by)
        left = [stop for stop in standing if stop.by != order.by]
        if not left:
            step = Step(self.contract, Event.RESUME, order.by, order.cause, order.token)
            return step.apply(transaction)
        fields: dict[str, Json] = {"contract": self.contract, "left": len(left)}
        _log(transaction, self.suite, "stop.lifted", order, fields)
        return contract


@dataclass(frozen=True, slots=True)
class StopNode(Change[list[Job]]):
    """Have the whole node stand still; the jobs that run give their leases back."""

    suite: Suite
    order: Order

    def apply(self, transaction: Transaction) -> list[Job]:
        """Write stop, jobs and leaf; return the jobs.

        Raises:
            NodeStoppedError: it stands still already.
            StopInvalidError: the order was used before.

        """
        if standing := _of(transaction.connection, NODE):
            raise node_stopped(standing[0].cause)
        _check_fresh(transaction, self.suite, self.order)
        _write(transaction, self.suite, NODE, self.order)
        _log(transaction, self.suite, "node.stopped", self.order, {})
        return steps.yield_all(transaction, self.suite)


@dataclass(frozen=True, slots=True)
class ResumeNode(Change[None]):
    """Have the node go on."""

    suite: Suite
    order: Order

    def apply(self, transaction: Transaction) -> None:
        """Write the stop's end and the leaf.

        Raises:
            StopInvalidError: the node does not stand still, or the order was used before.

        """
        if not _of(transaction.connection, NODE):
            raise StopInvalidError("the node is not stopped", clause="node.stopped")
        _check_fresh(transaction, self.suite, self.order)
        _end(transaction, NODE)
        _log(transaction, self.suite, "node.resumed", self.order, {})


def end_stops(transaction: Transaction, contract: str) -> None:
    """Note that the stops of a contract have ended with it."""
    _end(transaction, contract)


def _not_theirs(standing: Iterable[Stop]) -> RightMissingError:
    others = ", ".join(sorted({stop.by for stop in standing}))
    return RightMissingError(
        f"the contract was suspended by {others}, and only who did that resumes it",
        clause="stop.by",
        remedy="see who and why: unseen contract show ID",
    )


def _check_fresh(transaction: Transaction, suite: Suite, order: Order) -> None:
    if not order.token:
        return
    known = document_id(suite, order.token.encode())
    if find_document(transaction.connection, known) is not None:
        raise StopInvalidError("the order was used before", clause="nonce")


def _write(transaction: Transaction, suite: Suite, target: str, order: Order) -> None:
    row = {
        "target": target,
        "by": order.by,
        "cause": order.cause,
        "document": document_id(suite, order.token.encode()) if order.token else "",
        "stopped_at": format_time(transaction.now),
        "lifted_at": "",
    }
    transaction.connection.execute(insert(stops), [row])


def _end(transaction: Transaction, target: str, by: str = "") -> None:
    ended = update(stops).where(stops.c.target == target, stops.c.lifted_at == "")
    if by:
        ended = ended.where(stops.c.by == by)
    transaction.connection.execute(ended.values(lifted_at=format_time(transaction.now)))


def _log(
    transaction: Transaction, suite: Suite, kind: str, order: Order, more: dict[str, Json]
) -> None:
    fields: dict[str, Json] = {"by": order.by, "cause": order.cause, **more}
    if order.token:
        put_document(transaction, suite, DOCUMENT, order.token.encode(), kind, fields)
    else:
        transaction.append(event_leaf(suite, kind, transaction.now, fields))


def _of(connection: Connection, target: str) -> list[Stop]:
    rows = connection.execute(_STANDING.where(stops.c.target == target))
    return [_from_row(row) for row in rows]


def _standing(connection: Connection) -> list[Stop]:
    return [_from_row(row) for row in connection.execute(_STANDING)]


def _from_row(row: Row[Any]) -> Stop:
    return Stop(row.target, row.by, row.cause, row.stopped_at, row.document)
