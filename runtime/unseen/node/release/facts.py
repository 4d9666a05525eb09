"""What the node knows about how a result came to be. Rules read it; it never leaves the domain.

`measured` says that the node's own code counted. What a buyer's code states about its own result
is not measured, and no rule over contributors can be trusted on it: such a release needs a person.
"""

from dataclasses import dataclass, fields
from typing import Any

from unseen.evidence import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFacts:
    """What stands behind one shown cell.

    `contributors` are subjects. `total`, `largest` and `second` are the sum of the absolute
    contributions and its two largest, all in one unit; 0 where the cell adds nothing up.
    Where several nodes have added up what they hold, each has judged its own part, and nobody knows
    the two largest of all: then they are 0, and `dominated` says that a node found its part so.
    """

    contributors: int
    total: int = 0
    largest: int = 0
    second: int = 0
    dominated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateFacts:
    """What stands behind an aggregate: a `CellFacts` for each cell that is no key, row by row.

    `freedom` is the residual degrees of freedom of a fitted estimate, None where nothing is fitted.
    `population` is how many subjects the table has, where those outside of a cell are some of them;
    else None. `private` says that all of it was computed from numbers with noise, for which the
    privacy ledger is charged: then nobody is counted here, since a verdict that depends on true
    counts would be an answer without noise.
    """

    cells: tuple[CellFacts, ...]
    measured: bool
    freedom: int | None = None
    population: int | None = None
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """What a membership inference with the node's own rows found in a model; for its operator.

    The area under the curve, its 95 % interval, what it is at least with 99 % confidence, and the
    advantage, all in ten-thousandths; `bar` is what the rule compares `least` with. `members` are
    the rows that were fitted on, `others` those held out and scored. Where either were too few
    nothing was measured (`measured`), and the figures are 0.
    """

    measured: bool
    auc: int = 0
    low: int = 0
    high: int = 0
    least: int = 0
    advantage: int = 0
    bar: int
    members: int
    others: int

    def encode(self) -> bytes:
        """Return it as canonical JSON."""
        return canonical.encode({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def decode(cls, data: bytes) -> "Attacked":
        """Return what `encode` wrote."""
        value: Any = canonical.decode(data)
        return cls(**value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What stands behind a model.

    `rows` are those it was trained on, `smallest_leaf` how many of them the smallest leaf of its
    trees holds (0 without trees). `attack` is what the area under the curve of a membership
    inference against it is at least, with 99 % confidence, in ten-thousandths; None where none was
    run; `report` is all of what that found. `private` says that it was trained under an epsilon
    that the privacy ledger has charged.
    """

    rows: int
    measured: bool
    smallest_leaf: int = 0
    attack: int | None = None
    report: Attacked | None = None
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedFacts:
    """What stands behind this node's part of a joint sum, of which it sees no more than its part.

    `people` are subjects; `private` says that noise was added to it before it was masked, `led`
    that it is opened to another node alone, whose gate judges the sum.
    """

    people: int
    private: bool
    measured: bool
    led: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpaqueFacts:
    """What the node knows of outputs that code of the buyer's has written: what the code was given.

    `rows` and `people` are those it could read; how many of them stand behind a number nobody but
    the code knows, and what it says of that is not believed. A claim can refuse an output, and
    never let one pass. `smallest_leaf` is how many of the rows reach the smallest leaf of a model
    of trees, counted by the node (`leaves.py`), None where it was not. `attack` and `report` are
    those of `ModelFacts`.
    """

    rows: int
    people: int
    smallest_leaf: int | None = None
    attack: int | None = None
    report: Attacked | None = None

    @property
    def measured(self) -> bool:
        """Return False: the node has not counted who stands behind a number."""
        return False

    @property
    def private(self) -> bool:
        """Return False: no noise was added that a ledger knows of."""
        return False


Facts = AggregateFacts | ModelFacts | MaskedFacts | OpaqueFacts
