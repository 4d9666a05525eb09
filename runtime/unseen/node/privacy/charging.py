"""Privacy at the charge: decided for good, and written, in the transaction that charges.

First the ledger of every table, over all contracts, then the contract's own budget. An answer that
another contract has paid for costs the tables nothing, and the contract's budget what it says: a
contract never gets more than was granted to it. What one charge of a group takes, the next one
does not find. Whether an answer is refused depends on the
ledger and on what was asked, never on what the answer says.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, func, insert, select, update

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.privacy import UNITS, granted, rho_text, spends, tables_of
from unseen.node.contracts.register import Contract
from unseen.node.errors import (
    InternalError,
    PartitionPinnedError,
    PrivacyBudgetMissingError,
    PrivacyBudgetSpentError,
)
from unseen.node.privacy.spend import Pin, Spend
from unseen.node.store.schema_privacy import (
    privacy_answers,
    privacy_budgets,
    privacy_contracts,
    privacy_partitions,
    privacy_received,
    privacy_spends,
)
from unseen.protocols.errors import UnseenError


class Spending(Protocol):
    """As much of a charge as the ledger looks at."""

    @property
    def contract(self) -> Contract:
        """Under which contract it is."""

    @property
    def privacy(self) -> Spend | None:
        """What it costs."""


@dataclass(slots=True)
class Budget:
    """What a table's people grant to all askers together; `most` is None where none is set."""

    most: int | None
    spent: int


@dataclass(slots=True)
class Ledger:
    """The ledger as a group of charges finds it, and what the group adds."""

    budgets: dict[str, Budget]
    contracts: dict[str, int]  # units spent, by contract
    pins: dict[str, tuple[str, int]]  # partition and version, by table
    answers: dict[str, bytes]  # sealed replies, by key
    # Units of answers that others paid for, by contract; contract and key of those it has had.
    given: dict[str, int] = field(default_factory=dict)
    received: set[tuple[str, str]] = field(default_factory=set)
    _noted: list[dict[str, Any]] = field(default_factory=list)
    _pinned: list[dict[str, Any]] = field(default_factory=list)
    _answered: list[dict[str, Any]] = field(default_factory=list)
    _received: list[dict[str, Any]] = field(default_factory=list)
    _changed: set[str] = field(default_factory=set)
    _first: set[str] = field(default_factory=set)  # contracts that spend for the first time

    @classmethod
    def read(cls, connection: Connection, asked: Iterable[Spending]) -> "Ledger":
        """Return what the charges `asked` may touch."""
        spending = [one for one in asked if one.privacy is not None]
        if not spending:
            return cls({}, {}, {}, {})
        tables = {table for one in spending for table in _tables(one.contract)}
        keys = {b64encode(one.privacy.answer) for one in spending if one.privacy}
        ids = {one.contract.id for one in spending}
        return cls(*_read(connection, tables, ids, keys - {""}))

    def answer(self, spend: Spend | None) -> bytes | None:
        """Return the stored answer to this very question over these rows, sealed."""
        return self.answers.get(b64encode(spend.answer)) if spend and spend.answer else None

    def against(self, contract: Contract, spend: Spend | None) -> UnseenError | None:
        """Return what stands against a new answer: a table's ledger, or the contract's budget."""
        if spend is None:
            if spends(contract.terms):
                return InternalError("a release says nothing of what it costs in privacy")
            return None
        try:
            tables = tables_of(contract.terms)
            most = granted(contract.terms) if spend.units else 0
        except UnseenError as error:
            return error
        return (
            self._against_pins(tables, spend)
            or self._against_tables(tables, spend.units)
            or self._against_contract(contract, most, spend.units)
        )

    def against_known(self, contract: Contract, spend: Spend) -> UnseenError | None:
        """Return what stands against giving a stored answer: the contract's budget, the first time.

        Without this a contract with a small budget would get all that others have asked with a
        large one.
        """
        if not spend.units or (contract.id, b64encode(spend.answer)) in self.received:
            return None
        try:
            return self._against_contract(contract, granted(contract.terms), spend.units)
        except UnseenError as error:
            return error

    def give(self, contract: Contract, spend: Spend) -> None:
        """Count a stored answer that is given, the first time that it is under this contract."""
        key = b64encode(spend.answer)
        if not spend.units or (contract.id, key) in self.received:
            return
        self.received.add((contract.id, key))
        self.given[contract.id] = self.given.get(contract.id, 0) + spend.units
        self._received.append({"contract": contract.id, "key": key, "units": spend.units})

    def note(
        self, contract: Contract, request: str, spend: Spend, snapshot: bytes, leaf: int
    ) -> None:
        """Take a new answer into the ledger."""
        for pin in spend.pins:
            if pin.table not in self.pins:
                self.pins[pin.table] = (b64encode(pin.partition), pin.version)
                self._pinned.append(_pin_row(pin, contract.id, leaf))
        if not spend.units:
            return
        for table in tables_of(contract.terms):
            self.budgets[table].spent += spend.units
            self._changed.add(table)
            self._noted.append(
                {
                    "contract": contract.id,
                    "request": request,
                    "table_name": table,
                    "units": spend.units,
                    "snapshot": b64encode(snapshot),
                    "leaf_index": leaf,
                }
            )
        if contract.id not in self.contracts:
            self._first.add(contract.id)
        self.contracts[contract.id] = self.contracts.get(contract.id, 0) + spend.units

    def keep(self, contract: str, spend: Spend, snapshot: bytes, sealed: bytes, leaf: int) -> None:
        """Keep a new answer, so that the same question over the same rows gets it again."""
        key = b64encode(spend.answer)
        if not key or key in self.answers:
            return
        self.answers[key] = sealed
        self.received.add((contract, key))
        self._answered.append(
            {
                "key": key,
                "sealed_reply": sealed,
                "snapshot": snapshot,
                "contract": contract,
                "leaf_index": leaf,
            }
        )

    def write(self, connection: Connection) -> None:
        """Write what the group added."""
        for table, rows in (
            (privacy_spends, self._noted),
            (privacy_partitions, self._pinned),
            (privacy_answers, self._answered),
            (privacy_received, self._received),
        ):
            if rows:
                connection.execute(insert(table), rows)
        for name in sorted(self._changed):
            own = privacy_budgets.c.table_name == name
            spent = self.budgets[name].spent
            connection.execute(update(privacy_budgets).where(own).values(spent=spent))
        for contract in sorted({row["contract"] for row in self._noted}):
            row, own = {"spent": self.contracts[contract]}, privacy_contracts.c.contract == contract
            if contract in self._first:
                connection.execute(insert(privacy_contracts), [{"contract": contract, **row}])
            else:
                connection.execute(update(privacy_contracts).where(own).values(row))

    def _against_pins(self, tables: tuple[str, ...], spend: Spend) -> UnseenError | None:
        if any(pin.table not in tables for pin in spend.pins):
            return InternalError("a partition is of a table that the contract does not read")
        for pin in spend.pins:
            wanted = (b64encode(pin.partition), pin.version)
            if self.pins.get(pin.table, wanted) != wanted:
                return PartitionPinnedError(
                    f"table {pin.table} is shown exactly in another partition, over other rows,"
                    " or together with other nodes",
                    clause="parameters.menu.partition",
                    remedy="ask with a cost: every other answer about the table has noise",
                )
        return None

    def _against_tables(self, tables: tuple[str, ...], units: int) -> UnseenError | None:
        if not units:
            return None
        for table in tables:
            budget = self.budgets.get(table)
            if budget is None or budget.most is None:
                return PrivacyBudgetMissingError(
                    f"table {table} has no privacy budget, so nothing with noise leaves it",
                    clause="table.budget",
                    remedy="its operator sets one, once and for all:"
                    f" unseen table budget {table} --epsilon E --delta D",
                )
            if budget.spent + units > budget.most:
                left = _said(budget.most - budget.spent)
                return PrivacyBudgetSpentError(
                    f"the answer costs a rho of {rho_text_of(units)}; {left} are left of the"
                    f" budget of table {table}, for whoever asks",
                    clause="table.budget",
                    remedy="ask for less, with a smaller rho: more noise;"
                    " what is spent never comes back",
                )
        return None

    def _against_contract(self, contract: Contract, most: int, units: int) -> UnseenError | None:
        if not units:
            return None
        if not most:
            return PrivacyBudgetMissingError(
                "the contract has no privacy budget, so nothing with noise leaves under it",
                clause="budget",
                remedy="ask for a contract with one: unseen contract request",
            )
        left = most - self.contracts.get(contract.id, 0) - self.given.get(contract.id, 0)
        if units > left:
            return PrivacyBudgetSpentError(
                f"the answer costs a rho of {rho_text_of(units)}; {_said(left)} are left of the"
                " contract's budget",
                clause="budget",
                remedy="ask for less, with a smaller rho: more noise; or for a further contract",
            )
        return None


