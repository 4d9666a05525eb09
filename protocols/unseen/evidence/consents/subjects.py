"""A data subject as documents name it: its columns, their types and values as text. Own format.

The bytes that a VOPRF or a table compares are those of `protocols/lookup/subject.py`; this is the
same tuple as people read and sign it. A name and a value say who somebody is: a document that
holds one is never in the log.
"""

from dataclasses import dataclass, field
from typing import Self

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.plan import check_columns, columns_from_json
from unseen.evidence.fields import Checker
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.subject import SubjectColumn, Value, encode_subject, parse_value

DOMAIN = b"unseen/consent/subject/v1\0"


@dataclass(frozen=True, slots=True)
class DataSubject:
    """One person or company, by the values of a table's subject columns, in their order."""

    columns: tuple[SubjectColumn, ...]
    values: tuple[Value, ...] = field(repr=False)

    @classmethod
    def of(cls, columns: tuple[SubjectColumn, ...], texts: tuple[str, ...]) -> Self:
        """Return the subject with these values, each as a person types it.

        Raises:
            SubjectInvalidError: a value is not of its column's type, or there is not one for each.

        """
        if len(texts) != len(columns):
            raise SubjectInvalidError(f"found {len(texts)} values, expected {len(columns)}")
        subject = cls(columns, tuple(map(parse_value, columns, texts)))
        subject.data()
        return subject

    def data(self) -> bytes:
        """Return the bytes that the subject's index in the tree of consents is computed of."""
        return encode_subject(self.columns, self.values, DOMAIN)

    def texts(self) -> tuple[str, ...]:
        """Return the values as people type them."""
        return tuple(str(value) for value in self.values)

    def to_json(self) -> list[Json]:
        """Return the subject as a list of `{"name","type","value"}`."""
        return [
            {"name": column.name, "type": column.type, "value": text}
            for column, text in zip(self.columns, self.texts(), strict=True)
        ]

    @classmethod
    def from_json(cls, check: Checker, value: Json) -> Self:
        """Return the subject that `to_json` gives `value` for; refuses as `check` does."""
        entries = [
            check.take(entry, ("name", "type", "value"), "subject")
            for entry in check.unlist("subject", value)
        ]
        texts = tuple(entry["value"] for entry in entries)
        if not all(type(text) is str for text in texts):
            check.fail("subject.value", "is not text")
        named: list[Json] = [{"name": entry["name"], "type": entry["type"]} for entry in entries]
        columns = columns_from_json(check, "subject", named)
        check_columns(check, "subject", columns)
        try:
            subject = cls.of(columns, texts)
        except SubjectInvalidError:
            check.fail("subject.value", "is not of its column's type")
        if subject.texts() != texts:
            check.fail("subject.value", "is not in its one form")
        return subject


def check_subject(check: Checker, subject: object) -> None:
    """Refuse what is no subject that a document can name."""
    if type(subject) is not DataSubject:
        check.fail("subject", "is not a subject")
    DataSubject.from_json(check, subject.to_json())
