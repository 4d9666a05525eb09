"""Labels (分类分级): a column's category and level. What they allow, the rule file says."""

from unseen.evidence.contracts.rules import CATEGORIES, LEVELS
from unseen.evidence.contracts.ruling import Label

__all__ = ["CATEGORIES", "LEVELS", "MAX_EVALUATIONS", "UNLABELLED", "Label"]

# One key may not answer more evaluations than this: 2^32 leave 112 bits against the static
# Diffie-Hellman attacks (RFC 9497 section 7.2.3; Cheon, EUROCRYPT 2006).
MAX_EVALUATIONS = 2**32

# What a refresh finds new in a table: the strictest label there is, until the operator gives one.
UNLABELLED = Label("personal", "core")
