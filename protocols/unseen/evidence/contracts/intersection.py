"""The clause of an intersection (隐私求交): what a run over a buyer's set releases, at what cost.

It stands in `Terms.parameters["intersect"]`. A contract has one output: `items`, the verdict for
each of the buyer's own items, or `count`, how many of them the table has, with noise. A unit is an
item of the buyer's set, whether the table has it or not: both sides know how many there are.

A clause bounds how large a set is, and what a count costs. It does not show that the items are
true ones: whoever lists what may be in a table finds out as much as its units allow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.cells import Number
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import Plan, ReleaseType
from unseen.evidence.contracts.privacy import MAX_DELTA, charged_units, number
from unseen.evidence.contracts.typed import Scalar
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.suite import Suite
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES

PARAMETER: Final = "intersect"
KIND: Final = "intersect"
ITEMS: Final = "items"
COUNT: Final = "count"
OUTPUTS: Final = (ITEMS, COUNT)
PROTOCOLS: Final = {ITEMS: "ecdh_psi", COUNT: "ecdh_cardinality"}
TEXTS: Final = {
    ITEMS: "which of your own items are in the table",
    COUNT: "how many of your own items are in the table, with noise",
}
MAX_ITEMS: Final = 1_000_000
"""The largest set of one run: what one signed request may ask for."""

BITS_PER_ITEM: Final = 1
COUNT_BYTES: Final = 4
_SESSION: Final = b"unseen/intersect/v1 session\x00"
_DOMAIN: Final = b"unseen/intersect/v1\x00"
_NOISE: Final = ("rho", "delta")
_CHECK = Checker(ContractInvalidError, "contract")
_OFFER = Checker(ContractInvalidError, "product")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What a product lets be found. Errors: `ContractInvalidError`, naming the field.

    `most` is the largest set of one run. A count costs `rho` of the table's privacy budget each
    time; a contract's budget is meant at `delta`. Both are decimal texts, empty without a count.
    """

    outputs: tuple[str, ...]
    most: int
    rho: str = ""
    delta: str = ""

    def __post_init__(self) -> None:
        """Check every field."""
        _OFFER.members("intersect.outputs", self.outputs, str, len(OUTPUTS), 1)
        for output in self.outputs:
            _OFFER.choice("intersect.outputs", output, OUTPUTS)
        _OFFER.distinct("intersect.outputs", self.outputs)
        _OFFER.integer("intersect.most", self.most, 1, MAX_ITEMS)
        _check_noise(_OFFER, self.rho, self.delta, wanted=COUNT in self.outputs)

    def only(self, output: str, most: int) -> "Intersection":
        """Return the clause over one of the outputs, of at most `most` items a run."""
        noise = {name: getattr(self, name) for name in _NOISE} if output == COUNT else {}
        return Intersection(output=output, most=min(most, self.most), **noise)

    def to_json(self) -> dict[str, Json]:
        """Return it as an object."""
        body: dict[str, Json] = {"outputs": list(self.outputs), "most": self.most}
        return body | {name: getattr(self, name) for name in _NOISE if getattr(self, name)}

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

    One run is over 1 to `most` items. A count costs `rho` each time; `delta` is that of the
    contract's budget. Both stand in it only where the output is `count`.
    """

    output: str
    most: int
    rho: str = ""
    delta: str = ""

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.choice("intersect.output", self.output, OUTPUTS)
        _CHECK.integer("intersect.most", self.most, 1, MAX_ITEMS)
        _check_noise(_CHECK, self.rho, self.delta, wanted=self.output == COUNT)

    @property
    def protocol(self) -> str:
        """Return the protocol that the output takes."""
        return PROTOCOLS[self.output]

    @property
    def release(self) -> ReleaseType:
        """Return the type of what leaves."""
        return "verdicts" if self.output == ITEMS else "aggregate"

    @property
    def shape(self) -> Scalar | None:
        """Return the declared shape of a count: null where it is below the smallest group."""
        if self.output == ITEMS:
            return None
        return Scalar(cell=Number(use="count", low=0, high=self.most, optional=True))

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
        return body | {name: getattr(self, name) for name in _NOISE if getattr(self, name)}

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
    if clause.output == COUNT and not terms.budget:
        _CHECK.fail("budget", "is missing, and a count has noise")


def intersection_rows(parameters: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield what people read of the clause among a contract's parameters, if there is one."""
    clause = intersection_of(parameters)
    if clause is None:
        return
    yield "items a run", f"{clause.most:,} at most"
    if clause.rho:
        yield "rho a run", clause.rho
        yield "delta", clause.delta


def session_of(suite: Suite, contract: bytes, request: str) -> bytes:
    """Return the id of a run, 32 bytes: items of two runs have no element in common.

    `contract` is its id, `request` the id of the signed request: 32 hexadecimal digits.
    """
    return suite.digest(_SESSION + contract + bytes.fromhex(request))


def set_bytes(items: int) -> int:
    """Return how many bytes a message of one set of elements has (`psi.messages`)."""
    return COUNT_BYTES + items * ELEMENT_BYTES


def domain_of(contract: bytes) -> bytes:
    """Return the domain that items are encoded under (`lookup.subject`)."""
    return _DOMAIN + contract


def _take(check: Checker, value: Json, names: tuple[str, ...]) -> dict[str, Any]:
    body = dict(check.take(value, names, PARAMETER, _NOISE))
    for name in _NOISE:
        if name in body and not body[name]:  # or one clause could be written in two ways
            check.fail(f"intersect.{name}", "is written down and says nothing")
    return body


def _check_noise(check: Checker, rho: str, delta: str, *, wanted: bool) -> None:
    if not wanted:
        for name, value in zip(_NOISE, (rho, delta), strict=True):
            if value != "":
                check.fail(f"intersect.{name}", "is for a count")
        return
    for name, value in zip(_NOISE, (rho, delta), strict=True):
        check.decimal(f"intersect.{name}", value)
    if not charged_units(number("intersect.rho", rho)):
        check.fail("intersect.rho", "is not above 0")
    if not 0 < number("intersect.delta", delta) <= MAX_DELTA:
        check.fail("intersect.delta", "is not above 0 and at most 0.001")
