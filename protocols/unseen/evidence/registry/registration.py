"""A registration certificate with its transfers and their places in the log, checked offline.

    entries[0]   the certificate, signed by the node; its leaf `certificate.issued`
    entries[n]   a transfer, signed by the holder before it; its leaf `certificate.transferred`

and with each leaf its index, its inclusion proof (RFC 6962 section 2.1.1) and the signed head it
leads to. Only the bundle and a trust file are needed: no node, no clock, no network, years later.

It proves who held the certificate under the newest head in it. Whether a newer transfer exists,
only a bundle under a newer head can tell. A chain may go on in the log of a node that took the
first one over, and never comes back: that it was taken over is that node's word here, and its
log's audit shows it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.errors import (
    CanonicalError,
    LeafInvalidError,
    RegistrationInvalidError,
    SnapshotMismatchError,
)
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import encode_leaf
from unseen.evidence.registry.certificate import (
    Certificate,
    Held,
    issued_leaf,
    transferred_leaf,
    verify_certificate,
)
from unseen.evidence.registry.snapshot import RowsOpening
from unseen.evidence.suite import DIGEST_BYTES, Suite, suite_of
from unseen.evidence.trust import Trust
from unseen.evidence.verify import verify_checkpoint
from unseen.protocols.errors import ProofInvalidError
from unseen.protocols.tlog.proofs import verify_inclusion
from unseen.protocols.tlog.tree import leaf_hash

MAX_TRANSFERS = 256
Leaf = Callable[[datetime], dict[str, Json]]

_BUNDLE = Checker(RegistrationInvalidError, "bundle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A signed token, the leaf that logged it, its place, its path and the head it leads to."""

    token: str
    leaf: dict[str, Json]
    index: int
    proof: tuple[bytes, ...]
    checkpoint: str

    def to_json(self) -> dict[str, Json]:
        """Return the entry as an object."""
        return {
            "token": self.token,
            "leaf": self.leaf,
            "index": self.index,
            "proof": b64encode(b"".join(self.proof)),
            "checkpoint": self.checkpoint,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the entry that `to_json` gives `value` for; nothing is verified."""
        names = ("token", "leaf", "index", "proof", "checkpoint")
        body = _BUNDLE.take(value, names, "entries")
        if type(body["leaf"]) is not dict:
            _BUNDLE.fail("entries.leaf", "is not an object")
        for name in ("token", "checkpoint"):
            if type(body[name]) is not str:
                _BUNDLE.fail(f"entries.{name}", "is not text")
        _BUNDLE.integer("entries.index", body["index"], 0)
        data = _BUNDLE.unb64("entries.proof", body["proof"])
        if len(data) % DIGEST_BYTES:
            _BUNDLE.fail("entries.proof", "is not a list of hashes")
        steps = range(0, len(data), DIGEST_BYTES)
        proof = tuple(data[at : at + DIGEST_BYTES] for at in steps)
        return cls(**body | {"proof": proof})


def make_bundle(suite: Suite, entries: Sequence[Entry]) -> dict[str, Json]:
    """Return the bundle of a certificate and its transfers, in order, to be handed out."""
    listed: list[Json] = [entry.to_json() for entry in entries]
    return head("certificate-bundle", suite.id) | {"entries": listed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a bundle proves. Only `verify_bundle` makes one.

    `issuer` is the node's name in the trust file, `holders` every holder's key, raw, from the
    first to the present one. `log`, `index` and `size` say where the newest entry stands and how
    long its log was then.
    """

    id: bytes
    certificate: Certificate
    issuer: str
    holders: tuple[bytes, ...]
    log: str
    index: int
    size: int


def verify_bundle(bundle: Json, trust: Trust) -> Verified:
    """Return what `bundle` proves to someone who trusts `trust`.

    Raises:
        RegistrationInvalidError: a check fails; `what` names it.
        SignatureInvalidError: so does a signature.
        CheckpointInvalidError: so does that of a head.
        TrustMissingError: the node, or a log, is not in the trust file.
        SuiteUnknownError: the bundle is of a suite that is not known here.

    """
    body = _BUNDLE.body(bundle, "certificate-bundle", ("entries",))
    suite = suite_of(body["suite"])
    entries = [Entry.from_json(item) for item in _BUNDLE.unlist("entries", body["entries"])]
    if not 1 <= len(entries) <= MAX_TRANSFERS + 1:
        _BUNDLE.fail("entries", f"are not a certificate and at most {MAX_TRANSFERS} transfers")
    issuer = trust.party(_peek(entries[0].token).kid, "node")
    if issuer.suite != suite.id:
        _BUNDLE.fail("suite", "is not the node's")
    certificate = verify_certificate(entries[0].token, suite, issuer.key)
    held = Held.first(entries[0].token, certificate)
    issued = partial(issued_leaf, entries[0].token, certificate)
    log, size = _logged(entries[0], issued, trust, suite)
    if log != certificate.log or trust.log(log).node != certificate.node:
        _BUNDLE.fail("log", "is not the one of the node that issued the certificate")
    holders, last = [held.holder], {log: entries[0].index}
    for entry in entries[1:]:
        held = held.take(entry.token)
        holders.append(held.holder)
        before = log
        log, size = _logged(entry, partial(transferred_leaf, entry.token, held), trust, suite)
        if entry.index <= last.get(log, -1) or (log != before and log in last):
            _BUNDLE.fail("entries.index", "is not after the entry before it")
        last[log] = entry.index
    return Verified(
        id=held.certificate,
        certificate=certificate,
        issuer=issuer.name,
        holders=tuple(holders),
        log=log,
        index=entries[-1].index,
        size=size,
    )


def verify_opened(opening: RowsOpening, certificate: Certificate) -> None:
    """Return if `opening` shows drawn rows of the very snapshot that `certificate` registers.

    Raises:
        SnapshotMismatchError: rows of another snapshot, or not what the commitment fixed.
        RegistrationInvalidError: the certificate is not a table's.

    """
    rows = certificate.rows
    if rows is None:
        _BUNDLE.fail("object", "is not a table")
    found = (opening.table, opening.version, opening.rows, opening.snapshot)
    if found != (certificate.name, rows.version, rows.count, certificate.digest):
        raise SnapshotMismatchError(
            "rows: they are of another snapshot than the certificate", clause="snapshot"
        )
    opening.verify()


def _peek(token: str) -> jws.Token:
    try:
        return jws.peek(token)
    except CanonicalError:
        _BUNDLE.fail("entries.token", "is not a signed token")


def _logged(entry: Entry, leaf_of: Leaf, trust: Trust, suite: Suite) -> tuple[str, int]:
    """Return origin and size of the log whose head covers the leaf that has to log the entry."""
    checkpoint = verify_checkpoint(entry.checkpoint, trust)
    if trust.log(checkpoint.origin).suite != suite.id:
        _BUNDLE.fail("log", "is of another suite than the bundle")
    time = _BUNDLE.untime("entries.leaf.time", entry.leaf.get("time"))
    try:
        data = encode_leaf(entry.leaf)
        if data != encode_leaf(leaf_of(time)):
            _BUNDLE.fail("entries.leaf", "does not log this token")
        hashed, size, root = leaf_hash(data, suite.hash), checkpoint.size, checkpoint.root
        verify_inclusion(hashed, entry.index, size, entry.proof, root, suite.hash)
    except (ProofInvalidError, LeafInvalidError, CanonicalError):
        _BUNDLE.fail("entries.proof", "does not lead from the leaf to the head")
    return checkpoint.origin, checkpoint.size