def rho_text_of(units: int) -> str:
    """Return units as people read them, also where there are more than a leaf can say."""
    return rho_text(units) if units < UNITS * 10**9 else "10^9 or more"


def _said(units: int) -> str:
    """Return what is left, rounded down to what a leaf can say."""
    return rho_text(max(units, 0) // 1000 * 1000)


def _tables(contract: Contract) -> tuple[str, ...]:
    try:
        return tables_of(contract.terms)
    except UnseenError:  # said again, and in words, where the charge is decided on
        return ()


def _pin_row(pin: Pin, contract: str, leaf: int) -> dict[str, Any]:
    return {
        "table_name": pin.table,
        "partition": b64encode(pin.partition),
        "version": pin.version,
        "contract": contract,
        "leaf_index": leaf,
    }


def _read(
    connection: Connection, tables: set[str], contracts: set[str], keys: set[str]
) -> tuple[
    dict[str, Budget],
    dict[str, int],
    dict[str, tuple[str, int]],
    dict[str, bytes],
    dict[str, int],
    set[tuple[str, str]],
]:
    budgets, spent, had = privacy_budgets, privacy_contracts, privacy_received
    pins, answers = privacy_partitions, privacy_answers
    found = connection.execute(select(budgets).where(budgets.c.table_name.in_(tables)))
    totals = connection.execute(select(spent).where(spent.c.contract.in_(contracts)))
    pinned = connection.execute(select(pins).where(pins.c.table_name.in_(tables)))
    known = connection.execute(
        select(answers.c.key, answers.c.sealed_reply, answers.c.contract).where(
            answers.c.key.in_(keys)
        )
    ).all()
    given = connection.execute(
        select(had.c.contract, func.sum(had.c.units).label("units"))
        .where(had.c.contract.in_(contracts))
        .group_by(had.c.contract)
    )
    received = connection.execute(
        select(had.c.contract, had.c.key).where(had.c.contract.in_(contracts), had.c.key.in_(keys))
    )
    return (
        {row.table_name: Budget(row.most if row.epsilon else None, row.spent) for row in found},
        {row.contract: row.spent for row in totals},
        {row.table_name: (row.partition, row.version) for row in pinned},
        {row.key: row.sealed_reply for row in known},
        {row.contract: int(row.units) for row in given},
        {(row.contract, row.key) for row in (*known, *received)},
    )
