"""Chaudhuri, Monteleoni and Sarwate, JMLR 2011, section 2: what a joint training is, in public.

Everything that a party's contribution depends on besides its rows: bounds of features and label,
the family, the steps, the privacy. All of it is signed before anybody looks at a row, so nothing in
it may be made from the data: edges of clamps come from a code book, not from a minimum. It does
not protect a person who has more rows, over all parties, than `rows_per_person`.
"""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt
from typing import Final

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.secagg.parameters import MAX_PARTIES, MIN_PARTIES, NO_DROP_OUT_BELOW
from unseen.protocols.train import coding
from unseen.protocols.train.coding import Json, decimal

FAMILIES: Final = ("linear", "logistic", "poisson", "boosting")
FORMAT: Final = "unseen/train/spec/1"
_EDGE: Final = 10**12
_MAX_COLUMNS: Final = 1000
_NAME_BYTES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A column of the data: a number within a public clamp, or one of some public `values`.

    A number is rounded to `decimals` and clamped to [low, high], which are in units of
    10^-decimals; a model sees it from -1 to 1. A column with `values` holds their numbers, from
    0; a model sees one indicator for each, and none is set for any other number.
    """

    name: str
    low: int = 0
    high: int = 1
    decimals: int = 0
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no column."""
        _name(self.name, "spec.features")
        whole = all(type(number) is int for number in (self.low, self.high, self.decimals))
        if not whole or not -_EDGE <= self.low < self.high <= _EDGE or not 0 <= self.decimals <= 9:
            raise InputInvalidError(
                f"{self.name}: low < high, 0 to 9 decimals", clause="spec.clamp"
            )
        for value in self.values:
            _name(value, "spec.values")
        if len(set(self.values)) != len(self.values):
            raise InputInvalidError(f"{self.name}: values repeat", clause="spec.values")

    @property
    def width(self) -> int:
        """Return how many numbers a model sees of it."""
        return len(self.values) or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """How a regression is fitted: one step for its curvature, `rounds` for gradients.

    A row, with a one for the intercept, is shortened to the length `norm`, its gradient to `clip`:
    far below `norm` times a usual residual, that keeps the order of scores and spoils their size.
    `ridge` is added to the curvature, to which the share `curvature` of rho goes.
    """

    rounds: int
    norm: str
    clip: str
    ridge: str = "1"
    curvature: str = "0.3"

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        _range("spec.rounds", self.rounds, 1, 100)
        least = Fraction(1, 1000)
        decimal(self.norm, "spec.norm", low=least, high=1000)
        decimal(self.clip, "spec.clip", low=least, high=10**6)
        decimal(self.ridge, "spec.ridge")
        decimal(self.curvature, "spec.curvature", low=Fraction(1, 100), high=1)
        if decimal(self.curvature, "spec.curvature") > Fraction(99, 100):
            raise InputInvalidError("nothing is left for the gradients", clause="spec.curvature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Boosting:
    """How trees are boosted: `trees` of `depth` levels, a step for each level of each tree.

    `objective` is "logistic" or "squared". A level looks at `columns` of what a model sees, drawn
    in public, each in `bins` of equal width. A leaf is worth `rate` times its Newton step, under
    `ridge`, and both sides of a split hold `leaf` rows or more by the noisy sums.
    """

    objective: str
    trees: int
    depth: int
    bins: int
    columns: int
    rate: str = "0.3"
    ridge: str = "10"
    leaf: int = 20

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if self.objective not in {"logistic", "squared"}:
            raise InputInvalidError("logistic or squared", clause="spec.objective")
        _range("spec.trees", self.trees, 1, 500)
        _range("spec.depth", self.depth, 1, 8)
        _range("spec.bins", self.bins, 2, 256)
        _range("spec.columns", self.columns, 1, _MAX_COLUMNS)
        _range("spec.leaf", self.leaf, 1, 10**6)
        decimal(self.rate, "spec.rate", low=Fraction(1, 1000), high=1)
        decimal(self.ridge, "spec.ridge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """What the training may cost and what it counts on.

    `rho` (zCDP) is for all steps that fit, `evaluation` for the one that measures, "0" for none.
    Each of `parties` adds noise, of which that of `honest` counts: the least number of parties
    that stay to the end and keep their noise to themselves, so no more than a round can end with
    (floor(2n/3) + 1 of n >= 5). A person has at most
    `rows_per_person` rows over all parties, a party at most `most_rows`. A row of full length is
    2^`bits` whole numbers long, and sums are over Z_2^`ring`.
    """

    rho: str
    parties: int
    honest: int
    evaluation: str = "0"
    rows_per_person: int = 1
    most_rows: int = 1 << 20
    bits: int = 8
    ring: int = 64

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        decimal(self.rho, "spec.rho", low=Fraction(1, 10**6), high=1000)
        decimal(self.evaluation, "spec.evaluation", high=1000)
        _range("spec.parties", self.parties, MIN_PARTIES, MAX_PARTIES)
        _range("spec.honest", self.honest, 2, self._least)
        _range("spec.rows_per_person", self.rows_per_person, 1, 1000)
        _range("spec.most_rows", self.most_rows, 1, 1 << 32)
        _range("spec.bits", self.bits, 4, 14)
        if self.ring not in {32, 64}:
            raise InputInvalidError("a ring has 32 or 64 bits", clause="spec.ring")

    @property
    def _least(self) -> int:
        """Return how many parties a round ends with at least: more cannot be counted on."""
        return self.parties if self.parties < NO_DROP_OUT_BELOW else 2 * self.parties // 3 + 1


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A joint training. `steps` is a `Boosting` for that family, and else a `Descent`."""

    family: str
    features: tuple[Feature, ...]
    label: Feature
    steps: Descent | Boosting
    privacy: Privacy

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            InputInvalidError: it does not; the clause names the field.

        """
        boosting = self.family == "boosting"
        if self.family not in FAMILIES or isinstance(self.steps, Boosting) is not boosting:
            raise InputInvalidError("no such family, or steps of another", clause="spec.family")
        names = [feature.name for feature in (*self.features, self.label)]
        if not self.features or len(set(names)) != len(names):
            raise InputInvalidError("no features, or a name twice", clause="spec.features")
        if self.width > _MAX_COLUMNS:
            raise InputInvalidError(f"over {_MAX_COLUMNS} columns", clause="spec.features")
        self._check_label()
        self._check_steps()

    @cached_property
    def width(self) -> int:
        """Return how many numbers a model sees of a row, without the intercept."""
        return sum(feature.width for feature in self.features)

    @property
    def binary(self) -> bool:
        """Return whether the label is yes or no."""
        steps = self.steps
        return self.family == "logistic" or (
            isinstance(steps, Boosting) and steps.objective == "logistic"
        )

    @property
    def descent(self) -> Descent:
        """Return the steps of a regression.

        Raises:
            InputInvalidError: it is none.

        """
        if not isinstance(self.steps, Descent):
            raise InputInvalidError("a model of another family", clause="spec.family")
        return self.steps

    @property
    def boosting(self) -> Boosting:
        """Return the steps of boosted trees.

        Raises:
            InputInvalidError: it has none.

        """
        if not isinstance(self.steps, Boosting):
            raise InputInvalidError("a model of another family", clause="spec.family")
        return self.steps

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the canonical bytes, in hexadecimal."""
        return hashlib.sha256(self.encode()).hexdigest()

    def to_json(self) -> Json:
        """Return it as JSON."""
        return {"format": FORMAT} | dict(coding.to_json(self))

    def encode(self) -> bytes:
        """Return its canonical bytes."""
        return coding.encode(self.to_json())

    @classmethod
    def from_json(cls, value: Json) -> "Spec":
        """Return the training whose JSON is `value`.

        Raises:
            MalformedMessageError: it is none.
            InputInvalidError: it is out of range.

        """
        names = ("format", "family", "features", "label", "steps", "privacy")
        found = dict(coding.record(value, *names))
        if found.pop("format") != FORMAT:
            raise MalformedMessageError("another format of training")
        steps = Boosting if found["family"] == "boosting" else Descent
        return coding.from_json(
            cls,
            found,
            {
                "features": lambda items: tuple(_feature(item) for item in _list(items)),
                "label": _feature,
                "steps": lambda item: coding.from_json(steps, item),
                "privacy": lambda item: coding.from_json(Privacy, item),
            },
        )

    @classmethod
    def decode(cls, data: bytes) -> "Spec":
        """Return the training whose canonical bytes are `data`; errors as `from_json`."""
        return cls.from_json(coding.decode(data))

    def _check_label(self) -> None:
        label = self.label
        edges = (label.low, label.high, label.decimals)
        if label.values or (self.binary and edges != (0, 1, 0)):
            raise InputInvalidError("a label is a number; yes or no is 1 or 0", clause="spec.label")
        if self.family == "poisson" and (edges[0], edges[2]) != (0, 0):
            raise InputInvalidError("counts start at 0, without decimals", clause="spec.label")
        if self.family == "poisson" and label.high > 10**4:
            raise InputInvalidError("a count is clamped to 10,000 or less", clause="spec.label")

    def _check_steps(self) -> None:
        if isinstance(self.steps, Boosting) and self.steps.columns > self.width:
            raise InputInvalidError("more columns than there are", clause="spec.columns")
        if isinstance(self.steps, Descent) and 4 * (isqrt(self.width) + 1) > 1 << self.privacy.bits:
            raise InputInvalidError("so many columns need more bits", clause="spec.bits")


def _feature(value: Json) -> Feature:
    return coding.from_json(Feature, value)


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise MalformedMessageError("features are no list")
    return value


def _name(name: object, clause: str) -> None:
    if type(name) is not str or not 1 <= len(name.encode()) <= _NAME_BYTES:
        raise InputInvalidError("a name has 1 to 100 bytes", clause=clause)


def _range(clause: str, value: int, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise InputInvalidError(f"a whole number from {low} to {high}", clause=clause)
