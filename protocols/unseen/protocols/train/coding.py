"""RFC 8785 (JCS), for whole numbers and text alone: the bytes of a task, a step and a model.

The subset, and so the bytes, of `unseen.evidence.canonical`, which cannot be reached from here;
tests hold the two together. Canonical bytes protect nothing until somebody signs them.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any, Final, NoReturn, TypeAlias, TypeVar, get_type_hints

from unseen.protocols.errors import InputInvalidError, MalformedMessageError

Json: TypeAlias = Any

MAX_BYTES: Final = 1 << 26
_MAX_INTEGER: Final = (1 << 53) - 1
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{0,8}[1-9])?")
_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_T = TypeVar("_T")


def encode(value: Json) -> bytes:
    """Return the canonical bytes of objects, lists, texts and whole numbers up to 2^53 - 1.

    Raises:
        InputInvalidError: a number is larger, or a text holds a lone surrogate.

    """
    _check(value)
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        raise InputInvalidError("a text holds a lone surrogate") from None


def decode(data: bytes) -> Json:
    """Return the value whose canonical bytes are `data`, at most 64 MiB.

    Raises:
        MalformedMessageError: `data` is not the canonical form of any value.

    """
    if len(data) > MAX_BYTES:
        raise MalformedMessageError("more bytes than a training message may have")
    try:
        value = json.loads(data, parse_float=_refuse, parse_constant=_refuse)
        canonical = encode(value)
    except (ValueError, RecursionError, InputInvalidError):
        raise MalformedMessageError("not canonical JSON") from None
    if canonical != data:
        raise MalformedMessageError("not canonical JSON")
    return value


def record(value: Json, *names: str) -> Mapping[str, Json]:
    """Return `value` if it is an object with exactly these names.

    Raises:
        MalformedMessageError: it is not.

    """
    if not isinstance(value, dict) or set(value) != set(names):
        raise MalformedMessageError(f"not an object with {', '.join(names)}")
    return value


def whole_numbers(value: Json, count: int | None = None) -> list[int]:
    """Return `value` if it is a list of whole numbers, `count` of them where that is given.

    Raises:
        MalformedMessageError: it is not.

    """
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise MalformedMessageError("not a list of whole numbers")
    if count is not None and len(value) != count:
        raise MalformedMessageError(f"{len(value)} numbers, expected {count}")
    return value


def to_json(value: object) -> Json:
    """Return a dataclass of whole numbers, texts, tuples and such dataclasses as JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    return value


def from_json(
    cls: Callable[..., _T], value: Json, inner: Mapping[str, Callable[[Json], object]] | None = None
) -> _T:
    """Return the dataclass `cls` whose JSON is `value`; `inner` reads fields that are not plain.

    Raises:
        MalformedMessageError: names or types are wrong.
        InputInvalidError: the dataclass refuses what it holds.

    """
    hints = get_type_hints(cls)
    found = record(value, *hints)
    return cls(**{name: _field(name, hints[name], found[name], inner or {}) for name in hints})


def decimal(text: object, name: str, *, low: Fraction | int = 0, high: int = 10**9) -> Fraction:
    """Return a decimal text such as "0.25" as a ratio in [low, high]; at most nine decimals.

    Raises:
        InputInvalidError: it is not one, is written in another way, or is out of range.

    """
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise InputInvalidError(f"{name} is not a plain decimal", clause=name)
    found = Fraction(text)
    if not low <= found <= high:
        raise InputInvalidError(f"{name} is out of range", clause=name)
    return found


def _field(
    name: str, hint: object, value: Json, inner: Mapping[str, Callable[[Json], object]]
) -> object:
    if name in inner:
        return inner[name](value)
    if hint == tuple[str, ...]:
        if isinstance(value, list) and all(type(item) is str for item in value):
            return tuple(value)
    elif type(value) is (int if hint is int else str):
        return value
    raise MalformedMessageError(f"{name} is of a wrong type")


def _check(value: Json) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _check(item)
    elif isinstance(value, list):
        for item in value:
            _check(item)
    elif type(value) is int:
        if abs(value) > _MAX_INTEGER:
            raise InputInvalidError("a number has more than 53 bits")
    elif type(value) is not str:
        raise InputInvalidError("neither a text nor a whole number")


def _refuse(_: str) -> NoReturn:
    raise ValueError
