"""A model as a table: its numbers are rows, under the same snapshot and the same fences."""

from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from tests.node.test_data import inspect

from unseen.node.data.connection import connect
from unseen.node.data.source import Source
from unseen.node.errors import TableUnreadableError
from unseen.protocols.he.models import Feature, line, to_onnx

FEATURES = (Feature(name="age", low=18, high=90), Feature(name="student", values=("no", "yes")))


def write(path: Path, *weights: float) -> Path:
    path.write_bytes(to_onnx(line("logistic", FEATURES, list(weights), -1.5), {}))
    return path


def test_a_model_is_a_table_of_its_numbers(tmp_path: Path) -> None:
    found = inspect(write(tmp_path / "m.onnx", 0.5, 0.0, 2.0), ["constant", "place"], tmp_path)
    assert [(c["name"], c["type"]) for c in found["columns"]] == [
        ("constant", "VARCHAR"),
        ("place", "BIGINT"),
        ("value", "DOUBLE"),
    ]
    assert found["rows"] >= 4
    other = inspect(write(tmp_path / "m.onnx", 0.5, 0.0, 2.5), ["constant", "place"], tmp_path)
    assert other["snapshot"] != found["snapshot"]
    assert other["fingerprint"] != found["fingerprint"]


def test_its_connection_reads_no_other_file(tmp_path: Path) -> None:
    beside = tmp_path / "beside.csv"
    beside.write_text("a\n1\n")
    source = Source.parse(str(write(tmp_path / "m.onnx", 0.5, 0.0, 2.0)))
    with closing(connect(source, memory_mb=256, spill=None)) as found:
        (total,) = found.execute("SELECT sum(value) FROM registered_table").fetchone() or ()
        assert total is not None
        with pytest.raises(duckdb.Error):
            found.execute(f"SELECT * FROM read_csv('{beside}')")


@pytest.mark.parametrize("data", [b"", b"not a model", b"\xff" * 40])
def test_a_file_that_is_no_model_is_one_clear_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(TableUnreadableError) as caught:
        connect(Source.parse(str(path)), memory_mb=256, spill=None)
    assert caught.value.clause == "table.source"
    assert "ONNX" in caught.value.remedy
