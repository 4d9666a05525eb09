"""Each clause at its edge: what is just within the limits is signed, what is one beyond is not."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from tests.evidence.conftest import NOW, World

from unseen.evidence.canonical import MAX_INTEGER, b64encode
from unseen.evidence.contracts.clauses import BILLABLE, Billing, ConsentRule, Payee
from unseen.evidence.contracts.contract import Period, Prices, Quota, Terms
from unseen.evidence.contracts.leakage import Amount
from unseen.evidence.contracts.plan import Output, Plan, ReadLabel, ReleaseSpec, RowsRule
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.suite import signer_id
from unseen.protocols.lookup.subject import SubjectColumn

KEY = b64encode(b"\x07" * 32)


def numbers(count: int) -> tuple[str, ...]:
    return tuple(f"n{number}" for number in range(count))


def refusal(make: Any, **changes: Any) -> str:
    """Return the clause that refuses, or nothing."""
    try:
        make(**changes)
    except ContractInvalidError as error:
        return error.clause
    return ""


@pytest.mark.parametrize(
    ("clause", "within", "beyond"),
    [
        ("outputs", numbers(128), numbers(129)),
        ("outputs", numbers(1), ()),
        ("mandates", tuple(bytes([n]) * 32 for n in range(8)), tuple([bytes(32)] * 2)),
        (
            "mandates",
            tuple(bytes([n]) * 32 for n in range(8)),
            tuple(bytes([n]) * 32 for n in range(9)),
        ),
        ("mandates", (bytes(32),), (bytes(31),)),
        ("declarations", numbers(16), numbers(17)),
        ("declarations", numbers(2), ("n", "n")),
        ("declarations", ("n" * 1024,), ("n" * 1025,)),
        ("threat_model", "m" * 256, "m" * 257),
        ("scenario", "s" * 64, "s" * 65),
        ("order", "o" * 64, "o" * 65),
        ("region", "r" * 64, "-"),
        ("group", 0, -1),
        ("group", 1_000_000, 1_000_001),
        ("group", 1, True),
        ("budget", "999999999.999999999", "1000000000"),
        ("budget", "0", "00"),
        ("nonce", bytes(16), bytes(17)),
        ("template", bytes(32), bytes(33)),
        ("rules", bytes(32), bytes(31)),
        ("consent", None, {}),
        ("billing", None, ()),
        ("parameters", {"depth": 3}, [("depth", 3)]),
    ],
)
def test_a_clause_is_signed_up_to_its_limit(
    intl: World, clause: str, within: Any, beyond: Any
) -> None:
    terms = intl.terms(**{clause: within})
    assert getattr(terms, clause) == within
    assert Terms.from_json(terms.to_json()) == terms
    assert refusal(intl.terms, **{clause: beyond}) == clause


@pytest.mark.parametrize(("data_fee", "service_fee"), [(3, 4), (7, 0), (0, 7)])
def test_a_bill_can_say_what_all_units_cost(intl: World, data_fee: int, service_fee: int) -> None:
    most = MAX_INTEGER // 7
    prices = Prices(currency="CNY", data_fee=data_fee, service_fee=service_fee)
    assert refusal(intl.terms, prices=prices, quota=Quota(units=most, per_minute=1)) == ""
    beyond = Quota(units=most + 1, per_minute=1)
    assert refusal(intl.terms, prices=prices, quota=beyond) == "prices"


def test_nobody_has_two_parts_in_a_contract(intl: World) -> None:
    stranger, log = signer_id(intl.stranger), signer_id(intl.log)
    others = ("operator", "holder", "approver", "buyer")
    fine = {"holder": stranger, "approver": log, "approvals": others}
    assert refusal(intl.terms, **fine, regulator=KEY) == ""
    for taken in (intl.operator, intl.node, intl.buyer):
        name = signer_id(taken)
        assert refusal(intl.terms, regulator=name) == "regulator"
        assert refusal(intl.terms, **fine | {"holder": name}) == "holder"
        assert refusal(intl.terms, **fine | {"approver": name}) == "approver"
    assert refusal(intl.terms, **fine | {"approver": stranger}) == "approver"
    assert refusal(intl.terms, **fine, regulator=stranger) == "regulator"
    assert refusal(intl.terms, regulator="x") == "regulator"


def test_a_period_is_a_second_at_least() -> None:
    assert Period(start=NOW, until=NOW + timedelta(seconds=1)).covers(NOW)
    assert refusal(Period, start=NOW, until=NOW) == "period"


@pytest.mark.parametrize("count", ["units", "per_minute"])
def test_a_quota_is_from_one_to_what_canonical_numbers_hold(count: str) -> None:
    fields = {"units": 5, "per_minute": 5}
    for value in (1, MAX_INTEGER):
        assert getattr(Quota(**fields | {count: value}), count) == value
    for value in (0, MAX_INTEGER + 1):
        assert refusal(Quota, **fields | {count: value}) == f"quota.{count}"


def test_fees_may_be_nothing_and_never_less() -> None:
    assert refusal(Prices, currency="CNY", data_fee=0, service_fee=0) == ""
    assert refusal(Prices, currency="CNY", data_fee=-1, service_fee=0) == "prices.data_fee"
    assert refusal(Prices, currency="CNY", data_fee=0, service_fee=-1) == "prices.service_fee"


class TestClauses:
    def test_a_withdrawal_acts_within_thirty_days(self) -> None:
        fields: dict[str, Any] = {"scenario": "credit", "once": False}
        for latency in (0, 30 * 24 * 3600):
            assert refusal(ConsentRule, latency_seconds=latency, **fields) == ""
        for latency in (-1, 30 * 24 * 3600 + 1):
            found = refusal(ConsentRule, latency_seconds=latency, **fields)
            assert found == "consent.latency_seconds"

    @pytest.mark.parametrize(
        ("shares", "whole"),
        [
            ((10_000,), True),
            ((1, 9_999), True),
            ((9_999,), False),
            ((5_000, 5_001), False),
        ],
    )
    def test_shares_of_a_line_are_the_whole(self, shares: tuple[int, ...], whole: bool) -> None:
        payees = tuple(
            Payee(line="data_fee", name="p", key=b64encode(bytes([n]) * 32), share=share)
            for n, share in enumerate(shares)
        )
        clause = "" if whole else "billing.payees.share"
        assert refusal(Billing, unit="request", payees=payees) == clause
        other = (Payee(line="service_fee", name="p", key=KEY, share=10_000),)
        assert refusal(Billing, unit="request", payees=payees + other) == clause

    @pytest.mark.parametrize("line", ["data_fee", "service_fee"])
    def test_the_line_whose_shares_are_amiss_is_named(self, line: str) -> None:
        named: Any = "".join(line)  # equal to the name of the line, as what comes out of bytes is
        payee = Payee(line=named, name="p", key=KEY, share=9_999)
        with pytest.raises(ContractInvalidError, match=f"of {line} does not add up to 10000"):
            Billing(unit="request", payees=(payee,))

    def test_a_share_is_one_in_ten_thousand_at_least_and_the_whole_at_most(self) -> None:
        for share, clause in ((0, "billing.payees.share"), (10_001, "billing.payees.share")):
            assert refusal(Payee, line="data_fee", name="p", key=KEY, share=share) == clause
        for share in (1, 10_000):
            assert refusal(Payee, line="data_fee", name="p", key=KEY, share=share) == ""

    def test_payees_are_so_many_and_each_one_once_a_line(self) -> None:
        def payees(count: int) -> tuple[Payee, ...]:
            first = Payee(
                line="data_fee", name="p", key=b64encode(bytes(32)), share=10_000 - count + 1
            )
            rest = [
                dataclasses.replace(first, key=b64encode(bytes([n]) * 32), share=1)
                for n in range(1, count)
            ]
            return (first, *rest)

        assert refusal(Billing, unit="request", payees=payees(32)) == ""
        assert refusal(Billing, unit="request", payees=payees(33)) == "billing.payees"
        twice = (Payee(line="data_fee", name="p", key=KEY, share=5_000),) * 2
        assert refusal(Billing, unit="request", payees=twice) == "billing.payees"

    def test_nothing_is_free_and_nothing_capped_unless_it_is_said(self) -> None:
        assert Billing(unit="hit") == Billing(unit="hit", free_units=0, cap=0, payees=())
        for field in ("free_units", "cap"):
            least: dict[str, Any] = {field: 0}
            less: dict[str, Any] = {field: -1}
            assert refusal(Billing, unit="hit", **least) == ""
            assert refusal(Billing, unit="hit", **less) == f"billing.{field}"

    @pytest.mark.parametrize("kind", sorted(BILLABLE))
    def test_a_kind_bills_what_both_sides_can_count(self, intl: World, kind: str) -> None:
        for unit in ("evaluation", "item", "request", "hit"):
            billing = Billing(unit=unit)
            terms = {"kind": kind, "billing": billing}
            clause = "" if unit in BILLABLE[kind] else "billing.unit"
            assert refusal(intl.terms, **terms) == clause
            if not clause:
                assert intl.terms(**terms).bills_hits == (unit == "hit")
        assert not intl.terms(kind=kind).bills_hits


class TestPlan:
    @pytest.mark.parametrize(
        ("field", "within", "beyond"),
        [
            ("columns_read", numbers(256), numbers(257)),
            ("columns_read", ("c" * 256,), ("c" * 257,)),
            ("columns_read", (), ("c", "c")),
            ("bits_per_unit", 1, 0),
            ("label_bytes", 0, 3),
            ("label_bytes", 32, 33),
            ("group", 0, -1),
            ("threat_model", "m" * 256, "m" * 257),
            ("threat_model_zh", "", "m" * 1025),
            ("retention", "r" * 1024, "r" * 1025),
            ("retention_zh", "r" * 1024, "r" * 1025),
            ("v", 1, 2),
            ("v", 1, 0),
        ],
    )
    def test_is_written_up_to_its_limits(
        self, intl: World, field: str, within: Any, beyond: Any
    ) -> None:
        plan = intl.plan(**{field: within})
        assert Plan.from_json(plan.to_json()) == plan
        assert refusal(intl.plan, **{field: beyond}) == field

    def test_has_outputs_and_columns_up_to_a_number(self, intl: World) -> None:
        outputs = tuple(Output(name=n, text=n, expression_digest=bytes(32)) for n in numbers(129))
        assert refusal(intl.plan, outputs=outputs[:128]) == ""
        assert refusal(intl.plan, outputs=outputs) == "outputs"
        columns = tuple(SubjectColumn(name, "string") for name in numbers(257))
        assert refusal(intl.plan, subject_columns=columns[:256]) == ""
        assert refusal(intl.plan, subject_columns=columns) == "subject_columns"
        labels = tuple(ReadLabel(column=n, category="a", level="1") for n in numbers(257))
        assert refusal(RowsRule, consent=False, labels=labels[:256]) == ""
        assert refusal(RowsRule, consent=False, labels=labels) == "rows.labels"
        assert refusal(RowsRule, consent=False, labels=labels[:1] * 2) == "rows.labels"

    @pytest.mark.parametrize(("run", "whole", "fits"), [(1, 1, True), (0, 1, False), (2, 1, False)])
    def test_says_no_more_in_a_run_than_in_all(self, run: int, whole: int, fits: bool) -> None:
        found = refusal(ReleaseSpec, type="verdicts", bits_per_run=run, bits_in_all=whole)
        assert (found == "") == fits

    def test_says_nothing_of_a_group_and_knows_of_no_bound_unless_it_is_said(
        self, intl: World
    ) -> None:
        plan = intl.plan()
        assert (plan.group, plan.v) == (0, 1)
        assert (intl.terms().group, intl.terms().bills_hits) == (0, False)
        for field in ("each", "most"):
            assert refusal(Amount, **{"measure": "bits", "each": 1, field: 0}) == ""
            less = refusal(Amount, **{"measure": "bits", "each": 1, field: -1})
            assert less == f"statements.amount.{field}"
