"""What a buyer gets for a unit: an answer to each question of the contract."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from unseen.client.cards import Card, Row, Said
from unseen.client.rows import CellType, Rows, cells_of, free_name
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.subject import SubjectColumn


class Answer(Enum):
    """The answer to one question about one subject; where it is matched whole, the last three."""

    YES = "yes"
    NO = "no"
    CONSISTENT = "consistent"  # 一致: the whole subject has a row
    INCONSISTENT = "inconsistent"  # 不一致: its id has one
    NO_USABLE_RESULT = "no_usable_result"  # absent, not permitted or not decidable

    def __str__(self) -> str:
        """Return the answer in words."""
        return self.value.replace("_", " ")


_ANSWERS = {True: Answer.YES, False: Answer.NO, None: Answer.NO_USABLE_RESULT}
_MATCHED = _ANSWERS | {True: Answer.CONSISTENT, False: Answer.INCONSISTENT}


_SAID = {
    Answer.CONSISTENT: Said("consistent", key="match: consistent"),
    Answer.INCONSISTENT: Said("inconsistent", key="match: inconsistent"),
    Answer.NO_USABLE_RESULT: Said("no usable result", key="match: no usable result"),
}


def answer_of(verdict: bool | None, *, matched: bool = False) -> Answer:
    """Return the answer that a verdict is, of a subject `matched` whole or of a predicate."""
    return (_MATCHED if matched else _ANSWERS)[verdict]


def verdict_rows(columns: Sequence[SubjectColumn], verdicts: Sequence["Verdict"]) -> Rows:
    """Return verdicts as rows: subject, answers, `found`, and the `request` that paid for them.

    `columns` are those of their contract's subject; the outputs are those of the first verdict.
    Columns that would have a name of one before them have an underscore more.

    Raises:
        InputInvalidError: there are none, or they are of several contracts.

    """
    if len({each.contract for each in verdicts}) != 1:
        raise InputInvalidError(
            "the verdicts of one contract make a table, and these are of none or of several",
            clause="verdicts",
            remedy="give those of each contract for themselves",
        )
    outputs = tuple(verdicts[0].answers)
    types = tuple(column.type for column in columns)
    head: list[tuple[str, CellType]] = [(column.name, column.type) for column in columns]
    beside: tuple[tuple[str, CellType], ...] = (
        *((name, "string") for name in outputs),
        ("found", "boolean"),
        ("request", "string"),
        ("position", "integer"),
    )
    for name, kind in beside:
        head.append((free_name(name, (known for known, _ in head)), kind))
    return Rows(
        tuple(head),
        (
            (
                *cells_of(each.subject, types),
                *(each.answers[name].value for name in outputs),
                each.found,
                each.request_id,
                each.position,
            )
            for each in verdicts
        ),
    )


def answer_words(answer: Answer, *, matched: bool) -> object:
    """Return an answer as people read it; of a match in their language: 一致, 不一致, 库无."""
    return _SAID[answer] if matched else answer


@dataclass(frozen=True, slots=True, repr=False)
class Verdict(Card):
    """The answers about one subject.

    `found` says whether the table has a row of the subject; in a `verify` contract the node does
    not say, and then it is whether any answer is usable. `cached` says that it was opened before
    within the epoch and cost nothing. `receipt_path` proves the release that paid for it, in
    which this subject was number `position` (from 0) of those asked about. `malformed` says that
    the operator's table holds a label for the subject that is none: then no result is usable, and
    an opening (`Client.open_receipt`) proves it to a third party. Where subjects are `matched`
    whole the answer is consistent, inconsistent or no usable result; `found` is true of an id too.
    """

    contract: str
    subject: tuple[str, ...]
    answers: Mapping[str, Answer]
    found: bool
    cached: bool
    request_id: str
    position: int
    receipt_path: Path = field(compare=False)
    malformed: bool = False
    matched: bool = False

    def said(self, output: str) -> object:
        """Return the answer to a question as people read it."""
        return answer_words(self.answers[output], matched=self.matched)

    def _title(self) -> str:
        return f"Verdict on {' / '.join(self.subject)}"

    def _rows(self) -> Iterator[Row]:
        yield from ((name, self.said(name)) for name in self.answers)
        if self.malformed:
            yield "label", "malformed in the operator's table; open the receipt to prove it"
        yield "paid for", Said("before, within this epoch" if self.cached else "now, one unit")
        yield "receipt", self.receipt_path
