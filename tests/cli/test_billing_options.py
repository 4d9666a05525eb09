"""The billing options of `product add`, and the same as a TOML table."""

from typing import Any

import pytest

from unseen.cli.billing_options import given_billing, micros, read_billing
from unseen.cli.failures import UsageError
from unseen.evidence.contracts.clauses import Billing, Payee
from unseen.evidence.errors import ContractInvalidError

KEY = "A" * 43


def key_of(name: str) -> str | None:
    return KEY if name == "holder" else None


def test_without_an_option_nothing_is_billed_in_its_own_way() -> None:
    assert given_billing("lookup", "", 0, "", ()) is None


@pytest.mark.parametrize(
    ("kind", "bill", "unit"),
    [
        ("verify", "per-hit", "hit"),
        ("verify", "hit", "hit"),
        ("verify", "", "request"),
        ("lookup", "", "evaluation"),
    ],
)
def test_the_unit_is_said_or_the_kinds_own(kind: str, bill: str, unit: str) -> None:
    given = given_billing(kind, bill, 3, "1.5", ())
    assert read_billing(given, key_of) == Billing(
        unit=unit,  # type: ignore[arg-type]
        free_units=3,
        cap=1_500_000,
    )


def test_a_payee_is_a_party_or_a_key_and_a_percentage() -> None:
    payees = ("data_fee:市数据局:holder:33.33", f"data_fee:registry:{'B' * 42}A:66.67%")
    found = read_billing(given_billing("lookup", "", 0, "", payees), key_of)
    assert found.payees == (
        Payee(line="data_fee", name="市数据局", key=KEY, share=3_333),
        Payee(line="data_fee", name="registry", key="B" * 42 + "A", share=6_667),
    )


def test_a_table_says_the_same() -> None:
    payee = {"line": "service_fee", "name": "platform", "key": "holder", "share": 100}
    given: dict[str, Any] = {"unit": "hit", "free_units": 1, "cap": "2", "payees": [payee]}
    found = read_billing(given, key_of)
    assert (found.free_units, found.cap, found.payees[0].share) == (1, 2_000_000, 10_000)


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        {"unit": "hit", "price": 1},
        {"unit": "hit", "payees": "x"},
        {"unit": "hit", "payees": [1]},
        {"unit": "hit", "payees": [{"line": "data_fee"}]},
        {"unit": "hit", "cap": "-1"},
        {"unit": "hit", "cap": "0.0000001"},
        {"unit": "hit", "cap": "much"},
        {
            "unit": "hit",
            "payees": [{"line": "data_fee", "name": "x", "key": "holder", "share": 0.001}],
        },
        {
            "unit": "hit",
            "payees": [{"line": "data_fee", "name": "x", "key": "nobody", "share": 100}],
        },
    ],
    ids=str,
)
def test_what_is_malformed_is_a_usage_error(given: object) -> None:
    with pytest.raises(UsageError) as caught:
        read_billing(given, key_of)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "given",
    [
        {"unit": "page"},
        {"unit": "hit", "free_units": -1},
        {
            "unit": "hit",
            "payees": [{"line": "data_fee", "name": "x", "key": "holder", "share": 99}],
        },
        {"unit": "hit", "payees": [{"line": "tip", "name": "x", "key": "holder", "share": 100}]},
    ],
    ids=str,
)
def test_what_is_no_clause_is_refused_by_name(given: object) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        read_billing(given, key_of)
    assert caught.value.clause.startswith("billing")


@pytest.mark.parametrize("payee", ["", "a:b", "a:b:c:d:e", "a::c:d"])
def test_a_payee_has_four_parts(payee: str) -> None:
    with pytest.raises(UsageError):
        given_billing("verify", "per-hit", 0, "", (payee,))


def test_an_amount_has_six_places_at_most() -> None:
    assert micros("0.000001") == 1
    with pytest.raises(UsageError):
        micros("0.0000001")
