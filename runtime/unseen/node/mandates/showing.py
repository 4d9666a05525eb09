"""Showing the node a mandate or its withdrawal, and what follows for the contracts."""

from unseen.evidence.contract import State
from unseen.evidence.errors import MandateInvalidError, TransitionError
from unseen.evidence.jws import token_id
from unseen.evidence.mandate import (
    Mandate,
    peek_mandate,
    peek_withdrawal,
    verify_mandate,
    verify_withdrawal,
)
from unseen.evidence.permission import chain_of
from unseen.node.context import Node
from unseen.node.contracts import lifecycle
from unseen.node.errors import FieldInvalidError, MandateEndedError, RefusedError
from unseen.node.identity.parties import Party
from unseen.node.identity.rights import Role
from unseen.node.mandates.changes import RegisterMandate, RequireMandate, WithdrawMandate
from unseen.node.mandates.register import Registered

_BY = "node:mandate"  # whose stop it is: only a mandate lifts it


async def show_mandate(node: Node, token: str) -> Registered:
    """Check a mandate and keep it; contracts that waited for it are taken up again.

    Raises:
        MandateInvalidError: malformed, wider than its parent, or by somebody who may not grant.
        SignatureInvalidError: the signature fails.
        MandateEndedError: it has expired, or one above it was withdrawn.

    """
    mandate = peek_mandate(token)
    if mandate.suite != node.suite.id:
        raise MandateInvalidError("mandate: suite is not the node's", clause="suite")
    verify_mandate(token, _grantor(node, mandate).key)
    identifier = token_id(node.suite, token)
    chain = chain_of(identifier, node.mandates.known() | {identifier: mandate})
    _check_in_force(node, [key for key, _ in chain[:-1]], mandate)
    await node.writer.submit(RegisterMandate(node.suite, token, mandate))
    node.mandates.reload()
    await reconcile(node)
    return node.mandates.get(identifier)


async def withdraw_mandate(node: Node, token: str) -> Registered:
    """Check a withdrawal and keep it; contracts that no mandate covers any more are suspended.

    Raises:
        MandateNotFoundError: it is of a mandate that this node does not know.
        MandateInvalidError: it is malformed, or by another than the grantor.
        SignatureInvalidError: the signature fails.
        MandateEndedError: the mandate was withdrawn before.

    """
    registered = node.mandates.get(peek_withdrawal(token).mandate)
    # Also from a party that was cut off since: to take a permission back harms nobody.
    key = _party(node, registered.mandate.grantor).key
    verify_withdrawal(token, registered.id, registered.mandate, key)
    await node.writer.submit(WithdrawMandate(node.suite, registered.id, token))
    node.mandates.reload()
    await reconcile(node)
    return node.mandates.get(registered.id)


async def require_mandate(node: Node, table: str, by: str, *, required: bool) -> None:
    """Put a table under mandates, or lift that where no mandate has ever named it.

    Raises:
        TableNotFoundError: there is no such table.
        FieldInvalidError: a mandate names it: it stays under mandates.

    """
    name = node.catalogue.table(table).name
    if not required and node.mandates.named(name):
        raise FieldInvalidError(
            "a mandate names this table: it stays under mandates",
            clause="table.mandates",
            remedy=f"see them: unseen mandate list; a withdrawal does not set {name} free",
        )
    await node.writer.submit(RequireMandate(node.suite, name, required, by))
    node.mandates.reload()
    await reconcile(node)


async def reconcile(node: Node) -> None:
    """Suspend what no mandate covers now, and take up what waited for one and is covered again."""
    now = node.clock.now()
    for contract in node.contracts.all():
        if contract.state not in (State.ACTIVE, State.SUSPENDED):
            continue
        waits = any(stop.by == _BY for stop in node.stops.of(contract.id))
        covered = node.mandates.reach(contract.terms, now) > now
        try:
            if waits and covered:
                await lifecycle.take_up(node, contract, _BY, "mandate renewed")
            elif not waits and not covered:
                why = node.mandates.why(contract.terms)
                await lifecycle.suspend(node, contract, _BY, why)
        except (TransitionError, RefusedError):  # somebody was quicker, or labels forbid it now
            continue


def _grantor(node: Node, mandate: Mandate) -> Party:
    party = _party(node, mandate.grantor)
    if party.revoked:
        raise MandateInvalidError("mandate: grantor was cut off here", clause="grantor")
    if not mandate.parent and party.role is not Role.AUTHORITY:
        raise MandateInvalidError(
            f"mandate: grantor is a {party.role.value}, and no data authority",
            clause="grantor",
            remedy="an authority joins with: unseen node invite NAME --role authority",
        )
    return party


def _party(node: Node, key_id: str) -> Party:
    found = next((party for party in node.parties.all() if party.key_id == key_id), None)
    if found is None:
        raise MandateInvalidError(
            "mandate: grantor is nobody that this node has enrolled",
            clause="grantor",
            remedy="an authority joins with: unseen node invite NAME --role authority",
        )
    return found


def _check_in_force(node: Node, above: list[bytes], mandate: Mandate) -> None:
    if mandate.until <= node.clock.now():
        raise MandateEndedError(
            "the mandate has expired", clause="period.until", remedy="ask for a new one"
        )
    if any(node.mandates.get(key).withdrawal for key in above):
        raise MandateEndedError(
            "a mandate above it was withdrawn", clause="parent", remedy="ask for a new one"
        )
