"""What the two messages of an intersection are, as request and release commit to them. Own format.

A request commits to one part, `SentSet`: how many items the buyer's masked set has, and the digest
of its bytes. Where the release is the answer itself, it commits to one part, `SentAnswer`: the
digest of the bytes that the node hands out. So neither side can later put other bytes in their
place, and what leaves is fixed before it does. The bytes are messages of `unseen.protocols.psi`. A
sum, which one message holds, is its own release, `SentSum`.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.intersection import MAX_ITEMS
from unseen.evidence.errors import ReleaseInvalidError, RequestInvalidError
from unseen.evidence.fields import Checker, head
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES

_SET = Checker(RequestInvalidError, "set")
_ANSWER = Checker(ReleaseInvalidError, "answer")
SUM_BYTES: Final = 2 * ELEMENT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSet:
    """The buyer's masked set: `items` elements, whose message has this `digest`, 32 bytes.

    Errors: `RequestInvalidError`.
    """

    suite: str
    items: int
    digest: bytes
    type: ClassVar[str] = "intersect-set"

    def __post_init__(self) -> None:
        """Check every field."""
        _SET.suite(self.suite)
        _SET.integer("items", self.items, 1, MAX_ITEMS)
        _SET.octets("digest", self.digest)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        body: dict[str, Json] = {"items": self.items, "digest": b64encode(self.digest)}
        return canonical.encode(head(self.type, self.suite) | body)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what has the canonical bytes `data`.

        Raises:
            CanonicalError: `data` is not canonical JSON.
            RequestInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _SET.body(canonical.decode(data), cls.type, ("items", "digest"))
        digest = _SET.unb64("digest", body["digest"])
        return cls(suite=body["suite"], items=body["items"], digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAnswer:
    """The node's answer: the buyer's `items` elements again, and `others`, the table's own.

    Its message has this `digest`, 32 bytes. Errors: `ReleaseInvalidError`.
    """

    suite: str
    items: int
    others: int
    digest: bytes
    type: ClassVar[str] = "intersect-answer"

    def __post_init__(self) -> None:
        """Check every field."""
        _ANSWER.suite(self.suite)
        _ANSWER.integer("items", self.items, 1, MAX_ITEMS)
        _ANSWER.integer("others", self.others, 1)
        _ANSWER.octets("digest", self.digest)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        body: dict[str, Json] = {
            "items": self.items,
            "others": self.others,
            "digest": b64encode(self.digest),
        }
        return canonical.encode(head(self.type, self.suite) | body)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what has the canonical bytes `data`.

        Raises:
            ReleaseInvalidError: it is not canonical JSON, or a field is missing, not known, of
                another type or out of range.

        """
        body = _ANSWER.released(data, cls.type, ("items", "others", "digest"))
        digest = _ANSWER.unb64("digest", body["digest"])
        return cls(suite=body["suite"], items=body["items"], others=body["others"], digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSum:
    """A count with noise, and a sum with noise that its receiver alone can open: 64 bytes.

    Both are nothing where the count is below the smallest group. Errors: `ReleaseInvalidError`.
    """

    suite: str
    count: int | None
    sum: bytes
    type: ClassVar[str] = "intersect-sum"

    def __post_init__(self) -> None:
        """Check every field."""
        _ANSWER.suite(self.suite)
        if self.count is not None:
            _ANSWER.integer("count", self.count, 0, MAX_ITEMS)
        _ANSWER.octets("sum", self.sum, 0 if self.count is None else SUM_BYTES)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        body: dict[str, Json] = {"count": self.count, "sum": b64encode(self.sum)}
        return canonical.encode(head(self.type, self.suite) | body)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what has the canonical bytes `data`.

        Raises:
            ReleaseInvalidError: it is not canonical JSON, or a field is missing, not known, of
                another type or out of range.

        """
        body = _ANSWER.released(data, cls.type, ("count", "sum"))
        return cls(suite=body["suite"], count=body["count"], sum=_ANSWER.unb64("sum", body["sum"]))
