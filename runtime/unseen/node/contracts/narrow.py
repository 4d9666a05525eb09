"""The narrowest contract that would do what was asked for. Pure: no store, no clock, no chance.

Nothing is taken away that could have been used: only what is asked for twice, what no contract can
grant, what a rate or a period makes unusable, and what another product offers for less. What is
missing (an order id, a signer) cannot be made up and stays refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.contract import Period, Prices, Quota
from unseen.node.catalog.catalogue import Product
from unseen.node.contracts.clauses.clause import Ask, Offer
from unseen.node.contracts.clauses.limits import limits_of
from unseen.node.contracts.clauses.mandate import covered_until
from unseen.node.contracts.clauses.outputs import chosen, kind_asked, lacking
from unseen.node.contracts.clauses.quota import most_units
from unseen.node.contracts.clauses.ways import against_way
from unseen.node.contracts.compile import reading_of
from unseen.node.contracts.rules import least_budget
from unseen.node.errors import LabelRefusedError

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One difference between what was asked for and what would do, and why."""

    clause: str
    asked: str
    narrowest: str
    why: str
    why_zh: str


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The narrowest ask, the offer it is made of, and how it differs."""

    ask: Ask
    offer: Offer
    narrowings: tuple[Narrowing, ...]


_Step = tuple[Ask, Offer, list[Narrowing]]


def narrowest(ask: Ask, offer: Offer) -> Narrowed:
    """Return the narrowest ask that would do as `ask` does."""
    found: list[Narrowing] = []
    for step in _STEPS:
        ask, offer, more = step(ask, offer)
        found.extend(more)
    return Narrowed(ask, offer, tuple(found))


def _by_outputs(ask: Ask, offer: Offer) -> _Step:
    """Name each question once, none that the labels refuse or that reads a column now gone."""
    wanted = chosen(ask, offer)
    allowed = [each for each in wanted if not _refused(ask, offer, each.name)]
    # The first of those that say the same; where the labels refuse all, all stay refused.
    first = {each.expression: each.name for each in reversed(allowed or wanted)}
    kept = [name for name in dict.fromkeys(each.name for each in wanted) if name in first.values()]
    asked = ask.outputs or tuple(each.name for each in offer.product.predicates)
    if not kept or tuple(kept) == asked:
        return ask, offer, []
    why = Narrowing(
        "outputs",
        ", ".join(asked),
        ", ".join(kept),
        "each question once, and none that is not offered or that the labels refuse",
        "每个问题只问一次；未提供的或分类分级不允许的不问",
    )
    return replace(ask, outputs=tuple(kept)), offer, [why]


def _refused(ask: Ask, offer: Offer, output: str) -> bool:
    alone = replace(ask, outputs=(output,))
    reading = reading_of(alone, offer)
    return bool(
        any(lacking(predicate, offer) for predicate in chosen(alone, offer))
        or offer.rules.against_purpose(ask.scenario, reading.labels)
        or any(isinstance(error, LabelRefusedError) for error in against_way(alone, offer, reading))
    )


def _by_product(ask: Ask, offer: Offer) -> _Step:
    """Take the cheapest product that asks the same questions of the same table."""
    wanted = chosen(ask, offer)
    best, names = offer.product, {each.name: each.name for each in wanted}
    for product in offer.others:
        found = {each.expression: each.name for each in product.predicates}
        same = (product.table, product.kind) == (offer.product.table, offer.product.kind)
        same = same and _counts_alike(product, offer.product)
        if same and all(each.expression in found for each in wanted) and _less(product, best):
            best, names = product, {each.name: found[each.expression] for each in wanted}
    if best is offer.product or not wanted:
        return ask, offer, []
    why = Narrowing(
        "product",
        f"{offer.product.name} at {_price(offer.product.prices)}",
        f"{best.name} at {_price(best.prices)}",
        "it asks the same questions for less",
        "问题相同，价格更低",
    )
    outputs = tuple(dict.fromkeys(names[each.name] for each in wanted))
    return replace(ask, outputs=outputs), replace(offer, product=best), [why]


def _counts_alike(one: Product, other: Product) -> bool:
    """Return whether two products know people by the same forms and count them alike.

    And whether they fix the same exact table.
    """
    if (one.forms, one.match) != (other.forms, other.match):
        return False
    if one.definition is None or other.definition is None:
        return one.definition is other.definition
    ours, theirs = one.definition, other.definition
    return (ours.person, ours.join) == (theirs.person, theirs.join) and all(
        getattr(ours.menu, name) == getattr(theirs.menu, name)
        for name in ("rows_per_person", "delta", "partition")
    )


def _less(one: Product, other: Product) -> bool:
    ours, theirs = one.prices, other.prices
    return (
        ours.currency == theirs.currency
        and ours.data_fee + ours.service_fee < theirs.data_fee + theirs.service_fee
    )


def _price(prices: Prices) -> str:
    return f"{prices.data_fee + prices.service_fee} millionths of {prices.currency} a unit"


def _by_quota(ask: Ask, offer: Offer) -> _Step:
    """Lower the quota to what may be granted and to what the rate lets through."""
    quota, period, found = ask.quota, ask.period, []
    left = most_units(offer, reading_of(ask, offer))
    template = offer.template.template if ask.template and offer.template else None
    minutes = -((period.start - period.until) // _MINUTE)
    bounds = [
        (left, "a buyer may be granted no more over this table", "本表可授予该购买方的上限"),
        (quota.per_minute * minutes, "the rate lets no more through", "速率上限内用不完"),
    ]
    if template:
        bounds.append((template.max_units, "the template allows no more", "模板上限"))
    most, why, why_zh = min(bounds)
    units = quota.units
    if 0 < most < units:
        found.append(Narrowing("quota.units", str(units), str(most), why, why_zh))
        units = most
    rate = min(quota.per_minute, units, template.max_per_minute if template else units)
    if rate < quota.per_minute:
        why, why_zh = "more than the units in all says nothing", "不超过总量，或模板上限"
        found.append(Narrowing("quota.per_minute", str(quota.per_minute), str(rate), why, why_zh))
    return replace(ask, quota=Quota(units=units, per_minute=rate)), offer, found


def _by_period(ask: Ask, offer: Offer) -> _Step:
    """End where the template or the mandates end."""
    start, until = ask.period.start, ask.period.until
    ends = [(covered_until(ask, offer), "no mandate covers more", "授权运营协议到此为止")]
    if ask.template and offer.template is not None:
        template = offer.template.template
        last = min(template.period.until, start + timedelta(days=template.max_days))
        ends.append((last, "the template ends there", "模板期限到此为止"))
    last, why, why_zh = min(ends)
    if not start < last < until:
        return ask, offer, []
    change = Narrowing("period.until", format_time(until), format_time(last), why, why_zh)
    return replace(ask, period=Period(start=start, until=last)), offer, [change]


def _by_limits(ask: Ask, offer: Offer) -> _Step:
    """Take the groups and the epsilon that the labels allow; verdicts have neither."""
    if kind_asked(ask, offer).release == "verdicts":
        group, budget = 0, ""
    else:
        ruling = reading_of(ask, offer).ruling
        group, budget = limits_of(ask, ruling)
        group, budget = max(group, ruling.group), least_budget(budget, ruling.budget)
    found = [
        Narrowing(clause, str(asked), str(value) or "-", _LABELS, _LABELS_ZH)
        for clause, asked, value in (("group", ask.group, group), ("budget", ask.budget, budget))
        if asked and asked != value
    ]
    group, budget = group if ask.group else 0, budget if ask.budget else ""
    return replace(ask, group=group, budget=budget), offer, found


def _by_declarations(ask: Ask, offer: Offer) -> _Step:
    """Declare each sentence once."""
    once = tuple(dict.fromkeys(ask.declarations))
    if once == ask.declarations:
        return ask, offer, []
    asked, found = str(len(ask.declarations)), str(len(once))
    why = Narrowing("declarations", asked, found, "each sentence once", "每条声明一次")
    return replace(ask, declarations=once), offer, [why]


_LABELS, _LABELS_ZH = "as the labels of what is read allow", "按所读取列的分类分级"
_STEPS: tuple[Callable[[Ask, Offer], _Step], ...] = (
    _by_outputs,
    _by_product,
    _by_period,
    _by_quota,
    _by_limits,
    _by_declarations,
)
