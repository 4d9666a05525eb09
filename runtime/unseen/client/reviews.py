"""The release gate from the reviewer's side: what waits, what it says, and the signed decision.

What the node shows has to open the commitment that names it, so that a reviewer signs what was
seen and the node can let out nothing else. Only the operator is shown it: it has not left.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import cast

from unseen.client.agreements.contracts import Contracts
from unseen.client.attacked import Attack, attack_of
from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.client.weights import model_rows
from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.commitment import NONCE_BYTES, commit
from unseen.evidence.contracts.outputs import TypedOutput, parted
from unseen.evidence.errors import CanonicalError, ReleaseInvalidError
from unseen.evidence.releases.review import Decision, reviewer_role, sign_review
from unseen.evidence.releases.review import Review as Decided
from unseen.evidence.suite import suite_of
from unseen.protocols.errors import InputInvalidError
from unseen.v1 import review_pb2, review_pb2_grpc


class ReviewState(Enum):
    """Where a held release stands."""

    WAITING = "waiting"
    PASSED = "passed"
    REFUSED = "refused"
    EXPIRED = "expired"


class ReleaseMode(Enum):
    """What the operator does with a type of release."""

    PASS = "pass"  # noqa: S105 - no password
    REVIEW = "review"
    OFF = "off"


RELEASE_TYPES = ("verdicts", "aggregate", "model")
_STATES: dict[int, ReviewState] = {
    getattr(review_pb2, f"REVIEW_STATE_{state.name}"): state for state in ReviewState
}
_TYPES: dict[int, str] = {
    getattr(review_pb2, f"RELEASE_TYPE_{name.upper()}"): name for name in RELEASE_TYPES
}
_MODES: dict[int, ReleaseMode] = {
    getattr(review_pb2, f"RELEASE_MODE_{mode.name}"): mode for mode in ReleaseMode
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that sent a release to a person, in English and Chinese."""

    rule: str
    text: str
    text_zh: str


@dataclass(frozen=True, slots=True, repr=False)
class Review(Card):
    """A held release. `value` is what it says, if `shown`: to the operator, while it waits.

    `reads` says the same of a model by feature. `attack` is what the node found in it, to the
    operator alone.
    """

    id: str
    contract: str
    request: str
    type: str
    state: ReviewState
    bits: int
    findings: tuple[Finding, ...]
    held_at: str
    expires_at: str
    decided_at: str
    decided_by: str
    document: str
    shown: bool = False
    value: Json = field(default=None, compare=False)
    attack: Attack | None = None
    reads: tuple[Row, ...] = field(default=(), compare=False)

    def _title(self) -> str:
        return f"Held release {self.id}"

    def _rows(self) -> Iterator[Row]:
        yield "state", self.state.value
        yield "contract", self.contract
        yield "request", self.request
        yield "type", f"{self.type}, {self.bits} bits at most"
        for finding in self.findings:
            yield f"rule {finding.rule}", f"{finding.text}（{finding.text_zh}）"
        if self.attack is not None:
            yield from self.attack.rows()
        if self.reads:
            yield from self.reads
        elif self.shown:
            yield "says", canonical.encode(self.value).decode()
        yield "held", f"{self.held_at}, until {self.expires_at}"
        if self.decided_at:
            yield "decided", f"{self.decided_at} by {self.decided_by}"
        if self.document:
            yield "decision", self.document


