"""Whether a contract stays within its template: every limit that it exceeds, by name.

One function for all: the compiler asks it before there are terms, client and verifier ask it of
terms and plan. Nothing here trusts that the node has asked before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from unseen.evidence import jws
from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.contract import Period, Prices, Quota, Terms
from unseen.evidence.contracts.plan import Plan, is_aggregate
from unseen.evidence.contracts.template import TYP, Template, verify_template_approval
from unseen.evidence.errors import TemplateInvalidError
from unseen.evidence.suite import suite_of

ColumnLabel = tuple[str, str, str]  # column, category, level


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a contract is about, as far as templates bound it.

    `labels` are those of every column read, the subject's included. `latency_seconds` is the
    consent rule's, and nothing where there is none. An empty `budget` is no ceiling; it and
    `group` count for aggregates alone.
    """

    kind: str
    product: str
    scenario: str
    outputs: tuple[str, ...]
    labels: tuple[ColumnLabel, ...]
    quota: Quota
    period: Period
    prices: Prices
    openings: bool
    latency_seconds: int | None
    group: int
    budget: str
    region: str
    order: str
    declarations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Excess:
    """One limit that is exceeded; `ended` says that the template's time is over, or not come."""

    clause: str
    why: str
    remedy: str
    ended: bool = False


def scope_of(terms: Terms, plan: Plan) -> Scope:
    """Return what a contract is about.

    Raises:
        TemplateInvalidError: the plan is another contract's, or does not say which labels the
            columns that it reads have.

    """
    if plan.suite != terms.suite or plan.digest(suite_of(plan.suite)) != terms.plan:
        raise TemplateInvalidError("template: plan is another contract's", clause="plan")
    read = {*plan.columns_read, *(column.name for column in plan.subject_columns)}
    labels = plan.rows.labels if plan.rows is not None else ()
    if {label.column for label in labels} != read:
        raise TemplateInvalidError("template: labels are not those of the plan", clause="labels")
    return Scope(
        kind=terms.kind,
        product=terms.product,
        scenario=terms.scenario,
        outputs=terms.outputs,
        labels=tuple((label.column, label.category, label.level) for label in labels),
        quota=terms.quota,
        period=terms.period,
        prices=terms.prices,
        openings=terms.openings,
        latency_seconds=terms.consent.latency_seconds if terms.consent else None,
        group=terms.group,
        budget=terms.budget,
        region=terms.region,
        order=terms.order,
        declarations=terms.declarations,
    )


def is_standing(token: str) -> bool:
    """Return whether `token` is the approval of a template rather than of one contract.

    Raises:
        CanonicalError: the token is malformed.

    """
    return jws.peek(token).typ == TYP


