"""A bundle: everything about one charged request, in one document, for whoever settles a dispute.

    receipt         the release, who asked, its place in the log (`verify.py`)
    terms, plan, leakage, approvals     the contract, as everybody signed it
    manifest, announcement              the epoch asked under, and the leaf that announced it
    cosigned        heads that witnesses cosigned, with the release's path to each
    documents       mandates (each with those above it), template, rules and decision that terms
                    and release name: all of them

A bundle is unsigned: everything in it is held against signatures inside. It shows what was asked
and paid for under which permission. It does not show whom the question was about, nor the answer:
that takes an opening, which the buyer alone can make. Nor does it show what only the whole log
does: that the contract was in force at that moment, and no mandate or template withdrawn.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self, cast

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.documents import VERIFIERS
from unseen.evidence.audit.export import Document
from unseen.evidence.audit.findings import Findings
from unseen.evidence.audit.heads import Witnessed, read_head
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.contract import Role, Terms, verify_approval
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.limits import is_standing, verify_standing
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.ruling import breaches
from unseen.evidence.errors import BundleInvalidError, EvidenceError, LogForkedError
from unseen.evidence.fields import Checker, head
from unseen.evidence.logged import Headed
from unseen.evidence.oversight.hidden import read_announcement
from unseen.evidence.oversight.opening import check_epoch
from unseen.evidence.registry.permission import check_terms
from unseen.evidence.releases.manifest import Manifest
from unseen.evidence.suite import suite_of
from unseen.evidence.trust import Trust
from unseen.evidence.verify import VerifiedReceipt, verify_growth, verify_receipt, verify_terms
from unseen.protocols.errors import PeerError
from unseen.protocols.tlog.proofs import verify_inclusion
from unseen.protocols.tlog.tree import leaf_hash

CHECKS = (
    "form",  # exactly the fields of a bundle
    "receipt",  # as `verify_receipt`
    "terms",  # of the receipt's contract, which allow the release
    "plan",  # the one that the terms name
    "leakage",  # the same
    "approvals",  # by everybody who has to sign, over the contract or its template
    "epoch",  # manifest by the node, announced before the release
    "cosigned",  # the release is under each head
    "documents",  # each one that terms or release name, of its type, signed, and no other
    "decision",  # on a release that was held: this one, and it lets it out
    "mandates",  # the contract stays within them, and they begin with a trusted authority
    "rules",  # the contract stays within the rule file
)
MAX_DOCUMENTS = 64
MAX_COSIGNED = 64

_CHECK = Checker(BundleInvalidError, "bundle")
_FIELDS = ("receipt", "terms", "plan", "leakage", "approvals")
_MORE = ("manifest", "announcement", "cosigned", "documents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """A cosigned head, as a signed note, and the path of 32-byte hashes from the release to it."""

    note: str
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What is known of one request; nothing in it is verified. `documents` are type and body."""

    receipt: str
    terms: Terms
    plan: Plan
    leakage: Leakage
    approvals: Mapping[str, str]
    manifest: str = ""
    announcement: Headed | None = None
    cosigned: tuple[Cosigned, ...] = ()
    documents: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Json]:
        """Return the bundle as an object; what there is none of is not written."""
        fixed = head("bundle", self.terms.suite) | {
            "receipt": self.receipt,
            "terms": self.terms.to_json(),
            "plan": self.plan.to_json(),
            "leakage": self.leakage.to_json(),
            "approvals": dict(self.approvals),
        }
        more: dict[str, Json] = {
            "manifest": self.manifest,
            "announcement": self.announcement.to_json() if self.announcement else None,
            "cosigned": [
                {"note": item.note, "proof": b64encode(b"".join(item.proof))}
                for item in self.cosigned
            ],
            "documents": [{"kind": kind, "body": body} for kind, body in self.documents],
        }
        return fixed | {name: value for name, value in more.items() if value}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the bundle that `to_json` gives `value` for.

        Raises:
            BundleInvalidError: a field is missing, not known, or of another type.
            EvidenceError: so is one of the terms, plan, leakage statement or announcement.

        """
        body = _CHECK.body(value, "bundle", _FIELDS, _MORE)
        approvals = body["approvals"]
        if type(approvals) is not dict:
            _CHECK.fail("approvals", "are not an object")
        texts = {"receipt": body["receipt"], "manifest": body.get("manifest", ""), **approvals}
        for name, text in texts.items():
            if type(text) is not str:
                _CHECK.fail(name, "is not text")
        announced = body.get("announcement")
        found = cls(
            receipt=body["receipt"],
            terms=Terms.from_json(body["terms"]),
            plan=Plan.from_json(body["plan"]),
            leakage=Leakage.from_json(body["leakage"]),
            approvals=approvals,
            manifest=body.get("manifest", ""),
            announcement=None if announced is None else read_announcement(announced),
            cosigned=tuple(map(_cosigned, _list(body, "cosigned", MAX_COSIGNED))),
            documents=tuple(map(_document, _list(body, "documents", MAX_DOCUMENTS))),
        )
        if len(found.to_json()) != len(body):  # or one bundle could be written in two ways
            _CHECK.fail("form", "has a field that says nothing")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a bundle proves. `documents` are their types by id; `witnesses` are those trusted."""

    receipt: VerifiedReceipt
    terms: Terms
    plan: Plan
    leakage: Leakage
    manifest: Manifest | None
    witnesses: tuple[Witnessed, ...]
    documents: Mapping[str, str]


