"""The tree of consents: its root as the log has it, and what a leaf commits to. Own format.

A sparse Merkle tree (`protocols/smt`) with one leaf for each subject that ever consented, at its
VOPRF index. A leaf's value is a commitment, under a nonce, to the ids of the consents in force;
after a withdrawal to a shorter list. Each root is a document that the log names in a leaf
`consent.root`, and whatever was made under it names its hash.

Roots show how many subjects there are and how often something changed, and nobody's name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode, format_time
from unseen.evidence.commitment import commit
from unseen.evidence.errors import ConsentProofInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Suite, suite_of
from unseen.protocols.errors import ElementInvalidError
from unseen.protocols.group import ristretto255
from unseen.protocols.smt.shape import Shape

EVENT = "consent.root"
MAX_SUBJECTS = 1 << 40
_TREE = b"unseen/consent/tree/v1\0"
_CHECK = Checker(ConsentProofInvalidError, "consent root")
_FIELDS = ("node", "public_key", "number", "size", "root", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRoot:
    """The root of a node's tree of consents after its change `number`, counted from 1.

    `node` is the name of the node's key, `public_key` the VOPRF key that gives subjects their
    index (a ristretto255 element), `size` the number of leaves, `root` 32 bytes. Errors:
    `ConsentProofInvalidError`.
    """

    suite: str
    node: str
    public_key: bytes
    number: int
    size: int
    root: bytes
    time: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.key_id("node", self.node)
        _CHECK.octets("public_key", self.public_key)
        try:
            ristretto255.check_element(self.public_key)
        except ElementInvalidError:
            _CHECK.fail("public_key", "is not an element of the group")
        _CHECK.integer("number", self.number, 1)
        _CHECK.integer("size", self.size, 0, MAX_SUBJECTS)
        _CHECK.octets("root", self.root)
        _CHECK.time("time", self.time)

    def to_json(self) -> dict[str, Json]:
        """Return the document as an object."""
        return head("consent-root", self.suite) | {
            "node": self.node,
            "public_key": b64encode(self.public_key),
            "number": self.number,
            "size": self.size,
            "root": b64encode(self.root),
            "time": format_time(self.time),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the document that `to_json` gives `value` for.

        Raises:
            ConsentProofInvalidError: a field is missing, not known, of another type or out of
                range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "consent-root", _FIELDS)
        return cls(
            suite=body["suite"],
            node=body["node"],
            public_key=_CHECK.unb64("public_key", body["public_key"]),
            number=body["number"],
            size=body["size"],
            root=_CHECK.unb64("root", body["root"]),
            time=_CHECK.untime("time", body["time"]),
        )

    def encode(self) -> bytes:
        """Return the canonical bytes of the document."""
        return canonical.encode(self.to_json())

    def id(self) -> bytes:
        """Return the hash of `encode`, 32 bytes."""
        return suite_of(self.suite).digest(self.encode())

    def shape(self) -> Shape:
        """Return what every hash of the tree depends on."""
        return tree_shape(suite_of(self.suite), self.node, self.public_key)

    def leaf_fields(self) -> dict[str, Json]:
        """Return what the log's leaf says beside the document's id."""
        return {"number": self.number, "size": self.size, "root": b64encode(self.root)}


def tree_shape(suite: Suite, node: str, public_key: bytes) -> Shape:
    """Return the shape of the tree of the node with the key called `node`."""
    tree_id = suite.digest(_TREE + b64decode(node) + public_key)
    return Shape(tree_id, hash=suite.hash)


def set_commitment(suite: Suite, nonce: bytes, consents: Iterable[bytes]) -> bytes:
    """Return a leaf's value: the commitment to the ids of the consents in force, 32 bytes.

    Raises:
        InputInvalidError: `nonce` is not 32 bytes.

    """
    listed: list[Json] = [b64encode(consent) for consent in sorted(consents)]
    body = head("consent-set", suite.id) | {"consents": listed}
    return commit(suite, nonce, (canonical.encode(body),))
