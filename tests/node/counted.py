"""Visits of patients, each with a menu over them, and the same counts made by hand in Python."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pyarrow as pa
from pyarrow import parquet

from unseen.evidence.contracts.statistics import (
    Dimension,
    Filter,
    Measure,
    Menu,
    Partition,
    Question,
)
from unseen.evidence.contracts.statistics.definition import Condition, Definition, Join, Origin
from unseen.node.catalog.catalogue import Column, Snapshot, Table
from unseen.node.catalog.labels import Label
from unseen.node.data.counting import Counting
from unseen.node.data.source import take_fingerprint
from unseen.node.statistics.asked import Room, counting_of
from unseen.protocols.lookup.subject import SubjectColumn

WARD = Dimension(name="ward", text="ward", values=("east", "west", "café"))
AGE = Dimension(name="age", text="age in years", edges=(0, 18, 65, 120))
URGENT = Dimension(name="urgent", text="urgent", values=("true", "false"))
PLAN = Dimension(name="plan", text="insurance", values=("basic", "full"))
COST = Measure(
    name="cost",
    text="cost",
    unit="yuan",
    decimals=2,
    low=-1_000,
    high=30_001,
    edges=(0, 500, 10_000, 40_000),
)
DAYS = Measure(name="days", text="days", unit="days", decimals=0, low=0, high=30, edges=(0, 7, 31))
LIMIT = Measure(name="limit", text="covered", unit="yuan", decimals=1, low=0, high=5_000)
STAYED = Filter(name="stayed", text="stayed overnight")
INSURED = Filter(name="insured", text="has an insurance in force")
ENTRIES: dict[str, Any] = {
    "dimensions": (WARD, AGE, URGENT, PLAN),
    "measures": (COST, DAYS, LIMIT),
    "filters": (STAYED, INSURED),
}
JOIN = Join(table="insurances", on=(("patient", "holder"),))
BEHIND: dict[str, Any] = {
    "columns": (
        Origin(name="ward", column="ward"),
        Origin(name="age", column="age"),
        Origin(name="urgent", column="urgent"),
        Origin(name="plan", column="plan", table="insurances"),
        Origin(name="cost", column="cost"),
        Origin(name="days", column="days"),
        Origin(name="limit", column="limit", table="insurances"),
    ),
    "conditions": (
        Condition(name="stayed", expression="days > 0", columns=("days",)),
        Condition(name="insured", expression="active", table="insurances", columns=("active",)),
    ),
}
_TYPES = {
    "visit": pa.int64(),
    "patient": pa.int32(),
    "ward": pa.string(),
    "age": pa.float64(),
    "urgent": pa.bool_(),
    "cost": pa.float64(),
    "days": pa.int16(),
    "holder": pa.int32(),
    "plan": pa.string(),
    "limit": pa.decimal128(9, 1),
    "active": pa.bool_(),
}
Row = dict[str, Any]


def offered(rows_per_person: int, *, by_visit: bool, exact: Partition | None = None) -> Definition:
    """Return the definition; `by_visit` makes each row a person of its own."""
    menu = Menu(**ENTRIES, rows_per_person=rows_per_person, joined=("insurances",), partition=exact)
    return Definition(menu=menu, **BEHIND, person=() if by_visit else ("patient",), join=JOIN)


@dataclass(frozen=True)
class World:
    """Two tables on disk, and what they hold."""

    folder: Path
    visits: list[Row]
    insurances: list[Row]

    def tables(self) -> dict[str, Table]:
        return {
            "": _registered(self.folder / "visits.parquet", "visit", self.visits),
            "insurances": _registered(
                self.folder / "insurances.parquet", "holder", self.insurances
            ),
        }

    def write(self) -> None:
        _write(
            self.folder / "visits.parquet",
            ("visit", "patient", "ward", "age", "urgent", "cost", "days"),
            self.visits,
        )
        _write(
            self.folder / "insurances.parquet",
            ("holder", "plan", "limit", "active"),
            self.insurances,
        )

    def without(self, patient: int) -> "World":
        """Return the world without one person, who leaves both tables."""
        return replace(
            self,
            visits=[row for row in self.visits if row["patient"] != patient],
            insurances=[row for row in self.insurances if row["holder"] != patient],
        )

    def counting(self, definition: Definition, question: Question) -> Counting:
        self.write()
        room = Room(self.folder / "spool", 256, permitted=False)
        room.spool.mkdir(exist_ok=True)
        return counting_of(definition.menu, question, definition, self.tables(), room)


def _write(path: Path, names: Sequence[str], rows: list[Row]) -> None:
    schema = pa.schema([(name, _TYPES[name]) for name in names])
    parquet.write_table(pa.Table.from_pylist(rows, schema), path)


def _registered(path: Path, subject: str, rows: list[Row]) -> Table:
    snapshot = Snapshot(1, "A" * 43, len(rows), take_fingerprint(path), "", b"")
    columns = tuple(
        Column(name, "BIGINT", Label("personal", "2")) for name in (rows[0] if rows else [subject])
    )
    return Table("visits", str(path), (SubjectColumn(subject, "integer"),), columns, snapshot)


def whole(value: Any, measure: Measure) -> int | None:
    """Return the whole number of a value: scaled, moved into the clamp, halves away from zero."""
    if value is None or not math.isfinite(value):
        return None
    moved = min(max(float(value) * 10**measure.decimals, measure.low), measure.high)
    return int(math.copysign(math.floor(abs(moved) + 0.5), moved))


def place(value: Any, dimension: Dimension) -> int | None:
    """Return the group that a value is in."""
    if value is None:
        return None
    if dimension.values:
        text = str(value).lower() if isinstance(value, bool) else normalize("NFC", value)
        return dimension.values.index(text) if text in dimension.values else None
    return bin_of(value, dimension.edges)


def bin_of(value: float | None, edges: Sequence[int]) -> int | None:
    """Return the bin that a number is in."""
    if value is None:
        return None
    return next((at for at in range(len(edges) - 1) if edges[at] <= value < edges[at + 1]), None)


PASSES: Mapping[str, Callable[[Row], bool]] = {
    "stayed": lambda row: (row["days"] or 0) > 0,
    "insured": lambda row: row.get("active") is True,
}


def rows_of(
    world: World, menu: Menu, by: Sequence[str], where: Sequence[str]
) -> list[tuple[int, Row]]:
    """Return each row that is in a cell, with the cell."""
    beside = {row["holder"]: row for row in world.insurances}
    found = []
    for visit in world.visits:
        row = visit | beside.get(visit["patient"], {})
        if not all(PASSES[name](row) for name in where):
            continue
        cell: int | None = 0
        for dimension in menu.dimensions:
            if dimension.name in by and cell is not None:
                at = place(row.get(dimension.name), dimension)
                cell = None if at is None else cell * len(dimension.bins) + at
        if cell is not None:
            found.append((cell, row))
    return found


def raw_by_hand(world: World, menu: Menu, question: Question, sorts: Sequence[str]) -> Any:
    """Return the raw tables over every row, whoever it is of."""
    measure = menu.measure(question.of)
    cells = menu.cells(question.by)
    bins = len(measure.bins) if measure and "bins" in sorts else 1
    tables = [[0] * (cells * bins) for _ in sorts]
    for cell, row in rows_of(world, menu, question.by, question.where):
        value = whole(row.get(question.of), measure) if measure else 0
        if value is None:
            continue
        for table, sort in zip(tables, sorts, strict=True):
            at = bin_of(value, measure.edges) if measure and sort == "bins" else 0
            shifted = value - (measure.middle if measure else 0)
            adds = {"total": value, "shifted": shifted, "squares": shifted**2}.get(sort, 1)
            if at is not None:
                table[cell * bins + at] += adds
    return tables
