"""How many queries at hidden tables were answered, beside what was charged.

Each answer is a sum over masked rows more that a buyer holds: the leakage statement bounds their
number by the elements that were evaluated. Each build of a table has its own bound, by what was
charged under it, so that of a key's builds all answers together are bounded in the same way; and
what was charged before does not pay for reading what holds now.

Counted durably before anything is computed: a node that was killed has counted every answer that
left, and perhaps some that did not.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from unseen.node.contracts.epochs import Epoch
from unseen.node.errors import AnswersExhaustedError
from unseen.node.kinds.lookup_plan import PASSES
from unseen.node.store.schema import charges
from unseen.node.store.schema_release import answers_given
from unseen.node.store.writer import Change, Transaction

_OF = answers_given.c


@dataclass(frozen=True, slots=True)
class CountAnswers(Change[None]):
    """Count `count` more answers from an epoch's present build.

    `each` is how many elements a unit of the contract has.
    """

    epoch: Epoch
    count: int
    each: int

    def apply(self, transaction: Transaction) -> None:
        """Count them.

        Raises:
            AnswersExhaustedError: that is more than `PASSES` for each element that was charged.

        """
        connection, build = transaction.connection, self.epoch.leaf_index
        own = (_OF.contract == self.epoch.contract) & (_OF.leaf_index == build)
        row = connection.execute(select(_OF.given, _OF.allowed).where(own)).one_or_none()
        given, allowed = (row.given, row.allowed) if row else (0, 0)
        given += self.count
        if given > allowed:  # as it was when last looked at: more may have been charged
            allowed = PASSES * self.each * _units(connection, self.epoch)
        if given > allowed:
            raise AnswersExhaustedError(
                f"{PASSES} answers were given for each element that was evaluated",
                clause="answers",
                remedy="ask anew with a fresh request id: what was opened is kept by the client",
            )
        values = {"given": given, "allowed": allowed}
        if row is not None:
            connection.execute(update(answers_given).where(own).values(values))
            return
        key = {"contract": self.epoch.contract, "leaf_index": build}
        connection.execute(insert(answers_given).values(key | values))
        past = (_OF.contract == self.epoch.contract) & (_OF.leaf_index < build)
        connection.execute(delete(answers_given).where(past))


@dataclass(frozen=True, slots=True)
class GiveBackAnswers(Change[None]):
    """Take `count` of what was counted off again: it was not answered."""

    epoch: Epoch
    count: int

    def apply(self, transaction: Transaction) -> None:
        """Take it off; of a build that is over there is nothing left to take from."""
        own = (_OF.contract == self.epoch.contract) & (_OF.leaf_index == self.epoch.leaf_index)
        less = update(answers_given).where(own & (_OF.given >= self.count))
        transaction.connection.execute(less.values(given=_OF.given - self.count))


def _units(connection: Connection, epoch: Epoch) -> int:
    """Return the units charged in an epoch since the leaf that announced its present build."""
    found = select(func.coalesce(func.sum(charges.c.units), 0)).where(
        charges.c.contract == epoch.contract,
        charges.c.epoch == epoch.number,
        charges.c.leaf_index > epoch.leaf_index,
    )
    units: int = connection.execute(found).scalar_one()
    return units
