"""Typed outputs of a buyer's code: which files it writes, and what each may say. Own format.

An output is declared with the contract by name, file format and shape. What leaves is not the file:
it is read by the shape, and `sent` writes the value's integer into exactly `sent_bytes` bytes, as
many whatever it says. So order, white space, names, metadata and size carry nothing, and what a
run can say is bounded by `bits_of_outputs`. `received` reads it back; nothing else is a value.

Not protected: what the values say. Code that has seen rows may put any of its bits there.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.modelled import Model, Modelled, Network, Trees
from unseen.evidence.contracts.shape import Shape
from unseen.evidence.contracts.typed import (
    Histogram,
    Regression,
    Scalar,
    Table,
    Value,
    Vector,
    shape_from_json,
    unpack,
)
from unseen.evidence.errors import ReleaseInvalidError
from unseen.evidence.fields import Checker

MAX_OUTPUTS: Final = 16
_CHECK: Final = Checker(ReleaseInvalidError, "release")
FORMATS: Final[dict[type[Shape], tuple[str, ...]]] = {
    Scalar: ("json",),
    Vector: ("json",),
    Histogram: ("json",),
    Regression: ("json",),
    Table: ("json", "csv"),
    Model: ("json",),
    Network: ("json", "onnx", "safetensors"),
    Trees: ("json", "onnx"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedOutput:
    """One output: the file `name`.`format` that the code writes, and the shape of what it says."""

    name: str
    format: str
    shape: Shape

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.token("output.name", self.name)
        if not (self.name.islower() and self.name.replace("_", "a").isalnum()):
            _CHECK.fail("output.name", "is not of small letters, digits and _")
        if not self.name[0].isalpha() or len(self.name) > 48:
            _CHECK.fail("output.name", "begins with no letter, or is too long")
        _CHECK.choice("output.format", self.format, FORMATS.get(type(self.shape), ()))

    @property
    def file(self) -> str:
        """Return the name of the file that the code writes."""
        return f"{self.name}.{self.format}"

    @property
    def sent_bytes(self) -> int:
        """Return how many bytes leave, whatever they say."""
        return -(-self.shape.bits // 8)

    def to_json(self) -> dict[str, Json]:
        """Return the declaration as an object."""
        return {"name": self.name, "format": self.format, "shape": self.shape.to_json()}

    @classmethod
    def from_json(cls, value: Any) -> "TypedOutput":
        """Return the output that `to_json` gives `value` for.

        Raises:
            ReleaseInvalidError: a field is missing, not known, of another type or out of range.

        """
        body = _CHECK.take(value, ("name", "format", "shape"), "output")
        shape = shape_from_json(body["shape"])
        return cls(name=body["name"], format=body["format"], shape=shape)


def sent(value: Value) -> bytes:
    """Return the bytes of a value of an output as they leave: its integer, big-endian."""
    return value.pack().to_bytes(-(-value.shape.bits // 8), "big")


def received(output: TypedOutput, data: bytes) -> Value:
    """Return the value of an output whose `sent` bytes are `data`.

    Raises:
        ReleaseInvalidError: of another size, or no value of the output's shape.

    """
    if len(data) != output.sent_bytes:
        _CHECK.fail("output", "is of another size")
    return unpack(output.shape, int.from_bytes(data, "big"))


def joined(values: Iterable[Value]) -> bytes:
    """Return the bytes of all outputs of a run, one after the other: one part of a release."""
    return b"".join(map(sent, values))


def parted(outputs: Sequence[TypedOutput], data: bytes) -> tuple[Value, ...]:
    """Return the values of outputs whose `joined` bytes are `data`.

    Raises:
        ReleaseInvalidError: of another size, or one is no value of its output's shape.

    """
    if len(data) != sum(output.sent_bytes for output in outputs):
        _CHECK.fail("output", "is of another size")
    found: list[Value] = []
    at = 0
    for output in outputs:
        found.append(received(output, data[at : at + output.sent_bytes]))
        at += output.sent_bytes
    return tuple(found)


def bits_of_outputs(outputs: Collection[TypedOutput]) -> int:
    """Return how many bits a run with these outputs says at most."""
    return sum(output.shape.bits for output in outputs)


def type_of(shape: Shape) -> Literal["aggregate", "model"]:
    """Return the type of release that a shape is."""
    return "model" if isinstance(shape, Modelled) else "aggregate"


def type_of_outputs(outputs: Collection[TypedOutput]) -> Literal["aggregate", "model"]:
    """Return the type of a release of these outputs: a model, where one of them is one."""
    types = {type_of(output.shape) for output in outputs}
    return "model" if "model" in types else "aggregate"


def check_outputs(check: Checker, field: str, outputs: Sequence[TypedOutput]) -> None:
    """Refuse what is not 1 to 16 outputs with distinct names, of a bit or more each."""
    check.members(field, outputs, TypedOutput, MAX_OUTPUTS, 1)
    check.distinct(field, [output.name for output in outputs])
    if not all(output.shape.bits for output in outputs):
        check.fail(field, "can say nothing")
