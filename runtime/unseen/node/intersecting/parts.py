"""The parts of an intersection's run: which a buyer sends and fetches, how large they may be."""

from typing import TYPE_CHECKING

from unseen.evidence.contracts.intersection import KIND, clause_in, first_bytes, head_bytes
from unseen.node.errors import FieldInvalidError
from unseen.node.intersecting.bounds import most_bytes
from unseen.node.intersecting.files import MIXED, OTHERS, SET
from unseen.node.privacy.guard import most_items
from unseen.node.runs.files import ANSWER
from unseen.node.runs.kind import Head, Room, RunKind
from unseen.node.runs.uploads import refused
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES

if TYPE_CHECKING:
    from unseen.node.context import Node
    from unseen.node.contracts.register import Contract
    from unseen.node.runs.sessions import Run


def _check(contract: "Contract", run: "Run", head: Head) -> None:
    if head.part == MIXED:
        output = clause_in(contract.terms.parameters).output
        if not run.has(OTHERS) or run.size(OTHERS) - head_bytes(output) != head.size:
            raise refused("part", "nothing of this size waits to be mixed")
        return
    if head.part != SET:
        raise refused("part", "a buyer sends its set, or what it has mixed")
    clause = clause_in(contract.terms.parameters)
    most = min(clause.most, most_items(contract.terms.quota.units, contract.units_used))
    charged = run.has(SET)  # what is here already is not asked for room
    least, largest = (first_bytes(clause.output, items) for items in (1, most))
    if not charged and not least <= head.size <= largest:
        raise FieldInvalidError(
            f"a set of this contract has 1 to {most:,} items now",
            clause="parameters.intersect.most",
            remedy="ask about fewer items at once, or for a further contract",
        )


def _room(node: "Node", contract: "Contract", head: Head) -> Room | None:
    if head.part != SET:  # room for what is mixed was promised with what is to be
        return None
    output = clause_in(contract.terms.parameters).output
    items = (head.size - first_bytes(output, 0)) // ELEMENT_BYTES
    rows = node.catalogue.table(contract.terms.table).snapshot.rows
    return Room(most_bytes(output, rows, items), head.size)


INTERSECTIONS = RunKind(
    name=KIND,
    folder="intersections",
    setting="intersections_mb",
    check=_check,
    room=_room,
    leaves={ANSWER: True, OTHERS: False},
)
