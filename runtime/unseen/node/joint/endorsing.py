"""The model that a training has led to, released through this node's gate. No protocol of its own.

The buyer has the model already: its noise was charged step by step, and whatever is made of noisy
sums says no more. What it gets here is a release: a gate that has judged family, size and leaves,
a person who has looked where the rules ask for one, and a receipt that commits to the numbers. The
node attacks the model with its own rows first. It cannot see that the model is what the sums led
to: a buyer may hand in any numbers, and then that is what was endorsed.

Whether the attack breaks the bar is an answer about rows without noise, one bit a model. So that
nobody asks many by numbers made up for it, a contract hands in a few models and no more; that they
were is durable before a row is read.
"""

import logging
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from unseen.evidence import canonical
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.contracts.training.clause import (
    KIND,
    MODELS,
    model_shape,
    steps_of,
    training_of,
)
from unseen.evidence.releases.request import Request
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError, JointRefusedError
from unseen.node.identity.parties import Caller
from unseen.node.joint.steps import contract_for, own_name
from unseen.node.joint.training import reading_of
from unseen.node.metering.metered import SignedRequest, run_metered
from unseen.node.metering.paying import Answer, Work
from unseen.node.privacy.spend import Spend
from unseen.node.release.facts import Attacked, ModelFacts
from unseen.node.release.rules import Limits
from unseen.node.statistics.evaluate import opened
from unseen.node.store.schema_release import judged_models
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    from unseen.protocols.train import Model, Spec

_logger = logging.getLogger("unseen.node.joint")


async def endorse(node: Node, caller: Caller, signed: SignedRequest) -> Answer:
    """Release a finished model; the request's one part is its canonical bytes.

    Raises:
        JointRefusedError: it is no model of the contract's training, or not all steps were taken,
            or as many were handed in as a contract may.
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    (data,) = signed.parts

    async def work(contract: Contract, request: Request) -> Work:
        spec = _training(contract)
        model = _model(spec, data)
        steps = len(steps_of(spec))
        if node.contracts.get(contract.id).units_used < steps:
            raise _refused("steps of the training are left", "take all steps first")
        await node.writer.submit(Judge(contract.id, request.request))
        return await _judged(node, caller, contract, spec, model)

    request = Request.decode(signed.statement)
    contract_for(node, caller, b64encode(request.contract))
    return await run_metered(node, caller, KIND, signed, 1, work)


@dataclass(frozen=True, slots=True)
class Judge(Change[None]):
    """Count a model that a contract hands in, before anything is learnt of it.

    Each look at rows counts: what is refused leaves no trace of its request elsewhere, so that
    under one id any number of models could be tried until one is not refused, or one model until
    rows come in another order.
    """

    contract: str
    request: str

    def apply(self, transaction: Transaction) -> None:
        """Write it down.

        Raises:
            JointRefusedError: a contract hands in no more, or this request's model was looked at.

        """
        of = select(judged_models.c.request).where(judged_models.c.contract == self.contract)
        before = set(transaction.connection.execute(of).scalars())
        if self.request in before:
            raise _refused(
                "the model of this request was looked at before, and did not leave",
                f"hand one in anew, under a fresh request: {MODELS - len(before)} are left",
            )
        if len(before) >= MODELS:
            raise _refused(
                f"{MODELS} models were handed in under this contract, and no more are looked at",
                "ask for a further contract: unseen contract request PRODUCT --train FILE",
            )
        row = {"contract": self.contract, "request": self.request}
        transaction.connection.execute(insert(judged_models), [row])


async def _judged(
    node: Node, caller: Caller, contract: Contract, spec: "Spec", model: "Model"
) -> Work:
    """Return the model as it may leave, with what the gate has to know of it."""
    product = node.catalogue.product(contract.terms.product)
    table = node.catalogue.table(product.table)
    if product.definition is None:
        raise InternalError("a product of trainings without a menu")
    _, clause = contract_for(node, caller, contract.id)
    async with opened(node, contract) as (run, room, root):
        reading = reading_of(spec, product.definition, table, room, own_name(node, clause))
        found = await run.task("attack_model", [reading, model.encode(), *run.secret])
    report = Attacked(measured="auc" in found, bar=Limits().attack, **found)
    _logger.info("model under %s: an attack found %s", contract.id, report)
    facts = ModelFacts(
        rows=table.snapshot.rows,
        measured=True,
        # Both sides of a split hold so many by the noisy sums; how many they are nobody knows.
        smallest_leaf=spec.boosting.leaf if spec.family == "boosting" else 0,
        attack=report.least if report.measured else None,
        report=report,
        private=True,
    )
    return Work(
        (canonical.encode(list(model.numbers)),),
        b64decode(table.snapshot.commitment),
        facts=facts,
        consent_root=root,
        model=model_shape(spec),
        privacy=Spend(rho=Fraction(0)),  # it was charged with the steps
    )


def _training(contract: Contract) -> "Spec":
    spec = training_of(contract.terms.parameters)
    if spec is None:
        raise _refused("the contract is over no training", "name a contract of the kind train")
    return spec


def _model(spec: "Spec", data: bytes) -> "Model":
    from unseen.protocols.train import Model  # noqa: PLC0415 - with vectors' library

    try:
        model = Model.decode(data)
    except UnseenError as error:
        raise _refused(f"no model: {error}", "send what the training ended with") from None
    if model.spec != spec:
        raise _refused("a model of another training", "send what this training ended with")
    return model


def _refused(why: str, remedy: str) -> JointRefusedError:
    return JointRefusedError(f"endorsing: {why}", clause="joint.model", remedy=remedy)
