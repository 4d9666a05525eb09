"""Showing the node a mandate or its withdrawal, and what follows for the contracts."""

from dataclasses import replace

from unseen.evidence.contracts.states import State
from unseen.evidence.errors import MandateInvalidError
from unseen.evidence.jws import token_id
from unseen.evidence.registry.mandate import (
    Mandate,
    peek_mandate,
    peek_withdrawal,
    verify_mandate,
    verify_withdrawal,
)
from unseen.evidence.registry.permission import chain_of
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.contracts.standing import Steps, follow
from unseen.node.contracts.stops import Hold, Lift, Order
from unseen.node.errors import FieldInvalidError, MandateEndedError
from unseen.node.identity.parties import Party
from unseen.node.identity.rights import Role
from unseen.node.mandates.book import Book, Registered
from unseen.node.mandates.changes import Move, RegisterMandate, RequireMandate, WithdrawMandate
from unseen.node.store.writer import Change

BY = "node:mandate"  # whose stop it is: only mandates lift it
RENEWED = "mandate renewed"


async def show_mandate(node: Node, token: str) -> Registered:
    """Check a mandate and keep it; contracts that waited for it are taken up again.

    A table that it names for the first time comes under mandates: contracts that none covers are
    suspended.

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
    async with node.proposing:  # no contract is made between what is computed and what is written
        book = node.mandates.book
        chain = chain_of(identifier, {**book.standing.known, identifier: mandate})
        _check_in_force(node, [key for key, _ in chain[:-1]], mandate)
        if identifier not in book.entries:
            after = book.having(Registered(identifier, token, mandate, ""))
            change = RegisterMandate(node.suite, token, mandate, _steps(node, after))
            await _make(node, change)
    return node.mandates.book.get(identifier)


async def withdraw_mandate(node: Node, token: str) -> Registered:
    """Check a withdrawal and keep it; contracts that no mandate covers any more are suspended.

    Raises:
        MandateNotFoundError: it is of a mandate that this node does not know.
        MandateInvalidError: it is malformed, or by another than the grantor.
        SignatureInvalidError: the signature fails.
        MandateEndedError: the mandate was withdrawn before.

    """
    identifier = peek_withdrawal(token).mandate
    async with node.proposing:
        book = node.mandates.book
        registered = book.get(identifier)
        # Also from a party that was cut off since: to take a permission back harms nobody.
        key = _party(node, registered.mandate.grantor).key
        verify_withdrawal(token, identifier, registered.mandate, key)
        after = book.having(replace(registered, withdrawal=token))
        await _make(node, WithdrawMandate(node.suite, identifier, token, _steps(node, after)))
    return node.mandates.book.get(identifier)


async def require_mandate(node: Node, table: str, by: str, *, required: bool) -> None:
    """Put a table under mandates, or lift that where no mandate has ever named it.

    Raises:
        TableNotFoundError: there is no such table.
        FieldInvalidError: a mandate names it: it stays under mandates.

    """
    name = node.catalogue.table(table).name
    async with node.proposing:
        book = node.mandates.book
        if not required and name in book.standing.named:
            raise FieldInvalidError(
                "a mandate names this table: it stays under mandates",
                clause="table.mandates",
                remedy=f"see them: unseen mandate list; a withdrawal does not set {name} free",
            )
        steps = _steps(node, book.requiring(name, required=required))
        await _make(node, RequireMandate(node.suite, name, required, by, steps))


async def reconcile(node: Node) -> None:
    """Suspend what no mandate covers by now; take up what waited for one and is covered again."""
    async with node.proposing:
        steps = _steps(node, node.mandates.book)
        if steps:
            follow(node, await node.writer.submit(Move(steps)))


async def _make(node: Node, change: Change[list[Contract]]) -> None:
    """Make a change; the contracts that it moves are moved in the same transaction."""
    moved = await node.writer.submit(change)
    node.mandates.reload()
    follow(node, moved)


def _steps(node: Node, book: Book) -> Steps:
    """Return the steps that contracts take where `book` holds."""
    now = node.clock.now()
    found: list[Hold | Lift] = []
    for contract in node.contracts.all():
        if contract.state not in (State.ACTIVE, State.SUSPENDED):
            continue
        ours = any(stop.by == BY for stop in node.stops.of(contract.id))
        covered = book.standing.reach(contract.terms, now) > now
        if ours and covered:
            found.append(Lift(node.suite, contract.id, Order(by=BY, cause=RENEWED)))
        elif not (ours or covered):
            order = Order(by=BY, cause=book.standing.why(contract.terms))
            found.append(Hold(node.suite, node.jobs.kinds, contract.id, order))
    return tuple(found)


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
    if any(node.mandates.book.get(key).withdrawal for key in above):
        raise MandateEndedError(
            "a mandate above it was withdrawn", clause="parent", remedy="ask for a new one"
        )
