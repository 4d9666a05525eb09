"""Encrypted scoring: the model's public shape, and the ring that hides it over all units."""

from collections.abc import Iterator
from typing import Any

from unseen.evidence.contracts.scoring import KIND, PARAMETER
from unseen.evidence.errors import ContractInvalidError
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.protocols.errors import UnseenError


def _check(ask: Ask, offer: Offer, _reading: Reading) -> Iterator[UnseenError]:
    offered = offer.product.score
    if offer.product.kind != KIND or offered is None:
        return
    try:
        offered.only(ask.quota.units)
    except ContractInvalidError:
        yield ContractInvalidError(
            f"contract: no ring hides this model over {ask.quota.units:,} ciphertexts",
            clause="quota.units",
            remedy="ask for fewer units, or for a product of less precision",
        )


def _terms(ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    offered = offer.product.score
    if offered is None:
        return {}
    clause = offered.only(ask.quota.units)
    most = min(clause.most, ask.quota.per_minute)
    return {"parameters": {PARAMETER: clause.up_to(most).to_json()}}


SCORE = Clause("score", _check, _terms, standing=True)
