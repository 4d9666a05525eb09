"""Reading certificates: which ones a party may see, and the bundle that proves one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, false, or_, select, true

from unseen.node.audit.redaction import whole
from unseen.node.context import Node
from unseen.node.contracts.viewing import visible
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role
from unseen.node.registration.issue import not_found
from unseen.node.store.schema_registry import certificates


@dataclass(frozen=True, slots=True)
class Listed:
    """A certificate as the node has it; `holder` is the present holder's public key, raw."""

    id: str
    object: str
    name: str
    token: str
    holder: bytes
    newest: str


def list_certificates(
    node: Node, caller: Caller, what: str, after: str, size: int
) -> tuple[Sequence[Listed], str]:
    """Return a page of the certificates that a party may see, by id, and where the next begins.

    `what` limits it to tables, products or contracts; empty for all.
    """
    conditions = [_visible(node, caller), certificates.c.id > after]
    if what:
        conditions.append(certificates.c.object == what)
    query = select(certificates).where(and_(*conditions)).order_by(certificates.c.id)
    with node.engine.connect() as connection:
        rows = connection.execute(query.limit(size + 1)).all()
    found = [_listed(row) for row in rows[:size]]
    return found, found[-1].id if len(rows) > size else ""


def find_certificate(node: Node, caller: Caller, identifier: str) -> Listed:
    """Return a certificate that a party may see.

    Raises:
        RegistrationNotFoundError: there is none of this id, or not for this party.

    """
    query = select(certificates).where(_visible(node, caller), certificates.c.id == identifier)
    with node.engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise not_found()
    return _listed(row)


def present(node: Node, identifier: str) -> Listed:
    """Return a certificate as it stands, for whom its transfer was just taken."""
    with node.engine.connect() as connection:
        query = select(certificates).where(certificates.c.id == identifier)
        return _listed(connection.execute(query).one())


def _visible(node: Node, caller: Caller) -> ColumnElement[bool]:
    """Return which certificates a party sees: of contracts those that it sees itself."""
    if whole(caller):
        return true()
    buyer = caller.role is Role.BUYER
    party = node.parties.get(caller.party)
    mine = [one.id for one in node.contracts.all() if visible(node, caller, one)]
    return or_(
        certificates.c.object.in_(("product",) if buyer else ("product", "table")),
        and_(certificates.c.object == "contract", certificates.c.name.in_(mine)),
        certificates.c.holder == party.key if party else false(),
    )


def _listed(row: Row[Any]) -> Listed:
    return Listed(row.id, row.object, row.name, row.token, row.holder, row.newest)
