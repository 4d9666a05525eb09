"""The yearly disclosure and the personal-information audit, computed from leaves alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import ORIGIN, World

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import ReportInvalidError, SignatureInvalidError
from unseen.evidence.log import event_leaf
from unseen.evidence.reports import disclosure as yearly
from unseen.evidence.reports import personal
from unseen.evidence.reports.disclosure import disclosure, shown, sign_disclosure, verify_disclosure
from unseen.evidence.reports.page import Page, Section, Table
from unseen.evidence.reports.personal import (
    personal_audit,
    sign_personal_audit,
    verify_personal_audit,
)
from unseen.evidence.reports.source import Head, Source, Span, source_of
from unseen.evidence.reports.words import disclosure_page, personal_page
from unseen.evidence.suite import INTL, signer_id

VECTORS = Path(__file__).parents[1] / "vectors/evidence/formats_v1_reports.json"
START = datetime(2026, 3, 1, tzinfo=UTC)
YEAR = 2026


@dataclass
class Log:
    """Leaves as a node would write them, and the contracts they name."""

    world: World
    leaves: list[Mapping[str, Json]] = field(default_factory=list)
    contracts: dict[str, Terms] = field(default_factory=dict)
    time: datetime = START

    def event(self, kind: str, **fields: Json) -> None:
        self.leaves.append(event_leaf(self.world.suite, kind, self.time, fields))
        self.time += timedelta(hours=1)

    def contract(self, number: int = 0, **changes: Any) -> str:
        terms = self.world.terms(nonce=bytes([number]) * 16, **changes)
        name = b64encode(terms.id())
        self.contracts[name] = terms
        return name

    def activate(self, number: int = 0, **changes: Any) -> str:
        name = self.contract(number, **changes)
        self.event("contract.activated", contract=name, by="lender")
        return name

    def release(self, contract: str, units: int = 1, **more: Json) -> None:
        terms = self.contracts[contract]
        request = self.world.request(
            len(self.leaves),
            contract=terms.id(),
            kind=terms.kind,
            units=units,
            issued_at=self.time,
            **({} if terms.kind == "lookup" else {"manifest": b"", "epoch": 0}),
        )
        leaf = self.world.leaf(request, time=self.time, total=units).to_json()
        self.leaves.append(leaf | more)
        self.time += timedelta(hours=1)

    @property
    def source(self) -> Source:
        head = Head(ORIGIN, len(self.leaves), bytes(32))
        return Source(self.world.suite.id, head, self.contracts, lambda: iter(self.leaves))

    def year(self, year: int = YEAR, **more: Any) -> Any:
        return disclosure(self.source, year, **more)

    def audit(self, days: int = 365) -> Any:
        return personal_audit(self.source, Span(START, START + timedelta(days=days)))


@pytest.fixture
def log(world: World) -> Log:
    return Log(world)


CONSENT = ConsentRule(scenario="贷前核验", latency_seconds=7200, once=False)


def lived(log: Log) -> None:
    """Let a year happen."""
    log.event("table.registered", table="enterprises", version=1)
    log.event("product.registered", product="overdue-check", digest="x")
    log.event("mandate.registered", document="m1")
    log.event("mandate.registered", document="m2")
    log.event("mandate.withdrawn", document="w", mandate="m2")
    asking = log.activate(0, consent=CONSENT)
    clear = log.activate(1, kind="verify", protocol="clear", scenario="资格核验", consent=CONSENT)
    plain = log.activate(2, kind="verify", protocol="clear")
    root = {"root": "r1", "document": "d"}
    log.event("consent.root", number=1, size=5, added=5, withdrawn=0, spent=0, **root)
    for _ in range(14):
        log.release(asking, 2, consent_root="r1")
    log.release(clear, consent_root="r1")
    log.release(clear)
    log.release(plain)
    log.event("consent.root", number=2, size=5, added=0, withdrawn=1, spent=0, **root)
    log.event("manifest.published", contract=plain)
    log.event("manifest.published", contract=asking)
    log.event("consent.root", number=3, size=5, added=0, withdrawn=1, spent=2, **root)
    log.event("consent.root", number=4, size=6, added=1, withdrawn=1, spent=0, **root)
    log.event("node.stopped", by="operator")
    log.event("manifest.published", contract=asking)
    log.event("release.reviewed", contract=plain, verdict="review")
    log.event("release.reviewed", contract=plain, verdict="refuse")
    log.event("opening.ordered", contract=asking)
    log.event("opening.drawn", contract=asking)
    log.event("opening.answered", contract=asking, opened=3, unknown=1, lost=0)
    log.event("objection.opened", contract=asking, reason="personal")
    log.event("objection.opened", contract=asking, reason="wrong_answer")
    log.event("objection.answered", contract=asking, verdict="accepted")
    log.event("objection.closed", contract=asking, agreed=True)
    log.event("objection.answered", contract=asking, verdict="rejected")
    log.event("objection.closed", contract=asking, agreed=False)
    log.event("contract.revoked", contract=plain)


def test_a_year_is_summed_up(log: Log) -> None:
    lived(log)
    report = log.year()
    assert report["operator"] == signer_id(log.world.operator)
    assert report["log"]["size"] == len(log.leaves)
    lines = {(line["scenario"], line["kind"]): line for line in report["lines"]}
    assert set(lines) == {("贷前核验", "lookup"), ("资格核验", "verify"), ("贷前核验", "verify")}
    hidden = lines["贷前核验", "lookup"]
    assert (hidden["contracts"], hidden["buyers"]) == (1, 1)
    assert (hidden["requests"], hidden["units"]) == (10, 20)
    assert lines["资格核验", "verify"]["requests"] is None
    assert lines["贷前核验", "verify"]["refused"] is None
    totals = report["totals"]
    assert (totals["contracts"], totals["buyers"], totals["mandates"]) == (3, 1, 1)
    assert (totals["tables"], totals["products"]) == (1, 1)
    assert (totals["requests"], totals["units"]) == (10, 30)
    assert (totals["stops_of_the_node"], totals["revocations"], totals["suspensions"]) == (1, 1, 0)
    assert totals["objections"] is None
    exact = log.year(threshold=1)["totals"]
    assert (exact["requests"], exact["units"], exact["objections"]) == (17, 31, 2)
    assert exact["orders_of_openings"] == exact["answers_to_orders"] == 1


def test_what_ended_before_the_year_is_not_of_it(log: Log) -> None:
    log.time = datetime(2025, 6, 1, tzinfo=UTC)
    kept, ended = log.activate(0), log.activate(1)
    log.release(kept)
    log.event("contract.expired", contract=ended)
    log.time = START
    log.event("node.started", version="1")
    log.time = datetime(2027, 1, 1, tzinfo=UTC)
    log.release(kept)
    report = log.year()
    assert report["totals"]["contracts"] == 1
    assert report["totals"]["requests"] == 0
    assert log.year(2025)["totals"]["contracts"] == 2
    assert log.year(2024)["totals"]["contracts"] == 0
    assert log.year(2028)["totals"]["contracts"] == 1


@given(counts=st.lists(st.integers(0, 500), min_size=1, max_size=6), threshold=st.integers(2, 20))
def test_no_sum_tells_a_small_number_apart(counts: list[int], threshold: int) -> None:
    total, parts = shown(sum(counts), threshold), [shown(one, threshold) for one in counts]
    for number in [total, *parts]:
        assert number is None or number % threshold == 0
    for one, part in zip(counts, parts, strict=True):
        assert (part is None) == (0 < one < threshold)
        assert part is None or part <= one < part + threshold


def test_the_numbers_have_bounds(log: Log) -> None:
    for year, threshold in ((1999, 10), (2026, 0)):
        with pytest.raises(ReportInvalidError):
            disclosure(log.source, year, threshold)
    with pytest.raises(ReportInvalidError):
        Span(START, START)
    with pytest.raises(ReportInvalidError):
        Span(datetime(2026, 1, 1), START)  # noqa: DTZ001 - nobody's time


def test_a_contract_that_is_missing_ends_the_report(log: Log) -> None:
    name = log.activate(0, consent=CONSENT)
    log.event("consent.root", number=1, size=1, root="r", document="d", withdrawn=1)
    del log.contracts[name]
    with pytest.raises(ReportInvalidError):
        log.year()
    with pytest.raises(ReportInvalidError):
        log.audit()


def test_consent_is_reported_exactly(log: Log) -> None:
    lived(log)
    report = log.audit()
    consents = report["consents"]
    assert (consents["added"], consents["withdrawn"], consents["spent"]) == (6, 3, 2)
    assert (consents["roots"], consents["subjects_before"], consents["subjects_after"]) == (4, 0, 6)
    assert (consents["first"]["number"], consents["last"]["number"]) == (1, 4)
    jobs = {(one["scenario"], one["kind"]): one for one in report["jobs"]}
    assert len(jobs) == 2  # the third contract asks for no consent
    hidden, clear = jobs["贷前核验", "lookup"], jobs["资格核验", "verify"]
    assert (hidden["requests"], hidden["units"], hidden["without_root"]) == (14, 28, 0)
    assert (clear["requests"], clear["without_root"]) == (2, 1)
    # The first withdrawal waited two hours, the next two: three, from the older of them.
    assert (hidden["withdrawals"], hidden["slowest_seconds"]) == (3, 3 * 3600)
    assert (hidden["late"], hidden["latency_seconds"], hidden["pending_seconds"]) == (1, 7200, None)
    assert (clear["withdrawals"], clear["slowest_seconds"]) == (3, 0)
    assert report["openings"] == {
        "orders": 1,
        "draws": 1,
        "responses": 1,
        "opened": 3,
        "unknown": 1,
        "lost": 0,
    }
    assert report["objections"] == {
        "opened": 2,
        "accepted": 1,
        "rejected": 1,
        "agreed": 1,
        "not_agreed": 1,
        "reasons": {"personal": 1, "wrong_answer": 1},
    }


def test_a_withdrawal_that_is_not_in_effect_shows(log: Log) -> None:
    log.activate(0, consent=CONSENT)
    log.event("consent.root", number=1, size=1, root="r", document="d", withdrawn=1)
    log.event("node.started", version="1")
    (jobs,) = log.audit()["jobs"]
    assert (jobs["pending_seconds"], jobs["late"]) == (3600, 0)


def test_the_end_of_a_contract_ends_the_wait(log: Log) -> None:
    name = log.activate(0, consent=CONSENT)
    log.event("consent.root", number=1, size=1, root="r", document="d", withdrawn=1)
    log.event("contract.revoked", contract=name)
    log.event("manifest.published", contract=name)
    (jobs,) = log.audit()["jobs"]
    assert (jobs["pending_seconds"], jobs["slowest_seconds"]) == (None, 3600)


def test_what_came_before_the_span_counts_as_before(log: Log) -> None:
    name = log.activate(0, consent=CONSENT)
    log.event("consent.root", number=1, size=4, root="r", document="d", added=4)
    log.release(name, consent_root="r")
    span = Span(log.time, log.time + timedelta(days=1))
    log.event("consent.root", number=2, size=5, root="s", document="d", added=1)
    log.release(name, consent_root="s")
    report: Any = personal_audit(log.source, span)
    assert (report["consents"]["subjects_before"], report["consents"]["subjects_after"]) == (4, 5)
    assert report["consents"]["added"] == 1
    assert report["jobs"][0]["requests"] == 1


def test_an_empty_log_reports_nothing(log: Log) -> None:
    assert log.year()["operator"] == ""
    report = log.audit()
    assert report["consents"]["first"] is None
    assert report["jobs"] == []


@pytest.mark.parametrize("which", ["disclosure", "personal"])
def test_reports_are_signed_by_the_operator(log: Log, which: str) -> None:
    lived(log)
    make: Any = log.year if which == "disclosure" else log.audit
    sign: Any = {"disclosure": sign_disclosure, "personal": sign_personal_audit}[which]
    verify: Any = {"disclosure": verify_disclosure, "personal": verify_personal_audit}[which]
    typ = {"disclosure": yearly.TYP, "personal": personal.TYP}[which]
    world, report = log.world, make()
    assert canonical.encode(make()) == canonical.encode(report)  # the same bytes, each time
    token = sign(world.operator, report)
    assert verify(token, world.suite, world.operator.public_key) == report
    with pytest.raises(SignatureInvalidError):
        verify(token, world.suite, world.buyer.public_key)
    others: list[Any] = [[], {"type": "plan"}]
    for other in others:
        wrong = jws.sign(world.operator, typ, other)
        with pytest.raises(ReportInvalidError):
            verify(wrong, world.suite, world.operator.public_key)


def frozen(world: World) -> dict[str, str]:
    log = Log(world)
    lived(log)
    year, audit = log.year(), log.audit()
    return {
        "disclosure": sign_disclosure(world.operator, year),
        "personal": sign_personal_audit(world.operator, audit),
        "disclosure_zh": disclosure_page(year, "zh").markdown(),
        "personal_en": personal_page(audit, "en").html(),
    }


def test_every_report_is_what_it_was(world: World) -> None:
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    assert frozen(world) == vectors[world.suite.id]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_say_every_number(log: Log, language: Any) -> None:
    lived(log)
    year, audit = disclosure_page(log.year(), language), personal_page(log.audit(), language)
    for page in (year, audit):
        assert ORIGIN in page.markdown()
        assert "<script" not in page.html()
        assert "http" not in page.html().replace("html>", "")
        assert page.html().endswith("</html>\n")
    read: Any = canonical.decode(canonical.encode(log.year()))  # whoever reads it lays it out alike
    assert disclosure_page(read, language) == year
    read = canonical.decode(canonical.encode(log.audit()))
    assert personal_page(read, language) == audit
    assert {"en": "few", "zh": "少量"}[language] in year.markdown()
    assert "10800" in audit.markdown()
    empty = Log(log.world)
    assert {"en": "none", "zh": "无"}[language] in personal_page(empty.audit(), language).markdown()


def test_names_from_elsewhere_are_text() -> None:
    table = Table(("a|b", "<b>"), (("<script>alert(1)</script>", "*x* | y"),))
    page = Page("en", "#1 <x>", (Section("_s_", ("[a](b)",), table), Section("alone", ())))
    assert "<script>" not in page.html()
    assert "&lt;script&gt;" in page.html()
    assert "| \\*x\\* \\| y |" in page.markdown().replace("\\<script\\>alert(1)\\</script\\> ", "")
    assert "\\[a\\](b)" in page.markdown()


class Shown:
    """An export of some leaves, as far as a report asks."""

    def __init__(self, log: Log, hidden: int | None = None, size: int | None = None) -> None:
        self.log, self.hidden = log, hidden
        self.frame = type("Frame", (), {"suite": "intl", "size": size or len(log.leaves)})()

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        size = len(self.log.leaves)
        yield size, self.log.world.checkpoint(size, bytes(32))

    def contracts(self) -> Iterator[Any]:
        for terms in self.log.contracts.values():
            yield type("Record", (), {"id": terms.id(), "terms": terms})()

    def leaves(self) -> Iterator[tuple[int, Mapping[str, Json]]]:
        for index, leaf in enumerate(self.log.leaves):
            if index != self.hidden:
                yield index, leaf


def test_a_source_is_a_whole_export(intl: World) -> None:
    log = Log(intl)
    lived(log)
    made: Any = Shown(log)
    assert disclosure(source_of(made), YEAR) == log.year()
    for hidden in (3, len(log.leaves) - 1):
        partial: Any = Shown(log, hidden)
        with pytest.raises(ReportInvalidError, match="hidden"):
            disclosure(source_of(partial), YEAR)
    short: Any = Shown(log, size=7)
    with pytest.raises(ReportInvalidError, match="head"):
        source_of(short)
    assert intl.suite is INTL
