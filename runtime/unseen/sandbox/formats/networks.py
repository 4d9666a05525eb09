"""ONNX operators of layers (ai.onnx, ai.onnx.ml), as the weighted sums that they are.

A graph is followed from its one input over operators of an allow-list; each has an exact meaning
for a row, or the file is refused. What leaves are weights, so that a file with other operators, or
the same ones in another order, is another way to write the same layers, or no network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from unseen.evidence.contracts.modelled import Network
from unseen.sandbox.formats.graphs import ML, Graph, Node, Tensor
from unseen.sandbox.formats.models import Layer
from unseen.sandbox.formats.numbers import refuse

Matrix: TypeAlias = list[list[float]]
_FUNCTIONS: Final = {
    "Relu": "relu",
    "Tanh": "tanh",
    "Sigmoid": "logistic",
    "Softmax": "softmax",
    "Exp": "exp",
}


@dataclass(frozen=True, slots=True)
class Units:
    """What stands on an edge: units x_j = shift_j + scale_j v_j, v before or after `matrix`.

    `layers` are done; `matrix` (inputs x units) is that of the layer that is open, None where it
    has none yet. `pair` says that the one unit p stands for the two (1 - p, p), `less` for 1 - p.
    """

    scale: list[float]
    shift: list[float]
    layers: tuple[Layer, ...] = ()
    matrix: Matrix | None = None
    form: str = ""

    def plus(self, numbers: Sequence[float]) -> "Units":
        """Return units with a constant added to each."""
        return replace(self, shift=[a + b for a, b in zip(self.shift, numbers, strict=True)])

    def times(self, numbers: Sequence[float]) -> "Units":
        """Return units, each times a constant."""
        return replace(
            self,
            scale=[a * b for a, b in zip(self.scale, numbers, strict=True)],
            shift=[a * b for a, b in zip(self.shift, numbers, strict=True)],
        )

    def through(self, weights: Matrix) -> "Units":
        """Return the sums of units under weights, inputs x units."""
        if self.matrix is not None or len(weights) != len(self.scale) or not weights[0]:
            refuse("layers", "two products without a function between, or of another size")
        matrix = [[a * n for n in line] for a, line in zip(self.scale, weights, strict=True)]
        units = len(weights[0])
        shift = [0.0] * units
        for b, line in zip(self.shift, weights, strict=True):
            shift = [s + b * n for s, n in zip(shift, line, strict=True)]
        return replace(self, matrix=matrix, scale=[1.0] * units, shift=shift)

    def under(self, function: str) -> "Units":
        """Return units of which the open layer is done, under a function."""
        if self.matrix is None:
            refuse("layers", "a function of no sums")
        lines = [[a * n for a, n in zip(self.scale, row, strict=True)] for row in self.matrix]
        done = (*self.layers, Layer(lines, self.shift, function))
        units = len(self.shift)
        return replace(self, layers=done, matrix=None, scale=[1.0] * units, shift=[0.0] * units)


Value: TypeAlias = Units | Tensor


def layers_of_graph(shape: Network, graph: Graph) -> list[Layer]:
    """Return the layers of a graph that scores rows of the declared features.

    Raises:
        ReleaseInvalidError: it is of other operators, or of other rows.

    """
    count = len(shape.features)
    if graph.width != count:
        refuse("input", "rows of another width than declared")
    values: dict[str, Value] = dict(graph.constants)
    values[graph.start] = Units([1.0] * count, [0.0] * count)
    wanted = graph.score()
    for node in _needed(graph, wanted):
        operator = _OPERATORS.get(node.name)
        if operator is None or not node.attributes.keys() <= operator.attributes:
            refuse("operator", "an operator or an attribute that is not read here")
        if any(name not in values for name in node.inputs if name):
            refuse("operator", "an output that is no score")
        given = [values[name] for name in node.inputs if name]
        if len(given) != len(node.inputs) or not operator.least <= len(given) <= operator.most:
            refuse("operator", "an operator of other inputs")
        values[node.outputs[operator.output]] = operator.meaning(node, given)
    return _layers(values.get(wanted))


def _layers(found: Value | None) -> list[Layer]:
    if not isinstance(found, Units) or found.form == "less":
        refuse("output", "an output that is no score")
    if found.matrix is not None:
        found = found.under("identity")
    elif any(n != 1 for n in found.scale) or any(found.shift):
        refuse("output", "numbers after the last function")
    if not found.layers:
        refuse("layers", "no layers")
    return list(found.layers)


def _needed(graph: Graph, wanted: str) -> list[Node]:
    names, found = {wanted}, []
    for node in reversed(graph.nodes):
        if not names.isdisjoint(node.outputs):
            names.update(node.inputs)
            found.append(node)
    return found[::-1]


def _units(given: Value) -> Units:
    if not isinstance(given, Units):
        refuse("operator", "an operator of constants")
    return given


def _plain(given: Value) -> Units:
    found = _units(given)
    if found.form:
        refuse("operator", "an operator after probabilities")
    return found


def _constant(given: Value, width: int) -> list[float]:
    """Return a constant for each of `width` units."""
    if not isinstance(given, Tensor) or any(size != 1 for size in given.sizes[:-1]):
        refuse("operator", "an operator of two values of rows, or of another size")
    if len(given.numbers) == 1:
        return [float(given.numbers[0])] * width
    if len(given.numbers) != width:
        refuse("operator", "a constant of another size")
    return [float(one) for one in given.numbers]


def _matrix(given: Value, *, turned: bool = False) -> Matrix:
    if not isinstance(given, Tensor) or len(given.sizes) not in (1, 2) or not given.numbers:
        refuse("operator", "a product with something else than a matrix")
    lines, width = given.sizes if len(given.sizes) == 2 else (given.sizes[0], 1)
    found = [list(given.numbers[at * width : (at + 1) * width]) for at in range(lines)]
    return [list(line) for line in zip(*found, strict=True)] if turned else found


def _sides(given: Sequence[Value]) -> tuple[Units, list[float], bool]:
    """Return the units and the constant of an operator, and whether the units came first."""
    first = isinstance(given[0], Units)
    units = _units(given[0 if first else 1])
    return units, _constant(given[1 if first else 0], len(units.scale)), first


def _add(_: Node, given: Sequence[Value]) -> Units:
    units, numbers, _first = _sides(given)
    return _plain(units).plus(numbers)


def _subtract(_: Node, given: Sequence[Value]) -> Units:
    units, numbers, first = _sides(given)
    done = units.matrix is None and units.layers and not any(units.shift)
    if not first and done and len(units.scale) == 1 and numbers == [1.0] and not units.form:
        return replace(units, form="less")  # 1 - p, of a probability
    found = _plain(units)
    if first:
        return found.plus([-one for one in numbers])
    return found.times([-1.0] * len(numbers)).plus(numbers)


def _multiply(_: Node, given: Sequence[Value]) -> Units:
    units, numbers, _first = _sides(given)
    return _plain(units).times(numbers)


def _divide(_: Node, given: Sequence[Value]) -> Units:
    units, numbers, first = _sides(given)
    if not first or not all(numbers):
        refuse("operator", "a division by zero, or by rows")
    return _plain(units).times([1.0 / one for one in numbers])


def _product(_: Node, given: Sequence[Value]) -> Units:
    return _plain(given[0]).through(_matrix(given[1]))


def _general(node: Node, given: Sequence[Value]) -> Units:
    get = node.attributes.get
    if get("transA", 0) or get("alpha", 1.0) != 1.0 or get("beta", 1.0) != 1.0:
        refuse("attribute", "a product of another form")
    found = _plain(given[0]).through(_matrix(given[1], turned=bool(get("transB", 0))))
    return found.plus(_constant(given[2], len(found.scale))) if len(given) == 3 else found


def _same(_: Node, given: Sequence[Value]) -> Units:
    return _units(given[0])


def _cast(node: Node, given: Sequence[Value]) -> Value:
    if node.attributes.get("to") not in (1, 11):
        refuse("attribute", "a cast to other numbers")
    return given[0]


def _flatten(node: Node, given: Sequence[Value]) -> Units:
    if node.attributes.get("axis", 1) != 1:
        refuse("attribute", "a matrix of another form")
    return _units(given[0])


def _reshape(_: Node, given: Sequence[Value]) -> Units:
    found, sizes = _units(given[0]), given[1]
    width = 2 if found.form == "pair" else len(found.scale)
    if not isinstance(sizes, Tensor) or sizes.numbers != (-1, width):
        refuse("operator", "a reshape to other than rows")
    return found


def _function(node: Node, given: Sequence[Value]) -> Units:
    found = _plain(given[0])
    if node.attributes.get("axis", -1) not in (-1, 1):
        refuse("attribute", "a function over other than units")
    return found.under(_FUNCTIONS[node.name[1]])


def _join(node: Node, given: Sequence[Value]) -> Units:
    """Return the two probabilities (1 - p, p) as the one that they are."""
    less, more = (_units(one) for one in given)
    whole = less.form == "less" and not more.form and less.layers == more.layers
    if not whole or node.attributes.get("axis") not in (-1, 1):
        refuse("operator", "two values joined that are no probabilities")
    return replace(more, form="pair")


def _scaler(node: Node, given: Sequence[Value]) -> Units:
    found = _plain(given[0])
    width = len(found.scale)
    for name, sign in (("offset", -1), ("scale", 1)):
        numbers = node.attributes.get(name) or [0.0 if sign < 0 else 1.0]
        if not isinstance(numbers, list) or len(numbers) not in (1, width):
            refuse("attribute", "an attribute of another size")
        wide = [float(one) for one in numbers] * (width // len(numbers))
        found = found.plus([-one for one in wide]) if sign < 0 else found.times(wide)
    return found


def _linear(node: Node, width: int, units: int) -> tuple[Matrix, list[float]]:
    """Return weights, inputs x units, and biases of a linear operator."""
    weights = node.attributes.get("coefficients", [])
    bias = node.attributes.get("intercepts") or [0.0] * units
    if len(weights) != width * units or len(bias) != units:
        refuse("attribute", "coefficients of another number")
    return [[weights[unit * width + at] for unit in range(units)] for at in range(width)], bias


def _regressor(node: Node, given: Sequence[Value]) -> Units:
    found = _plain(given[0])
    if node.attributes.get("post_transform", b"NONE") != b"NONE":
        refuse("attribute", "a function after a regression")
    weights, bias = _linear(node, len(found.scale), node.attributes.get("targets", 1))
    return found.through(weights).plus(bias)


def _classifier(node: Node, given: Sequence[Value]) -> Units:
    """Return probabilities of classes; of two under a logistic link, as the one that they are."""
    found = _plain(given[0])
    link = node.attributes.get("post_transform", b"NONE")
    classes = len(node.attributes.get("intercepts", ()))
    weights, bias = _linear(node, len(found.scale), classes)
    if link == b"SOFTMAX" and classes > 2:
        return found.through(weights).plus(bias).under("softmax")
    if classes != 2 or link not in (b"LOGISTIC", b"SOFTMAX"):
        refuse("attribute", "classes under another link")
    if link == b"LOGISTIC":
        if [-a for a, _ in weights] != [b for _, b in weights] or bias[0] != -bias[1]:
            refuse("attribute", "two classes with a sum each")
        line, shift = [[b] for _, b in weights], [bias[1]]
    else:
        line, shift = [[b - a] for a, b in weights], [bias[1] - bias[0]]
    return replace(found.through(line).plus(shift).under("logistic"), form="pair")


def _normaliser(node: Node, given: Sequence[Value]) -> Units:
    """Return probabilities that are given: they add up to one as they are."""
    found = _units(given[0])
    done = found.layers and found.layers[-1].activation == "softmax" and found.matrix is None
    if node.attributes.get("norm", b"MAX") != b"L1" or not (found.form == "pair" or done):
        refuse("operator", "a norm of other than probabilities")
    return found


def _constant_node(node: Node, _: Sequence[Value]) -> Tensor:
    found = list(node.attributes.values())
    if len(found) != 1:
        refuse("attribute", "a constant of one value")
    (one,) = found
    if isinstance(one, Tensor):
        return one
    numbers: list[Any] = one if isinstance(one, list) else [one]
    if not all(isinstance(n, int | float) for n in numbers):
        refuse("constants", "a constant of other numbers")
    return Tensor((len(numbers),) if isinstance(one, list) else (), tuple(numbers))


@dataclass(frozen=True, slots=True)
class _Operator:
    """Inputs at least and at most, attributes it may have, meaning, and which output it is."""

    least: int
    most: int
    attributes: frozenset[str]
    meaning: Callable[[Node, Sequence[Value]], Value]
    output: int = 0


_LABELS: Final = ("classlabels_int64s", "classlabels_strings", "classlabels_ints")


def _operator(
    inputs: tuple[int, int],
    meaning: Callable[[Node, Sequence[Value]], Value],
    *attributes: str,
    output: int = 0,
) -> _Operator:
    return _Operator(*inputs, frozenset(attributes), meaning, output)


_OPERATORS: Final[Mapping[tuple[str, str], _Operator]] = {
    ("", "Add"): _operator((2, 2), _add),
    ("", "Sub"): _operator((2, 2), _subtract),
    ("", "Mul"): _operator((2, 2), _multiply),
    ("", "Div"): _operator((2, 2), _divide),
    ("", "MatMul"): _operator((2, 2), _product),
    ("", "Gemm"): _operator((2, 3), _general, "alpha", "beta", "transA", "transB"),
    ("", "Identity"): _operator((1, 1), _same),
    ("", "Cast"): _operator((1, 1), _cast, "to", "saturate"),
    ("", "Flatten"): _operator((1, 1), _flatten, "axis"),
    ("", "Reshape"): _operator((2, 2), _reshape, "allowzero"),
    ("", "Concat"): _operator((2, 2), _join, "axis"),
    ("", "Constant"): _operator((0, 0), _constant_node, "value", "value_float", "value_floats"),
    **{("", name): _operator((1, 1), _function, "axis") for name in _FUNCTIONS},
    (ML, "Scaler"): _operator((1, 1), _scaler, "offset", "scale"),
    (ML, "LinearRegressor"): _operator(
        (1, 1), _regressor, "coefficients", "intercepts", "targets", "post_transform"
    ),
    (ML, "LinearClassifier"): _operator(
        (1, 1),
        _classifier,
        *("coefficients", "intercepts", "multi_class", "post_transform", *_LABELS),
        output=1,
    ),
    (ML, "Normalizer"): _operator((1, 1), _normaliser, "norm"),
    (ML, "ZipMap"): _operator((1, 1), _same, *_LABELS),
}
