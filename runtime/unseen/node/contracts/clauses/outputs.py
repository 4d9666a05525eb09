"""Outputs: which of the product's questions are asked, each once, over columns that are there.

Of kinds `statistics` and `train` they are entries of the product's menu, and the part of it that
they make stands in the contract's parameters.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from unseen.evidence.contracts.encrypted import PROTOCOL as ENCRYPTED
from unseen.evidence.contracts.statistics.menu import PARAMETER
from unseen.evidence.contracts.training.clause import KIND as TRAIN
from unseen.evidence.errors import ContractInvalidError
from unseen.node.catalog.catalogue import Predicate, Table
from unseen.node.catalog.menus import known_columns, misfits
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.errors import ColumnUnknownError, OutputUnknownError
from unseen.node.kinds.kind import Kind, kind_of
from unseen.protocols.errors import UnseenError


def chosen(ask: Ask, offer: Offer) -> tuple[Predicate, ...]:
    """Return the predicates asked for, in the order of the ask; all of them where it names none."""
    offered = {predicate.name: predicate for predicate in offer.product.predicates}
    return tuple(offered[name] for name in ask.outputs or offered if name in offered)


def kind_asked(ask: Ask, offer: Offer) -> Kind:
    """Return the fixed side of the kind that the outputs asked for are of."""
    protocol = ENCRYPTED if ask.encrypted else ""
    return kind_of(offer.product.kind, [each.name for each in chosen(ask, offer)], protocol)


def lacking(predicate: Predicate, offer: Offer) -> list[str]:
    """Return the columns that a predicate reads and the tables no longer have."""
    return sorted({*predicate.columns} - {*known_columns(offer.table, offer.joined)})


def read_beside(ask: Ask, offer: Offer) -> Table | None:
    """Return the joined table, if what is asked for reads it."""
    joined = offer.joined
    if joined is None:
        return None
    names = {*known_columns(offer.table, joined)} - {*known_columns(offer.table, None)}
    return joined if any(names & {*each.columns} for each in chosen(ask, offer)) else None


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
    gone_any = False
    for predicate in chosen(ask, offer):
        if gone := lacking(predicate, offer):
            gone_any = True
            yield ColumnUnknownError(
                f"{predicate.name!r} reads column {gone[0]!r}, which the table no longer has",
                clause=f"outputs.{predicate.name}",
                remedy="choose outputs over columns that are there",
            )

    if offer.product.definition is not None and not gone_any:
        names = tuple(each.name for each in chosen(ask, offer))
        yield from misfits(offer.product.definition, names, offer.table, offer.joined)


def _terms(ask: Ask, offer: Offer, _reading: Reading) -> dict[str, Any]:
    if offer.product.definition is None:
        return {}
    menu = offer.product.definition.only([each.name for each in chosen(ask, offer)])
    if offer.product.kind == TRAIN:  # nobody asks a training for an exact table
        menu = replace(menu, partition=None)
    return {"parameters": {PARAMETER: menu.to_json()}}


OUTPUTS = Clause("outputs", _check, _terms, standing=True)
