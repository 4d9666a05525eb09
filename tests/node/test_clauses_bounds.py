"""The clauses at their edges: the last unit, the last second, what nobody is there to sign."""

import dataclasses
import datetime as dt
from typing import Any

import pytest
from tests.evidence.conftest import World
from tests.evidence.governance import make_template
from tests.node.asking import HOLDER
from tests.node.conftest import (
    START,
    UNTIL,
    make_ask,
    make_offer,
    make_product,
    make_signers,
    make_table,
)
from tests.node.test_mandates import DAY, registered, standing

from unseen.evidence.contracts.clauses import Billing, ConsentRule
from unseen.evidence.contracts.contract import MAX_MANDATES, Period, Quota
from unseen.evidence.contracts.leakage import Statement
from unseen.evidence.contracts.template import LabelLimit, PriceBand
from unseen.evidence.suite import INTL
from unseen.node.contracts.clauses import CLAUSES
from unseen.node.contracts.clauses.billing import BILLING
from unseen.node.contracts.clauses.clause import Ask, Clause, Offer, Standing
from unseen.node.contracts.clauses.consent import CONSENT, rotation_cost
from unseen.node.contracts.clauses.limits import LIMITS
from unseen.node.contracts.clauses.mandate import MANDATE, covered_until
from unseen.node.contracts.clauses.openings import OPENINGS
from unseen.node.contracts.clauses.outputs import OUTPUTS
from unseen.node.contracts.clauses.quota import QUOTA, most_units
from unseen.node.contracts.clauses.template import TEMPLATE
from unseen.node.contracts.compile import Compiled, compile_contract, reading_of
from unseen.node.kinds import kind as kinds

HOUR = dt.timedelta(hours=1)


def refused(clause: Clause, ask: Ask, offer: Offer) -> list[tuple[str, str]]:
    """Return reason and clause of what one clause has against an ask."""
    errors = clause.check(ask, offer, reading_of(ask, offer))
    return [(error.reason, error.clause) for error in errors]


def agreed(clause: Clause, ask: Ask, offer: Offer) -> dict[str, Any]:
    return clause.terms(ask, offer, reading_of(ask, offer))


def asking(units: int = 10, until: dt.datetime = UNTIL, **changes: Any) -> Ask:
    period = Period(start=START, until=until)
    return dataclasses.replace(make_ask(units), period=period, **changes)


def personal(kind: str = "verify", rows: int = 100_000, latency: int = 86_400) -> Offer:
    """Return an offer over rows that need their subjects' consent."""
    offer = make_offer(make_product(kind), make_table("1", "personal", rows))
    return dataclasses.replace(offer, consent_latency=latency)


class TestOpenings:
    def test_need_somebody_who_may_order_them(self) -> None:
        ask, offer = asking(openings=True), make_offer()
        assert refused(OPENINGS, ask, offer) == [("REGULATOR_MISSING", "openings")]
        signers = dataclasses.replace(make_signers(), regulator=HOLDER)
        offer = dataclasses.replace(offer, signers=signers)
        assert refused(OPENINGS, ask, offer) == []
        assert agreed(OPENINGS, ask, offer) == {"regulator": HOLDER}
        found = compile_contract(ask, offer)
        assert isinstance(found, Compiled)
        assert (found.terms.openings, found.terms.regulator) == (True, HOLDER)

    def test_bind_nobody_where_they_are_not_asked_for(self) -> None:
        signers = dataclasses.replace(make_signers(), regulator=HOLDER)
        offer = dataclasses.replace(make_offer(), signers=signers)
        assert refused(OPENINGS, asking(), make_offer()) == []
        assert agreed(OPENINGS, asking(), offer) == {}


