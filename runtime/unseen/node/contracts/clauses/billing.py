"""Billing: what a unit of the bill is, what is free, the cap and the payees, as the product says.

Where hits are billed, the log has to say which requests were one: see the leakage statement.
"""

from collections.abc import Iterable
from typing import Any

from unseen.evidence.contracts.plan import Statement
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.protocols.errors import UnseenError

HITS = Statement(
    party="auditor",
    what="hits",
    text="of each request whether its subject was found, as the bill counts those; not whom",
    text_zh="按命中计费，故可得知每次请求是否查得，但不知查询对象",
    bound="one bit for each unit",
    bound_zh="每个计量单位一比特",
    channel="answers",
)


def _check(_ask: Ask, _offer: Offer, _reading: Reading) -> Iterable[UnseenError]:
    return ()  # the product was held to it when it was registered


def _terms(_ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    billing = offer.product.billing
    return {} if billing is None else {"billing": billing}


def _statements(offer: Offer, _reading: Reading) -> tuple[Statement, ...]:
    billing = offer.product.billing
    return (HITS,) if billing is not None and billing.unit == "hit" else ()


BILLING = Clause("billing", _check, _terms, _statements)
