"""The page names every bench, every column and every field there is."""

import dataclasses
from pathlib import Path

import pytest

from unseen.bench import output
from unseen.bench.main import BENCHES
from unseen.bench.measuring import Measurement

PAGE = (Path(__file__).parents[2] / "docs/benchmarks.md").read_text()


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_is_named(name: str) -> None:
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Measurement)])
def test_every_field_is_explained(field: str) -> None:
    assert f"`{field}`" in PAGE


@pytest.mark.parametrize("column", output.COLUMNS)
def test_every_column_is_explained(column: str) -> None:
    assert f"`{column}`" in PAGE
