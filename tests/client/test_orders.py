"""Orders of openings by the beginning of their id, as every hint names them."""

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from unseen.client.local.home import Home
from unseen.client.oversight.orders import Orders
from unseen.evidence.errors import OrderInvalidError
from unseen.protocols.errors import InputInvalidError

ONE, OTHER = "tr5Z" + "a" * 39, "tr5Y" + "b" * 39


@pytest.fixture
def orders(tmp_path: Path) -> Any:
    home = Home(tmp_path)
    for name in (ONE, OTHER):
        home.order(name, "answer").write_bytes(b"")
    home.order("tr5Q" + "c" * 39, "seal").write_bytes(b"")  # given, and never fetched
    return SimpleNamespace(_session=SimpleNamespace(home=home))


@pytest.mark.parametrize(
    ("regulator", "said", "helps"),
    [
        ("", "the contract names no regulator", "--openings"),
        ("A" * 43, "names another party as its regulator", "in the home of the regulator"),
    ],
)
def test_who_is_not_the_regulator_is_told_so_and_nothing_is_written(
    orders: Any, tmp_path: Path, regulator: str, said: str, helps: str
) -> None:
    terms = SimpleNamespace(regulator=regulator)
    orders._contracts = SimpleNamespace(terms=lambda _: terms)
    orders._session.profile = SimpleNamespace(key_id="B" * 43)
    with pytest.raises(OrderInvalidError, match=said) as refused:
        Orders.order(cast("Orders", orders), "C" * 43, [], 1, "why", dt.timedelta(days=1))
    assert refused.value.clause == "regulator"
    assert helps in refused.value.remedy
    assert len(list((tmp_path / "orders").iterdir())) == 3


@pytest.mark.parametrize("text", ["tr5Z", ONE])
def test_a_fetched_order_is_found_without_the_node(orders: Any, text: str) -> None:
    assert Orders.kept_id(cast("Orders", orders), text) == ONE


@pytest.mark.parametrize("text", ["tr5", "x", "tr5Q"])
def test_none_or_more_than_one_is_refused_and_no_folder_is_made(
    orders: Any, text: str, tmp_path: Path
) -> None:
    with pytest.raises(InputInvalidError, match="orders have an id that begins") as refused:
        Orders.kept_id(cast("Orders", orders), text)
    assert refused.value.clause == "order"
    assert len(list((tmp_path / "orders").iterdir())) == 3
