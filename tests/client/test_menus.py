"""Menus as people see them, and the file that an operator starts one from."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.evidence.menus import MENU

from unseen.client.menus import agreed_rows, menu_rows, read_menu, starter
from unseen.evidence import canonical
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.errors import CanonicalError, ContractInvalidError


@dataclass(frozen=True)
class Named:
    """A column of a table."""

    name: str
    type: str


STAYS = (
    Named("stay", "BIGINT"),
    Named("region", "VARCHAR"),
    Named("出生地", "VARCHAR"),
    Named("Region", "VARCHAR"),
    Named("urgent", "BOOLEAN"),
    Named("cost", "DECIMAL(12,2)"),
    Named("arrived", "TIMESTAMP"),
)


def opened(text: str) -> str:
    """Return a starter with every entry offered, but for the ends that name other tables."""
    entries = text.partition("# A condition on one row")[0]
    lines = (re.sub(r"^# (?=\[\[|[a-z]+ = )", "", line) for line in entries.splitlines())
    return "\n".join(line for line in lines if not line.startswith(("person", "rows_per")))


def test_a_starter_offers_nothing_until_somebody_decides() -> None:
    with pytest.raises(ContractInvalidError, match="offers nothing"):
        parse_definition(starter("stays", STAYS).encode())


def test_a_starter_names_every_column_that_can_be_counted() -> None:
    text = starter("stays", STAYS)
    found = parse_definition(opened(text).encode())
    assert {origin.column for origin in found.columns} == {
        column.name for column in STAYS if column.type != "TIMESTAMP"
    }
    names = found.menu.names
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) for name in names)
    assert [measure.name for measure in found.menu.measures] == ["stay_sum", "cost_sum"]
    assert found.menu.dimensions[4].values == ("true", "false")
    assert '"arrived" is TIMESTAMP' in text
    assert "取值" in text


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=6, unique=True))
@example(["SUM", "count", "At"])  # words of answers
def test_no_name_of_a_column_breaks_the_file(names: list[str]) -> None:
    texts = [name for name in names if name.isprintable() and name == name.strip()]
    columns = [Named(name, "VARCHAR") for name in names]
    with pytest.raises(ContractInvalidError, match="offers nothing"):
        parse_definition(starter("stays", columns).encode())
    printable = [Named(name, "VARCHAR") for name in texts if name.isascii()]
    if printable:
        found = parse_definition(opened(starter("stays", printable)).encode())
        assert [origin.column for origin in found.columns] == [each.name for each in printable]


def test_a_menu_says_what_it_offers_row_by_row() -> None:
    rows = dict(menu_rows(MENU))
    assert rows["age"] == "age in years: by [0,18), [18,65), [65,120)"
    assert str(rows["cost"]).startswith("cost of care: 0.00 to 10000.00 yuan; bins")
    assert rows["adult"] == "at least 18 years old: only such rows"
    assert rows["exact table"] == "by region where adult, with sums of cost"
    assert rows["joined"] == ("insurances",)
    assert list(menu_rows(None)) == []
    held = dict(agreed_rows({"menu": MENU.to_json()}))
    assert held.keys() == {"exact table", "rows a person", "delta", "joined"}
    assert list(agreed_rows({})) == []


def test_a_menu_of_a_node_is_read_strictly() -> None:
    assert read_menu(b"") is None
    assert read_menu(canonical.encode(MENU.to_json())) == MENU
    for data in (b"{}", b"[]"):
        with pytest.raises(ContractInvalidError):
            read_menu(data)
    with pytest.raises(CanonicalError):
        read_menu(b"{ }")
