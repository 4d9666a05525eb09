"""RFC 8785 (JCS): what is public of a model, and its secret numbers as bytes to commit to.

    shape(model)     canonical JSON `unseen/he/model/1`: family, columns, units and degrees
    numbers(model)   its weights: IEEE 754 binary64, little-endian, layer by layer

A commitment to a model is one to these two parts (`unseen.evidence.commitment`): it fixes both, and
hides the second as long as its nonce is kept. A shape says nothing of a weight, and a digest of the
numbers without a nonce would let whoever guesses them check the guess.
"""

import struct
from typing import Final

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he.models.model import Layer, Model
from unseen.protocols.train import coding
from unseen.protocols.train.coding import Json
from unseen.protocols.train.spec import Feature

FORMAT: Final = "unseen/he/model/1"


def shape(model: Model) -> bytes:
    """Return the canonical JSON of what is public of a model."""
    return coding.encode(
        {
            "format": FORMAT,
            "family": model.family,
            "features": [coding.to_json(feature) for feature in model.features],
            "layers": [
                {"units": len(layer.bias), "degree": layer.degree} for layer in model.layers
            ],
        }
    )


def numbers(model: Model) -> bytes:
    """Return its secret numbers: of a layer weights row by row, biases, and polynomials by unit.

    A polynomial's constant is first; the last layer has none. Minus zero is written as zero.
    """
    found = [number + 0.0 for layer in model.layers for number in layer.numbers()]
    return struct.pack(f"<{len(found)}d", *found)


def joined(public: bytes, secret: bytes) -> Model:
    """Return the model whose `shape` and `numbers` these are.

    Raises:
        MalformedMessageError: they are not, or not in their one form.
        InputInvalidError: a column is out of range.
        ModelInvalidError: together they make no model.

    """
    fields = coding.record(coding.decode(public), "format", "family", "features", "layers")
    if fields["format"] != FORMAT:
        raise MalformedMessageError("another format of model")
    features = tuple(coding.from_json(Feature, item) for item in _list(fields["features"]))
    sizes = [_size(item) for item in _list(fields["layers"])]
    reader = _Reader(secret)
    layers: list[Layer] = []
    inputs = sum(feature.width for feature in features)
    for units, degree in sizes:
        weights = tuple(reader.take(units) for _ in range(inputs))
        bias = reader.take(units)
        powers = tuple(reader.take(degree + 1) for _ in range(units)) if degree > 1 else ()
        layers.append(Layer(weights, bias, powers))
        inputs = units
    model = Model(str(fields["family"]), features, tuple(layers))
    if shape(model) != public or numbers(model) != secret:
        raise MalformedMessageError("not the one form of a model")
    return model


class _Reader:
    """Takes doubles one after the other, and never more than there are."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> tuple[float, ...]:
        end = self._at + 8 * count
        if count < 1 or end > len(self._data):
            raise MalformedMessageError("fewer numbers than the shape has")
        found = struct.unpack_from(f"<{count}d", self._data, self._at)
        self._at = end
        return found


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise MalformedMessageError("not a list")
    return value


def _size(value: Json) -> tuple[int, int]:
    found = coding.record(value, "units", "degree")
    if not all(type(number) is int for number in found.values()):
        raise MalformedMessageError("units and degree are whole numbers")
    return found["units"], found["degree"]
