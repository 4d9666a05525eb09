"""The deny-list (负面清单): purposes that some labels never serve. Before everything else."""

from collections.abc import Iterable

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import PurposeDeniedError


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterable[PurposeDeniedError]:
    return offer.rules.against_purpose(ask.scenario, reading.labels)


DENY = Clause("deny", _check, standing=True)
