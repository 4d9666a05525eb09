"""Which trainings have rows in memory between two steps, each in a process of its own.

What they are kept by, how long and how much of them stands in `keeping.py`. A node that begins anew
has none.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from unseen.node.jobs.executor import Executor

MAX_KEPT: Final = 4  # processes


@dataclass(frozen=True, slots=True)
class Rests:
    """What kept rows rest on: the table's commitment, and the root they were chosen by.

    `size` is how many bytes all rows of the table would take.
    """

    snapshot: str
    root: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows of one training; `size` in bytes, `used` when last, in the loop's seconds."""

    rests: Rests
    size: int
    used: float


class KeptRows:
    """The rows of all trainings of one node, by contract. Used from the event loop alone."""

    def __init__(self) -> None:
        """Begin without any."""
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def __contains__(self, contract: str) -> bool:
        """Return whether rows of a contract's training are kept."""
        return contract in self._kept

    def get(self, contract: str) -> Kept | None:
        """Return what is kept of a contract's training, if anything is."""
        return self._kept.get(contract)

    def size_without(self, contract: str) -> int:
        """Return how many bytes the trainings of all other contracts have."""
        return sum(each.size for name, each in self._kept.items() if name != contract)

    async def put(self, executor: "Executor", contract: str, kept: Kept) -> None:
        """Note what a process keeps now; one that keeps nothing ends, and so does the oldest."""
        if not kept.size:
            await self.drop(executor, contract)
            return
        self._kept[contract] = kept
        self._kept.move_to_end(contract)
        while len(self._kept) > MAX_KEPT:
            await self.drop(executor, next(iter(self._kept)))

    async def drop(self, executor: "Executor", contract: str) -> None:
        """Forget the rows of a contract's training, and end the process that has them."""
        self._kept.pop(contract, None)
        await executor.forget(contract)
