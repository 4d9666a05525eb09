"""The gate: the only way out. A charge pays for a `Released`, and only this module makes one.

A reply is read as the type that its plan declares, rebuilt from its bits, asked about by every
rule, and committed to; what leaves is what was rebuilt. Whatever raises on the way refuses: there
is no path from an error to a release. Budgets are asked here to save the work of a charge, and
once more, for good, inside the charge's transaction.

Replies leave as soon as they are charged. Time slots belong to jobs that run a buyer's own code, of
which there is no kind yet.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from unseen.evidence.commitment import NONCE_BYTES, commit
from unseen.evidence.contracts.joint import PROTOCOL as SECAGG
from unseen.evidence.contracts.plan import ReleaseType
from unseen.evidence.contracts.statistics import Question
from unseen.evidence.contracts.typed import Model, Shape
from unseen.evidence.errors import ReleaseInvalidError
from unseen.evidence.releases.metered import spec_of
from unseen.evidence.suite import suite_of
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError
from unseen.node.failpoints import hit
from unseen.node.hardening import whereabouts
from unseen.node.release.declared import answer_shape, declared
from unseen.node.release.examine import examine, examine_each
from unseen.node.release.facts import Facts
from unseen.node.release.rules import (
    FAULT,
    GENERAL,
    MALFORMED,
    Case,
    Limits,
    Mode,
    Outcome,
    Rule,
)

_logger = logging.getLogger("unseen.node.release")
_SEAL = object()
_LIMITS = Limits()


class Released:
    """A reply that the gate let out, for one request of one contract; `parts` are what leaves.

    `commitment` is to `parts` under `nonce`, 32 bytes each. `review` is the id of the decision that
    let it out and `since` the leaf that has held its request, empty and 0 where no rule held it.
    """

    __slots__ = ("bits", "commitment", "contract", "nonce", "parts", "request", "review", "since")
    bits: int
    commitment: bytes
    contract: str
    nonce: bytes
    parts: tuple[bytes, ...]
    request: str
    review: bytes
    since: int

    def __init__(self, seal: object, **fields: object) -> None:
        """Take the fields, from the gate alone.

        Raises:
            InternalError: somebody else asks.

        """
        if seal is not _SEAL:
            raise InternalError("only the gate makes a release")
        for name in self.__slots__:
            object.__setattr__(self, name, fields[name])

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: what was let out does not change."""
        raise InternalError("a release does not change")

    def __repr__(self) -> str:
        """Return what it is worth, not what it says."""
        return f"Released({self.bits} bits for request {self.request})"


@dataclass(frozen=True, slots=True)
class Held:
    """A reply that a person has to see first."""

    bits: int
    rules: tuple[str, ...]
    parts: tuple[bytes, ...] = field(repr=False)
    nonce: bytes = field(repr=False)
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A reply that does not leave, and the rules that say so."""

    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the operator does with this type of release, and the bits that left before."""

    mode: Mode
    used: int


@dataclass(frozen=True, slots=True)
class Ask:
    """One run that asks for its release: the contract, the request's id and its units.

    `since` is the index of the leaf that has held the request, where the run took long; `question`
    is what was asked, where the shape of the answer follows from it. `model` is the shape of a
    finished model, where the run is about one; `led` says that this node leads a joint round, and
    the answer is over all of its nodes.
    """

    contract: Contract
    request: str
    units: int
    since: int = 0
    question: Question | None = field(default=None, repr=False)
    model: Model | None = None
    led: bool = False

    @property
    def shape(self) -> Shape | None:
        """Return the shape that follows from what was asked; none for a part of a joint sum."""
        if self.model is not None:
            return self.model
        alone = self.contract.plan.protocol != SECAGG
        return answer_shape(self.contract.terms, self.question) if alone or self.led else None

    @property
    def type(self) -> ReleaseType:
        """Return the type of the release."""
        contract = self.contract
        return "model" if self.model else spec_of(contract.plan, contract.terms).type


