"""The demo's table is the one its README describes."""

import hashlib
from pathlib import Path

import pyarrow.parquet as pq

DATA = Path(__file__).parents[2] / "examples/data"
TABLE = DATA / "college_scorecard_2014.parquet"
README = (DATA / "README.md").read_text()


def test_readme_names_this_very_file() -> None:
    assert hashlib.sha256(TABLE.read_bytes()).hexdigest() in README
    assert f"{TABLE.stat().st_size:,} bytes" in README


def test_every_column_is_documented_with_its_nulls() -> None:
    table = pq.read_table(TABLE)
    assert table.num_rows == 6_434
    assert len(set(table["unitid"].to_pylist())) == table.num_rows
    for name in table.column_names:
        kind = str(table.schema.field(name).type)
        assert f"| `{name}` | {kind} | {table[name].null_count:,} |" in README
