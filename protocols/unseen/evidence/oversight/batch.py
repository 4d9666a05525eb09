"""Opening many subjects of one hidden lookup at once: what an order asks for.

As `opening.py`, with the batch once and an item for each subject. A request has up to 4096
subjects and a document at most 1 MiB, so that a large request is opened in several bundles;
whether they leave a subject out is for the reader to see (`OpenedBatch.size`). Own format.

It shows what `opening.py` shows, and as little more.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from unseen.evidence.canonical import Json
from unseen.evidence.fields import head
from unseen.evidence.oversight.hidden import (
    BATCH_FIELDS,
    CHECK,
    ITEM_FIELDS,
    ITEM_OPTIONAL,
    Batch,
    Item,
    parse_batch,
    parse_item,
)
from unseen.evidence.oversight.opening import Opened, check_items
from unseen.evidence.trust import Trust

TYPE = "opening-batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBatch:
    """What a bundle proves: some subjects of a request that asked about `size` of them."""

    size: int
    items: tuple[Opened, ...]


def make_batch_opening(batch: Batch, items: Iterable[Item]) -> dict[str, Json]:
    """Return the bundle that opens `items` of `batch`, which has to carry the plan."""
    if batch.plan is None:
        CHECK.fail("plan", "is missing")
    found: list[Json] = [item.to_json() for item in items]
    return head(TYPE, batch.terms.suite) | batch.to_json() | {"items": found}


def verify_batch_opening(bundle: Json, trust: Trust) -> OpenedBatch:
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
    body = CHECK.body(bundle, TYPE, (*BATCH_FIELDS, "plan", "items"), ("answers",))
    sent = parse_batch(body)
    size = len(sent.blinded)
    entries = [
        CHECK.take(item, ITEM_FIELDS, "items", ITEM_OPTIONAL)
        for item in CHECK.unlist("items", body["items"])
    ]
    items = [parse_item(entry, size) for entry in entries]
    if not items:
        CHECK.fail("items", "are none")
    CHECK.distinct("items", [item.position for item in items])
    found = check_items(body["suite"], sent, items, trust)
    return OpenedBatch(size=size // len(items[0].points), items=tuple(found))
