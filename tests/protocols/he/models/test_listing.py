"""A file's numbers as rows: all of them, once, in one order; and files that have none."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from onnx import helper
from tests.protocols.he.models.cases import constant, file, lines, node

from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.models import Model, to_onnx
from unseen.protocols.he.models.listing import rows_of


def bytes_of(*parts: Any, constants: Any = ()) -> bytes:
    data: bytes = file(list(parts), list(constants)).SerializeToString()
    return data


@given(model=lines())
@settings(max_examples=20)
def test_every_number_of_a_model_is_a_row(model: Model) -> None:
    rows = rows_of(to_onnx(model, {}))
    values = np.array([value for _, _, value in rows])
    for number in (*model.layers[0].numbers(),):
        assert np.isclose(values, number).any()
    assert len({(name, place) for name, place, _ in rows}) == len(rows)
    assert rows == sorted(rows)


def test_numbers_of_nodes_are_rows_and_what_says_how_is_not() -> None:
    spread = {"coefficients": [0.5, -2.0], "intercepts": [1.0], "targets": 1}
    data = bytes_of(
        node("Gemm", ["x", "w"], "m", alpha=0.25, transB=1),
        node("LinearRegressor", ["m"], "y", **spread),
        constants=[constant("w", [[1.0, 2.0], [3.0, 4.0]])],
    )
    assert rows_of(data) == [
        ("m/alpha", 0, 0.25),
        ("w", 0, 1.0),
        ("w", 1, 2.0),
        ("w", 2, 3.0),
        ("w", 3, 4.0),
        ("y/coefficients", 0, 0.5),
        ("y/coefficients", 1, -2.0),
        ("y/intercepts", 0, 1.0),
    ]


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (b"", "model.size"),
        (b"{}", "model.bytes"),
        (b"\xff" * 64, "model.bytes"),
        (bytes_of(node("Sigmoid", ["x"], "y")), "model.size"),
        (bytes_of(constants=[constant("w", [1.0]), constant("w", [2.0])]), "model.name"),
        (bytes_of(constants=[constant("w", [float("nan")])]), "model.finite"),
        (bytes_of(constants=[constant("w", [1], "complex64")]), "model.type"),
        (bytes_of(constants=[constant(str(i), np.ones(1 << 19)) for i in range(3)]), "model.size"),
        (bytes_of(helper.make_node("Gemm", ["x"], [], alpha=1.0)), "model.shape"),
    ],
)
def test_a_file_without_numbers_that_can_be_kept_is_refused(data: bytes, clause: str) -> None:
    with pytest.raises(ModelInvalidError) as error:
        rows_of(data)
    assert error.value.clause == clause
