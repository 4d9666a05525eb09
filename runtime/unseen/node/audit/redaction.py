"""Which leaves a caller sees whole, and which by their hash alone.

Operator, auditor and regulator see the whole log: nobody's total can be recomputed from a part of
it, and nothing in a leaf identifies a person. A party to contracts sees its own contracts, its own
enrolment, those of the parties to its contracts, and what is nobody's in particular; of all else
the hash, so that the tree over the whole log can still be computed. What is new here is hidden
until somebody decides.
"""

from unseen.evidence.canonical import Json
from unseen.node.context import Node
from unseen.node.contracts.viewing import visible
from unseen.node.errors import ContractNotFoundError
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role
from unseen.node.objections.register import opener_of

_WHOLE = frozenset({Role.OPERATOR, Role.AUDITOR, Role.REGULATOR})
_PUBLIC = (
    *("node.", "table.", "product.", "rules.", "template.", "mandate.", "consent."),
    "privacy.",  # without a table's budget nobody could hold its own releases against it
)


def whole(who: Caller) -> bool:
    """Return whether the caller sees every leaf."""
    return who.role in _WHOLE


def shows(node: Node, who: Caller, leaf: dict[str, Json]) -> bool:
    """Return whether the caller sees `leaf`, decoded, and the document that it names."""
    if whole(who):
        return True
    contract = _contract(leaf)
    if contract is not None:
        return _own(node, who, contract) and not _of_a_person(node, who, leaf)
    party = leaf.get("party")
    if party is not None:
        return _shows_party(node, who, str(party), str(leaf.get("type")))
    certified = leaf.get("type") == "certificate.issued"  # of a table or a product
    return certified or str(leaf.get("type")).startswith(_PUBLIC)


def dealings(node: Node, who: Caller) -> frozenset[str]:
    """Return the names of the keys of all parties to the contracts that the caller sees."""
    terms = (each.terms for each in node.contracts.all() if visible(node, who, each))
    named = (key for t in terms for key in (t.buyer, t.holder, t.approver, t.regulator))
    return frozenset(key for key in named if key)


def _shows_party(node: Node, who: Caller, party: str, kind: str) -> bool:
    """Return whether the caller sees a leaf about a party.

    Without those about its contracts' parties it cannot check who signed them, nor who asked.
    """
    known = node.parties.get(party)
    if party == who.party or (known is not None and known.role is Role.OPERATOR):
        return True
    if known is None or known.key_id not in dealings(node, who):
        return False
    return known.role is Role.BUYER or kind != "instance.registered"


def _contract(leaf: dict[str, Json]) -> str | None:
    """Return the id of the contract that a leaf is about, if it is about one."""
    request, found = leaf.get("request"), leaf.get("contract")
    if isinstance(request, dict):
        found = request.get("contract")
    elif leaf.get("object") == "contract":  # of a certificate
        found = leaf.get("name")
    return None if found is None else str(found)


def _of_a_person(node: Node, who: Caller, leaf: dict[str, Json]) -> bool:
    """Return whether a buyer would learn from `leaf` who of those it asked about objects."""
    kind = str(leaf.get("type"))
    if who.role is not Role.BUYER or not kind.startswith("objection."):
        return False
    opener = leaf.get("by")
    if kind != "objection.opened":
        opener = opener_of(node.engine, str(leaf.get("objection")))
    party = node.parties.get(str(opener))
    return party is None or party.role is Role.HUB


def _own(node: Node, who: Caller, contract: str) -> bool:
    try:
        return visible(node, who, node.contracts.get(contract))
    except ContractNotFoundError:
        return False
