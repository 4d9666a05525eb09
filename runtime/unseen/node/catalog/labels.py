"""Labels (分类分级): which columns may serve which job kind. One table, read top to bottom.

Fail closed: what no row allows is refused. `personal` waits for consent, levels 4, `important`
and `core` for approvals this version does not know.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from unseen.evidence.rules import CATEGORIES, LEVELS
from unseen.node.errors import LabelRefusedError

__all__ = ["ALLOWED", "CATEGORIES", "LEVELS", "MAX_EVALUATIONS", "Label"]


@dataclass(frozen=True, slots=True)
class Label:
    """A column's category and level."""

    category: str
    level: str

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.category}, level {self.level}"


# (kind, category) -> highest level allowed. `lookup` hands the buyer a ciphertext of the whole
# table, which therefore has to stay harmless should the key ever leak: level 2 at most.
ALLOWED: dict[tuple[str, str], str] = {
    ("lookup", "public"): "2",
    ("lookup", "enterprise"): "2",
    ("verify", "public"): "3",
    ("verify", "enterprise"): "3",
}


# Hidden queries cannot be told apart, so their number alone keeps a buyer from listing the
# table: one tenth of its rows at most, unless everything read is public.
_SHARE = 10
# One key may not answer more evaluations than this: 2^32 leave 112 bits against the static
# Diffie-Hellman attacks (RFC 9497 section 7.2.3; Cheon, EUROCRYPT 2006).
MAX_EVALUATIONS = 2**32


def max_units(kind: str, labels: Iterable[tuple[str, Label]], rows: int) -> int:
    """Return how many units one contract of `kind` may grant over a table of `rows` rows."""
    if kind != "lookup":
        return MAX_EVALUATIONS
    public = all(label.category == "public" for _, label in labels)
    return MAX_EVALUATIONS if public else max(rows // _SHARE, 1)


def check_labels(kind: str, labels: Iterable[tuple[str, Label]]) -> None:
    """Raise unless every (column, label) may serve a job of `kind`.

    Raises:
        LabelRefusedError: names the first column that may not, and its label.

    """
    for column, label in labels:
        most = ALLOWED.get((kind, label.category))
        if most is None or LEVELS.index(label.level) > LEVELS.index(most):
            raise LabelRefusedError(
                f"column {column!r} is {label.category}, level {label.level}: not for {kind}",
                clause=f"labels.{label.category}.{kind}",
                remedy="offer a product over columns of a lower label, or of another kind",
            )
