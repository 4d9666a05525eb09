"""Kim, Song, Wang, Xia, Jiang 2018 (JMIR, logistic regression on CKKS): what is trained, on what.

A row has a score z, the sum of its values times weights, and a residual r: z - y where the family
is linear, p(z) - y where it is logistic. p is a cubic of least squares for 1 / (1 + exp(-z)) on
[-8, 8]. A gradient is the sum of r times the row. Everything here is public and agreed beforehand.

Two bounds hold the noise up that protects rows. The norm of a row is kept by whoever holds it.
That no score passes `reach` is the word of whoever holds the weights: nobody can look at it.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from unseen.protocols.dp.exact import positive
from unseen.protocols.errors import InputInvalidError

CLAUSE: Final = "train_he.task"
LEAST_ROWS: Final = 100
MAX_ROWS: Final = 1 << 24
MAX_COLUMNS: Final = 256
MAX_ITERATIONS: Final = 1000
# p(z) = 1/2 + u (LINEAR - u^2) with u = SHRINK z: 0.5 + 0.15012 z - 0.00159 z^3.
SHRINK: Final = Fraction(1167, 10_000)
LINEAR: Final = Fraction(12_864, 10_000)
_REACH: Final = 8  # where the cubic is one for


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A training: `columns` of the provider, and in a vertical one `own_columns` of the buyer.

    An intercept is a column like all others, and counts in norms. Labels are the buyer's in a
    vertical training, the provider's otherwise; 0 and 1 in a logistic one, up to `largest_label`
    either way in a linear one. Each iteration costs `rho` of zCDP. A gradient is over
    `least_rows` at least; `most_rows` is what it is divided by.
    """

    family: Literal["linear", "logistic"]
    columns: int
    norm: Fraction
    vertical: bool = False
    own_columns: int = 0
    own_norm: Fraction = Fraction(0)
    reach: Fraction = Fraction(_REACH)
    largest_label: Fraction = Fraction(1)
    least_rows: int
    most_rows: int
    iterations: int
    rho: Fraction

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InputInvalidError: a number is out of range; the clause is `train_he.task`.

        """
        limits = {
            "columns": (1, MAX_COLUMNS),
            "own_columns": (0, MAX_COLUMNS if self.vertical else 0),
            "least_rows": (LEAST_ROWS, self.most_rows),
            "most_rows": (LEAST_ROWS, MAX_ROWS),
            "iterations": (1, MAX_ITERATIONS),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise InputInvalidError(f"{name} is {low} to {high}", clause=CLAUSE)
        for name in ("norm", "reach", "largest_label", "rho"):
            positive(getattr(self, name), name)
        if (self.own_norm > 0) != (self.own_columns > 0):
            raise InputInvalidError("columns of the buyer's have a norm", clause=CLAUSE)
        if self.logistic and (self.reach > _REACH or self.largest_label != 1):
            raise InputInvalidError(
                f"a logistic training has scores up to {_REACH} and labels of 0 and 1",
                clause=CLAUSE,
            )

    @property
    def logistic(self) -> bool:
        """Return whether residuals are of chances."""
        return self.family == "logistic"

    @property
    def width(self) -> int:
        """Return how many weights there are: the provider's columns first."""
        return self.columns + self.own_columns

    @property
    def shrink(self) -> Fraction:
        """Return what columns are multiplied by before all else."""
        return SHRINK if self.logistic else Fraction(1)
