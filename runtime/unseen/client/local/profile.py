"""Who this client is, whom it talks to, and which keys it pins."""

from dataclasses import dataclass

from unseen.client.fields import Fields
from unseen.client.local.home import Home, read_json, write_json
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.joint import Place
from unseen.evidence.suite import Suite, key_id, suite_of

_REMEDY = "restore profile.json from a backup, or join again with a new invitation"


@dataclass(frozen=True, slots=True)
class Node:
    """A node as pinned when joining. Keys are raw public keys of the profile's suite."""

    name: str
    address: str
    evidence_key: bytes
    log_origin: str
    log_key: bytes
    operator_key: bytes

    @property
    def place(self) -> Place:
        """How the node stands in the roster of a joint clause."""
        return Place(name=self.name, key=self.evidence_key)


@dataclass(frozen=True, slots=True)
class Profile:
    """One client instance of one party at one node. `key` is the party's public evidence key."""

    party: str
    role: str
    instance: str
    suite_id: str
    key: bytes
    node: Node

    @property
    def suite(self) -> Suite:
        """The crypto suite of the party and of the node."""
        return suite_of(self.suite_id)

    @property
    def key_id(self) -> str:
        """The name of the party's evidence key, as contracts use it."""
        return key_id(self.suite, self.key)

    def save(self, home: Home) -> None:
        """Write the profile into `home`; from then on the home counts as complete."""
        node = self.node
        value: dict[str, Json] = {
            "v": 1,
            "type": "profile",
            "party": self.party,
            "role": self.role,
            "instance": self.instance,
            "suite": self.suite_id,
            "key": b64encode(self.key),
            "node": {
                "name": node.name,
                "address": node.address,
                "evidence_key": b64encode(node.evidence_key),
                "log_origin": node.log_origin,
                "log_key": b64encode(node.log_key),
                "operator_key": b64encode(node.operator_key),
            },
        }
        write_json(home.profile, value)


def load_profile(home: Home) -> Profile:
    """Read the profile of `home`.

    Raises:
        HomeError: it is missing or malformed.
        SuiteUnknownError: it names a suite that this program does not have.

    """
    fields = Fields(read_json(home.profile), "profile", remedy=_REMEDY)
    fields.expect("v", 1)
    fields.expect("type", "profile")
    suite = suite_of(fields.text("suite"))
    node = fields.child("node")
    profile = Profile(
        party=fields.text("party"),
        role=fields.text("role"),
        instance=fields.text("instance"),
        suite_id=suite.id,
        key=fields.data("key", suite.key_bytes),
        node=read_node(node, suite, node.text("address")),
    )
    node.end()
    fields.end()
    return profile


def read_node(fields: Fields, suite: Suite, address: str) -> Node:
    """Read the pins of a node out of a profile or an invitation.

    Raises:
        HomeError: a field is missing or malformed.

    """
    return Node(
        name=fields.text("name"),
        address=address,
        evidence_key=fields.data("evidence_key", suite.key_bytes),
        log_origin=fields.text("log_origin"),
        log_key=fields.data("log_key", suite.key_bytes),
        operator_key=fields.data("operator_key", suite.key_bytes),
    )
