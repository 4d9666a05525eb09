"""Strict checks of single fields, shared by every format.

A `Checker` belongs to one format: it knows the format's error class and name, and whatever it
refuses becomes one error that names document and field, and never the value. The checks take
`object`, since a field may come from a stranger's JSON as well as from this program; they look
at exact types, so that `true` is no integer.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from unseen.evidence.canonical import MAX_INTEGER, Json, b64decode, decode, parse_time
from unseen.evidence.errors import CanonicalError, EvidenceError

if TYPE_CHECKING:
    from unseen.evidence.suite import Suite

VERSION = 1
DIGEST = 32  # bytes, in every suite
NAME_BYTES = 64
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{0,8}[1-9])?", re.ASCII)
_REQUEST_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def head(kind: str, suite: str) -> dict[str, Json]:
    """Return the three fields every document begins with: `v`, `suite` and `type`."""
    return {"v": VERSION, "suite": suite, "type": kind}


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks the fields of one format, called `document` in its errors of class `error`."""

    error: type[EvidenceError]
    document: str

    def fail(self, field: str, why: str) -> NoReturn:
        """Refuse `field`: it `why`."""
        raise self.error(f"{self.document}: {field} {why}", clause=field)

    def take(
        self, value: object, names: Collection[str], at: str = "", optional: Collection[str] = ()
    ) -> dict[str, Any]:
        """Return `value` if it is an object with exactly the fields `names`, some of `optional`."""
        if type(value) is not dict:
            self.fail(at or "document", "is not an object")
        for name in names:
            if name not in value:
                self.fail(f"{at}.{name}" if at else name, "is missing")
        if len(value) != len(names) + sum(name in value for name in optional):
            # Its name is a stranger's text, so it is not quoted.
            self.fail(at or "document", "has a field that is not known")
        return value

    def body(
        self, value: object, kind: str, names: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, Any]:
        """Return `value` if it is a document of type `kind` with the fields `names`.

        Some of `optional` may stand there too: what was not agreed is not written.

        Raises:
            SuiteUnknownError: its suite is not known here.

        """
        found = self.take(value, ("v", "suite", "type", *names), optional=optional)
        if type(found["v"]) is not int or found["v"] != VERSION:
            self.fail("v", f"is not {VERSION}")
        if found["type"] != kind:
            self.fail("type", f"is not {kind}")
        self.suite(found["suite"])
        return found

    def released(self, data: bytes, kind: str, names: Collection[str]) -> dict[str, Any]:
        """Return what `body` does of canonical bytes, where every fault is this format's error.

        So do values that leave: whoever opens a receipt hears of one error, whatever is wrong.
        """
        try:
            return self.body(decode(data), kind, names)
        except self.error:
            raise
        except EvidenceError as error:  # not canonical, or of a suite that is not known
            raise self.error(f"{self.document}: {error}", clause="value") from None

    def suite(self, value: object) -> "Suite":
        """Return the suite that `value` names."""
        # Late: what reads values of declared shapes, in a sandbox, has no use for cryptography.
        from unseen.evidence.suite import suite_of  # noqa: PLC0415

        if type(value) is not str:
            self.fail("suite", "is not text")
        return suite_of(value)

    def integer(self, field: str, value: object, low: int, high: int = MAX_INTEGER) -> None:
        """Refuse what is not an integer from `low` to `high`."""
        if type(value) is not int or not low <= value <= high:
            self.fail(field, f"is not an integer from {low} to {high}")

    def boolean(self, field: str, value: object) -> None:
        """Refuse what is not true or false."""
        if type(value) is not bool:
            self.fail(field, "is not true or false")

    def text(self, field: str, value: object, limit: int = 1024, *, empty: bool = False) -> None:
        """Refuse what is not one line of printable NFC text of at most `limit` bytes in UTF-8."""
        if type(value) is not str or not (value or empty):
            self.fail(field, "is not a text that says something")
        if not value.isprintable() or value != value.strip():
            self.fail(field, "is not one printable line without space round it")
        if not value.isascii() and not unicodedata.is_normalized("NFC", value):
            self.fail(field, "is not in normal form C")
        # What is printable holds no lone surrogate, so this cannot fail to encode.
        if len(value.encode()) > limit:
            self.fail(field, f"exceeds {limit} bytes")

    def name(self, field: str, value: object) -> None:
        """Refuse what is not a text of at most 64 bytes without space or slash."""
        self.text(field, value, NAME_BYTES)
        if " " in str(value) or "/" in str(value):
            self.fail(field, "holds a space or a slash")

    def token(self, field: str, value: object) -> None:
        """Refuse what is not 1 to 64 ASCII letters, digits, `.`, `_`, `-`, the first no sign."""
        if type(value) is not str or not _TOKEN.fullmatch(value):
            self.fail(field, "is not 1 to 64 letters, digits and ._-")

    def origin(self, field: str, value: object) -> None:
        """Refuse what is not a log's origin: 1 to 64 bytes, no space, no plus sign (C2SP)."""
        self.text(field, value, NAME_BYTES)
        if " " in str(value) or "+" in str(value):
            self.fail(field, "holds a space or a plus sign")

    def request_id(self, field: str, value: object) -> None:
        """Refuse what is not 32 lower-case hexadecimal digits."""
        if type(value) is not str or not _REQUEST_ID.fullmatch(value):
            self.fail(field, "is not 32 hexadecimal digits")

    def decimal(self, field: str, value: object) -> None:
        """Refuse what is not a decimal text in its shortest form, below 10^9, 9 places at most."""
        if type(value) is not str or not _DECIMAL.fullmatch(value):
            self.fail(field, "is not a decimal number in its shortest form")

    def choice(self, field: str, value: object, choices: Collection[str]) -> None:
        """Refuse what is not one of `choices`."""
        if type(value) is not str or value not in choices:
            self.fail(field, f"is none of {', '.join(sorted(choices))}")

    def octets(self, field: str, value: object, size: int = DIGEST) -> None:
        """Refuse what is not exactly `size` bytes."""
        if type(value) is not bytes or len(value) != size:
            self.fail(field, f"is not {size} bytes")

    def unb64(self, field: str, value: object) -> bytes:
        """Return the bytes that `value` is the base64url of."""
        if type(value) is not str:
            self.fail(field, "is not text")
        try:
            return b64decode(value)
        except CanonicalError:
            self.fail(field, "is not base64url")

    def hashes(self, field: str, value: object) -> tuple[bytes, ...]:
        """Return the 32-byte hashes of which, end to end, `value` is the base64url."""
        data = self.unb64(field, value)
        if len(data) % DIGEST:
            self.fail(field, "is not a list of hashes")
        return tuple(data[at : at + DIGEST] for at in range(0, len(data), DIGEST))

    def key_id(self, field: str, value: object) -> None:
        """Refuse what is not the name of a key: base64url of a hash."""
        self.octets(field, self.unb64(field, value))

    def time(self, field: str, value: object) -> None:
        """Refuse what is not a `datetime` in UTC with whole seconds."""
        if type(value) is not datetime or value.utcoffset() != timedelta(0) or value.microsecond:
            self.fail(field, "is not a time in UTC with whole seconds")

    def untime(self, field: str, value: object) -> datetime:
        """Return the time that the text `value` says."""
        if type(value) is not str:
            self.fail(field, "is not text")
        try:
            return parse_time(value)
        except CanonicalError:
            self.fail(field, "is not a time such as 2026-11-22T05:30:00Z")

    def members(self, field: str, value: object, kind: type, most: int, least: int = 0) -> None:
        """Refuse what is not a tuple of `least` to `most` values of exactly `kind`."""
        if type(value) is not tuple or not all(type(item) is kind for item in value):
            self.fail(field, f"is not a tuple of {kind.__name__}")
        if not least <= len(value) <= most:
            self.fail(field, f"does not have {least} to {most} entries")

    def distinct(self, field: str, values: Sequence[object]) -> None:
        """Refuse a list that says something twice."""
        if len(set(values)) != len(values):
            self.fail(field, "repeats an entry")

    def unlist(self, field: str, value: object) -> list[Any]:
        """Return `value` if it is a list."""
        if type(value) is not list:
            self.fail(field, "is not a list")
        return value
