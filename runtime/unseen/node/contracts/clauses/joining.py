"""Join: a second table is read beside the product's only as the rules on both tables allow.

What is joined by other columns than those that name a person could tell of somebody who is behind
no row here, so only public columns are. Its holder signs nothing of its own: the table's does.
"""

from collections.abc import Iterator

from unseen.node.catalog.menus import hidden_beside
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.outputs import read_beside
from unseen.node.errors import LabelRefusedError


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[LabelRefusedError]:
    joined, definition = read_beside(ask, offer), offer.product.definition
    if joined is None or definition is None:
        return
    if column := hidden_beside(definition, offer.table, list(reading.labels)):
        yield LabelRefusedError(
            f"{column!r} is not public, and the join is not of the same people",
            clause="join.on",
            remedy="offer a product that joins by the columns which name a person, or less of it",
        )
    if "holder" in reading.ruling.approvals and joined.holder != offer.table.holder:
        yield LabelRefusedError(
            f"the holder has to sign, and the tables have two:"
            f" {reading.ruling.because['approvals']}",
            clause="join.holder",
            remedy=f"say whose table it is: unseen table holder {joined.name} PARTY",
        )


JOINING = Clause("join", _check, standing=True)
