"""The personal-information audit report (个人信息保护合规审计报告). Own format.

For the authority: what the log shows about people's consent over a span of time, exactly. Counts
of consents come from the leaves `consent.root`; who consented is not in the log. Jobs that need
consent are those under contracts with a consent clause: each release has to name the root that it
was made under. A withdrawal takes effect for `verify` at the leaf that writes it down, and for
`lookup` when the contract's next epoch is announced; the slowest is measured and held against the
contract's latency.

Signed by the operator; an export of the log gives the same bytes. It shows what was logged: that
nobody was asked about behind the log's back it cannot show.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from unseen.evidence import jws
from unseen.evidence.canonical import Json, format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import ReportInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import RELEASE
from unseen.evidence.reports.source import Source, Span, verify_report
from unseen.evidence.suite import Signer, Suite

TYP = "unseen-personal-audit"
TYPE = "personal-audit"
_CHECK = Checker(ReportInvalidError, "personal audit")
_ENDS = frozenset({"contract.revoked", "contract.expired"})
_CHANGES = ("added", "withdrawn", "spent")


@dataclass(slots=True)
class _Jobs:
    """What was done under one contract that asks for consent."""

    terms: Terms
    latency: int  # seconds
    requests: int = 0
    units: int = 0
    without: int = 0  # releases that name no root of consents
    waiting: datetime | None = None  # the oldest withdrawal that is not in effect
    withdrawals: int = 0  # roots with withdrawals while it was in force
    slowest: int = 0  # seconds
    late: int = 0


@dataclass(slots=True)
class _Consents:
    """The tree of consents over the span."""

    roots: int = 0
    before: int = 0
    after: int = 0
    first: dict[str, Json] | None = None
    last: dict[str, Json] | None = None
    changes: Counter[str] = field(default_factory=Counter)


def personal_audit(source: Source, span: Span) -> dict[str, Json]:
    """Return the report over `span`, computed from a whole log.

    Raises:
        ReportInvalidError: the log names a contract that the source lacks.

    """
    found = _Audit(source, span)
    for time, kind, leaf in source.within(span):
        found.take(time, kind, leaf)
    return found.report()


def sign_personal_audit(signer: Signer, report: dict[str, Json]) -> str:
    """Return the report signed by the operator."""
    return jws.sign(signer, TYP, report)


def verify_personal_audit(token: str, suite: Suite, operator_key: bytes) -> dict[str, Json]:
    """Return the report that the owner of `operator_key` signed.

    Raises:
        ReportInvalidError: it is none.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    return verify_report(token, TYP, TYPE, suite, operator_key)


