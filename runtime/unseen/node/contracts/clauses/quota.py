"""Quota: how much of a table one buyer may ask about, over all its contracts.

What is counted are questions: a unit is one, and of a hidden match two, since nothing shows whether
both are about the same subject.
"""

from collections.abc import Iterator

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.rules import max_units
from unseen.node.errors import LabelRefusedError
from unseen.node.kinds.kind import KINDS
from unseen.protocols.lookup.match import EVALUATIONS


def most_units(offer: Offer, reading: Reading) -> int:
    """Return how many units this buyer may still be granted over the table."""
    hidden, table = KINDS[offer.product.kind].hidden, offer.table
    most = max_units(reading.ruling, table.snapshot.rows, hidden=hidden, subject=table.subject)
    return max(most - offer.granted, 0) // _questions(offer)


def _questions(offer: Offer) -> int:
    """Return how many questions a unit is."""
    return EVALUATIONS if offer.product.match and KINDS[offer.product.kind].hidden else 1


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[LabelRefusedError]:
    left, each = most_units(offer, reading), _questions(offer)
    if ask.quota.units > left:
        what = "units" if each == 1 else f"questions, {each} a unit,"
        yield LabelRefusedError(
            f"a buyer may ask at most {left * each + offer.granted} {what} over this table;"
            f" {offer.granted} are granted",
            clause="quota.units",
            remedy=f"ask for at most {left} units",
        )


QUOTA = Clause("quota", _check, standing=True)
