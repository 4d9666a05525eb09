"""What this node adds to a step of a training over several nodes.

Training, menu and clause say everything but the rows: how many coordinates a step has, what it
costs, how much noise one node adds. The payload brings the weights, which the buyer chooses as it
likes: a step's cost does not depend on them. Whether a node takes part depends on all of these and
on how many rows its table is registered with, never on what is in the rows.
"""

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from unseen.evidence import canonical
from unseen.evidence.canonical import b64decode
from unseen.evidence.contracts.statistics import menu_of
from unseen.evidence.contracts.statistics.definition import Condition, Definition
from unseen.evidence.contracts.training.clause import (
    charge_of,
    check_joint,
    check_menu,
    most_payload,
    steps_of,
    training_of,
)
from unseen.evidence.errors import ContractInvalidError
from unseen.node.catalog.catalogue import Table
from unseen.node.context import Node
from unseen.node.data.counting import Counting
from unseen.node.data.trained import Reading, encode_reading
from unseen.node.errors import InternalError, JointRefusedError
from unseen.node.joint.contribution import Asked, Contribution, Contributor, Outline
from unseen.node.joint.keeping import key_of, run_step
from unseen.node.joint.kept import Rests
from unseen.node.statistics.asked import Room, featured_counting
from unseen.node.statistics.evaluate import opened
from unseen.protocols.errors import MalformedMessageError

if TYPE_CHECKING:
    from unseen.protocols.secagg.parameters import Round
    from unseen.protocols.train import Spec, Step

_NUMBER_BYTES: Final = 8
MOST_BYTES: Final = 8 << 20  # of a payload: 500 trees of 8 levels


def outline(asked: Asked) -> Outline:
    """Return how many coordinates a step has, and what it costs.

    Raises:
        JointRefusedError: the payload is of no step of this training, or the clause over another.

    """
    step = _step(_training(asked), asked.payload)
    return Outline(step.dimension, charge_of(step))


async def contribute(node: Node, asked: Asked, parameters: "Round") -> Contribution:
    """Make this node's vector of a step from its rows.

    Raises:
        JointRefusedError: the table has more rows than the training lets a party have.
        TableError: the table is not the registered one, or cannot be read, or a filter fails.
        UnseenError: it took too long, or node or contract has stopped meanwhile.

    """
    import numpy as np  # noqa: PLC0415 - only who adds vectors up needs it

    contract, spec = asked.contract, _training(asked)
    product = node.catalogue.product(contract.terms.product)
    table = node.catalogue.table(product.table)
    if product.definition is None:
        raise InternalError("a product of trainings without a menu")
    _check_rows(spec, table)
    step = _step(spec, asked.payload)
    party = next(m.name for m in parameters.members if m.key == node.signer.public_key)
    async with opened(node, contract) as (run, room, root):
        reading = reading_of(spec, product.definition, table, room, party)
        size = table.snapshot.rows * _NUMBER_BYTES * (len(spec.features) + 1)
        rests = Rests(table.snapshot.commitment, root, size)
        key = await asyncio.to_thread(key_of, contract, reading, rests, room.spool)
        parts = [reading, asked.payload, *run.secret]
        found = await run_step(run, contract, key, rests, parts)
        if step.number == len(steps_of(spec)) - 1:  # it may be asked for again, and is read then
            await node.kept.drop(node.executor, contract.id)
    return Contribution(
        vector=np.frombuffer(found, "<i8").astype(np.int64),
        people=table.snapshot.rows,
        snapshot=b64decode(table.snapshot.commitment),
        noise=step.noise(secrets.token_bytes),
        consent_root=root,
    )


def reading_of(spec: "Spec", offered: Definition, table: Table, room: Room, party: str) -> bytes:
    """Return what a worker reads for a training, as it is told."""
    counting = counting_of(spec, offered, table, room)
    label = label_of(spec, offered)
    reading = Reading(counting=counting, spec=spec, party=party, label=label)
    return canonical.encode(encode_reading(reading))


def counting_of(spec: "Spec", offered: Definition, table: Table, room: Room) -> Counting:
    """Return what is read of a table's rows for a training: see `Reading`."""
    return featured_counting((*spec.features, spec.label), offered, table, room)


def label_of(spec: "Spec", offered: Definition) -> str:
    """Return the expression of a label that is yes or no; nothing where it is a number."""
    behind = offered.behind(spec.label.name)
    return behind.expression if isinstance(behind, Condition) else ""


def _training(asked: Asked) -> "Spec":
    terms = asked.contract.terms
    spec = training_of(terms.parameters)
    if spec is None:
        raise InternalError("a contract of kind train without a training")
    try:
        check_menu(spec, menu_of(terms.parameters))
        check_joint(spec, asked.clause)
    except ContractInvalidError as error:
        raise JointRefusedError(
            str(error),
            clause=error.clause,
            remedy="ask for contracts over the same training at each node",
        ) from None
    return spec


def _step(spec: "Spec", payload: bytes) -> "Step":
    """Return the step of a payload, which holds just what the step needs."""
    import numpy as np  # noqa: PLC0415 - only who adds vectors up needs it

    from unseen.protocols.train import local_step, step_of  # noqa: PLC0415

    if len(payload) > most_payload(spec):  # before anybody reads it
        raise _refused("it is longer than any")
    try:
        # Over no rows: whatever is wrong with the weights is wrong before any is looked at.
        local_step(spec, payload, "", np.zeros((0, len(spec.features))), np.zeros(0))
        return step_of(spec, payload)
    except MalformedMessageError as error:
        raise _refused(str(error)) from None


def _refused(why: str) -> JointRefusedError:
    return JointRefusedError(
        f"the payload is no step of this contract's training: {why}",
        clause="joint.payload",
        remedy="send what the coordinator of the training makes",
    )


def _check_rows(spec: "Spec", table: Table) -> None:
    if table.snapshot.rows > spec.privacy.most_rows:
        raise JointRefusedError(
            "the table has more rows than the training lets a party have",
            clause="parameters.train.privacy.most_rows",
            remedy="ask for contracts over a training with a larger most_rows",
        )


TRAIN: Final = Contributor(MOST_BYTES, outline, contribute)
