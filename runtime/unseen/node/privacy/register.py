"""The privacy ledger as its operator and its auditors see it, read from the store."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from unseen.evidence.contracts.privacy import delta_of, epsilon_text, granted
from unseen.node.context import Node
from unseen.node.privacy.changes import SetBudget
from unseen.node.store.schema_privacy import privacy_budgets, privacy_partitions, privacy_spends


@dataclass(frozen=True, slots=True)
class ContractSpend:
    """What a contract has spent on one table, in units, and how much it may spend in all."""

    contract: str
    buyer: str
    spent: int
    most: int
    epsilon: str
    delta: str
    spent_epsilon: str


@dataclass(frozen=True, slots=True)
class TableLedger:
    """The ledger of one table; `epsilon` and `delta` are empty where no budget is set."""

    table: str
    epsilon: str
    delta: str
    most: int
    spent: int
    spent_epsilon: str
    set_at: str
    set_by: str
    contracts: tuple[ContractSpend, ...]
    partition: str = ""
    version: int = 0


async def set_budget(
    node: Node, table: str, epsilon: str, delta: str, by: str, *, raised: bool
) -> TableLedger:
    """Set a table's budget, and return its ledger.

    Raises:
        TableNotFoundError: there is no such table.
        ContractInvalidError: epsilon or delta is out of range.
        FieldInvalidError: it is another delta than before, more than before and not said to be,
            or less than is spent.

    """
    node.stops.check_node()
    await node.writer.submit(SetBudget(node.suite, table, epsilon, delta, raised, by))
    (found,) = ledgers(node, table)
    return found


def ledgers(node: Node, table: str = "") -> list[TableLedger]:
    """Return the ledger of every table that has one, or of `table` alone, which then has one.

    Raises:
        TableNotFoundError: there is no such table.

    """
    names = [node.catalogue.table(table).name] if table else []
    with node.engine.connect() as connection:
        rows = {row.table_name: row for row in connection.execute(select(privacy_budgets))}
        pins = {row.table_name: row for row in connection.execute(select(privacy_partitions))}
        found = []
        for name in names or sorted(rows.keys() | pins.keys()):
            row, pin = rows.get(name), pins.get(name)
            found.append(
                TableLedger(
                    name,
                    row.epsilon if row else "",
                    row.delta if row else "",
                    row.most if row else 0,
                    row.spent if row else 0,
                    epsilon_text(row.spent, row.delta) if row and row.delta else "",
                    row.set_at if row else "",
                    row.set_by if row else "",
                    _contracts(node, connection, name),
                    pin.partition if pin else "",
                    pin.version if pin else 0,
                )
            )
    return found


def _contracts(node: Node, connection: Connection, table: str) -> tuple[ContractSpend, ...]:
    spends = privacy_spends.c
    rows = connection.execute(
        select(spends.contract, func.sum(spends.units).label("spent"))
        .where(spends.table_name == table)
        .group_by(spends.contract)
        .order_by(spends.contract)
    )
    found = []
    for row in rows:
        contract = node.contracts.get(row.contract)
        delta, spent = delta_of(contract.terms), int(row.spent)
        epsilon = contract.terms.budget
        said = epsilon_text(spent, delta)
        most = granted(contract.terms)
        found.append(ContractSpend(contract.id, contract.buyer, spent, most, epsilon, delta, said))
    return tuple(found)
