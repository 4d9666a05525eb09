"""Opening a hidden lookup: the buyer shows a third party whom it asked about and what it learnt.

The bundle holds what the receipt's commitments hide. Checked in order, each from what stands
before it:

    receipt      verifies (`verify.py`) and is of a lookup
    terms        are those of the receipt's contract and allow the release
    manifest     signed by the node of the receipt, the one that the request names, and of the
                 same contract, epoch, snapshot, root of consents and outputs
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

Of a match (`lookup/match.py`) a subject is two points, the whole tuple's at `blinded[2 * position]`
and its id's behind it: from blinded on, each check is of both, and the two labels make the verdict.

Of a table that stays with its owner, `hidden_table.py` says what stands in the place of rows and
label: the query, and what the node signed that it answered.

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

from unseen.evidence.canonical import Json
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.errors import (
    AnswersInvalidError,
    CanonicalError,
    ContractInvalidError,
    LeafInvalidError,
    ManifestInvalidError,
    OpeningInvalidError,
    ReceiptInvalidError,
    SignatureInvalidError,
)
from unseen.evidence.fields import head
from unseen.evidence.log import encode_leaf
from unseen.evidence.logged import Headed
from unseen.evidence.oversight import hidden_table
from unseen.evidence.oversight.hidden import (
    BATCH_FIELDS,
    BATCH_OPTIONAL,
    CHECK,
    ITEM_FIELDS,
    ITEM_OPTIONAL,
    Batch,
    Item,
    Point,
    Row,
    Sent,
    parse_batch,
    parse_item,
)
from unseen.evidence.oversight.hidden_answer import Answered
from unseen.evidence.releases.manifest import (
    HIDDEN_TABLE,
    Manifest,
    published_leaf,
    verify_manifest,
)
from unseen.evidence.suite import Suite, suite_of
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
from unseen.protocols.lookup.match import encode_points, match_of
from unseen.protocols.lookup.subject import Value, parse_value
from unseen.protocols.oprf import dleq
from unseen.protocols.oprf.client import recompute, unblind_one
from unseen.protocols.tlog.proofs import verify_inclusion
from unseen.protocols.tlog.tree import Tree, leaf_hash

__all__ = [
    "Batch",
    "Item",
    "Opened",
    "Point",
    "Row",
    "RowProver",
    "check_items",
    "make_opening",
    "prove_rows",
    "verify_opening",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an opening proves of one subject. Only this module makes one.

    `verdicts` maps each output to true, false, or None for "no usable result"; all are None
    where the subject was not `found`, since being absent and not being permitted look the same,
    and where its label was `malformed`: the operator has put into its table what says nothing.
    `plan` is the contract's, where the bundle carries it.
    """

    subject: tuple[Value, ...] = field(repr=False)
    position: int
    verdicts: Mapping[str, bool | None]
    found: bool
    malformed: bool
    receipt: VerifiedReceipt
    terms: Terms
    manifest: Manifest
    plan: Plan | None = None


class RowProver:
    """Shows what a table says about subjects. Hashes the table once: 64 bytes of memory a row."""

    def __init__(self, manifest: Manifest, table: oprf_table.Table) -> None:
        """Hash `table`.

        Raises:
            OpeningInvalidError: it is not the manifest's.

        """
        self._manifest, self._table = manifest, table
        suite, size = suite_of(manifest.suite), manifest.row_bytes
        self._tree = Tree(suite.hash)
        for start in range(0, len(table), size):
            self._tree.append(leaf_hash(bytes(table[start : start + size]), suite.hash))
        if self._tree.root() != manifest.root:
            CHECK.fail("rows", "are not the manifest's")

    def rows(self, output: bytes) -> tuple[Row, ...]:
        """Return the row of the subject with this OPRF output, or its neighbours if it has none.

        Of a table that stays with its owner it is the hint row of the subject's block.

        Raises:
            InputInvalidError: the output has not 64 bytes.

        """
        if self._manifest.protocol == HIDDEN_TABLE:
            return (self._row(hidden_table.block_of(self._manifest, output)),)
        place = oprf_table.find(self._manifest.parameters(), self._table, output)
        if isinstance(place, oprf_table.Found):
            return (self._row(place.index),)
        return tuple(self._row(index) for index in (place.left, place.right) if index is not None)

    def _row(self, index: int) -> Row:
        size = self._manifest.row_bytes
        row = bytes(self._table[index * size : (index + 1) * size])
        return Row(index, row, tuple(self._tree.inclusion_proof(index)))


