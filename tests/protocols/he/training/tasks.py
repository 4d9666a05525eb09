"""Trainings to try things with: rows, tasks, runs. Needs TenSEAL."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from unseen.protocols.he.training import clear
from unseen.protocols.he.training.buyer import Keys, Wanted
from unseen.protocols.he.training.chain import Chain, chain_of
from unseen.protocols.he.training.descent import Descent
from unseen.protocols.he.training.parties import Training
from unseen.protocols.he.training.provider import Provided, Trainer
from unseen.protocols.he.training.rows import Held, kept
from unseen.protocols.he.training.task import Task
from unseen.protocols.testing import Transcript, drive_pair, seeded_rng

pytest.importorskip("tenseal.sealapi")

Reals = NDArray[np.float64]
KINDS: dict[str, dict[str, Any]] = {
    "logistic": {},
    "linear": {"family": "linear", "reach": Fraction(4), "largest_label": Fraction(2)},
    "vertical labels": {"vertical": True},
    "vertical": {"vertical": True, "own_columns": 3, "own_norm": Fraction(2)},
    "vertical linear": {
        "family": "linear",
        "reach": Fraction(4),
        "vertical": True,
        "own_columns": 3,
        "own_norm": Fraction(2),
    },
}


def task_of(kind: str = "logistic", **changes: Any) -> Task:
    """Return a task of five columns at the provider; `changes` are fields of it."""
    given: dict[str, Any] = {
        "family": "logistic",
        "columns": 5,
        "norm": Fraction(2),
        "least_rows": 100,
        "most_rows": 9000,
        "iterations": 2,
        "rho": Fraction(1, 10),
    }
    return Task(**{**given, **KINDS[kind], **changes})


def rows_of(task: Task, count: int, seed: int = 0) -> tuple[Reals, Reals]:
    """Return values of both parties, an intercept first, and labels that depend on them."""
    source = np.random.default_rng(seed)
    theirs = source.normal(0, 0.35, (count, task.columns))
    theirs[:, 0] = 0.5
    own = source.normal(0, 0.6, (count, task.own_columns))
    theirs = kept(theirs, task.columns, task.norm)
    own = kept(own, task.own_columns, task.own_norm) if task.own_columns else own
    values = np.concatenate([theirs, own], axis=1)
    scores = 1.2 * values @ source.normal(size=task.width)
    if task.logistic:
        return values, (source.random(count) < clear.sigmoid(scores)).astype(float)
    return values, np.clip(scores, -1, 1)


@dataclass(frozen=True)
class Run:
    """What came of a training."""

    weights: Reals
    charged: list[Fraction]
    transcript: Transcript


def run(task: Task, values: Reals, labels: Reals, shelf: Any = None) -> Run:
    """Train, both parties in this process."""
    theirs, own = np.split(values, [task.columns], axis=1)
    charged: list[Fraction] = []
    rows = Held(theirs, np.zeros(0) if task.vertical else labels)
    wanted = Wanted(Descent(task), Held(own, labels) if task.vertical else None)
    given = Provided(rows, charged.append, {} if shelf is None else shelf)
    (weights, _), transcript = drive_pair(Training(chain_of(task)), (wanted, given), seeded_rng(7))
    assert isinstance(weights, np.ndarray)
    return Run(weights, charged, transcript)


class Bench:
    """Keys and a provider of one task: what tests look into."""

    def __init__(self, task: Task) -> None:
        """Make them."""
        self.task = task
        self.chain: Chain = chain_of(task)
        self.keys = Keys(self.chain)
        self.context = self.keys.context(0)
        self.trainer = Trainer(self.chain, self.context)

    def summed(self, values: Reals, labels: Reals, weights: Reals) -> list[NDArray[np.uint64]]:
        """Return the words of a block's sums: what must not leave."""
        sums = self.trainer.arithmetic.sums()
        sent = self.trainer.weights(self.keys.weights(weights))
        self.trainer.arithmetic.add_block(sums, values, labels, sent)
        return self.trainer.arithmetic.words(sums)