class TestConsent:
    def test_a_kind_that_chooses_no_rows_reads_none_that_need_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(kinds.KINDS, "score", kinds.KINDS["verify"])
        offer = personal("score")
        assert refused(CONSENT, asking(), offer) == [("LABEL_REFUSED", "consent")]
        (error,) = CONSENT.check(asking(), offer, reading_of(asking(), offer))
        assert error.remedy == "offer a product of kind lookup or statistics or train or verify"
        assert "score does not choose rows: column" in str(error)
        assert refused(CONSENT, asking(), make_offer(make_product("score"))) == []

    @pytest.mark.parametrize(("kind", "once"), [("verify", True), ("lookup", False)])
    def test_a_single_use_is_told_where_the_subject_is(self, kind: str, once: bool) -> None:
        offer = personal(kind, latency=3600)
        assert agreed(CONSENT, asking(), offer) == {
            "consent": ConsentRule(scenario="tests", latency_seconds=3600, once=once)
        }

    def test_a_contract_that_knew_of_none_does_not_go_on(self) -> None:
        before = compile_contract(asking(), make_offer(make_product("verify")))
        after = compile_contract(asking(), personal())
        assert isinstance(before, Compiled)
        assert isinstance(after, Compiled)
        assert refused(CONSENT, asking(agreed=after.terms), personal()) == []
        ask = asking(agreed=before.terms)
        assert refused(CONSENT, ask, personal()) == [("LABEL_REFUSED", "consent")]
        assert refused(CONSENT, ask, make_offer()) == []

    @pytest.mark.parametrize(
        ("rows", "latency", "until", "cost"),
        [
            (50_000, 86_400, START + DAY, "50,000 rows x 1 epochs / 10,000 rows a second: 5 s"),
            (50_000, 86_400, START + DAY + HOUR, "50,000 rows x 2 epochs / 10,000 rows"),
            (50_000, 3600, START + DAY, "x 24 epochs / 10,000 rows a second: 120 s of one core"),
            (50_000, 1, START + HOUR, "x 3,600 epochs / 10,000 rows a second: 18,000 s"),
            (50_000, 0, START + HOUR, "x 3,600 epochs / 10,000 rows a second: 18,000 s"),
            (46_000, 86_400, START + DAY, "46,000 rows x 1 epochs / 10,000 rows a second: 5 s"),
            (50_000, 2, START + HOUR, "x 1,800 epochs / 10,000 rows a second: 9,000 s"),
        ],
    )
    def test_what_withdrawals_cost_is_said_beforehand(
        self, rows: int, latency: int, until: dt.datetime, cost: str
    ) -> None:
        ask, offer = asking(until=until), personal("lookup", rows, latency)
        assert cost in rotation_cost(ask, offer, reading_of(ask, offer))

    def test_nothing_rotates_where_nothing_is_built_or_nobody_consents(self) -> None:
        for offer in (personal("verify"), make_offer(make_product("lookup"))):
            assert rotation_cost(asking(), offer, reading_of(asking(), offer)) == ""

    def test_who_learns_of_it_is_said_where_it_is_asked(self) -> None:
        for kind in ("verify", "lookup"):
            asked = personal(kind)
            lines = CONSENT.statements(asked, reading_of(asking(), asked))
            assert lines
            assert all(isinstance(line, Statement) for line in lines)
            free = make_offer(make_product(kind))
            assert CONSENT.statements(free, reading_of(asking(), free)) == ()


