"""Region: where the labels demand it, the answers stay in one region or a part of it."""

from collections.abc import Iterator
from typing import Any

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import LabelRefusedError


def _check(ask: Ask, _offer: Offer, reading: Reading) -> Iterator[LabelRefusedError]:
    ruling = reading.ruling
    if not ruling.fits(ask.region):
        demanded = " and ".join(ruling.regions)
        yield LabelRefusedError(
            f"the answers stay in {demanded}: {ruling.because['regions']}",
            clause="region",
            remedy=f"ask with --region {ruling.regions[-1]}, or a part of it",
        )


def _terms(ask: Ask, _offer: Offer, _reading: Reading) -> dict[str, Any]:
    return {"region": ask.region} if ask.region else {}


REGION = Clause("region", _check, _terms, standing=True)
