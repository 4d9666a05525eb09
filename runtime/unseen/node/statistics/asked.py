"""From a menu, what stands behind it and a question to what a worker counts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unseen.evidence.contracts.statistics import Dimension, Measure, Menu, Question, raws_of
from unseen.evidence.contracts.statistics import definition as defined
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.node.catalog.catalogue import Table
from unseen.node.catalog.menus import persons
from unseen.node.data.counting import Amount, Axis, Condition, Counting, Joined, Place, Tally
from unseen.node.errors import InternalError

if TYPE_CHECKING:
    from unseen.protocols.train import Feature


@dataclass(frozen=True, slots=True)
class Room:
    """Where a counting may write, in how much memory; whether only who consents is counted."""

    spool: Path
    memory_mb: int
    permitted: bool


def counting_of(
    menu: Menu, question: Question, offered: Definition, tables: Mapping[str, Table], room: Room
) -> Counting:
    """Return what is counted for a question that `menu`, of the contract, offers.

    `tables` holds the product's own table under "", and the joined one under its name.

    Raises:
        QuestionInvalidError: the question cannot be asked of this menu.

    """
    exact = menu.partition if question.exact else None
    by, where = (exact.by, exact.where) if exact else (question.by, question.where)
    of = exact.measures if exact else (question.of,)
    raws = raws_of(menu, question)
    axes = [entry for entry in menu.dimensions if entry.name in by]
    amounts = [entry for entry in menu.measures if entry.name in of]
    joins = _joins(offered, (*by, *where, *of))
    table = tables[""]
    person = persons(offered, table)
    return Counting(
        source=table.where,
        fingerprint=table.snapshot.fingerprint,
        spool=room.spool,
        memory_mb=room.memory_mb,
        axes=tuple(_axis(entry, _place(offered, entry.name, joins)) for entry in axes),
        amounts=tuple(_amount(entry, _place(offered, entry.name, joins)) for entry in amounts),
        filters=tuple(_condition(offered, name, joins) for name in where),
        person=person,
        unique={column.name for column in table.subject} <= {*person},
        most=menu.rows_per_person,
        tallies=() if exact else tuple(Tally(raw.sort, raw.sigma2) for raw in raws),
        joined=tuple(
            Joined(tables[join.table].where, tables[join.table].snapshot.fingerprint, join.on)
            for join in joins
        ),
        permitted=table.subject if room.permitted else (),
    )


def featured_counting(
    features: "Sequence[Feature]", offered: Definition, table: Table, room: Room
) -> Counting:
    """Return what is read of a table's rows for a training, whose label may be the last feature.

    An axis for each feature of values and an amount for each number, in their order; a label that
    is yes or no is neither.
    """
    menu, person = offered.menu, persons(offered, table)
    dimensions = [menu.dimension(feature.name) for feature in features]
    measures = [menu.measure(feature.name) for feature in features]
    return Counting(
        source=table.where,
        fingerprint=table.snapshot.fingerprint,
        spool=room.spool,
        memory_mb=room.memory_mb,
        axes=tuple(_axis(each, _own(offered, each.name)) for each in dimensions if each),
        amounts=tuple(_read(each, _own(offered, each.name)) for each in measures if each),
        filters=(),
        person=person,
        unique={column.name for column in table.subject} <= {*person},
        most=menu.rows_per_person,
        tallies=(),
        permitted=table.subject if room.permitted else (),
    )


def _own(offered: Definition, name: str) -> Place:
    behind = offered.behind(name)
    if not isinstance(behind, defined.Origin) or behind.table:
        raise InternalError("a training over what is no column of its table")
    return Place(behind.column)


def _read(measure: Measure, place: Place) -> Amount:
    """Return a measure as it is read row by row: nothing is shifted, and there are no bins."""
    return Amount(place=place, decimals=measure.decimals, low=measure.low, high=measure.high)


def _joins(offered: Definition, names: tuple[str, ...]) -> tuple[defined.Join, ...]:
    """Return the join, if one of the named entries reads the joined table."""
    read = any(offered.behind(name).table for name in names if name)
    return (offered.join,) if offered.join and read else ()


def _place(offered: Definition, name: str, joins: tuple[defined.Join, ...]) -> Place:
    behind = offered.behind(name)
    if not isinstance(behind, defined.Origin):
        raise InternalError("a dimension or measure without a column")
    return Place(behind.column, _number(behind.table, joins))


def _condition(offered: Definition, name: str, joins: tuple[defined.Join, ...]) -> Condition:
    behind = offered.behind(name)
    if not isinstance(behind, defined.Condition):
        raise InternalError("a filter without a condition")
    return Condition(name, behind.expression, _number(behind.table, joins))


def _number(table: str, joins: tuple[defined.Join, ...]) -> int:
    return [join.table for join in joins].index(table) + 1 if table else 0


def _axis(dimension: Dimension, place: Place) -> Axis:
    return Axis(place=place, values=dimension.values, edges=dimension.edges)


def _amount(measure: Measure, place: Place) -> Amount:
    return Amount(
        place=place,
        decimals=measure.decimals,
        low=measure.low,
        high=measure.high,
        middle=measure.middle,
        edges=measure.edges,
    )
