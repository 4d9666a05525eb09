"""RFC 8259 JSON of others: any layout and order, no name twice, and depth by the parser's limit."""

import json
from typing import Any

from unseen.sandbox.formats.numbers import refuse


def objects_of(data: bytes) -> Any:
    """Return what a file of JSON says.

    Raises:
        ReleaseInvalidError: it is none, in UTF-8 without a mark at its start, or names one thing
            twice.

    """
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        refuse("json", "is not JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        refuse("json", "names one thing twice")
    return found


def fields_of(value: object, *names: str) -> list[Any]:
    """Return the fields of an object that has these and no others, in this order.

    Raises:
        ReleaseInvalidError: it is no object, or has others.

    """
    if type(value) is not dict or value.keys() != set(names):
        refuse("fields", "an object has other fields than declared")
    return [value[name] for name in names]


def list_of(value: object, least: int, most: int) -> list[Any]:
    """Return a list that has `least` to `most` entries.

    Raises:
        ReleaseInvalidError: it is none, or has more or fewer.

    """
    if type(value) is not list or not least <= len(value) <= most:
        refuse("count", "a list of another length than declared")
    return value
