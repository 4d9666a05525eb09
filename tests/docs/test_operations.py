"""docs/operations.md describes every setting of the node, with its default."""

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from unseen.node import errors
from unseen.node.catalog.labels import ALLOWED
from unseen.node.config import Settings

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
SETTINGS = dict(re.findall(r"^\| `([a-z_]+)` \| (.+?) \| .+ \| .+ \|$", PAGE, re.MULTILINE))


def as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace("'", '"')


def test_every_setting_is_described_and_no_other() -> None:
    described = set(SETTINGS) - {category for _, category in ALLOWED} - {"personal"}
    assert described == set(Settings.model_fields)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_default_is_the_code_s(name: str) -> None:
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    if default is PydanticUndefined:
        assert SETTINGS[name].startswith("none")
    else:
        assert SETTINGS[name].strip("`") == as_toml(default)


def test_labels_are_the_code_s() -> None:
    for category in {category for _, category in ALLOWED}:
        lookup, verify = ALLOWED["lookup", category], ALLOWED["verify", category]
        assert f"| `{category}` | up to level {lookup} | up to level {verify} |" in PAGE


def test_every_fault_of_the_node_has_its_night_row() -> None:
    table = PAGE.partition("## At 3 a.m.")[2]
    for fault in errors.NodeFaultError.__subclasses__():
        assert f"| `{fault.reason}` |" in table, fault.reason
