"""Training: the model that a buyer wants fitted, to columns of the menu, within its clamps.

Everything that a step depends on besides rows and weights stands in the contract. What the final
model may be, the gate judges; what could never pass it is refused here, before anything is spent.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from unseen.evidence.contracts.joint import Joint
from unseen.evidence.contracts.training import clause as training
from unseen.evidence.errors import ContractInvalidError, EvidenceError
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Reading
from unseen.node.contracts.clauses.joint import clause_of
from unseen.node.contracts.clauses.limits import limits_of
from unseen.node.contracts.clauses.outputs import chosen
from unseen.node.errors import KindRefusedError
from unseen.node.release.rules import Limits
from unseen.protocols.errors import InputInvalidError, UnseenError

if TYPE_CHECKING:
    from unseen.protocols.train import Spec

_WHOLE = 10_000
_FILE = "unseen contract request PRODUCT --train FILE --joint CLAUSE"


def spec_of(ask: Ask) -> "Spec | None":
    """Return the training that is asked for, if one is.

    Raises:
        EvidenceError: what is asked is none.
        InputInvalidError: this node has no library for vectors.

    """
    return training.decode_training(ask.train) if ask.train else None


def _check(ask: Ask, offer: Offer, reading: Reading) -> Iterator[UnseenError]:
    if offer.product.kind != training.KIND:
        if ask.train:
            yield KindRefusedError(
                f"this product is of kind {offer.product.kind}: nothing is trained on it",
                clause="train",
                remedy="ask for a product of the kind train",
            )
        return
    if ask.encrypted:
        return  # the clause over it says the rest
    try:
        spec, joint = spec_of(ask), clause_of(ask)
    except InputInvalidError as error:
        yield error
        return
    except EvidenceError as error:
        at = error.clause or "parameters.train"
        yield ContractInvalidError(str(error), clause=at, remedy=error.remedy or f"ask: {_FILE}")
        return
    if spec is None or joint is None:
        yield ContractInvalidError(
            "contract: a training needs to be told, and with whom",
            clause="train" if spec is None else "joint",
            remedy=f'{_FILE}; without --joint where the file says protocol = "ckks"',
        )
        return
    yield from _against_offer(spec, ask, offer)
    yield from _against_joint(spec, joint)
    yield from _against_limits(spec, ask, offer, reading)


def _against_offer(spec: "Spec", ask: Ask, offer: Offer) -> Iterator[UnseenError]:
    definition, names = offer.product.definition, training.names_of(spec)
    if definition is None:
        return
    asked = {each.name for each in chosen(ask, offer)}
    if asked != {*names}:
        yield ContractInvalidError(
            "contract: outputs are other columns than the training names",
            clause="outputs",
            remedy=f"ask for: {','.join(names)}",
        )
        return
    if any(definition.behind(name).table for name in names):
        yield ContractInvalidError(
            "contract: a training reads one table, and none beside it",
            clause="parameters.train.features",
            remedy="name columns of the product's own table",
        )
        return
    try:
        training.check_menu(spec, definition.only(names))
    except ContractInvalidError as error:
        remedy = "write the file anew, with the columns as they are: unseen product show PRODUCT"
        yield ContractInvalidError(str(error), clause=error.clause, remedy=remedy)


def _against_joint(spec: "Spec", joint: Joint) -> Iterator[UnseenError]:
    try:
        training.check_joint(spec, joint)
    except ContractInvalidError as error:
        remedy = "write the clause over this training: unseen train clause"
        yield ContractInvalidError(str(error), clause=error.clause, remedy=remedy)


def _against_limits(
    spec: "Spec", ask: Ask, offer: Offer, reading: Reading
) -> Iterator[UnseenError]:
    steps, rows = len(training.steps_of(spec)), offer.table.snapshot.rows
    if ask.quota.units < steps:
        yield ContractInvalidError(
            f"contract: the training has {steps} steps, a unit each",
            clause="quota.units",
            remedy=f"ask for {steps} units or more",
        )
    if rows > spec.privacy.most_rows:
        yield ContractInvalidError(
            f"contract: the table has more rows than the {spec.privacy.most_rows:,} of a party",
            clause="parameters.train.privacy.most_rows",
            remedy="write a larger most_rows into the file",
        )
    if _WHOLE * training.parameters_of(spec) > Limits().parameters * rows:
        yield ContractInvalidError(
            "contract: the model would have too many parameters for the rows of this table",
            clause="parameters.train.features",
            remedy="train fewer columns, or fewer and smaller trees",
        )
    group, budget = limits_of(ask, reading.ruling)
    least = Limits().with_group(group).group
    if spec.family == "boosting" and spec.boosting.leaf < least:
        yield ContractInvalidError(
            f"contract: leaves of {spec.boosting.leaf} rows are below the smallest group, {least}",
            clause="parameters.train.steps.leaf",
            remedy=f"train leaves of {least} rows or more",
        )
    definition = offer.product.definition
    if not budget or definition is None:
        return
    try:
        fits = training.within(spec, budget, definition.menu.delta)
    except EvidenceError:
        return  # the clause over limits says so
    if not fits:
        yield ContractInvalidError(
            f"contract: the training costs more than an epsilon of {budget}",
            clause="budget",
            remedy="ask for a larger budget, or train with more noise: a smaller epsilon",
        )


def _terms(ask: Ask, _offer: Offer, _reading: Reading) -> dict[str, Any]:
    spec = spec_of(ask)
    return {} if spec is None else {"parameters": {training.PARAMETER: spec.to_json()}}


TRAIN = Clause("train", _check, _terms)
