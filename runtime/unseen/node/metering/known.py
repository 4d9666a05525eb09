"""What the store says about a group of charges: one statement a question, for all of them."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, func, or_, select, tuple_

from unseen.evidence.contracts.states import State
from unseen.node.contracts.epochs import READY, manifest_id
from unseen.node.store.schema import charges, contracts, epochs, instances, parties
from unseen.node.store.schema_jobs import stops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unseen.node.metering.charge import Charge

# Statements are made once: building one anew costs more than SQLite takes to answer it.
_CHARGES = select(charges).where(
    tuple_(charges.c.contract, charges.c.request).in_(bindparam("keys", expanding=True))
)
_STOPPED = (
    select(func.max(stops.c.cause)).where(stops.c.target == "node", stops.c.lifted_at == "")
).scalar_subquery()
_CONTRACTS = select(
    contracts.c.id,
    contracts.c.units_used,
    contracts.c.bits_used,
    contracts.c.state,
    _STOPPED.label("stopped"),
).where(contracts.c.id.in_(bindparam("keys", expanding=True)))
ONLY = b""
"""In the place of a manifest: the epoch has had one."""

_EPOCHS = select(epochs.c.contract, epochs.c.number, epochs.c.build, epochs.c.manifest).where(
    epochs.c.contract.in_(bindparam("keys", expanding=True)), epochs.c.state == READY
)
_CUT = (
    select(instances.c.key_id)
    .join(parties, parties.c.name == instances.c.party)
    .where(
        instances.c.key_id.in_(bindparam("keys", expanding=True)),
        or_(instances.c.revoked_at.is_not(None), parties.c.revoked_at.is_not(None)),
    )
)


def find_charges(
    connection: Connection, operations: "Sequence[Charge]"
) -> dict[tuple[str, str], Any]:
    """Return what was charged before under the contracts and ids of requests, by both."""
    keys = sorted({(op.contract.id, op.request.request) for op in operations})
    rows = connection.execute(_CHARGES, {"keys": keys})
    return {(row.contract, row.request): row for row in rows}


def find_contracts(
    connection: Connection, operations: "Sequence[Charge]"
) -> tuple[dict[str, tuple[int, int, State]], str]:
    """Return how each contract stands, and why the node stands still, if it does."""
    keys = sorted({operation.contract.id for operation in operations})
    rows = connection.execute(_CONTRACTS, {"keys": keys}).all()
    standing = {row.id: (row.units_used, row.bits_used, State(row.state)) for row in rows}
    return standing, next((row.stopped for row in rows if row.stopped), "")


def find_cut(connection: Connection, operations: "Sequence[Charge]") -> frozenset[str]:
    """Return the names of those keys whose instances, or their parties, are revoked by now."""
    keys = sorted({operation.instance for operation in operations})
    return frozenset(connection.execute(_CUT, {"keys": keys}).scalars())


def find_epochs(
    connection: Connection, operations: "Sequence[Charge]"
) -> dict[tuple[str, int], bytes]:
    """Return which manifest answers in each epoch that is ready, where there were several."""
    keys = sorted({op.contract.id for op in operations if op.request.epoch})
    if not keys:
        return {}
    rows = connection.execute(_EPOCHS, {"keys": keys})
    return {
        (row.contract, row.number): manifest_id(row.manifest) if row.build > 1 else ONLY
        for row in rows
    }
