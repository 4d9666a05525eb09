"""The manifest of an epoch: what a buyer's client may believe about an encrypted table.

The node signs it and logs its digest before it answers the first query, and every request names
that digest, so all buyers of a contract use one key and one table, and an opening can be checked
against the table's Merkle root. `root` is the RFC 6962 root over the rows, `digest` the hash of
the whole table's bytes. Where the table itself stays with its owner (`lwe_pir`), what is fetched in
its place is the hint: a row for each of its blocks, which names the block's nonce and digest. Such
a table may be built again under the key that the epoch has, over a newer snapshot: a further build,
whose manifest takes the place of the one before (`build_fault`).

It does not prove that the labels are true of the snapshot: that is the operator's word.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.contracts.plan import (
    MAX_OUTPUTS,
    check_columns,
    check_match,
    columns_from_json,
    columns_to_json,
)
from unseen.evidence.errors import ManifestInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import Signer, Suite, suite_of
from unseen.protocols.errors import ElementInvalidError
from unseen.protocols.group import ristretto255
from unseen.protocols.lookup.lwe_pir.parameters import DEFAULT_WIDTHS, MAX_BLOCKS, Shape
from unseen.protocols.lookup.oprf_table import (
    TAG_BYTES,
    TableParameters,
    epoch_domain,
    label_bytes_for,
)
from unseen.protocols.lookup.subject import SubjectColumn

TYP = "unseen-manifest"
PROTOCOL = "oprf_table"
HIDDEN_TABLE = "lwe_pir"
PROTOCOLS = (PROTOCOL, HIDDEN_TABLE)
# RFC 9497's suite, but for the weights of a batch proof: see `protocols/oprf/dleq.py`.
CIPHERSUITE = "ristretto255-SHA512/batch"
MAX_ROWS = 1 << 40
MAX_BUILDS = 32  # under one key
MAX_BUILD_AGE = timedelta(days=31)  # of a key when its last build is announced

_CHECK = Checker(ManifestInvalidError, "manifest")
_FIELDS = (
    "contract",
    "epoch",
    "protocol",
    "ciphersuite",
    "public_key",
    "rows",
    "row_bytes",
    "label_bytes",
    "nonce",
    "snapshot",
    "snapshot_at",
    "root",
    "digest",
    "subject",
    "outputs",
    "until",
)
_OPTIONAL = ("consent_root", "width", "match", "build")
# What a build leaves as the build before had it; root and digest differ where rows do.
_KEPT = (
    "suite",
    "contract",
    "epoch",
    "protocol",
    "ciphersuite",
    "public_key",
    "rows",
    "row_bytes",
    "label_bytes",
    "width",
    "subject",
    "outputs",
    "match",
    "until",
    "consent_root",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One epoch of one contract. Errors: `ManifestInvalidError`.

    `contract`, `public_key` (a ristretto255 element), `nonce`, `snapshot`, `root` and `digest`
    are 32 bytes. The table has `rows` rows of `row_bytes` bytes; a label holds the verdicts of
    `outputs`, in that order. Queries are answered before `until`. `consent_root` is the root of
    the tree of consents that the rows were chosen by, 32 bytes, where the contract wants consent.
    `width` is how many cells a block of a hidden table has, 0 where the table is sent.
    `match` names the columns of the id, where whole tuples are matched (`lookup/match.py`).
    `build` counts the builds of a hidden table under the epoch's key, from 1.
    """

    suite: str
    contract: bytes
    epoch: int
    public_key: bytes
    rows: int
    row_bytes: int
    label_bytes: int
    nonce: bytes
    snapshot: bytes
    snapshot_at: datetime
    root: bytes
    digest: bytes
    subject: tuple[SubjectColumn, ...]
    outputs: tuple[str, ...]
    until: datetime
    protocol: str = PROTOCOL
    ciphersuite: str = CIPHERSUITE
    consent_root: bytes = b""
    width: int = 0
    match: tuple[str, ...] = ()
    build: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        suite = _CHECK.suite(self.suite)
        for field in ("contract", "public_key", "nonce", "snapshot", "root", "digest"):
            _CHECK.octets(field, getattr(self, field))
        _CHECK.integer("epoch", self.epoch, 1)
        _CHECK.choice("protocol", self.protocol, PROTOCOLS)
        _CHECK.choice("ciphersuite", self.ciphersuite, (CIPHERSUITE,))
        try:
            ristretto255.check_element(self.public_key)
        except ElementInvalidError:
            _CHECK.fail("public_key", "is not an element of the group")
        _CHECK.members("outputs", self.outputs, str, MAX_OUTPUTS, 1)
        for output in self.outputs:
            _CHECK.name("outputs", output)
        _CHECK.distinct("outputs", self.outputs)
        size = label_bytes_for(len(self.outputs))
        _CHECK.integer("label_bytes", self.label_bytes, size, size)
        if self.protocol == HIDDEN_TABLE:
            self._check_hidden()
        else:
            self._check_sent(suite)
        check_columns(_CHECK, "subject", self.subject)
        if not self.subject:
            _CHECK.fail("subject", "has no column")
        _CHECK.time("snapshot_at", self.snapshot_at)
        _CHECK.time("until", self.until)
        if self.consent_root != b"":
            _CHECK.octets("consent_root", self.consent_root)
        check_match(_CHECK, self.match, self.subject, self.outputs)

    def _check_sent(self, suite: Suite) -> None:
        size = TAG_BYTES + self.label_bytes
        _CHECK.integer("width", self.width, 0, 0)
        _CHECK.integer("build", self.build, 1, 1)
        _CHECK.integer("rows", self.rows, 0, MAX_ROWS)
        if self.rows == 0 and (self.root, self.digest) != (suite.digest(b""),) * 2:
            _CHECK.fail("root", "or digest is not that of a table without rows")
        _CHECK.integer("row_bytes", self.row_bytes, size, size)

    def _check_hidden(self) -> None:
        if type(self.width) is not int or self.width not in DEFAULT_WIDTHS:
            _CHECK.fail("width", f"is none of {', '.join(map(str, DEFAULT_WIDTHS))}")
        _CHECK.integer("build", self.build, 1, MAX_BUILDS)
        _CHECK.integer("rows", self.rows, 1, MAX_BLOCKS)
        size = self.shape().hint_row_bytes
        _CHECK.integer("row_bytes", self.row_bytes, size, size)

    def to_json(self) -> dict[str, Json]:
        """Return the manifest; consents, width and id only where there are any, build from 2 on."""
        agreed: dict[str, Json] = {}
        if self.consent_root:
            agreed["consent_root"] = b64encode(self.consent_root)
        if self.width:
            agreed["width"] = self.width
        if self.match:
            agreed["match"] = list(self.match)
        if self.build > 1:
            agreed["build"] = self.build
        return self._fixed() | agreed

    def _fixed(self) -> dict[str, Json]:
        return head("manifest", self.suite) | {
            "contract": b64encode(self.contract),
            "epoch": self.epoch,
            "protocol": self.protocol,
            "ciphersuite": self.ciphersuite,
            "public_key": b64encode(self.public_key),
            "rows": self.rows,
            "row_bytes": self.row_bytes,
            "label_bytes": self.label_bytes,
            "nonce": b64encode(self.nonce),
            "snapshot": b64encode(self.snapshot),
            "snapshot_at": format_time(self.snapshot_at),
            "root": b64encode(self.root),
            "digest": b64encode(self.digest),
            "subject": columns_to_json(self.subject),
            "outputs": list(self.outputs),
            "until": format_time(self.until),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the manifest that `to_json` gives `value` for.

        Raises:
            ManifestInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "manifest", _FIELDS, _OPTIONAL)
        root = _CHECK.unb64("consent_root", body.get("consent_root", ""))
        if "consent_root" in body and not root:
            _CHECK.fail("consent_root", "is written down and says nothing")
        width = body.get("width", 0)
        if "width" in body and not width:
            _CHECK.fail("width", "is written down and says nothing")
        match = tuple(_CHECK.unlist("match", body.get("match", [])))
        if "match" in body and not match:
            _CHECK.fail("match", "is written down and says nothing")
        build = body.get("build", 1)
        if "build" in body and build in (0, 1):
            _CHECK.fail("build", "is written down and says nothing")
        own = {name: body[name] for name in _FIELDS} | {
            "subject": columns_from_json(_CHECK, "subject", body["subject"]),
            "outputs": tuple(_CHECK.unlist("outputs", body["outputs"])),
        }
        for name in ("contract", "public_key", "nonce", "snapshot", "root", "digest"):
            own[name] = _CHECK.unb64(name, body[name])
        for name in ("snapshot_at", "until"):
            own[name] = _CHECK.untime(name, body[name])
        agreed = {"consent_root": root, "width": width, "match": match, "build": build}
        return cls(suite=body["suite"], **agreed, **own)

    def id(self) -> bytes:
        """Return the hash of the canonical manifest, 32 bytes: what a request names."""
        return suite_of(self.suite).digest(canonical.encode(self.to_json()))

    def domain(self) -> bytes:
        """Return the domain of this epoch's subjects and rows."""
        return epoch_domain(self.contract, self.epoch)

    def parameters(self) -> TableParameters:
        """Return what a client needs to find and open rows of a table that is sent.

        Raises:
            ManifestInvalidError: the table is not sent.

        """
        if self.protocol != PROTOCOL:
            _CHECK.fail("protocol", "is not that of a table that is sent")
        return TableParameters(domain=self.domain(), nonce=self.nonce, label_bytes=self.label_bytes)

    def shape(self) -> Shape:
        """Return what a client needs to ask a hidden table.

        Raises:
            ManifestInvalidError: the table is sent.

        """
        if self.protocol != HIDDEN_TABLE:
            _CHECK.fail("protocol", "is not that of a hidden table")
        return Shape(self.rows, self.width, self.label_bytes)


