"""What waits for a person and what the operator lets out, in memory beside the store.

The store decides; memory follows it after every commit and is asked on every request. What is held
is sealed in the store and read only for whoever decides on it.
"""

import json
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from unseen.evidence.contracts.outputs import type_of
from unseen.evidence.releases.metered import bits_of, spec_of
from unseen.evidence.releases.request import Request
from unseen.node.contracts.register import Contract
from unseen.node.errors import (
    BitsExhaustedError,
    ReleaseHeldError,
    ReleaseOffError,
    ReleaseRefusedError,
    ReviewClosedError,
    ReviewNotFoundError,
)
from unseen.node.privacy.spend import Spend
from unseen.node.release.declared import is_hidden
from unseen.node.release.gate import Standing
from unseen.node.release.rules import Mode
from unseen.node.store.schema_release import release_modes, reviews

DEFAULTS: dict[str, Mode] = {
    "verdicts": Mode.PASS,
    "aggregate": Mode.PASS,
    "model": Mode.REVIEW,
}


class State(Enum):
    """Where a held release stands."""

    WAITING = "waiting"
    PASSED = "passed"  # a person let it out; it is charged
    REFUSED = "refused"  # a person refused it
    EXPIRED = "expired"  # nobody decided in time, or its contract has ended


@dataclass(frozen=True, slots=True)
class Review:
    """A release that was held, without what it says. Times are text, as stored."""

    id: str
    contract: str
    request: Request
    state: State
    signature: bytes
    instance: str
    snapshot: bytes
    bits: int
    billed: int | None = field(repr=False)
    consent: str = field(repr=False)  # id of the consent that it rests on, or empty
    rules: tuple[str, ...]
    leaf_index: int
    held_at: str
    expires_at: str
    decided_at: str = ""
    decided_by: str = ""
    document: str = ""
    job: str = ""  # whose result it is
    privacy: Spend | None = None
    consent_root: str = ""  # that its rows were chosen by

    @property
    def key(self) -> tuple[str, str]:
        """Return contract and request id, which together name the run."""
        return self.contract, self.request.request


class Releases:
    """Modes by type, and held releases by id and by run."""

    def __init__(self, engine: Engine) -> None:
        """Read both from the store."""
        with engine.connect() as connection:
            rows = connection.execute(select(release_modes)).all()
            held = connection.execute(select(*_WITHOUT_REPLY)).all()
        self.modes: dict[str, Mode] = {**DEFAULTS, **{row.type: Mode(row.mode) for row in rows}}
        self._by_id: dict[str, Review] = {}
        self._by_run: dict[tuple[str, str], Review] = {}
        for row in held:
            self.put(review_of(row))

    def put(self, review: Review) -> Review:
        """Follow the store after a commit."""
        self._by_id[review.id] = self._by_run[review.key] = review
        return review

    def all(self) -> list[Review]:
        """Return every held release, the oldest first."""
        return sorted(self._by_id.values(), key=lambda review: review.leaf_index)

    def waiting(self) -> list[Review]:
        """Return what waits for a person, the oldest first."""
        return [review for review in self.all() if review.state is State.WAITING]

    def get(self, identifier: str) -> Review:
        """Return a held release.

        Raises:
            ReviewNotFoundError: there is none of this id.

        """
        review = self._by_id.get(identifier)
        if review is None:
            raise ReviewNotFoundError(
                "no held release of this id", clause="review", remedy="see: unseen review list"
            )
        return review

    def standing(self, contract: Contract, kind: str = "") -> Standing:
        """Return what the gate has to know about a contract beside its plan; `kind` of release."""
        kind = kind or spec_of(contract.plan, contract.terms).type
        return Standing(self._mode(contract, kind), contract.bits_used)

    def _mode(self, contract: Contract, kind: str) -> Mode:
        """Return the strictest of what the operator does with each type that leaves."""
        spec = contract.plan.release
        types = {kind} | {type_of(output.shape) for output in (spec.outputs if spec else ())}
        return max((self.modes[each] for each in types), key=_STRICTNESS.index)

    def check(self, contract: Contract, request: str) -> None:
        """Refuse a run whose release cannot leave, before anything is computed.

        Raises:
            ReleaseHeldError: its reply waits for a person.
            ReleaseRefusedError: a person refused its reply, or nobody decided in time.
            ReleaseOffError: the operator lets nothing of its type out, or nothing unseen.

        """
        review = self._by_run.get((contract.id, request))
        if review is not None and review.state is not State.PASSED:
            raise as_refusal(review)
        spec = spec_of(contract.plan, contract.terms)
        mode, hidden = self._mode(contract, spec.type), is_hidden(contract.plan)
        if mode is Mode.OFF or (mode is Mode.REVIEW and hidden):
            raise ReleaseOffError(
                f"the operator lets no {spec.type} out"
                + (" that no person could see before" if mode is Mode.REVIEW else ""),
                clause="release.type",
                remedy="ask the operator, who sees it with: unseen node release show",
            )


