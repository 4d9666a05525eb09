"""German credit: columns, rows and models of `examples/08_encrypted_scoring`."""

import json
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unseen.protocols.he.models import Feature, Model, from_onnx
from unseen.protocols.train import coding

EXAMPLES: Final = Path(__file__).parents[4] / "examples"
EXAMPLE: Final = EXAMPLES / "08_encrypted_scoring"
Reals = NDArray[np.float64]


@cache
def loans() -> tuple[tuple[Feature, ...], Reals, Reals]:
    """Return columns, 1,000 rows of them, and 1 for each loan that went bad."""
    stored = json.loads((EXAMPLE / "columns.json").read_text(encoding="utf-8"))
    features = tuple(coding.from_json(Feature, one) for one in stored)
    table = pq.read_table(EXAMPLES / "data/german_credit.parquet")
    parts = []
    for one in features:
        given = table[one.name].to_pylist()
        parts.append([one.values.index(text) for text in given] if one.values else given)
    bad = [text == "bad" for text in table["creditability"].to_pylist()]
    return features, np.array(parts, np.float64).T, np.array(bad, np.float64)


def held_out() -> NDArray[np.bool_]:
    """Return which rows no model was fitted to: each third one."""
    found: NDArray[np.bool_] = np.arange(len(loans()[2])) % 3 == 0
    return found


@cache
def logistic() -> Model:
    """Return a logistic regression."""
    return from_onnx((EXAMPLE / "credit.onnx").read_bytes(), loans()[0])


@cache
def network() -> Model:
    """Return a logistic model over four squares."""
    return from_onnx((EXAMPLE / "network.onnx").read_bytes(), loans()[0])


def area(scores: Reals, bad: Reals) -> float:
    """Return the area under the curve: how often a bad loan scores above a good one."""
    order = np.argsort(np.argsort(scores)) + 1
    count = bad.sum()
    return float((order[bad == 1].sum() - count * (count + 1) / 2) / (count * (len(bad) - count)))
