"""Outputs: which of the product's questions are asked, each once, over columns that are there."""

from collections import Counter
from collections.abc import Iterator

from unseen.evidence.errors import ContractInvalidError
from unseen.node.catalog.catalogue import Predicate, Table
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import ColumnUnknownError, OutputUnknownError
from unseen.protocols.errors import UnseenError


def chosen(ask: Ask, offer: Offer) -> tuple[Predicate, ...]:
    """Return the predicates asked for, in the order of the ask; all of them where it names none."""
    offered = {predicate.name: predicate for predicate in offer.product.predicates}
    return tuple(offered[name] for name in ask.outputs or offered if name in offered)


def lacking(predicate: Predicate, table: Table) -> list[str]:
    """Return the columns that a predicate reads and its table no longer has."""
    return sorted(set(predicate.columns) - {column.name for column in table.columns})


def _check(ask: Ask, offer: Offer, _reading: Reading) -> Iterator[UnseenError]:
    offered = [predicate.name for predicate in offer.product.predicates]
    for name, times in Counter(ask.outputs).items():
        if name not in offered:
            yield OutputUnknownError(
                f"product {offer.product.name!r} does not offer {name!r}",
                clause=f"outputs.{name}",
                remedy=f"choose among: {', '.join(sorted(offered))}",
            )
        elif times > 1:
            yield ContractInvalidError(
                f"contract: outputs name {name!r} {times} times",
                clause=f"outputs.{name}",
                remedy="name each output once",
            )
    for predicate in chosen(ask, offer):
        if gone := lacking(predicate, offer.table):
            yield ColumnUnknownError(
                f"{predicate.name!r} reads column {gone[0]!r}, which the table no longer has",
                clause=f"outputs.{predicate.name}",
                remedy="choose outputs over columns that are there",
            )


OUTPUTS = Clause("outputs", _check, standing=True)
