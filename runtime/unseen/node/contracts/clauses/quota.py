"""Quota: how much of a table one buyer may ask about, over all its contracts."""

from collections.abc import Iterator

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.rules import max_units
from unseen.node.errors import LabelRefusedError
from unseen.node.kinds.kind import KINDS


def most_units(offer: Offer, reading: Reading) -> int:
    """Return how many units this buyer may still be granted over the table."""
    hidden, table = KINDS[offer.product.kind].hidden, offer.table
    most = max_units(reading.ruling, table.snapshot.rows, hidden=hidden, subject=table.subject)
    return max(most - offer.granted, 0)


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[LabelRefusedError]:
    left = most_units(offer, reading)
    if ask.quota.units > left:
        yield LabelRefusedError(
            f"a buyer may ask at most {left + offer.granted} units over this table;"
            f" {offer.granted} are granted",
            clause="quota.units",
            remedy=f"ask for at most {left} units",
        )


QUOTA = Clause("quota", _check, standing=True)
