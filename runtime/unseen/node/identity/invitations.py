"""The invitation file: where the node is, whom to trust there, and a certificate to enrol with."""

import json
from datetime import datetime

from unseen.evidence.canonical import b64encode, format_time
from unseen.node.config import WILDCARDS
from unseen.node.context import Node
from unseen.node.errors import ConfigInvalidError
from unseen.node.identity.certificates import issue_invitation
from unseen.node.identity.rights import Role


def invitation_document(
    node: Node, invitation: str, party: str, role: Role, expires: datetime
) -> bytes:
    """Return the invitation file's bytes. It is a secret until it is used.

    Raises:
        ConfigInvalidError: the node's address is a wildcard, which nobody can connect to.

    """
    if node.address.rpartition(":")[0] in WILDCARDS:
        raise ConfigInvalidError(
            "the node listens on every address and does not say which one to use",
            clause="node.advertise",
            remedy="set `advertise` (and `hosts`) in node.toml, and start the node again",
        )
    pair = issue_invitation(node.authority, invitation, node.clock.now(), expires)
    document = {
        "v": 1,
        "type": "invitation",
        "id": invitation,
        "party": party,
        "role": role.value,
        "address": node.address,
        "suite": node.suite.id,
        "expires": format_time(expires),
        "node": node_identity(node),
        "ca": node.authority.certificate_pem().decode(),
        "certificate": pair.certificate_pem().decode(),
        "key": pair.key_pem().decode(),
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def node_identity(node: Node) -> dict[str, str]:
    """Return the node's pins: name and public keys, as an invitation carries them."""
    return {
        "name": node.settings.name,
        "evidence_key": b64encode(node.signer.public_key),
        "log_origin": node.log.origin,
        "log_key": b64encode(node.log_key),
        "operator_key": b64encode(node.parties.operator().key),
    }
