"""Order (交易机构订单号): the order at a data exchange, where the labels demand one."""

from collections.abc import Iterator
from typing import Any

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import OrderMissingError


def _check(ask: Ask, _offer: Offer, reading: Reading) -> Iterator[OrderMissingError]:
    if reading.ruling.order and not ask.order:
        yield OrderMissingError(
            f"the labels demand an order at a data exchange: {reading.ruling.because['order']}",
            clause="order",
            remedy="get its id from the exchange and ask with --order ID",
        )


def _terms(ask: Ask, _offer: Offer, _reading: Reading) -> dict[str, Any]:
    return {"order": ask.order} if ask.order else {}


ORDER = Clause("order", _check, _terms, standing=True)
