"""Labels: whether the columns that would be read may serve this kind of job."""

from collections.abc import Iterator

from unseen.node.catalog.labels import check_labels
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import LabelRefusedError


def _check(_ask: Ask, offer: Offer, reading: Reading) -> Iterator[LabelRefusedError]:
    try:
        check_labels(offer.product.kind, reading.labels)
    except LabelRefusedError as error:
        yield error


LABELS = Clause("labels", _check)
