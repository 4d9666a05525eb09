"""A person's decision on a release that the gate held: a JWS by the operator or second approver.

It names contract, request and the commitment to what was held, so that it lets out this release
and no other; it repeats the rules that held it and the bits it says, so that whoever signed has
said knowing them. Own format.

A decision proves that a key decided. It does not prove that its owner looked.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self, get_args

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import ReviewInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Signer, key_id, signer_id, suite_of

TYP = "unseen-review"
MAX_RULES = 64
Decision = Literal["pass", "refuse"]
Reviewer = Literal["operator", "approver"]

_DECISIONS = get_args(Decision)
REVIEWERS = get_args(Reviewer)
_CHECK = Checker(ReviewInvalidError, "review")
_FIELDS = ("contract", "request", "release", "bits", "rules", "decision", "role", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One decision. Errors: `ReviewInvalidError`.

    `contract` is the id and `release` the commitment to what was held, 32 bytes each; `request` is
    the request's id, `rules` the names of the rules that held it, `role` the signer's.
    """

    suite: str
    contract: bytes
    request: str
    release: bytes
    bits: int
    rules: tuple[str, ...]
    decision: Decision
    role: Reviewer
    time: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.octets("contract", self.contract)
        _CHECK.request_id("request", self.request)
        _CHECK.octets("release", self.release)
        _CHECK.integer("bits", self.bits, 0)
        _CHECK.members("rules", self.rules, str, MAX_RULES)
        for rule in self.rules:
            _CHECK.token("rules", rule)
        _CHECK.distinct("rules", self.rules)
        _CHECK.choice("decision", self.decision, _DECISIONS)
        _CHECK.choice("role", self.role, REVIEWERS)
        _CHECK.time("time", self.time)

    def to_json(self) -> dict[str, Json]:
        """Return what the reviewer signs."""
        return head("review", self.suite) | {
            "contract": b64encode(self.contract),
            "request": self.request,
            "release": b64encode(self.release),
            "bits": self.bits,
            "rules": list(self.rules),
            "decision": self.decision,
            "role": self.role,
            "time": format_time(self.time),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the decision that `to_json` gives `value` for.

        Raises:
            ReviewInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "review", _FIELDS)
        return cls(
            suite=body["suite"],
            contract=_CHECK.unb64("contract", body["contract"]),
            request=body["request"],
            release=_CHECK.unb64("release", body["release"]),
            bits=body["bits"],
            rules=tuple(_CHECK.unlist("rules", body["rules"])),
            decision=body["decision"],
            role=body["role"],
            time=_CHECK.untime("time", body["time"]),
        )


def reviewer_role(terms: Terms, key: str) -> Reviewer | None:
    """Return in what role the owner of the key named `key` may decide under `terms`, if in any."""
    if key == terms.operator:
        return "operator"
    return "approver" if terms.approver and key == terms.approver else None


def sign_review(signer: Signer, review: Review, terms: Terms) -> str:
    """Return `review` signed by one who may decide under `terms`.

    Raises:
        ReviewInvalidError: it is of another contract, or its role is not this key's.

    """
    _check_role(review, terms, signer_id(signer))
    return jws.sign(signer, TYP, review.to_json())


def verify_review(token: str, terms: Terms, public_key: bytes) -> Review:
    """Return the decision that the owner of `public_key` signed under `terms`.

    Raises:
        ReviewInvalidError: it is malformed, under another contract, or its role is not the key's.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    suite = suite_of(terms.suite)
    payload = jws.verify(token, typ=TYP, suite=suite, public_key=public_key)
    review = Review.from_json(payload)
    _check_role(review, terms, key_id(suite, public_key))
    return review


def _check_role(review: Review, terms: Terms, key: str) -> None:
    if review.suite != terms.suite or review.contract != terms.id():
        _CHECK.fail("contract", "is another one")
    if review.role != reviewer_role(terms, key):
        _CHECK.fail("role", "is not the one that the contract gives this key")
