"""The key of a contract over scores: drawn once, kept sealed in the home, and its context.

Rows are encrypted under it, and nobody else can decrypt their scores. It never leaves the home; the
context, which has the public key, goes to the node. Whoever loses the home loses the key, and with
it the scores of runs under way; what is asked later has a new one.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from unseen.client.errors import HomeError
from unseen.client.local.state import State
from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.contracts.homomorphic import need_vectors
from unseen.evidence.contracts.scoring_rings import Ring
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.shared import shared_name
from unseen.evidence.suite import Suite

if TYPE_CHECKING:
    from unseen.protocols.he.scorers import RowOwner

_USE = "score"
_MOST_BYTES = 1 << 27  # a context with keys for products, in base64


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: its owner's secret, and the context under which a node computes."""

    ring: Ring
    secret: bytes = field(repr=False)
    context: bytes = field(repr=False)

    @classmethod
    def of(cls, state: State, contract: str, ring: Ring) -> Self:
        """Return the key of a contract; it is drawn, and kept, where there is none.

        Raises:
            HomeError: what is kept is no key.
            InputInvalidError: a library is missing.

        """
        kept = state.key(contract, _USE)
        if kept is None:
            owner = _owner(ring, None)
            fresh: dict[str, Json] = {
                "secret": b64encode(owner.secret()),
                "context": b64encode(owner.context()),
            }
            kept = state.save_key(contract, _USE, canonical.encode(fresh))
        return cls(ring, *_read(kept))

    def owner(self) -> "RowOwner":
        """Return who encrypts and decrypts with it.

        Raises:
            InputInvalidError: a library is missing.
            MalformedMessageError: it is another ring's.

        """
        return _owner(self.ring, self.secret)

    def digest(self, suite: Suite) -> bytes:
        """Return the digest that names the context."""
        return suite.digest(self.context)

    def name(self, suite: Suite) -> str:
        """Return the id under which the context is sent."""
        return shared_name(self.digest(suite))


def _owner(ring: Ring, secret: bytes | None) -> "RowOwner":
    need_vectors("kind")
    from unseen.protocols.he.scorers import RowOwner  # noqa: PLC0415 - with its libraries

    return RowOwner(ring, secret)


def _read(kept: bytes) -> tuple[bytes, bytes]:
    try:
        body = canonical.decode(kept, _MOST_BYTES)
        if isinstance(body, dict) and body.keys() == {"secret", "context"}:
            return b64decode(str(body["secret"])), b64decode(str(body["context"]))
    except EvidenceError:
        pass
    raise HomeError("what is kept is no key of scores", clause="home")
