"""The leaves of the log: canonical JSON of what happened, each under 4096 bytes.

A release leaf has a fixed form, since bills and receipts are computed from it. Event leaves
share a frame of `v`, `suite`, `type` and `time`, and each type carries its own fields. What could
identify a person or be guessed is never in a leaf, except as a commitment.

A leaf in the log says that the node claimed it at that place. The signatures inside say more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.errors import LeafInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.releases.request import MAX_HELD_AGE, MAX_REQUEST_AGE, Request
from unseen.evidence.suite import Suite

MAX_LEAF_BYTES = 4095
RELEASE = "release"
EVENTS = frozenset(
    {
        "node.started",
        "node.stopped",
        "node.resumed",
        "stop.lifted",
        "job.started",
        "job.finished",
        "job.failed",
        "job.cancelled",
        "party.enrolled",
        "party.revoked",
        "instance.registered",
        "table.registered",
        "table.labelled",
        "table.held",
        "product.registered",
        "rules.loaded",
        "template.added",
        "template.approved",
        "template.withdrawn",
        "contract.proposed",
        "contract.approved",
        "contract.activated",
        "contract.suspended",
        "contract.resumed",
        "contract.revoked",
        "contract.expired",
        "contract.exhausted",
        "release.reviewed",
        "release.mode_set",
        "manifest.published",
        "objection.answered",
        "objection.closed",
        "objection.opened",
        "opening.answered",
        "opening.drawn",
        "opening.ordered",
        "epoch.closed",
        "mandate.registered",
        "mandate.withdrawn",
        "table.mandated",
        "certificate.issued",
        "certificate.transferred",
        "table.audited",
        "table.replayed",
        "node.handover",
        "node.takeover",
        "quota.inherited",
        "deletion.attested",
        "consent.root",
        "privacy.budget",
        "privacy.inherited",
        "privacy.raised",
    }
)

_CHECK = Checker(LeafInvalidError, "leaf")
_FRAME = frozenset({"v", "suite", "type", "time"})
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_RELEASE_FIELDS = (
    "time",
    "job",
    "plan",
    "leakage",
    "snapshot",
    "request",
    "signature",
    "instance",
    "release",
    "total",
    "privacy",
)
_RELEASE_OPTIONAL = ("since", "review", "consent_root", "billed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLeaf:
    """One release: the request as the buyer's instance signed it, and what was let out.

    `plan`, `leakage` and `snapshot` are hashes and `release` a commitment, 32 bytes each.
    `signature` is the instance's over `request`, `instance` the name of its key. `total` counts the
    contract's units in log order, this release included. `privacy` is the rho that it cost (zCDP;
    it adds up, epsilon does not), as a decimal text. Where the release came later than a request
    may be old, `since` is the index of the earlier leaf that holds the request; where a person let
    it out, `review` is the id of the signed decision, 32 bytes. `consent_root` is the root of the
    tree of consents that the release was made under, 32 bytes, where the contract wants consent.
    `billed` is how many of the units were a hit, where the contract bills those. None of the four
    is written where there is none.
    Errors: `LeafInvalidError`.
    """

    suite: str
    time: datetime
    job: str
    plan: bytes
    leakage: bytes
    snapshot: bytes
    request: Request
    signature: bytes
    instance: str
    release: bytes
    total: int
    privacy: str = "0"
    since: int = 0
    review: bytes = b""
    consent_root: bytes = b""
    billed: int | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        suite = _CHECK.suite(self.suite)
        _CHECK.time("time", self.time)
        _CHECK.token("job", self.job)
        for field in ("plan", "leakage", "snapshot", "release"):
            _CHECK.octets(field, getattr(self, field))
        if type(self.request) is not Request or self.request.suite != self.suite:
            _CHECK.fail("request", "is not a statement of the leaf's suite")
        _CHECK.octets("signature", self.signature, suite.signature_bytes)
        _CHECK.key_id("instance", self.instance)
        _CHECK.integer("total", self.total, self.request.units)
        _CHECK.decimal("privacy", self.privacy)
        _CHECK.integer("since", self.since, 0)
        if self.review != b"":
            _CHECK.octets("review", self.review)
        if self.consent_root != b"":
            _CHECK.octets("consent_root", self.consent_root)
        if self.billed is not None:
            _CHECK.integer("billed", self.billed, 0, self.request.units)

    @property
    def window(self) -> timedelta:
        """How much later than its request a release may be: longer, where `since` holds it."""
        return MAX_HELD_AGE if self.since else MAX_REQUEST_AGE

    @property
    def timely(self) -> bool:
        """Return whether request and release are as near in time as they have to be.

        Not checked when a leaf is read, so that one that breaks it can be read, and shown.
        """
        return -MAX_REQUEST_AGE <= self.time - self.request.issued_at <= self.window

    def to_json(self) -> dict[str, Json]:
        """Return the leaf as an object."""
        return self._own() | {"request": self.request.to_json()}

    def encode(self) -> bytes:
        """Return the canonical bytes of the leaf, as the log hashes them.

        Raises:
            LeafInvalidError: there are more than 4095.

        """
        # The statement's bytes are known: it was decoded from them, signed and hashed.
        return _limited(canonical.encode_around(self._own(), "request", self.request.bytes()))

    def _own(self) -> dict[str, Json]:
        held: dict[str, Json] = {}
        if self.since:
            held["since"] = self.since
        if self.review:
            held["review"] = b64encode(self.review)
        if self.consent_root:
            held["consent_root"] = b64encode(self.consent_root)
        if self.billed is not None:
            held["billed"] = self.billed
        return self._fixed() | held

    def _fixed(self) -> dict[str, Json]:
        return head(RELEASE, self.suite) | {
            "time": format_time(self.time),
            "job": self.job,
            "plan": b64encode(self.plan),
            "leakage": b64encode(self.leakage),
            "snapshot": b64encode(self.snapshot),
            "signature": b64encode(self.signature),
            "instance": self.instance,
            "release": b64encode(self.release),
            "total": self.total,
            "privacy": self.privacy,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the leaf that `to_json` gives `value` for.

        Raises:
            LeafInvalidError: a field is missing, not known, of another type or out of range.
            RequestInvalidError: so is one of the statement within.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, RELEASE, _RELEASE_FIELDS, _RELEASE_OPTIONAL)
        for name in _RELEASE_OPTIONAL[:-1]:
            if name in body and not body[name]:  # or one leaf could be written in two ways
                _CHECK.fail(name, "is written down and says nothing")
        if "billed" in body:
            _CHECK.integer("billed", body["billed"], 0)
        raw = ("plan", "leakage", "snapshot", "signature", "release")
        return cls(
            suite=body["suite"],
            time=_CHECK.untime("time", body["time"]),
            job=body["job"],
            request=Request.from_json(body["request"]),
            instance=body["instance"],
            total=body["total"],
            privacy=body["privacy"],
            since=body.get("since", 0),
            review=_CHECK.unb64("review", body.get("review", "")),
            consent_root=_CHECK.unb64("consent_root", body.get("consent_root", "")),
            billed=body.get("billed"),
            **{field: _CHECK.unb64(field, body[field]) for field in raw},
        )


def event_leaf(
    suite: Suite, kind: str, time: datetime, fields: Mapping[str, Json]
) -> dict[str, Json]:
    """Return the leaf of an event of type `kind`, one of `EVENTS`.

    `fields` are the event's own, named in lower case; none may take the place of the frame's.

    Raises:
        LeafInvalidError: another type, a name that is malformed or taken, or too many bytes.
        CanonicalError: a value has no canonical form, or `time` is not in UTC.

    """
    _CHECK.choice("type", kind, EVENTS)
    for name in fields:
        if not _FIELD_NAME.fullmatch(name) or name in _FRAME:
            _CHECK.fail("fields", "have a malformed or a taken name")
    leaf = head(kind, suite.id) | {"time": format_time(time)} | dict(fields)
    encode_leaf(leaf)
    return leaf


def encode_leaf(leaf: dict[str, Json]) -> bytes:
    """Return the canonical bytes of `leaf`, as the log hashes them.

    Raises:
        LeafInvalidError: there are more than 4095.
        CanonicalError: a value has no canonical form.

    """
    return _limited(canonical.encode(leaf))


def decode_leaf(data: bytes) -> dict[str, Json]:
    """Return the leaf, of either form, whose canonical bytes are `data`.

    Raises:
        LeafInvalidError: the frame or a release's fields are malformed, or too many bytes.
        CanonicalError: `data` is not canonical JSON.
        RequestInvalidError: a release's request is malformed.
        SuiteUnknownError: the suite is not known here.

    """
    leaf = canonical.decode(_limited(data))
    if not isinstance(leaf, dict):
        _CHECK.fail("document", "is not an object")
    if leaf.get("type") == RELEASE:
        ReleaseLeaf.from_json(leaf)
        return leaf
    kind = leaf.get("type")
    _CHECK.choice("type", kind, EVENTS)
    body = _CHECK.body(leaf, str(kind), ["time", *(leaf.keys() - _FRAME)])
    time = _CHECK.untime("time", body["time"])
    own = {name: item for name, item in leaf.items() if name not in _FRAME}
    event_leaf(_CHECK.suite(body["suite"]), str(kind), time, own)
    return leaf


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_LEAF_BYTES:
        _CHECK.fail("document", f"exceeds {MAX_LEAF_BYTES} bytes")
    return data