class TestMandate:
    def test_covers_until_its_end_or_all_where_none_is_needed(self) -> None:
        ask = asking()
        assert covered_until(ask, make_offer()) == UNTIL
        for until, reached in ((UNTIL - HOUR, UNTIL - HOUR), (UNTIL + HOUR, UNTIL + HOUR)):
            mandates = standing(registered(until=until)).over("people")
            offer = dataclasses.replace(make_offer(), mandates=mandates)
            assert covered_until(ask, offer) == reached
        elsewhere = standing(registered(scenarios=("other",))).over("people")
        assert covered_until(ask, dataclasses.replace(make_offer(), mandates=elsewhere)) == UNTIL

    @pytest.mark.parametrize(("late", "clauses"), [(0, []), (1, ["mandates.period"])])
    def test_covers_a_period_to_its_last_second(self, late: int, clauses: list[str]) -> None:
        mandates = standing(registered(until=UNTIL)).over("people")
        offer = dataclasses.replace(make_offer(), mandates=mandates)
        ask = asking(until=UNTIL + dt.timedelta(seconds=late))
        assert [clause for _, clause in refused(MANDATE, ask, offer)] == clauses

    @pytest.mark.parametrize(("more", "clauses"), [(0, []), (1, ["mandates.period"])])
    def test_so_many_may_follow_each_other(self, more: int, clauses: list[str]) -> None:
        count = MAX_MANDATES + more
        step = (UNTIL - START) / count
        times = [
            START + dt.timedelta(seconds=round(n * step.total_seconds())) for n in range(count)
        ]
        each = [
            registered(start=start, until=until)
            for start, until in zip(times, [*times[1:], UNTIL], strict=True)
        ]
        offer = dataclasses.replace(make_offer(), mandates=standing(*each).over("people"))
        assert [clause for _, clause in refused(MANDATE, asking(), offer)] == clauses
        if not clauses:
            assert agreed(MANDATE, asking(), offer) == {"mandates": tuple(one.id for one in each)}

    def test_the_one_that_comes_nearest_says_what_is_beyond_it(self) -> None:
        far, near = registered(grantee=HOLDER), registered(kinds=("train",))
        offer = dataclasses.replace(make_offer(), mandates=standing(far, near).over("people"))
        assert refused(MANDATE, asking(), offer) == [("MANDATE_REFUSED", "mandates.kinds")]


class TestOutputs:
    def test_read_columns_that_the_table_still_has(self) -> None:
        offer, table = make_offer(), make_table()
        assert refused(OUTPUTS, asking(outputs=("p0", "p1")), offer) == []
        less = tuple(column for column in table.columns if column.name != "b")
        offer = make_offer(table=dataclasses.replace(table, columns=less))
        ask = asking(outputs=("p0",))
        assert refused(OUTPUTS, ask, offer) == [("COLUMN_UNKNOWN", "outputs.p0")]
        (error,) = OUTPUTS.check(ask, offer, reading_of(ask, offer))
        assert "column 'b'" in str(error)

    @pytest.mark.parametrize(
        ("names", "clauses"),
        [(("p0",), []), (("p0", "p0"), ["outputs.p0"]), (("p0",) * 3, ["outputs.p0"])],
    )
    def test_are_named_once(self, names: tuple[str, ...], clauses: list[str]) -> None:
        found = refused(OUTPUTS, asking(outputs=names), make_offer())
        assert [clause for _, clause in found] == clauses


class TestLimits:
    @pytest.mark.parametrize(("group", "clauses"), [(10, []), (11, ["group"])])
    def test_a_group_may_be_the_whole_table(
        self, monkeypatch: pytest.MonkeyPatch, group: int, clauses: list[str]
    ) -> None:
        kind = dataclasses.replace(kinds.KINDS["verify"], release="aggregate")
        monkeypatch.setitem(kinds.KINDS, "verify", kind)
        offer = make_offer(make_product("verify"), make_table(rows=10))
        found = refused(LIMITS, asking(group=group), offer)
        assert [clause for _, clause in found] == clauses


def templated(**changes: Any) -> Standing:
    """Return a template that everybody signed whom it needs, and that nothing here exceeds."""
    fields: dict[str, Any] = {
        "suite": INTL.id,
        "operator": make_signers().operator,
        "approver": "",
        "purposes": ("tests",),
        "products": (),
        "prices": PriceBand(currency="CNY", data_fee=(0, 9), service_fee=(0, 9)),
        "openings": "allowed",
        "period": Period(start=START - 90 * DAY, until=START + 300 * DAY),
        "consent": False,
        "latency_seconds": 0,
        "region": "",
        "order": False,
        "declarations": (),
        "max_days": 30,
    }
    template = dataclasses.replace(make_template(World(INTL)), **fields | changes)
    return Standing(template, dict.fromkeys(template.approvals, "token"))


def billed(billing: Billing | None, *followed: tuple[str, dt.datetime]) -> Offer:
    product = dataclasses.replace(make_product("verify"), billing=billing)
    return dataclasses.replace(make_offer(product), followed=followed, template=templated())


