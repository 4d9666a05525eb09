"""Labels: whether the columns that would be read may serve this kind of job, by which rule file."""

from typing import Any

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.ways import against_way


def _terms(_ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    return {"rules": offer.rules.digest}


LABELS = Clause("labels", against_way, _terms, standing=True)
