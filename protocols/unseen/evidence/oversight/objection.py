"""Documents of an objection: what one side holds against a release, the answer, and the end.

    opened    contract, request or none, reason, commitment to the words
    answered  accepted or rejected, a credit or a correction, commitment to the words
    closed    agreed or not

Own formats. Each is a JWS over canonical JSON by the party that acts; an objection is named by
the hash of its first token, and the two later documents name it. What may follow what is in
`objections.py`. The words themselves are people's and stay out of the log: the documents hold a
commitment to them, under a nonce that both sides keep.

A document proves that its party said this. None shows who was right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Self, TypeAlias

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.commitment import commit
from unseen.evidence.errors import ObjectionInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Signer, Suite, key_id, signer_id, suite_of

TYP = "unseen-objection"
TEXT_BYTES = 16384
NONCE_BYTES = 32
REASONS = (
    "not_asked",  # the buyer denies the request
    "not_answered",  # charged, and no answer can be had
    "wrong_answer",
    "malformed_label",
    "wrong_units",  # charged for more, or less, than was asked
    "wrong_price",
    "not_permitted",  # asked or answered outside the contract or without consent
    "personal",  # a person objects to the use of data about them
    "other",
)
_CHECK = Checker(ObjectionInvalidError, "objection")
_OPENED = ("contract", "by", "role", "request", "reason", "words", "opened_at", "nonce")
_ANSWERED = ("objection", "by", "verdict", "credit", "correction", "words", "answered_at")
_CLOSED = ("objection", "by", "agreed", "closed_at")


class Step(Enum):
    """What can happen to an objection."""

    ACCEPT = "accept"
    REJECT = "reject"
    AGREE = "agree"
    DISAGREE = "disagree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The first document. `by` is the name of the opener's key, `role` what it acts as.

    `request` is the id of the release in question, or empty where it is about the contract as a
    whole. `words` commits to the text (`commit_words`). Errors: `ObjectionInvalidError`.
    """

    suite: str
    contract: bytes
    by: str
    role: str
    request: str
    reason: str
    words: bytes
    opened_at: datetime
    nonce: bytes

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.octets("contract", self.contract)
        _CHECK.key_id("by", self.by)
        _CHECK.choice("role", self.role, ("buyer", "hub", "operator"))
        if self.request != "":
            _CHECK.request_id("request", self.request)
        _CHECK.choice("reason", self.reason, REASONS)
        _CHECK.octets("words", self.words)
        _CHECK.time("opened_at", self.opened_at)
        _CHECK.octets("nonce", self.nonce, 16)

    def to_json(self) -> dict[str, Json]:
        """Return what the opener signs."""
        return head("objection", self.suite) | {
            "contract": b64encode(self.contract),
            "by": self.by,
            "role": self.role,
            "request": self.request,
            "reason": self.reason,
            "words": b64encode(self.words),
            "opened_at": format_time(self.opened_at),
            "nonce": b64encode(self.nonce),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the document that `to_json` gives `value` for."""
        body = _CHECK.body(value, "objection", _OPENED)
        return cls(
            **_plain(body, ("suite", "by", "role", "request", "reason")),
            contract=_CHECK.unb64("contract", body["contract"]),
            words=_CHECK.unb64("words", body["words"]),
            opened_at=_CHECK.untime("opened_at", body["opened_at"]),
            nonce=_CHECK.unb64("nonce", body["nonce"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What is taken off the bill: units of the release, and an amount in millionths."""

    units: int
    amount: int

    def __post_init__(self) -> None:
        """Check both."""
        _CHECK.integer("credit.units", self.units, 0)
        _CHECK.integer("credit.amount", self.amount, 0)
        if not self.units and not self.amount:
            _CHECK.fail("credit", "is of nothing")

    def to_json(self) -> dict[str, Json]:
        """Return the credit as an object."""
        return {"units": self.units, "amount": self.amount}


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Where what was wrong is right: a later snapshot of the table, 32 bytes, and its epoch.

    `epoch` is 0 where the contract's kind has none.
    """

    snapshot: bytes
    epoch: int

    def __post_init__(self) -> None:
        """Check both."""
        _CHECK.octets("correction.snapshot", self.snapshot)
        _CHECK.integer("correction.epoch", self.epoch, 0)

    def to_json(self) -> dict[str, Json]:
        """Return the correction as an object."""
        return {"snapshot": b64encode(self.snapshot), "epoch": self.epoch}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The other side's answer. `objection` is the hash of the first token, 32 bytes."""

    suite: str
    objection: bytes
    by: str
    accepted: bool
    credit: Credit | None
    correction: Correction | None
    words: bytes
    answered_at: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.octets("objection", self.objection)
        _CHECK.key_id("by", self.by)
        _CHECK.boolean("verdict", self.accepted)
        if not self.accepted and (self.credit or self.correction):
            _CHECK.fail("verdict", "rejects and yet credits or corrects")
        _CHECK.octets("words", self.words)
        _CHECK.time("answered_at", self.answered_at)

    @property
    def step(self) -> Step:
        """The step that this is."""
        return Step.ACCEPT if self.accepted else Step.REJECT

    def to_json(self) -> dict[str, Json]:
        """Return what the other side signs."""
        return head("objection-answer", self.suite) | {
            "objection": b64encode(self.objection),
            "by": self.by,
            "verdict": "accepted" if self.accepted else "rejected",
            "credit": self.credit.to_json() if self.credit else None,
            "correction": self.correction.to_json() if self.correction else None,
            "words": b64encode(self.words),
            "answered_at": format_time(self.answered_at),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the document that `to_json` gives `value` for."""
        body = _CHECK.body(value, "objection-answer", _ANSWERED)
        _CHECK.choice("verdict", body["verdict"], ("accepted", "rejected"))
        return cls(
            suite=body["suite"],
            by=body["by"],
            objection=_CHECK.unb64("objection", body["objection"]),
            accepted=body["verdict"] == "accepted",
            credit=_credit(body["credit"]),
            correction=_correction(body["correction"]),
            words=_CHECK.unb64("words", body["words"]),
            answered_at=_CHECK.untime("answered_at", body["answered_at"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The opener's last word. `objection` is the hash of the first token, 32 bytes."""

    suite: str
    objection: bytes
    by: str
    agreed: bool
    closed_at: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.octets("objection", self.objection)
        _CHECK.key_id("by", self.by)
        _CHECK.boolean("agreed", self.agreed)
        _CHECK.time("closed_at", self.closed_at)

    @property
    def step(self) -> Step:
        """The step that this is."""
        return Step.AGREE if self.agreed else Step.DISAGREE

    def to_json(self) -> dict[str, Json]:
        """Return what the opener signs."""
        return head("objection-close", self.suite) | {
            "objection": b64encode(self.objection),
            "by": self.by,
            "agreed": self.agreed,
            "closed_at": format_time(self.closed_at),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the document that `to_json` gives `value` for."""
        body = _CHECK.body(value, "objection-close", _CLOSED)
        return cls(
            **_plain(body, ("suite", "by", "agreed")),
            objection=_CHECK.unb64("objection", body["objection"]),
            closed_at=_CHECK.untime("closed_at", body["closed_at"]),
        )


Document: TypeAlias = Opened | Answered | Closed
_TYPES: dict[Json, type[Opened | Answered | Closed]] = {
    "objection": Opened,
    "objection-answer": Answered,
    "objection-close": Closed,
}


def commit_words(suite: Suite, nonce: bytes, text: str) -> bytes:
    """Return the commitment to the words of a document, under a nonce of 32 random bytes."""
    return commit(suite, nonce, (text.encode(),))


def objection_id(suite: Suite, token: str) -> bytes:
    """Return the name of an objection: the hash of the token that opened it, 32 bytes."""
    return suite.digest(token.encode())


def sign_document(signer: Signer, document: Document) -> str:
    """Return one of the three documents, signed.

    Raises:
        ObjectionInvalidError: `signer` holds another key than the one in `by`.

    """
    if (signer.suite.id, signer_id(signer)) != (document.suite, document.by):
        _CHECK.fail("by", "is not the signer's key")
    return jws.sign(signer, TYP, document.to_json())


def read_document(token: str) -> Document:
    """Return the document that `token` says it is; nothing is verified.

    Raises:
        ObjectionInvalidError: a field is missing, not known, of another type or out of range.
        SuiteUnknownError: the suite is not known here.
        CanonicalError: the token is malformed.

    """
    return _read(jws.peek(token).payload)


def verify_document(token: str, keys: Mapping[str, bytes]) -> Document:
    """Return the document that `token` is, signed by the key that it names.

    `keys` are the public keys of the parties concerned, by their names.

    Raises:
        ObjectionInvalidError: malformed, or by none of `keys`.
        SignatureInvalidError: the signature fails.
        SuiteUnknownError: the suite is not known here.
        CanonicalError: the token is malformed.

    """
    found = jws.peek(token)
    document = _read(found.payload)
    suite, key = suite_of(document.suite), keys.get(document.by)
    if key is None or key_id(suite, key) != document.by:
        _CHECK.fail("by", "is not the key of a party to it")
    jws.verify_token(found, typ=TYP, suite=suite, public_key=key)
    return document


def _read(payload: Json) -> Document:
    kind = payload.get("type") if type(payload) is dict else None
    _CHECK.choice("type", kind, [str(name) for name in _TYPES])
    return _TYPES[kind].from_json(payload)


def _credit(value: Json) -> Credit | None:
    if value is None:
        return None
    return Credit(**_CHECK.take(value, ("units", "amount"), "credit"))


def _correction(value: Json) -> Correction | None:
    if value is None:
        return None
    body = _CHECK.take(value, ("snapshot", "epoch"), "correction")
    snapshot = _CHECK.unb64("correction.snapshot", body["snapshot"])
    return Correction(snapshot=snapshot, epoch=body["epoch"])


def _plain(body: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: body[name] for name in names}
