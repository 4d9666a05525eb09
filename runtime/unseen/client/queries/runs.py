"""A run of an intersection as one asks it, and as it was written down: it goes on after any end.

What is random of a run follows from its seed, so that whoever has the record goes on with the same
run: the same set, the same messages, one charge.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from unseen.client.errors import HomeError
from unseen.client.local.state import Opening
from unseen.client.queries.items import Texts, distinct_items
from unseen.client.subjects import Subject
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.intersection import KIND, Intersection, clause_in, session_of
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.suite import Suite, suite_of
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Rng

_SEED_BYTES: Final = 32
_ID_BYTES: Final = 16
_SCALAR: Final = b"unseen/intersect/v1 scalar\x00"


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it is asked: the terms, what is asked about, and the seed of its scalar."""

    contract: str
    terms: Terms
    clause: Intersection
    plan: Plan = field(repr=False)
    texts: tuple[Texts, ...] = field(repr=False)
    data: tuple[bytes, ...] = field(repr=False)
    seed: bytes = field(repr=False)
    request: str

    @classmethod
    def new(cls, contract: str, terms: Terms, plan: Plan, items: Sequence[Subject]) -> Self:
        """Return a new run over `items`.

        Raises:
            InputInvalidError: the contract is for another kind, or there are none or too many.
            SubjectInvalidError: an item is malformed.

        """
        clause = _clause(contract, terms)
        texts, data = distinct_items(terms, plan, items)
        _check(clause, data)
        seed, identifier = secrets.token_bytes(_SEED_BYTES), secrets.token_hex(_ID_BYTES)
        return cls(contract, terms, clause, plan, texts, data, seed, identifier)

    @classmethod
    def written(cls, opening: Opening, terms: Terms, plan: Plan) -> Self:
        """Return the run that was written down.

        Raises:
            HomeError: what was written down is no run's.

        """
        texts, seed = _read_secret(opening)
        known, data = distinct_items(terms, plan, texts)
        clause = _clause(opening.contract, terms)
        return cls(opening.contract, terms, clause, plan, known, data, seed, opening.id)

    @property
    def secret(self) -> dict[str, object]:
        """What is written down of it, sealed, before anything is sent."""
        return {"subjects": [list(texts) for texts in self.texts], "seed": self.seed.hex()}

    @property
    def session(self) -> bytes:
        """The id under which items are hashed."""
        contract = self.terms.id()
        return session_of(self.suite, contract, self.request)

    @property
    def suite(self) -> Suite:
        """The suite of the contract."""
        return suite_of(self.terms.suite)

    def drawn(self) -> Rng:
        """Return the bytes that the run's scalar is drawn from."""
        return _seeded(self.seed)


def _clause(contract: str, terms: Terms) -> Intersection:
    if terms.kind != KIND:
        raise InputInvalidError(
            f"the contract is for kind {terms.kind}",
            clause="kind",
            remedy=f"ask with: unseen {terms.kind} {contract} ...",
        )
    return clause_in(terms.parameters)


def _check(clause: Intersection, data: Sequence[bytes]) -> None:
    if len(data) > clause.most:
        raise InputInvalidError(
            f"a set of this contract has at most {clause.most:,} items, and this has {len(data):,}",
            clause="parameters.intersect.most",
            remedy="ask about fewer at once, or for a contract over more",
        )


def _read_secret(opening: Opening) -> tuple[list[Texts], bytes]:
    subjects, seed = opening.secret.get("subjects"), opening.secret.get("seed")
    if not isinstance(subjects, list) or not isinstance(seed, str):
        raise HomeError("the record of this request is not an intersection's", clause="home")
    return [tuple(texts) for texts in subjects], bytes.fromhex(seed)


def _seeded(seed: bytes) -> Rng:
    """Return bytes that follow from a seed: the scalar of a run is the same whenever it goes on."""
    calls = 0

    def rng(count: int) -> bytes:
        nonlocal calls
        calls += 1
        return hashlib.shake_256(_SCALAR + seed + calls.to_bytes(4, "big")).digest(count)

    return rng
