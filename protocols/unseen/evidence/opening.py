"""Opening a hidden lookup: the buyer shows a third party whom it asked about and what it learnt.

The bundle holds what the receipt's commitments hide. Checked in order, each from what stands
before it:

    receipt      verifies (`verify.py`) and is of a lookup
    terms        are those of the receipt's contract and allow the release
    manifest     signed by the node of the receipt, the one that the request names, and of the
                 same contract, epoch, snapshot and outputs
    announcement the leaf `manifest.published` of this manifest is in the receipt's log, before
                 the release
    blinded      blinded[position] is blind * H(subject)              (RFC 9497 section 3.3.1)
    request      the request's commitment opens to `blinded`
    release      the release's commitment opens to `evaluated` and `dleq`
    dleq         `evaluated` is `blinded` under the manifest's key    (`oprf/dleq.py`: RFC 9497
                 section 2.2, with weights that depend on the whole batch)
    rows         the row with the subject's tag is in the manifest's table; or two adjacent rows,
                 or the row at an end, leave no place for it
    label        the row opens to one verdict for each output, or to something malformed, for
                 which the operator has to answer

It shows the third party this subject and this answer; the other subjects of the batch stay
hidden. Absence is as sound as the table's order, which whoever holds the table has checked
(`oprf_table.check_order`) and an opening does not show. That the log announced no second manifest
for the epoch is shown by the log, and that the two heads are of one history by `verify_growth`.
Nothing shows that labels are true.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.commitment import commit
from unseen.evidence.contract import Terms
from unseen.evidence.errors import (
    CanonicalError,
    ContractInvalidError,
    LeafInvalidError,
    ManifestInvalidError,
    OpeningInvalidError,
    ReceiptInvalidError,
    SignatureInvalidError,
)
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import encode_leaf
from unseen.evidence.manifest import MAX_ROWS, Manifest, published_leaf, verify_manifest
from unseen.evidence.suite import DIGEST_BYTES, Suite, suite_of
from unseen.evidence.trust import Trust
from unseen.evidence.verify import (
    VerifiedReceipt,
    verify_checkpoint,
    verify_growth,
    verify_receipt,
    verify_terms,
)
from unseen.protocols.errors import (
    InputInvalidError,
    MalformedMessageError,
    PeerError,
    SubjectInvalidError,
)
from unseen.protocols.lookup import oprf_table
from unseen.protocols.lookup.subject import Value, encode_subject, parse_value
from unseen.protocols.oprf import dleq
from unseen.protocols.oprf.client import recompute, unblind_one
from unseen.protocols.oprf.suite import MAX_BATCH
from unseen.protocols.tlog.proofs import verify_inclusion
from unseen.protocols.tlog.tree import Tree, leaf_hash

_CHECK = Checker(OpeningInvalidError, "opening")
_FIELDS = (
    "receipt",
    "terms",
    "manifest",
    "announcement",
    "subject",
    "position",
    "blind",
    "blinded",
    "evaluated",
    "dleq",
    "request_nonce",
    "release_nonce",
    "rows",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the encrypted table with its place and its path to the manifest's root."""

    index: int
    row: bytes = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A leaf `manifest.published`, its place, its path, and the signed head it leads to."""

    leaf: dict[str, Json]
    index: int
    proof: tuple[bytes, ...]
    checkpoint: str

    def to_json(self) -> dict[str, Json]:
        """Return the announcement as an object."""
        return {
            "leaf": self.leaf,
            "index": self.index,
            "proof": b64encode(b"".join(self.proof)),
            "checkpoint": self.checkpoint,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the announcement that `to_json` gives `value` for; nothing is verified.

        Raises:
            OpeningInvalidError: a field is missing, not known or of another type.

        """
        entry = _CHECK.take(value, ("leaf", "index", "proof", "checkpoint"), "announcement")
        if type(entry["leaf"]) is not dict:
            _CHECK.fail("announcement.leaf", "is not an object")
        _CHECK.integer("announcement.index", entry["index"], 0)
        if type(entry["checkpoint"]) is not str:
            _CHECK.fail("announcement.checkpoint", "is not text")
        proof = _hashes("announcement.proof", entry["proof"])
        return cls(
            leaf=entry["leaf"], index=entry["index"], proof=proof, checkpoint=entry["checkpoint"]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an opening proves. Only `verify_opening` makes one.

    `verdicts` maps each output to true, false, or None for "no usable result"; all are None
    where the subject was not `found`, since being absent and not being permitted look the same,
    and where its label was `malformed`: the operator has put into its table what says nothing.
    """

    subject: tuple[Value, ...] = field(repr=False)
    verdicts: Mapping[str, bool | None]
    found: bool
    malformed: bool
    receipt: VerifiedReceipt
    terms: Terms
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bundle:
    """An opening taken apart, every field of the right shape and nothing yet believed."""

    receipt: str
    manifest: str
    announcement: Announcement
    subject: tuple[str, ...]
    position: int
    blind: bytes
    blinded: tuple[bytes, ...]
    evaluated: tuple[bytes, ...]
    dleq: bytes
    request_nonce: bytes
    release_nonce: bytes
    rows: tuple[Row, ...]


def make_opening(  # noqa: PLR0913 - one for each field of the bundle, by name
    *,
    receipt: str,
    terms: Terms,
    manifest: str,
    announcement: Announcement,
    subject: Sequence[str],
    position: int,
    blind: bytes,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
    dleq: bytes,
    request_nonce: bytes,
    release_nonce: bytes,
    rows: Sequence[Row],
) -> dict[str, Json]:
    """Return the bundle that opens the subject at `position` of a batch.

    `receipt` and `manifest` are the signed tokens, `announcement` is how the log announced the
    manifest, `subject` the values as text, `blind` the scalar of that position, `blinded`,
    `evaluated` and `dleq` the batch as it was sent and answered, `rows` what `prove_rows`
    returns. Verify the bundle before handing it out.
    """
    return head("opening", terms.suite) | {
        "receipt": receipt,
        "terms": terms.to_json(),
        "manifest": manifest,
        "announcement": announcement.to_json(),
        "subject": list(subject),
        "position": position,
        "blind": b64encode(blind),
        "blinded": [b64encode(element) for element in blinded],
        "evaluated": [b64encode(element) for element in evaluated],
        "dleq": b64encode(dleq),
        "request_nonce": b64encode(request_nonce),
        "release_nonce": b64encode(release_nonce),
        "rows": [
            {"index": row.index, "row": b64encode(row.row), "path": b64encode(b"".join(row.path))}
            for row in rows
        ],
    }


def prove_rows(manifest: Manifest, table: oprf_table.Table, output: bytes) -> tuple[Row, ...]:
    """Return the rows that show what `table` says about the subject with this OPRF output.

    One row where the subject is in the table; otherwise its neighbours. Hashes the whole table
    once and takes 64 bytes of memory a row.

    Raises:
        OpeningInvalidError: the table is not the manifest's.
        InputInvalidError: the output has not 64 bytes.

    """
    suite, size = suite_of(manifest.suite), manifest.row_bytes
    tree = Tree(suite.hash)
    for start in range(0, len(table), size):
        tree.append(leaf_hash(bytes(table[start : start + size]), suite.hash))
    if tree.root() != manifest.root:
        _CHECK.fail("rows", "are not the manifest's")
    place = oprf_table.find(manifest.parameters(), table, output)
    if isinstance(place, oprf_table.Found):
        indices: tuple[int, ...] = (place.index,)
    else:
        indices = tuple(index for index in (place.left, place.right) if index is not None)
    return tuple(
        Row(
            index,
            bytes(table[index * size : (index + 1) * size]),
            tuple(tree.inclusion_proof(index)),
        )
        for index in indices
    )


def verify_opening(bundle: Json, trust: Trust) -> Opened:
    """Return what `bundle` proves to someone who trusts `trust`.

    Raises:
        OpeningInvalidError: a check fails; `what` names it.
        ReceiptInvalidError: the receipt within is invalid.
        SignatureInvalidError: a signature of the receipt or of the manifest fails.
        LogForkedError: release and announcement hang in two histories of the log.
        TrustMissingError: node, log or buyer is not in the trust file.
        SuiteUnknownError: the opening is of a suite that is not known here.

    """
    body = _CHECK.body(bundle, "opening", _FIELDS)
    suite = suite_of(body["suite"])
    opening = _parse(body)
    receipt = verify_receipt(opening.receipt, trust)
    if receipt.kind != "lookup" or receipt.suite != suite.id:
        _CHECK.fail("receipt", "is not of a lookup under the opening's suite")
    terms = _terms(body["terms"], receipt)
    manifest = _manifest(opening, receipt, terms, trust)
    _announced(opening.announcement, manifest, receipt, trust)
    subject, data = _subject(opening, manifest)
    _commitments(opening, receipt, suite)
    with _named("dleq"):
        dleq.verify(manifest.public_key, opening.blinded, opening.evaluated, opening.dleq)
        output = unblind_one(data, opening.blind, opening.evaluated[opening.position])
    label = _label(opening.rows, manifest, output, suite)
    verdicts, malformed = _verdicts(label, manifest.outputs)
    return Opened(
        subject=subject,
        verdicts=MappingProxyType(verdicts),
        found=label is not None,
        malformed=malformed,
        receipt=receipt,
        terms=terms,
        manifest=manifest,
    )


def _parse(body: dict[str, Any]) -> _Bundle:
    for name in ("receipt", "manifest"):
        if type(body[name]) is not str:
            _CHECK.fail(name, "is not text")
    blinded, evaluated = (_elements(name, body[name]) for name in ("blinded", "evaluated"))
    if not 1 <= len(blinded) <= MAX_BATCH or len(evaluated) != len(blinded):
        _CHECK.fail("blinded", f"and evaluated are not 1 to {MAX_BATCH} pairs")
    _CHECK.integer("position", body["position"], 0, len(blinded) - 1)
    texts = _CHECK.unlist("subject", body["subject"])
    if not all(type(text) is str for text in texts):
        _CHECK.fail("subject", "holds more than texts")
    return _Bundle(
        receipt=body["receipt"],
        manifest=body["manifest"],
        announcement=Announcement.from_json(body["announcement"]),
        subject=tuple(texts),
        position=body["position"],
        blind=_octets("blind", body["blind"], 32),
        blinded=blinded,
        evaluated=evaluated,
        dleq=_octets("dleq", body["dleq"], dleq.PROOF_BYTES),
        request_nonce=_octets("request_nonce", body["request_nonce"], 32),
        release_nonce=_octets("release_nonce", body["release_nonce"], 32),
        rows=tuple(map(_row, _CHECK.unlist("rows", body["rows"]))),
    )


def _octets(name: str, value: Json, size: int) -> bytes:
    data = _CHECK.unb64(name, value)
    _CHECK.octets(name, data, size)
    return data


def _elements(name: str, value: Json) -> tuple[bytes, ...]:
    return tuple(_octets(name, item, 32) for item in _CHECK.unlist(name, value))


def _row(value: Json) -> Row:
    entry = _CHECK.take(value, ("index", "row", "path"), "rows")
    _CHECK.integer("rows.index", entry["index"], 0, MAX_ROWS)
    row = _CHECK.unb64("rows.row", entry["row"])
    return Row(entry["index"], row, _hashes("rows.path", entry["path"]))


def _hashes(name: str, value: Json) -> tuple[bytes, ...]:
    data = _CHECK.unb64(name, value)
    return tuple(data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES))


def _terms(value: Json, receipt: VerifiedReceipt) -> Terms:
    with _named("terms"):
        terms = Terms.from_json(value)
        verify_terms(receipt, terms)
    return terms


def _manifest(opening: _Bundle, receipt: VerifiedReceipt, terms: Terms, trust: Trust) -> Manifest:
    with _named("manifest"):
        node = trust.party(receipt.node_key, "node")
        manifest = verify_manifest(opening.manifest, suite_of(node.suite), node.key)
    if manifest.id() != receipt.manifest:
        _CHECK.fail("manifest", "is not the one that the request names")
    found = (manifest.contract, manifest.epoch, manifest.snapshot)
    if found != (receipt.contract, receipt.epoch, receipt.snapshot):
        _CHECK.fail("manifest", "is not of the receipt's contract, epoch and snapshot")
    if manifest.outputs != terms.outputs:
        _CHECK.fail("manifest", "does not have the outputs of the contract, in their order")
    if receipt.time >= manifest.until:
        _CHECK.fail("manifest", "had ended at the time of the release")
    return manifest


def _announced(
    found: Announcement, manifest: Manifest, receipt: VerifiedReceipt, trust: Trust
) -> None:
    """Return if the receipt's log announced `manifest` before the release."""
    suite = suite_of(receipt.suite)
    with _named("announcement"):
        checkpoint = verify_checkpoint(found.checkpoint, trust)
        if checkpoint.origin != receipt.origin:
            _CHECK.fail("announcement", "is in another log than the release")
        data = encode_leaf(found.leaf)
        hashed = leaf_hash(data, suite.hash)
        verify_inclusion(
            hashed, found.index, checkpoint.size, found.proof, checkpoint.root, suite.hash
        )
        time = _CHECK.untime("announcement.time", found.leaf.get("time"))
        # As bytes: true would equal 1.
        if data != encode_leaf(published_leaf(manifest, time)):
            _CHECK.fail("announcement", "is not that of the manifest")
    if found.index >= receipt.index:
        _CHECK.fail("announcement", "does not come before the release")
    if checkpoint.size == receipt.size:
        verify_growth(receipt.checkpoint, checkpoint, (), suite)


def _subject(opening: _Bundle, manifest: Manifest) -> tuple[tuple[Value, ...], bytes]:
    if len(opening.subject) != len(manifest.subject):
        _CHECK.fail("subject", "has not one value for each subject column")
    with _named("subject"):
        pairs = zip(manifest.subject, opening.subject, strict=True)
        values = tuple(parse_value(column, text) for column, text in pairs)
        if any(str(value) != text for value, text in zip(values, opening.subject, strict=True)):
            _CHECK.fail("subject", "is not written in its one way")
        data = encode_subject(manifest.subject, values, manifest.parameters().domain)
    with _named("blinded"):
        element = recompute(data, opening.blind)
    if element != opening.blinded[opening.position]:
        _CHECK.fail("blinded", "does not hide this subject at this position")
    return values, data


def _commitments(opening: _Bundle, receipt: VerifiedReceipt, suite: Suite) -> None:
    if commit(suite, opening.request_nonce, opening.blinded) != receipt.commitment:
        _CHECK.fail("request", "was not for these blinded elements")
    released = (*opening.evaluated, opening.dleq)
    if commit(suite, opening.release_nonce, released) != receipt.release:
        _CHECK.fail("release", "was not of these evaluated elements")


def _label(rows: tuple[Row, ...], manifest: Manifest, output: bytes, suite: Suite) -> bytes | None:
    """Return the subject's label, or None where `rows` show that the table has no such row."""
    for row in rows:
        if len(row.row) != manifest.row_bytes:
            _CHECK.fail("rows", "are not of the manifest's row size")
        with _named("rows"):
            hashed = leaf_hash(row.row, suite.hash)
            verify_inclusion(hashed, row.index, manifest.rows, row.path, manifest.root, suite.hash)
    parameters = manifest.parameters()
    tag = oprf_table.row_tag(parameters, output)
    tags = [row.row[: oprf_table.TAG_BYTES] for row in rows]
    if tags == [tag]:
        return oprf_table.open_row(parameters, output, rows[0].row)
    # Absent: the rows shown are everything that could stand next to the tag, left then right.
    left = [row.index for row, found in zip(rows, tags, strict=True) if found < tag]
    right = [row.index for row, found in zip(rows, tags, strict=True) if found > tag]
    if len(left) > 1 or len(right) > 1 or [row.index for row in rows] != left + right:
        _CHECK.fail("rows", "do not lie on either side of the subject's place")
    before = left[0] if left else -1
    after = right[0] if right else manifest.rows
    if after != before + 1:
        _CHECK.fail("rows", "leave room for the subject between them")
    return None


def _verdicts(label: bytes | None, outputs: tuple[str, ...]) -> tuple[dict[str, bool | None], bool]:
    """Return the verdicts of a label, or of the lack of one, and whether it is malformed."""
    silent: dict[str, bool | None] = dict.fromkeys(outputs)
    if label is None:
        return silent, False
    try:
        verdicts = oprf_table.unpack_verdicts(label, len(outputs))
    except MalformedMessageError:
        return silent, True
    return dict(zip(outputs, verdicts, strict=True)), False


@contextmanager
def _named(check: str) -> Iterator[None]:
    """Let an error of the block say which check it failed."""
    try:
        yield
    except SignatureInvalidError:
        raise SignatureInvalidError(
            f"opening: the signature of check {check} does not verify", clause=check
        ) from None
    except (
        CanonicalError,
        ContractInvalidError,
        InputInvalidError,
        LeafInvalidError,
        ManifestInvalidError,
        PeerError,
        ReceiptInvalidError,
        SubjectInvalidError,
    ) as error:
        raise OpeningInvalidError(f"opening, check {check}: {error}", clause=check) from None
