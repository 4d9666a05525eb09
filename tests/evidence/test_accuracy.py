"""Deviations of answers: what they say is what repeated noise shows, and they follow the cost."""

from fractions import Fraction
from itertools import pairwise
from math import sqrt
from random import Random
from statistics import pstdev

import pytest

from unseen.evidence.contracts.statistics import (
    Measure,
    Menu,
    Partition,
    Question,
    raws_of,
    shape_of,
)
from unseen.evidence.contracts.statistics.accuracy import deviations_of, usual_deviation

EDGES = (0, 100, 250, 400, 700, 1000)
COST = Measure(name="cost", text="Cost", unit="CNY", decimals=1, low=0, high=1000, edges=EDGES)
MENU = Menu(measures=(COST,), rows_per_person=2)
VALUES = [Random(5).randrange(0, 1001) for _ in range(4_000)]
DRAWS = 3_000


def question(what: str, **fields: object) -> Question:
    of = "" if what == "count" else "cost"
    return Question(what=what, of=of, rho="0.02", **fields)  # type: ignore[arg-type]


def simulated(asked: Question, seed: int = 1) -> list[list[float]]:
    """Return what repeated answers over `VALUES` show, column by column, in the cells' units."""
    chance, n, middle = Random(seed), len(VALUES), COST.middle
    exact = {
        "count": [n],
        "total": [sum(VALUES)],
        "shifted": [sum(value - middle for value in VALUES)],
        "squares": [sum((value - middle) ** 2 for value in VALUES)],
        "bins": [sum(a <= v < b for v in VALUES) for a, b in pairwise(EDGES)],
    }
    found = []
    for _ in range(DRAWS):
        raw = {
            str(each.sort): [x + chance.gauss(0, sqrt(each.sigma2)) for x in exact[each.sort]]
            for each in raws_of(MENU, asked)
        }
        found.append(shown(asked.what, raw))
    return [list(column) for column in zip(*found, strict=True)]


def shown(what: str, raw: dict[str, list[float]]) -> list[float]:
    match what:
        case "count":
            return raw["count"]
        case "sum":
            return [raw["total"][0] / 10]
        case "mean":
            return [raw["count"][0], (COST.middle + raw["shifted"][0] / raw["count"][0]) / 10]
        case "variance":
            count = raw["count"][0]
            mean = raw["shifted"][0] / count
            return [count, (COST.middle + mean) / 10, (raw["squares"][0] / count - mean**2) / 100]
        case _:
            return raw["bins"][:1]


@pytest.mark.parametrize("what", ["count", "sum", "mean", "variance", "histogram"])
def test_what_is_said_is_what_repeated_noise_shows(what: str) -> None:
    asked = question(what)
    columns = simulated(asked)
    cells = [cell for _, cell in shape_of(MENU, asked).columns if hasattr(cell, "use")]
    scales = [10 ** getattr(cell, "decimals", 0) for cell in cells]
    row: list[int] = [
        int(sum(column) / DRAWS * scale) for column, scale in zip(columns, scales, strict=True)
    ]
    keys = [cell.unpack(0) for _, cell in shape_of(MENU, asked).columns if not hasattr(cell, "use")]
    said = deviations_of(MENU, asked, [(*keys, *row)])[0]
    for one, column in zip(said, columns, strict=True):
        assert one == pytest.approx(pstdev(column), rel=0.06)


def test_a_quantile_is_off_by_the_noise_of_the_people_below_it() -> None:
    asked = question("quantile", at=("0.25",))
    sigma = sqrt(raws_of(MENU, asked)[0].sigma2)
    chance = Random(3)
    for edge in (0, 40, 100, 175, 400, 999, 1000):
        below = [min(max((edge - low) / (high - low), 0), 1) for low, high in pairwise(EDGES)]
        ranks = []
        for _ in range(DRAWS):
            noise = [chance.gauss(0, sigma) for _ in range(5)]
            ranks.append(sum(b * n for b, n in zip(below, noise, strict=True)) - 0.25 * sum(noise))
        said = deviations_of(MENU, asked, [("0.25", edge)])[0][0]
        assert said == pytest.approx(pstdev(ranks), rel=0.06)


def test_a_suppressed_cell_has_none_and_an_exact_one_no_noise() -> None:
    rows: list[tuple[int | None, ...]] = [(None, None), (10, None), (None, 5)]
    assert deviations_of(MENU, question("mean"), rows)[0] == (None, None)
    count, mean = deviations_of(MENU, question("mean"), rows)[1]
    assert count is not None
    assert mean is None
    assert deviations_of(MENU, question("mean"), rows)[2] == (
        None,
        None,
    )  # of nobody knows how many
    assert deviations_of(MENU, question("mean"), [(0, 5)])[0][1] is None


@pytest.mark.parametrize("what", ["count", "sum", "mean", "variance", "histogram", "quantile"])
def test_four_times_the_cost_is_half_the_noise(what: str) -> None:
    at = ("0.5",) if what == "quantile" else ()
    cheap = Question(what=what, of="" if what == "count" else "cost", at=at, rho="0.01")
    dear = Question(what=what, of=cheap.of, at=at, rho="0.04")
    one, other = (usual_deviation(MENU, asked, 500) for asked in (cheap, dear))
    assert one == pytest.approx(2 * other)
    assert Fraction(dear.rho) == 4 * Fraction(cheap.rho)


def test_the_exact_table_has_no_noise() -> None:
    menu = Menu(measures=(COST,), partition=Partition(by=(), measures=("cost",)))
    assert deviations_of(menu, Question(what="partition"), [(40, 12_300)]) == ((0.0, 0.0),)
