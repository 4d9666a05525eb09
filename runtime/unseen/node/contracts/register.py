"""The contracts in force, in memory beside the store, and the changes of their state.

The store decides; memory follows it after every commit and is read on every request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from unseen.evidence.canonical import Json, b64encode, decode, format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.limits import is_standing
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.states import Event, State, advance
from unseen.evidence.errors import TransitionError
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import suite_of
from unseen.node.errors import ContractNotFoundError
from unseen.node.registration.issue import Issuer
from unseen.node.store.documents import put_document
from unseen.node.store.schema import approvals, contracts
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
    approvals: Mapping[str, str]  # JWS by role, as far as they were given
    units_used: int
    cause: str = ""  # why it is suspended or was ended
    bits_used: int = 0  # what its releases have said at most

    @property
    def approved(self) -> bool:
        """Return whether everybody has signed whose signature the buyer's waits for."""
        return all(role in self.approvals for role in self.terms.required())

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
            given = _approvals(connection)
            rows = connection.execute(select(contracts)).all()
        self._by_id = {row.id: _from_row(row, given.get(row.id, {})) for row in rows}

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

    def charged(self, identifier: str, units_used: int, state: State, bits_used: int) -> None:
        """Follow the store after charges; totals only grow."""
        contract = self._by_id[identifier]
        if units_used > contract.units_used:
            self._by_id[identifier] = replace(contract, units_used=units_used, state=state)
        self.said(identifier, bits_used)

    def said(self, identifier: str, bits_used: int) -> None:
        """Follow the store after releases and refusals; what was said is never unsaid."""
        contract = self._by_id[identifier]
        if bits_used > contract.bits_used:
            self._by_id[identifier] = replace(contract, bits_used=bits_used)


@dataclass(frozen=True, slots=True)
class Propose(Change[Contract]):
    """Put a compiled contract into the store, as PROPOSED."""

    buyer: str
    terms: Terms
    plan: Plan
    leakage: Leakage
    standing: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    # what the template's signers have approved already: (party, JWS) by role

    def apply(self, transaction: Transaction) -> Contract:
        """Write the contract, its leaf, and the approvals that its template brings along."""
        contract = Contract(
            b64encode(self.terms.id()),
            advance(State.DRAFT, Event.PROPOSE),
            self.buyer,
            self.terms,
            self.plan,
            self.leakage,
            MappingProxyType({}),
            0,
        )
        row = {
            "id": contract.id,
            "state": contract.state.value,
            "buyer": self.buyer,
            "terms": self.terms.encode(),
            "plan": self.plan.encode(),
            "leakage": self.leakage.encode(),
            "units_used": 0,
            "bits_used": 0,
            "proposed_at": format_time(transaction.now),
            "cause": "",
        }
        transaction.connection.execute(insert(contracts), [row])
        _log(transaction, contract, "contract.proposed", {})
        for role, (by, token) in self.standing.items():
            contract = Approve(contract.id, role, by, token).apply(transaction)
        return contract


_LEAVES = {
    Event.APPROVE: "contract.approved",
    Event.ACTIVATE: "contract.activated",
    Event.SUSPEND: "contract.suspended",
    Event.RESUME: "contract.resumed",
    Event.EXHAUST: "contract.exhausted",
    Event.EXPIRE: "contract.expired",
    Event.REVOKE: "contract.revoked",
}


@dataclass(frozen=True, slots=True)
class Step(Change[Contract]):
    """Take a contract one step along its state machine; `cause` says why, in words.

    `order` is the signed document that the step rests on, if there is one.
    """

    contract: str
    event: Event
    by: str  # name of the party that acts, or "node"
    cause: str = ""
    order: str = ""

    def apply(self, transaction: Transaction) -> Contract:
        """Write the new state and its leaf.

        Raises:
            TransitionError: the contract's state knows no such step.

        """
        before = find_contract(transaction.connection, self.contract)
        after = replace(before, state=advance(before.state, self.event), cause=self.cause)
        _write(transaction.connection, after)
        fields: dict[str, Json] = {"by": self.by}
        if self.cause:
            fields["cause"] = self.cause
        if self.order:
            suite, body = suite_of(after.terms.suite), self.order.encode()
            fields["contract"] = after.id
            put_document(transaction, suite, "stop", body, _LEAVES[self.event], fields)
        else:
            _log(transaction, after, _LEAVES[self.event], fields)
        return _exhaust(transaction, after) if self.event is Event.RESUME else after


