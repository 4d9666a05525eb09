"""Two joint trainings on real data (`examples/data`), beside the same regression on pooled rows.

RAND health: did a person see a physician in that year; three hospitals and an insurer. A person has
up to five rows and is protected with all of them. German credit: was a loan bad; three banks, a row
a loan. Every split holds out a fifth of the people; delta is 1 / n^1.1 for n people who are left.
"""

import importlib.util
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols import dp
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.testing import seeded_rng
from unseen.protocols.train import Descent, Feature, Privacy, Spec
from unseen.protocols.train.attack import area
from unseen.protocols.train.driver import Outcome, Share, drive_train
from unseen.protocols.train.rows import columns_of, products, score, total

EPSILONS: Final = (1, 2, 4, 8)
CUTS: Final = Path(__file__).parents[3] / "examples/data/cut_into_parties.py"
_RHO_PARTS: Final = 10**6

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """Area under the curve, logistic loss, and (predicted, observed) by tenths of the score."""

    auc: float
    loss: float
    calibration: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as parties hold it. `people` says whose row it is, `holder` which party's."""

    name: str
    features: tuple[Feature, ...]
    label: str
    steps: Descent
    rows_per_person: int
    rows: Reals
    labels: Reals
    people: NDArray[np.int64]
    holder: NDArray[np.int64]
    parties: tuple[str, ...]

    def held_out(self, seed: int) -> "NDArray[np.bool_]":
        """Return which rows are held out: all those of a fifth of the people."""
        people = np.random.default_rng(seed).permutation(np.unique(self.people))
        return np.isin(self.people, people[: len(people) // 5])

    def task(self, rho: str) -> Spec:
        """Return the joint logistic regression at this cost."""
        return Spec(
            family="logistic",
            features=self.features,
            label=Feature(name=self.label),
            steps=self.steps,
            privacy=Privacy(
                rho=rho,
                parties=len(self.parties),
                honest=len(self.parties),
                rows_per_person=self.rows_per_person,
                most_rows=1 << 15,
            ),
        )

    def delta(self, seed: int) -> Fraction:
        """Return 1 / n^1.1 for the n people who are not held out."""
        count = len(np.unique(self.people[~self.held_out(seed)]))
        return Fraction(1 / count**1.1)

    def rho(self, epsilon: int, seed: int) -> str:
        """Return what epsilon admits, rounded down to a millionth."""
        found = dp.rho_within(epsilon, self.delta(seed))
        return f"{int(found * _RHO_PARTS) / _RHO_PARTS:.6f}".rstrip("0").rstrip(".")

    def train(self, epsilon: int, seed: int, *, masked: bool = False) -> Outcome:
        """Train on the rows that a split leaves."""
        kept = ~self.held_out(seed)
        none = np.zeros(len(kept), bool)
        shares = {
            name: Share(
                self.rows[kept & (self.holder == number)],
                self.labels[kept & (self.holder == number)],
                self.rows[none],
                self.labels[none],
            )
            for number, name in enumerate(self.parties)
        }
        task = self.task(self.rho(epsilon, seed))
        return drive_train(task, shares, seeded_rng(seed), masked=masked)

    def judged(self, scores: Reals, seed: int) -> "Judged":
        """Return how good scores, of all rows, are over the rows held out."""
        held = self.held_out(seed)
        return judge(scores[held], self.labels[held])

    def joint(self, epsilon: int, seed: int) -> "Judged":
        """Return how good a joint training is."""
        return self.judged(self.train(epsilon, seed).model.score(self.rows), seed)

    def pooled(self, seed: int) -> "Judged":
        """Return how good the same regression is on the rows of all parties, without noise."""
        design = design_of(self.task("1"), self.rows)
        kept = ~self.held_out(seed)
        return self.judged(score(design, likeliest(design[kept], self.labels[kept])), seed)


@cache
def rand() -> Table:
    """Return RAND health, three hospitals and an insurer, without rows that miss a value.

    Raises:
        InputInvalidError: no checkout with `examples/data`, or pyarrow is not installed.

    """
    plain = {
        "xage": (0, 64, 0),
        "female": (0, 1, 0),
        "child": (0, 1, 0),
        "logc": (0, 50, 1),
        "idp": (0, 1, 0),
        "lpi": (0, 80, 1),
        "fmde": (0, 90, 1),
        "physlm": (0, 1, 0),
        "disea": (0, 60, 0),
        "hlthg": (0, 1, 0),
        "hlthf": (0, 1, 0),
        "hlthp": (0, 1, 0),
        "educdec": (0, 25, 0),
        "num": (1, 12, 0),
        "mhi": (0, 100, 0),
        "time": (0, 10, 1),
    }
    parties, holder, columns = _held("hospitals")
    rows = np.stack([_numbers(columns[name]) for name in plain], axis=1)
    whole = np.isfinite(rows).all(axis=1)
    return Table(
        name="rand",
        features=tuple(
            Feature(name=name, low=low, high=high, decimals=decimals)
            for name, (low, high, decimals) in plain.items()
        ),
        label="visited",
        steps=Descent(rounds=4, norm="3.5", clip="3"),
        rows_per_person=5,
        rows=rows[whole],
        labels=(_numbers(columns["mdvis"]) > 0).astype(np.float64)[whole],
        people=_numbers(columns["zper"]).astype(np.int64)[whole],
        holder=holder[whole],
        parties=parties,
    )


@cache
def german() -> Table:
    """Return German credit, three banks; errors as `rand`."""
    plain = {
        "duration_in_month": (0, 72),
        "credit_amount": (0, 20_000),
        "age_in_years": (18, 80),
        "installment_rate_in_percentage_of_disposable_income": (1, 4),
        "present_residence_since": (1, 4),
        "number_of_existing_credits_at_this_bank": (1, 4),
        "number_of_people_being_liable_to_provide_maintenance_for": (1, 2),
    }
    parties, holder, columns = _held("banks")
    features, rows = [], []
    for name, items in columns.items():
        if name in plain:
            low, high = plain[name]
            features.append(Feature(name=name, low=low, high=high))
            rows.append(_numbers(items))
        elif name not in {"loan", "creditability"}:
            texts = sorted(set(items))  # the code table of the source, the same for every split
            values = tuple(texts[:1] if len(texts) == 2 else texts)
            features.append(Feature(name=name, values=values))
            rows.append(np.array([values.index(x) if x in values else -1.0 for x in items]))
    return Table(
        name="german",
        features=tuple(features),
        label="bad",
        steps=Descent(rounds=4, norm="4.5", clip="2.25"),
        rows_per_person=1,
        rows=np.stack(rows, axis=1),
        labels=np.array([float(x == "bad") for x in columns["creditability"]]),
        people=_numbers(columns["loan"]).astype(np.int64),
        holder=holder,
        parties=parties,
    )


def _held(cut: str) -> tuple[tuple[str, ...], NDArray[np.int64], dict[str, list[Any]]]:
    """Return the parties, which of them holds each row, and the columns of all rows."""
    if not CUTS.exists():
        raise InputInvalidError("this bench needs a checkout with examples/data")
    made = importlib.util.spec_from_file_location("cut_into_parties", CUTS)
    if made is None or made.loader is None:
        raise InputInvalidError("examples/data cannot be read")
    module = importlib.util.module_from_spec(made)
    try:
        made.loader.exec_module(module)
    except ModuleNotFoundError:
        raise InputInvalidError(
            "this bench needs pyarrow", clause="bench.train", remedy="install unseen[node]"
        ) from None
    tables = module.CUTS[cut]()
    holder = np.repeat(np.arange(len(tables)), [part.num_rows for part in tables.values()])
    columns: dict[str, list[Any]] = {}
    for part in tables.values():
        for name, items in part.to_pydict().items():
            columns.setdefault(name, []).extend(items)
    return tuple(tables), holder, columns


def _numbers(items: list[Any]) -> Reals:
    return np.array([np.nan if item is None else float(item) for item in items])


def judge(scores: Reals, labels: Reals) -> Judged:
    """Return how good scores, in log-odds, are for labels of 0 and 1."""
    yes = labels == 1
    loss = np.logaddexp(0.0, np.where(yes, -scores, scores))
    order = np.array_split(np.argsort(scores, kind="stable"), 10)
    chance = 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
    return Judged(
        auc=area(scores[yes], scores[~yes]),
        loss=float(loss.mean()),
        calibration=tuple((float(chance[part].mean()), float(yes[part].mean())) for part in order),
    )


def design_of(spec: Spec, rows: Reals) -> Reals:
    """Return what a model sees of rows, beside a one for the intercept."""
    seen = columns_of(spec, rows)
    return np.concatenate([np.ones((len(seen), 1)), seen], axis=1)


def likeliest(design: Reals, labels: Reals) -> Reals:
    """Return the weights of greatest likelihood, under a ridge of 1 as a joint training has."""
    weights = np.zeros(design.shape[1])
    for _ in range(25):
        mean = 1 / (1 + np.exp(-np.clip(score(design, weights), -30, 30)))
        second = (mean * (1 - mean))[:, None]
        curvature = products(design, design * second) + np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, total(design, labels - mean) - weights)
    found: Reals = weights
    return found
