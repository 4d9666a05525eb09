"""ONNX 1.16, operators of ai.onnx (opsets 11 to 28) and ai.onnx.ml (1 to 5) in models of scores.

Each takes what its inputs stand for, constants or `Units`, and says what its output stands for.
What an operator has no exact meaning here for, an attribute or a size, is refused, not guessed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np

from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.models.model import FARTHEST
from unseen.protocols.he.models.polynomial import Fit, fitted
from unseen.protocols.he.models.tensors import Array, reals_of
from unseen.protocols.he.models.units import Units

Value: TypeAlias = Array | Units


_ATTRIBUTE: Final = "model.attribute"
_FLOAT: Final = 1  # TensorProto.FLOAT
_DOUBLE: Final = 11
PASSING: Final = ("Identity", "Cast", "Flatten", "Reshape")  # what goes in comes out
LINKS: Final = ("Sigmoid", "Exp")


@dataclass(frozen=True)
class Call:
    """A node of a graph: what it is, what goes in, its attributes, how functions are replaced.

    `last` says that nothing but its output is left of the model, `linked` that nothing but a link
    is.
    """

    name: str
    given: tuple[Value, ...]
    attributes: Mapping[str, Any]
    fit: Fit | None
    last: bool
    linked: bool

    def attribute(self, name: str, usual: Any = None) -> Any:
        """Return an attribute, or what holds without it."""
        return self.attributes.get(name, usual)

    def expect(self, name: str, usual: Any, *allowed: Any) -> None:
        """Refuse an attribute, `usual` where it is not written, that is not allowed here."""
        if self.attribute(name, usual) not in allowed:
            raise ModelInvalidError(f"{self.name}: {name} with such a value", clause=_ATTRIBUTE)

    def units(self, at: int = 0) -> Units:
        """Return an input that is made of rows.

        Raises:
            ModelInvalidError: it is a constant, or the graph goes on after its link.

        """
        found = self.given[at]
        if not isinstance(found, Units):
            raise ModelInvalidError(f"{self.name} of a constant", clause="model.operator")
        if found.link:
            raise ModelInvalidError(f"{self.name} after the last function", clause="model.link")
        return found

    def constant(self, at: int, kinds: str = "f") -> Array:
        """Return an input that is a constant of floats, or of `kinds` of numbers.

        Raises:
            ModelInvalidError: it is made of rows, or of other numbers.

        """
        found = self.given[at]
        if isinstance(found, Units):
            raise ModelInvalidError(f"{self.name} of two values of rows", clause="model.branch")
        if found.dtype.kind not in kinds:
            raise ModelInvalidError(f"{self.name} of other numbers", clause="model.type")
        return found


def _add(call: Call) -> Value:
    first, second = call.given
    if isinstance(first, Units) and isinstance(second, Units):
        return call.units().joined(call.units(1))
    at = 0 if isinstance(first, Units) else 1
    return call.units(at).plus(call.constant(1 - at))


def _subtract(call: Call) -> Value:
    first, second = call.given
    if isinstance(second, Units):
        negative = call.units(1).times(np.array([-1.0]))
        return _add(replace(call, given=(first, negative)))
    return call.units().plus(-call.constant(1))


def _multiply(call: Call) -> Value:
    first, second = call.given
    if isinstance(first, Units) and isinstance(second, Units):
        return call.units().product(call.units(1))
    at = 0 if isinstance(first, Units) else 1
    return call.units(at).times(call.constant(1 - at))


def _divide(call: Call) -> Value:
    numbers = call.constant(1)
    if not numbers.all():
        raise ModelInvalidError("a division by zero", clause="model.finite")
    return call.units().times(1.0 / numbers)


def _negative(call: Call) -> Value:
    return call.units().times(np.array([-1.0]))


def _power(call: Call) -> Value:
    exponent = call.constant(1, "fi").reshape(-1)
    if exponent.tolist() not in ([1], [2], [3]):
        raise ModelInvalidError("a power other than 1, 2 or 3", clause="model.degree")
    found = base = call.units()
    for _ in range(int(exponent[0]) - 1):
        found = found.product(base)
    return found


def _matrix_product(call: Call) -> Value:
    return call.units().through(call.constant(1))


def _general_product(call: Call) -> Value:
    call.expect("transA", 0, 0)
    call.expect("transB", 0, 0, 1)
    weights = call.constant(1)
    if weights.ndim != 2:
        raise ModelInvalidError("a matrix of another size", clause="model.shape")
    turned = weights.T if call.attribute("transB", 0) else weights
    found = call.units().through(turned * float(call.attribute("alpha", 1.0)))
    if len(call.given) < 3:
        return found
    return found.plus(call.constant(2) * float(call.attribute("beta", 1.0)))


def _same(call: Call) -> Value:
    return call.given[0]


def _cast(call: Call) -> Value:
    call.expect("to", 0, _FLOAT, _DOUBLE)
    found = call.given[0]
    if isinstance(found, Units):
        return found
    return found.astype(np.float32 if call.attribute("to") == _FLOAT else np.float64).astype(
        np.float64
    )


def _rows(call: Call) -> Units:
    """Return an input that is made of rows, after the last function as well."""
    found = call.given[0]
    return found if isinstance(found, Units) else call.units()


def _flatten(call: Call) -> Value:
    call.expect("axis", 1, 1)
    return _rows(call)


def _reshape(call: Call) -> Value:
    call.expect("allowzero", 0, 0, 1)
    found = _rows(call)
    if found.pair or call.constant(1, "i").tolist() != [-1, found.width]:
        raise ModelInvalidError("a reshape to other than rows", clause="model.shape")
    return found


def _transpose(call: Call) -> Value:
    found = call.constant(0)
    if found.ndim != 2 or list(call.attribute("perm", [1, 0])) != [1, 0]:
        raise ModelInvalidError("a matrix is transposed, nothing else", clause=_ATTRIBUTE)
    return found.T


def _clip(call: Call) -> Value:
    """Return a predictor that is cut off where its link does so anyway."""
    low, high = (call.constant(at).reshape(-1) for at in (1, 2))
    if not call.linked or low.size != 1 or high.size != 1:
        raise ModelInvalidError("Clip inside a network", clause="model.activation")
    if low[0] > -FARTHEST or high[0] < FARTHEST:
        raise ModelInvalidError("a predictor that is cut off within 30", clause="model.activation")
    return call.units()


def _sigmoid(call: Call) -> Value:
    return replace(call.units(), link="logistic") if call.last else _function(call)


def _exponential(call: Call) -> Value:
    if not call.last:
        raise ModelInvalidError("Exp inside a network", clause="model.activation")
    return replace(call.units(), link="poisson")


def _function(call: Call) -> Value:
    if call.fit is None:
        raise ModelInvalidError(
            f"{call.name} inside a network",
            clause="model.activation",
            remedy="train with squares or cubes, or name an interval to fit polynomials on",
        )
    return call.units().fitted(fitted(call.name.lower(), call.fit))


def _scaler(call: Call) -> Value:
    found = call.units()
    if call.attribute("offset"):
        found = found.plus(-reals_of(call.attribute("offset")))
    if call.attribute("scale"):
        found = found.times(reals_of(call.attribute("scale")))
    return found


def _regressor(call: Call) -> Value:
    call.expect("post_transform", b"NONE", b"NONE")
    call.expect("targets", 1, 1)
    weights = reals_of(call.attribute("coefficients", ()))
    found = call.units().through(weights[:, None])
    bias = reals_of(call.attribute("intercepts", ()))
    return found.plus(bias) if len(bias) else found


def _classifier(call: Call) -> Value:
    """Return the probabilities of two classes: of one predictor and of its negative."""
    call.expect("post_transform", b"NONE", b"LOGISTIC", b"SOFTMAX")
    call.expect("multi_class", 0, 0, 1)
    weights = reals_of(call.attribute("coefficients", ()))
    bias = reals_of(call.attribute("intercepts", (0.0, 0.0)))
    if len(bias) != 2 or len(weights) != 2 * call.units().width:
        raise ModelInvalidError("a classifier of other than two classes", clause="model.output")
    first, second = weights.reshape(2, -1)
    if call.attribute("post_transform") == b"LOGISTIC":
        if not (np.array_equal(first, -second) and bias[0] == -bias[1]):
            raise ModelInvalidError("two classes with a predictor each", clause="model.output")
        first, bias = np.zeros_like(second), np.array([0.0, bias[1]])
    found = call.units().through((second - first)[:, None]).plus(bias[1:] - bias[:1])
    return replace(found, link="logistic", pair=True)


def _normaliser(call: Call) -> Value:
    """Return probabilities that are given: they add up to one as they are."""
    call.expect("norm", b"MAX", b"L1")
    return _zip(call)


def _zip(call: Call) -> Value:
    found = _rows(call)
    if not found.pair:
        raise ModelInvalidError(f"{call.name} of no two classes", clause="model.operator")
    return found


def _constant(call: Call) -> Value:
    if len(call.attributes) != 1:
        raise ModelInvalidError("a constant of one value", clause=_ATTRIBUTE)
    ((name, value),) = call.attributes.items()
    if name == "value":
        found: Array = value
        return found
    return reals_of(value if name.endswith("s") else [value]).reshape(-1 if name[-1] == "s" else ())


@dataclass(frozen=True, slots=True)
class Operator:
    """How many inputs it has, its attributes with their types in ONNX, and what it means."""

    least: int
    most: int
    attributes: Mapping[str, str]
    meaning: Callable[[Call], Value]


_PLAIN: Final[Mapping[str, str]] = {}
_LABELS: Final = {"classlabels_int64s": "INTS", "classlabels_strings": "STRINGS"}
_LINEAR: Final = {"coefficients": "FLOATS", "intercepts": "FLOATS", "post_transform": "STRING"}

OPERATORS: Final[Mapping[tuple[str, str], Operator]] = {
    ("", "Constant"): Operator(
        0, 0, {"value": "TENSOR", "value_float": "FLOAT", "value_floats": "FLOATS"}, _constant
    ),
    ("", "Add"): Operator(2, 2, _PLAIN, _add),
    ("", "Sub"): Operator(2, 2, _PLAIN, _subtract),
    ("", "Mul"): Operator(2, 2, _PLAIN, _multiply),
    ("", "Div"): Operator(2, 2, _PLAIN, _divide),
    ("", "Neg"): Operator(1, 1, _PLAIN, _negative),
    ("", "Pow"): Operator(2, 2, _PLAIN, _power),
    ("", "MatMul"): Operator(2, 2, _PLAIN, _matrix_product),
    ("", "Gemm"): Operator(
        2,
        3,
        {"alpha": "FLOAT", "beta": "FLOAT", "transA": "INT", "transB": "INT"},
        _general_product,
    ),
    ("", "Identity"): Operator(1, 1, _PLAIN, _same),
    ("", "Cast"): Operator(1, 1, {"to": "INT", "saturate": "INT"}, _cast),
    ("", "Flatten"): Operator(1, 1, {"axis": "INT"}, _flatten),
    ("", "Reshape"): Operator(2, 2, {"allowzero": "INT"}, _reshape),
    ("", "Transpose"): Operator(1, 1, {"perm": "INTS"}, _transpose),
    ("", "Clip"): Operator(3, 3, _PLAIN, _clip),
    ("", "Sigmoid"): Operator(1, 1, _PLAIN, _sigmoid),
    ("", "Exp"): Operator(1, 1, _PLAIN, _exponential),
    ("", "Tanh"): Operator(1, 1, _PLAIN, _function),
    ("", "Relu"): Operator(1, 1, _PLAIN, _function),
    ("", "Softplus"): Operator(1, 1, _PLAIN, _function),
    ("ai.onnx.ml", "Scaler"): Operator(1, 1, {"offset": "FLOATS", "scale": "FLOATS"}, _scaler),
    ("ai.onnx.ml", "LinearRegressor"): Operator(1, 1, _LINEAR | {"targets": "INT"}, _regressor),
    ("ai.onnx.ml", "LinearClassifier"): Operator(
        1,
        1,
        _LINEAR | {"multi_class": "INT", "classlabels_ints": "INTS"} | _LABELS,
        _classifier,
    ),
    ("ai.onnx.ml", "Normalizer"): Operator(1, 1, {"norm": "STRING"}, _normaliser),
    ("ai.onnx.ml", "ZipMap"): Operator(1, 1, _LABELS, _zip),
}