class TestBilling:
    FREE = Billing(unit="request", free_units=5)

    @pytest.mark.parametrize(
        ("away", "clauses"),
        [
            (dt.timedelta(0), ["template.free_units"]),
            (30 * DAY - dt.timedelta(seconds=1), ["template.free_units"]),
            (dt.timedelta(seconds=1) - 30 * DAY, ["template.free_units"]),
            (30 * DAY, []),
            (31 * DAY, []),
            (-30 * DAY, []),
            (-31 * DAY, []),
        ],
    )
    def test_free_units_come_once_in_the_longest_period(
        self, away: dt.timedelta, clauses: list[str]
    ) -> None:
        offer = billed(self.FREE, ("product", START + away))
        ask = asking(template="credit-check")
        assert [clause for _, clause in refused(BILLING, ask, offer)] == clauses

    def test_another_product_has_free_units_of_its_own(self) -> None:
        ask = asking(template="credit-check")
        for name in ("another", "zebra"):  # before and after this one's name
            assert refused(BILLING, ask, billed(self.FREE, (name, START))) == []
        both = billed(self.FREE, ("another", START), ("product", START))
        assert len(refused(BILLING, ask, both)) == 1

    def test_what_people_sign_themselves_may_have_them_again(self) -> None:
        offer = billed(self.FREE, ("product", START))
        assert refused(BILLING, asking(), offer) == []
        absent = dataclasses.replace(offer, template=None)
        assert refused(BILLING, asking(template="credit-check"), absent) == []
        for billing in (None, Billing(unit="request")):
            bare = billed(billing, ("product", START))
            assert refused(BILLING, asking(template="credit-check"), bare) == []
        one = billed(Billing(unit="request", free_units=1), ("product", START))
        assert len(refused(BILLING, asking(template="credit-check"), one)) == 1

    @pytest.mark.parametrize(("unit", "lines"), [("hit", 1), ("request", 0)])
    def test_that_hits_are_told_is_said(self, unit: Any, lines: int) -> None:
        offer = billed(Billing(unit=unit))
        assert len(BILLING.statements(offer, reading_of(asking(), offer))) == lines
        assert agreed(BILLING, asking(), offer) == {"billing": Billing(unit=unit)}
        free = billed(None)
        assert BILLING.statements(free, reading_of(asking(), free)) == ()
        assert agreed(BILLING, asking(), free) == {}


class TestTemplate:
    def over(self, standing: Standing | None, **changes: Any) -> list[str]:
        offer = dataclasses.replace(make_offer(make_product("verify")), template=standing)
        ask = asking(template="credit-check", **changes)
        return [clause for _, clause in refused(TEMPLATE, ask, offer)]

    def test_whoever_stays_within_it_names_it(self) -> None:
        standing = templated()
        assert self.over(standing) == []
        offer = dataclasses.replace(make_offer(make_product("verify")), template=standing)
        ask = asking(template="credit-check")
        assert agreed(TEMPLATE, ask, offer) == {"template": standing.template.id()}
        assert agreed(TEMPLATE, asking(), offer) == {}
        assert agreed(TEMPLATE, ask, make_offer()) == {}

    def test_one_that_is_not_there_or_not_in_force_is_not_followed(self) -> None:
        assert self.over(None) == ["template"]
        withdrawn = dataclasses.replace(templated(), withdrawn=True)
        assert self.over(withdrawn) == ["template.state"]
        unsigned = dataclasses.replace(templated(), approvals={})
        assert self.over(unsigned) == ["template.state"]
        half = dataclasses.replace(templated(approver=HOLDER), approvals={"operator": "token"})
        assert self.over(half) == ["template.state"]
        both = dataclasses.replace(half, approvals={"operator": "token", "approver": "token"})
        assert self.over(both) == []

    def test_it_is_this_operator_s_and_for_a_kind_of_this_node(self) -> None:
        assert self.over(templated(operator=HOLDER)) == ["template.operator"]
        elsewhere = self.over(templated(kinds=("run",)))
        assert elsewhere == ["template.kinds", "template.kinds"]
        assert self.over(templated(kinds=("run", "verify"))) == []

    @pytest.mark.parametrize(
        ("limit", "changes", "clause"),
        [
            ({"max_units": 10}, {}, ""),
            ({"max_units": 9}, {}, "template.max_units"),
            ({"max_outputs": 3}, {}, ""),
            ({"max_outputs": 2}, {}, "template.max_outputs"),
            ({"max_outputs": 2}, {"outputs": ("p0", "p1")}, ""),
            ({"max_days": 2}, {}, ""),
            ({"max_days": 1}, {}, "template.max_days"),
            ({"openings": "required"}, {}, "template.openings"),
            ({"openings": "required"}, {"openings": True}, ""),
            ({"declarations": ("x",)}, {}, "template.declarations"),
            ({"declarations": ("x",)}, {"declarations": ("x",)}, ""),
            ({"region": "CN"}, {"region": "CNX"}, "template.region"),
            ({"region": "CN"}, {"region": "CN-44"}, ""),
            ({"order": True}, {}, "template.order"),
            ({"order": True}, {"order": "EX-1"}, ""),
            ({"labels": (LabelLimit(category="public", level="1"),)}, {}, ""),
            ({"labels": (LabelLimit(category="enterprise", level="4"),)}, {}, "template.labels"),
        ],
    )
    def test_each_limit_is_asked_about(
        self, limit: dict[str, Any], changes: dict[str, Any], clause: str
    ) -> None:
        assert self.over(templated(**limit), **changes) == ([clause] if clause else [])

    @pytest.mark.parametrize(
        ("latency", "clauses"), [(3600, []), (3599, ["template.latency_seconds"])]
    )
    def test_consent_acts_within_its_latency(self, latency: int, clauses: list[str]) -> None:
        limits = (LabelLimit(category="personal", level="1"),)
        standing = templated(consent=True, latency_seconds=latency, labels=limits)
        offer = dataclasses.replace(personal(latency=3600), template=standing)
        found = refused(TEMPLATE, asking(template="credit-check"), offer)
        assert [clause for _, clause in found] == clauses


