"""A file that is read, for tests to spoil, and how what they made of it is refused."""

from typing import Any

import numpy as np
import onnx
import pytest
from tests.protocols.he.models.cases import FEATURES, WIDTH, constant, file, node

from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.models import from_onnx

WIDE = constant("w", np.ones((WIDTH, 2)))


def good() -> onnx.ModelProto:
    """Return a network of two squared units with a sigmoid at the end."""
    nodes = [
        node("MatMul", ["x", "w"], "m"),
        node("Mul", ["m", "m"], "g"),
        node("MatMul", ["g", "v"], "o"),
        node("Sigmoid", ["o"], "y"),
    ]
    return file(nodes, [WIDE, constant("v", [[0.5], [-0.5]])])


def refused(data: bytes, clause: str, **options: Any) -> ModelInvalidError:
    with pytest.raises(ModelInvalidError) as error:
        from_onnx(data, options.pop("features", FEATURES), **options)
    assert error.value.clause == clause
    assert error.value.reason == "MODEL_INVALID"
    return error.value
