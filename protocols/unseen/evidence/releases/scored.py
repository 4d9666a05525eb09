"""What encrypted scoring sends both ways, as request and release commit to it. Own format.

A request commits to one part, `SentBatches`: how many ciphertexts it asks back, the digest of all
that are sent for them, and the context, with the public key, that they are under. The release
commits to one part, `SentScores`: the digest of the ciphertexts that the node hands out. So neither
side can later put other bytes in their place. Whether a ciphertext holds rows, nobody can tell.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.scoring import MAX_RESPONSES
from unseen.evidence.errors import ReleaseInvalidError, RequestInvalidError
from unseen.evidence.fields import Checker, head

_SENT = Checker(RequestInvalidError, "batches")
_BACK = Checker(ReleaseInvalidError, "scores")
_SENT_NAMES: Final = ("responses", "context", "digest")
_BACK_NAMES: Final = ("responses", "digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBatches:
    """What a buyer sends: ciphertexts for `responses` to return, whose bytes have this `digest`.

    `context` is the digest of the context that they are under; both are 32 bytes. Errors:
    `RequestInvalidError`.
    """

    suite: str
    responses: int
    context: bytes
    digest: bytes
    type: ClassVar[str] = "score-batches"

    def __post_init__(self) -> None:
        """Check every field."""
        _SENT.suite(self.suite)
        _SENT.integer("responses", self.responses, 1, MAX_RESPONSES)
        _SENT.octets("context", self.context)
        _SENT.octets("digest", self.digest)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        body: dict[str, Json] = {
            "responses": self.responses,
            "context": b64encode(self.context),
            "digest": b64encode(self.digest),
        }
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
        return cls(
            suite=body["suite"],
            responses=body["responses"],
            context=_SENT.unb64("context", body["context"]),
            digest=_SENT.unb64("digest", body["digest"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SentScores:
    """What the node answers: `responses` ciphertexts, whose bytes have this `digest`, 32 bytes.

    Errors: `ReleaseInvalidError`.
    """

    suite: str
    responses: int
    digest: bytes
    type: ClassVar[str] = "score-scores"

    def __post_init__(self) -> None:
        """Check every field."""
        _BACK.suite(self.suite)
        _BACK.integer("responses", self.responses, 1, MAX_RESPONSES)
        _BACK.octets("digest", self.digest)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        body: dict[str, Json] = {"responses": self.responses, "digest": b64encode(self.digest)}
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
        return cls(suite=body["suite"], responses=body["responses"], digest=digest)
