"""Orders of openings by the beginning of their id, as every hint names them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from unseen.client.local.home import Home
from unseen.client.oversight.orders import Orders
from unseen.protocols.errors import InputInvalidError

ONE, OTHER = "tr5Z" + "a" * 39, "tr5Y" + "b" * 39


@pytest.fixture
def orders(tmp_path: Path) -> Any:
    home = Home(tmp_path)
    for name in (ONE, OTHER):
        home.order(name, "answer").write_bytes(b"")
    home.order("tr5Q" + "c" * 39, "seal").write_bytes(b"")  # given, and never fetched
    return SimpleNamespace(_session=SimpleNamespace(home=home))


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
