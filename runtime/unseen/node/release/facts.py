"""What the node knows about how a result came to be. Rules read it; it never leaves the domain.

`measured` says that the node's own code counted. What a buyer's code states about its own result
is not measured, and no rule over contributors can be trusted on it: such a release needs a person.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFacts:
    """What stands behind one shown cell.

    `contributors` are subjects. `total`, `largest` and `second` are the sum of the absolute
    contributions and its two largest, all in one unit; 0 where the cell adds nothing up.
    """

    contributors: int
    total: int = 0
    largest: int = 0
    second: int = 0


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
class ModelFacts:
    """What stands behind a model.

    `rows` are those it was trained on, `smallest_leaf` how many of them the smallest leaf of its
    trees holds (0 without trees). `attack` is the area under the curve of a membership inference
    against it, in ten-thousandths, None where none was run; `private` says that it was trained
    under an epsilon that the privacy ledger has charged.
    """

    rows: int
    measured: bool
    smallest_leaf: int = 0
    attack: int | None = None
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedFacts:
    """What stands behind this node's part of a joint sum, of which it sees no more than its part.

    `people` are subjects; `private` says that noise was added to it before it was masked.
    """

    people: int
    private: bool
    measured: bool


Facts = AggregateFacts | ModelFacts | MaskedFacts
