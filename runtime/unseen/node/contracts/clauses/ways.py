"""By which of its kind's ways a contract answers. Pure: no store, no clock, no chance.

What labels allow comes first, then what the buyer wishes, then the size: a table that may leave as
ciphertext and is small is sent, and its questions then read no table at all. A contract keeps its
way for good; where labels no longer allow it, it is suspended as for any other demand.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from unseen.evidence.errors import ContractInvalidError
from unseen.node.contracts.clauses.clause import Ask, Offer, Reading
from unseen.node.contracts.clauses.outputs import chosen, kind_asked
from unseen.node.errors import LabelRefusedError
from unseen.node.kinds.kind import Kind, Way
from unseen.protocols.errors import UnseenError
from unseen.protocols.lookup.match import EVALUATIONS
from unseen.protocols.lookup.oprf_table import TAG_BYTES

SENT_BYTES: Final = 64 << 20
"""Up to here a table of ciphertext is sent, where it may be."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A way, and in words why it is this one."""

    way: Way
    because: str


def against_way(ask: Ask, offer: Offer, reading: Reading) -> Iterable[UnseenError]:
    """Yield what stands against every way of the kind, or against the one that is wished for."""
    kind = kind_asked(ask, offer)
    if errors := _refused(kind, offer, reading, ciphertext=kind.ciphertext_leaves):
        yield from errors
        return
    if not ask.way:
        return
    names = [way.protocol for way in kind.ways]
    if ask.way not in names:
        yield ContractInvalidError(
            f"contract: questions of kind {offer.product.kind} are not answered by {ask.way!r}",
            clause="way",
            remedy=f"choose among: {', '.join(names)}; or leave it out",
        )
        return
    leaves = kind.way(ask.way).ciphertext_leaves
    others = [way.protocol for way in kind.ways if not way.ciphertext_leaves]
    for error in _refused(kind, offer, reading, ciphertext=leaves):
        remedy = f"ask for the way {' or '.join(others)}, or for none: then the node takes it"
        yield LabelRefusedError(f"way {ask.way}: {error}", clause=error.clause, remedy=remedy)


def way_of(ask: Ask, offer: Offer, reading: Reading) -> Chosen:
    """Return the way that a contract would answer by; nothing has to stand against it."""
    kind = kind_asked(ask, offer)
    best = _best(kind, ask, offer, reading)
    if ask.way in ("", best.way.protocol):
        return best
    return Chosen(kind.way(ask.way), f"it was asked for; else {best.way.protocol}: {best.because}")


def _best(kind: Kind, ask: Ask, offer: Offer, reading: Reading) -> Chosen:
    sent = next((way for way in kind.ways if way.ciphertext_leaves), None)
    kept = next((way for way in kind.ways if not way.ciphertext_leaves), None)
    if sent is None or kept is None:
        return Chosen(kind.ways[0], "questions of this kind are answered by no other")
    if _refused(kind, offer, reading, ciphertext=True):
        why = f"no ciphertext of the table may leave: {reading.ruling.because['ciphertext']}"
        return Chosen(kept, why)
    size = most_bytes(ask, offer, kind)
    if size > SENT_BYTES:
        return Chosen(kept, f"the table's ciphertext may have {size:,} bytes, over {SENT_BYTES:,}")
    why = f"the table's ciphertext may leave, and has {size:,} bytes at most: questions read none"
    return Chosen(sent, why)


def most_bytes(ask: Ask, offer: Offer, kind: Kind) -> int:
    """Return how large the table would be if it were sent, every row with a usable answer."""
    row = TAG_BYTES + kind.label_bytes(len(chosen(ask, offer)) or 1)
    points = offer.table.snapshot.rows * (EVALUATIONS if offer.product.match else 1)
    return points * row


def _refused(
    kind: Kind, offer: Offer, reading: Reading, *, ciphertext: bool
) -> list[LabelRefusedError]:
    return offer.rules.against_kind(
        offer.product.kind,
        reading.labels,
        ciphertext=ciphertext,
        threat_model=kind.holds_under,
        highest=kind.highest,
    )