def check_bundle(value: Json, trust: Trust, witnesses: int = 0) -> Verified:
    """Return what the bundle `value` proves to someone who trusts `trust`.

    At least so many `witnesses`, of those the trust file lists, have to have cosigned a head that
    the release is under.

    Raises:
        BundleInvalidError: a check fails; `what` names it.
        LogForkedError: two heads in it are of two histories of the log.
        EvidenceError: a signature fails, or a party is not trusted; `clause` says of what.

    """
    with _named("form"):
        bundle = Bundle.from_json(value)
    receipt = verify_receipt(bundle.receipt, trust)
    terms, suite = bundle.terms, suite_of(receipt.suite)
    with _named("terms"):
        verify_terms(receipt, terms)
    for name, part in (("plan", bundle.plan), ("leakage", bundle.leakage)):
        if part.digest(suite) != getattr(terms, name):
            _CHECK.fail(name, "is not the contract's")
    facts = _documents(bundle, receipt, trust)
    _approvals(bundle, trust, facts)
    _permissions(bundle, receipt, trust, facts)
    return Verified(
        receipt=receipt,
        terms=terms,
        plan=bundle.plan,
        leakage=bundle.leakage,
        manifest=_epoch(bundle, receipt, trust),
        witnesses=_witnesses(bundle, receipt, trust, witnesses),
        documents={b64encode(suite.digest(body.encode())): kind for kind, body in bundle.documents},
    )


def _approvals(bundle: Bundle, trust: Trust, facts: Mapping[bytes, Any]) -> None:
    terms = bundle.terms
    if set(bundle.approvals) != set(terms.approvals):
        _CHECK.fail("approvals", "are not those of everybody who has to sign")
    for role in terms.approvals:
        party = trust.party(getattr(terms, role), cast("Any", role))
        token = bundle.approvals[role]
        with _named("approvals"):
            if terms.template and is_standing(token):
                template = facts[terms.template]
                verify_standing(token, terms, bundle.plan, template, role, party.key)
            else:
                verify_approval(token, terms, cast("Role", role), party.key)


def _epoch(bundle: Bundle, receipt: VerifiedReceipt, trust: Trust) -> Manifest | None:
    asked = bool(receipt.manifest)
    if asked != bool(bundle.manifest) or asked != (bundle.announcement is not None):
        _CHECK.fail("epoch", "is not that of the release")
    if bundle.announcement is None:
        return None
    with _named("epoch"):
        return check_epoch(bundle.manifest, bundle.announcement, bundle.terms, receipt, trust)


