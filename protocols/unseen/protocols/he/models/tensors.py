"""ONNX IR 10, `TensorProto`: constants of a file that somebody else wrote, as arrays.

Nothing is read from beside the file, no size is believed before its bytes are there, and a number
that is not finite is refused here.
"""

from math import prod
from types import ModuleType
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import ModelInvalidError

Array: TypeAlias = NDArray[Any]

MAX_NUMBERS: Final = 1 << 20
_MAX_AXES: Final = 4
_KINDS: Final = {  # how numbers are written, and the field they are in if not as bytes
    "FLOAT": ("<f4", "float_data"),
    "DOUBLE": ("<f8", "double_data"),
    "INT64": ("<i8", "int64_data"),
    "INT32": ("<i4", "int32_data"),
}


def array_of(onnx: ModuleType, tensor: Any) -> Array:
    """Return a constant: float64, or int64 where it holds whole numbers.

    Raises:
        ModelInvalidError: its numbers lie outside the file, are of another type, too many, not as
            many as its shape says, or not finite.

    """
    if tensor.external_data or tensor.data_location != onnx.TensorProto.DEFAULT:
        raise ModelInvalidError(
            "numbers that lie outside the file are not read",
            clause="model.external",
            remedy="save the model as one file",
        )
    if tensor.HasField("segment"):
        raise ModelInvalidError("a constant in segments", clause="model.type")
    names = onnx.TensorProto.DataType
    name = names.Name(tensor.data_type) if tensor.data_type in names.values() else ""
    if name not in _KINDS:
        raise ModelInvalidError("constants are floats or whole numbers", clause="model.type")
    shape = tuple(tensor.dims)
    if len(shape) > _MAX_AXES or any(size < 1 for size in shape) or prod(shape) > MAX_NUMBERS:
        raise ModelInvalidError("a constant is empty or too large", clause="model.shape")
    found = _numbers(tensor, name)
    if found.size != prod(shape):
        raise ModelInvalidError("a constant holds other numbers than it says", clause="model.shape")
    if not np.isfinite(found).all():
        raise ModelInvalidError("a weight is not finite", clause="model.finite")
    return found.reshape(shape).astype(np.int64 if name.startswith("INT") else np.float64)


def reals_of(numbers: Any) -> Array:
    """Return the numbers of an attribute as float64; errors as `array_of`."""
    found = np.array(list(numbers), np.float64)
    if found.size > MAX_NUMBERS:
        raise ModelInvalidError("a constant is too large", clause="model.shape")
    if not np.isfinite(found).all():
        raise ModelInvalidError("a weight is not finite", clause="model.finite")
    return found


def _numbers(tensor: Any, name: str) -> Array:
    kind, field = _KINDS[name]
    listed = getattr(tensor, field)
    if not tensor.raw_data:
        return np.array(listed, kind)
    if listed or len(tensor.raw_data) % np.dtype(kind).itemsize:
        raise ModelInvalidError("a constant is written twice, or cut off", clause="model.shape")
    return np.frombuffer(tensor.raw_data, kind)
