"""What names an exact table: everything that decides on its numbers or on what is suppressed."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence.menus import COST, DEFINITION, MENU, STAY
from tests.node.conftest import make_product
from tests.node.spending import private

from unseen.evidence.contracts.statistics import Partition
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.node.catalog.catalogue import Product
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError
from unseen.node.kinds.statistics import partition_digest

ROWS = (bytes(32), bytes([1]) * 32)
FROZEN = "c70a82c3193316176a74d4d18d6692f104a61172f40290b540031344b059a6ff"

Maker = Callable[..., Contract]


def contract_over(made: Maker, definition: Definition = DEFINITION, group: int = 10) -> Contract:
    contract = private(made(), menu=definition.menu.to_json())
    return dataclasses.replace(contract, plan=dataclasses.replace(contract.plan, group=group))


def product_of(definition: Definition = DEFINITION) -> Product:
    return dataclasses.replace(make_product(), kind="statistics", definition=definition)


def with_menu(**changes: Any) -> Definition:
    return dataclasses.replace(DEFINITION, menu=dataclasses.replace(MENU, **changes))


def with_condition(expression: str) -> Definition:
    adult, insured = DEFINITION.conditions
    changed = dataclasses.replace(adult, expression=expression)
    return dataclasses.replace(DEFINITION, conditions=(changed, insured))


OTHERS: dict[str, Definition] = {
    "other groups": with_menu(partition=Partition(by=("region", "age"), measures=("cost",))),
    "no filter": with_menu(partition=Partition(by=("region",), measures=("cost",))),
    "other sums": with_menu(
        partition=Partition(by=("region",), where=("adult",), measures=("cost", "stay"))
    ),
    "another clamp": with_menu(measures=(dataclasses.replace(COST, high=2_000_000), STAY)),
    "another filter": with_condition("age >= 21"),
    "other people": dataclasses.replace(DEFINITION, person=("patient", "year")),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_definition_is_another_table(contract_in: Maker, name: str) -> None:
    other = OTHERS[name]
    one = partition_digest(contract_over(contract_in), product_of(), ROWS)
    assert partition_digest(contract_over(contract_in, other), product_of(other), ROWS) != one


def test_other_rows_and_another_group_are_another_table(contract_in: Maker) -> None:
    contract, product = contract_over(contract_in), product_of()
    one = partition_digest(contract, product, ROWS)
    assert len(one) == 32
    assert partition_digest(contract, product, ROWS[:1]) != one
    assert partition_digest(contract, product, (ROWS[1], ROWS[0])) != one
    assert partition_digest(contract_over(contract_in, group=20), product, ROWS) != one


def test_who_asks_and_what_else_is_offered_does_not_matter(contract_in: Maker) -> None:
    one = partition_digest(contract_over(contract_in), product_of(), ROWS)
    assert partition_digest(contract_over(contract_in), product_of(), ROWS) == one
    narrower = private(contract_in(), menu=DEFINITION.only(["region", "adult", "cost"]).to_json())
    narrower = dataclasses.replace(
        narrower, plan=dataclasses.replace(narrower.plan, group=10), buyer="rival"
    )
    assert partition_digest(narrower, product_of(), ROWS) == one
    assert one.hex() == FROZEN  # a change would take a second exact table for the first


def test_without_an_exact_table_there_is_none(contract_in: Maker) -> None:
    bare = with_menu(partition=None)
    with pytest.raises(InternalError):
        partition_digest(contract_over(contract_in, bare), product_of(bare), ROWS)
