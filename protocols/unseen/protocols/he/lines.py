"""2016/421 with exact plaintexts: what a weighted sum of columns asks of a ring, for a precision.

    line, demand = demanded(model, precision, responses)   a provider, once a contract
    parameters = choose(demand)                            both sides, from the plan
    owner.encrypt(columns.grid_columns(features, rows))    a buyer, block by block
    node.weighted(sent, line.weights, line.bias)           a provider

Of the precision a half is the flood's at least, and the rest is left for the rounding of weights: a
score is off by less than both together, at any row within bounds. What is demanded is public, so it
has powers of two in place of what depends on weights; they still say how large weights are.
"""

from fractions import Fraction
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.models import Model, WholeLine, whole
from unseen.protocols.he.parameters import Demand

LEAST: Final = Fraction(1, 1 << 30)


def demanded(model: Model, precision: Fraction, responses: int) -> tuple[WholeLine, Demand]:
    """Return a line in whole numbers, which is secret, and what it asks for, which is public.

    Raises:
        InputInvalidError: the precision is not from 2^-30 to 1, or the responses are none or too
            many.
        ModelInvalidError: it is no line, or its weights need too many bits.

    """
    if not LEAST <= precision <= 1:
        raise InputInvalidError("a precision is from 2^-30 to 1", clause="score.precision")
    bits = (-(-2 * precision.denominator // precision.numerator) - 1).bit_length()
    line = whole(model, precision - Fraction(1, 1 << bits))
    return line, Demand(
        columns=len(line.weights),
        grid=line.grid,
        weight_bits=line.bits,
        sum_bits=line.sum_bits,
        reach_bits=line.reach_bits,
        precision_bits=bits,
        responses=responses,
    )
