"""2016/421 (CKKS) with exact plaintexts: from a model to what a plan asks of a ring.

Half of the precision is for rounding weights, half for what comes back. A plan is public: of the
weights it has the powers of two that bound their sizes together, and how many bits each has.
"""

from fractions import Fraction

from unseen.protocols.he.models.model import Model
from unseen.protocols.he.models.whole import WholeLine, whole
from unseen.protocols.he.parameters import Demand


def planned(model: Model, *, precision_bits: int, responses: int) -> tuple[WholeLine, Demand]:
    """Return a line in whole numbers, and what scores within 2^-precision_bits of its own demand.

    Both are for at most `responses` ciphertexts that return in a contract.

    Raises:
        InputInvalidError: the demand is out of range; the clause is `score.parameters`.
        ModelInvalidError: it is no line, or 64 bits a weight are not enough.

    """
    found = whole(model, Fraction(1, 2 << max(precision_bits, 0)))
    return found, Demand(
        columns=len(found.weights),
        grid=found.grid,
        weight_bits=found.bits,
        sum_bits=found.sum_bits,
        reach_bits=found.reach_bits,
        precision_bits=precision_bits + 1,
        responses=responses,
    )