class TestQuota:
    @pytest.mark.parametrize(
        ("granted", "units", "left"), [(0, 100, 100), (0, 101, 100), (40, 60, 60), (40, 61, 60)]
    )
    def test_is_one_for_all_contracts_of_a_buyer(self, granted: int, units: int, left: int) -> None:
        offer = make_offer(table=make_table("1", "enterprise", 1000))
        offer = dataclasses.replace(offer, granted=granted)
        ask = asking(units)
        assert most_units(offer, reading_of(ask, offer)) == left
        assert refused(QUOTA, ask, offer) == (
            [] if units <= left else [("LABEL_REFUSED", "quota.units")]
        )
        if units > left:
            (error,) = QUOTA.check(ask, offer, reading_of(ask, offer))
            assert f"at most {left + granted} units" in str(error)
            assert f"{granted} are granted" in str(error)
            assert error.remedy == f"ask for at most {left} units"

    def test_is_nothing_where_more_is_granted_than_is_left_now(self) -> None:
        offer = make_offer(table=make_table("1", "enterprise", 1000))
        offer = dataclasses.replace(offer, granted=150)
        assert most_units(offer, reading_of(asking(), offer)) == 0
        assert refused(QUOTA, asking(1), offer) == [("LABEL_REFUSED", "quota.units")]


def test_which_clauses_are_asked_again_under_a_contract_in_force() -> None:
    again = {"deny", "outputs", "labels", "quota", "limits", "signers", "order", "region"}
    again |= {"consent", "join", "intersect", "score"}
    assert {clause.name for clause in CLAUSES if clause.standing} == again


@pytest.mark.parametrize(("units", "run"), [(1, 4), (3, 12), (2000, 8000)])
def test_a_run_says_no_more_bits_than_the_whole_contract(units: int, run: int) -> None:
    product = make_product(count=2)
    ask = dataclasses.replace(make_ask(), quota=Quota(units=units, per_minute=1))
    found = compile_contract(ask, make_offer(product))
    assert isinstance(found, Compiled)
    spec, most = found.plan.release, kinds.KINDS["lookup"].units_per_run
    assert spec is not None
    assert (spec.bits_in_all, spec.bits_per_run) == (run, min(run, 4 * most))
    assert found.plan.bits_per_unit == 4
