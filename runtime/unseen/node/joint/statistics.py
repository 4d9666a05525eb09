"""What a node adds to a question about many that is asked over several nodes.

Question, menu and clause say everything but the counts: how many coordinates, what each costs, how
much noise one node adds. Whether a node takes part depends on them, and on how many rows its table
is registered with, never on what is in the rows. Where a lead receives the exact table (`exact`),
it depends on whether the rows are those that were shown first, too.
"""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from unseen.evidence.canonical import b64decode
from unseen.evidence.contracts.statistics import Question, menu_of
from unseen.evidence.contracts.statistics.jointly import Part, dimension_of, parts_of, task_of
from unseen.evidence.suite import suite_of
from unseen.node.catalog.catalogue import Table
from unseen.node.context import Node
from unseen.node.errors import JointRefusedError
from unseen.node.joint.contribution import Asked, Contribution, Contributor, Outline
from unseen.node.joint.exact import contribute_exact, outline_exact
from unseen.node.statistics.evaluate import count_plain

if TYPE_CHECKING:
    from unseen.protocols.secagg.parameters import Round

MOST_BYTES: Final = 64 << 10  # of a question


def outline(asked: Asked) -> Outline:
    """Return how many coordinates a question has, and what it costs.

    Raises:
        QuestionInvalidError: the menu does not offer it, or not over several nodes.
        JointRefusedError: the clause is over another menu than the contract's.

    """
    terms, question = asked.contract.terms, Question.decode(asked.payload)
    menu = menu_of(terms.parameters)
    if asked.clause.task != task_of(menu, suite_of(terms.suite)):
        raise JointRefusedError(
            "the joint clause is over another menu than this contract's",
            clause="joint.task",
            remedy="ask for contracts over the same menu at each node",
        )
    if asked.clause.lead:
        return outline_exact(menu, question)
    parts = parts_of(menu, question, asked.clause.honest)
    return Outline(dimension_of(parts), question.cost)


async def contribute(node: Node, asked: Asked, parameters: "Round") -> Contribution:
    """Count this node's rows for a question.

    Raises:
        JointRefusedError: so many rows could add up to more than the round's bound.
        UnseenError: as one node alone would refuse the question.

    """
    import numpy as np  # noqa: PLC0415 - only who adds vectors up needs it

    from unseen.node.joint.noise import PartsNoise  # noqa: PLC0415

    if asked.clause.lead:
        return await contribute_exact(node, asked, parameters)
    contract, question = asked.contract, Question.decode(asked.payload)
    product = node.catalogue.product(contract.terms.product)
    table = node.catalogue.table(product.table)
    parts = parts_of(menu_of(contract.terms.parameters), question, asked.clause.honest)
    noise = PartsNoise([(part.spread, part.size) for part in parts], secrets.token_bytes)
    _check_room(parts, table, parameters.bound - noise.reach)
    counts, root = await count_plain(node, contract, product, table, question)
    return Contribution(
        vector=np.array(counts, np.int64),
        people=table.snapshot.rows,
        snapshot=b64decode(table.snapshot.commitment),
        noise=noise,
        consent_root=root,
    )


def _check_room(parts: Sequence[Part], table: Table, room: int) -> None:
    """Refuse what so many rows could make too large, whatever is in them."""
    for part in parts:
        # What one person moves is at least what one row does.
        if table.snapshot.rows * part.raw.sensitivity.l1 > room:
            raise JointRefusedError(
                "sums over so many rows could reach over the bound of a coordinate",
                clause="joint.bound",
                remedy="ask for contracts with a larger bound, in a ring of 64 bits",
            )


STATISTICS: Final = Contributor(MOST_BYTES, outline, contribute)
