"""Bonawitz et al., CCS 2017, section 4: one training step, a party's side and the coordinator's.

    payload      canonical bytes: the task's digest, the step's number, the state of the model
    local_step   payload and a party's rows to whole numbers, without noise
    Coordinator  sums of all parties to the next payload, and in the end to a model

A payload is public and the digest of it belongs into the round's `context`. What a party returns is
bare: it leaves only under a mask and with the noise of `Step.noise`. The coordinator may choose any
weights it likes; what a step costs does not depend on them.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import (
    DimensionMismatchError,
    MalformedMessageError,
    StepOrderError,
    SurvivorsTooFewError,
)
from unseen.protocols.train import boosting, coding, evaluation, regression
from unseen.protocols.train.coding import Json
from unseen.protocols.train.evaluation import Metrics
from unseen.protocols.train.model import Model
from unseen.protocols.train.rows import Rows, blocks_of
from unseen.protocols.train.schedule import Step, schedule
from unseen.protocols.train.spec import Spec

FORMAT = "unseen/train/step/1"


class Learner(Protocol):
    """What a family does with the sums of its steps."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the parameters as a model holds them."""
        ...

    def state(self) -> Json:
        """Return what the parties have to know for the next step."""
        ...

    def absorb(self, step: Step, total: NDArray[np.int64], survivors: int) -> None:
        """Take the noisy sum of a step."""
        ...


def step_of(spec: Spec, payload: bytes) -> Step:
    """Return the step that a payload is for.

    Raises:
        MalformedMessageError: it is not canonical, or of another task.

    """
    return _opened(spec, payload)[0]


def local_step(
    spec: Spec,
    payload: bytes,
    party: str,
    features: NDArray[np.floating],
    labels: NDArray[np.floating],
) -> NDArray[np.int64]:
    """Return a party's vector of a step: `Step.dimension` whole numbers, without noise.

    `features` are n x the features of the task, `labels` n, in their units; for the step that
    evaluates, those of rows held out. Rows are looked at one by one: vectors of parts of them add
    up to that of all. Time grows with n times the columns, squared for the curvature; memory is
    that of 16,384 rows.

    Raises:
        MalformedMessageError: the payload is not of this task.
        DimensionMismatchError: other columns, or another number of labels; names the party.
        VectorInvalidError: a value is not finite; names the party and the place.
        RingOverflowError: more rows than a party may have.

    """
    step, state = _opened(spec, payload)
    add_up = _local(spec, step, state)
    total = np.zeros(step.dimension, np.int64)
    for rows in blocks_of(spec, party, features, labels):
        total += add_up(rows)
    return total


class Coordinator:
    """Drives a training: `payload` to all parties, `absorb` their sum, until `step` is None."""

    def __init__(self, spec: Spec) -> None:
        """Start before the first step.

        Raises:
            InputInvalidError: sums of this task do not fit into its ring.

        """
        self.spec = spec
        self._steps = schedule(spec)
        self._done = 0
        boosted = spec.family == "boosting"
        self._learner: Learner = boosting.Boosted(spec) if boosted else regression.Regression(spec)
        self._metrics: Metrics | None = None

    @property
    def step(self) -> Step | None:
        """Return the step that comes next; None after the last."""
        return self._steps[self._done] if self._done < len(self._steps) else None

    @property
    def cost(self) -> int:
        """Return the zCDP of the steps so far, in units of 10^-12."""
        return sum(step.cost for step in self._steps[: self._done])

    def payload(self) -> bytes:
        """Return what every party gets for the next step.

        Raises:
            StepOrderError: there is none.

        """
        step = self._next()
        evaluates = step.kind == "evaluation"
        state = {"model": list(self._learner.numbers)} if evaluates else self._learner.state()
        return coding.encode(
            {"format": FORMAT, "spec": self.spec.digest, "step": step.number, "state": state}
        )

    def absorb(self, total: NDArray[np.int64], survivors: int) -> None:
        """Take the sum over `survivors` parties, noise of each of them in it.

        Raises:
            StepOrderError: the training is over.
            DimensionMismatchError: another number of coordinates than the step has.
            SurvivorsTooFewError: fewer parties than those whose noise was counted on.

        """
        step = self._next()
        if total.shape != (step.dimension,) or total.dtype != np.int64:
            raise DimensionMismatchError("sum", found=total.size, expected=step.dimension)
        if survivors < self.spec.privacy.honest:
            expected = self.spec.privacy.honest
            raise SurvivorsTooFewError("parties", found=survivors, expected=expected)
        if step.kind == "evaluation":
            self._metrics = evaluation.metrics_of(self.spec, step, total, survivors)
        else:
            self._learner.absorb(step, total, survivors)
        self._done += 1

    def model(self) -> Model:
        """Return the model, after all steps that fit it.

        Raises:
            StepOrderError: there are some left.

        """
        if self.step is not None and self.step.kind != "evaluation":
            raise StepOrderError("the model is not fitted yet")
        return Model(self.spec, self._learner.numbers)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the parameters so far, as a model holds them; trees may be under way."""
        return self._learner.numbers

    @property
    def metrics(self) -> Metrics | None:
        """Return what held-out rows say; None before, or without, that step."""
        return self._metrics

    @property
    def smallest_leaf(self) -> int:
        """Return how many rows the smallest leaf holds by its noisy sums; 0 without trees."""
        return self._learner.smallest if isinstance(self._learner, boosting.Boosted) else 0

    def _next(self) -> Step:
        if self.step is None:
            raise StepOrderError("the training is over")
        return self.step


def _opened(spec: Spec, payload: bytes) -> tuple[Step, Json]:
    fields = coding.record(coding.decode(payload), "format", "spec", "step", "state")
    number, steps = fields["step"], schedule(spec)
    if fields["format"] != FORMAT or fields["spec"] != spec.digest:
        raise MalformedMessageError("a step of another task")
    if type(number) is not int or not 0 <= number < len(steps):
        raise MalformedMessageError("a step that the task has not")
    return steps[number], fields["state"]


def _local(spec: Spec, step: Step, state: Json) -> Callable[[Rows], NDArray[np.int64]]:
    """Return what makes a vector of rows, from the state of a step."""
    if step.kind == "evaluation":
        numbers = coding.whole_numbers(coding.record(state, "model")["model"])
        return partial(evaluation.evaluate, Model(spec, tuple(numbers)))
    if step.kind == "histogram":
        trees = _trees(spec, step, state)
        return lambda rows: boosting.histogram(spec, rows, trees, step)
    weights = regression.weights_of(spec, state)
    if step.kind == "curvature":
        return partial(regression.curvature, spec)
    return lambda rows: regression.gradient(spec, rows, weights)


def _trees(spec: Spec, step: Step, state: Json) -> tuple[boosting.Tree, ...]:
    trees = boosting.trees_of(spec, state)
    under_way = bool(trees) and not trees[-1].leaves
    levels = (len(trees[-1].columns) + 1).bit_length() - 1 if under_way else 0
    if (len(trees) - under_way, levels) != (step.part, step.level):
        raise MalformedMessageError("other trees than this step grows")
    return trees
