"""Models between their files and their declared shapes: layers, and trees of splits and leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights, inputs x units, biases, and the function of their sums: an activation or a link."""

    weights: Sequence[Sequence[Any]]
    bias: Sequence[Any]
    activation: str


@dataclass(frozen=True, slots=True)
class Split:
    """Rows go left whose feature, by its place, is at most the threshold."""

    feature: int
    threshold: Any
    left: "Tree"
    right: "Tree"


Tree: TypeAlias = Split | tuple[Any, ...]  # a leaf has a number for each output
