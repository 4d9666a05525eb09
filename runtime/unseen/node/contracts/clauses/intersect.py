"""Intersections: one output, sets of at most so many items, and noise where a number leaves."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from unseen.evidence.contracts.intersection import COUNT, KIND, PARAMETER, SUM
from unseen.evidence.errors import ContractInvalidError
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.limits import limits_of
from unseen.node.contracts.clauses.outputs import chosen
from unseen.node.errors import KindRefusedError
from unseen.protocols.errors import UnseenError
from unseen.protocols.psi.messages import MAX_ITEMS

MAX_ROWS = MAX_ITEMS  # a table's elements are one message


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[UnseenError]:
    if offer.product.kind != KIND:
        return
    wanted = [each.name for each in chosen(ask, offer)]
    if len(wanted) != 1:
        yield ContractInvalidError(
            f"contract: an intersection has one output, and asked for are {len(wanted)}",
            clause="outputs",
            remedy=f"ask for one of: {', '.join(each.name for each in offer.product.predicates)}",
        )
    rows = offer.table.snapshot.rows
    if rows > MAX_ROWS:
        yield KindRefusedError(
            f"the table has {rows:,} rows, and {MAX_ROWS:,} are intersected at most",
            clause="table.rows",
            remedy="ask for a hidden lookup over this table",
        )
    if find_spec("numpy") is None:
        yield KindRefusedError(
            "this node has no library for vectors",
            clause="kind",
            remedy="its operator installs it: pip install 'unseen[node,kernels]'",
        )
    if {COUNT, SUM} & {*wanted} and not limits_of(ask, reading.ruling)[1]:
        yield ContractInvalidError(
            "contract: what is counted has noise, which takes a budget",
            clause="budget",
            remedy="ask with one: --budget EPSILON",
        )


def _terms(ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    offered = offer.product.intersect
    if offered is None:
        return {}
    (output,) = chosen(ask, offer)
    most = min(ask.quota.units, ask.quota.per_minute)
    return {"parameters": {PARAMETER: offered.only(output.name, most).to_json()}}


INTERSECT = Clause("intersect", _check, _terms, standing=True)
