"""What a node adds to the exact table over several nodes, which a lead receives. No protocol here.

No noise is added. What leaves of one node's rows leaves once: the very numbers that it adds are
pinned with their charge, under the joint clause. Another cohort, another lead, the table of this
node alone, or rows that have changed in any way are refused from then on, since two exact tables
could be taken from each other. So a refusal says that rows have changed.
"""

from typing import TYPE_CHECKING

from unseen.evidence.canonical import b64decode
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.statistics import Menu, Question, check_question, menu_of
from unseen.evidence.contracts.statistics.summed import (
    most_summed,
    summed_dimension,
    write_summed,
)
from unseen.evidence.errors import QuestionInvalidError
from unseen.evidence.suite import suite_of
from unseen.node.catalog.catalogue import Table
from unseen.node.context import Node
from unseen.node.errors import JointRefusedError
from unseen.node.joint.contribution import Asked, Contribution, Outline
from unseen.node.kinds.statistics import partition_digest, pins_of, rows_of, tables_behind
from unseen.node.statistics.evaluate import count_behind
from unseen.node.statistics.together import part_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.protocols.secagg.parameters import Round

_PIN = b"unseen/joint/v1 pin\x00"


def outline_exact(menu: Menu, question: Question) -> Outline:
    """Return how many coordinates the exact table has; it costs no rho.

    Raises:
        QuestionInvalidError: the question has noise, or the menu fixes no exact table.

    """
    check_question(menu, question)
    if not question.exact:
        raise QuestionInvalidError(
            "question: a lead receives the exact table, what=partition, and nothing else",
            clause="what",
            remedy="ask for the exact table, or under a joint clause without a lead",
        )
    return Outline(summed_dimension(menu))


async def contribute_exact(node: Node, asked: Asked, parameters: "Round") -> Contribution:
    """Count this node's part of the exact table.

    Raises:
        JointRefusedError: so many rows could add up to more than the round's bound.
        UnseenError: as one node alone would refuse the question.

    """
    import numpy as np  # noqa: PLC0415 - only who adds vectors up needs it

    contract, question = asked.contract, Question.decode(asked.payload)
    menu = menu_of(contract.terms.parameters)
    product = node.catalogue.product(contract.terms.product)
    tables = tables_behind(node, product)
    rows = tables[0].snapshot.rows
    if most_summed(menu, rows) > parameters.bound:
        raise JointRefusedError(
            "sums over so many rows could reach over the bound of a coordinate",
            clause="joint.bound",
            remedy="ask for contracts with a larger bound, in a ring of 64 bits",
        )
    found, root = await count_behind(node, contract, product, tables[0], question)
    vector = np.array(write_summed(menu, part_of(menu, found)), np.int64)
    partition = partition_digest(contract, product, rows_of(contract, tables, root))
    return Contribution(
        vector=vector,
        people=rows,
        snapshot=b64decode(tables[0].snapshot.commitment),
        consent_root=root,
        pins=pins_of(contract, tables, _pinned(node, asked, tables[0], partition, vector)),
    )


def _pinned(
    node: Node, asked: Asked, table: Table, partition: bytes, vector: "NDArray[np.int64]"
) -> bytes:
    """Return what names the numbers that leave, and with whom: 32 bytes that hide them."""
    suite = suite_of(asked.contract.terms.suite)
    salt = node.vault.open(f"snapshot/{table.name}", table.snapshot.sealed_salt)
    numbers = vector.astype("<i8").tobytes()
    clause = asked.clause.digest(suite)
    return commit(suite, suite.digest(_PIN + salt), (partition, clause, numbers))
