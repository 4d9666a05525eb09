"""Reconciliation: a day's charges as two sides have them, held against each other by request id.

A side is a log (the operator's, or an auditor's export) or receipts (the buyer's). Each writes its
**sheet** (对账单), canonical JSON: a row for each release of the day, with the hash of its leaf, so
that any difference shows. Own format.

A sheet is what somebody says to have. What is proven is in the log and in the receipts: where two
sheets differ, `dispute.resolve` decides from those.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Literal, Self, get_args

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.errors import SettlementError
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.suite import suite_of

Side = Literal["log", "receipts"]
MAX_SHEET_BYTES = 1 << 28  # a million rows

_CHECK = Checker(SettlementError, "sheet")
_FIELDS = ("side", "party", "day", "rows")
_ROW = ("request", "contract", "time", "units", "total", "leaf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One release as one side has it. `contract` and `leaf` are 32 bytes, `leaf` its hash.

    `billed` is None where the contract bills no hits. Errors: `SettlementError`.
    """

    request: str
    contract: bytes
    time: datetime
    units: int
    total: int
    leaf: bytes
    billed: int | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.request_id("rows.request", self.request)
        for name in ("contract", "leaf"):
            _CHECK.octets(f"rows.{name}", getattr(self, name))
        _CHECK.time("rows.time", self.time)
        _CHECK.integer("rows.units", self.units, 1)
        _CHECK.integer("rows.total", self.total, self.units)
        if self.billed is not None:
            _CHECK.integer("rows.billed", self.billed, 0, self.units)

    @classmethod
    def of(cls, leaf: ReleaseLeaf) -> Self:
        """Return the entry of a release."""
        request = leaf.request
        return cls(
            request=request.request,
            contract=request.contract,
            time=leaf.time,
            units=request.units,
            total=leaf.total,
            leaf=suite_of(leaf.suite).digest(leaf.encode()),
            billed=leaf.billed,
        )

    def to_json(self) -> dict[str, Json]:
        """Return the row of a sheet."""
        billed: dict[str, Json] = {} if self.billed is None else {"billed": self.billed}
        return billed | {
            "request": self.request,
            "contract": b64encode(self.contract),
            "time": format_time(self.time),
            "units": self.units,
            "total": self.total,
            "leaf": b64encode(self.leaf),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the entry that `to_json` gives `value` for."""
        row = _CHECK.take(value, _ROW, "rows", ("billed",))
        if "billed" in row:
            _CHECK.integer("rows.billed", row["billed"], 0)
        return cls(
            request=row["request"],
            contract=_CHECK.unb64("rows.contract", row["contract"]),
            time=_CHECK.untime("rows.time", row["time"]),
            units=row["units"],
            total=row["total"],
            leaf=_CHECK.unb64("rows.leaf", row["leaf"]),
            billed=row.get("billed"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One side's releases of a day (UTC). `party` is the name of its key. Errors: see `Entry`."""

    suite: str
    side: Side
    party: str
    day: date
    rows: tuple[Entry, ...]

    def __post_init__(self) -> None:
        """Check every field, that the rows are of the day, and each once and in order."""
        _CHECK.suite(self.suite)
        _CHECK.choice("side", self.side, get_args(Side))
        _CHECK.key_id("party", self.party)
        keys = [(row.contract, row.total, row.request) for row in self.rows]
        if keys != sorted(keys):
            _CHECK.fail("rows", "are not in the order of contract and total")
        _CHECK.distinct("rows", [(row.contract, row.request) for row in self.rows])
        if any(row.time.date() != self.day for row in self.rows):
            _CHECK.fail("rows.time", "is of another day")

    def encode(self) -> bytes:
        """Return the canonical bytes of the sheet."""
        value = head("sheet", self.suite) | {
            "side": self.side,
            "party": self.party,
            "day": self.day.isoformat(),
            "rows": [row.to_json() for row in self.rows],
        }
        return canonical.encode(value)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the sheet whose canonical bytes are `data`.

        Raises:
            CanonicalError: they are not canonical JSON, or more than 256 MiB.
            SettlementError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(canonical.decode(data, MAX_SHEET_BYTES), "sheet", _FIELDS)
        return cls(
            suite=body["suite"],
            side=body["side"],
            party=body["party"],
            day=_day(body["day"]),
            rows=tuple(map(Entry.from_json, _CHECK.unlist("rows", body["rows"]))),
        )


class Finding(Enum):
    """What is wrong with a request between two sides."""

    NO_RECEIPT = "no_receipt"  # charged in the log, and the buyer has no receipt
    NOT_IN_LOG = "not_in_log"  # the buyer has a receipt, and the log no release
    UNITS = "different_units"
    BILLED = "different_billed"  # hits
    LEAF = "different_leaf"  # anything else about the release


@dataclass(frozen=True, slots=True)
class Match:
    """A request with what either side has of it; None for nothing."""

    ours: Entry | None
    theirs: Entry | None
    finding: Finding | None

    @property
    def entry(self) -> Entry:
        """What there is of it, ours before theirs."""
        found = self.ours or self.theirs
        if found is None:
            raise SettlementError("reconciliation: a request that nobody has", clause="request")
        return found


def make_sheet(
    suite: str, side: Side, party: str, day: date, releases: Iterable[ReleaseLeaf]
) -> Sheet:
    """Return the sheet of those of `releases` that are of `day`; one given twice counts once.

    Raises:
        SettlementError: one request has two releases.

    """
    entries = {Entry.of(leaf) for leaf in releases if leaf.time.date() == day}
    rows = sorted(entries, key=lambda row: (row.contract, row.total, row.request))
    return Sheet(suite=suite, side=side, party=party, day=day, rows=tuple(rows))


def reconcile(ours: Sheet, theirs: Sheet, contracts: Sequence[bytes] = ()) -> tuple[Match, ...]:
    """Return every request of the day with what is wrong with it, in log order by contract.

    With `contracts`, only theirs.

    Raises:
        SettlementError: the sheets are of different days or suites.

    """
    if (ours.suite, ours.day) != (theirs.suite, theirs.day):
        _CHECK.fail("day", "or suite is another one on the other side")
    mine = {(row.contract, row.request): row for row in ours.rows}
    other = {(row.contract, row.request): row for row in theirs.rows}
    found = [
        _match(ours.side, theirs.side, mine.get(key), other.get(key))
        for key in mine.keys() | other.keys()
        if not contracts or key[0] in contracts
    ]
    return tuple(sorted(found, key=lambda m: (m.entry.contract, m.entry.total, m.entry.request)))


def _match(our_side: Side, their_side: Side, ours: Entry | None, theirs: Entry | None) -> Match:
    if ours is None or theirs is None:
        lacking = our_side if ours is None else their_side
        missing = Finding.NO_RECEIPT if lacking == "receipts" else Finding.NOT_IN_LOG
        return Match(ours, theirs, missing)
    if ours.units != theirs.units:
        return Match(ours, theirs, Finding.UNITS)
    if ours.billed != theirs.billed:
        return Match(ours, theirs, Finding.BILLED)
    return Match(ours, theirs, Finding.LEAF if ours != theirs else None)


def _day(value: object) -> date:
    found: date | None = None
    if type(value) is str:
        try:
            found = date.fromisoformat(value)
        except ValueError:
            found = None
    if found is None or found.isoformat() != value:
        _CHECK.fail("day", "is not a day such as 2026-11-22")
    return found
