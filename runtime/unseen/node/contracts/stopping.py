"""Stopping and resuming by signed order: whose word counts for what, and that it counts once.

The operator may stop any contract and the node; the second approver and the regulator that a
contract names may stop that contract. Whoever stopped resumes. An order counts within 15 minutes
of its time, at this node, for the one contract it names.
"""

from unseen.evidence.contracts.stop import Action, StopOrder, verify_stop
from unseen.evidence.errors import StopInvalidError
from unseen.evidence.releases.request import MAX_REQUEST_AGE
from unseen.evidence.suite import suite_of
from unseen.node.context import Node
from unseen.node.contracts import lifecycle
from unseen.node.contracts.register import Contract
from unseen.node.contracts.stops import Order, ResumeNode, StopNode
from unseen.node.errors import RightMissingError
from unseen.node.identity.parties import Caller, Party
from unseen.node.identity.rights import Role


async def suspend_by_order(node: Node, who: Caller, contract: Contract, token: str) -> Contract:
    """Suspend a contract on the caller's signed order.

    Raises:
        RightMissingError: the contract gives the caller no such right.
        StopInvalidError: the order is malformed, another one's, out of date or used before.
        SignatureInvalidError: it is not the caller's.
        TransitionError: the contract is not in force, or the caller has suspended it already.

    """
    party = _party(node, who)
    _check_right(party, contract)
    order = _read(node, party, token, "stop", contract.id_bytes)
    return await lifecycle.suspend(node, contract, party.name, order.cause, token)


async def resume_by_order(node: Node, who: Caller, contract: Contract, token: str) -> Contract:
    """Lift the caller's own stop of a contract, on its signed order.

    Raises:
        TransitionError: the contract is not suspended; an ended one stays ended.
        RightMissingError: somebody else has suspended it.
        StopInvalidError, SignatureInvalidError: as `suspend_by_order`.

    """
    party = _party(node, who)
    _check_right(party, contract)
    order = _read(node, party, token, "resume", contract.id_bytes)
    return await lifecycle.take_up(node, contract, party.name, order.cause, token)


async def stop_node(node: Node, who: Caller, token: str) -> None:
    """Have the node stand still on the operator's signed order; jobs wait, nothing leaves.

    Raises:
        NodeStoppedError: it stands still already.
        StopInvalidError, SignatureInvalidError: as `suspend_by_order`.

    """
    party = _party(node, who)
    order = _read(node, party, token, "stop", b"")
    said = Order(by=party.name, cause=order.cause, token=token)
    jobs = await node.writer.submit(StopNode(node.suite, said))
    node.stops.reload()
    node.jobs.adopt(jobs)


async def resume_node(node: Node, who: Caller, token: str) -> None:
    """Have the node go on, on the operator's signed order.

    Raises:
        StopInvalidError: the node does not stand still, or as `suspend_by_order`.
        SignatureInvalidError: as `suspend_by_order`.

    """
    party = _party(node, who)
    order = _read(node, party, token, "resume", b"")
    said = Order(by=party.name, cause=order.cause, token=token)
    await node.writer.submit(ResumeNode(node.suite, said))
    node.stops.reload()
    node.jobs.wake()


def _read(node: Node, party: Party, token: str, action: Action, contract: bytes) -> StopOrder:
    order = verify_stop(token, suite_of(party.suite), party.key)
    clauses: tuple[tuple[str, object, object], ...] = (
        ("action", order.action, action),
        ("node", order.node, node.key_id),
        ("contract", order.contract, contract),
    )
    for clause, found, wanted in clauses:
        if found != wanted:
            raise StopInvalidError(f"stop: {clause} is another one", clause=clause)
    if abs(node.clock.now() - order.issued_at) > MAX_REQUEST_AGE:
        raise StopInvalidError(
            "stop: issued_at is too long before, or after, the node's time", clause="issued_at"
        )
    return order


def _check_right(party: Party, contract: Contract) -> None:
    terms = contract.terms
    if party.role is Role.OPERATOR or party.key_id in (terms.approver, terms.regulator):
        return
    raise RightMissingError(
        "only the operator, and the approver and regulator that the contract names, stop it",
        clause="stop.by",
        remedy="a signer ends it for good: unseen contract revoke ID",
    )


def _party(node: Node, who: Caller) -> Party:
    party = node.parties.get(who.party)
    if party is None:  # the gate identified it a moment ago
        raise RightMissingError("the party is gone", clause="identity.pin")
    return party