def verify_standing(
    token: str, terms: Terms, plan: Plan, template: Template, role: str, public_key: bytes
) -> None:
    """Return if `token` approves `terms` by the approval of its template.

    That holds if the terms name this template, stay within every limit of it, and have the same
    key in `role`.

    Raises:
        TemplateInvalidError: one of these does not hold; the clause says which.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    if template.suite != terms.suite or template.id() != terms.template:
        raise TemplateInvalidError("template: is not the one of the contract", clause="template")
    if role not in template.approvals or getattr(template, role) != getattr(terms, role):
        raise TemplateInvalidError(f"template: {role} is not the contract's", clause=role)
    verify_template_approval(token, template, role, public_key)
    for excess in exceeded(template, scope_of(terms, plan)):
        raise TemplateInvalidError(
            f"template: the contract does not stay within it: it {excess.why}",
            clause=excess.clause,
        )


def exceeded(template: Template, scope: Scope) -> list[Excess]:
    """Return every limit of `template` that `scope` does not stay within, in order."""
    return [
        *_by_words(template, scope),
        *_by_labels(template, scope),
        *_by_numbers(template, scope),
        *_by_period(template, scope),
        *_by_prices(template, scope),
        *_by_people(template, scope),
    ]


def _by_words(template: Template, scope: Scope) -> Iterator[Excess]:
    for clause, value, allowed in (
        ("kinds", scope.kind, template.kinds),
        ("purposes", scope.scenario, template.purposes),
        ("products", scope.product, template.products or (scope.product,)),
    ):
        if value not in allowed:
            words = ", ".join(allowed)
            yield Excess(clause, f"is for {words} alone", f"ask for one of: {words}")
    region = template.region
    if region and scope.region != region and not scope.region.startswith(f"{region}-"):
        yield Excess("region", f"is for the region {region}", f"ask with the region {region}")


def _by_labels(template: Template, scope: Scope) -> Iterator[Excess]:
    outside = [
        column
        for column, category, level in scope.labels
        if not any(limit.allows(category, level) for limit in template.labels)
    ]
    if outside:
        columns = ", ".join(repr(column) for column in outside)
        most = ", ".join(f"{limit.category} up to level {limit.level}" for limit in template.labels)
        yield Excess(
            "labels", f"allows no column like {columns}: {most}", "leave out outputs that read them"
        )


def _by_numbers(template: Template, scope: Scope) -> Iterator[Excess]:
    for clause, value, most in (
        ("max_outputs", len(scope.outputs), template.max_outputs),
        ("max_units", scope.quota.units, template.max_units),
        ("max_per_minute", scope.quota.per_minute, template.max_per_minute),
    ):
        if value > most:
            yield Excess(clause, f"allows at most {most}; asked for are {value}", f"at most {most}")
    if not is_aggregate(scope.kind, scope.outputs):
        return
    if scope.group < template.group:
        yield Excess(
            "group", f"needs groups of {template.group}", f"ask with --group {template.group}"
        )
    if template.budget and not (scope.budget and Decimal(scope.budget) <= Decimal(template.budget)):
        yield Excess(
            "budget", f"allows at most {template.budget}", f"ask with --budget {template.budget}"
        )


def _by_period(template: Template, scope: Scope) -> Iterator[Excess]:
    start, until = scope.period.start, scope.period.until
    valid = template.period
    if until - start > timedelta(days=template.max_days):
        yield Excess("max_days", f"allows {template.max_days} days", f"at most {template.max_days}")
    if start >= valid.until:
        yield Excess("period", "has expired", "follow another template", ended=True)
    elif start < valid.start:
        yield Excess("period", "has not begun at that time", "ask for a later start", ended=True)
    elif until > valid.until:
        yield Excess("period", f"ends at {format_time(valid.until)}", "ask for fewer days")


def _by_prices(template: Template, scope: Scope) -> Iterator[Excess]:
    band, prices = template.prices, scope.prices
    if prices.currency != band.currency:
        yield Excess("prices.currency", f"is in {band.currency}", "choose a product priced in it")
        return
    for line, (least, most) in (("data_fee", band.data_fee), ("service_fee", band.service_fee)):
        if not least <= getattr(prices, line) <= most:
            yield Excess(
                f"prices.{line}",
                f"allows {least} to {most} millionths of {band.currency} for a unit",
                "choose a product within this band",
            )


def _by_people(template: Template, scope: Scope) -> Iterator[Excess]:
    if (template.openings, scope.openings) in {("required", False), ("refused", True)}:
        without = "without" if scope.openings else "with"
        yield Excess("openings", f"has openings {template.openings}", f"ask {without} --openings")
    if template.consent and scope.latency_seconds is None:
        yield Excess("consent", "needs a consent rule", "choose a product over rows with consent")
    most = template.latency_seconds
    if most and scope.latency_seconds is not None and scope.latency_seconds > most:
        yield Excess(
            "latency_seconds", f"needs withdrawals to act within {most} seconds", "ask for less"
        )
    if template.order and not scope.order:
        yield Excess("order", "needs an exchange order id", "ask with --order ID")
    missing = [said for said in template.declarations if said not in scope.declarations]
    if missing:
        yield Excess(
            "declarations", f"needs {len(missing)} declarations more", "make those of the template"
        )
