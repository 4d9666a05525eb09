"""docs/data_model.md names every column, leaf and state, and shows real documents."""

import base64
import json
import pkgutil
import re
import sqlite3
from importlib import import_module
from pathlib import Path

import pytest

from unseen.client.local.database import Database
from unseen.evidence.contracts.states import TRANSITIONS, State
from unseen.evidence.log import EVENTS, RELEASE
from unseen.node import store
from unseen.node.store.schema import metadata
from unseen.node.store.schema_registry import mandates

for module in pkgutil.iter_modules(store.__path__, "unseen.node.store."):
    if ".schema" in module.name:  # each declares the tables of its topic
        import_module(module.name)

assert mandates.metadata is metadata  # each module of tables adds its own
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/data_model.md").read_text(encoding="utf-8")
VECTORS = json.loads((ROOT / "tests/vectors/evidence/formats_v1.json").read_text(encoding="utf-8"))[
    "intl"
]
EXAMPLE = re.compile(r"^<!-- vector: (\w+) -->\n```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = EXAMPLE.findall(PAGE)


def section(title: str) -> str:
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def first_cells(text: str) -> set[str]:
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_every_column_of_the_node_has_its_row(table: str) -> None:
    columns = {column.name for column in metadata.tables[table].columns}
    assert columns <= first_cells(section(table))


def test_every_column_of_a_client_is_named(tmp_path: Path) -> None:
    Database(tmp_path / "state.db").close()
    text = section("A client's home")
    with sqlite3.connect(tmp_path / "state.db") as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        for (table,) in tables.fetchall():
            assert f"`{table}`" in text
            for column in connection.execute(f"PRAGMA table_info({table})").fetchall():
                assert f"`{column[1]}`" in text, column[1]
    connection.close()


def test_every_type_of_leaf_has_its_row() -> None:
    assert first_cells(section("Leaves")) >= EVENTS | {RELEASE}


@pytest.mark.parametrize("state", State)
def test_every_state_says_what_follows(state: State) -> None:
    row = re.search(rf"^\| `{state.value}` \| .+ \| (.+) \|$", section("contracts"), re.MULTILINE)
    assert row
    follows = {after.value for (before, _), after in TRANSITIONS.items() if before is state}
    assert set(re.findall(r"`(\w+)`", row[1])) == follows


def test_examples_cover_the_signed_formats() -> None:
    assert {name for name, _ in EXAMPLES} == {
        "instance",
        "leakage",
        "manifest",
        "operator_approval",
        "plan",
        "release_leaf",
        "request",
        "settlement",
        "terms",
        "trust",
    }


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_example_is_the_frozen_vector(name: str, text: str) -> None:
    vector = VECTORS[name]
    if not vector.startswith("{"):
        payload = vector.split(".")[1]
        vector = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    assert json.loads(text) == json.loads(vector)


@pytest.mark.parametrize(
    ("topic", "count"),
    [
        ("registry", 7),
        ("rules", 3),
        ("joint", 1),
        ("statistics", 2),
        ("hidden_table", 2),
        ("built_again", 1),
        ("intersect", 5),
        ("score", 3),
        ("encrypted", 3),
        ("score_network", 1),
    ],
)
def test_examples_of_a_topic_are_frozen_vectors(topic: str, count: int) -> None:
    path = ROOT / f"tests/vectors/evidence/formats_v1_{topic}.json"
    vectors = json.loads(path.read_text(encoding="utf-8"))["intl"]
    pattern = rf"<!-- {topic} vector: (\w+) -->\n```json\n(.*?)```"
    examples = re.findall(pattern, PAGE, re.DOTALL)
    assert len(examples) == count
    for name, text in examples:
        vector = vectors[name]
        if not vector.startswith("{"):
            payload = vector.split(".")[1]
            vector = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
        assert json.loads(text) == json.loads(vector), name
