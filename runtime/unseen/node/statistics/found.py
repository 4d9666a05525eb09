"""What a worker finds for the exact table; as canonical JSON, numbers as decimal texts."""

from dataclasses import astuple, dataclass
from typing import Any

from unseen.evidence.canonical import Json


@dataclass(frozen=True, slots=True)
class Behind:
    """Who stands behind one number: persons, what they add in all without signs, the most two."""

    persons: int
    value: int
    total: int
    largest: int
    second: int


@dataclass(frozen=True, slots=True)
class Exact:
    """Exact counts: persons in the table, and for each cell the rows, then each amount."""

    population: int
    cells: tuple[tuple[Behind, ...], ...]


def write_exact(found: Exact) -> Json:
    """Return the JSON of what was found."""
    cells: list[Json] = [
        [[str(number) for number in astuple(behind)] for behind in cell] for cell in found.cells
    ]
    return [str(found.population), cells]


def read_exact(value: Any) -> Exact:
    """Return what `write_exact` wrote."""
    population, cells = value
    return Exact(
        int(population), tuple(tuple(Behind(*map(int, each)) for each in cell) for cell in cells)
    )