def build_fault(before: Manifest, after: Manifest) -> str:
    """Return which field of `after` says that it is no later build of `before`; else nothing.

    A later build has the same key, shape, contract and consents, and rows of a newer snapshot under
    a nonce of its own.
    """
    if after.build <= before.build:
        return "build"
    for name in _KEPT:
        if getattr(before, name) != getattr(after, name):
            return name
    if after.snapshot == before.snapshot or after.snapshot_at < before.snapshot_at:
        return "snapshot"
    return "nonce" if after.nonce == before.nonce else ""


def published_leaf(manifest: Manifest, time: datetime) -> dict[str, Json]:
    """Return the leaf by which the log says that the node stands by `manifest` since `time`."""
    fields: dict[str, Json] = {
        "contract": b64encode(manifest.contract),
        "epoch": manifest.epoch,
        "manifest": b64encode(manifest.id()),
        "snapshot": b64encode(manifest.snapshot),
        "root": b64encode(manifest.root),
    }
    return event_leaf(suite_of(manifest.suite), "manifest.published", time, fields)


def sign_manifest(signer: Signer, manifest: Manifest) -> str:
    """Return `manifest` signed by the node.

    Raises:
        ManifestInvalidError: it names another suite than the signer's.

    """
    if manifest.suite != signer.suite.id:
        _CHECK.fail("suite", "is not the signer's")
    return jws.sign(signer, TYP, manifest.to_json())


def verify_manifest(token: str, suite: Suite, public_key: bytes) -> Manifest:
    """Return the manifest that the node with `public_key` signed.

    Raises:
        ManifestInvalidError: it is malformed or names another suite.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    payload = jws.verify(token, typ=TYP, suite=suite, public_key=public_key)
    manifest = Manifest.from_json(payload)
    if manifest.suite != suite.id:
        _CHECK.fail("suite", "is not the node's")
    return manifest
