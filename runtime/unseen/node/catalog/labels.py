"""Labels (分类分级): a column's category and level. What they allow, the rule file says."""

from dataclasses import dataclass

from unseen.evidence.rules import CATEGORIES, LEVELS

__all__ = ["CATEGORIES", "LEVELS", "MAX_EVALUATIONS", "Label"]

# One key may not answer more evaluations than this: 2^32 leave 112 bits against the static
# Diffie-Hellman attacks (RFC 9497 section 7.2.3; Cheon, EUROCRYPT 2006).
MAX_EVALUATIONS = 2**32


@dataclass(frozen=True, slots=True)
class Label:
    """A column's category and level."""

    category: str
    level: str

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.category}, level {self.level}"
