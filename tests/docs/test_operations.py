"""docs/operations.md describes every setting of the node, with its default."""

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from unseen.node import errors
from unseen.node.catalog.labels import CATEGORIES, Label
from unseen.node.config import Settings
from unseen.node.contracts.rules import Rules, default_text

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
SETTINGS = dict(re.findall(r"^\| `([a-z_]+)` \| (.+?) \| .+ \| .+ \|$", PAGE, re.MULTILINE))


def as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace("'", '"')


def test_every_setting_is_described_and_no_other() -> None:
    assert set(SETTINGS) == set(Settings.model_fields)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_default_is_the_code_s(name: str) -> None:
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    if default is PydanticUndefined:
        assert SETTINGS[name].startswith("none")
    else:
        assert SETTINGS[name].strip("`") == as_toml(default)


def test_default_rules_are_the_file_s() -> None:
    rules = Rules.parse(default_text(), "intl")
    for category in CATEGORIES:
        for level in ("1", "2", "3", "4"):
            rule = rules.of(Label(category, level))
            assert rule
            cells = (
                f"{category}:{level}",
                ", ".join(f"`{kind}`" for kind in rule.kinds),
                "yes" if rule.ciphertext else "no",
                f"1 in {rule.share}" if rule.share else "-",
                str(rule.group),
                rule.budget or "-",
                ", ".join(rule.approvals),
                ", ".join(name for name in ("consent", "order") if getattr(rule, name)) or "-",
                rule.region or "-",
            )
            assert f"| {' | '.join(cells)} |" in PAGE, cells


def test_every_fault_of_the_node_has_its_night_row() -> None:
    table = PAGE.partition("## At 3 a.m.")[2]
    for fault in errors.NodeFaultError.__subclasses__():
        assert f"| `{fault.reason}` |" in table, fault.reason
