"""Opening what a table answered that stays with its owner: from a subject's output to its label.

`opening.py` has checked all up to the output. Then, in order:

    answers      signed by the node of the receipt, for its contract, epoch, manifest and request,
                 and as many queries as there were elements
    rows         one: the hint row of the subject's block, in the manifest's table
    query        the query that the seed gives for the subject's cells is at its place among those
                 that the node says it was asked
    part         is what the subject's block gave of the answer at that place, says the node
    label        the part less hint times secret opens to the label, or to none

Where answer and hint do not fit each other (`lookup/lwe_pir/fitting.py`), the node has signed both
and has to answer for it. An absent subject and a table that was spoiled where the subject would be
open alike: to no label. The operator stands by the block through the hash in its hint row.

Needs numpy, which a client without the extra `kernels` does not have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from unseen.evidence.errors import OpeningInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.oversight.hidden_answer import Answered
from unseen.evidence.releases.answers import Answers, verify_answers
from unseen.evidence.releases.manifest import Manifest
from unseen.evidence.suite import Suite, suite_of
from unseen.evidence.verify import VerifiedReceipt
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.tlog.proofs import verify_inclusion
from unseen.protocols.tlog.tree import leaf_hash

if TYPE_CHECKING:
    from unseen.protocols.lookup.lwe_pir.hints import HintRow

_CHECK: Final = Checker(OpeningInvalidError, "opening")
BATCH_BYTES: Final = 1 << 25  # of queries that are computed at once


@dataclass(frozen=True, slots=True)
class Asked:
    """One element of a batch: its place there, its output, its hint row, and what was answered.

    `row` is the row's bytes, which its Merkle path has tied to the manifest as row `index`.
    """

    place: int
    output: bytes = field(repr=False)
    index: int
    row: bytes = field(repr=False)
    answered: Answered


@dataclass(frozen=True, slots=True)
class Label:
    """What a point opens to. `spoiled`: the node's answer does not fit its own hint."""

    label: bytes | None = field(repr=False)
    spoiled: bool


def check_answers(
    token: str, receipt: VerifiedReceipt, manifest: Manifest, elements: int, node_key: bytes
) -> Answers:
    """Return what the node says it answered to the queries of the receipt's request.

    There is one for each of its `elements`, and perhaps one more that is about nobody.

    Raises:
        OpeningInvalidError: it is of another request, or of another count.
        AnswersInvalidError, CanonicalError: the token is malformed.
        SignatureInvalidError: it is not the node's.

    """
    found = verify_answers(token, suite_of(manifest.suite), node_key)
    named = (found.contract, found.epoch, found.manifest, found.request)
    meant = (receipt.contract, receipt.epoch, manifest.id(), receipt.request)
    if named != meant or found.count not in {elements, elements + 1}:
        _CHECK.fail("answers", "are to other queries than the request's")
    return found


def open_points(
    points: Sequence[Asked], answers: Answers, manifest: Manifest, node_key: bytes
) -> list[Label]:
    """Return what each of `points` opens to. Costs a pass over the public matrix for some of them.

    `node_key` is the node's public key, which the public matrix is named after.

    Raises:
        OpeningInvalidError: a check fails.
        PeerError: a path does not hold, or a part has another length.
        InputInvalidError: numpy is missing.

    """
    need_numpy()
    size = max(1, BATCH_BYTES // manifest.shape().query_bytes)
    found: list[Label] = []
    for start in range(0, len(points), size):
        found += _opened(points[start : start + size], answers, manifest, node_key)
    return found


def block_of(manifest: Manifest, output: bytes) -> int:
    """Return the block of the subject with this OPRF output.

    Raises:
        InputInvalidError: numpy is missing, or the output has not 64 bytes.

    """
    need_numpy()
    from unseen.protocols.lookup.lwe_pir import filters  # noqa: PLC0415

    return filters.block_of(manifest.shape(), manifest.domain(), output)


def need_numpy() -> None:
    """Return if numpy is here: that it is not says nothing of an opening.

    Raises:
        InputInvalidError: it is missing.

    """
    if find_spec("numpy") is None:
        raise InputInvalidError(
            "opening what a table answered that stays with its owner needs numpy",
            clause="client.lookup",
            remedy="install unseen[kernels]",
        )


def _opened(
    points: Sequence[Asked], answers: Answers, manifest: Manifest, node_key: bytes
) -> list[Label]:
    # Here and not above: they need numpy.
    from unseen.protocols.lookup.lwe_pir import client, filters, fitting, hints  # noqa: PLC0415
    from unseen.protocols.lookup.lwe_pir.public import Public  # noqa: PLC0415
    from unseen.protocols.lookup.lwe_pir.seeds import Seeded  # noqa: PLC0415

    shape, domain, suite = manifest.shape(), manifest.domain(), suite_of(manifest.suite)
    rows: list[HintRow] = []
    keys = []
    for point in points:
        if point.index != filters.block_of(shape, domain, point.output):
            _CHECK.fail("rows", "are not of the subject's block")
        rows.append(hints.decode_row(shape, point.row))
        keys.append((point.index, filters.keyed(shape, domain, rows[-1].nonce, point.output)))
    seeds = [Seeded(point.answered.seed) for point in points]
    prepared = client.prepare_each(Public.of(node_key, shape), seeds)
    queries, asked = client.query(shape, prepared, keys)
    found = []
    for point, row, query, each in zip(points, rows, queries, asked, strict=True):
        _check_place(point, suite.digest(client.write_query(query)), answers, manifest, suite)
        part = client.read_part(shape, point.answered.part)
        total = client.opened_part(shape, each, row.hint, part)
        fit = fitting.fits(shape, each.secret[None], row.hint, part[None])
        found.append(Label(filters.label_of(shape, each.key, total) if fit else None, not fit))
    return found


def _check_place(
    point: Asked, query: bytes, answers: Answers, manifest: Manifest, suite: Suite
) -> None:
    """Return if the query with hash `query` and the part are where the node says."""
    place, shown = point.place, point.answered
    for leaf, index, size, path, root in (
        (query, place, answers.count, shown.query, answers.queries),
        (shown.part, point.index, manifest.rows, shown.block, shown.answer),
        (shown.answer, place, answers.count, shown.path, answers.answers),
    ):
        verify_inclusion(leaf_hash(leaf, suite.hash), index, size, path, root, suite.hash)
