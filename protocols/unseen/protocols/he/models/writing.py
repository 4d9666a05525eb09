"""ONNX IR 10, opset ai.onnx 17: a model as a file for other programs, in doubles.

The graph takes the columns as they are seen, in their units, with an indicator for each value of a
column that has some, and gives what the predictor stands for. It rounds nothing: it agrees with
`Model.predict` on rows that are rounded to their columns' decimals. The file holds all weights.
"""

from collections.abc import Mapping

import numpy as np

from unseen.protocols.he.models.columns import Reals
from unseen.protocols.he.models.model import FARTHEST, Model
from unseen.protocols.train.files import INPUT, OUTPUT, Graph, library

_LINKS = {"linear": "Identity", "logistic": "Sigmoid", "poisson": "Exp"}


def to_onnx(model: Model, notes: Mapping[str, str] | None = None) -> bytes:
    """Return a model as ONNX: `rows`, double n x width, to `prediction`, double n x 1.

    The same model and notes give the same bytes under one version of the library.

    Raises:
        InputInvalidError: `unseen[train]` is not installed.

    """
    graph = Graph(library("onnx"))
    seen = INPUT
    for layer in model.layers:
        sums = graph.add("MatMul", seen, np.array(layer.weights))
        seen = graph.add("Add", sums, np.array(layer.bias))
        if layer.powers:
            seen = _polynomials(graph, seen, np.array(layer.powers))
    if model.family != "linear":
        seen = graph.add("Clip", seen, np.array(-FARTHEST), np.array(FARTHEST))
    graph.add(_LINKS[model.family], seen, output=OUTPUT)
    return graph.written(model.family, model.width, notes or {})


def _polynomials(graph: Graph, sums: str, powers: Reals) -> str:
    """Add each unit's polynomial, units x (degree + 1), in Horner's form."""
    found = graph.add("Mul", sums, powers[:, -1])
    for number, coefficients in enumerate(powers.T[-2::-1]):
        found = graph.add("Add", found, coefficients)
        if number < len(powers.T) - 2:
            found = graph.add("Mul", found, sums)
    return found
