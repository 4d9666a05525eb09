"""What may be found in an intersection, as the command line takes it."""

from typing import Any

import pytest

from unseen.cli.failures import UsageError
from unseen.cli.product_options import ProductOptions, found_of
from unseen.evidence.contracts.intersection import MAX_ITEMS, Summed


def given(**options: Any) -> dict[str, Any]:
    return ProductOptions(**options).given("overlap", counts=False)


def test_a_product_with_something_to_find_is_an_intersection() -> None:
    said = given(find=["items"])
    found = found_of(said)
    assert said["kind"] == "intersect"
    assert found is not None
    assert (found.outputs, found.most, found.rho, found.sum) == (("items",), MAX_ITEMS, "", None)
    assert found_of(given(predicate=["a|b|c"])) is None


def test_counts_and_sums_have_noise_unless_it_is_told_how_much() -> None:
    counted = found_of(given(find=["items", "count"], most=500))
    assert counted is not None
    assert (counted.most, counted.rho, counted.delta) == (500, "0.01", "0.000001")
    summed = found_of(given(find=["sum"], sum="net:of:tax:-5:100.25", rho="0.5", delta="0.00001"))
    assert summed is not None
    assert summed.sum == Summed(column="net:of:tax", low=-500, high=10_025, decimals=2)
    assert (summed.rho, summed.delta) == ("0.5", "0.00001")
    whole = found_of(given(find=["sum"], sum="staff:0:1e3"))
    assert whole is not None
    assert whole.sum == Summed(column="staff", low=0, high=1_000, decimals=0)


@pytest.mark.parametrize(
    "options",
    [
        {"find": ["mean"]},
        {"find": ["items", "items"]},
        {"find": ["items"], "most": MAX_ITEMS + 1},
        {"find": ["items"], "rho": "0.5"},
        {"find": ["count"], "rho": "half"},
        {"find": ["count"], "delta": "1"},
        {"find": ["sum"]},
        {"find": ["count"], "sum": "staff:0:9"},
        {"find": ["sum"], "sum": "staff"},
        {"find": ["sum"], "sum": "staff:few:many"},
        {"find": ["sum"], "sum": "staff:0:inf"},
        {"find": ["sum"], "sum": "staff:9:0"},
        {"find": ["sum"], "sum": ":0:9"},
    ],
)
def test_what_cannot_be_offered_is_said_with_an_example(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        found_of(given(**options))
    assert caught.value.clause
    assert caught.value.remedy