class _Audit:
    """The numbers of one span, while the log is read from its beginning."""

    def __init__(self, source: Source, span: Span) -> None:
        self._source, self._span, self._newest = source, span, span.start
        self._consents = _Consents()
        self._jobs: dict[str, _Jobs] = {}
        self._active: set[str] = set()
        self._openings: Counter[str] = Counter()
        self._objections: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def take(self, time: datetime, kind: str, leaf: Mapping[str, Json]) -> None:
        """Count one leaf."""
        now, self._newest = self._span.covers(time), time
        if kind == "consent.root":
            self._root(time, leaf, now=now)
        elif kind == RELEASE and now:
            self._released(leaf)
        elif kind == "manifest.published":
            self._published(time, str(leaf["contract"]))
        elif kind == "contract.activated":
            self._active.add(str(leaf["contract"]))
        elif kind in _ENDS:
            self._ended(time, str(leaf["contract"]))
        elif kind.startswith("opening.") and now:
            self._opening(kind, leaf)
        elif kind.startswith("objection.") and now:
            self._objection(kind, leaf)

    def _root(self, time: datetime, leaf: Mapping[str, Json], *, now: bool) -> None:
        consents, size = self._consents, int(str(leaf["size"]))
        consents.after = size
        if not now:
            consents.before = size
            return
        consents.roots += 1
        consents.last = {
            "number": leaf["number"],
            "root": leaf["root"],
            "time": format_time(time),
        }
        consents.first = consents.first or consents.last
        for name in _CHANGES:
            consents.changes[name] += int(str(leaf.get(name, 0)))
        if leaf.get("withdrawn"):
            self._withdrawn(time)

    def _withdrawn(self, time: datetime) -> None:
        for contract in sorted(self._active):
            jobs = self._of(contract)
            if jobs is None:
                continue
            jobs.withdrawals += 1
            if jobs.terms.kind == "lookup":
                jobs.waiting = jobs.waiting or time

    def _published(self, time: datetime, contract: str) -> None:
        jobs = self._jobs.get(contract)
        if jobs is None or jobs.waiting is None:
            return
        seconds = int((time - jobs.waiting).total_seconds())
        jobs.slowest = max(jobs.slowest, seconds)
        jobs.late += seconds > jobs.latency
        jobs.waiting = None

    def _ended(self, time: datetime, contract: str) -> None:
        self._active.discard(contract)
        self._published(time, contract)  # nothing is answered any more

    def _released(self, leaf: Mapping[str, Json]) -> None:
        request: Any = leaf["request"]
        jobs = self._of(str(request["contract"]))
        if jobs is None:
            return
        jobs.requests += 1
        jobs.units += int(request["units"])
        jobs.without += "consent_root" not in leaf

    def _of(self, contract: str) -> _Jobs | None:
        """Return the jobs of a contract that asks for consent; None for one that does not."""
        terms = self._source.contracts.get(contract)
        if terms is None:
            _CHECK.fail("contracts", "lack one that the log names")
        if terms.consent is None:
            return None
        return self._jobs.setdefault(contract, _Jobs(terms, terms.consent.latency_seconds))

    def _opening(self, kind: str, leaf: Mapping[str, Json]) -> None:
        name = {"opening.ordered": "orders", "opening.drawn": "draws"}.get(kind, "responses")
        self._openings[name] += 1
        if name == "responses":
            for field_name in ("opened", "unknown", "lost"):
                self._openings[field_name] += int(str(leaf.get(field_name, 0)))

    def _objection(self, kind: str, leaf: Mapping[str, Json]) -> None:
        if kind == "objection.opened":
            self._objections["opened"] += 1
            self._reasons[str(leaf["reason"])] += 1
        elif kind == "objection.answered":
            self._objections[str(leaf["verdict"])] += 1
        else:
            self._objections["agreed" if leaf.get("agreed") else "not_agreed"] += 1

    def report(self) -> dict[str, Json]:
        """Return the report."""
        return head(TYPE, self._source.suite) | {
            "operator": self._source.operator,
            "log": self._source.head.to_json(),
            "span": self._span.to_json(),
            "consents": self._consents_json(),
            "jobs": [self._jobs_json(one, jobs) for one, jobs in sorted(self._jobs.items())],
            "openings": _counts(
                self._openings, ("orders", "draws", "responses", "opened", "unknown", "lost")
            ),
            "objections": {
                **_counts(
                    self._objections, ("opened", "accepted", "rejected", "agreed", "not_agreed")
                ),
                "reasons": _counts(self._reasons, sorted(self._reasons)),
            },
        }

    def _consents_json(self) -> dict[str, Json]:
        consents = self._consents
        return {
            **_counts(consents.changes, _CHANGES),
            "roots": consents.roots,
            "subjects_before": consents.before,
            "subjects_after": consents.after,
            "first": consents.first,
            "last": consents.last,
        }

    def _jobs_json(self, contract: str, jobs: _Jobs) -> dict[str, Json]:
        terms = jobs.terms
        pending = None
        if jobs.waiting is not None:
            pending = int((self._newest - jobs.waiting).total_seconds())
        return {
            "contract": contract,
            "scenario": terms.scenario,
            "product": terms.product,
            "kind": terms.kind,
            "requests": jobs.requests,
            "units": jobs.units,
            "without_root": jobs.without,
            "withdrawals": jobs.withdrawals,
            "latency_seconds": jobs.latency,
            "slowest_seconds": jobs.slowest,
            "late": jobs.late,
            "pending_seconds": pending,
        }


def _counts(counts: Mapping[str, int], names: Iterable[str]) -> dict[str, Json]:
    return {name: counts.get(name, 0) for name in names}
