"""SimplePIR (Henzinger et al. 2023), section 4.3: the shape that costs the least traffic.

A wide filter makes queries long and the hint short, a narrow one the reverse: it depends on how
many queries a buyer plans until the table is built anew. Nothing here is secret.
"""

import math
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.lwe_pir.parameters import DEFAULT_WIDTHS, SECRET, Shape

EXPANSION: Final = 1.25  # cells for a key: a filter of three uniform places then mostly peels
_SLACK: Final = 5  # standard deviations of keys in a block above their mean


def capacity(width: int) -> int:
    """Return how many keys a filter of `width` cells takes at most."""
    return int(width / EXPANSION)


def blocks_for(count: int, width: int) -> int:
    """Return how many filters `count` keys need, so that hardly ever one gets too many."""
    most = capacity(width)
    # The mean m for which m + 5 sqrt(m) is the most.
    root = (math.sqrt(_SLACK**2 + 4 * most) - _SLACK) / 2
    return max(1, math.ceil(count / root**2))


def choose(count: int, label_bytes: int, queries: int, *, least: int = DEFAULT_WIDTHS[0]) -> Shape:
    """Return the shape with the least traffic for `queries` queries a buyer and a build.

    `count` is how many keys the table has, `queries` how many are planned until the next build,
    `least` the smallest width.

    Raises:
        InputInvalidError: a number is not positive.

    """
    if min(count, queries) < 1:
        raise InputInvalidError("a table has a key at least, and a plan a query")
    widths = [width for width in DEFAULT_WIDTHS if width >= least]
    shapes = [Shape(blocks_for(count, width), width, label_bytes) for width in widths]
    return min(shapes, key=lambda each: traffic(each, queries))


def most_answers(width: int) -> int:
    """Return how many answers leave a row of the matrix undetermined, beside its hint.

    A row is `width` bytes that nobody can tell from random ones. Its hint is n numbers of 16 bits,
    and each answer says one more, whatever was asked: with more than 8 bits for each byte, who
    asked what no honest buyer asks could put the masked row together.
    """
    return max((width - 1) // 2 - SECRET, 0)


def least_width(answers: int) -> int | None:
    """Return the least default width at which so many answers leave rows undetermined, if any."""
    return next((width for width in DEFAULT_WIDTHS if most_answers(width) >= answers), None)


def traffic(shape: Shape, queries: int) -> int:
    """Return the bytes of a hint and of so many queries and answers."""
    return shape.hint_bytes + queries * (shape.query_bytes + shape.answer_bytes)
