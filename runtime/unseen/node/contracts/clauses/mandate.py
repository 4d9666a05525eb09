"""Mandates: where a table is under mandates, a contract over it stays within them.

Where a joined table is, each mandate that the contract rests on permits both tables.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.contract import MAX_MANDATES
from unseen.evidence.registry.permission import Permission, Use, cover
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.outputs import read_beside
from unseen.node.errors import MandateRefusedError

_ORDER = ("grantee", "tables", "scenarios", "kinds")
_REMEDY = "see what is permitted: unseen mandate list; ask for less, or the authority for more"


def _check(ask: Ask, offer: Offer, _reading: Reading) -> Iterator[MandateRefusedError]:
    known = _mandates(ask, offer)
    if known is None:
        return
    fitting = _fitting(ask, offer)
    if not fitting:
        # The one that comes nearest says what is beyond it.
        found = [_ORDER.index(_refused_by(ask, offer, one)) for one in known]
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
    if _mandates(ask, offer) is None:
        return {}
    chosen, _ = cover(_fitting(ask, offer), ask.period.start, ask.period.until)
    return {"mandates": tuple(one.mandates[-1] for one in chosen)}


def covered_until(ask: Ask, offer: Offer) -> datetime:
    """Return until when mandates cover an ask from its start on; its end where none is needed."""
    fitting = _fitting(ask, offer)
    if _mandates(ask, offer) is None or not fitting:
        return ask.period.until
    return cover(fitting, ask.period.start, ask.period.until)[1]


def _mandates(ask: Ask, offer: Offer) -> tuple[Permission, ...] | None:
    """Return what concerns the tables that are read; nothing if none of them is under mandates."""
    beside = offer.joined_mandates if read_beside(ask, offer) else None
    if offer.mandates is None and beside is None:
        return None
    return tuple(dict.fromkeys((*(offer.mandates or ()), *(beside or ()))))


def _refused_by(ask: Ask, offer: Offer, one: Permission) -> str:
    """Return the clause of a permission that does not allow what is asked; empty if all do."""
    joined = read_beside(ask, offer) if offer.joined_mandates is not None else None
    tables = (offer.product.table, *([joined.name] if joined else []))
    uses = (
        Use(offer.signers.operator, table, ask.scenario, offer.product.kind) for table in tables
    )
    return next((clause for use in uses if (clause := use.refused_by(one))), "")


def _fitting(ask: Ask, offer: Offer) -> list[Permission]:
    return [one for one in _mandates(ask, offer) or () if not _refused_by(ask, offer, one)]


MANDATE = Clause("mandate", _check, _terms)
