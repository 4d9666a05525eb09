"""The offline verifier: everything an auditor has to read to believe a receipt.

    token = JWS by the node over
        leaf         the release, as the log holds it
                       request, signature    what the buyer's instance asked, signed by it
        index,proof  where the leaf is in the log (RFC 6962 section 2.1.1)
        checkpoint   the log's signed head (C2SP tlog-checkpoint)
        instance     JWS by the buyer: this instance key signs in my name

`verify_receipt` checks these in the order of `CHECKS` and stops at the first that fails. Its
only inputs are the token and the trust file; it reads no clock, no file and no network.

What a verified receipt proves: the buyer signed this request, and the node's log, at this head,
holds this release for it, dated within minutes of it; or within 31 days where the leaf says that
an earlier one has held the request (`since`), which is the node's word here and which an audit of
the log checks. What it does not: that the answer was true,
that the log shows everybody the same head (compare checkpoints with `verify_growth`), or that the
contract allowed the release (`verify_terms`, where the terms are at hand). Openings of the
commitments are in `opening.py` and `clear.py`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from unseen.evidence import jws
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import (
    CanonicalError,
    InstanceInvalidError,
    LeafInvalidError,
    LogForkedError,
    ReceiptInvalidError,
    RequestInvalidError,
    SignatureInvalidError,
)
from unseen.evidence.fields import Checker
from unseen.evidence.log import ReleaseLeaf, encode_leaf
from unseen.evidence.releases.instance import Instance, verify_instance
from unseen.evidence.releases.receipt import FIELDS, MAX_BYTES, TYP
from unseen.evidence.releases.request import verify_request
from unseen.evidence.suite import DIGEST_BYTES, Suite, suite_of
from unseen.evidence.trust import Trust, TrustedParty
from unseen.protocols.errors import CheckpointInvalidError, PeerError, ProofInvalidError
from unseen.protocols.tlog.checkpoint import Checkpoint, parse_body
from unseen.protocols.tlog.note import SignedNote, verify_note
from unseen.protocols.tlog.proofs import verify_consistency, verify_inclusion
from unseen.protocols.tlog.tree import leaf_hash

CHECKS = (
    "form",  # a canonical token of at most 8192 bytes with exactly the fields of a receipt
    "node",  # signed by a node that the trust file lists
    "leaf",  # a release leaf, every field in range, of the receipt's suite
    "checkpoint",  # signed by the key that the trust file lists for this log, the node's own
    "inclusion",  # the leaf is at `index` of the log that the checkpoint heads
    "window",  # request and release are at most `ReleaseLeaf.window` apart
    "instance",  # certified by a buyer that the trust file lists, valid at both of these times
    "request",  # signed by that instance
)
_CHECK = Checker(ReceiptInvalidError, "receipt")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """What a verified receipt says. Only `verify_receipt` makes one.

    Hashes and commitments are 32 bytes, `*_key` are names of keys, times are UTC. `total` counts
    the contract's units up to and including this release, in log order; `billed` is how many of
    this one's units were hits, where the contract bills those. `leaf` and `checkpoint` are the
    evidence itself.
    """

    suite: str
    contract: bytes
    job: str
    kind: str
    request: str
    units: int
    billed: int | None
    total: int
    privacy: str
    time: datetime
    issued_at: datetime
    plan: bytes
    leakage: bytes
    snapshot: bytes
    manifest: bytes
    epoch: int
    commitment: bytes
    release: bytes
    origin: str
    index: int
    size: int
    node: str
    node_key: str
    buyer: str
    buyer_key: str
    instance: str
    instance_key: str
    leaf: ReleaseLeaf
    checkpoint: Checkpoint


def verify_receipt(token: str, trust: Trust) -> VerifiedReceipt:
    """Return what the receipt `token` proves to someone who trusts `trust`.

    Raises:
        ReceiptInvalidError: a check fails; `what` names it.
        SignatureInvalidError: so does a signature; `clause` names the check.
        TrustMissingError: node, log or buyer is not in the trust file.
        SuiteUnknownError: the receipt is of a suite that is not known here.

    """
    with _named("form"):
        found, body = _form(token)
    suite = suite_of(body["suite"])
    with _named("node"):
        node = trust.party(found.kid, "node")
        jws.verify_token(found, typ=TYP, suite=suite_of(node.suite), public_key=node.key)
        _same_suite("node", node.suite, suite)
    with _named("leaf"):
        leaf = ReleaseLeaf.from_json(body["leaf"])
        _same_suite("leaf", leaf.suite, suite)
    with _named("checkpoint"):
        checkpoint = _checkpoint(body["checkpoint"], node, trust, suite)
    with _named("inclusion"):
        _inclusion(body, checkpoint, suite)
    with _named("window"):
        if not leaf.timely:
            _CHECK.fail("window", f"of {leaf.window} between request and release is exceeded")
    with _named("instance"):
        buyer, instance = _instance(body["instance"], leaf, trust, suite)
    with _named("request"):
        verify_request(leaf.request, leaf.signature, suite, instance.key)
    return _verified(body["index"], leaf, checkpoint, node, buyer, instance)


def verify_terms(receipt: VerifiedReceipt, terms: Terms) -> None:
    """Return if the release is one that `terms` allow and that counts against them.

    Checks contract, parties, kind, plan, leakage, consent, that hits are billed as agreed, period
    and quota. The approvals over the terms are checked by `contract.verify_approval`.

    Raises:
        ReceiptInvalidError: it is not; `what` names the clause.

    """
    clauses: tuple[tuple[str, object, object], ...] = (
        ("suite", receipt.suite, terms.suite),
        ("contract", receipt.contract, terms.id()),
        ("node", receipt.node_key, terms.node),
        ("buyer", receipt.buyer_key, terms.buyer),
        ("kind", receipt.kind, terms.kind),
        ("plan", receipt.plan, terms.plan),
        ("leakage", receipt.leakage, terms.leakage),
        ("billed", receipt.billed is not None, terms.bills_hits),
    )
    for clause, found, expected in clauses:
        if found != expected:
            _CHECK.fail(clause, "is not the contract's")
    if (terms.consent is None) == bool(receipt.leaf.consent_root):
        _CHECK.fail("consent", "is not asked for in the contract as the release has it")
    if not terms.period.covers(receipt.time):
        _CHECK.fail("period", "does not cover the time of the release")
    if receipt.total > terms.quota.units:
        _CHECK.fail("quota", "is less than the units used")


def verify_checkpoint(text: str, trust: Trust) -> Checkpoint:
    """Return the head of a log, from a note that the log's key has signed.

    Raises:
        CheckpointInvalidError: the note is malformed or not signed by that key.
        TrustMissingError: the trust file lists no log of this origin.

    """
    origin = _origin(text)
    log = trust.log(origin)
    return verify_head(text, origin, suite_of(log.suite), log.key)


# Many receipts carry one head, and every answer carries it beside its receipt: what was verified
# is remembered, under everything that it was verified with.
@lru_cache(maxsize=256)
def verify_head(text: str, origin: str, suite: Suite, key: bytes) -> Checkpoint:
    """Return the head of the log `origin`, from a note that `key` has signed.

    Raises:
        CheckpointInvalidError: the note is malformed or not signed by that key.

    """
    checkpoint = verify_note(text, origin, suite.note_type, key, suite.verify)
    if len(checkpoint.root) != DIGEST_BYTES:
        raise CheckpointInvalidError("a root of this log has 32 bytes")
    return checkpoint


@lru_cache(maxsize=256)
def _origin(text: str) -> str:
    return parse_body(SignedNote.parse(text).body).origin


def verify_growth(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes], suite: Suite) -> None:
    """Return if `new` heads the log that `old` headed, with nothing changed or taken away.

    Both are verified heads (`verify_checkpoint`); `proof` is the consistency proof between
    their sizes, empty for the same size.

    Raises:
        LogForkedError: they are heads of different histories, or of different logs.

    """
    if old.origin != new.origin:
        raise LogForkedError("the checkpoints are of two logs", clause="origin")
    if new.size < old.size:
        raise LogForkedError(
            f"the log has shrunk from {old.size} to {new.size} leaves", clause="size"
        )
    try:
        verify_consistency(old.size, old.root, new.size, new.root, proof, suite.hash)
    except ProofInvalidError:
        raise LogForkedError(
            f"the log at {new.size} leaves does not continue the log at {old.size}", clause="root"
        ) from None


def _form(token: str) -> tuple[jws.Token, dict[str, Any]]:
    if len(token) > MAX_BYTES:
        _CHECK.fail("form", f"exceeds {MAX_BYTES} bytes")
    found = jws.peek(token)
    return found, _CHECK.body(found.payload, "receipt", FIELDS)


def _checkpoint(text: Json, node: TrustedParty, trust: Trust, suite: Suite) -> Checkpoint:
    if not isinstance(text, str):
        _CHECK.fail("checkpoint", "is not text")
    checkpoint = verify_checkpoint(text, trust)
    log = trust.log(checkpoint.origin)
    _same_suite("checkpoint", log.suite, suite)
    if log.node != node.key_id:
        _CHECK.fail("checkpoint", "is of another node's log")
    return checkpoint


def _inclusion(body: dict[str, Any], checkpoint: Checkpoint, suite: Suite) -> None:
    _CHECK.integer("index", body["index"], 0)
    nodes = _CHECK.hashes("proof", body["proof"])
    hashed = leaf_hash(encode_leaf(body["leaf"]), suite.hash)
    verify_inclusion(hashed, body["index"], checkpoint.size, nodes, checkpoint.root, suite.hash)


def _instance(
    token: Json, leaf: ReleaseLeaf, trust: Trust, suite: Suite
) -> tuple[TrustedParty, Instance]:
    if not isinstance(token, str):
        _CHECK.fail("instance", "is not text")
    buyer = trust.party(jws.peek(token).kid, "buyer")
    _same_suite("instance", buyer.suite, suite)
    # A certification has an end and no beginning, so the later time decides for both.
    latest = max(leaf.time, leaf.request.issued_at)
    instance = verify_instance(token, buyer.key, latest, suite=suite)
    if leaf.instance != instance.key_id:
        _CHECK.fail("instance", "is not the one that the leaf names")
    return buyer, instance


def _same_suite(check: str, found: str, suite: Suite) -> None:
    if found != suite.id:
        _CHECK.fail(check, "is of another suite than the receipt")


@contextmanager
def _named(check: str) -> Iterator[None]:
    """Let an error of the block say which check it failed."""
    try:
        yield
    except ReceiptInvalidError as error:
        error.clause = check
        raise
    except SignatureInvalidError:
        raise SignatureInvalidError(
            f"receipt: the signature of check {check} does not verify", clause=check
        ) from None
    except (
        CanonicalError,
        InstanceInvalidError,
        LeafInvalidError,
        PeerError,
        RequestInvalidError,
    ) as error:
        raise ReceiptInvalidError(f"receipt, check {check}: {error}", clause=check) from None


def _verified(
    index: int,
    leaf: ReleaseLeaf,
    checkpoint: Checkpoint,
    node: TrustedParty,
    buyer: TrustedParty,
    instance: Instance,
) -> VerifiedReceipt:
    request = leaf.request
    return VerifiedReceipt(
        suite=leaf.suite,
        contract=request.contract,
        job=leaf.job,
        kind=request.kind,
        request=request.request,
        units=request.units,
        billed=leaf.billed,
        total=leaf.total,
        privacy=leaf.privacy,
        time=leaf.time,
        issued_at=request.issued_at,
        plan=leaf.plan,
        leakage=leaf.leakage,
        snapshot=leaf.snapshot,
        manifest=request.manifest,
        epoch=request.epoch,
        commitment=request.commitment,
        release=leaf.release,
        origin=checkpoint.origin,
        index=index,
        size=checkpoint.size,
        node=node.name,
        node_key=node.key_id,
        buyer=buyer.name,
        buyer_key=buyer.key_id,
        instance=instance.name,
        instance_key=instance.key_id,
        leaf=leaf,
        checkpoint=checkpoint,
    )
