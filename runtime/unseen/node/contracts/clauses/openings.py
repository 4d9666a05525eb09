"""Openings: hidden queries may be opened on an order, and whose order that is.

A question over statistics or a step of a training is asked in the clear and is about nobody: there
is nothing to open.
"""

from collections.abc import Iterator
from typing import Any

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import KindRefusedError, RegulatorMissingError
from unseen.protocols.errors import UnseenError

_IN_THE_OPEN = ("statistics", "train")
_SETS = ("intersect", "score")  # nothing of a set is opened by itself


def _check(ask: Ask, offer: Offer, _reading: Reading) -> Iterator[UnseenError]:
    if ask.openings and offer.product.kind in _IN_THE_OPEN:
        yield KindRefusedError(
            f"a request for {offer.product.kind} is about nobody: there is nothing to open",
            clause="openings",
            remedy="ask for the contract without openings",
        )
    if ask.openings and offer.product.kind in _SETS:
        yield KindRefusedError(
            "what is asked in a set cannot be opened one by one",
            clause="openings",
            remedy="ask for the contract without openings, or for a hidden lookup",
        )
    if ask.openings and not offer.signers.regulator:
        yield RegulatorMissingError(
            "openings are asked for, and this node knows nobody who could order them",
            clause="openings",
            remedy="have a regulator enrolled: unseen node invite NAME --role regulator",
        )


def _terms(ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    return {"regulator": offer.signers.regulator} if ask.openings else {}


OPENINGS = Clause("openings", _check, _terms)
