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
from unseen.evidence.canonical import Json
from unseen.evidence.errors import (
    CanonicalError,
    LeafInvalidError,
    RegistrationInvalidError,
    SnapshotMismatchError,
)
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import encode_leaf
from unseen.evidence.logged import Headed
from unseen.evidence.registry.certificate import (
    Certificate,
    Held,
    issued_leaf,
    transferred_leaf,
    verify_certificate,
)
from unseen.evidence.registry.snapshot import RowsOpening
from unseen.evidence.suite import Suite, suite_of
from unseen.evidence.trust import Trust
from unseen.evidence.verify import verify_checkpoint
from unseen.protocols.errors import ProofInvalidError

MAX_TRANSFERS = 256
Leaf = Callable[[datetime], dict[str, Json]]

_BUNDLE = Checker(RegistrationInvalidError, "bundle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A signed token, and the leaf that logged it with its place."""

    token: str
    logged: Headed

    def to_json(self) -> dict[str, Json]:
        """Return the entry as an object."""
        return {"token": self.token} | self.logged.to_json()

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the entry that `to_json` gives `value` for; nothing is verified."""
        names = ("token", "leaf", "index", "proof", "checkpoint")
        body = _BUNDLE.take(value, names, "entries")
        if type(body["token"]) is not str:
            _BUNDLE.fail("entries.token", "is not text")
        return cls(token=body["token"], logged=Headed.of(_BUNDLE, "entries", body))


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
    holders, last = [held.holder], {log: entries[0].logged.index}
    for entry in entries[1:]:
        held = held.take(entry.token)
        holders.append(held.holder)
        before = log
        log, size = _logged(entry, partial(transferred_leaf, entry.token, held), trust, suite)
        if entry.logged.index <= last.get(log, -1) or (log != before and log in last):
            _BUNDLE.fail("entries.index", "is not after the entry before it")
        last[log] = entry.logged.index
    return Verified(
        id=held.certificate,
        certificate=certificate,
        issuer=issuer.name,
        holders=tuple(holders),
        log=log,
        index=entries[-1].logged.index,
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
    logged = entry.logged
    checkpoint = verify_checkpoint(logged.checkpoint, trust)
    if trust.log(checkpoint.origin).suite != suite.id:
        _BUNDLE.fail("log", "is of another suite than the bundle")
    time = _BUNDLE.untime("entries.leaf.time", logged.leaf.get("time"))
    try:
        if encode_leaf(logged.leaf) != encode_leaf(leaf_of(time)):
            _BUNDLE.fail("entries.leaf", "does not log this token")
        logged.verify(checkpoint, suite)
    except (ProofInvalidError, LeafInvalidError, CanonicalError):
        _BUNDLE.fail("entries.proof", "does not lead from the leaf to the head")
    return checkpoint.origin, checkpoint.size
