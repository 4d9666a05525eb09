"""Bills, where a client can check or say more than `unseen.evidence.settlement` does.

The operator's bill rests on leaves; here each is held to the signature of the instance that asked.
The buyer's rests on receipts; where the node charged a request and no longer keeps its reply, the
bill says so instead of there being none.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

from unseen.evidence import settlement
from unseen.evidence.contract import Terms
from unseen.evidence.errors import RequestInvalidError, SettlementError, SignatureInvalidError
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.objection import Credit
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


def settle_without(
    terms: Terms,
    releases: Iterable[ReleaseLeaf],
    lost: Mapping[str, int],
    credit: Credit | None = None,
) -> bytes:
    """Return the statement of `releases`, and of the requests in `lost` with their units.

    It is a settlement with one more field, `unreceipted`: requests that the node says it charged
    and whose reply, and with it the receipt, it no longer keeps. Units and amount are of the
    receipts alone.

    Raises:
        SettlementError: a release does not fit the contract, releases overlap, or they leave out
            more units than `lost` accounts for.

    """
    ordered, gaps = settlement.arrange(terms, releases)
    missing = sum(last - first + 1 for first, last in gaps)
    if missing > sum(lost.values()):
        raise _error(f"the receipts of {missing} units are missing, more than the node has lost")
    return settlement.statement(terms, ordered, credit, unreceipted=lost)


def _error(message: str) -> SettlementError:
    return SettlementError(
        f"settlement: {message}",
        clause="releases",
        remedy="compare the log's releases with the receipts, request by request",
    )
