"""Charges of one contract, counted and by the page."""

from types import SimpleNamespace
from typing import Any

import pytest
from tests.node.conftest import Store
from tests.node.test_charge import Maker, apply, charge, contract_in

from unseen.evidence.log import decode_leaf
from unseen.node.errors import FieldInvalidError
from unseen.node.metering.listing import count_requests, list_releases

__all__ = ["contract_in"]


@pytest.fixture
def node(store: Store) -> Any:
    return SimpleNamespace(engine=store.engine)


def numbers(bodies: list[bytes]) -> list[int]:
    leaves: list[Any] = [decode_leaf(body) for body in bodies]
    return [int(leaf["request"]["request"], 16) for leaf in leaves]


def test_pages_are_of_one_contract_and_in_log_order(
    store: Store, contract_in: Maker, node: Any
) -> None:
    first, second = sorted((contract_in(), contract_in()), key=lambda each: each.id)
    for number in (5, 4, 3, 2, 1):
        apply(store, [charge(first, number), charge(second, number + 10)])
    for contract, wanted in ((first, [5, 4, 3, 2, 1]), (second, [15, 14, 13, 12, 11])):
        assert count_requests(node, contract.id) == 5
        whole, token = list_releases(node, contract.id, "", 5)
        assert (numbers(whole), token) == (wanted, "")
        assert list_releases(node, contract.id, "0", 9) == (whole, "")
        pages, token = [], ""
        while True:
            page, token = list_releases(node, contract.id, token, 2)
            pages.append(numbers(page))
            if not token:
                break
        assert pages == [wanted[:2], wanted[2:4], wanted[4:]]
        exact, token = list_releases(node, contract.id, "", 4)
        assert numbers(exact) == wanted[:4]
        assert numbers(list_releases(node, contract.id, token, 4)[0]) == wanted[4:]
    assert count_requests(node, "none") == 0
    assert list_releases(node, "none", "", 5) == ([], "")


@pytest.mark.parametrize("token", ["x", "-1", "1" * 19, " 1", "1.0"])
def test_a_token_that_is_none_is_refused(node: Any, token: str) -> None:
    with pytest.raises(FieldInvalidError) as caught:
        list_releases(node, "none", token, 5)
    assert caught.value.clause == "page_token"
    assert list_releases(node, "none", "1" * 18, 5) == ([], "")
