"""Contracts that spend privacy, over a store of their own, and what the ledger says."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import Engine, func, insert, select
from tests.node.conftest import NOW, Store, let_out, make_request, put_contract, put_epoch

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.privacy import UNITS
from unseen.evidence.suite import INTL
from unseen.node.contracts.register import Contract
from unseen.node.identity.vault import Vault
from unseen.node.jobs import frames
from unseen.node.metering.charge import Charge
from unseen.node.metering.charged import Charged, digest_of
from unseen.node.privacy.changes import SetBudget
from unseen.node.privacy.spend import Pin, Spend
from unseen.node.store.schema import leaves, tables
from unseen.node.store.schema_privacy import privacy_budgets, privacy_contracts, privacy_spends
from unseen.node.store.writer import Transaction, write_leaves

DELTA = "0.000001"
MENU: dict[str, Json] = {"rows_per_person": 1, "delta": DELTA}
VAULT = Vault(bytes(32))
RHO_OF_ONE = 24_355_970_000
"""Units within epsilon 1 at that delta, to the places that a leaf can say."""


def private(
    contract: Contract, budget: str = "1", menu: Mapping[str, Json] = MENU, table: str = "people"
) -> Contract:
    """Return the contract as one that has a menu and may spend `budget`."""
    terms = dataclasses.replace(
        contract.terms, budget=budget, table=table, parameters={"menu": dict(menu)}
    )
    return dataclasses.replace(contract, terms=terms, id=b64encode(terms.id()))


class Desk:
    """One store with tables and contracts; charges are applied in groups, as the writer does."""

    def __init__(self, store: Store, made: Callable[..., Contract]) -> None:
        self.store, self._made = store, made

    def table(self, name: str = "people", epsilon: str = "", delta: str = DELTA) -> None:
        """Register a table, and set its budget if there is one."""
        row = {
            "name": name,
            "source": "",
            "subject": "[]",
            "columns": "[]",
            "holder": "",
            "registered_at": "",
        }
        with self.store.engine.begin() as connection:
            connection.execute(insert(tables), [row])
        if epsilon:
            self.budget(epsilon, name=name, delta=delta)

    def budget(
        self, epsilon: str, *, name: str = "people", delta: str = DELTA, raised: bool = False
    ) -> None:
        """Set a table's budget, or raise why not."""
        change = SetBudget(INTL, name, epsilon, delta, raised, "operator")
        self._apply(change.apply)

    def contract(self, budget: str = "1", units: int = 1000, **terms: Any) -> Contract:
        """Put a contract into the store that may spend `budget`."""
        contract = private(self._made(units=units), budget, **terms)
        put_contract(self.store.engine, contract, contract.plan, contract.leakage)
        put_epoch(self.store.engine, contract)
        return contract

    def charge(self, group: Sequence[Charge], now: dt.datetime = NOW) -> list[Any]:
        """Apply a group of charges; errors are told by their reason and clause."""
        found = self._apply(lambda transaction: Charge.apply_all(transaction, group), now)
        return [
            each if isinstance(each, Charged) else f"{each.reason} {each.clause}" for each in found
        ]

    def _apply(self, work: Callable[[Transaction], Any], now: dt.datetime = NOW) -> Any:
        with self.store.engine.begin() as connection:
            transaction = Transaction(connection, now, self.store.log.size)
            found = work(transaction)
            write_leaves(transaction)
        self.store.log.extend(transaction.bodies)
        return found

    @property
    def bodies(self) -> list[bytes]:
        """The log's leaves."""
        with self.store.engine.connect() as connection:
            found = connection.execute(select(leaves.c.body).order_by(leaves.c.leaf_index))
            return list(found.scalars())

    def books(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return units spent by table and by contract; totals are the sums of the spends."""
        return spent_in(self.store.engine)


def spent_in(engine: Engine) -> tuple[dict[str, int], dict[str, int]]:
    """Return units spent by table and by contract; totals are the sums of the spends."""
    spends, budgets, of = privacy_spends, privacy_budgets, privacy_contracts
    with engine.connect() as connection:
        by_table = connection.execute(
            select(spends.c.table_name, func.sum(spends.c.units)).group_by(spends.c.table_name)
        ).all()
        tables_ = {row.table_name: row.spent for row in connection.execute(select(budgets))}
        contracts_ = {row.contract: row.spent for row in connection.execute(select(of))}
        by_request = connection.execute(
            select(spends.c.contract, func.max(spends.c.units)).group_by(
                spends.c.contract, spends.c.request
            )
        ).all()
    assert {name: total for name, total in tables_.items() if total} == dict(map(tuple, by_table))
    assert contracts_ == {
        contract: sum(units for of, units in by_request if of == contract)
        for contract in {contract for contract, _ in by_request}
    }
    return tables_, contracts_


def asking(
    contract: Contract,
    number: int,
    units: int,
    *,
    key: bytes = b"",
    pins: tuple[Pin, ...] = (),
    reply: bytes = b"r",
    known: bool = False,
) -> Charge:
    """Return the charge of an answer that costs `units`."""
    request = make_request(contract.terms, number=number)
    spend = Spend(rho=Fraction(units, UNITS), answer=key, pins=pins, known=known)
    sealed = VAULT.seal(f"answer/{b64encode(key)}", frames.pack((reply,)))

    def again(stored: bytes) -> Any:
        parts = frames.unpack(VAULT.open(f"answer/{b64encode(key)}", stored))
        return let_out(contract, request, tuple(parts))

    return Charge(
        contract=contract,
        request=request,
        statement_digest=digest_of(request),
        signature=bytes(64),
        instance="A" * 42 + "A",
        snapshot=bytes(32),
        released=let_out(contract, request, (reply,)),
        privacy=spend,
        keep=b"" if known or not key else sealed,
        again=again if key else None,
    )
