"""The attacks of `tests/attacks` on a real node: it answers as their guarded table does.

What an attack learns on average is measured there, many times over; here each is played once, and
every answer is held against that table's: refused or not, exact numbers, and what was spent.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pytest
from tests.attacks import averaging, complements, refusals, snapshots, subgroups, trackers
from tests.attacks.attack import Known
from tests.attacks.oracles import EPSILON, Guarded, Numbers, Oracle, RefusedError
from tests.attacks.world import AXES, CELLS, FILTERS, PARTS, Cell, World, menu, partition
from tests.node.spending import DELTA
from tests.promises.stage import Stage, serving

from unseen.client import RefusedError as ClientRefusedError
from unseen.client.catalog import Prices
from unseen.evidence.contracts.privacy import limit_of
from unseen.evidence.contracts.statistics import Question
from unseen.evidence.contracts.statistics.definition import Condition, Definition, Origin

REASONS = {"PRIVACY_BUDGET_SPENT", "PARTITION_PINNED"}
AGES = (5, 30, 50, 80)  # one in each group
PLAYED: dict[str, tuple[Callable[[Oracle, Known], float], tuple[str, ...]]] = {
    "complement": (complements.noisy, ()),
    "line": (complements.hidden_cell, complements.BY),
    "tables": (complements.two_tables, ("ward",)),
    "chain": (subgroups.chain, ()),
    "individual": (trackers.individual, ()),
    "general": (trackers.general, ()),
    "double": (trackers.double, ()),
    "averaging": (averaging.average, ()),
    "refusal": (refusals.refused, ()),
    "snapshots": (snapshots.exact, snapshots.BY),
}


@pytest.fixture(scope="module")
def serving_stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with serving(template.copy(tmp_path_factory.mktemp("attacked") / "stage")) as stage:
        yield stage


def condition(cell: Cell) -> str:
    ward, age, job = cell
    return (
        f"(ward = '{AXES[0].values[ward]}' AND age = {AGES[age]} AND job = '{AXES[2].values[job]}')"
    )


def offered(by: tuple[str, ...], *where: str) -> Definition:
    """Return what the operator offers: each filter as a list of the cells that pass it."""
    expressions = {
        name: " OR ".join(condition(cell) for cell in CELLS if passes(cell))
        for name, passes in PARTS.items()
    }
    return Definition(
        menu=menu(partition(by, *where)),
        columns=tuple(Origin(name=axis.name, column=axis.name) for axis in AXES),
        conditions=tuple(
            Condition(name=each.name, expression=expressions.get(each.name, "ill"))
            for each in FILTERS
        ),
    )


def write(path: str, world: World) -> None:
    """Write the table's rows, one a person."""
    rows = [
        (f"{cell}/{number}", AXES[0].values[cell[0]], AGES[cell[1]], AXES[2].values[cell[2]], ill)
        for cell in CELLS
        for number in range(world.people[cell])
        for ill in [number < world.ill[cell]]
    ]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE p (id TEXT, ward TEXT, age INT, job TEXT, ill BOOL)")
        connection.executemany("INSERT INTO p VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute(f"COPY p TO '{path}' (FORMAT parquet)")


@dataclass
class Real:
    """A table of a serving node, under a contract that may spend all its budget."""

    stage: Stage
    name: str
    world: World
    by: tuple[str, ...]
    where: tuple[str, ...] = ()
    shown: bool | None = None  # whether the target is in the table; None before it is registered
    reasons: set[str] = field(default_factory=set)  # why it was refused
    asked: Any = field(init=False)

    @property
    def path(self) -> str:
        return str(self.stage.root / f"{self.name.split('-')[0]}.parquet")

    def ask(self, question: Question, *, later: bool = True) -> Numbers:
        if self.shown is None:
            self._register(later=later)
        elif self.shown is not later:
            write(self.path, self.world if later else self.world.before)
            self.stage.operator.refresh_table(self.name.split("-")[0])
            self.shown = later
        try:
            found = self.asked.ask(question, again=True)
        except ClientRefusedError as error:
            self.reasons.add(error.reason)
            raise RefusedError from error
        return [row[-1] for row in found.rows]

    def share(self, parts: int) -> str:
        return Guarded(self.world, 0).share(parts)

    def other(self, *where: str) -> "Real":
        if self.shown is None:
            self._register(later=True)
        name = f"{self.name}-other"
        found = Real(self.stage, name, self.world, self.by, where, self.shown, self.reasons)
        found._offer()
        return found

    @property
    def spent(self) -> int:
        (ledger,) = self.stage.operator.privacy_ledgers(self.name)
        return ledger.spent

    def _register(self, *, later: bool) -> None:
        write(self.path, self.world if later else self.world.before)
        self.stage.register(self.name, self.path, "id")
        self.stage.operator.set_privacy_budget(self.name, epsilon=EPSILON, delta=DELTA)
        self._offer()
        self.shown = later

    def _offer(self) -> None:
        operator, lender = self.stage.operator, self.stage.lender
        definition = offered(self.by, *self.where)
        operator.register_product(
            self.name,
            table=self.name.split("-")[0],
            kind="statistics",
            title=f"People, {self.name}",
            predicates=definition,
            prices=Prices("CNY", 1, 1),
        )
        contract = lender.request_contract(
            self.name,
            outputs=definition.menu.names,
            scenario="tests",
            units=1000,
            days=1,
            group=10,
            budget=EPSILON,
        ).id
        operator.approve(contract)
        lender.sign(contract)
        self.asked = lender.statistics(contract)


@dataclass
class Watched:
    """An oracle, and what became of every question."""

    oracle: Oracle
    seen: list[tuple[str, Numbers | str]] = field(default_factory=list)

    def ask(self, question: Question, *, later: bool = True) -> Numbers:
        try:
            found = self.oracle.ask(question, later=later)
        except RefusedError:
            self.seen.append((question.what, "refused"))
            raise
        self.seen.append((question.what, found if question.exact else "answered"))
        return found

    def share(self, parts: int) -> str:
        return self.oracle.share(parts)

    def other(self, *where: str) -> "Watched":
        return Watched(self.oracle.other(*where), self.seen)


@pytest.mark.sampled
@pytest.mark.parametrize("name", PLAYED)
def test_a_node_answers_as_the_guarded_table_does(serving_stage: Stage, name: str) -> None:
    guess, by = PLAYED[name]
    world = World.make(7)
    real, guarded = Real(serving_stage, name, world, by), Guarded(world, 7, by)
    outcomes = []
    for oracle in (real, guarded):
        watched = Watched(oracle)
        known = Known(world.people, world.published, world.coin)
        try:
            guess(watched, known)
        except RefusedError:
            watched.seen.append(("attack", "refused"))
        outcomes.append(watched.seen)
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]
    assert real.reasons <= REASONS
    assert real.spent == guarded.ledger.budgets["people"].spent <= limit_of(EPSILON, DELTA)