def _witnesses(
    bundle: Bundle, receipt: VerifiedReceipt, trust: Trust, wanted: int
) -> tuple[Witnessed, ...]:
    suite, found = suite_of(receipt.suite), list[Witnessed]()
    hashed = leaf_hash(receipt.leaf.encode(), suite.hash)
    for item in bundle.cosigned:
        with _named("cosigned"):
            shown = read_head("bundle", item.note, trust)
            checkpoint = shown.checkpoint
            if checkpoint.origin != receipt.origin:
                _CHECK.fail("cosigned", "is a head of another log")
            size, root = checkpoint.size, checkpoint.root
            verify_inclusion(hashed, receipt.index, size, item.proof, root, suite.hash)
            if size == receipt.size:  # two heads of one size are one, or the log was forked
                verify_growth(receipt.checkpoint, checkpoint, (), suite)
        found.extend(shown.witnesses)
    if len({witness.key for witness in found}) < wanted:
        _CHECK.fail("cosigned", f"by fewer than the {wanted} witnesses asked for")
    return tuple(found)


def _documents(bundle: Bundle, receipt: VerifiedReceipt, trust: Trust) -> dict[bytes, Any]:
    """Return what each document says, by its id: those that are named, and no others."""
    terms, suite = bundle.terms, suite_of(receipt.suite)
    context = Context.of(trust, receipt.origin, Findings())
    context.terms[receipt.contract] = terms
    shown = {suite.digest(body.encode()): (kind, body) for kind, body in bundle.documents}
    wanted = dict.fromkeys(terms.mandates, "mandate")
    wanted |= {terms.template: "template", terms.rules: "rules", receipt.leaf.review: "review"}
    wanted.pop(b"", None)
    facts: dict[bytes, Any] = {}
    while wanted:
        identifier, kind = wanted.popitem()
        found, body = shown.get(identifier, ("", ""))
        if found != kind:
            _CHECK.fail("documents", f"lack the {kind} that terms, release or a mandate name")
        with _named("documents"):
            document = Document(receipt.index, identifier, kind, body)
            facts[identifier] = VERIFIERS[kind](document, context)
        if kind == "mandate" and facts[identifier].parent:
            wanted[facts[identifier].parent] = kind
    if len(facts) != len(bundle.documents):
        _CHECK.fail("documents", "hold one that neither terms nor release name, or one twice")
    return facts


def _permissions(
    bundle: Bundle, receipt: VerifiedReceipt, trust: Trust, facts: Mapping[bytes, Any]
) -> None:
    """Hold the release to the decision that let it out, and the terms to what they rest on."""
    terms, review = bundle.terms, facts.get(receipt.leaf.review)
    wanted = ("pass", receipt.request, receipt.release)
    if review and (review.decision, review.request, review.release) != wanted:
        _CHECK.fail("decision", "is on another release, or does not let it out")
    if terms.mandates:
        with _named("mandates"):
            for authority in check_terms(terms, facts):
                trust.party(authority, "authority")
    if terms.rules:
        for breach in breaches(facts[terms.rules], terms, bundle.plan, bundle.leakage):
            _CHECK.fail("rules", f"do not allow it: {breach.clause} {breach.what}")


def _list(body: dict[str, Any], name: str, most: int) -> list[Any]:
    found = _CHECK.unlist(name, body.get(name, []))
    if len(found) > most:
        _CHECK.fail(name, f"has over {most} entries")
    return found


def _cosigned(value: Json) -> Cosigned:
    entry = _CHECK.take(value, ("note", "proof"), "cosigned")
    if type(entry["note"]) is not str:
        _CHECK.fail("cosigned.note", "is not text")
    return Cosigned(note=entry["note"], proof=_CHECK.hashes("cosigned.proof", entry["proof"]))


def _document(value: Json) -> tuple[str, str]:
    entry = _CHECK.take(value, ("kind", "body"), "documents")
    _CHECK.token("documents.kind", entry["kind"])
    if type(entry["body"]) is not str:
        _CHECK.fail("documents.body", "is not text")
    return entry["kind"], entry["body"]


@contextmanager
def _named(check: str) -> Iterator[None]:
    """Let an error of the block say which check it failed."""
    try:
        yield
    except (BundleInvalidError, LogForkedError):
        raise
    except (EvidenceError, PeerError) as error:
        raise BundleInvalidError(f"bundle, check {check}: {error}", clause=check) from None
