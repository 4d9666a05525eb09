"""Attacks succeed against a careless table, learn of a node's what is proven, and say so."""

import dataclasses
import math
from pathlib import Path

import pytest
from tests.attacks.attack import Attack
from tests.attacks.oracles import EXACT, Guarded, RefusedError
from tests.attacks.table import ATTACKS, head, measure
from tests.attacks.world import TARGET, World

from unseen.evidence.contracts.statistics import Question

PAGE = (Path(__file__).parents[2] / "docs/attacks.md").read_text(encoding="utf-8")
OVER_FEW = 0.75  # how often an attack has to succeed against a careless table, or it is none


@pytest.mark.sampled
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_learns_what_the_page_says(attack: Attack) -> None:
    found = measure(attack)
    assert found.careless > OVER_FEW
    if attack.bound is not None:
        deviation = math.sqrt(attack.bound * (1 - attack.bound) / attack.runs)
        assert found.node <= attack.bound + 4 * deviation
    assert found.row() in PAGE.splitlines()


def test_the_page_has_every_attack_and_no_other() -> None:
    titles, rule = head()
    start = PAGE.splitlines().index(titles)
    table = PAGE.splitlines()[start : start + 2 + len(ATTACKS)]
    assert table[1] == rule
    names = [line.split(" | ")[0].removeprefix("| ") for line in table[2:]]
    assert names == [attack.name for attack in ATTACKS]
    assert not PAGE.splitlines()[start + 2 + len(ATTACKS)].startswith("|")


def test_attacks_are_the_same_every_time() -> None:
    attack = next(each for each in ATTACKS if each.name == "individual tracker")
    short = dataclasses.replace(attack, runs=20)
    assert measure(short) == measure(short)


class TestTheTableBehindTheGuard:
    """What is attacked behaves as the node does, or the attacks would say nothing."""

    def test_spends_its_budget_and_no_more(self) -> None:
        oracle = Guarded(World.make(1), 1)
        costs = [oracle.share(4)] * 5
        wheres = [("ill",), ("ill", "east"), ("ill", "half"), ("ill", "rest"), ("ill", "field")]
        for cost, where in list(zip(costs, wheres, strict=True))[:4]:
            assert oracle.ask(Question(what="count", where=where, rho=cost))
        with pytest.raises(RefusedError):
            oracle.ask(Question(what="count", where=wheres[4], rho=costs[4]))
        assert oracle.ledger.budgets["people"].spent <= oracle.most

    def test_gives_the_same_answer_again_and_charges_once(self) -> None:
        oracle = Guarded(World.make(1), 1)
        question = Question(what="count", where=("ill",), rho=oracle.share(1))
        assert len({tuple(oracle.ask(question)) for _ in range(50)}) == 1
        assert oracle.ledger.budgets["people"].spent <= oracle.most

    def test_shows_one_exact_table(self) -> None:
        oracle = Guarded(World.make(1), 1, ("ward",))
        assert oracle.ask(EXACT) == oracle.ask(EXACT)
        for other in (oracle.other("others"), oracle.other("half")):
            with pytest.raises(RefusedError):
                other.ask(EXACT)
        with pytest.raises(RefusedError):
            oracle.ask(EXACT, later=False)

    def test_hides_the_target_and_never_a_cell_alone(self) -> None:
        for seed in range(20):
            shown = Guarded(World.make(seed), seed, ("ward", "age", "job")).ask(EXACT)
            hidden = [place for place, count in enumerate(shown) if count is None]
            target = (TARGET[0] * 4 + TARGET[1]) * 3 + TARGET[2]
            assert target in hidden
            assert len(hidden) > 1
            assert all(count % 5 == 0 for count in shown if count is not None)

    def test_the_worlds_differ_in_the_target_alone(self) -> None:
        world = World.make(3)
        before = world.before
        assert {cell for cell in world.people if world.people[cell] != before.people[cell]} == {
            TARGET
        }
        assert world.size == before.size + 1
        bits = [World.make(seed).bit for seed in range(200)]
        assert 60 < sum(bits) < 140
