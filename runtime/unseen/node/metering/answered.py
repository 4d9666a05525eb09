"""How many queries at hidden tables were answered, beside what was charged. In memory.

Each answer is a sum over masked rows more that a buyer holds: the leakage statement bounds their
number by the elements that were evaluated. Each build of a table has its own bound, by what was
charged under it, so that of a key's builds all answers together are bounded in the same way; and
what was charged before does not pay for reading what holds now. A node that starts anew counts from
nothing.
"""

from collections import defaultdict
from typing import TypeAlias

from sqlalchemy import Connection, func, select

from unseen.node.contracts.epochs import Epoch
from unseen.node.errors import AnswersExhaustedError
from unseen.node.kinds.lookup_plan import PASSES
from unseen.node.store.schema import charges

_Build: TypeAlias = tuple[str, int, int]
"""Contract, epoch, and the leaf that announced the build."""


class Answered:
    """How many queries each present build has answered, and how many it may by what is charged."""

    def __init__(self) -> None:
        """Begin with nothing answered."""
        self._given: defaultdict[_Build, int] = defaultdict(int)
        self._known: dict[_Build, int] = {}

    def take(self, connection: Connection, epoch: Epoch, count: int, each: int) -> None:
        """Count `count` more answers; `each` is how many elements a unit of the contract has.

        Raises:
            AnswersExhaustedError: that is more than `PASSES` for each element that was charged.

        """
        key = _key(epoch)
        if key not in self._known:  # another epoch or build of this contract is over
            for old in [old for old in self._known if old[0] == epoch.contract]:
                del self._known[old]
                self._given.pop(old, None)
            self._known[key] = 0
        if self._given[key] + count > self._known[key]:
            self._known[key] = PASSES * each * _units(connection, *key)
        if self._given[key] + count > self._known[key]:
            raise AnswersExhaustedError(
                f"{PASSES} answers were given for each element that was evaluated",
                clause="answers",
                remedy="ask anew with a fresh request id: what was opened is kept by the client",
            )
        self._given[key] += count

    def give_back(self, epoch: Epoch, count: int) -> None:
        """Take `count` of what was counted off again: it was not answered."""
        key = _key(epoch)
        if key in self._known:
            self._given[key] -= count


def _key(epoch: Epoch) -> _Build:
    return epoch.contract, epoch.number, epoch.leaf_index


def _units(connection: Connection, contract: str, epoch: int, since: int) -> int:
    """Return the units charged in an epoch since the leaf that announced its present build."""
    found = select(func.coalesce(func.sum(charges.c.units), 0)).where(
        charges.c.contract == contract, charges.c.epoch == epoch, charges.c.leaf_index > since
    )
    units: int = connection.execute(found).scalar_one()
    return units
