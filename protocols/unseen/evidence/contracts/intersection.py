"""The clause of an intersection (隐私求交): what a run over a buyer's set releases, at what cost.

It stands in `Terms.parameters["intersect"]`. A contract has one output: `items`, the verdict for
each of the buyer's own items; `count`, how many of them the table has, with noise; or `sum`, that
and the sum of a column over them, at half of the run's rho each. A unit is an item of the buyer's
set, whether the table has it or not: both sides know how many there are.

A clause bounds how large a set is, and what a count costs. It does not show that the items are
true ones: whoever lists what may be in a table finds out as much as its units allow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any, Final, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.cells import MAX_DECIMALS, Number
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import Plan, ReleaseType
from unseen.evidence.contracts.privacy import MAX_DELTA, charged_units, number
from unseen.evidence.contracts.typed import Scalar, Table
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.suite import Suite
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES

PARAMETER: Final = "intersect"
KIND: Final = "intersect"
ITEMS: Final = "items"
COUNT: Final = "count"
SUM: Final = "sum"
OUTPUTS: Final = (ITEMS, COUNT, SUM)
PROTOCOLS: Final = {ITEMS: "ecdh_psi", COUNT: "ecdh_cardinality", SUM: "ecdh_sum"}
TEXTS: Final = {
    ITEMS: "which of your own items are in the table",
    COUNT: "how many of your own items are in the table, with noise",
    SUM: "how many of your own items are in the table, and a sum over them, with noise",
}
MAX_ITEMS: Final = 1_000_000
"""The largest set of one run: what one signed request may ask for."""

MAX_SUM: Final = 1 << 40
"""What a sum and its noise stay within: its receiver has to search for it."""

BITS_PER_ITEM: Final = 1
_TAILS: Final = 13  # standard deviations of noise that a sum leaves room for
COUNT_BYTES: Final = 4
HEAD_BYTES: Final = 3 * ELEMENT_BYTES  # a share of a key, with its proof
_SESSION: Final = b"unseen/intersect/v1 session\x00"
_DOMAIN: Final = b"unseen/intersect/v1\x00"
_NOISE: Final = ("rho", "delta")
_SUMMED: Final = ("column", "low", "high", "decimals")
_CHECK = Checker(ContractInvalidError, "contract")
_OFFER = Checker(ContractInvalidError, "product")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """The column that a sum is of: whole numbers from `low` to `high`, in units of 10^-`decimals`.

    What lies outside is moved to the nearer bound, what is missing counts as 0.
    """

    column: str
    low: int
    high: int
    decimals: int = 0

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.text("intersect.sum.column", self.column, 256)
        _CHECK.integer("intersect.sum.low", self.low, -MAX_SUM, MAX_SUM)
        _CHECK.integer("intersect.sum.high", self.high, self.low, MAX_SUM)
        _CHECK.integer("intersect.sum.decimals", self.decimals, 0, MAX_DECIMALS)
        if not self.largest:
            _CHECK.fail("intersect.sum", "is of nothing but zeros")

    @property
    def largest(self) -> int:
        """Return how much one subject moves the sum at most."""
        return max(abs(self.low), abs(self.high))

    def to_json(self) -> dict[str, Json]:
        """Return it as an object."""
        return {name: getattr(self, name) for name in _SUMMED}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return what `to_json` gives `value` for."""
        return cls(**_CHECK.take(value, _SUMMED, "intersect.sum"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What a product lets be found. Errors: `ContractInvalidError`, naming the field.

    `most` is the largest set of one run. A count or a sum costs `rho` of the table's privacy budget
    each time; a contract's budget is meant at `delta`. Both are decimal texts, empty without either
    of them. `sum` is there where a sum is among the outputs.
    """

    outputs: tuple[str, ...]
    most: int
    rho: str = ""
    delta: str = ""
    sum: Summed | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        _OFFER.members("intersect.outputs", self.outputs, str, len(OUTPUTS), 1)
        for output in self.outputs:
            _OFFER.choice("intersect.outputs", output, OUTPUTS)
        _OFFER.distinct("intersect.outputs", self.outputs)
        _OFFER.integer("intersect.most", self.most, 1, MAX_ITEMS)
        _check_noise(_OFFER, self.rho, self.delta, wanted=self.outputs != (ITEMS,))
        _check_sum(_OFFER, self.sum, wanted=SUM in self.outputs)

    def only(self, output: str, most: int) -> "Intersection":
        """Return the clause over one of the outputs, of at most `most` items a run."""
        agreed = {} if output == ITEMS else {name: getattr(self, name) for name in _NOISE}
        if output == SUM:
            agreed["sum"] = self.sum
        return Intersection(output=output, most=min(most, self.most), **agreed)

    def to_json(self) -> dict[str, Json]:
        """Return it as an object."""
        body: dict[str, Json] = {"outputs": list(self.outputs), "most": self.most}
        return body | _agreed(self)

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return what `to_json` gives `value` for."""
        body = _take(_OFFER, value, ("outputs", "most"))
        outputs = tuple(_OFFER.unlist("intersect.outputs", body.pop("outputs")))
        return cls(outputs=outputs, **body)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return canonical.encode(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what has the canonical bytes `data`.

        Raises:
            CanonicalError: `data` is not canonical JSON.
            ContractInvalidError: a field is missing, not known, of another type or out of range.

        """
        return cls.from_json(canonical.decode(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Intersection:
    """The clause. Errors: `ContractInvalidError`, naming the field.

    One run is over 1 to `most` items. A count or a sum costs `rho` each time; `delta` is that of
    the contract's budget. Both stand there only for one of those outputs, and `sum` for a sum.
    """

    output: str
    most: int
    rho: str = ""
    delta: str = ""
    sum: Summed | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.choice("intersect.output", self.output, OUTPUTS)
        _CHECK.integer("intersect.most", self.most, 1, MAX_ITEMS)
        _check_noise(_CHECK, self.rho, self.delta, wanted=self.output != ITEMS)
        _check_sum(_CHECK, self.sum, wanted=self.output == SUM)
        if self.sum is not None and self.bound > MAX_SUM:
            _CHECK.fail("intersect.most", "items of this column could have a sum that nobody finds")

    @property
    def protocol(self) -> str:
        """Return the protocol that the output takes."""
        return PROTOCOLS[self.output]

    @property
    def release(self) -> ReleaseType:
        """Return the type of what leaves."""
        return "verdicts" if self.output == ITEMS else "aggregate"

    @property
    def costs(self) -> tuple[Fraction, ...]:
        """Return the rho of each number that a run gives: a sum shares it with its count."""
        parts = {ITEMS: 0, COUNT: 1, SUM: 2}[self.output]
        return (Fraction(self.rho) / parts,) * parts if parts else ()

    @property
    def tail(self) -> int:
        """Return what the noise of a sum stays within."""
        if self.sum is None:
            return 0
        return isqrt(int(_TAILS**2 * self.sum.largest**2 / (2 * self.costs[1]))) + 1

    @property
    def bound(self) -> int:
        """Return what a sum with its noise stays within."""
        return 0 if self.sum is None else self.most * self.sum.largest + self.tail

    @property
    def shape(self) -> Scalar | Table | None:
        """Return the declared shape of what is counted: null where that is below the least group.

        Of a sum its receiver alone can read the second cell.
        """
        if self.output == ITEMS:
            return None
        count = Number(use="count", low=0, high=self.most, optional=True)
        if self.sum is None:
            return Scalar(cell=count)
        decimals, bound = self.sum.decimals, self.bound
        total = Number(use="measure", low=-bound, high=bound, decimals=decimals, optional=True)
        return Table(columns=((COUNT, count), (SUM, total)), max_rows=1)

    @property
    def bits_per_unit(self) -> int:
        """Return the bits that a unit says at most; a count's are those of the whole run."""
        return BITS_PER_ITEM if self.shape is None else self.shape.bits

    def bits_per_run(self, units: int) -> int:
        """Return the bits that a run says at most, under a quota of `units`."""
        return BITS_PER_ITEM * min(self.most, units) if self.shape is None else self.shape.bits

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object."""
        body: dict[str, Json] = {"output": self.output, "most": self.most}
        return body | _agreed(self)

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for.

        Raises:
            ContractInvalidError: a field is missing, not known, of another type or out of range.

        """
        return cls(**_take(_CHECK, value, ("output", "most")))


def intersection_of(parameters: Mapping[str, Json]) -> Intersection | None:
    """Return the clause among a contract's parameters, if there is one.

    Raises:
        ContractInvalidError: what stands there is none.

    """
    return Intersection.from_json(parameters[PARAMETER]) if PARAMETER in parameters else None


def clause_in(parameters: Mapping[str, Json]) -> Intersection:
    """Return the clause among a contract's parameters.

    Raises:
        ContractInvalidError: there is none.

    """
    found = intersection_of(parameters)
    if found is None:
        _CHECK.fail("parameters.intersect", "is missing")
    return found


def check_intersection(terms: Terms, plan: Plan) -> None:
    """Return if the clause of `terms` is what outputs, protocol and `plan` say, where it is needed.

    Raises:
        ContractInvalidError: it is missing, malformed, or there where nothing follows from it; or
            outputs, protocol, shape, bits or budget are not those that follow.

    """
    if terms.kind != KIND:
        if PARAMETER in terms.parameters:
            _CHECK.fail("parameters.intersect", f"stands in a contract of kind {terms.kind}")
        return
    clause = clause_in(terms.parameters)
    if terms.outputs != (clause.output,):
        _CHECK.fail("outputs", "are not the one that the clause names")
    if clause.protocol != terms.protocol or clause.protocol != plan.protocol:
        _CHECK.fail("protocol", "is not that of the output")
    spec, units = plan.release, terms.quota.units
    if spec is None or (spec.type, spec.shape) != (clause.release, clause.shape):
        _CHECK.fail("plan.release", "is not what follows from the output")
    if plan.bits_per_unit != clause.bits_per_unit or spec.bits_per_run != clause.bits_per_run(
        units
    ):
        _CHECK.fail("plan.bits_per_unit", "is not what follows from the output")
    if clause.most > units:
        _CHECK.fail("parameters.intersect.most", "is more than the contract has units")
    if clause.rho and not terms.budget:
        _CHECK.fail("budget", "is missing, and what is counted has noise")
    if clause.sum is not None and clause.sum.column not in plan.columns_read:
        _CHECK.fail("parameters.intersect.sum.column", "is not among those that the plan reads")


def intersection_rows(parameters: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield what people read of the clause among a contract's parameters, if there is one."""
    clause = intersection_of(parameters)
    if clause is None:
        return
    yield "items a run", f"{clause.most:,} at most"
    if clause.rho:
        yield "rho a run", clause.rho
        yield "delta", clause.delta
    if clause.sum is not None:
        scale = 10**clause.sum.decimals
        yield "sum of", clause.sum.column
        yield "values from", f"{clause.sum.low / scale:,} to {clause.sum.high / scale:,}"


def session_of(suite: Suite, contract: bytes, request: str) -> bytes:
    """Return the id of a run, 32 bytes: items of two runs have no element in common.

    `contract` is its id, `request` the id of the signed request: 32 hexadecimal digits.
    """
    return suite.digest(_SESSION + contract + bytes.fromhex(request))


def head_bytes(output: str) -> int:
    """Return how many bytes stand before the set of a first message."""
    return HEAD_BYTES if output == SUM else 0


def first_bytes(output: str, items: int) -> int:
    """Return how many bytes the first message of a run over so many items has."""
    return head_bytes(output) + set_bytes(items)


def set_bytes(items: int) -> int:
    """Return how many bytes a message of one set of elements has (`psi.messages`)."""
    return COUNT_BYTES + items * ELEMENT_BYTES


def domain_of(contract: bytes) -> bytes:
    """Return the domain that items are encoded under (`lookup.subject`)."""
    return _DOMAIN + contract


def _take(check: Checker, value: Json, names: tuple[str, ...]) -> dict[str, Any]:
    body = dict(check.take(value, names, PARAMETER, (*_NOISE, SUM)))
    if SUM in body:
        body[SUM] = Summed.from_json(body[SUM])
    for name in _NOISE:
        if name in body and not body[name]:  # or one clause could be written in two ways
            check.fail(f"intersect.{name}", "is written down and says nothing")
    return body


def _agreed(said: Offered | Intersection) -> dict[str, Json]:
    body: dict[str, Json] = {name: getattr(said, name) for name in _NOISE if getattr(said, name)}
    return body if said.sum is None else body | {SUM: said.sum.to_json()}


def _check_sum(check: Checker, value: object, *, wanted: bool) -> None:
    if type(value) is not (Summed if wanted else type(None)):
        check.fail("intersect.sum", "is missing" if wanted else "is for a sum")


def _check_noise(check: Checker, rho: str, delta: str, *, wanted: bool) -> None:
    if not wanted:
        for name, value in zip(_NOISE, (rho, delta), strict=True):
            if value != "":
                check.fail(f"intersect.{name}", "is for a count or a sum")
        return
    for name, value in zip(_NOISE, (rho, delta), strict=True):
        check.decimal(f"intersect.{name}", value)
    if not charged_units(number("intersect.rho", rho)):
        check.fail("intersect.rho", "is not above 0")
    if not 0 < number("intersect.delta", delta) <= MAX_DELTA:
        check.fail("intersect.delta", "is not above 0 and at most 0.001")
