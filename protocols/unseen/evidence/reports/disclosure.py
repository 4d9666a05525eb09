"""The yearly disclosure (年度公示): what was operated, for which scenarios, how much. Own format.

For the public: no buyer is named, and numbers of requests, units and the like are rounded down to
multiples of `threshold`, the sums too; what is above nothing and below the threshold is null:
fewer than that. So no sum tells a small number apart. Contracts, buyers and mandates are counted
exactly: they are about institutions.

Signed by the operator, who stands by it; an export of the log gives the same bytes.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from unseen.evidence import jws
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import ReportInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import RELEASE
from unseen.evidence.reports.source import Source, Span, verify_report
from unseen.evidence.suite import Signer, Suite

TYP = "unseen-disclosure"
TYPE = "disclosure"
THRESHOLD = 10
_CHECK = Checker(ReportInvalidError, "disclosure")
_ENDS = frozenset({"contract.revoked", "contract.expired"})
_COUNTED = {
    "opening.ordered": "orders_of_openings",
    "opening.answered": "answers_to_orders",
    "objection.opened": "objections",
    "node.stopped": "stops_of_the_node",
    "contract.suspended": "suspensions",
    "contract.revoked": "revocations",
}
_EXACT = ("stops_of_the_node", "suspensions", "revocations")


@dataclass(slots=True)
class _Line:
    """One scenario, product and kind."""

    contracts: set[str] = field(default_factory=set)
    buyers: set[str] = field(default_factory=set)
    requests: int = 0
    units: int = 0
    held: int = 0
    refused: int = 0


def disclosure(source: Source, year: int, threshold: int = THRESHOLD) -> dict[str, Json]:
    """Return the disclosure of `year` (UTC), computed from a whole log.

    Raises:
        ReportInvalidError: year or threshold is out of range, or the log names a contract that the
            source lacks.

    """
    _CHECK.integer("year", year, 2000, 9000)
    _CHECK.integer("threshold", threshold, 1, 1_000_000)
    span = Span(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    found = _Year(source, span)
    for time, kind, leaf in source.within(span):
        found.take(time, kind, leaf)
    return found.report(year, threshold)


def sign_disclosure(signer: Signer, report: dict[str, Json]) -> str:
    """Return the disclosure signed by the operator."""
    return jws.sign(signer, TYP, report)


def verify_disclosure(token: str, suite: Suite, operator_key: bytes) -> dict[str, Json]:
    """Return the disclosure that the owner of `operator_key` signed.

    Raises:
        ReportInvalidError: it is none.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    return verify_report(token, TYP, TYPE, suite, operator_key)


class _Year:
    """The numbers of one year, while the log is read from its beginning."""

    def __init__(self, source: Source, span: Span) -> None:
        self._source, self._span = source, span
        self._lines: dict[tuple[str, str, str], _Line] = {}
        self._active: set[str] = set()
        self._mandates: set[Json] = set()
        self._tables: set[Json] = set()
        self._products: set[Json] = set()
        self._counts: Counter[str] = Counter()
        self._begun = False

    def take(self, time: datetime, kind: str, leaf: Mapping[str, Json]) -> None:
        """Count one leaf."""
        now = self._span.covers(time)
        if now and not self._begun:
            self._begin()
        self._standing(kind, leaf, now=now)
        if not now:
            return
        if kind in _COUNTED:
            self._counts[_COUNTED[kind]] += 1
        if kind == RELEASE:
            self._released(leaf)
        elif kind == "release.reviewed":
            self._reviewed(leaf)

    def _begin(self) -> None:
        """Count what was in force when the year began."""
        self._begun = True
        for contract in sorted(self._active):
            self._in_force(contract)

    def _standing(self, kind: str, leaf: Mapping[str, Json], *, now: bool) -> None:
        contract = str(leaf.get("contract", ""))
        if kind == "contract.activated":
            self._active.add(contract)
            if now:
                self._in_force(contract)
        elif kind in _ENDS:
            self._active.discard(contract)
        elif kind == "mandate.registered":
            self._mandates.add(leaf.get("document"))
        elif kind == "mandate.withdrawn":
            self._mandates.discard(leaf.get("mandate"))
        elif kind == "table.registered":
            self._tables.add(leaf.get("table"))
        elif kind == "product.registered":
            self._products.add(leaf.get("product"))

    def _in_force(self, contract: str) -> None:
        terms, line = self._line(contract)
        line.contracts.add(contract)
        line.buyers.add(terms.buyer)

    def _released(self, leaf: Mapping[str, Json]) -> None:
        request: Any = leaf["request"]
        _, line = self._line(str(request["contract"]))
        line.requests += 1
        line.units += int(request["units"])

    def _reviewed(self, leaf: Mapping[str, Json]) -> None:
        _, line = self._line(str(leaf["contract"]))
        line.held += leaf.get("verdict") == "review"
        line.refused += leaf.get("verdict") == "refuse"

    def _line(self, contract: str) -> tuple[Terms, _Line]:
        terms = self._source.contracts.get(contract)
        if terms is None:
            _CHECK.fail("contracts", "lack one that the log names")
        key = (terms.scenario, terms.product, terms.kind)
        return terms, self._lines.setdefault(key, _Line())

    def report(self, year: int, threshold: int) -> dict[str, Json]:
        """Return the disclosure."""
        if not self._begun:
            self._begin()
        lines = list(self._lines.values())
        totals: dict[str, Json] = {
            "contracts": sum(len(line.contracts) for line in lines),
            "buyers": len(set().union(*(line.buyers for line in lines))),
            "mandates": len(self._mandates),
            "tables": len(self._tables),
            "products": len(self._products),
        }
        for name in ("requests", "units", "held", "refused"):
            totals[name] = shown(sum(getattr(line, name) for line in lines), threshold)
        for name in sorted(_COUNTED.values()):
            count = self._counts[name]
            totals[name] = count if name in _EXACT else shown(count, threshold)
        listed: list[Json] = [
            _line_json(key, line, threshold) for key, line in sorted(self._lines.items())
        ]
        return head(TYPE, self._source.suite) | {
            "operator": self._source.operator,
            "log": self._source.head.to_json(),
            "year": year,
            "threshold": threshold,
            "lines": listed,
            "totals": totals,
        }


def shown(count: int, threshold: int) -> int | None:
    """Return what the public sees of a number: rounded, or None for a few below `threshold`."""
    if 0 < count < threshold:
        return None
    return count - count % threshold


def _line_json(key: tuple[str, str, str], line: _Line, threshold: int) -> dict[str, Json]:
    scenario, product, kind = key
    return {
        "scenario": scenario,
        "product": product,
        "kind": kind,
        "contracts": len(line.contracts),
        "buyers": len(line.buyers),
        "requests": shown(line.requests, threshold),
        "units": shown(line.units, threshold),
        "held": shown(line.held, threshold),
        "refused": shown(line.refused, threshold),
    }
