"""The optional clauses of a contract: consent, and billing beyond a price for each unit.

A clause that was not agreed is not written: contracts without it keep the bytes they had before
the clause existed, and whoever does not know a clause refuses the contract.

A clause says what was agreed. That it is kept is shown by the log, as far as anything shows it.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Self, get_args

from unseen.evidence.canonical import Json
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import NAME_BYTES, Checker

BillingUnit = Literal["evaluation", "item", "request", "hit"]
Line = Literal["data_fee", "service_fee"]
WHOLE = 10_000  # shares are in ten-thousandths
MAX_PAYEES = 32
MAX_LATENCY_SECONDS = 30 * 86_400
LINES: tuple[Line, ...] = ("data_fee", "service_fee")
BILLABLE: MappingProxyType[str, tuple[BillingUnit, ...]] = MappingProxyType(
    {
        "lookup": ("evaluation",),  # nobody but the buyer knows how many subjects or hits they are
        "verify": ("request", "hit"),
        "intersect": ("item",),  # of the buyer's set: its size m, which both sides know
        "statistics": ("request",),
        "score": ("item",),
        "train": ("request",),
        "run": ("request",),
    }
)
"""What each kind of job may bill: what both sides, and whoever reads the log, count alike."""

_CHECK = Checker(ContractInvalidError, "contract")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRule:
    """Only subjects who consent are answered about. Errors: `ContractInvalidError`.

    `scenario` is what they consent to. A withdrawal takes effect within `latency_seconds`. `once`
    says whether consents for a single use serve.
    """

    scenario: str
    latency_seconds: int
    once: bool

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.name("consent.scenario", self.scenario)
        _CHECK.integer("consent.latency_seconds", self.latency_seconds, 0, MAX_LATENCY_SECONDS)
        _CHECK.boolean("consent.once", self.once)

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object."""
        return {
            "scenario": self.scenario,
            "latency_seconds": self.latency_seconds,
            "once": self.once,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for."""
        return cls(**_CHECK.take(value, ("scenario", "latency_seconds", "once"), "consent"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Who gets `share` ten-thousandths of a price line. `key` is the name of the payee's key."""

    line: Line
    name: str
    key: str
    share: int

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.choice("billing.payees.line", self.line, LINES)
        _CHECK.text("billing.payees.name", self.name, NAME_BYTES)
        _CHECK.key_id("billing.payees.key", self.key)
        _CHECK.integer("billing.payees.share", self.share, 1, WHOLE)

    def to_json(self) -> dict[str, Json]:
        """Return the payee as an object."""
        return {"line": self.line, "name": self.name, "key": self.key, "share": self.share}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the payee that `to_json` gives `value` for."""
        return cls(**_CHECK.take(value, ("line", "name", "key", "share"), "billing.payees"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """What is billed, and to whom it goes. Errors: `ContractInvalidError`.

    `unit` is what a billed unit is: an `evaluation` of a lookup, an `item` of an intersection's
    set, a `request`, or a `hit` (a request with a usable answer). The first `free_units` cost
    nothing. The bill never exceeds `cap`, in millionths of the currency; 0 is no cap. The shares
    of a line that has payees add up to the whole.
    """

    unit: BillingUnit
    free_units: int = 0
    cap: int = 0
    payees: tuple[Payee, ...] = ()

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.choice("billing.unit", self.unit, get_args(BillingUnit))
        _CHECK.integer("billing.free_units", self.free_units, 0)
        _CHECK.integer("billing.cap", self.cap, 0)
        _CHECK.members("billing.payees", self.payees, Payee, MAX_PAYEES)
        _CHECK.distinct("billing.payees", [(payee.line, payee.key) for payee in self.payees])
        for line in LINES:
            shares = [payee.share for payee in self.payees if payee.line == line]
            if shares and sum(shares) != WHOLE:
                _CHECK.fail("billing.payees.share", f"of {line} does not add up to {WHOLE}")

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object."""
        return {
            "unit": self.unit,
            "free_units": self.free_units,
            "cap": self.cap,
            "payees": [payee.to_json() for payee in self.payees],
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for."""
        body = _CHECK.take(value, ("unit", "free_units", "cap", "payees"), "billing")
        payees = _CHECK.unlist("billing.payees", body["payees"])
        return cls(
            unit=body["unit"],
            free_units=body["free_units"],
            cap=body["cap"],
            payees=tuple(map(Payee.from_json, payees)),
        )
