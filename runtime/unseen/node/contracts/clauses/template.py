"""Template (一类场景一审定): a contract that names one stays within every limit of it."""

from collections.abc import Iterator
from typing import Any

from unseen.evidence.contracts.limits import Scope, exceeded
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading, Standing
from unseen.node.contracts.clauses.consent import CONSENT
from unseen.node.contracts.clauses.limits import limits_of
from unseen.node.errors import (
    KindRefusedError,
    LabelRefusedError,
    TemplateEndedError,
    TemplateExceededError,
    TemplateNotFoundError,
)
from unseen.node.kinds.kind import KINDS
from unseen.protocols.errors import UnseenError

_WITHOUT = "or ask without a template: then every approver signs the contract itself"


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[UnseenError]:
    if not ask.template:
        if reading.ruling.template:
            yield LabelRefusedError(
                f"only contracts that follow an approved template may read this:"
                f" {reading.ruling.because['template']}",
                clause="template",
                remedy="see them: unseen template list; then ask with --template NAME",
            )
        return
    if offer.template is None:
        yield TemplateNotFoundError(
            "no template of this name",
            clause="template",
            remedy="see them: unseen template list",
        )
        return
    yield from _against_state(offer.template)
    yield from _against_kinds(offer.template)
    yield from _against_limits(ask, offer, reading, offer.template)


def _against_state(standing: Standing) -> Iterator[UnseenError]:
    name = standing.template.name
    if standing.withdrawn:
        yield TemplateEndedError(
            f"template {name!r} was withdrawn",
            clause="template.state",
            remedy=f"follow another one, {_WITHOUT}",
        )
    elif not standing.complete:
        yield TemplateEndedError(
            f"template {name!r} is not approved yet",
            clause="template.state",
            remedy=f"its approver signs it: unseen template approve {name}",
        )


def _against_kinds(standing: Standing) -> Iterator[UnseenError]:
    kinds = standing.template.kinds
    if not set(kinds) & KINDS.keys():
        yield KindRefusedError(
            f"template {standing.template.name!r} is for {', '.join(kinds)},"
            " a job kind that this node does not have",
            clause="template.kinds",
            remedy="follow a template for: " + ", ".join(sorted(KINDS)),
        )


def _against_limits(
    ask: Ask, offer: Offer, reading: Reading, standing: Standing
) -> Iterator[UnseenError]:
    template = standing.template
    if template.operator != offer.signers.operator:
        yield TemplateEndedError(
            f"template {template.name!r} was signed by another operator",
            clause="template.operator",
            remedy="the operator adds it anew: unseen template add FILE",
        )
    for excess in exceeded(template, _scope(ask, offer, reading)):
        kind = TemplateEndedError if excess.ended else TemplateExceededError
        yield kind(
            f"template {template.name!r} {excess.why}",
            clause=f"template.{excess.clause}",
            remedy=f"{excess.remedy}, {_WITHOUT}",
        )


def _scope(ask: Ask, offer: Offer, reading: Reading) -> Scope:
    group, budget = limits_of(ask, reading.ruling)
    consent = CONSENT.terms(ask, offer, reading).get("consent")  # a ConsentRule, or none
    return Scope(
        kind=offer.product.kind,
        product=offer.product.name,
        scenario=ask.scenario,
        outputs=ask.outputs or tuple(each.name for each in offer.product.predicates),
        labels=tuple((column, i.category, i.level) for column, i in reading.labels),
        quota=ask.quota,
        period=ask.period,
        prices=offer.product.prices,
        openings=ask.openings,
        latency_seconds=consent.latency_seconds if consent else None,
        group=group,
        budget=budget,
        region=ask.region,
        order=ask.order,
        declarations=ask.declarations,
    )


def _terms(ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    return {"template": offer.template.template.id()} if ask.template and offer.template else {}


TEMPLATE = Clause("template", _check, _terms)
