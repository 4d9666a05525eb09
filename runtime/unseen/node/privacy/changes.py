"""Changes of a table's privacy budget: set once, raised only by name, never set back.

Each is an event of its own in the log. What was spent is not touched by any of them: a table that
is refreshed, relabelled or given to another holder keeps its ledger, since its people stay.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from unseen.evidence.canonical import Json, format_time
from unseen.evidence.contracts.privacy import epsilon_text, limit_of
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import Suite
from unseen.node.errors import FieldInvalidError, TableNotFoundError
from unseen.node.store.schema import tables
from unseen.node.store.schema_privacy import privacy_budgets
from unseen.node.store.writer import Change, Transaction


@dataclass(frozen=True, slots=True)
class SetBudget(Change[None]):
    """Set what may be spent on a table's people in all, as (epsilon, delta): decimal texts."""

    suite: Suite
    table: str
    epsilon: str
    delta: str
    raised: bool  # the caller says that it is to be more than before
    by: str  # name of the party

    def apply(self, transaction: Transaction) -> None:
        """Write the budget and its leaf; the same budget again changes nothing.

        Raises:
            TableNotFoundError: there is no such table.
            ContractInvalidError: epsilon or delta is out of range.
            FieldInvalidError: it is another delta than before, more than before and not said to
                be, or less than is spent.

        """
        connection = transaction.connection
        if (
            connection.execute(select(tables.c.name).where(tables.c.name == self.table)).first()
            is None
        ):
            raise TableNotFoundError(
                f"no table {self.table!r}", clause="table", remedy="see them: unseen table list"
            )
        most, own = limit_of(self.epsilon, self.delta), privacy_budgets.c.table_name == self.table
        before = connection.execute(select(privacy_budgets).where(own)).one_or_none()
        if before is not None and before.epsilon:
            if (before.epsilon, before.delta) == (self.epsilon, self.delta):
                return
            self._check(before, most)
        spent = before.spent if before else 0
        if spent > most:
            raise self._spent(spent)
        index = self._log(transaction, most, before)
        row = {
            "table_name": self.table,
            "epsilon": self.epsilon,
            "delta": self.delta,
            "most": most,
            "spent": spent,
            "set_at": format_time(transaction.now),
            "set_by": self.by,
            "leaf_index": index,
        }
        connection.execute(delete(privacy_budgets).where(own))
        connection.execute(insert(privacy_budgets), [row])

    def _check(self, before: Row[Any], most: int) -> None:
        """Hold a budget against the one before."""
        again = f"unseen table budget {self.table} --epsilon {self.epsilon} --delta {before.delta}"
        if before.delta != self.delta:
            raise FieldInvalidError(
                f"the delta of table {self.table} is {before.delta}, and stays",
                clause="budget.delta",
                remedy=f"keep it: {again}",
            )
        if most > before.most and not self.raised:
            raise FieldInvalidError(
                f"table {self.table} has a budget of epsilon {before.epsilon}; a higher one has"
                " to be asked for by name: it is an event of its own in the log",
                clause="budget.raise",
                remedy=f"{again} --raise",
            )

    def _spent(self, spent: int) -> FieldInvalidError:
        epsilon = epsilon_text(spent, self.delta)
        return FieldInvalidError(
            f"epsilon {epsilon} of table {self.table} is spent already",
            clause="budget.epsilon",
            remedy=f"a budget is not less than what is spent: at least --epsilon {epsilon}",
        )

    def _log(self, transaction: Transaction, most: int, before: Row[Any] | None) -> int:
        raised = before is not None and bool(before.epsilon) and most > before.most
        fields: dict[str, Json] = {
            "table": self.table,
            "epsilon": self.epsilon,
            "delta": self.delta,
            "limit": most,
            "by": self.by,
        }
        kind = "privacy.raised" if raised else "privacy.budget"
        return transaction.append(event_leaf(self.suite, kind, transaction.now, fields))


def inherit_spent(
    transaction: Transaction, suite: Suite, origin: str, table: str, units: int
) -> None:
    """Add what a predecessor, whose log is `origin`, had spent on a table of this name.

    There may be no such table yet: then it begins with that, and without a budget.
    """
    connection, own = transaction.connection, privacy_budgets.c.table_name == table
    known = connection.execute(select(privacy_budgets.c.spent).where(own)).scalar_one_or_none()
    if known is None:
        row = {
            "table_name": table,
            "epsilon": "",
            "delta": "",
            "most": 0,
            "spent": units,
            "set_at": "",
            "set_by": "",
            "leaf_index": -1,
        }
        connection.execute(insert(privacy_budgets), [row])
    else:
        connection.execute(update(privacy_budgets).where(own).values(spent=known + units))
    fields: dict[str, Json] = {"table": table, "origin": origin, "spent": units}
    transaction.append(event_leaf(suite, "privacy.inherited", transaction.now, fields))
