"""A contract's life: proposed, approved, activated, and ended by time or by a signer."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Role, Terms, verify_approval
from unseen.evidence.contracts.limits import is_standing
from unseen.evidence.contracts.states import TRANSITIONS, Event, State
from unseen.evidence.errors import ContractInvalidError
from unseen.node.consent import rotation
from unseen.node.context import Node
from unseen.node.contracts.builder import (
    EndWork,
    end_epochs,
    follow_end,
    retry_epochs,
    start_epoch,
)
from unseen.node.contracts.clauses.clause import Ask, Offer, Standing
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract
from unseen.node.contracts.offering import offer_for
from unseen.node.contracts.register import Approve, Contract, Propose, Step, expired
from unseen.node.contracts.standing import against_contract, lacks_table
from unseen.node.contracts.stops import Hold, Lift, Order
from unseen.node.errors import (
    ContractExpiredError,
    OverloadedError,
    PartyNotFoundError,
    TemplateEndedError,
)
from unseen.node.failpoints import hit
from unseen.node.identity.parties import Party
from unseen.node.jobs import warming
from unseen.node.resources import line_of
from unseen.node.store.writer import Change, Together
from unseen.protocols.errors import UnseenError

_MAX_REMEDY = 400
# Of contracts that nobody but their buyer has read: proposals, and those that follow a template.
_MAX_STANDING = 100  # each may have a table built
_MAX_UNUSED = 1000  # each is two leaves and more that stay for good
_ENDED = (State.EXPIRED, State.REVOKED)


async def propose(node: Node, buyer: str, product_name: str, ask: Ask) -> Contract:
    """Compile `ask` and put the contract before its signers.

    Raises:
        UnseenError: the first clause that stands against it; its words name the others.

    """
    if ask.period.until <= node.clock.now():
        raise ContractExpiredError(
            "the period asked for is over", clause="period.until", remedy="ask for a later one"
        )
    async with node.proposing:  # one after the other, or two would not know of each other
        offer = offer_for(node, buyer, product_name, template=ask.template)
        _check_proposals(node, buyer)
        outcome = _compile(ask, offer)
        standing = _standing(node, outcome.terms, offer.template)
        proposal = Propose(buyer, outcome.terms, outcome.plan, outcome.leakage, standing)
        return node.contracts.put(await node.writer.submit(proposal))


def _compile(ask: Ask, offer: Offer) -> Compiled:
    """Compile `ask`; an id that begins with a dash, which a shell's option does, is drawn anew."""
    while True:
        outcome = compile_contract(ask, offer)
        if isinstance(outcome, Refusal):
            raise _first(outcome.errors)
        if not b64encode(outcome.terms.id()).startswith("-"):
            return outcome
        ask = replace(ask, nonce=secrets.token_bytes(len(ask.nonce)))


def _first(errors: Sequence[UnseenError]) -> UnseenError:
    """Return the first of what stands against an ask, in whose words the others are named."""
    first = errors[0]
    if len(errors) == 1:
        return first
    clauses = ", ".join(error.clause for error in errors[1:])
    return type(first)(
        f"{first}; against it stand also: {clauses}",
        clause=first.clause,
        remedy=f"{first.remedy}; see all: unseen contract explain PRODUCT"[:_MAX_REMEDY],
    )


def _standing(node: Node, terms: Terms, template: Standing | None) -> dict[str, tuple[str, str]]:
    """Return the approvals that a template brings along: party and token by role."""
    if template is None:
        return {}
    names = {party.key_id: party.name for party in node.parties.all()}
    return {
        role: (names[getattr(terms, role)], template.approvals[role])
        for role in template.template.approvals
        if role in terms.required() and getattr(terms, role) == getattr(template.template, role)
    }


def _check_proposals(node: Node, buyer: str) -> None:
    now = node.clock.now()
    own = [c for c in node.contracts.all() if c.buyer == buyer and _unread(c)]
    standing = sum(c.state not in _ENDED and now < c.terms.period.until for c in own)
    unused = sum(not contract.units_used for contract in own)
    if standing >= _MAX_STANDING or unused >= _MAX_UNUSED:
        raise OverloadedError(
            f"of this buyer's contracts that no approver has read {standing} stand,"
            f" and {unused} were never used",
            clause="contract.proposals",
            remedy="wait for the operator's answer, or revoke what is not used;"
            " a new party starts with none",
        )


def _unread(contract: Contract) -> bool:
    """Return whether nobody but the buyer has read a contract: a template signs by itself."""
    given = (token for role, token in contract.approvals.items() if role != "buyer")
    return all(is_standing(token) for token in given)


async def revoke_all(node: Node, buyer: str, by: str) -> None:
    """End every contract of a buyer that has not ended yet."""
    for contract in node.contracts.all():
        if contract.buyer == buyer and (contract.state, Event.REVOKE) in TRANSITIONS:
            await revoke(node, contract, by)


async def approve(node: Node, contract: Contract, by: str, approval: str) -> Contract:
    """Take the signature over the terms of the party `by`: operator, holder or second approver.

    Raises:
        ContractInvalidError: the party is none of the contract's, or the buyer.
        SignatureInvalidError: it is not this party's over these terms.
        TransitionError: the contract is not waiting for it.
        MandateRefusedError: no mandate covers it any more.

    """
    party = _party(node, by)
    terms = contract.terms
    role = next((r for r in terms.required() if getattr(terms, r) == party.key_id), None)
    if role is None:
        raise ContractInvalidError(
            "contract: this party is not an approver of it", clause="approvals"
        )
    verify_approval(approval, terms, cast("Role", role), party.key)
    node.mandates.check(contract, node.clock.now())
    return await _take(node, Approve(contract.id, role, by, approval))


