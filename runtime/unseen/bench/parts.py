"""What the made-up nodes of the bench `joint` add up; both sides of it know."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RHO: Final = "0.000001"  # what a round is charged: no budget ends a run
SIGMA2: Final = 144  # of one node's noise on each coordinate
_VALUES: Final = 1000


def part(name: str, dimension: int) -> "NDArray[np.int64]":
    """Return what the node called `name`, `node-001` and on, adds: a number for each coordinate."""
    import numpy as np  # noqa: PLC0415 - the other benches do without

    number = int(name.removeprefix("node-"))
    return np.arange(dimension, dtype=np.int64) % _VALUES * number


def name_of(number: int) -> str:
    """Return a node's name, so that nodes stand in a roster in the order of their numbers."""
    return f"node-{number:03d}"
