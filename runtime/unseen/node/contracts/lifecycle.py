"""A contract's life: proposed, approved, activated, and ended by time or by a signer."""

from datetime import datetime

from unseen.evidence.contract import TRANSITIONS, Event, State, verify_approval
from unseen.node.context import Node
from unseen.node.contracts.builder import end_epochs, retry_epochs, start_epoch
from unseen.node.contracts.compile import Ask, Refusal, Signers, compile_contract
from unseen.node.contracts.register import Contract, Propose, Step, expired
from unseen.node.errors import ContractExpiredError, OverloadedError, PartyNotFoundError
from unseen.node.failpoints import hit

_MAX_WAITING = 100
_MAX_UNAPPROVED = 1000  # each is two leaves that stay for good


async def propose(node: Node, buyer: str, product_name: str, ask: Ask) -> Contract:
    """Compile `ask` and put the contract before its signers.

    Raises:
        UnseenError: the first clause that stands against it; its message tells how many more.

    """
    product = node.catalogue.product(product_name)
    party = node.parties.get(buyer)
    if party is None:
        raise PartyNotFoundError("the buyer is not enrolled", clause="buyer")
    signers = Signers(node.suite, node.parties.operator().key_id, node.key_id, party.key_id)
    if ask.period.until <= node.clock.now():
        raise ContractExpiredError(
            "the period asked for is over", clause="period.until", remedy="ask for a later one"
        )
    table = node.catalogue.table(product.table)
    async with node.proposing:  # one after the other, or two would not know of each other
        _check_proposals(node, buyer)
        granted = _granted(node, buyer, table.name, product.kind)
        outcome = compile_contract(ask, product, table, signers, granted)
        if isinstance(outcome, Refusal):
            raise outcome.errors[0]
        proposal = Propose(buyer, outcome.terms, outcome.plan, outcome.leakage)
        return node.contracts.put(await node.writer.submit(proposal))


def _granted(node: Node, buyer: str, table: str, kind: str) -> int:
    """Return the units that a buyer's contracts over a table have used or may still use."""
    live = (State.PROPOSED, State.APPROVED, State.ACTIVE, State.SUSPENDED)
    return sum(
        contract.terms.quota.units if contract.state in live else contract.units_used
        for contract in node.contracts.all()
        if (contract.buyer, contract.terms.table, contract.terms.kind) == (buyer, table, kind)
    )


def _check_proposals(node: Node, buyer: str) -> None:
    own = [c for c in node.contracts.all() if c.buyer == buyer and not c.operator_approval]
    waiting = sum(contract.state is State.PROPOSED for contract in own)
    if waiting >= _MAX_WAITING or len(own) >= _MAX_UNAPPROVED:
        raise OverloadedError(
            f"{waiting} of this buyer's proposals wait and {len(own)} were never approved",
            clause="contract.proposals",
            remedy="wait for the operator's answer; a new party starts with none",
        )


async def revoke_all(node: Node, buyer: str, by: str) -> None:
    """End every contract of a buyer that has not ended yet."""
    for contract in node.contracts.all():
        if contract.buyer == buyer and (contract.state, Event.REVOKE) in TRANSITIONS:
            await revoke(node, contract, by)


async def approve(node: Node, contract: Contract, approval: str) -> Contract:
    """Take the operator's signature over the terms.

    Raises:
        SignatureInvalidError: it is not the operator's over these terms.
        TransitionError: the contract is not waiting for it.

    """
    verify_approval(approval, contract.terms, "operator", node.parties.operator().key)
    return await _step(node, contract, Event.APPROVE, node.parties.operator().name, approval)


async def activate(node: Node, contract: Contract, approval: str) -> Contract:
    """Take the buyer's signature; begin the first epoch of a lookup.

    Raises:
        SignatureInvalidError: it is not the buyer's over these terms.
        TransitionError: the operator has not approved, or the contract is past this.

    """
    party = node.parties.get(contract.buyer)
    if party is None:
        raise PartyNotFoundError("the buyer is not enrolled", clause="buyer")
    verify_approval(approval, contract.terms, "buyer", party.key)
    hit("contract.before_activate")
    active = await _step(node, contract, Event.ACTIVATE, contract.buyer, approval)
    hit("contract.after_activate")
    if active.terms.kind == "lookup":
        start_epoch(node, active)
    return active


async def revoke(node: Node, contract: Contract, by: str) -> Contract:
    """End the contract at once: later requests are refused, keys and replies destroyed."""
    revoked = await _step(node, contract, Event.REVOKE, by)
    await end_epochs(node, revoked)
    return revoked


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
    now = node.clock.now()
    for contract in node.contracts.all():
        if expired(contract, now):
            await end_epochs(node, await _step(node, contract, Event.EXPIRE, "node"))
            node.ended.add(contract.id)
        elif _over(node, contract, now):
            await end_epochs(node, contract)
            node.ended.add(contract.id)


async def resume(node: Node) -> None:
    """At a start: build the tables that the last stop left unbuilt, or that could not be built."""
    unfinished = set(node.epochs.unfinished())
    for contract in node.contracts.all():
        if contract.terms.kind != "lookup" or contract.state is not State.ACTIVE:
            continue
        if contract.id in unfinished or not node.epochs.answers(contract.id):
            start_epoch(node, contract)


def _over(node: Node, contract: Contract, now: datetime) -> bool:
    """Return whether an exhausted contract, kept for its retries, has run out of time too."""
    exhausted = contract.state is State.EXHAUSTED and contract.id not in node.ended
    return exhausted and now >= contract.terms.period.until


async def _step(
    node: Node, contract: Contract, event: Event, by: str, approval: str = ""
) -> Contract:
    return node.contracts.put(await node.writer.submit(Step(contract.id, event, by, approval)))
