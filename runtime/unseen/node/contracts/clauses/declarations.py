"""Declarations (声明): sentences that the buyer signs with the contract, true or not."""

from collections.abc import Iterable
from typing import Any

from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.protocols.errors import UnseenError


def _check(_ask: Ask, _offer: Offer, _reading: Reading) -> Iterable[UnseenError]:
    return ()


def _terms(ask: Ask, _offer: Offer, _reading: Reading) -> dict[str, Any]:
    return {"declarations": ask.declarations} if ask.declarations else {}


DECLARATIONS = Clause("declarations", _check, _terms)
