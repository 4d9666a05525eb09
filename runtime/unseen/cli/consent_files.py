"""Reading a CSV file of consents and withdrawals: a line becomes a signed document."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unseen.cli.failures import UsageError
from unseen.evidence.canonical import parse_time
from unseen.evidence.errors import CanonicalError
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    import datetime as dt

    from unseen.client import Client
    from unseen.client.consents import Permission

_DOCUMENT, _WITHDRAW = "document", "withdraw"
_OPTIONAL = ("recipient", "scenario", "products", "once", "until", _WITHDRAW)
_WORDS = {"yes": True, "no": False}


def read_consents(client: "Client", path: Path, default: "Permission") -> list[str]:
    """Return the documents of a file's lines, signed by this hub; `default` fills what is left out.

    Raises:
        UsageError: the file or one of its lines is malformed; names lines, never what is in them.

    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            names = reader.fieldnames or []
            lines = list(reader)
    except (csv.Error, UnicodeDecodeError):
        raise _malformed("the file is not CSV in UTF-8") from None
    if list(names) == [_DOCUMENT]:
        return [line[_DOCUMENT].strip() for line in lines]
    columns = [column.name for column in client.subject_columns(default.table)]
    unknown = set(names) - set(columns) - set(_OPTIONAL)
    if unknown or not (set(columns) <= set(names) or _WITHDRAW in names):
        raise _malformed(f"the header names {', '.join(columns)}, and of {', '.join(_OPTIONAL)}")
    return list(_documents(client, lines, columns, default))


def _documents(
    client: "Client",
    lines: list[dict[str, str]],
    columns: list[str],
    default: "Permission",
) -> Iterator[str]:
    failed: list[str] = []
    found: list[str] = []
    for number, line in enumerate(lines, 1):
        try:
            if None in line or None in line.values():
                raise _malformed("a line has more or fewer cells than the header", "cells")
            found.append(_document(client, line, columns, default))
        except UnseenError as error:
            failed.append(f"{number} ({error.clause or error.reason})")
    if failed:
        told = ", ".join(failed[:20]) + ("" if len(failed) <= 20 else ", ...")
        raise _malformed(f"{len(failed)} of {len(lines)} lines are malformed: {told}")
    yield from found


def _document(
    client: "Client", line: Mapping[str, str], columns: list[str], default: "Permission"
) -> str:
    if name := line.get(_WITHDRAW, "").strip():
        return client.sign_withdrawal(name)
    products = tuple(part for part in line.get("products", "").split(";") if part)
    until = line.get("until", "").strip()
    permission = replace(
        default,
        recipient=line.get("recipient", "").strip() or default.recipient,
        scenario=line.get("scenario", "").strip() or default.scenario,
        products=products or default.products,
        once=_once(line.get("once", "").strip(), default=default.once),
        until=_until(until) if until else default.until,
    )
    return client.sign_consent({name: line[name] for name in columns}, permission)


def _until(text: str) -> "dt.datetime":
    try:
        return parse_time(text)
    except CanonicalError:
        raise _malformed("until is a time such as 2027-01-31T00:00:00Z", "until") from None


def _once(text: str, *, default: bool) -> bool:
    if not text:
        return default
    if text not in _WORDS:
        raise _malformed("once is yes or no", "once")
    return _WORDS[text]


def _malformed(why: str, clause: str = "file") -> UsageError:
    remedy = "see: unseen consent import --help; line 1 is the first after the header"
    return UsageError(why, clause=clause, remedy=remedy)