async def activate(node: Node, contract: Contract, approval: str) -> Contract:
    """Take the buyer's signature; begin the first epoch of a lookup.

    Raises:
        SignatureInvalidError: it is not the buyer's over these terms.
        UnseenError: the contract no longer compiles, or its template has ended.
        TransitionError: somebody else has not signed, or the contract is past this.
        MandateRefusedError: no mandate covers it any more.

    """
    buyer = _party(node, contract.buyer)
    verify_approval(approval, contract.terms, "buyer", buyer.key)
    node.mandates.check(contract, node.clock.now())
    async with node.proposing:  # labels and rules do not change in between
        _check_standing(node, contract)
        hit("contract.before_activate")
        issuer = node.issuer(holder=buyer.key)
        signature = Approve(contract.id, "buyer", buyer.name, approval, issuer)
        active = await _take(node, signature)
    hit("contract.after_activate")
    if active.terms.kind == "lookup":
        start_epoch(node, active)
    warming.expect(node, active)
    return active


def _check_standing(node: Node, contract: Contract) -> None:
    """Raise unless the contract would be made today, with the labels and the template as now."""
    if errors := against_contract(node, contract):
        raise _first(errors)
    if contract.terms.template:
        entry = node.templates.get(b64encode(contract.terms.template))
        if entry.ended(node.clock.now()):
            raise TemplateEndedError(
                f"template {entry.name!r} has expired or was withdrawn",
                clause="template.state",
                remedy="ask anew: unseen contract request PRODUCT",
            )


async def suspend(node: Node, contract: Contract, by: str, cause: str, order: str = "") -> Contract:
    """Refuse requests under a contract until it is resumed; its jobs end, its epochs stay.

    `by` is a party, or `node` with what it looked at (`node:mandate`); each lifts its own stop
    only. `order` is the signed document that a party's stop rests on.

    Raises:
        TransitionError: it is not in force, or `by` has suspended it already.
        StopInvalidError: the order was used before.

    """
    stop = Order(by=by, cause=cause, token=order)
    suspended = await _take(node, Hold(node.suite, node.jobs.kinds, contract.id, stop))
    node.stops.reload()
    node.jobs.look()
    return suspended


async def take_up(
    node: Node, contract: Contract, by: str, cause: str = "", order: str = ""
) -> Contract:
    """Lift the stop that `by` gave; the contract can be used again if there is no other.

    Raises:
        TransitionError: it is not suspended.
        RightMissingError: others have suspended it, and `by` has not.
        StopInvalidError: the order was used before.
        UnseenError: it no longer compiles.

    """
    stop = Order(by=by, cause=cause, token=order)
    async with node.proposing:
        if errors := against_contract(node, contract):
            raise _first(errors)
        resumed = await _take(node, Lift(node.suite, contract.id, stop))
    node.stops.reload()
    if lacks_table(node, resumed):
        start_epoch(node, resumed)
    return resumed


async def revoke(node: Node, contract: Contract, by: str, cause: str = "") -> Contract:
    """End the contract at once: later requests are refused, keys and replies destroyed.

    Raises:
        FieldInvalidError: the cause is not one line of at most 200 bytes.
        TransitionError: it has ended.

    """
    said = line_of(cause, "contract.cause")
    return await _end(node, contract, Step(contract.id, Event.REVOKE, by, said))


def rotate(node: Node, table: str) -> list[str]:
    """Begin a new epoch, over the newest snapshot, of every lookup in force on `table`."""
    affected = [
        contract
        for contract in node.contracts.all()
        if contract.state is State.ACTIVE
        and (contract.terms.table, contract.terms.kind) == (table, "lookup")
    ]
    for contract in affected:
        start_epoch(node, contract)
    return [contract.id for contract in affected]


async def sweep(node: Node) -> None:
    """Write down which contracts have run out of time; build what there was no space for."""
    retry_epochs(node)
    for contract in rotation.due(node):
        start_epoch(node, contract)
    for contract in rotation.over(node):
        await end_epochs(node, contract)
        node.ended.add(contract.id)
    now = node.clock.now()
    for contract in node.contracts.all():
        if expired(contract, now):
            await _end(node, contract, Step(contract.id, Event.EXPIRE, "node"))
            node.ended.add(contract.id)
        elif _over(node, contract, now):
            await end_epochs(node, contract)
            node.ended.add(contract.id)


async def resume(node: Node) -> None:
    """At a start: build what the last stop left unbuilt, or could not be built of newer rows."""
    unfinished = set(node.epochs.unfinished())
    for contract in node.contracts.all():
        if contract.terms.kind != "lookup" or contract.state is not State.ACTIVE:
            continue
        if node.jobs.live("build", contract.id):
            continue  # it goes on by itself
        if contract.id in unfinished or lacks_table(node, contract):
            start_epoch(node, contract)


def _over(node: Node, contract: Contract, now: datetime) -> bool:
    """Return whether an exhausted contract, kept for its retries, has run out of time too."""
    exhausted = contract.state is State.EXHAUSTED and contract.id not in node.ended
    return exhausted and now >= contract.terms.period.until


async def _end(node: Node, contract: Contract, step: Step) -> Contract:
    work = EndWork(node.suite, node.jobs.kinds, contract.id, step.by, step.cause)
    done = await node.writer.submit(Together((step, work)))
    ended: Contract = node.contracts.put(done[0])
    follow_end(node, ended, done[1])
    return ended


async def _take(node: Node, change: Change[Contract]) -> Contract:
    return node.contracts.put(await node.writer.submit(change))


def _party(node: Node, name: str) -> Party:
    party = node.parties.get(name)
    if party is None:
        raise PartyNotFoundError("the party is not enrolled", clause="party")
    return party
