"""Consent (数据主体授权): what labels demand it, only consented rows may serve."""

from collections.abc import Iterator
from datetime import timedelta
from math import ceil
from typing import Any

from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.contracts.leakage import Statement
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import LabelRefusedError
from unseen.node.kinds.consent_plan import STATEMENTS

# The kinds that look at consent before they answer, and those where a single use can be told.
ENFORCED = frozenset({"verify", "lookup", "statistics", "train"})
SINGLE_USE = frozenset({"verify"})
ROWS_PER_SECOND = 10_000  # that one core seals, to be on the safe side of docs/benchmarks.md


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[LabelRefusedError]:
    if not reading.ruling.consent:
        return
    because = reading.ruling.because["consent"]
    if offer.product.kind not in ENFORCED:
        yield LabelRefusedError(
            f"only rows with consent may serve, and {offer.product.kind} does not choose rows:"
            f" {because}",
            clause="consent",
            remedy=f"offer a product of kind {' or '.join(sorted(ENFORCED))}",
        )
    elif offer.product.definition is not None and offer.product.definition.person:
        yield LabelRefusedError(
            "only rows with consent may serve, and the product counts others than the table's"
            f" subjects as persons: {because}",
            clause="consent",
            remedy="offer a product whose person is the table's subject",
        )
    elif ask.agreed is not None and ask.agreed.consent is None:
        yield LabelRefusedError(
            "the contract asks for no consent, and now only rows with consent may serve:"
            f" {because}",
            clause="consent",
            remedy="ask anew: unseen contract request PRODUCT",
        )


def _terms(ask: Ask, offer: Offer, reading: Reading) -> dict[str, Any]:
    if not reading.ruling.consent:
        return {}
    rule = ConsentRule(
        scenario=ask.scenario,
        latency_seconds=offer.consent_latency,
        once=offer.product.kind in SINGLE_USE,
    )
    return {"consent": rule}


def rotation_cost(ask: Ask, offer: Offer, reading: Reading) -> str:
    """Return what withdrawals may cost in builds at most, in words; empty where nothing rotates."""
    rule = _terms(ask, offer, reading).get("consent")
    if rule is None or offer.product.kind != "lookup":
        return ""
    rows, latency = offer.table.snapshot.rows, max(rule.latency_seconds, 1)
    epochs = ceil((ask.period.until - ask.period.start) / timedelta(seconds=latency))
    seconds = rows * epochs / ROWS_PER_SECOND
    return (
        f"{rows:,} rows x {epochs:,} epochs / {ROWS_PER_SECOND:,} rows a second:"
        f" {seconds:,.0f} s of one core at most"
    )


def _statements(offer: Offer, reading: Reading) -> tuple[Statement, ...]:
    return STATEMENTS[offer.product.kind] if reading.ruling.consent else ()


CONSENT = Clause("consent", _check, _terms, _statements, standing=True)
