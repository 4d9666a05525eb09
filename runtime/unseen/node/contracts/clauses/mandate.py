"""Mandates: where a table is under mandates, a contract over it stays within them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.contract import MAX_MANDATES
from unseen.evidence.registry.permission import Permission, Use, cover
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import MandateRefusedError

_ORDER = ("grantee", "tables", "scenarios", "kinds")
_REMEDY = "see what is permitted: unseen mandate list; ask for less, or the authority for more"


def _check(ask: Ask, offer: Offer, _reading: Reading) -> Iterator[MandateRefusedError]:
    if offer.mandates is None:
        return
    use = _use(ask, offer)
    fitting = _fitting(ask, offer)
    if not fitting:
        # The one that comes nearest says what is beyond it.
        found = [_ORDER.index(use.refused_by(one)) for one in offer.mandates]
        clause = _ORDER[max(found)] if found else "tables"
        yield MandateRefusedError(
            f"the table is under mandates, and none in force permits this: {clause}",
            clause=f"mandates.{clause}",
            remedy=_REMEDY,
        )
        return
    chosen, reached = cover(fitting, ask.period.start, ask.period.until)
    if reached < ask.period.until:
        yield MandateRefusedError(
            f"no mandate covers the period from {format_time(reached)} on",
            clause="mandates.period",
            remedy="ask for a period within them: unseen mandate list",
        )
    elif len(chosen) > MAX_MANDATES:
        yield MandateRefusedError(
            f"more than {MAX_MANDATES} mandates would have to follow each other",
            clause="mandates.period",
            remedy="ask for a shorter period",
        )


def _terms(ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    if offer.mandates is None:
        return {}
    chosen, _ = cover(_fitting(ask, offer), ask.period.start, ask.period.until)
    return {"mandates": tuple(one.mandates[-1] for one in chosen)}


def covered_until(ask: Ask, offer: Offer) -> datetime:
    """Return until when mandates cover an ask from its start on; its end where none is needed."""
    fitting = _fitting(ask, offer)
    if offer.mandates is None or not fitting:
        return ask.period.until
    return cover(fitting, ask.period.start, ask.period.until)[1]


def _use(ask: Ask, offer: Offer) -> Use:
    product = offer.product
    return Use(offer.signers.operator, product.table, ask.scenario, product.kind)


def _fitting(ask: Ask, offer: Offer) -> list[Permission]:
    use = _use(ask, offer)
    return [one for one in offer.mandates or () if not use.refused_by(one)]


MANDATE = Clause("mandate", _check, _terms)