def release(
    ask: Ask, parts: Sequence[bytes], standing: Standing, facts: Facts | None = None
) -> Released | Held | Refused:
    """Return what becomes of the reply `parts`: it never raises, and an error refuses."""
    try:
        return _release(ask, parts, standing, facts)
    except ReleaseInvalidError:
        return Refused((MALFORMED,))
    except Exception as error:  # noqa: BLE001 - fail closed, whatever it was
        return _fault(ask, error)


def let_out(
    ask: Ask, held: Held, standing: Standing, review: bytes, since: int
) -> Released | Refused:
    """Return what becomes of a reply that a person has passed; its rules are not asked again.

    `review` is the id of the signed decision, `since` the index of the leaf that says it was held.
    """
    try:
        clean = _again(ask, held)
        hit("gate.passed")
        suite = suite_of(ask.contract.terms.suite)
        if commit(suite, held.nonce, clean) != held.commitment or len(review) != len(held.nonce):
            return Refused((MALFORMED,))
        if standing.mode is Mode.OFF:
            return Refused(("type.off",))
        return _released(ask, held, review, since)
    except ReleaseInvalidError:
        return Refused((MALFORMED,))
    except Exception as error:  # noqa: BLE001 - as in `release`
        return _fault(ask, error)


def again(ask: Ask, parts: Sequence[bytes], standing: Standing) -> Released | Held | Refused:
    """Return what becomes of an answer that left before, to the same question over the same rows.

    What stands behind its numbers was asked about when it left first, and is not kept; its type
    and its bits are asked about again.
    """
    try:
        return _release(ask, parts, standing, None, GENERAL)
    except ReleaseInvalidError:
        return Refused((MALFORMED,))
    except Exception as error:  # noqa: BLE001 - as in `release`
        return _fault(ask, error)


def _release(
    ask: Ask,
    parts: Sequence[bytes],
    standing: Standing,
    facts: Facts | None,
    rules: Sequence[Rule] | None = None,
) -> Released | Held | Refused:
    plan, terms = ask.contract.plan, ask.contract.terms
    wanted = declared(plan, ask.units, ask.shape)
    spec = spec_of(plan, terms)
    found = wanted.form.read(parts)
    hit("gate.read")
    case = Case(
        type=ask.type,
        mode=standing.mode,
        bits=wanted.bits,
        bits_per_run=spec.bits_per_run,
        bits_in_all=spec.bits_in_all,
        used=standing.used,
        value=found.value,
        facts=facts,
        limits=_LIMITS.with_group(plan.group),
    )
    finding = examine_each(case, found.values, rules) if found.values else examine(case, rules)
    hit("gate.judged")
    if finding.outcome is Outcome.REFUSE:
        return Refused(finding.rules)
    nonce = secrets.token_bytes(NONCE_BYTES)
    commitment = commit(suite_of(terms.suite), nonce, found.parts)
    held = Held(wanted.bits, finding.rules, found.parts, nonce, commitment)
    hit("gate.committed")
    return held if finding.outcome is Outcome.REVIEW else _released(ask, held, b"", ask.since)


def _again(ask: Ask, held: Held) -> tuple[bytes, ...]:
    """Return what is held as it is read once more.

    Where the shape follows from a question, that is not kept: what was read then is what the
    commitment is to, and `let_out` opens it.
    """
    if ask.contract.plan.by_question:
        return held.parts
    return declared(ask.contract.plan, ask.units).form.read(held.parts).parts


def _released(ask: Ask, held: Held, review: bytes, since: int) -> Released:
    return Released(
        _SEAL,
        bits=held.bits,
        commitment=held.commitment,
        contract=ask.contract.id,
        nonce=held.nonce,
        parts=held.parts,
        request=ask.request,
        review=review,
        since=since,
    )


def _fault(ask: Ask, error: Exception) -> Refused:
    _logger.error("release under %s: %s", ask.contract.id, whereabouts(error))
    return Refused((FAULT,))
