"""SimplePIR (Henzinger et al., USENIX Security 2023, section 4) with ternary secrets: parameters.

Learning with errors modulo q = 2^32: n = 1472, a ternary secret, and errors of the centred binomial
law of 82 coins a side (standard deviation 6.4). The public lattice-estimator (commit 27a581b) gives
at least 2^159 operations (MATZOV) and 2^133 (core-SVP) for the best of its primal, dual and hybrid
attacks; `docs/lookup.md` has the command. It is an estimate: attacks on lattices have got better
before, and the estimate is for one secret under a matrix that all queries share.

A plain number is a byte, times 2^24. Hint and answers keep the upper 16 of 32 bits. How often an
answer is then wrong says `failure_bits`; it does not depend on what anybody chose, since what a
table holds is masked by pseudorandom bytes.
"""

import math
from dataclasses import dataclass
from typing import Final

from unseen.protocols.errors import InputInvalidError

SECRET: Final = 1472  # n
COINS: Final = 82  # of each side of an error
VARIANCE: Final = COINS / 2
SCALE_BITS: Final = 24  # a byte in the upper bits of a word
KEPT_BITS: Final = 16  # of a word in hints and answers
NONCE_BYTES: Final = 16  # of a block's build
DIGEST_BYTES: Final = 32  # of a block's rows, in its row of the hint
MAX_BLOCKS: Final = (1 << 32) - 1
TAG_BYTES: Final = 8  # zeros before a label: absent rows show none, but for one in 2^64
WIDTHS: Final = tuple(1 << bits for bits in range(10, 19))
DEFAULT_WIDTHS: Final = WIDTHS[:-1]
SECURITY_BITS: Final = (159, 133)  # MATZOV, core-SVP


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the matrix of a table is: `blocks` filters, each a row of cells for each byte.

    `width` is how many cells a filter has: how many numbers a query has. `label_bytes` is
    1, 8, 16 or 32.
    """

    blocks: int
    width: int
    label_bytes: int

    def __post_init__(self) -> None:
        """Refuse what no table has.

        Raises:
            InputInvalidError: a number is out of range.

        """
        if self.width not in WIDTHS or not 1 <= self.blocks <= MAX_BLOCKS:
            raise InputInvalidError(f"a filter has one of {WIDTHS} cells, a table some filters")
        if self.label_bytes not in {1, 8, 16, 32}:
            raise InputInvalidError("a label has 1, 8, 16 or 32 bytes")

    @property
    def cell_bytes(self) -> int:
        """Return the bytes of a cell: the tag's and the label's."""
        return TAG_BYTES + self.label_bytes

    @property
    def rows(self) -> int:
        """Return the rows of the matrix."""
        return self.blocks * self.cell_bytes

    @property
    def table_bytes(self) -> int:
        """Return the bytes of the matrix: what a query reads."""
        return self.rows * self.width

    @property
    def hint_bytes(self) -> int:
        """Return what a buyer fetches once for a build of the table."""
        return self.rows * SECRET * KEPT_BITS // 8

    @property
    def hint_row_bytes(self) -> int:
        """Return the bytes of a block's row of the hint file (`hints.py`)."""
        return NONCE_BYTES + DIGEST_BYTES + self.hint_bytes // self.blocks

    @property
    def query_bytes(self) -> int:
        """Return the bytes of a query."""
        return 4 * self.width

    @property
    def answer_bytes(self) -> int:
        """Return the bytes of an answer."""
        return self.rows * KEPT_BITS // 8

    @property
    def part_bytes(self) -> int:
        """Return the bytes of one block's part of an answer."""
        return self.cell_bytes * KEPT_BITS // 8


def deviation(width: int) -> float:
    """Return the standard deviation of what is added to 2^24 times the true byte.

    Of the query's errors times `width` uniform bytes with a sign, of the hint's rounding times the
    secret, and of the answer's rounding.
    """
    rounding = 2.0 ** (2 * (32 - KEPT_BITS)) / 12
    return math.sqrt(width * VARIANCE * 256**2 / 12 + (SECRET * 2 / 3 + 1) * rounding)


def failure_bits(width: int) -> float:
    """Return -log2 of the probability that a byte comes out wrong, by the normal law.

    It is wrong where what is added passes half of 2^24. That is a sum of thousands of independent
    terms, each small against it.
    """
    ratio = 2.0 ** (SCALE_BITS - 1) / deviation(width)
    # Mills' bound on the tail: erfc itself is 0 from 2^-1074 on.
    tail = -(ratio**2) / 2 - math.log(ratio * math.sqrt(2 * math.pi)) + math.log(2)
    return -tail / math.log(2)
