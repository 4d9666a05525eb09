"""What the node can offer a buyer now, gathered from its stores for the compiler."""

from datetime import datetime

from unseen.evidence.contracts.states import State
from unseen.node.context import Node
from unseen.node.contracts.clauses.clause import Offer, Signers
from unseen.node.errors import PartyNotFoundError
from unseen.node.identity.rights import Role
from unseen.node.kinds.kind import KINDS

_LIVE = (State.PROPOSED, State.APPROVED, State.ACTIVE, State.SUSPENDED)


def offer_for(
    node: Node, buyer: str, product_name: str, *, template: str = "", but: str = ""
) -> Offer:
    """Return what the party `buyer` can be offered of a product.

    `template` is the name of one to follow, `but` the id of a contract that is not counted.

    Raises:
        PartyNotFoundError: the buyer is not enrolled.
        ProductNotFoundError: there is no such product.

    """
    party = node.parties.get(buyer)
    if party is None:
        raise PartyNotFoundError("the buyer is not enrolled", clause="buyer")
    product = node.catalogue.product(product_name)
    table = node.catalogue.table(product.table)
    joined = node.catalogue.table(product.joined) if product.joined else None
    over = node.mandates.book.standing.over
    return Offer(
        product=product,
        table=table,
        signers=Signers(
            node.suite,
            node.parties.operator().key_id,
            node.key_id,
            party.key_id,
            holder=_holder(node, table.holder),
            approver=_key_of(node, Role.APPROVER),
            regulator=_key_of(node, Role.REGULATOR) or _key_of(node, Role.AUDITOR),
        ),
        mandates=over(table.name),
        rules=node.rulebook.rules,
        granted=_granted(node, buyer, table.name, product.kind, but),
        others=tuple(each for each in node.catalogue.products() if each.name != product_name),
        template=node.templates.find(template) if template else None,
        consent_latency=node.settings.consent_latency_seconds,
        followed=_followed(node, buyer, but),
        node=node.settings.name,
        joined=joined,
        joined_mandates=over(joined.name) if joined else None,
    )


def _key_of(node: Node, role: Role) -> str:
    """Return the name of the key of the party of this role, the first by name; empty for none."""
    found = (p.key_id for p in node.parties.all() if p.role is role and not p.revoked)
    return next(found, "")


def _holder(node: Node, name: str) -> str:
    """Return the name of the key of a table's holder; empty where it has none, or not any more."""
    party = node.parties.get(name) if name else None
    return party.key_id if party is not None and not party.revoked else ""


def _granted(node: Node, buyer: str, table: str, kind: str, but: str) -> int:
    """Return the questions that a buyer's contracts over a table have used or may still use.

    Those of one kind, or of every hidden one: whom a hidden question is about nobody sees, whatever
    asks it. A unit of a hidden match is two: they may be about two subjects.
    """
    kinds = {each for each, found in KINDS.items() if found.hidden and KINDS[kind].hidden} | {kind}
    return sum(
        (contract.terms.quota.units if contract.state in _LIVE else contract.units_used)
        * contract.plan.evaluations
        for contract in node.contracts.all()
        if (contract.buyer, contract.terms.table) == (buyer, table)
        and contract.terms.kind in kinds
        and contract.id != but
    )


def _followed(node: Node, buyer: str, but: str) -> tuple[tuple[str, datetime], ...]:
    """Return product and start of the buyer's contracts under templates that count."""
    return tuple(
        (contract.terms.product, contract.terms.period.start)
        for contract in node.contracts.all()
        if contract.buyer == buyer
        and contract.terms.template
        and contract.id != but
        and (contract.units_used or contract.state in _LIVE)
    )
