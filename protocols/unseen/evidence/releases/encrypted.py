"""What encrypted training sends both ways, as request and release commit to it. Own format.

A request commits to one part, `SentWeights`: the digest of the ciphertexts of weights that are
sent for an iteration, the context, with the public keys, that they are under, and, of a vertical
training, the rows that go with them. The release commits to one part, `SentGradient`: the digest of
the samples that the node hands out. So neither side can later put other bytes in their place.
Whether a ciphertext holds weights, and which, nobody but the buyer can tell.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.encrypted import MAX_SAMPLES
from unseen.evidence.errors import ReleaseInvalidError, RequestInvalidError
from unseen.evidence.fields import Checker, head

_SENT = Checker(RequestInvalidError, "weights")
_BACK = Checker(ReleaseInvalidError, "gradient")
_SENT_NAMES: Final = ("context", "rows", "digest")
_BACK_NAMES: Final = ("samples", "digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentWeights:
    """What a buyer sends for an iteration: ciphertexts whose bytes have this `digest`, 32 bytes.

    `context` is the digest of the context that they are under, `rows` of the buyer's subjects,
    labels and columns in a vertical training, and empty in one of a secret model. Errors:
    `RequestInvalidError`.
    """

    suite: str
    context: bytes
    rows: bytes = b""
    digest: bytes
    type: ClassVar[str] = "train-weights"

    def __post_init__(self) -> None:
        """Check every field."""
        _SENT.suite(self.suite)
        _SENT.octets("context", self.context)
        if self.rows != b"":
            _SENT.octets("rows", self.rows)
        _SENT.octets("digest", self.digest)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        body: dict[str, Json] = {name: b64encode(getattr(self, name)) for name in _SENT_NAMES}
        return canonical.encode(head(self.type, self.suite) | body)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what has the canonical bytes `data`.

        Raises:
            CanonicalError: `data` is not canonical JSON.
            RequestInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _SENT.body(canonical.decode(data), cls.type, _SENT_NAMES)
        digests = {name: _SENT.unb64(name, body[name]) for name in _SENT_NAMES}
        return cls(suite=body["suite"], **digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentGradient:
    """What the node answers: `samples` whose bytes have this `digest`, 32 bytes.

    Errors: `ReleaseInvalidError`.
    """

    suite: str
    samples: int
    digest: bytes
    type: ClassVar[str] = "train-gradient"

    def __post_init__(self) -> None:
        """Check every field."""
        _BACK.suite(self.suite)
        _BACK.integer("samples", self.samples, 1, MAX_SAMPLES)
        _BACK.octets("digest", self.digest)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        body: dict[str, Json] = {"samples": self.samples, "digest": b64encode(self.digest)}
        return canonical.encode(head(self.type, self.suite) | body)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what has the canonical bytes `data`.

        Raises:
            ReleaseInvalidError: it is not canonical JSON, or a field is missing, not known, of
                another type or out of range.

        """
        body = _BACK.released(data, cls.type, _BACK_NAMES)
        digest = _BACK.unb64("digest", body["digest"])
        return cls(suite=body["suite"], samples=body["samples"], digest=digest)
