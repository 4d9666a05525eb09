"""Who may see a contract: its parties, and who reads the evidence."""

from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import ContractNotFoundError
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role

_ALL = frozenset({Role.OPERATOR, Role.AUDITOR, Role.REGULATOR})


def visible(node: Node, who: Caller, contract: Contract) -> bool:
    """Return whether the caller may see the contract."""
    if who.role in _ALL:
        return True
    if who.role is Role.BUYER:
        return contract.buyer == who.party
    party = node.parties.get(who.party)
    return party is not None and party.key_id in (contract.terms.holder, contract.terms.approver)


def seen(node: Node, who: Caller, identifier: str) -> Contract:
    """Return a contract that the caller may see.

    Raises:
        ContractNotFoundError: none of this id, or one the caller may not see: these look the same.

    """
    contract = node.contracts.get(identifier)
    if not visible(node, who, contract):
        raise ContractNotFoundError(
            "no contract of this id", clause="contract", remedy="see yours: unseen contract list"
        )
    return contract
