"""A provider's models for encrypted scoring, pure: no encryption is in here.

    model = from_onnx(data, features)          # or line(...), from_trained(...), Model(...)
    shape(model), numbers(model)               # what is public, and what is committed to
    whole(model, precision)                    # a line in whole numbers, with its worst cases
    squares(model, precision)                  # a network of squares in whole numbers
    columns.grid_columns(features, rows)       # what a buyer encrypts
    model.predictor(rows), model.exact(row)    # what comes back, in doubles and exactly

`features` are public: bounds and decimals of columns, as in a joint training (`train.Feature`).
"""

from unseen.protocols.he.models.model import (
    Layer,
    Model,
    from_seen,
    from_trained,
    line,
    linked,
    standardised,
)
from unseen.protocols.he.models.polynomial import Fit, fitted
from unseen.protocols.he.models.reading import from_onnx
from unseen.protocols.he.models.shape import joined, numbers, shape
from unseen.protocols.he.models.squares import WholeSquares, squares
from unseen.protocols.he.models.whole import WholeLine, spans, whole
from unseen.protocols.he.models.writing import to_onnx
from unseen.protocols.train.spec import Feature

__all__ = [
    "Feature",
    "Fit",
    "Layer",
    "Model",
    "WholeLine",
    "WholeSquares",
    "fitted",
    "from_onnx",
    "from_seen",
    "from_trained",
    "joined",
    "line",
    "linked",
    "numbers",
    "shape",
    "spans",
    "squares",
    "standardised",
    "to_onnx",
    "whole",
]