class Reviews:
    """The queue of one node, as one reviewer may see it."""

    def __init__(self, session: Session, contracts: Contracts) -> None:
        """Use `session` for the calls and `contracts` for the terms."""
        self._session = session
        self._contracts = contracts
        self._stub = review_pb2_grpc.ReviewServiceStub(session.channel.grpc)

    def list(self, *, waiting: bool) -> list[Review]:
        """Return what was held, the oldest first; with `waiting`, only what waits."""
        found, token = [], ""
        while True:
            request = review_pb2.ListReviewsRequest(waiting=waiting, page_token=token)
            answer = self._session.call(self._stub.ListReviews, request)
            found += [_read(message) for message in answer.reviews]
            token = answer.next_page_token
            if not token:
                return found

    def get(self, identifier: str) -> Review:
        """Return one held release."""
        return self._open(self._fetch(identifier), identifier)

    def decide(self, identifier: str, decision: Decision) -> Review:
        """Sign a decision on what waits and hand it over."""
        session = self._session
        review = self.get(identifier)
        terms = self._contracts.terms(review.contract)
        role = reviewer_role(terms, session.profile.key_id)
        if role is None:
            raise InputInvalidError(
                "this party is neither the operator nor the contract's second approver",
                clause="review.role",
                remedy="decide in the home of one of them",
            )
        if role == "operator" and review.state is ReviewState.WAITING and not review.shown:
            raise AnswerInvalidError("the node does not show what is held", clause="review.release")
        decided = Decided(
            suite=terms.suite,
            contract=terms.id(),
            request=review.request,
            release=b64decode(review.id),
            bits=review.bits,
            rules=tuple(finding.rule for finding in review.findings),
            decision=decision,
            role=role,
            time=dt.datetime.now(dt.UTC).replace(microsecond=0),
        )
        token = sign_review(session.party_signer, decided, terms)
        request = review_pb2.DecideReviewRequest(name=f"reviews/{identifier}", decision=token)
        return _read(session.call(self._stub.DecideReview, request).review)

    def modes(self) -> dict[str, ReleaseMode]:
        """Return what the operator does with each type of release."""
        request = review_pb2.ListReleaseModesRequest()
        return _read_modes(self._session.call(self._stub.ListReleaseModes, request).modes)

    def set_mode(self, kind: str, mode: str) -> dict[str, ReleaseMode]:
        """Change what the operator does with one type."""
        types = {name: number for number, name in _TYPES.items()}
        modes = {each.value: number for number, each in _MODES.items()}
        if kind not in types or mode not in modes:
            raise InputInvalidError(
                f"types: {', '.join(types)}; modes: {', '.join(modes)}",
                clause="release.mode",
                remedy="for example: unseen node release set model review",
            )
        request = review_pb2.SetReleaseModeRequest(
            type=cast("review_pb2.ReleaseType", types[kind]),
            mode=cast("review_pb2.ReleaseMode", modes[mode]),
        )
        return _read_modes(self._session.call(self._stub.SetReleaseMode, request).modes)

    def _fetch(self, identifier: str) -> review_pb2.Review:
        request = review_pb2.GetReviewRequest(name=f"reviews/{identifier}")
        return self._session.call(self._stub.GetReview, request).review

    def _open(self, message: review_pb2.Review, identifier: str) -> Review:
        review = _read(message)
        if review.id != identifier:
            raise AnswerInvalidError("the node shows another held release", clause="review")
        if message.HasField("attack"):
            terms = self._contracts.terms(review.contract)
            review = replace(review, attack=attack_of(message.attack, terms))
        if not message.parts:
            return review
        terms = self._contracts.terms(review.contract)
        suite = suite_of(terms.suite)
        parts = tuple(message.parts)
        if (
            len(message.nonce) != NONCE_BYTES
            or b64encode(commit(suite, message.nonce, parts)) != review.id
        ):
            raise AnswerInvalidError(
                "what the node shows is not what the held release commits to",
                clause="review.release",
                remedy="do not sign it; look into the node",
            )
        plan = self._contracts.plan(review.contract)
        if plan.release is not None and plan.release.outputs:
            return replace(review, shown=True, value=_written(parts, plan.release.outputs))
        outputs = [output.name for output in plan.outputs]
        value = _value(parts, review.type, outputs)
        reads = model_rows(terms, value) if review.type == "model" else ()
        return replace(review, shown=True, value=value, reads=reads)


def _read(message: review_pb2.Review) -> Review:
    try:
        state, kind = _STATES[message.state], _TYPES[message.type]
    except KeyError:
        raise AnswerInvalidError("the node names no state or type", clause="review") from None
    return Review(
        id=message.name.removeprefix("reviews/"),
        contract=short(message.contract),
        request=message.request,
        type=kind,
        state=state,
        bits=message.bits,
        findings=tuple(
            Finding(finding.rule, finding.text, finding.text_zh) for finding in message.findings
        ),
        held_at=message.held_at,
        expires_at=message.expires_at,
        decided_at=message.decided_at,
        decided_by=message.decided_by,
        document=message.document,
    )


def _value(parts: tuple[bytes, ...], kind: str, outputs: Sequence[str]) -> Json:
    try:
        (part,) = parts
        value = canonical.decode(part)
        verdicts = kind == "verdicts" and isinstance(value, list)
        return dict(zip(outputs, cast("list[Json]", value), strict=True)) if verdicts else value
    except (CanonicalError, ValueError):
        raise AnswerInvalidError("what is held is no value", clause="review.release") from None


def _written(parts: tuple[bytes, ...], outputs: Sequence[TypedOutput]) -> Json:
    """Return what code of the buyer's wrote, each output under its name, in its cells' units."""
    try:
        (part,) = parts
        found = zip(outputs, parted(outputs, part), strict=True)
        return {output.name: value.shape.json_of(value.rows) for output, value in found}
    except (ReleaseInvalidError, ValueError):
        raise AnswerInvalidError("what is held is no value", clause="review.release") from None


def _read_modes(modes: object) -> dict[str, ReleaseMode]:
    found = cast("list[review_pb2.TypeMode]", modes)
    try:
        return {_TYPES[each.type]: _MODES[each.mode] for each in found}
    except KeyError:
        raise AnswerInvalidError("the node names no type or mode", clause="release") from None


class ReviewCalls:
    """Methods of `Client` about releases that a person decides on."""

    _reviews: Reviews

    def reviews(self, *, waiting: bool = True) -> list[Review]:
        """Return what the gate holds for a person, the oldest first; else all it ever held.

        The operator sees everything, a second approver what is under its contracts.
        """
        return self._reviews.list(waiting=waiting)

    def review(self, review: str) -> Review:
        """Return one held release; to the operator, and while it waits, with what it says."""
        return self._reviews.get(review)

    def approve_release(self, review: str) -> Review:
        """Let a held release out, with this party's signature; it is charged now."""
        return self._reviews.decide(review, "pass")

    def refuse_release(self, review: str) -> Review:
        """Refuse a held release, with this party's signature; it is destroyed, nothing charged."""
        return self._reviews.decide(review, "refuse")

    def release_modes(self) -> dict[str, ReleaseMode]:
        """Return what the operator does with each type of release."""
        return self._reviews.modes()

    def set_release_mode(self, kind: str, mode: str) -> dict[str, ReleaseMode]:
        """Let verdicts, aggregates or models `pass` by the rules, only past `review`, or `off`."""
        return self._reviews.set_mode(kind, mode)
