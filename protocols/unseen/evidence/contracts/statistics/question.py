"""A question under a statistics contract: what a buyer asks of the menu. Own format.

The canonical bytes of a question are one part of a signed request. There is one way to write a
question, so that the same question is the same bytes, and gets the same answer again. It holds no
SQL and no text that is not a name of the menu.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal, Self, get_args

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.statistics.entries import MAX_ENTRIES
from unseen.evidence.contracts.statistics.menu import MAX_CELLS, Menu
from unseen.evidence.errors import QuestionInvalidError
from unseen.evidence.fields import VERSION, Checker

What = Literal["count", "sum", "mean", "variance", "histogram", "quantile", "partition"]
WHATS = get_args(What)
OF_MEASURE = ("sum", "mean", "variance", "histogram", "quantile")
BINNED = ("histogram", "quantile")
MAX_QUANTILES = 99

_CHECK = Checker(QuestionInvalidError, "question")
_FIELDS = ("v", "what", "of", "by", "where", "at", "rho")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. Errors: `QuestionInvalidError`, naming the field.

    `of` names a measure, `by` dimensions, `where` filters that all have to hold; `at` are the
    quantiles asked for, decimals between 0 and 1 that ascend. `rho` is what the answer may cost,
    in zCDP, as a decimal text: above 0, and "0" for the exact partition alone.
    """

    what: str
    of: str = ""
    by: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    rho: str = "0"

    def __post_init__(self) -> None:
        """Check what can be checked without a menu."""
        _CHECK.choice("what", self.what, WHATS)
        if (self.what in OF_MEASURE) != bool(self.of):
            _CHECK.fail("of", "names a measure for what is computed of one, and else nothing")
        if self.of:
            _CHECK.name("of", self.of)
        for field in ("by", "where"):
            names = getattr(self, field)
            _CHECK.members(field, names, str, MAX_ENTRIES)
            _CHECK.distinct(field, names)
        _CHECK.members("at", self.at, str, MAX_QUANTILES)
        for place in self.at:
            _CHECK.decimal("at", place)
            if not 0 < Fraction(place) < 1:
                _CHECK.fail("at", "is not between 0 and 1")
        if any(Fraction(a) >= Fraction(b) for a, b in pairwise(self.at)):
            _CHECK.fail("at", "does not ascend")
        if (self.what == "quantile") != bool(self.at):
            _CHECK.fail("at", "says which quantiles, and else nothing")
        _CHECK.decimal("rho", self.rho)
        if self.exact and (self.by or self.where or self.rho != "0"):
            _CHECK.fail("what", "is the partition as the contract fixes it, and nothing else")
        if not self.exact and not self.cost:
            _CHECK.fail("rho", "is above 0 for every answer but the exact partition")

    @property
    def exact(self) -> bool:
        """Return whether the answer has no noise."""
        return self.what == "partition"

    @property
    def cost(self) -> Fraction:
        """Return the rho that the answer costs."""
        return Fraction(self.rho)

    def to_json(self) -> dict[str, Json]:
        """Return the question as an object."""
        return {
            "v": VERSION,
            "what": self.what,
            "of": self.of,
            "by": list(self.by),
            "where": list(self.where),
            "at": list(self.at),
            "rho": self.rho,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the question that `to_json` gives `value` for."""
        body = dict(_CHECK.take(value, _FIELDS))
        if type(body["v"]) is not int or body.pop("v") != VERSION:
            _CHECK.fail("v", f"is not {VERSION}")
        for field in ("by", "where", "at"):
            body[field] = tuple(_CHECK.unlist(field, body[field]))
        if type(body["of"]) is not str:
            _CHECK.fail("of", "is not text")
        return cls(**body)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the question whose canonical bytes are `data`.

        Raises:
            CanonicalError: not canonical JSON.
            QuestionInvalidError: a field is missing, not known, of another type or out of range.

        """
        return cls.from_json(canonical.decode(data))

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return canonical.encode(self.to_json())


def check_question(menu: Menu, question: Question) -> None:
    """Return if `question` can be asked of `menu`.

    Raises:
        QuestionInvalidError: it names what the menu does not have, in another order than the
            menu's, makes too many cells, or asks for bins that there are none of.

    """
    if question.exact:
        if menu.partition is None:
            _CHECK.fail("what", "is partition, and the contract fixes none: ask with noise")
        return
    _check_names("by", question.by, [entry.name for entry in menu.dimensions])
    _check_names("where", question.where, [entry.name for entry in menu.filters])
    cells = menu.cells(question.by)
    if question.of:
        measure = menu.measure(question.of)
        if measure is None:
            _CHECK.fail("of", "is no measure of the contract")
        if question.what in BINNED:
            if not measure.edges:
                _CHECK.fail("of", "is a measure without bins: no histogram, no quantile")
            cells *= max(len(measure.bins), len(question.at))
    if cells > MAX_CELLS:
        _CHECK.fail("by", f"makes more than {MAX_CELLS} cells")


def _check_names(field: str, wanted: Sequence[str], offered: Sequence[str]) -> None:
    if not {*wanted} <= {*offered}:
        _CHECK.fail(field, "names what the contract does not have")
    if [name for name in offered if name in wanted] != list(wanted):
        _CHECK.fail(field, "is not in the order of the contract's menu")
