"""Quota: how much of a table one buyer may ask about, over all its contracts."""

from collections.abc import Iterator

from unseen.node.catalog.labels import max_units
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import LabelRefusedError


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[LabelRefusedError]:
    most = max_units(offer.product.kind, reading.labels, offer.table.snapshot.rows)
    if ask.quota.units + offer.granted > most:
        yield LabelRefusedError(
            f"a buyer may ask at most {most} units over this table; {offer.granted} are granted",
            clause="quota.units",
            remedy=f"ask for at most {max(most - offer.granted, 0)} units",
        )


QUOTA = Clause("quota", _check)
