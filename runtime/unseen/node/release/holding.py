"""Changes of the state at the gate: holding a reply, refusing one, deciding, modes.

Each writes its leaf in the same transaction: `release.reviewed` with the verdict and the rules that
fired, never a value. A reply that is held is sealed at rest and gone once it is decided on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, func, insert, select, update

from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.log import event_leaf
from unseen.evidence.releases.metered import refusal_bits, spec_of
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import Suite, suite_of
from unseen.node.contracts.register import Contract
from unseen.node.errors import OverloadedError, ReleaseRefusedError
from unseen.node.failpoints import hit
from unseen.node.identity.vault import Vault
from unseen.node.jobs import frames, steps
from unseen.node.jobs.changes import Review as JobReview
from unseen.node.jobs.kind import JobKind
from unseen.node.jobs.record import find as find_job
from unseen.node.jobs.states import Event
from unseen.node.jobs.states import State as JobState
from unseen.node.privacy.spend import Spend
from unseen.node.release.gate import Held, Refused
from unseen.node.release.register import Review, State, closed, find_review, review_closed
from unseen.node.release.rules import Mode
from unseen.node.store.documents import put_document
from unseen.node.store.schema import contracts
from unseen.node.store.schema_release import release_modes, reviews
from unseen.node.store.writer import Change, Transaction

_MAX_WAITING = 1_000
_MAX_OF_BUYER = 250  # so that no buyer alone keeps all others out of the queue


@dataclass(frozen=True, slots=True)
class Run:
    """Who asked for the release that is held or refused: the signed request, and its contract."""

    contract: Contract
    request: Request
    signature: bytes
    instance: str
    snapshot: bytes
    billed: int | None = field(default=None, repr=False)  # hits, where the contract bills those
    consent: str = field(default="", repr=False)  # id of the consent that the reply rests on
    privacy: Spend | None = None
    consent_root: bytes = b""  # by which rows were chosen, where they were
    report: bytes = field(default=b"", repr=False)  # what the operator sees beside it

    @property
    def suite(self) -> Suite:
        """Return the contract's suite."""
        return suite_of(self.contract.terms.suite)


@dataclass(frozen=True, slots=True)
class Hold(Change[Review]):
    """Keep a reply, sealed, until a person decides on it."""

    run: Run
    held: Held
    vault: Vault = field(repr=False)
    keep: timedelta
    job: str = ""  # it keeps what is held, if there is one

    def apply(self, transaction: Transaction) -> Review:
        """Write the row and its leaf.

        Raises:
            OverloadedError: a thousand releases wait already, or 250 of this buyer's.

        """
        self._check_room(transaction)
        run, held = self.run, self.held
        identifier = b64encode(held.commitment)
        index = _log(transaction, run, "review", held.rules, held.bits, {"release": identifier})
        reply = frames.pack(held.parts)
        row = {
            "id": identifier,
            "contract": run.contract.id,
            "request": run.request.request,
            "job": self.job,
            "state": State.WAITING.value,
            "statement": run.request.bytes(),
            "signature": run.signature,
            "instance": run.instance,
            "snapshot": run.snapshot,
            "bits": held.bits,
            "billed": run.billed,
            "consent": run.consent,
            "consent_root": b64encode(run.consent_root),
            "privacy": run.privacy.to_text() if run.privacy else "",
            "rules": json.dumps(held.rules),
            "release_nonce": held.nonce,
            "sealed_reply": None if self.job else self.vault.seal(f"review/{identifier}", reply),
            "sealed_report": self.vault.seal(report_label(identifier), run.report)
            if run.report
            else None,
            "leaf_index": index,
            "held_at": format_time(transaction.now),
            "expires_at": format_time(transaction.now + self.keep),
            "decided_at": "",
            "decided_by": "",
            "document": "",
        }
        transaction.connection.execute(insert(reviews), [row])
        hit("review.before_hold")
        return find_review(transaction.connection, identifier)

    def _check_room(self, transaction: Transaction) -> None:
        waiting = select(func.count()).where(reviews.c.state == State.WAITING.value)
        of_buyer = waiting.select_from(
            reviews.join(contracts, contracts.c.id == reviews.c.contract)
        ).where(contracts.c.buyer == self.run.contract.buyer)
        for counted, most, whose in (
            (of_buyer, _MAX_OF_BUYER, "releases of this buyer's"),
            (waiting, _MAX_WAITING, "releases"),
        ):
            if transaction.connection.execute(counted).scalar_one() >= most:
                raise OverloadedError(
                    f"{most} {whose} wait for a person",
                    clause="release.review",
                    remedy="send the same request again later",
                )


@dataclass(frozen=True, slots=True)
class Refuse(Change[int]):
    """Write down that a reply did not leave; return the bits that its contract has said by now."""

    run: Run
    refused: Refused

    def apply(self, transaction: Transaction) -> int:
        """Write the leaf, and count the refusal itself."""
        run = self.run
        bits = _refusal_bits(run.contract)
        _log(transaction, run, "refuse", self.refused.rules, bits, {})
        return count_bits(transaction, run.contract.id, bits)


