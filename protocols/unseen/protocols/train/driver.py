"""Bonawitz et al., CCS 2017: whole trainings in one process, for tests, benches and papers.

Every step is a round of secure aggregation among all parties, or, with `masked=False`, a plain sum
of the same vectors and the same noise: the result is the same to the last bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Rng
from unseen.protocols.secagg.driver import Cohort, cohort, drive_secagg
from unseen.protocols.secagg.ring import BLOCK
from unseen.protocols.train.evaluation import Metrics
from unseen.protocols.train.model import Model
from unseen.protocols.train.noise import StepNoise
from unseen.protocols.train.schedule import Step, schedule
from unseen.protocols.train.spec import Spec
from unseen.protocols.train.steps import Coordinator, local_step

Whole = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""`progress(done, all)` is called after every step."""


@dataclass(frozen=True, slots=True)
class Share:
    """A party's rows: to fit on, and held out to measure with."""

    features: NDArray[np.floating]
    labels: NDArray[np.floating]
    held_features: NDArray[np.floating]
    held_labels: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training ended with; `cost` in zCDP units of 10^-12, 0 without noise."""

    model: Model
    metrics: Metrics | None
    cost: int
    smallest_leaf: int
    bytes_sent: int
    steps: int


def drive_train(
    spec: Spec,
    shares: Mapping[str, Share],
    rng: Rng,
    *,
    masked: bool = True,
    masks: Rng | None = None,
    noisy: bool = True,
    progress: Progress | None = None,
) -> Outcome:
    """Train over the rows of `shares`, by name, one for each party of the task.

    Noise is drawn from `rng`, keys of the rounds from `masks`, or from `rng` as well.

    Raises:
        InputInvalidError: another number of parties than the task has.

    """
    if len(shares) != spec.privacy.parties:
        raise InputInvalidError("another number of parties than the task has")
    coordinator = Coordinator(spec)
    masks = masks or rng
    group = cohort(len(shares), 1, 1, masks, spec.privacy.ring)
    sent = done = 0
    steps = len(schedule(spec))
    while step := coordinator.step:
        payload = coordinator.payload()
        vectors = {
            name: local_step(spec, payload, name, *_rows(step, share))
            for name, share in shares.items()
        }
        noise = step.noise(rng) if noisy else None
        if masked:
            total, more = _secure(group, step, vectors, masks, noise)
            sent += more
        else:
            total = _plain(vectors, noise)
        coordinator.absorb(total, len(shares))
        done += 1
        if progress is not None:
            progress(done, steps)
    cost = coordinator.cost if noisy else 0
    return Outcome(
        coordinator.model(), coordinator.metrics, cost, coordinator.smallest_leaf, sent, done
    )


def _secure(
    group: Cohort,
    step: Step,
    vectors: Mapping[str, Whole],
    rng: Rng,
    noise: StepNoise | None,
) -> tuple[Whole, int]:
    round_ = replace(group.parameters, dimension=step.dimension, bound=step.bound, round_id=rng(32))
    members = zip(round_.members, vectors.values(), strict=True)
    each = None if noise is None else lambda _: noise
    named = {member.name: vector for member, vector in members}
    total, _, transcript = drive_secagg(replace(group, parameters=round_), named, rng, noise=each)
    return total, sum(transcript.bytes_from(name) for name in named)


def _plain(vectors: Mapping[str, Whole], noise: StepNoise | None) -> Whole:
    total: Whole = np.sum(list(vectors.values()), axis=0)
    if noise is not None:
        for _ in vectors:  # in blocks, as a round draws them
            for start in range(0, total.size, BLOCK):
                total[start : start + BLOCK] += noise(min(BLOCK, total.size - start))
    return total


def _rows(step: Step, share: Share) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    if step.kind == "evaluation":
        return share.held_features, share.held_labels
    return share.features, share.labels
