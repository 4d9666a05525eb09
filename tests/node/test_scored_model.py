"""The model behind a product of scores: read as registered, and refused where it is another."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.promises.scoring import FEATURES, MODEL, rows_of

from unseen.evidence.contracts.scoring import Offered, Wanted
from unseen.node.data.model import offered, read_model
from unseen.node.data.scoring import line_of
from unseen.node.data.source import Source, take_fingerprint
from unseen.node.errors import KindRefusedError, TableChangedError
from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.models import Model, columns, line, to_onnx

WANTED = Wanted(features=FEATURES, precision="0.0001", most=8)


def with_weights(factor: float) -> Model:
    weights = [factor * row[0] for row in MODEL.layers[0].weights]
    return line("logistic", FEATURES, weights, MODEL.layers[0].bias[0])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "m.onnx"
    path.write_bytes(to_onnx(MODEL, {}))
    return Source.parse(str(path))


def test_what_is_offered_holds_the_model_within_its_precision(source: Source) -> None:
    model = read_model(source, take_fingerprint(source.path), FEATURES, "")
    found = offered(model, WANTED)
    assert Offered.decode(found.encode()) == found
    clause, rows = found.only(100), rows_of(50)
    whole = line_of(clause, model)
    exact = columns.whole_rows(FEATURES, rows)
    scores = np.array([float(whole.value(whole.score(row))) for row in exact])
    left = Fraction("0.0001") - clause.ring.error
    assert np.abs(scores - model.predictor(rows)).max() <= left


def test_a_table_of_rows_scores_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a\n1\n")
    with pytest.raises(KindRefusedError) as caught:
        read_model(Source.parse(str(path)), take_fingerprint(path), FEATURES, "")
    assert caught.value.clause == "product.table"


def test_another_file_than_the_registered_one_is_not_read(source: Source) -> None:
    before = take_fingerprint(source.path)
    source.path.write_bytes(to_onnx(with_weights(1.01), {}))
    with pytest.raises(TableChangedError):
        read_model(source, before, FEATURES, "")


def test_a_refreshed_model_serves_where_the_ring_hides_it() -> None:
    clause = offered(MODEL, WANTED).only(100)
    assert line_of(clause, with_weights(0.9)).bits == clause.ring.demand.weight_bits
    for other in (
        with_weights(16.0),
        replace(MODEL, family="linear"),
        line("logistic", FEATURES[:2], [0.1, 0.1], 0.0),
    ):
        with pytest.raises(ModelInvalidError) as caught:
            line_of(clause, other)
        assert caught.value.clause == "parameters.score"
