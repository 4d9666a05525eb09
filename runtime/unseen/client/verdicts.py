"""What a buyer gets for a unit: an answer to each question of the contract."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from unseen.client.cards import Card, Row, Said


class Answer(Enum):
    """The answer to one question about one subject."""

    YES = "yes"
    NO = "no"
    NO_USABLE_RESULT = "no_usable_result"  # absent, not permitted or not decidable

    def __str__(self) -> str:
        """Return the answer in words."""
        return self.value.replace("_", " ")


_ANSWERS = {True: Answer.YES, False: Answer.NO, None: Answer.NO_USABLE_RESULT}


def answer_of(verdict: bool | None) -> Answer:
    """Return the answer that two bits of a label say; None is "no usable result"."""
    return _ANSWERS[verdict]


@dataclass(frozen=True, slots=True, repr=False)
class Verdict(Card):
    """The answers about one subject.

    `found` says whether the table has a row of the subject; in a `verify` contract the node does
    not say, and then it is whether any answer is usable. `cached` says that it was opened before
    within the epoch and cost nothing. `receipt_path` proves the release that paid for it, in
    which this subject was number `position` (from 0) of those asked about. `malformed` says that
    the operator's table holds a label for the subject that is none: then no result is usable, and
    an opening (`Client.open_receipt`) proves it to a third party.
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

    def _title(self) -> str:
        return f"Verdict on {' / '.join(self.subject)}"

    def _rows(self) -> Iterator[Row]:
        yield from self.answers.items()
        if self.malformed:
            yield "label", "malformed in the operator's table; open the receipt to prove it"
        yield "paid for", Said("before, within this epoch" if self.cached else "now, one unit")
        yield "receipt", self.receipt_path
