"""The statement of what a contract leaks: who learns what besides the answer, line by line.

It is shown before anyone signs, in two languages, and its digest stands in the contract and in
every release, as the plan's does (`plan`).

A statement is a promise of the operator's. That nothing else is learnt is not proven by it.
"""

from dataclasses import dataclass
from typing import Literal, Self, get_args

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Suite

Learner = Literal["operator", "buyer", "network", "auditor"]  # auditor: who reads the log
Channel = Literal["answers", "subjects", "access", "counts", "sizes", "timing", "ciphertext"]
Measure = Literal["bits", "units", "bytes"]
_LEARNERS = get_args(Learner)
_CHANNELS = get_args(Channel)
_MEASURES = get_args(Measure)
_LEAKAGE = Checker(ContractInvalidError, "leakage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much of something is learnt: `each` for one unit (or row), `most` in all.

    `most` is nothing where no number bounds it. Errors: `ContractInvalidError`.
    """

    measure: Measure
    each: int
    most: int | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        _LEAKAGE.choice("statements.amount.measure", self.measure, _MEASURES)
        _LEAKAGE.integer("statements.amount.each", self.each, 0)
        if self.most is not None:
            _LEAKAGE.integer("statements.amount.most", self.most, 0)

    def to_json(self) -> dict[str, Json]:
        """Return the amount as an object."""
        body: dict[str, Json] = {"measure": self.measure, "each": self.each}
        return body if self.most is None else body | {"most": self.most}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the amount that `to_json` gives `value` for."""
        body = _LEAKAGE.take(value, ("measure", "each"), "statements.amount", ("most",))
        if "most" in body and body["most"] is None:  # or it could be written in two ways
            _LEAKAGE.fail("statements.amount.most", "is written down and says nothing")
        return cls(**body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One line of a leakage statement: `party` learns `what`, at most `bound`.

    `what` is a stable key; `text` and `text_zh` say it in English and Chinese, `bound` and
    `bound_zh` how much. The same as data: `channel` is what it is learnt by, `amount` how much.
    """

    party: Learner
    what: str
    text: str
    text_zh: str
    bound: str
    bound_zh: str = ""
    channel: Channel | Literal[""] = ""
    amount: Amount | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        _LEAKAGE.choice("statements.party", self.party, _LEARNERS)
        _LEAKAGE.token("statements.what", self.what)
        _LEAKAGE.text("statements.text", self.text)
        _LEAKAGE.text("statements.text_zh", self.text_zh)
        _LEAKAGE.text("statements.bound", self.bound)
        _LEAKAGE.text("statements.bound_zh", self.bound_zh, empty=True)
        if self.channel != "":
            _LEAKAGE.choice("statements.channel", self.channel, _CHANNELS)
        if type(self.amount) not in (Amount, type(None)):
            _LEAKAGE.fail("statements.amount", "is not an amount")

    def to_json(self) -> dict[str, Json]:
        """Return the line as an object of the leakage statement."""
        body: dict[str, Json] = {
            "party": self.party,
            "what": self.what,
            "text": self.text,
            "text_zh": self.text_zh,
            "bound": self.bound,
        }
        if self.bound_zh:
            body["bound_zh"] = self.bound_zh
        if self.channel:
            body["channel"] = self.channel
        return body if self.amount is None else body | {"amount": self.amount.to_json()}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the line that `to_json` gives `value` for."""
        names = ("party", "what", "text", "text_zh", "bound")
        optional = ("bound_zh", "channel", "amount")
        body = dict(_LEAKAGE.take(value, names, "statements", optional))
        for name in optional:
            if name in body and not body[name]:  # or one line could be written in two ways
                _LEAKAGE.fail(f"statements.{name}", "is written down and says nothing")
        if "amount" in body:
            body["amount"] = Amount.from_json(body["amount"])
        return cls(**body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """What is learnt besides the answer, line by line.

    `ciphertext_leaves` says whether the encrypted table itself is handed out. Errors:
    `ContractInvalidError`.
    """

    suite: str
    statements: tuple[Statement, ...]
    ciphertext_leaves: bool

    def __post_init__(self) -> None:
        """Check every field."""
        _LEAKAGE.suite(self.suite)
        _LEAKAGE.members("statements", self.statements, Statement, 64, 1)
        _LEAKAGE.distinct("statements", [(line.party, line.what) for line in self.statements])
        _LEAKAGE.boolean("ciphertext_leaves", self.ciphertext_leaves)

    def to_json(self) -> dict[str, Json]:
        """Return the leakage statement as an object."""
        return head("leakage", self.suite) | {
            "statements": [line.to_json() for line in self.statements],
            "ciphertext_leaves": self.ciphertext_leaves,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the leakage statement that `to_json` gives `value` for.

        Raises:
            ContractInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _LEAKAGE.body(value, "leakage", ("statements", "ciphertext_leaves"))
        lines = _LEAKAGE.unlist("statements", body["statements"])
        return cls(
            suite=body["suite"],
            statements=tuple(map(Statement.from_json, lines)),
            ciphertext_leaves=body["ciphertext_leaves"],
        )

    def encode(self) -> bytes:
        """Return the canonical bytes of the leakage statement."""
        return canonical.encode(self.to_json())

    def digest(self, suite: Suite) -> bytes:
        """Return the hash of `encode`, 32 bytes, under the statement's own `suite`.

        Raises:
            ContractInvalidError: the statement names another suite.

        """
        if suite.id != self.suite:
            _LEAKAGE.fail("suite", "is another one than asked for")
        return suite.digest(self.encode())
