"""Settlement: the bill, computed from releases alone, byte for byte the same on both sides.

The operator takes the release leaves from its log, the buyer takes them from its receipts; the
leaves are the same bytes, so `settle` returns the same statement, whatever their order and
however often one is given. The running totals inside the leaves show when one is missing, except
the last ones: there the two statements differ, and `tally` lists what to compare.

Where a contract bills hits, a leaf says how many of its units were one: verdicts are in the log
only as commitments. The buyer holds the verdict and contests a wrong number by opening the receipt
(`clear.verify_clear_opening`). Whoever reads the leaves learns from that number which requests
found something; such a contract's leakage statement says so.

Signatures are not checked here, nor whether an instance's certification had ended: a bare leaf
does not carry it. Give leaves that came out of `verify_receipt`, or out of a log that was checked
against its checkpoint. The window between a request and its release is checked for both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from unseen.evidence import canonical
from unseen.evidence.bills.billing import Bill, BillLine, make_bill
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.commitment import parts_root
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import SettlementError
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.oversight.objection import Credit
from unseen.evidence.suite import suite_of

_CHECK = Checker(SettlementError, "settlement")


@dataclass(frozen=True, slots=True)
class Day:
    """What one day (UTC) added: requests, units of the quota, billed units, and to the amount."""

    day: date
    requests: int
    units: int
    billed: int
    amount: int


def tally(terms: Terms, releases: Iterable[ReleaseLeaf | Json]) -> tuple[ReleaseLeaf, ...]:
    """Return each release of the contract once, in log order, which is the order of `total`.

    Raises:
        SettlementError: a release is of another contract or outside its clauses, or too far from
            the time of its request; one request was charged twice; totals leave a gap or
            overlap; or the quota is exceeded.
        LeafInvalidError: a leaf is malformed.

    """
    ordered, gaps = arrange(terms, releases)
    if gaps:
        first, last = gaps[0]
        _CHECK.fail("total", f"jumps: the releases of units {first} to {last} are missing")
    return ordered


def arrange(
    terms: Terms, releases: Iterable[ReleaseLeaf | Json]
) -> tuple[tuple[ReleaseLeaf, ...], list[tuple[int, int]]]:
    """Do as `tally` does, and return what is missing beside what is there.

    Missing are ranges of units, (first, last), that come before some release. What comes after
    the last one leaves no gap.

    Raises:
        SettlementError: as `tally`, but for a gap.
        LeafInvalidError: a leaf is malformed.

    """
    ordered = sorted(_once(terms, releases), key=lambda leaf: leaf.total)
    gaps: list[tuple[int, int]] = []
    used = 0
    for leaf in ordered:
        before = leaf.total - leaf.request.units
        if before > used:
            gaps.append((used + 1, before))
        if before < used:
            _CHECK.fail("total", f"repeats: two releases claim unit {before + 1}")
        used = leaf.total
    if used > terms.quota.units:
        _CHECK.fail("quota", f"of {terms.quota.units} units is exceeded: {used} were released")
    return tuple(ordered), gaps


def billed_units(terms: Terms, leaf: ReleaseLeaf) -> int:
    """Return what a release adds to the bill, in the contract's billing unit.

    An evaluation and an item of a set are a unit each, a request is one whatever it holds, hits
    are what the leaf says.
    """
    if terms.billing is not None and terms.billing.unit == "request":
        return 1
    return leaf.request.units if leaf.billed is None else leaf.billed


def bill(terms: Terms, releases: Iterable[ReleaseLeaf], credit: Credit | None = None) -> Bill:
    """Return what is owed for `releases`, which `tally` has returned or would."""
    billed = sum(billed_units(terms, leaf) for leaf in releases)
    return make_bill(terms.prices, terms.billing, billed, credit.amount if credit else 0)


def settle(
    terms: Terms, releases: Iterable[ReleaseLeaf | Json], credit: Credit | None = None
) -> bytes:
    """Return the statement of what was used under `terms`, as canonical JSON.

    Amounts are in millionths of the currency. `digest` is the RFC 6962 root over the canonical
    release leaves in log order (the hash of nothing where there is none), so that a disputed
    release can be shown to be in the bill, or not. `credit` is what the operator has agreed to
    take off (`objections.credits_of`).

    Raises:
        SettlementError: as `tally`.
        LeafInvalidError: as `tally`.

    """
    return statement(terms, tally(terms, releases), credit)


def statement(
    terms: Terms,
    ordered: Sequence[ReleaseLeaf],
    credit: Credit | None = None,
    unreceipted: Mapping[str, int] | None = None,
) -> bytes:
    """Return the statement of releases in log order, as `arrange` has returned them.

    `unreceipted` are requests, with their units, that the node says it charged and whose receipt
    is lost: they are listed, and in none of the sums.
    """
    suite = suite_of(terms.suite)
    owed = bill(terms, ordered, credit)
    leaves = [leaf.encode() for leaf in ordered]
    digest = parts_root(suite, leaves) if leaves else suite.digest(b"")
    fields = head("settlement", terms.suite) | {
        "contract": b64encode(terms.id()),
        "operator": terms.operator,
        "buyer": terms.buyer,
        "period": terms.period.to_json(),
        "currency": terms.prices.currency,
        "requests": len(ordered),
        "units": sum(leaf.request.units for leaf in ordered),
        "quota": terms.quota.units,
        "lines": [_line(terms, line) for line in owed.lines],
        "amount": owed.amount,
        "digest": b64encode(digest),
    }
    # What a contract does not have is not written: its statement keeps its bytes.
    if terms.billing is not None:
        fields["billing"] = {
            "unit": terms.billing.unit,
            "billed": owed.billed,
            "free": owed.free,
            "cap": terms.billing.cap,
        }
    if credit is not None:
        fields["credit"] = {"units": credit.units, "amount": owed.credited}
    if unreceipted is not None:
        fields["unreceipted"] = [
            {"request": request, "units": count} for request, count in sorted(unreceipted.items())
        ]
    return canonical.encode(fields)


def by_day(terms: Terms, ordered: Iterable[ReleaseLeaf]) -> tuple[Day, ...]:
    """Return what each day added to the bill, from releases in log order.

    The days add up to the bill without credits: free units are the first ones, and a cap cuts the
    last ones.
    """
    days: dict[date, Day] = {}
    billed = amount = 0
    for leaf in ordered:
        added = billed_units(terms, leaf)
        billed += added
        after = make_bill(terms.prices, terms.billing, billed).amount
        day = leaf.time.date()
        known = days.get(day, Day(day, 0, 0, 0, 0))
        days[day] = Day(
            day,
            known.requests + 1,
            known.units + leaf.request.units,
            known.billed + added,
            known.amount + after - amount,
        )
        amount = after
    return tuple(days[day] for day in sorted(days))


def check_release(terms: Terms, contract: bytes, leaf: ReleaseLeaf) -> None:
    """Return if a release is of the contract and within its clauses; totals are not looked at.

    `contract` is the id of `terms`, which takes longer to compute than all else here.

    Raises:
        SettlementError: it is not; `clause` names why.

    """
    clauses: tuple[tuple[str, object, object], ...] = (
        ("suite", leaf.suite, terms.suite),
        ("contract", leaf.request.contract, contract),
        ("kind", leaf.request.kind, terms.kind),
        ("plan", leaf.plan, terms.plan),
        ("leakage", leaf.leakage, terms.leakage),
        ("billed", leaf.billed is not None, terms.bills_hits),
    )
    for clause, found, expected in clauses:
        if found != expected:
            _CHECK.fail(clause, "of a release is not the contract's")
    if not terms.period.covers(leaf.time):
        _CHECK.fail("period", "does not cover the time of a release")
    if not leaf.timely:
        _CHECK.fail("window", f"of {leaf.window} between a request and its release is exceeded")


def _once(terms: Terms, releases: Iterable[ReleaseLeaf | Json]) -> list[ReleaseLeaf]:
    contract = terms.id()
    by_request: dict[str, ReleaseLeaf] = {}
    for given in releases:
        leaf = given if isinstance(given, ReleaseLeaf) else ReleaseLeaf.from_json(given)
        known = by_request.setdefault(leaf.request.request, leaf)
        if known != leaf:
            _CHECK.fail("request", "has been charged twice: two releases carry its id")
        if known is leaf:
            check_release(terms, contract, leaf)
    return list(by_request.values())


def _line(terms: Terms, line: BillLine) -> Json:
    fields: dict[str, Json] = {
        "line": line.line,
        "price": line.price,
        "units": line.units,
        "amount": line.amount,
    }
    if terms.billing is not None:
        fields["payees"] = [due.to_json() for due in line.dues]
    return fields