def _exhaust(transaction: Transaction, contract: Contract) -> Contract:
    """Return a contract that goes on: exhausted at once if its units were used up before."""
    if contract.units_used < contract.terms.quota.units:
        return contract
    after = replace(contract, state=advance(contract.state, Event.EXHAUST), cause="")
    _write(transaction.connection, after)
    _log(transaction, after, _LEAVES[Event.EXHAUST], {})
    return after


@dataclass(frozen=True, slots=True)
class Approve(Change[Contract]):
    """Take one signature over a contract; the last one due takes it a step further."""

    contract: str
    role: str
    by: str  # name of the party that signs
    token: str
    issuer: Issuer | None = None  # of the certificate that comes with the buyer's signature

    def apply(self, transaction: Transaction) -> Contract:
        """Write the signature, the state, the certificate and the leaves.

        Raises:
            TransitionError: the contract does not wait for this signature, or has it.

        """
        before = find_contract(transaction.connection, self.contract)
        event = Event.ACTIVATE if self.role == "buyer" else Event.APPROVE
        state = advance(before.state, event)
        if self.role in before.approvals:
            raise TransitionError(state=before.state.value, event=event.value)
        given = MappingProxyType({**before.approvals, self.role: self.token})
        after = replace(before, approvals=given)
        if event is Event.ACTIVATE or after.approved:
            after = replace(after, state=state)
        row = {
            "contract": self.contract,
            "role": self.role,
            "token": self.token,
            "given_at": format_time(transaction.now),
        }
        transaction.connection.execute(insert(approvals), [row])
        _write(transaction.connection, after)
        digest = suite_of(after.terms.suite).digest(self.token.encode())
        fields: dict[str, Json] = {
            "by": self.by,
            "role": self.role,
            "approval": b64encode(digest),
        }
        if is_standing(self.token):
            fields["template"] = b64encode(after.terms.template)
        _log(transaction, after, _LEAVES[event], fields)
        if self.issuer is not None:
            self.issuer.issue(transaction, "contract", after.id, after.id_bytes)
        return after


def expired(contract: Contract, now: datetime) -> bool:
    """Return whether the contract's period is over while its state does not say so yet."""
    open_states = (State.PROPOSED, State.APPROVED, State.ACTIVE, State.SUSPENDED)
    return contract.state in open_states and now >= contract.terms.period.until


def _log(transaction: Transaction, contract: Contract, kind: str, fields: dict[str, Json]) -> None:
    suite = suite_of(contract.terms.suite)
    body: dict[str, Json] = {"contract": contract.id, **fields}
    transaction.append(event_leaf(suite, kind, transaction.now, body))


def find_contract(connection: Connection, identifier: str) -> Contract:
    """Return a contract as the store has it; it must exist."""
    row = connection.execute(select(contracts).where(contracts.c.id == identifier)).one()
    given = connection.execute(
        select(approvals.c.role, approvals.c.token).where(approvals.c.contract == identifier)
    )
    return _from_row(row, {row.role: row.token for row in given})


def _write(connection: Connection, contract: Contract) -> None:
    connection.execute(
        update(contracts)
        .where(contracts.c.id == contract.id)
        .values(state=contract.state.value, cause=contract.cause)
    )


def _approvals(connection: Connection) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(select(approvals)):
        found.setdefault(row.contract, {})[row.role] = row.token
    return found


def _from_row(row: Row[Any], given: Mapping[str, str]) -> Contract:
    return Contract(
        row.id,
        State(row.state),
        row.buyer,
        Terms.decode(row.terms),
        Plan.from_json(decode(row.plan)),
        Leakage.from_json(decode(row.leakage)),
        MappingProxyType(dict(given)),
        row.units_used,
        row.cause,
        row.bits_used,
    )
