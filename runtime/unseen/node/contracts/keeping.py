"""Whether the key of a hidden table's epoch stays when a newer snapshot is registered.

It does where nobody's consent has changed, the rows still fit the table's shape, the key is young
and has served few builds, what the build before left is there, and the contract's leakage statement
says what a further build shows: contracts that were signed without that line get a new key.
"""

from datetime import timedelta
from pathlib import Path

from unseen.evidence.canonical import parse_time
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.manifest import HIDDEN_TABLE, MAX_BUILDS
from unseen.node.catalog.catalogue import Table
from unseen.node.consent.rotation import same_people
from unseen.node.context import Node
from unseen.node.contracts.epochs import Epoch, builds_of
from unseen.node.contracts.register import Contract
from unseen.node.data.spec import files_of
from unseen.node.kinds.lookup_plan import BUILDS, KEY_DAYS
from unseen.protocols.lookup.lwe_pir.choice import blocks_for

MAX_AGE = timedelta(days=KEY_DAYS)


def allows_builds(contract: Contract) -> bool:
    """Return whether a contract's table may be built again under its key: its parties know."""
    hidden = contract.plan.protocol == HIDDEN_TABLE
    return hidden and any(line.what == BUILDS for line in contract.leakage.statements)


def kept_epoch(node: Node, contract: Contract, table: Table) -> int:
    """Return the number of the epoch whose key stays for the rows of `table`; else 0."""
    if contract.state is not State.ACTIVE or not allows_builds(contract):
        return 0
    if not node.epochs.answers(contract.id):
        return 0
    epoch = node.epochs.current(contract.id)
    stays = (
        epoch.build < MAX_BUILDS
        and _fits(contract, epoch, table)
        and all(path.exists() for path in _files(node, epoch))
        and _unchanged(node, contract, epoch)
    )
    return epoch.number if stays else 0


def same_columns(before: Table, after: Table) -> bool:
    """Return whether two snapshots of a table have the same columns, by name and type."""
    found = [[(column.name, column.type) for column in each.columns] for each in (before, after)]
    return found[0] == found[1]


def _files(node: Node, epoch: Epoch) -> tuple[Path, ...]:
    return files_of(node.table_path(epoch.contract, epoch.number, epoch.build))


def _fits(contract: Contract, epoch: Epoch, table: Table) -> bool:
    keys = table.snapshot.rows * contract.plan.evaluations
    return blocks_for(keys, epoch.manifest.width) <= epoch.manifest.rows


def _unchanged(node: Node, contract: Contract, epoch: Epoch) -> bool:
    """Return whether the key is young, and no consent has come or gone since it was made."""
    with node.engine.connect() as connection:
        _, first = builds_of(connection, contract.id, epoch.number)[-1]
        same = same_people(connection, contract, epoch, node.clock.now())
    since = parse_time(str(node.log.read_leaf(node.engine, first)["time"]))
    return same and node.clock.now() - since <= MAX_AGE
