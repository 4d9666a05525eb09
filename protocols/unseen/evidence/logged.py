"""A leaf with its place in the log: index, inclusion proof (RFC 6962 section 2.1.1), signed head.

What is shown to others carries these: a manifest's announcement, a certificate's links, the root
of consents that an answer is under. Each format names them in its own errors. Nothing is verified
by reading it, and that a leaf is in the log says only that the node claimed it there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.fields import Checker
from unseen.evidence.log import encode_leaf
from unseen.evidence.suite import Suite
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.proofs import verify_inclusion
from unseen.protocols.tlog.tree import leaf_hash

_PLACE = ("leaf", "index", "proof")
_HEADED = (*_PLACE, "checkpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A leaf at `index` of a log, with the 32-byte hashes that lead from it to a head's root."""

    leaf: dict[str, Json]
    index: int
    proof: tuple[bytes, ...]

    def to_json(self) -> dict[str, Json]:
        """Return leaf, index and proof as an object."""
        return {"leaf": self.leaf, "index": self.index, "proof": b64encode(b"".join(self.proof))}

    @classmethod
    def from_json(cls, check: Checker, field: str, value: Json) -> Self:
        """Return what `to_json` gives `value` for; `check` refuses what is none, below `field`."""
        return cls(**_place(check, field, check.take(value, _PLACE, field)))

    def verify(self, checkpoint: Checkpoint, suite: Suite) -> None:
        """Return if the leaf is where it says in the log that `checkpoint` heads.

        Raises:
            ProofInvalidError: it is not.
            LeafInvalidError: the leaf has more bytes than a leaf can have.
            CanonicalError: it has no canonical form.

        """
        hashed = leaf_hash(encode_leaf(self.leaf), suite.hash)
        size, root = checkpoint.size, checkpoint.root
        verify_inclusion(hashed, self.index, size, self.proof, root, suite.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headed(Logged):
    """The same with the head that the proof leads to, as a signed note."""

    checkpoint: str

    def to_json(self) -> dict[str, Json]:
        """Return leaf, index, proof and head as an object."""
        return Logged.to_json(self) | {"checkpoint": self.checkpoint}

    @classmethod
    def from_json(cls, check: Checker, field: str, value: Json) -> Self:
        """Return what `to_json` gives `value` for; `check` refuses what is none, below `field`."""
        return cls.of(check, field, check.take(value, _HEADED, field))

    @classmethod
    def of(cls, check: Checker, field: str, body: Mapping[str, Any]) -> Self:
        """Return what `body` holds among fields of other things."""
        if type(body["checkpoint"]) is not str:
            check.fail(f"{field}.checkpoint", "is not text")
        return cls(**_place(check, field, body), checkpoint=body["checkpoint"])


def _place(check: Checker, field: str, body: Mapping[str, Any]) -> dict[str, Any]:
    if type(body["leaf"]) is not dict:
        check.fail(f"{field}.leaf", "is not an object")
    check.integer(f"{field}.index", body["index"], 0)
    proof = check.hashes(f"{field}.proof", body["proof"])
    return {"leaf": body["leaf"], "index": body["index"], "proof": proof}
