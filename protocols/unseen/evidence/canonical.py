"""Canonical JSON (RFC 8785, JCS), the only byte form that is ever signed or hashed here.

Narrower than RFC 8785 on purpose: integers up to 2^53 - 1 in absolute value and no other
numbers, object names in ASCII. For this subset Python's own sorted, compact `json.dumps` gives
the bytes of RFC 8785: its escapes are the ones of section 3.2.2.2, and sorting ASCII names by
code point is sorting them by UTF-16 code unit. Tests hold it against a second implementation.

Decoding is strict: what re-encodes differently is malformed. That refuses white space, other
escapes, other orders, repeated names, `-0`, `1.0` and `1e3` in one rule.

This protects nothing by itself: canonical bytes are worth what the signature over them is.
"""

import base64
import binascii
import json
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeAlias

from unseen.evidence.errors import CanonicalError

Json: TypeAlias = bool | int | str | list["Json"] | dict[str, "Json"] | None

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32
MAX_BYTES = 1 << 20

_ENCODER = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,  # the depth limit finds a circle first
    allow_nan=False,
    sort_keys=True,
    separators=(",", ":"),
)


def encode(value: Json) -> bytes:
    """Return the canonical bytes of `value`.

    Raises:
        CanonicalError: a float, a number beyond 2^53 - 1, an object name that is not ASCII
            text, a lone surrogate, a type JSON has not, or more than 32 levels.

    """
    _check(value, 1)
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        raise CanonicalError("a string holds a lone surrogate") from None


def encode_around(fields: dict[str, Json], name: str, data: bytes) -> bytes:
    """Return the canonical bytes of `fields` with one more, `name`, whose bytes are `data`.

    Equal to encoding all of it, without doing again what is done: `data` has to be canonical, and
    `name` ASCII and not among `fields`. Neither is looked at.

    Raises:
        CanonicalError: as `encode`, for `fields`.

    """
    before = encode({key: item for key, item in fields.items() if key < name})[1:-1]
    after = encode({key: item for key, item in fields.items() if key > name})[1:-1]
    parts = (before, b'"%s":%s' % (name.encode(), data), after)
    return b"{%s}" % b",".join(part for part in parts if part)


def decode(data: bytes, limit: int = MAX_BYTES) -> Json:
    """Return the value whose canonical bytes are `data`.

    Raises:
        CanonicalError: `data` is not the canonical form of any value, or exceeds `limit` bytes,
            1 MiB unless told.

    """
    value = _parse(data, limit)
    if encode(value) != data:
        raise CanonicalError("bytes are not in canonical form")
    return value


def load(data: bytes) -> Json:
    """Read JSON that people write by hand: any layout and order, and otherwise as strict.

    Only for what is never signed or hashed as bytes, such as a trust file.

    Raises:
        CanonicalError: not JSON in UTF-8, a repeated name, a value that `encode` refuses, or
            more than 1 MiB.

    """
    value = _parse(data, MAX_BYTES)
    encode(value)
    return value


def b64encode(data: bytes) -> str:
    """Return `data` in base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64decode(text: str) -> bytes:
    """Return the bytes that `b64encode` gives `text` for.

    Raises:
        CanonicalError: another alphabet, padding, white space, or stray bits at the end.

    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise CanonicalError("text is not base64url") from None
    if b64encode(data) != text:
        raise CanonicalError("text is not base64url")
    return data


def format_time(time: datetime) -> str:
    """Return `time` as "2026-11-22T05:30:00Z"; fractions of a second are cut off.

    Raises:
        CanonicalError: `time` is not in UTC. A time without a zone is nobody's time.

    """
    if time.utcoffset() != timedelta(0):
        raise CanonicalError("time is not in UTC")
    return time.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def parse_time(text: str) -> datetime:
    """Return the time, in UTC, that `format_time` gives `text` for.

    Raises:
        CanonicalError: any other way to write a time.

    """
    try:
        time = datetime.fromisoformat(text)
        if text.endswith("Z") and format_time(time) == text:
            return time
    except ValueError:
        pass
    raise CanonicalError("text is not a time such as 2026-11-22T05:30:00Z")


def _check(value: object, depth: int) -> None:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise CanonicalError("number exceeds 2^53 - 1")
    elif depth > MAX_DEPTH:
        raise CanonicalError(f"document exceeds {MAX_DEPTH} levels")
    elif kind is dict:
        for name, item in value.items():  # type: ignore[attr-defined]
            if type(name) is not str or not name.isascii():
                raise CanonicalError("object name is not ASCII text")
            _check(item, depth + 1)
    elif kind is list:
        for item in value:  # type: ignore[attr-defined]
            _check(item, depth + 1)
    else:
        raise CanonicalError("value is not of a JSON type")


def _parse(data: bytes, limit: int) -> Json:
    if len(data) > limit:
        raise CanonicalError(f"document exceeds {limit} bytes")
    try:
        value: Json = json.loads(
            data.decode(),
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            object_pairs_hook=_distinct,
        )
    except (ValueError, RecursionError):
        raise CanonicalError("bytes are not JSON") from None
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CanonicalError("object repeats a name")
    return found


def _refuse_number(_: str) -> NoReturn:
    raise CanonicalError("number is not an integer")