def prove_rows(manifest: Manifest, table: oprf_table.Table, output: bytes) -> tuple[Row, ...]:
    """Return the rows that show what `table` says about one subject; see `RowProver`.

    Raises:
        OpeningInvalidError: the table is not the manifest's.
        InputInvalidError: the output has not 64 bytes.

    """
    return RowProver(manifest, table).rows(output)


def make_opening(  # noqa: PLR0913 - one for each field of the bundle, by name
    *,
    receipt: str,
    terms: Terms,
    manifest: str,
    announcement: Headed,
    subject: Sequence[str],
    position: int,
    blind: bytes,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
    dleq: bytes,
    request_nonce: bytes,
    release_nonce: bytes,
    rows: Sequence[Row],
    own: Point | None = None,
    plan: Plan | None = None,
    answers: str = "",
    answered: Answered | None = None,
) -> dict[str, Json]:
    """Return the bundle that opens the subject at `position` of a batch.

    `receipt` and `manifest` are the signed tokens, `announcement` is how the log announced the
    manifest, `subject` the values as text, `blind` the scalar of that position, `blinded`,
    `evaluated` and `dleq` the batch as it was sent and answered, `rows` what `prove_rows`
    returns, `own` the point of a match's id, `plan` the contract's, which may be left out.
    `answers` and `answered` are of a table that stays with its owner. Verify the bundle before you
    hand it out.
    """
    batch = Batch(
        receipt=receipt,
        terms=terms,
        manifest=manifest,
        announcement=announcement,
        blinded=tuple(blinded),
        evaluated=tuple(evaluated),
        dleq=dleq,
        request_nonce=request_nonce,
        release_nonce=release_nonce,
        plan=plan,
        answers=answers,
    )
    item = Item(
        subject=tuple(subject),
        position=position,
        blind=blind,
        rows=tuple(rows),
        id=own,
        answered=answered,
    )
    return head("opening", terms.suite) | batch.to_json() | item.to_json()


def verify_opening(bundle: Json, trust: Trust) -> Opened:
    """Return what `bundle` proves to someone who trusts `trust`.

    Raises:
        OpeningInvalidError: a check fails; `what` names it.
        ReceiptInvalidError: the receipt within is invalid.
        SignatureInvalidError: a signature of the receipt or of the manifest fails.
        LogForkedError: release and announcement hang in two histories of the log.
        TrustMissingError: node, log or buyer is not in the trust file.
        SuiteUnknownError: the opening is of a suite that is not known here.
        InputInvalidError: the table stays with its owner, and numpy is missing here.

    """
    body = CHECK.body(
        bundle, "opening", (*BATCH_FIELDS, *ITEM_FIELDS), (*BATCH_OPTIONAL, *ITEM_OPTIONAL)
    )
    sent = parse_batch(body)
    (opened,) = check_items(body["suite"], sent, [parse_item(body, len(sent.blinded))], trust)
    return opened


def check_items(suite_id: str, sent: Sent, items: Sequence[Item], trust: Trust) -> list[Opened]:
    """Return what each of `items` proves, all of one batch; see `verify_opening`."""
    suite = suite_of(suite_id)
    receipt = verify_receipt(sent.receipt, trust)
    if receipt.kind != "lookup" or receipt.suite != suite.id:
        CHECK.fail("receipt", "is not of a lookup under the opening's suite")
    terms, plan = check_terms(sent.terms, sent.plan, receipt)
    manifest = check_epoch(sent.manifest, sent.announcement, terms, receipt, trust)
    subjects = [_subject(sent, item, manifest) for item in items]
    _commitments(sent, receipt, suite)
    with _named("dleq"):
        dleq.verify(manifest.public_key, sent.blinded, sent.evaluated, sent.dleq)
    points = []
    for item, (_, inputs) in zip(items, subjects, strict=True):
        for place, point, data in zip(_places(item), item.points, inputs, strict=True):
            with _named("dleq"):
                output = unblind_one(data, point.blind, sent.evaluated[place])
            points.append(_Evaluated(place, point, output))
    opened_labels = iter(_labels(points, sent, manifest, receipt, trust))
    found = []
    for item, (values, _) in zip(items, subjects, strict=True):
        own = [next(opened_labels) for _ in item.points]
        labels = [each.label for each in own]
        verdicts, malformed = _verdicts(labels, manifest)
        opened = Opened(
            subject=values,
            position=item.position,
            verdicts=MappingProxyType(verdicts),
            found=any(label is not None for label in labels),
            malformed=malformed or any(each.spoiled for each in own),
            receipt=receipt,
            terms=terms,
            manifest=manifest,
            plan=plan,
        )
        found.append(opened)
    return found


