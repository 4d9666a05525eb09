"""What a worker finds for the exact table; as canonical JSON, numbers as decimal texts."""

from collections.abc import Sequence
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


def merged(parts: Sequence[Exact]) -> Exact:
    """Return what is found in all of a table, of parts that no two share a person."""
    cells = zip(*(part.cells for part in parts), strict=True)
    return Exact(
        sum(part.population for part in parts),
        tuple(tuple(map(_behind, zip(*cell, strict=True))) for cell in cells),
    )


def summed(parts: Sequence[Sequence[Sequence[int]]]) -> list[list[int]]:
    """Return the raw tables of all of a table, of those of its parts."""
    return [
        [sum(numbers) for numbers in zip(*tables, strict=True)]
        for tables in zip(*parts, strict=True)
    ]


def _behind(parts: Sequence[Behind]) -> Behind:
    persons, value, total = (
        sum(getattr(part, name) for part in parts) for name in ("persons", "value", "total")
    )
    most = sorted((each for part in parts for each in (part.largest, part.second)), reverse=True)
    return Behind(persons, value, total, most[0], most[1])


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