@dataclass(frozen=True, slots=True)
class Close(Change[tuple[Review, int]]):
    """End a held release without letting it out: a person refused it, or nobody let it out.

    `token` is the signed decision, empty where nobody made one.
    """

    contract: Contract
    review: str
    state: State
    rules: tuple[str, ...]
    by: str
    token: str = ""
    kinds: Mapping[str, JobKind] = field(default_factory=dict, repr=False)

    def apply(self, transaction: Transaction) -> tuple[Review, int]:
        """Write state, leaf and decision, and destroy what was held.

        Raises:
            ReviewClosedError: it was decided on before.

        """
        review = open_review(transaction, self.review)
        bits = _refusal_bits(self.contract)
        run = Run(self.contract, review.request, review.signature, review.instance, review.snapshot)
        fields: dict[str, Json] = {"release": review.id}
        document = log_decision(transaction, run, "refuse", self.rules, bits, fields, self.token)
        after = closed(review, self.state, format_time(transaction.now), self.by, document)
        write_closed(transaction, after)
        if review.job:
            _end_job(transaction, self.kinds, run.suite, after)
        return after, count_bits(transaction, self.contract.id, bits)


@dataclass(frozen=True, slots=True)
class SetMode(Change[Mode]):
    """Let a type of release pass by the rules, only past a person, or not at all."""

    suite: Suite
    type: str
    mode: Mode
    by: str  # name of the party

    def apply(self, transaction: Transaction) -> Mode:
        """Write the mode and its leaf."""
        row = {
            "type": self.type,
            "mode": self.mode.value,
            "set_at": format_time(transaction.now),
            "set_by": self.by,
        }
        connection = transaction.connection
        connection.execute(delete(release_modes).where(release_modes.c.type == self.type))
        connection.execute(insert(release_modes), [row])
        fields: dict[str, Json] = {
            "release_type": self.type,
            "mode": self.mode.value,
            "by": self.by,
        }
        transaction.append(event_leaf(self.suite, "release.mode_set", transaction.now, fields))
        return self.mode


def _end_job(
    transaction: Transaction, kinds: Mapping[str, JobKind], suite: Suite, review: Review
) -> None:
    """End the job whose result is refused, unless it has ended by itself."""
    job = find_job(transaction.connection, review.job)
    if job.state is not JobState.REVIEW:
        return
    if review.state is State.EXPIRED:
        steps.step(transaction, suite, job, Event.EXPIRE, review.decided_by)
        return
    by, reason = review.decided_by, ReleaseRefusedError.reason
    JobReview(suite, kinds, job.id, by, passed=False, reason=reason).apply(transaction)


def report_label(identifier: str) -> str:
    """Return what the report beside a held release is sealed under."""
    return f"review/{identifier}/report"


def open_review(transaction: Transaction, identifier: str) -> Review:
    """Return a held release that still waits.

    Raises:
        ReviewClosedError: it was decided on before.

    """
    review = find_review(transaction.connection, identifier)
    if review.state is not State.WAITING:
        raise review_closed()
    return review


def write_closed(transaction: Transaction, review: Review) -> None:
    """Write the state of a held release that is decided on; what it said is destroyed."""
    transaction.connection.execute(
        update(reviews)
        .where(reviews.c.id == review.id)
        .values(
            state=review.state.value,
            decided_at=review.decided_at,
            decided_by=review.decided_by,
            document=review.document,
            sealed_reply=None,
            billed=None,
            consent="",
        )
    )


def count_bits(transaction: Transaction, contract: str, bits: int) -> int:
    """Add to the bits that a contract's releases have said, and return them."""
    of = contracts.c.id == contract
    transaction.connection.execute(
        update(contracts).where(of).values(bits_used=contracts.c.bits_used + bits)
    )
    return int(transaction.connection.execute(select(contracts.c.bits_used).where(of)).scalar_one())


def log_decision(
    transaction: Transaction,
    run: Run,
    verdict: str,
    rules: tuple[str, ...],
    bits: int,
    fields: dict[str, Json],
    token: str,
) -> str:
    """Write the leaf of a decision and the signed document; return the document's id, or empty."""
    if not token:
        _log(transaction, run, verdict, rules, bits, fields)
        return ""
    body = _fields(run, verdict, rules, bits) | fields
    return put_document(transaction, run.suite, "review", token.encode(), "release.reviewed", body)


def _log(
    transaction: Transaction,
    run: Run,
    verdict: str,
    rules: tuple[str, ...],
    bits: int,
    fields: dict[str, Json],
) -> int:
    body = _fields(run, verdict, rules, bits) | fields
    return transaction.append(event_leaf(run.suite, "release.reviewed", transaction.now, body))


def _fields(run: Run, verdict: str, rules: tuple[str, ...], bits: int) -> dict[str, Json]:
    return {
        "contract": run.contract.id,
        "request": run.request.request,
        "verdict": verdict,
        "rules": list(rules),
        "bits": bits,
    }


def _refusal_bits(contract: Contract) -> int:
    return refusal_bits(spec_of(contract.plan, contract.terms))
