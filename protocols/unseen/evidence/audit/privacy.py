"""The privacy ledgers of tables, added up again from budgets, terms and what releases cost.

A release's leaf says what it cost, its contract's terms which tables that is charged to and how
much the contract may spend; budgets stand in leaves of their own. Nothing else is believed.

What is not checked, since the log does not say it: that the noise was what it cost, that an answer
which cost nothing was one that had left before, and that no table is registered under two names. A
part of a joint sum is never given again: that it cost something is checked, and of a training that
it cost what a step does. So is that a gradient under encryption cost what an iteration does.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.contracts import Standing
from unseen.evidence.audit.leaves import Event, Release
from unseen.evidence.audit.tables import Tables
from unseen.evidence.canonical import MAX_INTEGER
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import encrypted_of
from unseen.evidence.contracts.joint import joint_of
from unseen.evidence.contracts.privacy import charged_units, granted, limit_of, tables_of
from unseen.evidence.contracts.training.clause import KIND as TRAIN
from unseen.evidence.contracts.training.clause import MODELS, charge_of, steps_of, training_of
from unseen.evidence.decimals import shortest
from unseen.evidence.errors import EvidenceError
from unseen.protocols.errors import UnseenError


@dataclass(slots=True)
class TableSpent:
    """What was spent on a table's people, and what may be; `epsilon` is empty without a budget."""

    table: str
    epsilon: str = ""
    delta: str = ""
    limit: int = 0
    spent: int = 0


class Privacy:
    """Follows budgets and what releases cost, leaf by leaf. Units are 10^-12 of rho."""

    def __init__(self, context: Context, tables: Tables) -> None:
        """Start before the first leaf."""
        self._context, self._registered = context, tables
        self.tables: dict[str, TableSpent] = {}
        self.contracts: defaultdict[bytes, int] = defaultdict(int)
        self._costs: dict[bytes, frozenset[int]] = {}  # of a part of a joint sum, by contract
        self._gradients: dict[bytes, int | None] = {}  # what one costs, by contract
        self._models: defaultdict[bytes, int] = defaultdict(int)  # let out, by contract

    def budgeted(self, index: int, leaf: Event) -> None:
        """Take note of a table's budget: more than before only where the leaf says so."""
        ledger, fail = self._ledger(index, leaf), self._context.fail
        epsilon, delta = (str(leaf.fields.get(name)) for name in ("epsilon", "delta"))
        try:
            limit = limit_of(epsilon, delta)
        except EvidenceError as error:
            fail("privacy.budget", index, f"sets no budget: {error}")
            return
        if leaf.fields.get("limit") != limit:
            fail("privacy.budget", index, "its limit is not what epsilon and delta admit")
        if ledger.epsilon and ledger.delta != delta:
            fail("privacy.delta", index, f"changes the delta of table {ledger.table}")
        more = bool(ledger.epsilon) and limit > ledger.limit
        if more != (leaf.type == "privacy.raised"):
            fail("privacy.raised", index, f"raises table {ledger.table} and says otherwise")
        if limit < ledger.spent:
            fail("privacy.budget", index, f"is less than is spent of table {ledger.table}")
        ledger.epsilon, ledger.delta, ledger.limit = epsilon, delta, limit

    def inherited(self, index: int, leaf: Event) -> None:
        """Take note of what a predecessor had spent on a table of this name."""
        spent = leaf.fields.get("spent")
        if type(spent) is not int or not 0 < spent <= MAX_INTEGER:
            self._context.fail("privacy.inherited", index, "says no number of units")
            return
        self._ledger(index, leaf, inherited=True).spent += spent

    def faults(self, contract: Standing, leaf: Release) -> Iterator[tuple[str, str]]:
        """Return what is wrong with what a release cost, and count it."""
        yield from self._of_joint_sums(contract, leaf)
        yield from self._of_gradients(contract, leaf)
        if not leaf.privacy:
            return
        try:
            tables, most = tables_of(contract.terms), granted(contract.terms)
        except EvidenceError as error:
            yield "privacy", f"costs privacy under terms that grant none: {error}"
            return
        for table in tables:
            ledger = self.tables.setdefault(table, TableSpent(table))
            ledger.spent += leaf.privacy
            if not ledger.epsilon:
                yield "privacy_table", f"costs privacy of table {table}, which has no budget"
            elif ledger.spent > ledger.limit:
                said = f"{rho(ledger.spent)} of rho, and its budget is {rho(ledger.limit)}"
                yield "privacy_table", f"with it, table {table} has spent {said}"
        self.contracts[leaf.contract] += leaf.privacy
        spent = self.contracts[leaf.contract]
        if spent > most:
            said = f"{rho(spent)} of rho, and its budget is {rho(most)}"
            yield "privacy_contract", f"with it, the contract has spent {said}"

    def _of_joint_sums(self, contract: Standing, leaf: Release) -> Iterator[tuple[str, str]]:
        terms = contract.terms
        try:
            joint = joint_of(terms.parameters)
            if joint is None or joint.lead:
                return
            if leaf.contract not in self._costs:
                self._costs[leaf.contract] = _costs_of(terms)
        except UnseenError:  # terms that say nothing of the kind are a finding of their own
            return
        costs = self._costs[leaf.contract]
        if not leaf.privacy:
            self._models[leaf.contract] += 1
            if self._models[leaf.contract] > (MODELS if terms.kind == TRAIN else 0):
                yield (
                    "privacy_joint",
                    "is a part of a sum with noise, and says that it cost nothing",
                )
        elif costs and leaf.privacy not in costs:
            yield "privacy_joint", f"costs {rho(leaf.privacy)} of rho, as no step of the training"

    def _of_gradients(self, contract: Standing, leaf: Release) -> Iterator[tuple[str, str]]:
        try:
            if leaf.contract not in self._gradients:
                clause = encrypted_of(contract.terms.parameters)
                cost = None if clause is None else charged_units(clause.charge)
                self._gradients[leaf.contract] = cost
        except UnseenError:  # terms that say nothing of the kind are a finding of their own
            return
        cost = self._gradients[leaf.contract]
        if cost is None:
            return
        if leaf.units != 1:
            yield "privacy_gradient", f"is of {leaf.units} units, and an iteration is one"
        if leaf.privacy != cost:
            said = f"costs {rho(leaf.privacy)} of rho, and an iteration costs {rho(cost)}"
            yield "privacy_gradient", said

    def totals(self) -> tuple[TableSpent, ...]:
        """Return what was spent of each table, by its name."""
        return tuple(self.tables[name] for name in sorted(self.tables))

    def _ledger(self, index: int, leaf: Event, *, inherited: bool = False) -> TableSpent:
        table = str(leaf.fields.get("table"))
        if not inherited and not self._registered.knows(table):
            self._context.fail("privacy.table", index, "is about a table that was not registered")
        return self.tables.setdefault(table, TableSpent(table))


def _costs_of(terms: Terms) -> frozenset[int]:
    """Return what the steps of a training are charged, in units; nothing without one."""
    spec = training_of(terms.parameters)
    if spec is None:
        return frozenset()
    return frozenset(charged_units(charge_of(step)) for step in steps_of(spec))


def rho(units: int) -> str:
    """Return units as rho, to twelve places, in the shortest form."""
    return shortest(units, 12)
