"""Settlement: the bill, computed from releases alone, byte for byte the same on both sides.

The operator takes the release leaves from its log, the buyer takes them from its receipts; the
leaves are the same bytes, so `settle` returns the same statement, whatever their order and
however often one is given. The running totals inside the leaves show when one is missing, except
the last ones: there the two statements differ, and `tally` lists what to compare.

Signatures are not checked here, nor whether an instance's certification had ended: a bare leaf
does not carry it. Give leaves that came out of `verify_receipt`, or out of a log that was checked
against its checkpoint. The window between a request and its release is checked for both.
"""

from collections.abc import Iterable

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.commitment import parts_root
from unseen.evidence.contract import Terms
from unseen.evidence.errors import SettlementError
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import ReleaseLeaf, encode_leaf
from unseen.evidence.suite import suite_of

_CHECK = Checker(SettlementError, "settlement")


def tally(terms: Terms, releases: Iterable[ReleaseLeaf | Json]) -> tuple[ReleaseLeaf, ...]:
    """Return each release of the contract once, in log order, which is the order of `total`.

    Raises:
        SettlementError: a release is of another contract or outside its clauses, or too far from
            the time of its request; one request was charged twice; totals leave a gap or
            overlap; or the quota is exceeded.
        LeafInvalidError: a leaf is malformed.

    """
    contract = terms.id()
    by_request: dict[str, ReleaseLeaf] = {}
    for given in releases:
        leaf = given if isinstance(given, ReleaseLeaf) else ReleaseLeaf.from_json(given)
        known = by_request.setdefault(leaf.request.request, leaf)
        if known != leaf:
            _CHECK.fail("request", "has been charged twice: two releases carry its id")
        if known is leaf:
            _check_clauses(terms, contract, leaf)
    ordered = tuple(sorted(by_request.values(), key=lambda leaf: leaf.total))
    used = 0
    for leaf in ordered:
        before = leaf.total - leaf.request.units
        if before > used:
            _CHECK.fail("total", f"jumps: the releases of units {used + 1} to {before} are missing")
        if before < used:
            _CHECK.fail("total", f"repeats: two releases claim unit {before + 1}")
        used = leaf.total
    if used > terms.quota.units:
        _CHECK.fail("quota", f"of {terms.quota.units} units is exceeded: {used} were released")
    return ordered


def settle(terms: Terms, releases: Iterable[ReleaseLeaf | Json]) -> bytes:
    """Return the statement of what was used under `terms`, as canonical JSON.

    Amounts are in millionths of the currency. `digest` is the RFC 6962 root over the canonical
    release leaves in log order (the hash of nothing where there is none), so that a disputed
    release can be shown to be in the bill, or not.

    Raises:
        SettlementError: as `tally`.
        LeafInvalidError: as `tally`.

    """
    suite = suite_of(terms.suite)
    ordered = tally(terms, releases)
    units = ordered[-1].total if ordered else 0
    leaves = [encode_leaf(leaf.to_json()) for leaf in ordered]
    digest = parts_root(suite, leaves) if leaves else suite.digest(b"")
    fees = (("data_fee", terms.prices.data_fee), ("service_fee", terms.prices.service_fee))
    lines: list[Json] = [
        {"line": line, "price": price, "units": units, "amount": price * units}
        for line, price in fees
    ]
    statement = head("settlement", terms.suite) | {
        "contract": b64encode(terms.id()),
        "operator": terms.operator,
        "buyer": terms.buyer,
        "period": terms.period.to_json(),
        "currency": terms.prices.currency,
        "requests": len(ordered),
        "units": units,
        "quota": terms.quota.units,
        "lines": lines,
        "amount": sum(price for _, price in fees) * units,
        "digest": b64encode(digest),
    }
    return canonical.encode(statement)


def _check_clauses(terms: Terms, contract: bytes, leaf: ReleaseLeaf) -> None:
    clauses: tuple[tuple[str, object, object], ...] = (
        ("suite", leaf.suite, terms.suite),
        ("contract", leaf.request.contract, contract),
        ("kind", leaf.request.kind, terms.kind),
        ("plan", leaf.plan, terms.plan),
        ("leakage", leaf.leakage, terms.leakage),
    )
    for clause, found, expected in clauses:
        if found != expected:
            _CHECK.fail(clause, "of a release is not the contract's")
    if not terms.period.covers(leaf.time):
        _CHECK.fail("period", "does not cover the time of a release")
    if not leaf.timely:
        _CHECK.fail("window", f"of {leaf.window} between a request and its release is exceeded")
