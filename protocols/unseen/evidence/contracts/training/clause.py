"""The training clause of a contract: which model is fitted, to what, in which steps, at what cost.

It stands in `Terms.parameters["train"]` as the JSON of a `Spec` (`unseen.protocols.train`), beside
the menu whose entries it names and the joint clause under which every step is a secure sum. All
nodes of the joint clause hold the same training: its digest is the clause's task. Clamps and values
are those of the menu, word for word, so that nothing about a feature is ever taken from rows.

A contract says what a step may cost and how many there are. It does not show that the weights a
buyer sends are those that the sums before led to; what a step costs does not depend on them.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from unseen.evidence import canonical
from unseen.evidence.canonical import MAX_INTEGER, Json
from unseen.evidence.contracts.cells import Number
from unseen.evidence.contracts.joint import Joint
from unseen.evidence.contracts.privacy import UNITS, charged_units, limit_of, rho_text
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.typed import MAX_CELLS, Model
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.protocols.errors import InputInvalidError, UnseenError

if TYPE_CHECKING:
    from unseen.protocols.train import Spec, Step
    from unseen.protocols.train.spec import Feature

PARAMETER: Final = "train"
KIND: Final = "train"
ATTACK_BAR: Final = (
    6_000  # what a gate refuses above: see `Attacked` of the node, in ten-thousandths
)
MODELS: Final = 3  # that a node attacks for one contract
_NUMBER_BYTES: Final = 18  # of a whole number with a sign and a comma
_TREE_BYTES: Final = 64  # of the names around a tree's numbers
_HEAD_BYTES: Final = 256
_CHECK = Checker(ContractInvalidError, "contract")


def training_of(parameters: Mapping[str, Json]) -> "Spec | None":
    """Return the training among a contract's parameters, if there is one.

    Raises:
        ContractInvalidError: what stands there is none, or sums of it would not fit.
        InputInvalidError: this machine has no library for vectors.

    """
    return read_training(parameters[PARAMETER]) if PARAMETER in parameters else None


def read_training(value: Json) -> "Spec":
    """Return the training whose JSON is `value`; raises as `training_of`."""
    check_library()
    from unseen.protocols.train import Spec, schedule  # noqa: PLC0415 - with vectors' library

    try:
        found = Spec.from_json(value)
        schedule(found)
    except UnseenError as error:
        at = f".{error.clause.removeprefix('spec.')}" if error.clause else ""
        raise ContractInvalidError(
            f"contract: parameters.train{at}: {error}",
            clause=f"parameters.train{at}",
            remedy=error.remedy,
        ) from None
    if parameters_of(found) > MAX_CELLS:
        _CHECK.fail("parameters.train.steps", f"make a model of more than {MAX_CELLS} numbers")
    return found


def decode_training(data: bytes) -> "Spec":
    """Return the training whose canonical bytes are `data`.

    Raises:
        CanonicalError: `data` is not canonical JSON.
        ContractInvalidError, InputInvalidError: as `training_of`.

    """
    return read_training(canonical.decode(data))


def task_of(spec: "Spec") -> bytes:
    """Return the task of a joint clause over this training, 32 bytes."""
    return bytes.fromhex(spec.digest)


def names_of(spec: "Spec") -> tuple[str, ...]:
    """Return the menu's entries that a training names: features in their order, then the label."""
    return (*(feature.name for feature in spec.features), spec.label.name)


def steps_of(spec: "Spec") -> "tuple[Step, ...]":
    """Return the steps of a training, each a round of its own."""
    from unseen.protocols.train import schedule  # noqa: PLC0415 - with vectors' library

    return schedule(spec)


def charge_of(step: "Step") -> Fraction:
    """Return the rho that a step is charged: its cost, as a leaf can say it."""
    return Fraction(charged_units(Fraction(step.cost, UNITS)), UNITS)


def charged_text(step: "Step") -> str:
    """Return the rho that a step is charged, as its leaf and receipt say it."""
    return rho_text(charged_units(Fraction(step.cost, UNITS)))


def total_of(spec: "Spec") -> int:
    """Return the units of rho that all steps together are charged."""
    return sum(charged_units(Fraction(step.cost, UNITS)) for step in steps_of(spec))


def within(spec: "Spec", epsilon: str, delta: str) -> bool:
    """Return whether all steps together are charged no more than a budget of (epsilon, delta)."""
    return total_of(spec) <= limit_of(epsilon, delta)


def bits_of(spec: "Spec") -> int:
    """Return the bits of the largest release: a step's sum, or the finished model."""
    largest = max(step.dimension for step in steps_of(spec)) * spec.privacy.ring
    return max(largest, model_shape(spec).bits)


