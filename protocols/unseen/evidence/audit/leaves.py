"""Leaves as an audit reads them: in one pass over the bytes where it is a release.

A release has one canonical form whose every field is plain ASCII of a fixed grammar, so one
regular expression decides what `ReleaseLeaf.from_json` does, ten times as fast, and finds the
bytes that were signed. What it does not match is read by `decode_leaf`, which says why not.
Tests hold the two against each other.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from unseen.evidence import canonical
from unseen.evidence.canonical import MAX_INTEGER, Json, b64decode, b64encode, parse_time
from unseen.evidence.contracts.plan import KINDS
from unseen.evidence.contracts.privacy import units_of
from unseen.evidence.errors import CanonicalError
from unseen.evidence.log import MAX_LEAF_BYTES, RELEASE, ReleaseLeaf, decode_leaf
from unseen.evidence.releases.request import MAX_HELD_AGE, MAX_REQUEST_AGE, MAX_UNITS
from unseen.evidence.suite import DIGEST_BYTES, Suite

_TIME = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_POSITIVE = rb"[1-9][0-9]{0,15}"


class Release(NamedTuple):
    """A release leaf whose form was checked. Hashes and key names are base64url, as in the leaf.

    `statement` is the canonical request: what `signature` (base64url) is over, with a prefix.
    `privacy` is in units of 10^-12 of rho. `since` is 0, `review` and `consent_root` are empty,
    `billed` is None, where the leaf does not have them.
    """

    time: datetime
    issued_at: datetime
    contract: bytes
    request: bytes
    kind: bytes
    units: int
    total: int
    manifest: bytes
    epoch: int
    plan: bytes
    leakage: bytes
    snapshot: bytes
    instance: bytes
    signature: bytes
    statement: bytes
    commitment: bytes
    privacy: int
    since: int
    review: bytes
    consent_root: bytes
    billed: int | None

    @property
    def timely(self) -> bool:
        """Return what `ReleaseLeaf.timely` does."""
        window = MAX_HELD_AGE if self.since else MAX_REQUEST_AGE
        return -MAX_REQUEST_AGE <= self.time - self.issued_at <= window


class Event(NamedTuple):
    """Any other leaf: its type, time and own fields."""

    type: str
    time: datetime
    fields: dict[str, Json]

    def named(self, field: str = "document") -> bytes:
        """Return the id that `field` holds; empty, which names nothing, where it holds none."""
        try:
            return b64decode(str(self.fields.get(field)))
        except CanonicalError:
            return b""


def read_leaf(data: bytes, suite: Suite) -> Release | Event:
    """Return the leaf of `suite`, whose canonical bytes are `data`.

    Raises:
        EvidenceError: it is malformed, or of another suite.

    """
    return _fast(data, suite) or _slow(data, suite)


def _fast(data: bytes, suite: Suite) -> Release | None:
    found = _release(suite).fullmatch(data)
    if found is None or len(data) > MAX_LEAF_BYTES:
        return None
    total, units, epoch = int(found["total"]), int(found["units"]), int(found["epoch"])
    if not units <= total <= MAX_INTEGER or units > MAX_UNITS or epoch > MAX_INTEGER:
        return None
    since = int(found["since"] or 0)
    if bool(epoch) != bool(found["manifest"]) or since > MAX_INTEGER:
        return None
    billed = None if found["billed"] is None else int(found["billed"])
    if billed is not None and billed > units:
        return None
    try:
        time, issued_at = _time(found["time"]), _time(found["issued_at"])
    except CanonicalError:
        return None
    return Release(
        time,
        issued_at,
        found["contract"],
        found["request"],
        found["kind"],
        units,
        total,
        found["manifest"],
        epoch,
        found["plan"],
        found["leakage"],
        found["snapshot"],
        found["instance"],
        found["signature"],
        found["statement"],
        found["released"],
        _units(found["privacy"]),
        since,
        found["review"] or b"",
        found["consent_root"] or b"",
        billed,
    )


def _slow(data: bytes, suite: Suite) -> Release | Event:
    leaf = decode_leaf(data)
    if leaf["suite"] != suite.id:
        raise CanonicalError("leaf: suite is not the log's", clause="suite")
    if leaf["type"] == RELEASE:
        return _of(ReleaseLeaf.from_json(leaf))
    frame = {"v", "suite", "type", "time"}
    fields = {name: value for name, value in leaf.items() if name not in frame}
    return Event(str(leaf["type"]), parse_time(str(leaf["time"])), fields)


def _of(leaf: ReleaseLeaf) -> Release:
    request = leaf.request
    return Release(
        leaf.time,
        request.issued_at,
        _b64(request.contract),
        request.request.encode(),
        request.kind.encode(),
        request.units,
        leaf.total,
        _b64(request.manifest),
        request.epoch,
        _b64(leaf.plan),
        _b64(leaf.leakage),
        _b64(leaf.snapshot),
        leaf.instance.encode(),
        _b64(leaf.signature),
        request.bytes(),
        _b64(leaf.release),
        units_of(leaf.privacy),
        leaf.since,
        _b64(leaf.review),
        _b64(leaf.consent_root),
        leaf.billed,
    )


def _b64(data: bytes) -> bytes:
    return b64encode(data).encode()


# Many leaves are of one second.
@lru_cache(maxsize=1 << 12)
def _time(text: bytes) -> datetime:
    return parse_time(text.decode())


# Most releases cost nothing, and many of the rest the same.
@lru_cache(maxsize=1 << 12)
def _units(text: bytes) -> int:
    return units_of(text.decode())


def decode_b64(text: bytes) -> bytes:
    """Return the bytes that `text`, base64url whose form was checked, is of."""
    return b64decode(text.decode())


@lru_cache
def _release(suite: Suite) -> "re.Pattern[bytes]":
    digest, token = _b64_of(DIGEST_BYTES), rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
    head = {"suite": re.escape(canonical.encode(suite.id)), "v": b"1"}
    request = head | {
        "type": b'"request"',
        "contract": _named("contract", digest),
        "request": _named("request", rb"[0-9a-f]{32}"),
        "kind": _named("kind", "|".join(sorted(KINDS)).encode()),
        "units": _number("units", _POSITIVE),
        "commitment": b'"%s"' % digest,
        "manifest": _named("manifest", digest + b"|"),
        "epoch": _number("epoch", b"0|" + _POSITIVE),
        "issued_at": _named("issued_at", _TIME),
    }
    leaf = head | {
        "type": b'"release"',
        "time": _named("time", _TIME),
        "job": b'"%s"' % token,
        "plan": _named("plan", digest),
        "leakage": _named("leakage", digest),
        "snapshot": _named("snapshot", digest),
        "request": b"(?P<statement>%s)" % _object(request),
        "signature": _named("signature", _b64_of(suite.signature_bytes)),
        "instance": _named("instance", digest),
        "release": _named("released", digest),
        "total": _number("total", _POSITIVE),
        "privacy": _named("privacy", rb"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{0,8}[1-9])?"),
    }
    optional = {
        "since": _number("since", _POSITIVE),
        "review": _named("review", digest),
        "consent_root": _named("consent_root", digest),
        "billed": _number("billed", b"0|" + _POSITIVE),
    }
    return re.compile(_object(leaf, optional))


def _object(
    fields: dict[str, bytes], optional: Mapping[str, bytes] = MappingProxyType({})
) -> bytes:
    """Return the pattern of an object; the last of its names is not optional, nor the only one."""
    found = []
    for name in sorted(fields.keys() | optional.keys()):
        if name in optional:
            found.append(b'(?:"%s":%s,)?' % (name.encode(), optional[name]))
        else:
            found.append(b'"%s":%s,' % (name.encode(), fields[name]))
    return rb"\{%s\}" % b"".join(found).removesuffix(b",")


def _named(name: str, pattern: bytes) -> bytes:
    return b'"(?P<%s>%s)"' % (name.encode(), pattern)


def _number(name: str, pattern: bytes) -> bytes:
    return b"(?P<%s>%s)" % (name.encode(), pattern)


def _b64_of(size: int) -> bytes:
    """Return the pattern of the base64url of `size` bytes: no stray bits in the last letter."""
    whole, rest = divmod(size, 3)
    last = {0: b"", 1: b"[A-Za-z0-9_-][AQgw]", 2: b"[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]"}
    return b"[A-Za-z0-9_-]{%d}%s" % (4 * whole, last[rest])