def check_bits(contract: Contract, units: int) -> None:
    """Refuse a run that may say more than its contract has left; asked again by the charge.

    Raises:
        BitsExhaustedError: it may.

    """
    bits, most = bits_of(contract.plan, units), most_bits(contract)
    if contract.bits_used + bits > most:
        raise bits_exhausted(contract.bits_used, bits, most)


def most_bits(contract: Contract) -> int:
    """Return how many bits a contract's releases may say in all."""
    return spec_of(contract.plan, contract.terms).bits_in_all


def as_refusal(review: Review) -> ReleaseHeldError | ReleaseRefusedError:
    """Return what the buyer is told about a held release that has not left."""
    if review.state is State.WAITING:
        return ReleaseHeldError(
            f"the answer waits for a person, until {review.expires_at}; nothing is charged yet",
            clause="release.review",
            remedy=f"ask again later under the same id: unseen receipt fetch"
            f" {review.request.request}",
        )
    return refused()


def refused() -> ReleaseRefusedError:
    """Return what the buyer is told of whatever the gate does not let out: nothing of why."""
    return ReleaseRefusedError(
        "the gate let nothing out; nothing was charged",
        clause="release",
        remedy="ask the operator: the rules that refused stand in its log",
    )


def review_closed() -> ReviewClosedError:
    """Return the error for a decision that comes too late."""
    return ReviewClosedError(
        "the held release is decided on, or the time for it is over",
        clause="review.state",
        remedy="see what waits: unseen review list",
    )


def bits_exhausted(used: int, bits: int, most: int) -> BitsExhaustedError:
    """Return the error for a run that would say more than its contract has left."""
    return BitsExhaustedError(
        f"bits the run may say: {bits}; left: {max(most - used, 0)} of {most}",
        clause="release.bits_in_all",
        remedy="ask for a further contract: unseen contract request PRODUCT",
    )


def find_review(connection: Connection, identifier: str) -> Review:
    """Return a held release as it stands in the store."""
    row = connection.execute(select(*_WITHOUT_REPLY).where(reviews.c.id == identifier)).one()
    return review_of(row)


def find_reply(connection: Connection, identifier: str) -> tuple[bytes | None, bytes]:
    """Return what is held, sealed, and the nonce of its commitment; nothing once decided."""
    row = connection.execute(
        select(reviews.c.sealed_reply, reviews.c.release_nonce).where(reviews.c.id == identifier)
    ).one()
    return row.sealed_reply, row.release_nonce


def find_report(connection: Connection, identifier: str) -> bytes | None:
    """Return what the node measured of what is held, sealed; None where there was nothing to."""
    found = select(reviews.c.sealed_report).where(reviews.c.id == identifier)
    sealed: bytes | None = connection.execute(found).scalar_one()
    return sealed


def review_of(row: Row[Any]) -> Review:
    """Return the held release of a row."""
    return Review(
        row.id,
        row.contract,
        Request.decode(row.statement),
        State(row.state),
        row.signature,
        row.instance,
        row.snapshot,
        row.bits,
        row.billed,
        row.consent,
        tuple(json.loads(row.rules)),
        row.leaf_index,
        row.held_at,
        row.expires_at,
        row.decided_at,
        row.decided_by,
        row.document,
        row.job,
        Spend.from_text(row.privacy) if row.privacy else None,
        row.consent_root,
    )


def closed(review: Review, state: State, at: str, by: str, document: str = "") -> Review:
    """Return a held release as it stands once it is decided on."""
    return replace(review, state=state, decided_at=at, decided_by=by, document=document)


_STRICTNESS = (Mode.PASS, Mode.REVIEW, Mode.OFF)
_SEALED = frozenset({"sealed_reply", "sealed_report"})
_WITHOUT_REPLY = [column for column in reviews.c if column.name not in _SEALED]
