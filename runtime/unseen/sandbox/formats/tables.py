"""RFC 4180 CSV in UTF-8, as a table of declared columns: a header of their names, in any order."""

import csv
import io
import re
from typing import Any, Final

from unseen.evidence.contracts.cells import Boolean, Cell, Number
from unseen.evidence.contracts.typed import Table
from unseen.sandbox.formats.numbers import refuse

_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,32}(?:\.[0-9]{0,32})?|\.[0-9]{1,32})(?:[eE][+-]?[0-9]{1,3})?", re.ASCII
)
_WORDS: Final = {"true": True, "True": True, "false": False, "False": False}
_MISSING: Final = ("", "nan", "NaN")


def rows_of_csv(shape: Table, data: bytes) -> list[list[Any]]:
    """Return the rows of a file, each with what stands in the declared columns, in their order.

    Raises:
        ReleaseInvalidError: it is none, or of other columns.

    """
    names = [name for name, _ in shape.columns]
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
        header = next(reader, [])
        if sorted(header) != sorted(names):
            refuse("columns", "has other columns than declared")
        places = [header.index(name) for name in names]
        cells = [cell for _, cell in shape.columns]
        found: list[list[Any]] = []
        for row in reader:
            if len(row) != len(names):
                refuse("columns", "a row has another number of fields than the header")
            if len(found) == shape.max_rows:
                refuse("count", "has more rows than declared")
            found.append([_field(cell, row[at]) for cell, at in zip(cells, places, strict=True)])
    except (ValueError, csv.Error):
        refuse("csv", "is not CSV")
    return found


def _field(cell: Cell, text: str) -> object:
    if cell.optional and text in _MISSING:
        return None
    if isinstance(cell, Number):
        if not _NUMBER.fullmatch(text):
            refuse("kind", "a number is expected")
        return float(text)
    return _WORDS.get(text, text) if isinstance(cell, Boolean) else text