def check_terms(terms: Json, plan: Json, receipt: VerifiedReceipt) -> tuple[Terms, Plan | None]:
    """Return the terms and the plan, if any, of the receipt's contract, which allow the release.

    Raises:
        OpeningInvalidError: they are another contract's, or do not allow it.

    """
    with _named("terms"):
        found = Terms.from_json(terms)
        verify_terms(receipt, found)
    if plan is None:
        return found, None
    with _named("plan"):
        read = Plan.from_json(plan)
        if read.digest(suite_of(found.suite)) != found.plan:
            CHECK.fail("plan", "is not the contract's")
    return found, read


def check_epoch(
    manifest: str,
    announcement: Headed,
    terms: Terms,
    receipt: VerifiedReceipt,
    trust: Trust,
) -> Manifest:
    """Return the manifest of the receipt's epoch, which its log announced before the release.

    Raises:
        OpeningInvalidError: it is another one's, or was not announced.
        SignatureInvalidError: it is not the node's.
        LogForkedError: release and announcement hang in two histories of the log.

    """
    found = _manifest(manifest, receipt, terms, trust)
    _announced(announcement, found, receipt, trust)
    return found


def _manifest(token: str, receipt: VerifiedReceipt, terms: Terms, trust: Trust) -> Manifest:
    with _named("manifest"):
        node = trust.party(receipt.node_key, "node")
        manifest = verify_manifest(token, suite_of(node.suite), node.key)
    if manifest.id() != receipt.manifest:
        CHECK.fail("manifest", "is not the one that the request names")
    found = (manifest.contract, manifest.epoch, manifest.snapshot, manifest.consent_root)
    leaf = receipt.leaf
    if found != (receipt.contract, receipt.epoch, receipt.snapshot, leaf.consent_root):
        CHECK.fail("manifest", "is not of the receipt's contract, epoch, snapshot and consents")
    if manifest.outputs != terms.outputs:
        CHECK.fail("manifest", "does not have the outputs of the contract, in their order")
    if receipt.time >= manifest.until:
        CHECK.fail("manifest", "had ended at the time of the release")
    return manifest


def _announced(found: Headed, manifest: Manifest, receipt: VerifiedReceipt, trust: Trust) -> None:
    """Return if the receipt's log announced `manifest` before the release."""
    suite = suite_of(receipt.suite)
    with _named("announcement"):
        checkpoint = verify_checkpoint(found.checkpoint, trust)
        if checkpoint.origin != receipt.origin:
            CHECK.fail("announcement", "is in another log than the release")
        found.verify(checkpoint, suite)
        time = CHECK.untime("announcement.time", found.leaf.get("time"))
        # As bytes: true would equal 1.
        if encode_leaf(found.leaf) != encode_leaf(published_leaf(manifest, time)):
            CHECK.fail("announcement", "is not that of the manifest")
    if found.index >= receipt.index:
        CHECK.fail("announcement", "does not come before the release")
    if checkpoint.size == receipt.size:
        verify_growth(receipt.checkpoint, checkpoint, (), suite)


def _subject(
    sent: Sent, opening: Item, manifest: Manifest
) -> tuple[tuple[Value, ...], tuple[bytes, ...]]:
    """Return the subject's values and, of each of its points, the bytes that were blinded."""
    if (opening.id is not None) != bool(manifest.match):
        CHECK.fail("id", "is given of a match, and of nothing else")
    if len(opening.subject) != len(manifest.subject):
        CHECK.fail("subject", "has not one value for each subject column")
    with _named("subject"):
        pairs = zip(manifest.subject, opening.subject, strict=True)
        values = tuple(parse_value(column, text) for column, text in pairs)
        if any(str(value) != text for value, text in zip(values, opening.subject, strict=True)):
            CHECK.fail("subject", "is not written in its one way")
        inputs = encode_points(manifest.subject, manifest.match, values, manifest.domain())
    for place, point, data in zip(_places(opening), opening.points, inputs, strict=True):
        with _named("blinded"):
            element = recompute(data, point.blind)
        if [element] != list(sent.blinded[place : place + 1]):
            CHECK.fail("blinded", "does not hide this subject at this position")
    return values, inputs


