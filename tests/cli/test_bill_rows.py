"""A bill as people read it: the products are right, and cap and credit are steps of their own."""

import json
from typing import Any

import pytest

from unseen.cli.meter_views import print_statement
from unseen.client.agreements.billing import bill_rows
from unseen.evidence.bills.billing import make_bill
from unseen.evidence.contracts.clauses import Billing, Payee
from unseen.evidence.contracts.contract import Prices

KEY = "A" * 43
PRICES = Prices(currency="CNY", data_fee=500_000, service_fee=100_000)
PAYEES = (
    Payee(line="data_fee", name="data office", key=KEY, share=6_000),
    Payee(line="data_fee", name="registry", key="B" * 42 + "A", share=4_000),
)


def said(billed: int, credit: int = 0, cap: int = 0) -> list[tuple[str, object]]:
    billing = Billing(unit="hit", free_units=1, cap=cap, payees=PAYEES)
    return list(bill_rows(make_bill(PRICES, billing, billed, credit), cap, "CNY"))


def test_without_cap_and_credit_each_line_is_its_product() -> None:
    assert said(3) == [
        ("data fee", "2 x 0.50 = 1.00 CNY"),
        ("", "data office 60%: 0.60 CNY"),
        ("", "registry 40%: 0.40 CNY"),
        ("service fee", "2 x 0.10 = 0.20 CNY"),
        ("amount", "1.20 CNY"),
    ]


def test_a_credit_is_taken_off_the_sum_and_off_each_line() -> None:
    assert said(3, credit=600_000) == [
        ("data fee", "2 x 0.50 = 1.00 CNY, of which 0.50 CNY is owed"),
        ("", "data office 60%: 0.30 CNY"),
        ("", "registry 40%: 0.20 CNY"),
        ("service fee", "2 x 0.10 = 0.20 CNY, of which 0.10 CNY is owed"),
        ("sum", "1.20 CNY"),
        ("credit", "-0.60 CNY"),
        ("amount", "0.60 CNY"),
    ]


def test_what_is_over_the_cap_is_taken_off_before_the_credit() -> None:
    assert said(3, credit=600_000, cap=1_000_000)[-4:] == [
        ("sum", "1.20 CNY"),
        ("over the cap", "-0.20 CNY: 1.00 is the most"),
        ("credit", "-0.60 CNY"),
        ("amount", "0.40 CNY"),
    ]


@pytest.mark.parametrize("name", ["credited", "free"])
def test_a_statement_reads_the_same(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    body: dict[str, Any] = {
        "contract": KEY,
        "requests": 3,
        "units": 3,
        "quota": 10,
        "currency": "CNY",
        "digest": KEY,
        "lines": [
            {"line": "data_fee", "price": 500_000, "units": 3, "amount": 1_000_000},
            {"line": "service_fee", "price": 100_000, "units": 3, "amount": 200_000},
        ],
        "amount": 1_200_000,
        "credit": {"units": 1, "amount": 600_000},
    }
    if name == "free":
        body |= {"billing": {"unit": "hit", "billed": 3, "free": 1, "cap": 9_000_000}}
        body["lines"] = [
            {"line": "data_fee", "price": 500_000, "units": 2, "amount": 1_000_000},
            {"line": "service_fee", "price": 100_000, "units": 2, "amount": 200_000},
        ]
        del body["credit"]
    print_statement(json.dumps(body).encode())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Statement of contract {KEY}"
    if name == "free":
        assert "  billed       3 per hit, 1 of them free, at most 9.00 CNY" in lines
        assert "  data fee     2 x 0.50 = 1.00 CNY" in lines
        assert not any("sum" in line or "credit" in line for line in lines)
    else:
        assert "  data fee     3 x 0.50 = 1.50 CNY, of which 1.00 CNY is owed" in lines
        assert lines[-4:-1] == [
            "  sum          1.80 CNY",
            "  credit       -0.60 CNY",
            "  amount       1.20 CNY",
        ]
