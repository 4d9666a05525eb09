"""Bills, where a client can check or say more than `unseen.evidence.settlement` does.

The operator's bill rests on leaves; here each is held to the signature of the instance that asked.
The buyer's rests on receipts; where the node charged a request and no longer keeps its reply, the
bill says so instead of there being none.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from unseen.evidence import canonical, settlement
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.commitment import parts_root
from unseen.evidence.contract import Terms
from unseen.evidence.errors import RequestInvalidError, SettlementError, SignatureInvalidError
from unseen.evidence.log import ReleaseLeaf, encode_leaf
from unseen.evidence.request import verify_request
from unseen.evidence.suite import suite_of


def check_signatures(
    terms: Terms,
    releases: Iterable[ReleaseLeaf],
    keys: Mapping[str, bytes],
    registered: Callable[[], Collection[str]],
) -> None:
    """Return if every release was asked for by an instance of the buyer.

    `keys` are the buyer's instance keys by their names (a name is the key's hash). A key that
    is not among them, as its instance has a new one, must be one of `registered`, the names in
    the log's leaves `instance.registered` of the buyer; its signature is then not checked.

    Raises:
        SettlementError: a signature fails, or an instance was never the buyer's.

    """
    suite = suite_of(terms.suite)
    for leaf in releases:
        key = keys.get(leaf.instance)
        if key is None:
            if leaf.instance not in registered():
                raise _error(f"request {leaf.request.request} is by no instance of the buyer")
            continue
        try:
            verify_request(leaf.request, leaf.signature, suite, key)
        except (RequestInvalidError, SignatureInvalidError):
            raise _error(f"the signature over request {leaf.request.request} fails") from None


def settle_without(terms: Terms, releases: Iterable[ReleaseLeaf], lost: Mapping[str, int]) -> bytes:
    """Return the statement of `releases`, and of the requests in `lost` with their units.

    It is a settlement with one more field, `unreceipted`: requests that the node says it charged
    and whose reply, and with it the receipt, it no longer keeps. Units and amount are of the
    receipts alone. Every release was held to the terms before (`verify_terms`).

    Raises:
        SettlementError: releases overlap, or leave out more units than `lost` accounts for.

    """
    by_request: dict[str, ReleaseLeaf] = {}
    for leaf in releases:
        if by_request.setdefault(leaf.request.request, leaf) != leaf:
            raise _error(f"request {leaf.request.request} has been charged twice")
    ordered = sorted(by_request.values(), key=lambda leaf: leaf.total)
    missing = used = 0
    for leaf in ordered:
        before = leaf.total - leaf.request.units
        if before < used:
            raise _error(f"two releases claim unit {before + 1}")
        missing, used = missing + before - used, leaf.total
    if missing > sum(lost.values()):
        raise _error(f"the receipts of {missing} units are missing, more than the node has lost")
    return _statement(terms, ordered, lost)


def _statement(terms: Terms, ordered: list[ReleaseLeaf], lost: Mapping[str, int]) -> bytes:
    frame = canonical.decode(settlement.settle(terms, ()))
    if not isinstance(frame, dict):  # it is one by its definition
        raise _error("the statement is not an object")
    suite = suite_of(terms.suite)
    units = sum(leaf.request.units for leaf in ordered)
    fees = (("data_fee", terms.prices.data_fee), ("service_fee", terms.prices.service_fee))
    lines: list[Json] = [
        {"line": line, "price": price, "units": units, "amount": price * units}
        for line, price in fees
    ]
    leaves = [encode_leaf(leaf.to_json()) for leaf in ordered]
    unreceipted: list[Json] = [
        {"request": request, "units": count} for request, count in sorted(lost.items())
    ]
    return canonical.encode(
        frame
        | {
            "requests": len(ordered),
            "units": units,
            "lines": lines,
            "amount": sum(price for _, price in fees) * units,
            "digest": b64encode(parts_root(suite, leaves) if leaves else suite.digest(b"")),
            "unreceipted": unreceipted,
        }
    )


def _error(message: str) -> SettlementError:
    return SettlementError(
        f"settlement: {message}",
        clause="releases",
        remedy="compare the log's releases with the receipts, request by request",
    )