def _places(item: Item) -> range:
    """Return where in the batch the subject's points are."""
    each = len(item.points)
    return range(item.position * each, (item.position + 1) * each)


def _commitments(opening: Sent, receipt: VerifiedReceipt, suite: Suite) -> None:
    if commit(suite, opening.request_nonce, opening.blinded) != receipt.commitment:
        CHECK.fail("request", "was not for these blinded elements")
    released = (*opening.evaluated, opening.dleq)
    if commit(suite, opening.release_nonce, released) != receipt.release:
        CHECK.fail("release", "was not of these evaluated elements")


@dataclass(frozen=True, slots=True)
class _Evaluated:
    """A point at its place in the batch, with its output."""

    place: int
    point: Point
    output: bytes = field(repr=False)


def _labels(
    points: Sequence[_Evaluated],
    sent: Sent,
    manifest: Manifest,
    receipt: VerifiedReceipt,
    trust: Trust,
) -> list[hidden_table.Label]:
    """Return what the points open to, in order."""
    suite, hidden = suite_of(manifest.suite), manifest.protocol == HIDDEN_TABLE
    for each in points:
        _in_table(each.point.rows, manifest, suite)
        if hidden != (each.point.answered is not None):
            CHECK.fail("answered", "is given of a table that stays with its owner, and of no other")
    if hidden != bool(sent.answers):
        CHECK.fail("answers", "are given of a table that stays with its owner, and of no other")
    if not hidden:
        return [
            hidden_table.Label(_label(each.point.rows, manifest, each.output), spoiled=False)
            for each in points
        ]
    hidden_table.need_numpy()
    node_key = trust.party(receipt.node_key, "node").key
    with _named("answers"):
        answers = hidden_table.check_answers(
            sent.answers, receipt, manifest, len(sent.blinded), node_key
        )
    asked = []
    for each in points:
        if len(each.point.rows) != 1 or each.point.answered is None:
            CHECK.fail("rows", "are not one: that of the subject's block")
        (row,) = each.point.rows
        asked.append(
            hidden_table.Asked(each.place, each.output, row.index, row.row, each.point.answered)
        )
    with _named("answered"):
        return hidden_table.open_points(asked, answers, manifest, node_key)


def _in_table(rows: tuple[Row, ...], manifest: Manifest, suite: Suite) -> None:
    for row in rows:
        if len(row.row) != manifest.row_bytes:
            CHECK.fail("rows", "are not of the manifest's row size")
        with _named("rows"):
            hashed = leaf_hash(row.row, suite.hash)
            verify_inclusion(hashed, row.index, manifest.rows, row.path, manifest.root, suite.hash)


def _label(rows: tuple[Row, ...], manifest: Manifest, output: bytes) -> bytes | None:
    """Return the subject's label, or None where `rows` show that the table has no such row."""
    parameters = manifest.parameters()
    tag = oprf_table.row_tag(parameters, output)
    tags = [row.row[: oprf_table.TAG_BYTES] for row in rows]
    if tags == [tag]:
        return oprf_table.open_row(parameters, output, rows[0].row)
    # Absent: the rows shown are everything that could stand next to the tag, left then right.
    left = [row.index for row, found in zip(rows, tags, strict=True) if found < tag]
    right = [row.index for row, found in zip(rows, tags, strict=True) if found > tag]
    if len(left) > 1 or len(right) > 1 or [row.index for row in rows] != left + right:
        CHECK.fail("rows", "do not lie on either side of the subject's place")
    before = left[0] if left else -1
    after = right[0] if right else manifest.rows
    if after != before + 1:
        CHECK.fail("rows", "leave room for the subject between them")
    return None


def _verdicts(
    labels: Sequence[bytes | None], manifest: Manifest
) -> tuple[dict[str, bool | None], bool]:
    """Return the verdicts of a subject's labels, or of the lack of one, and if one is malformed."""
    outputs = manifest.outputs
    silent: dict[str, bool | None] = dict.fromkeys(outputs)
    if manifest.match:
        verdict, malformed = match_of(labels)
        return dict.fromkeys(outputs, verdict), malformed
    (label,) = labels
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
        AnswersInvalidError,
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
