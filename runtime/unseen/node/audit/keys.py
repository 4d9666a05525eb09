"""The parties' public keys, as the node tells them to whoever audits its log."""

from typing import cast

from unseen.evidence.audit.export import node_name
from unseen.evidence.trust import Role, Trust, TrustedLog, TrustedParty
from unseen.node.audit.redaction import dealings, whole
from unseen.node.context import Node
from unseen.node.identity import rights
from unseen.node.identity.parties import Caller

_KNOWN_TO_ALL = frozenset({rights.Role.OPERATOR, rights.Role.WITNESS})
_IN_CONSENTS = frozenset({rights.Role.BUYER, rights.Role.HUB})


def trust_file(node: Node, who: Caller) -> Trust:
    """Return the keys of node, log and parties; of the parties only what the caller's leaves name.

    A hub is told those whom consents name: buyers, as recipients, and hubs, as signers. Everybody
    is told the witnesses, whose names stand under heads that everybody is shown. Whoever reads
    keys has to know from somewhere else whose they are.
    """
    listed = [
        TrustedParty(node_name(node.log.origin), "node", node.suite.id, node.signer.public_key)
    ]
    dealt = frozenset() if whole(who) else dealings(node, who)
    for party in node.parties.all():
        own = party.name == who.party or party.role in _KNOWN_TO_ALL
        named = who.role is rights.Role.HUB and party.role in _IN_CONSENTS
        if own or named or party.key_id in dealt or whole(who):
            role = cast("Role", party.role.value)
            listed.append(TrustedParty(party.name, role, party.suite, party.key))
    log = TrustedLog(node.suite.id, node.log.public_key, node.key_id)
    return Trust.of(listed, [(node.log.origin, log)])
