"""The contracts in force, in memory beside the store, and the changes of their state.

The store decides; memory follows it after every commit and is read on every request.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, insert, select, update

from unseen.evidence.canonical import Json, b64encode, decode, format_time
from unseen.evidence.contract import Event, State, Terms, advance
from unseen.evidence.log import event_leaf
from unseen.evidence.plan import Leakage, Plan
from unseen.evidence.suite import suite_of
from unseen.node.errors import ContractNotFoundError
from unseen.node.store.schema import contracts
from unseen.node.store.writer import Change, Transaction


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract as it stands: what was signed, by whom, and how much of it is used."""

    id: str
    state: State
    buyer: str  # name of the party
    terms: Terms
    plan: Plan
    leakage: Leakage
    operator_approval: str
    buyer_approval: str
    units_used: int

    @property
    def id_bytes(self) -> bytes:
        """Return the id's 32 bytes."""
        return self.terms.id()


class Contracts:
    """All contracts, by id."""

    def __init__(self, engine: Engine) -> None:
        """Read the contracts from the store."""
        self._engine = engine
        with engine.connect() as connection:
            rows = connection.execute(select(contracts)).all()
        self._by_id = {row.id: _from_row(row) for row in rows}

    def all(self) -> list[Contract]:
        """Return every contract, by id."""
        return [self._by_id[key] for key in sorted(self._by_id)]

    def get(self, identifier: str, *, buyer: str | None = None) -> Contract:
        """Return a contract; with `buyer`, only if it is that party's.

        Raises:
            ContractNotFoundError: none of this id, or another party's: these look the same.

        """
        contract = self._by_id.get(identifier)
        if contract is None or (buyer is not None and contract.buyer != buyer):
            raise ContractNotFoundError(
                "no contract of this id",
                clause="contract",
                remedy="see yours: unseen contract list",
            )
        return contract

    def put(self, contract: Contract) -> Contract:
        """Follow the store after a commit."""
        self._by_id[contract.id] = contract
        return contract

    def charged(self, identifier: str, units_used: int, state: State) -> None:
        """Follow the store after charges; totals only grow."""
        contract = self._by_id[identifier]
        if units_used > contract.units_used:
            self._by_id[identifier] = replace(contract, units_used=units_used, state=state)


@dataclass(frozen=True, slots=True)
class Propose(Change[Contract]):
    """Put a compiled contract into the store, as PROPOSED."""

    buyer: str
    terms: Terms
    plan: Plan
    leakage: Leakage

    def apply(self, transaction: Transaction) -> Contract:
        """Write the contract and its leaf."""
        contract = Contract(
            b64encode(self.terms.id()),
            advance(State.DRAFT, Event.PROPOSE),
            self.buyer,
            self.terms,
            self.plan,
            self.leakage,
            "",
            "",
            0,
        )
        row = {
            "id": contract.id,
            "state": contract.state.value,
            "buyer": self.buyer,
            "terms": self.terms.encode(),
            "plan": self.plan.encode(),
            "leakage": self.leakage.encode(),
            "operator_approval": "",
            "buyer_approval": "",
            "units_used": 0,
            "proposed_at": format_time(transaction.now),
        }
        transaction.connection.execute(insert(contracts), [row])
        _log(transaction, contract, "contract.proposed", {})
        return contract


_LEAVES = {
    Event.APPROVE: "contract.approved",
    Event.ACTIVATE: "contract.activated",
    Event.EXPIRE: "contract.expired",
    Event.REVOKE: "contract.revoked",
}


@dataclass(frozen=True, slots=True)
class Step(Change[Contract]):
    """Take a contract one step along its state machine; `approval` is the signature due, if any."""

    contract: str
    event: Event
    by: str  # name of the party that acts, or "node"
    approval: str = ""

    def apply(self, transaction: Transaction) -> Contract:
        """Write the new state and its leaf.

        Raises:
            TransitionError: the contract's state knows no such step.

        """
        row = transaction.connection.execute(
            select(contracts).where(contracts.c.id == self.contract)
        ).one()
        before = _from_row(row)
        values: dict[str, Any] = {"state": advance(before.state, self.event)}
        if self.event is Event.APPROVE:
            values["operator_approval"] = self.approval
        if self.event is Event.ACTIVATE:
            values["buyer_approval"] = self.approval
        after = replace(before, **values)
        transaction.connection.execute(
            update(contracts)
            .where(contracts.c.id == self.contract)
            .values(values | {"state": after.state.value})
        )
        fields: dict[str, Json] = {"by": self.by}
        if self.approval:
            digest = suite_of(after.terms.suite).digest(self.approval.encode())
            fields["approval"] = b64encode(digest)
        _log(transaction, after, _LEAVES[self.event], fields)
        return after


def expired(contract: Contract, now: datetime) -> bool:
    """Return whether the contract's period is over while its state does not say so yet."""
    open_states = (State.PROPOSED, State.APPROVED, State.ACTIVE, State.SUSPENDED)
    return contract.state in open_states and now >= contract.terms.period.until


def _log(transaction: Transaction, contract: Contract, kind: str, fields: dict[str, Json]) -> None:
    suite = suite_of(contract.terms.suite)
    body: dict[str, Json] = {"contract": contract.id, **fields}
    transaction.append(event_leaf(suite, kind, transaction.now, body))


def _from_row(row: Row[Any]) -> Contract:
    return Contract(
        row.id,
        State(row.state),
        row.buyer,
        Terms.decode(row.terms),
        Plan.from_json(decode(row.plan)),
        Leakage.from_json(decode(row.leakage)),
        row.operator_approval,
        row.buyer_approval,
        row.units_used,
    )
