"""Billing: what a unit of the bill is, what is free, the cap and the payees, as the product says.

Where hits are billed, the log has to say which requests were one: see the leakage statement.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from unseen.evidence.contracts.leakage import Statement
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import TemplateExceededError

HITS = Statement(
    party="auditor",
    what="hits",
    text="of each request whether its subject was found, as the bill counts those; not whom",
    text_zh="按命中计费，故可得知每次请求是否查得，但不知查询对象",
    bound="one bit for each unit",
    bound_zh="每个计量单位一比特",
    channel="answers",
)


def _check(ask: Ask, offer: Offer, _reading: Reading) -> Iterator[TemplateExceededError]:
    """Yield what stands against free units; the rest was checked when the product was registered.

    They are each contract's. Under a template nobody reads the next one, so that a buyer could
    cut all of its use into free pieces: it gets them once in the template's longest period.
    """
    billing, product = offer.product.billing, offer.product.name
    if not ask.template or offer.template is None or billing is None or not billing.free_units:
        return
    days = offer.template.template.max_days
    starts = (start for name, start in offer.followed if name == product)
    if any(abs(start - ask.period.start) < timedelta(days=days) for start in starts):
        yield TemplateExceededError(
            f"the {billing.free_units} free units of product {product!r} are given once in"
            f" {days} days under a template, and another contract has them",
            clause="template.free_units",
            remedy="use that contract, or ask without a template: then every approver signs the"
            " contract itself",
        )


def _terms(_ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    billing = offer.product.billing
    return {} if billing is None else {"billing": billing}


def _statements(offer: Offer, _reading: Reading) -> tuple[Statement, ...]:
    billing = offer.product.billing
    return (HITS,) if billing is not None and billing.unit == "hit" else ()


BILLING = Clause("billing", _check, _terms, _statements)
