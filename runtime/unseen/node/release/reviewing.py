"""The queue in front of a person: holding what the gate holds, deciding on it, letting it expire.

A decision is a document signed by the operator or by the contract's second approver over the
commitment to what is held. The charge of what a person lets out, the decision and its leaf are one
transaction; until then nothing is charged. What nobody decides on in time is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn

from unseen.evidence.canonical import Json, b64decode, b64encode, format_time, parse_time
from unseen.evidence.contracts.plan import ReleaseType
from unseen.evidence.contracts.states import State as ContractState
from unseen.evidence.errors import ReviewInvalidError
from unseen.evidence.registry.mandated import FOREVER
from unseen.evidence.releases.metered import spec_of
from unseen.evidence.releases.review import Review as Decision
from unseen.evidence.releases.review import verify_review
from unseen.evidence.suite import suite_of
from unseen.node.consent.charging import counts, held_under, outlived
from unseen.node.consent.rotation import check_deadline
from unseen.node.consent.tree import TreeKeys
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import (
    InstanceUnknownError,
    PartyNotFoundError,
    ReviewNotFoundError,
)
from unseen.node.failpoints import hit
from unseen.node.identity.parties import Caller, Party, instance_by_key
from unseen.node.identity.rights import Role
from unseen.node.jobs import frames
from unseen.node.jobs.changes import Review as JobReview
from unseen.node.jobs.kind import JobKind
from unseen.node.jobs.sealing import open_result
from unseen.node.jobs.states import State as JobState
from unseen.node.metering.charge import Charge
from unseen.node.metering.charged import Charged, digest_of
from unseen.node.privacy.answers import seal_answer
from unseen.node.release.facts import Attacked
from unseen.node.release.gate import Ask, Held, Refused, Released, let_out
from unseen.node.release.holding import (
    Close,
    Hold,
    Refuse,
    Run,
    SetMode,
    log_decision,
    open_review,
    report_label,
    write_closed,
)
from unseen.node.release.register import (
    Review,
    State,
    as_refusal,
    closed,
    find_reply,
    find_report,
    refused,
    review_closed,
)
from unseen.node.release.rules import CONSENT_ENDED, EXPIRED, REFUSED, Mode
from unseen.node.store.documents import document_id
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.errors import UnseenError

_ENDED = frozenset({ContractState.REVOKED, ContractState.EXPIRED})


async def withhold(node: Node, run: Run, outcome: Held | Refused) -> NoReturn:
    """Write down that a reply does not leave, or not yet, and say so.

    Raises:
        ReleaseHeldError: it waits for a person.
        ReleaseRefusedError: it does not leave.

    """
    if isinstance(outcome, Refused):
        bits = await node.writer.submit(Refuse(run, outcome))
        node.contracts.said(run.contract.id, bits)
        raise refused()
    keep = timedelta(hours=node.settings.review_hours)
    review = node.releases.put(await node.writer.submit(Hold(run, outcome, node.vault, keep)))
    node.meter.hold(review.contract, review.request.units)
    hit("review.after_hold")
    raise as_refusal(review)


@dataclass(frozen=True, slots=True)
class Shown:
    """A held release as a reviewer sees it; `held` is what it says, for the operator alone.

    So is `attacked`, what the node found in a model; that outlives the decision.
    """

    review: Review
    contract: Contract
    held: Held | None = field(repr=False)
    attacked: Attacked | None = field(default=None, repr=False)


def show(node: Node, who: Caller, identifier: str) -> Shown:
    """Return a held release. What it says stays with the operator, and ends with the decision.

    Raises:
        ReviewNotFoundError: none of this id, or under a contract that is not the caller's.

    """
    review, contract = _find(node, who, identifier)
    inside = who.role is Role.OPERATOR and review.state is State.WAITING
    found = _attacked(node, review) if who.role is Role.OPERATOR else None
    return Shown(review, contract, _held(node, review) if inside else None, found)


def listed(node: Node, who: Caller, start: int = 0, *, waiting: bool = False) -> list[Shown]:
    """Return what was held from leaf `start` on and the caller may see, without what it says."""
    held = node.releases.waiting() if waiting else node.releases.all()
    found = (
        (review, node.contracts.get(review.contract))
        for review in held
        if review.leaf_index >= start
    )
    return [Shown(review, terms, None) for review, terms in found if _may_see(node, who, terms)]


async def decide(node: Node, who: Caller, identifier: str, token: str) -> Review:
    """Take a signed decision: let a held release out, charged, or refuse it.

    Raises:
        ReviewNotFoundError: none of this id, or under a contract that is not the caller's.
        ReviewClosedError: it was decided on before, or nobody did in time.
        ReviewInvalidError: the decision is on something else, or not the caller's to make.
        SignatureInvalidError: the caller has not signed it.
        NodeStoppedError: the node stands still.
        UnseenError: the contract does not allow the charge any more; the release still waits.

    """
    review, contract = _find(node, who, identifier)
    node.stops.check_node()
    decision = verify_review(token, contract.terms, _party(node, who).key)
    _check_subject(decision, review)
    _check_open(review, node.clock.now())
    if decision.decision == "refuse":
        return await _close(node, contract, review, State.REFUSED, REFUSED, who.party, token)
    if review.consent and not counts(node.reader.connection, review.consent, node.clock.now()):
        return await _close(node, contract, review, State.REFUSED, CONSENT_ENDED, who.party, "")
    if _outlived(node, contract, review):
        return await _close(node, contract, review, State.REFUSED, CONSENT_ENDED, who.party, "")
    if review.request.epoch:
        check_deadline(node, contract.id)
    _check_instance(node, contract, review)
    ask = Ask(contract, review.request.request, review.request.units)
    suite = suite_of(contract.terms.suite)
    identity = b64decode(document_id(suite, token.encode()))
    outcome = let_out(
        ask,
        _held(node, review),
        node.releases.standing(contract, held_type(review, contract)),
        identity,
        review.leaf_index,
    )
    if isinstance(outcome, Refused):
        rule = outcome.rules[0]
        return await _close(node, contract, review, State.REFUSED, rule, who.party, "")
    tree, covered = node.consents.tree, node.mandates.covered_until(contract, node.clock.now())
    keep = seal_answer(node, review.privacy, outcome)
    kinds = node.jobs.kinds
    step = Pass(contract, review, outcome, who.party, token, kinds, tree, covered, keep)
    after, charged = await node.writer.submit(step)
    _follow(node, after)
    charged.follow(node.contracts, contract.id)
    hit("review.after_decision")
    return after


def resume(node: Node) -> None:
    """At a start: count what waits as units under way."""
    for review in node.releases.waiting():
        node.meter.hold(review.contract, review.request.units)


async def sweep(node: Node) -> None:
    """Refuse what nobody decided on in time, and what waits under a contract that has ended."""
    now = node.clock.now()
    for review in node.releases.waiting():
        contract = node.contracts.get(review.contract)
        gone = review.job and node.jobs.get(review.job).state is not JobState.REVIEW
        if gone or contract.state in _ENDED or now >= parse_time(review.expires_at):
            await _close(node, contract, review, State.EXPIRED, EXPIRED, "node", "")


async def set_mode(node: Node, who: Caller, kind: str, mode: Mode) -> None:
    """Let a type of release pass by the rules, only past a person, or not at all."""
    node.releases.modes[kind] = await node.writer.submit(SetMode(node.suite, kind, mode, who.party))


@dataclass(frozen=True, slots=True)
class Pass(Change[tuple[Review, Charged]]):
    """Let a held release out: charge, leaf and reply, with the decision, or nothing of it."""

    contract: Contract
    review: Review
    released: Released
    by: str
    token: str
    kinds: Mapping[str, JobKind] = field(repr=False)
    tree: TreeKeys | None = field(default=None, repr=False)  # where the contract asks for consent
    covered: datetime = FOREVER  # from then on no mandate covers the contract
    keep: bytes = field(default=b"", repr=False)  # the reply, sealed, to be given again

    def apply(self, transaction: Transaction) -> tuple[Review, Charged]:
        """Write the decision, then charge.

        Raises:
            ReviewClosedError: it was decided on before, or nobody did in time.
            UnseenError: the contract does not allow the charge.

        """
        review = open_review(transaction, self.review.id)
        _check_open(review, transaction.now)
        run = Run(self.contract, review.request, review.signature, review.instance, review.snapshot)
        fields: dict[str, Json] = {"release": review.id}
        document = log_decision(
            transaction, run, "pass", review.rules, review.bits, fields, self.token
        )
        root, consent = b64decode(review.consent_root), None
        if not root:
            root, consent = held_under(
                transaction.connection, self.tree, self.contract.id, review.request, review.consent
            )
        charge = Charge(
            contract=self.contract,
            request=review.request,
            statement_digest=digest_of(review.request),
            signature=review.signature,
            instance=review.instance,
            snapshot=review.snapshot,
            released=self.released,
            billed=review.billed,
            kept=not review.job,
            consent_root=root,
            consent=consent if self.contract.terms.consent is not None else None,
            covered=self.covered,
            privacy=review.privacy,
            keep=self.keep,
        )
        (charged,) = Charge.apply_all(transaction, [charge])
        if isinstance(charged, UnseenError):
            raise charged
        after = closed(review, State.PASSED, format_time(transaction.now), self.by, document)
        write_closed(transaction, after)
        if review.job:
            passed = JobReview(run.suite, self.kinds, review.job, self.by, passed=True)
            passed.apply(transaction)
        return after, charged


def held_type(review: Review, contract: Contract) -> ReleaseType:
    """Return the type of what is held: rules over models hold models, whatever else leaves."""
    models = any(rule.startswith("model.") for rule in review.rules)
    return "model" if models else spec_of(contract.plan, contract.terms).type


async def _close(
    node: Node,
    contract: Contract,
    review: Review,
    state: State,
    rule: str,
    by: str,
    token: str,
) -> Review:
    rules = (*review.rules, rule)
    step = Close(contract, review.id, state, rules, by, token, node.jobs.kinds)
    after, bits = await node.writer.submit(step)
    node.contracts.said(contract.id, bits)
    _follow(node, after)
    return after


def _follow(node: Node, review: Review) -> None:
    node.releases.put(review)
    node.meter.release(review.contract, review.request.units)
    if review.job:
        node.jobs.look()


def _find(node: Node, who: Caller, identifier: str) -> tuple[Review, Contract]:
    review = node.releases.get(identifier)
    contract = node.contracts.get(review.contract)
    if not _may_see(node, who, contract):
        raise ReviewNotFoundError(
            "no held release of this id", clause="review", remedy="see: unseen review list"
        )
    return review, contract


def _held(node: Node, review: Review) -> Held:
    connection = node.reader.connection
    sealed, nonce = find_reply(connection, review.id)
    parts: list[bytes]
    if review.job:
        parts = [open_result(connection, node.vault, review.job, node.clock.now())]
    elif sealed is None:
        raise review_closed()
    else:
        parts = frames.unpack(node.vault.open(f"review/{review.id}", sealed))
    return Held(review.bits, review.rules, tuple(parts), nonce, b64decode(review.id))


def _attacked(node: Node, review: Review) -> Attacked | None:
    sealed = find_report(node.reader.connection, review.id)
    if sealed is None:
        return None
    return Attacked.decode(node.vault.open(report_label(review.id), sealed))


def _may_see(node: Node, who: Caller, contract: Contract) -> bool:
    return who.role is Role.OPERATOR or _party(node, who).key_id == contract.terms.approver


def _party(node: Node, who: Caller) -> Party:
    party = node.parties.get(who.party)
    if party is None:
        raise PartyNotFoundError("the party is not enrolled", clause="party")
    return party


def _check_subject(decision: Decision, review: Review) -> None:
    found = (decision.request, b64encode(decision.release), decision.bits, decision.rules)
    if found != (review.request.request, review.id, review.bits, review.rules):
        raise ReviewInvalidError("review: it decides on another release", clause="release")


def _outlived(node: Node, contract: Contract, review: Review) -> bool:
    """Return whether the consents behind a held answer are others by now, and have been for long.

    A withdrawal acts within the contract's latency, as it does on an epoch's table.
    """
    root, now = b64decode(review.consent_root), node.clock.now()
    return outlived(node.reader.connection, contract.terms.consent, root, now)


def _check_open(review: Review, now: datetime) -> None:
    if review.state is not State.WAITING or now >= parse_time(review.expires_at):
        raise review_closed()


def _check_instance(node: Node, contract: Contract, review: Review) -> None:
    """Refuse what no receipt could prove: the instance's certification has ended meanwhile."""
    party = node.parties.get(contract.buyer)
    instance = instance_by_key(party, review.instance) if party else None
    if instance is None or parse_time(instance.until) <= node.clock.now():
        raise InstanceUnknownError(
            "the certification of the instance that asked has ended",
            clause="identity.instance",
            remedy="refuse the release; the buyer asks again",
        )
