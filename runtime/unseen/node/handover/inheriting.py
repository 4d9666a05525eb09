"""Quota that buyers had left at a predecessor, and the contracts that take it on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Row, select, update

from unseen.evidence.contracts.states import State
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import Suite
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import ContractNotFoundError, FieldInvalidError
from unseen.node.store.schema_registry import inherited
from unseen.node.store.writer import Change, Transaction

if TYPE_CHECKING:
    from unseen.evidence.canonical import Json

_OPEN = (State.PROPOSED, State.APPROVED, State.ACTIVE, State.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a buyer had left under a predecessor's contract; `successor` took it on, or is empty."""

    contract: str
    origin: str
    buyer: str
    product: str
    kind: str
    units: int
    used: int
    successor: str


def all_inherited(engine: Engine) -> list[Inherited]:
    """Return everything that was taken over, by the predecessor's contract."""
    with engine.connect() as connection:
        rows = connection.execute(select(inherited).order_by(inherited.c.contract)).all()
    return [_read(row) for row in rows]


async def inherit(node: Node, contract: str, successor: Contract) -> Inherited:
    """Note that `successor` takes on what was left under a predecessor's contract.

    Raises:
        ContractNotFoundError: nothing was taken over under that id.
        FieldInvalidError: it is taken on already, or the successor is for something else, for
            more units than were left, or has ended.

    """
    return await node.writer.submit(Inherit(node.suite, contract, successor))


@dataclass(frozen=True, slots=True)
class Inherit(Change[Inherited]):
    """Tie a contract to the predecessor's whose quota it takes on."""

    suite: Suite
    contract: str
    successor: Contract

    def apply(self, transaction: Transaction) -> Inherited:
        """Write the tie and its leaf."""
        connection, own = transaction.connection, inherited.c.contract == self.contract
        row = connection.execute(select(inherited).where(own)).one_or_none()
        if row is None:
            raise ContractNotFoundError(
                "nothing was taken over under this id",
                clause="contract",
                remedy="see what was: unseen node inherited",
            )
        self._check(connection, _read(row))
        connection.execute(update(inherited).where(own).values(successor=self.successor.id))
        fields: dict[str, Json] = {
            "contract": self.contract,
            "successor": self.successor.id,
            "units": self.successor.terms.quota.units,
        }
        leaf = event_leaf(self.suite, "quota.inherited", transaction.now, fields)
        transaction.append(leaf)
        return _read(connection.execute(select(inherited).where(own)).one())

    def _check(self, connection: Connection, found: Inherited) -> None:
        terms = self.successor.terms
        taken = select(inherited.c.contract).where(inherited.c.successor == self.successor.id)
        if found.successor or connection.execute(taken).first():
            why, clause = "one of the two is tied to another contract already", "contract"
        elif self.successor.state not in _OPEN:
            why, clause = "the contract that should take it on has ended", "state"
        elif (terms.product, terms.kind) != (found.product, found.kind):
            why, clause = "the two are for different products or kinds", "product"
        elif terms.quota.units > found.units - found.used:
            why, clause = f"only {found.units - found.used} units were left", "quota.units"
        else:
            return
        raise FieldInvalidError(
            why, clause=f"inherit.{clause}", remedy="see what is left: unseen node inherited"
        )


def _read(row: Row[Any]) -> Inherited:
    return Inherited(
        row.contract,
        row.origin,
        row.buyer,
        row.product,
        row.kind,
        row.units,
        row.used,
        row.successor,
    )
