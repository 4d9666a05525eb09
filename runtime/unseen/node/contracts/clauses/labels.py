"""Labels: whether the columns that would be read may serve this kind of job, by which rule file."""

from collections.abc import Iterable
from typing import Any

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import LabelRefusedError
from unseen.node.kinds.kind import KINDS


def _check(_ask: Ask, offer: Offer, reading: Reading) -> Iterable[LabelRefusedError]:
    kind = KINDS[offer.product.kind]
    return offer.rules.against_kind(
        offer.product.kind,
        reading.labels,
        ciphertext=kind.ciphertext_leaves,
        threat_model=kind.holds_under,
    )


def _terms(_ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    return {"rules": offer.rules.digest}


LABELS = Clause("labels", _check, _terms, standing=True)
