"""What is to be counted in a table's rows for one question; as canonical JSON, for its way.

Names of columns and expressions are the operator's; nothing here is text of a buyer.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from unseen.evidence.canonical import Json
from unseen.node.data.source import Fingerprint, Source
from unseen.node.data.spec import source_text
from unseen.protocols.lookup.subject import SubjectColumn


@dataclass(frozen=True, slots=True)
class Place:
    """A column; `table` is 0 for the table itself, n for the n-th joined one."""

    column: str
    table: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What rows are grouped by: declared values, or bins between ascending whole edges."""

    place: Place
    values: tuple[str, ...] = ()
    edges: tuple[int, ...] = ()

    @property
    def bins(self) -> int:
        """Return how many groups there are."""
        return len(self.values) or len(self.edges) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What is added up: whole numbers of 10^-decimals, moved into [low, high].

    `middle` is what `shifted` and `squares` are counted from; `edges` cut the bins.
    """

    place: Place
    decimals: int
    low: int
    high: int
    middle: int = 0
    edges: tuple[int, ...] = ()

    @property
    def reach(self) -> int:
        """Return how far a value is from the middle at most."""
        return max(self.high - self.middle, self.middle - self.low)


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter: a boolean expression over one row of one table; `table` as in `Place`."""

    name: str
    expression: str
    table: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    """A table joined by its subject: `on` are pairs of a column of ours and one of its subject's.

    Each row of ours meets one row of it at most: the registration found every subject once.
    """

    source: Source
    fingerprint: Fingerprint
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """A raw table (`Raw` of the evidence): what a row adds, and the noise on each number."""

    sort: str
    sigma2: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """One question over one table.

    `person` are the columns that say who a row is about; `unique` that no two rows share them.
    Under noise at most `most` rows of a person are counted. Without `tallies` the counts are exact,
    and come with who stands behind them; with them there is one amount at most. Only those persons
    are counted that fall to `part` of `parts`, with all of their rows.
    """

    source: Source
    fingerprint: Fingerprint
    spool: Path
    memory_mb: int
    axes: tuple[Axis, ...]
    amounts: tuple[Amount, ...]
    filters: tuple[Condition, ...]
    person: tuple[str, ...]
    unique: bool
    most: int
    tallies: tuple[Tally, ...]
    joined: tuple[Joined, ...] = ()
    permitted: tuple[SubjectColumn, ...] = ()  # the subject, where only who consents is counted
    part: int = 0
    parts: int = 1

    @property
    def cells(self) -> int:
        """Return how many cells there are."""
        cells = 1
        for axis in self.axes:
            cells *= axis.bins
        return cells


def encode_counting(counting: Counting) -> Json:
    """Return the JSON of a counting; it holds no key."""
    return {
        "source": source_text(counting.source),
        "fingerprint": counting.fingerprint.to_json(),
        "spool": str(counting.spool),
        "memory_mb": counting.memory_mb,
        "axes": [
            {"place": _place(a.place), "values": list(a.values), "edges": list(a.edges)}
            for a in counting.axes
        ],
        "amounts": [
            {
                "place": _place(a.place),
                "decimals": a.decimals,
                "low": a.low,
                "high": a.high,
                "middle": a.middle,
                "edges": list(a.edges),
            }
            for a in counting.amounts
        ],
        "filters": [[each.name, each.expression, each.table] for each in counting.filters],
        "person": list(counting.person),
        "unique": counting.unique,
        "most": counting.most,
        "tallies": [[tally.sort, str(tally.sigma2)] for tally in counting.tallies],
        "joined": [
            {
                "source": source_text(each.source),
                "fingerprint": each.fingerprint.to_json(),
                "on": [list(pair) for pair in each.on],
            }
            for each in counting.joined
        ],
        "permitted": [{"name": c.name, "type": c.type} for c in counting.permitted],
        "part": counting.part,
        "parts": counting.parts,
    }


def decode_counting(value: Any) -> Counting:
    """Return the counting that `encode_counting` wrote."""
    return Counting(
        source=Source.parse(value["source"]),
        fingerprint=Fingerprint.from_json(value["fingerprint"]),
        spool=Path(value["spool"]),
        memory_mb=value["memory_mb"],
        axes=tuple(
            Axis(place=Place(*a["place"]), values=tuple(a["values"]), edges=tuple(a["edges"]))
            for a in value["axes"]
        ),
        amounts=tuple(
            Amount(
                place=Place(*a["place"]),
                decimals=a["decimals"],
                low=a["low"],
                high=a["high"],
                middle=a["middle"],
                edges=tuple(a["edges"]),
            )
            for a in value["amounts"]
        ),
        filters=tuple(Condition(*each) for each in value["filters"]),
        person=tuple(value["person"]),
        unique=value["unique"],
        most=value["most"],
        tallies=tuple(Tally(sort, Fraction(sigma2)) for sort, sigma2 in value["tallies"]),
        joined=tuple(
            Joined(
                Source.parse(each["source"]),
                Fingerprint.from_json(each["fingerprint"]),
                tuple((ours, its) for ours, its in each["on"]),
            )
            for each in value["joined"]
        ),
        permitted=tuple(SubjectColumn(c["name"], c["type"]) for c in value["permitted"]),
        part=value["part"],
        parts=value["parts"],
    )


def _place(place: Place) -> Json:
    return [place.column, place.table]