def model_shape(spec: "Spec") -> Model:
    """Return the shape of the finished model as a node releases it: whole numbers alone."""
    cell = Number(use="parameter", low=-MAX_INTEGER, high=MAX_INTEGER)
    return Model(family=spec.family, format="json", cell=cell, parameters=parameters_of(spec))


def parameters_of(spec: "Spec") -> int:
    """Return how many numbers the finished model has at most."""
    if spec.family != "boosting":
        return spec.width + 1
    steps = spec.boosting
    return steps.trees * ((3 << steps.depth) - 2)  # columns and bins of the nodes, then leaves


def most_payload(spec: "Spec") -> int:
    """Return how many bytes the payload of a step has at most."""
    trees = spec.boosting.trees if spec.family == "boosting" else 0
    return _HEAD_BYTES + _NUMBER_BYTES * parameters_of(spec) + _TREE_BYTES * trees


def check_menu(spec: "Spec", menu: Menu) -> None:
    """Return if the training's features and label are entries of `menu`, within its clamps.

    Raises:
        ContractInvalidError: one is not; the clause names it.

    """
    for feature in spec.features:
        wanted, at = feature_of(menu, feature.name), f"parameters.train.features.{feature.name}"
        if wanted is None:
            _CHECK.fail(at, "is no dimension or measure of the menu")
        if feature != wanted:
            _CHECK.fail(at, "has another clamp, or other values, than the menu's")
    if label_of(menu, spec.label.name) != spec.label:
        _CHECK.fail("parameters.train.label", "is no label of the menu, or has another clamp")
    if spec.privacy.rows_per_person < menu.rows_per_person:
        _CHECK.fail(
            "parameters.train.privacy.rows_per_person", "is less than the menu lets a person have"
        )


def check_joint(spec: "Spec", joint: Joint) -> None:
    """Return if the joint clause is over this training and agrees with it.

    Raises:
        ContractInvalidError: it is not, or does not; the clause names the field.

    """
    from unseen.protocols.train import bound_of  # noqa: PLC0415 - with vectors' library

    if joint.task != task_of(spec):
        _CHECK.fail("parameters.joint.task", "is another training than the contract's")
    privacy = spec.privacy
    for field, found, wanted in (
        ("nodes", len(joint.nodes), privacy.parties),
        ("honest", joint.honest, privacy.honest),
        ("ring", joint.ring, privacy.ring),
    ):
        if found != wanted:
            _CHECK.fail(f"parameters.joint.{field}", "is not what the training counts on")
    if joint.bound < bound_of(spec):
        _CHECK.fail("parameters.joint.bound", "leaves no room for the sums of the training")
    for field in ("lead", "sigma2"):
        if getattr(joint, field):
            _CHECK.fail(f"parameters.joint.{field}", "is not for trainings: every node adds noise")


def feature_of(menu: Menu, name: str) -> "Feature | None":
    """Return the feature that an entry of the menu makes, None for a filter or no entry."""
    from unseen.protocols.train import Feature  # noqa: PLC0415 - with vectors' library

    if (dimension := menu.dimension(name)) is not None:
        return Feature(name=name, values=dimension.bins)
    if (measure := menu.measure(name)) is not None:
        return Feature(name=name, low=measure.low, high=measure.high, decimals=measure.decimals)
    return None


def label_of(menu: Menu, name: str) -> "Feature | None":
    """Return the label that an entry of the menu makes: a measure, or yes and no of a filter."""
    from unseen.protocols.train import Feature  # noqa: PLC0415 - with vectors' library

    if any(each.name == name for each in menu.filters):
        return Feature(name=name)
    return feature_of(menu, name) if menu.measure(name) is not None else None


def trained_rows(parameters: Mapping[str, Json]) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Yield what people read of the training among a contract's parameters, if there is one."""
    if PARAMETER in parameters and find_spec("numpy") is None:
        yield "trains", "a model; to read which: pip install 'unseen[kernels]'"
        return
    spec = training_of(parameters)
    if spec is None:
        return
    yield "trains", f"{spec.family}, {len(steps_of(spec)):,} steps"
    yield "features", tuple(feature.name for feature in spec.features)
    yield "label", spec.label.name


def check_library() -> None:
    """Refuse to read a training without the library for vectors."""
    if find_spec("numpy") is None:
        raise InputInvalidError(
            "trainings are read with a library for vectors, which this machine lacks",
            clause="parameters.train",
            remedy="install it: pip install 'unseen[kernels]'",
        )
