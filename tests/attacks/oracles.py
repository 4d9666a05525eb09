"""What an attacker asks: a careless table, and one behind the rules and the ledger of a node.

`Guarded` is made of the node's own parts, but for the counting of rows: costs and noise, the cells
that are hidden, the rounding, the ledger with its stored answers and its pins.
"""

import math
from collections.abc import Collection
from typing import Any, Protocol

from tests.attacks.world import AXES, FEWEST, SIZES, World, menu, partition
from tests.node.conftest import _compiled, _text
from tests.node.spending import DELTA, private

from unseen.evidence import canonical
from unseen.evidence.contracts.privacy import UNITS, limit_of, rho_text
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.statistics import Question, noisy, raws_of, shape_of
from unseen.node.contracts.register import Contract
from unseen.node.errors import GroupTooSmallError
from unseen.node.privacy.charging import Budget, Ledger
from unseen.node.privacy.spend import Pin, Spend, answer_key
from unseen.node.release.rules import Limits
from unseen.node.statistics import exact
from unseen.node.statistics.found import Behind, Exact
from unseen.protocols.dp import Gaussian
from unseen.protocols.testing import seeded_rng

Numbers = list[int | None]
EXACT = Question(what="partition")
EPSILON = "1"


class RefusedError(Exception):
    """The table does not answer."""


class Oracle(Protocol):
    """A table that can be asked. `later` asks it after the target has come into it."""

    def ask(self, question: Question, *, later: bool = True) -> Numbers:
        """Return the counts, cell by cell; None where one is hidden. Raises RefusedError."""
        ...

    def share(self, parts: int) -> str:
        """Return the cost of a question if `parts` of them may be asked in all."""
        ...

    def other(self, *where: str) -> "Oracle":
        """Return the same table under another contract, whose exact table has these filters too."""
        ...


class Careless:
    """Hides groups of few, and of all but a few where it is told to; else says what is true.

    With `sigma2` every answer has noise, fresh each time and free. `counts` makes it look at how
    many are counted, rather than at how many the group has.
    """

    def __init__(
        self,
        world: World,
        seed: int,
        by: Collection[str] = (),
        *,
        complement: bool = False,
        counts: bool = False,
        sigma2: int = 0,
    ) -> None:
        self._world, self._seed, self._rng = world, seed, seeded_rng(seed)
        self._by, self._exact = by, partition(by)
        self._complement, self._counts = complement, counts
        self._law = Gaussian(sigma2) if sigma2 else None

    def ask(self, question: Question, *, later: bool = True) -> Numbers:
        world = self._world if later else self._world.before
        found: Numbers = []
        for cell in world.counts(question, self._exact):
            size = cell.count if self._counts else cell.group
            few = size < FEWEST or (self._complement and world.size - size < FEWEST)
            noise = self._law.sample(self._rng) if self._law else 0
            found.append(None if few else cell.count + noise)
        if set(found) == {None}:
            raise RefusedError
        return found

    def share(self, parts: int) -> str:
        return "0.000001" if parts else "0"

    def other(self, *where: str) -> "Careless":
        found = Careless(self._world, self._seed, self._by)
        found._exact = partition(self._by, *where)
        return found


class Guarded:
    """A table with a privacy budget, under one contract that may spend all of it."""

    def __init__(
        self,
        world: World,
        seed: int,
        by: Collection[str] = (),
        where: Collection[str] = (),
        ledger: Ledger | None = None,
    ) -> None:
        self._world, self._seed, self._rng = world, seed, seeded_rng(seed)
        self._by, self._exact = by, partition(by, *where)
        self.menu = menu(self._exact)
        self.contract = _contract(self.menu.to_json())
        self.most = limit_of(EPSILON, DELTA)
        self.ledger = ledger or Ledger({"people": Budget(self.most, 0)}, {}, {}, {})
        self._asked = 0

    def ask(self, question: Question, *, later: bool = True) -> Numbers:
        rows = bytes([later]) * 32
        pins: tuple[Pin, ...] = ()
        if question.exact:
            digest = self.contract.terms.id()
            pins = (Pin(table="people", partition=digest, version=1 + later),)
        key = answer_key(self.contract, question.encode(), rows)
        spend = Spend(rho=question.cost, answer=key, pins=pins)
        stored = self.ledger.answer(spend)
        if stored is None:
            error = self.ledger.against(self.contract, spend)
            if error is not None:
                raise RefusedError from error
            stored = canonical.encode(self._answer(question, later=later))
            self._asked += 1
            self.ledger.note(self.contract, str(self._asked), spend, rows, self._asked)
            self.ledger.keep(self.contract.id, spend, rows, stored, self._asked)
        found: Any = canonical.decode(stored)
        return [row[-1] for row in found]

    def share(self, parts: int) -> str:
        return rho_text(self.most // parts // 1000 * 1000)

    def other(self, *where: str) -> "Guarded":
        return Guarded(self._world, self._seed + 1, self._by, where, self.ledger)

    def _answer(self, question: Question, *, later: bool) -> list[canonical.Json]:
        world = self._world if later else self._world.before
        counted = world.counts(question, self._exact)
        limits = Limits().with_group(FEWEST)
        if not question.exact:
            (raw,) = raws_of(self.menu, question)
            law = Gaussian(raw.sigma2)
            table = [cell.count + law.sample(self._rng) for cell in counted]
            return noisy.answer(self.menu, question, [table], limits.group)
        cells = tuple((_behind(cell.count),) for cell in counted)
        found, shape = Exact(world.size, cells), shape_of(self.menu, question)
        columns = exact.columns_of(shape, found, limits, complement=True)
        sizes = tuple(s for s, axis in zip(SIZES, AXES, strict=True) if axis.name in self._by)
        hidden = exact.hidden_of(sizes, columns)
        if all(hidden[0]):
            raise RefusedError from GroupTooSmallError("every cell is hidden")
        return exact.answer(shape, found, hidden, limits)


def bound() -> float:
    """Return how often a secret bit can be guessed right under the budget, whatever is known.

    Two tables that differ in one person give answers whose total variation is sqrt(rho / 2) at
    most: Pinsker's inequality, with a Kullback-Leibler divergence of rho at most (Bun and Steinke
    2016).
    """
    return (1 + math.sqrt(limit_of(EPSILON, DELTA) / UNITS / 2)) / 2


def _behind(count: int) -> Behind:
    return Behind(count, count, count, min(count, 1), int(count > 1))


def _contract(parameters: canonical.Json) -> Contract:
    made = _compiled("lookup", 1000, 1000)
    bare = Contract(
        id=_text(made.terms),
        state=State.ACTIVE,
        buyer="lender",
        terms=made.terms,
        plan=made.plan,
        leakage=made.leakage,
        approvals={},
        units_used=0,
    )
    return private(bare, EPSILON, dict(parameters))  # type: ignore[arg-type]
