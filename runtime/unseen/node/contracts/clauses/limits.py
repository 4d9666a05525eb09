"""Limits of aggregates: the smallest group and the highest epsilon that the labels allow.

A verdict concerns one subject, so that a contract over verdicts has neither.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from unseen.evidence.contracts.contract import MAX_GROUP
from unseen.evidence.contracts.privacy import MAX_EPSILON, limit_of
from unseen.evidence.contracts.rules import check_budget
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.outputs import kind_asked
from unseen.node.contracts.rules import Ruling, least_budget
from unseen.node.errors import LabelRefusedError
from unseen.protocols.errors import UnseenError

_CHECK = Checker(ContractInvalidError, "contract")
_DELTA = "0.000001"  # of products whose definition says none


def limits_of(ask: Ask, ruling: Ruling) -> tuple[int, str]:
    """Return group and budget: what was asked for, or else what the labels allow."""
    return ask.group or ruling.group, ask.budget or ruling.budget


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[UnseenError]:
    try:
        _CHECK.integer("group", ask.group, 0, MAX_GROUP)
        check_budget(_CHECK, "budget", ask.budget)
    except ContractInvalidError as error:
        remedy = "a group is a whole number, a budget a decimal such as 0.5"
        yield ContractInvalidError(str(error), clause=error.clause, remedy=remedy)
        return
    if kind_asked(ask, offer).release == "verdicts":
        yield from _against_verdicts(ask)
        return
    ruling = reading.ruling
    group, budget = limits_of(ask, ruling)
    if group < ruling.group:
        yield LabelRefusedError(
            f"an aggregate needs groups of {ruling.group}: {ruling.because['group']}",
            clause="group",
            remedy=f"ask for groups of {ruling.group} or leave them out",
        )
    if group > offer.table.snapshot.rows:
        yield LabelRefusedError(
            f"an aggregate needs groups of {group}, and the table has {offer.table.snapshot.rows}"
            " rows",
            clause="group",
            remedy="ask about a larger table",
        )
    if least_budget(budget, ruling.budget) != budget:
        yield LabelRefusedError(
            f"epsilon is at most {ruling.budget}: {ruling.because['budget']}",
            clause="budget",
            remedy=f"ask for at most {ruling.budget} or leave it out",
        )
    if budget and not Decimal(budget):
        yield LabelRefusedError(
            "an epsilon of 0 releases nothing", clause="budget", remedy="ask for more than 0"
        )
    elif budget:
        yield from _against_range(offer, budget)


def _against_range(offer: Offer, budget: str) -> Iterator[UnseenError]:
    """Refuse what the ledger could not hold: nothing with noise would ever leave under it."""
    try:
        limit_of(budget, _delta(offer))
    except ContractInvalidError as error:
        remedy = f"an epsilon is at most {MAX_EPSILON}; a delta is the product's, at most 0.001"
        yield ContractInvalidError(str(error), clause=error.clause, remedy=remedy)


def _delta(offer: Offer) -> str:
    definition, intersect = offer.product.definition, offer.product.intersect
    if definition is not None:
        return definition.menu.delta
    return (intersect.delta if intersect else "") or _DELTA


def _against_verdicts(ask: Ask) -> Iterator[UnseenError]:
    for clause, asked in (("group", ask.group), ("budget", ask.budget)):
        if asked:
            yield ContractInvalidError(
                f"contract: {clause} is for aggregates, and this product answers about one subject",
                clause=clause,
                remedy=f"ask without --{clause}",
            )


def _terms(ask: Ask, offer: Offer, reading: Reading) -> dict[str, Any]:
    if kind_asked(ask, offer).release == "verdicts":
        return {}
    group, budget = limits_of(ask, reading.ruling)
    return {"group": group, "budget": budget}


LIMITS = Clause("limits", _check, _terms, standing=True)
