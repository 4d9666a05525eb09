"""Changes of rules and labels, and what follows from them for the contracts in force."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update

from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import Suite
from unseen.node.catalog.catalogue import Table
from unseen.node.catalog.labels import Label
from unseen.node.context import Node
from unseen.node.contracts import standing
from unseen.node.contracts.register import Contract
from unseen.node.contracts.rulebook import Edition, SetRules
from unseen.node.contracts.rules import Rules
from unseen.node.contracts.standing import Moved, Steps
from unseen.node.errors import (
    ColumnUnknownError,
    FieldInvalidError,
    PartyNotFoundError,
    TableChangedError,
)
from unseen.node.identity.rights import Role
from unseen.node.store.schema import tables
from unseen.node.store.writer import Change, Transaction

_ALL = "*"


@dataclass(frozen=True, slots=True)
class Relabel(Change[list[Contract]]):
    """Give columns of a table other labels, and contracts the `steps` that follow."""

    suite: Suite
    table: str
    columns: canonical.Json
    by: str
    steps: Steps

    def apply(self, transaction: Transaction) -> list[Contract]:
        """Write the labels, their leaf, and the contracts that move.

        Raises:
            TableChangedError: a refresh has changed the columns meanwhile.

        """
        of_table, text = tables.c.name == self.table, canonical.encode(self.columns)
        stored = transaction.connection.execute(select(tables.c.columns).where(of_table))
        if _typed(canonical.decode(stored.scalar_one().encode())) != _typed(self.columns):
            raise TableChangedError(
                "a refresh has changed the table's columns meanwhile",
                clause="table.columns",
                remedy=f"see them, then label anew: unseen table show {self.table}",
            )
        transaction.connection.execute(update(tables).where(of_table).values(columns=text.decode()))
        fields: dict[str, canonical.Json] = {
            "table": self.table,
            "columns": b64encode(self.suite.digest(text)),
            "by": self.by,
        }
        transaction.append(event_leaf(self.suite, "table.labelled", transaction.now, fields))
        return standing.take(transaction, self.steps)


@dataclass(frozen=True, slots=True)
class Hold(Change[None]):
    """Say whose table it is."""

    suite: Suite
    table: str
    holder: str
    key: str
    by: str

    def apply(self, transaction: Transaction) -> None:
        """Write the holder and the leaf."""
        transaction.connection.execute(
            update(tables).where(tables.c.name == self.table).values(holder=self.holder)
        )
        fields: dict[str, canonical.Json] = {
            "table": self.table,
            "holder": self.holder,
            "key": self.key,
            "by": self.by,
        }
        transaction.append(event_leaf(self.suite, "table.held", transaction.now, fields))


@dataclass(frozen=True, slots=True)
class Govern(Change[tuple[Edition, list[Contract]]]):
    """Put a rule file into force, and contracts the `steps` that follow."""

    change: SetRules
    steps: Steps

    def apply(self, transaction: Transaction) -> tuple[Edition, list[Contract]]:
        """Write the edition, its leaf, and the contracts that move."""
        return self.change.apply(transaction), standing.take(transaction, self.steps)


async def relabel(node: Node, name: str, labels: dict[str, Label], by: str) -> tuple[Table, Moved]:
    """Give columns other labels; contracts that no longer compile are suspended.

    Raises:
        TableNotFoundError: no such table.
        ColumnUnknownError: a label names a column that it does not have.

    """
    async with node.proposing:
        before = node.catalogue.table(name)
        after = _relabelled(before, labels)
        columns: list[canonical.Json] = [
            {
                "name": column.name,
                "type": column.type,
                "category": column.label.category,
                "level": column.label.level,
            }
            for column in after.columns
        ]
        steps = standing.steps(node, table=after)
        moved = await node.writer.submit(Relabel(node.suite, name, columns, by, steps))
        node.catalogue.reload()
        return node.catalogue.table(name), standing.follow(node, moved)


async def hold(node: Node, name: str, holder: str, by: str) -> Table:
    """Say which enrolled holder a table belongs to.

    Raises:
        TableNotFoundError: no such table.
        PartyNotFoundError: no such holder.

    """
    node.catalogue.table(name)
    party = node.parties.get(holder)
    if party is None or party.role is not Role.HOLDER or party.revoked:
        raise PartyNotFoundError(
            f"no holder {holder!r} is enrolled",
            clause="table.holder",
            remedy="invite it: unseen node invite NAME --role holder",
        )
    await node.writer.submit(Hold(node.suite, name, holder, party.key_id, by))
    node.catalogue.reload()
    return node.catalogue.table(name)


async def set_rules(node: Node, text: bytes, by: str) -> Moved:
    """Put a rule file into force; contracts that no longer compile are suspended.

    Raises:
        RulesInvalidError: `text` is not a rule file.

    """
    async with node.proposing:
        rules = Rules.parse(text, node.suite.id)
        change = Govern(SetRules(node.suite, text, by), standing.steps(node, rules=rules))
        edition, moved = await node.writer.submit(change)
        node.rulebook.edition = edition
        return standing.follow(node, moved)


async def settle_at_start(node: Node) -> None:
    """Suspend or take up what the rules of this release say: the default file may be another."""
    await standing.settle(node)


def _typed(columns: Any) -> list[tuple[str, str]]:
    return [(column["name"], column["type"]) for column in columns]


def _relabelled(table: Table, labels: dict[str, Label]) -> Table:
    names = {column.name for column in table.columns}
    if unknown := sorted(labels.keys() - names - {_ALL}):
        raise ColumnUnknownError(
            f"a label names column {unknown[0]!r}, which the table does not have",
            clause="table.labels",
            remedy=f"see its columns: unseen table show {table.name}",
        )
    if not labels:
        raise FieldInvalidError(
            "no label is given",
            clause="table.labels",
            remedy=f"unseen table label {table.name} COLUMN=CATEGORY:LEVEL",
        )
    columns = (
        replace(column, label=labels.get(column.name) or labels.get(_ALL) or column.label)
        for column in table.columns
    )
    return replace(table, columns=tuple(columns))
