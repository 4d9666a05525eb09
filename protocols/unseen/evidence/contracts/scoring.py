"""The clause of encrypted scoring (密文评分): which model's shape, in which ring, at what cost.

It stands in `Terms.parameters["score"]`. A buyer encrypts rows, the node computes one score a row
and hides everything else of its weights under a flood (`unseen.protocols.he`). What both have to
know for that is public and signed: columns with their bounds, units of the model, how large its
weights are at most, and the ring (`scoring_rings.py`). A unit is a ciphertext that returns, with up
to as many scores as the ring takes rows: what is encrypted nobody but the buyer knows, and so not
how many rows.

A clause bounds what returns. It does not show that the buyer encrypts rows, nor that its public key
was made as it should be: scoring is for key owners that follow the protocol.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.homomorphic import check_levels, features_of, need_vectors
from unseen.evidence.contracts.plan import CKKS, Plan
from unseen.evidence.contracts.scoring_rings import (
    Ring,
    bounds_from,
    check_ring,
    chosen,
    ring_from,
    to_json,
)
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.protocols.he.lessons import counted
from unseen.protocols.he.parameters import MAX_COLUMNS

if TYPE_CHECKING:
    from unseen.protocols.train.spec import Feature

PARAMETER: Final = "score"
KIND: Final = "score"
OUTPUT: Final = "score"
PROTOCOL: Final = CKKS
FAMILIES: Final = ("linear", "logistic", "poisson")
TEXTS: Final = {
    "linear": "the number that the model predicts for each row",
    "logistic": "the log-odds that the model predicts for each row",
    "poisson": "the logarithm of the count that the model predicts for each row",
}
MAX_RESPONSES: Final = 4096
"""The most ciphertexts that return from one run: what one signed request may ask for."""

MAX_LAYERS: Final = 4
MAX_NODES: Final = 256
MAX_REACH: Final = 64
_OPTIONAL: Final = ("reach",)
_CHECK = Checker(ContractInvalidError, "contract")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """What is public of a model. Errors: `ContractInvalidError`, naming the field.

    `layers` are (units, degree) of each; a weighted sum of columns has one layer, (1, 1).
    """

    family: str
    features: "tuple[Feature, ...]"
    layers: tuple[tuple[int, int], ...] = ((1, 1),)

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.choice("score.family", self.family, FAMILIES)
        _CHECK.members("score.layers", self.layers, tuple, MAX_LAYERS, 1)
        for units, degree in self.layers:
            _CHECK.integer("score.layers.units", units, 1, MAX_NODES)
            _CHECK.integer("score.layers.degree", degree, 1, 3)
        if self.layers[-1] != (1, 1) or any(degree == 1 for _, degree in self.layers[:-1]):
            _CHECK.fail("score.layers", "do not end in one sum, or have sums before it")
        if not 1 <= self.columns <= MAX_COLUMNS:
            _CHECK.fail("score.features", f"are 1 to {MAX_COLUMNS} columns")
        _CHECK.distinct("score.features", [feature.name for feature in self.features])

    @property
    def columns(self) -> int:
        """Return how many ciphertexts a batch of rows has."""
        return sum(feature.width for feature in self.features)

    @property
    def words(self) -> str:
        """Return what it is called on cards."""
        units = f", a hidden layer of {self.layers[0][0]:,}" if self.hidden else ""
        return f"{self.family}, {counted(self.columns, 'column')}{units}"

    @property
    def hidden(self) -> bool:
        """Return whether it is a network, with a layer that nobody sees."""
        return len(self.layers) > 1

    def to_json(self) -> dict[str, Json]:
        """Return it as an object."""
        return {
            "family": self.family,
            "features": _written(self.features),
            "layers": [{"units": units, "degree": degree} for units, degree in self.layers],
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return what `to_json` gives `value` for.

        Raises:
            ContractInvalidError: a field is missing, not known, of another type or out of range.
            InputInvalidError: this machine has no library for vectors.

        """
        body = _CHECK.take(value, ("family", "features", "layers"), "score")
        layers = _CHECK.unlist("score.layers", body["layers"])
        sizes = [_CHECK.take(one, ("units", "degree"), "score.layers") for one in layers]
        return cls(
            family=body["family"],
            features=_features(body["features"]),
            layers=tuple((one["units"], one["degree"]) for one in sizes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an operator says of a model to be offered. Errors: `ContractInvalidError`.

    Scores come back within `precision` of the model's own, a decimal text. `output` names one of
    several outputs of the file, or nothing. Functions inside a network are replaced by the nearest
    polynomials of degree two on [-`reach`, `reach`], or refused where that is 0.
    """

    features: "tuple[Feature, ...]"
    precision: str
    most: int
    output: str = ""
    reach: int = 0

    def __post_init__(self) -> None:
        """Check every field."""
        _check_precision(self.precision)
        _CHECK.integer("score.most", self.most, 1, MAX_RESPONSES)
        _CHECK.text("score.output", self.output, 256, empty=True)
        _CHECK.integer("score.reach", self.reach, 0, MAX_REACH)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        body: dict[str, Json] = {
            "features": _written(self.features),
            "precision": self.precision,
            "most": self.most,
            "output": self.output,
            **_reaching(self.reach),
        }
        return canonical.encode(body)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what has the canonical bytes `data`; raises as `Offered.decode`."""
        names = ("features", "precision", "most", "output")
        body = dict(_CHECK.take(canonical.decode(data), names, PARAMETER, _OPTIONAL))
        _check_reaching(body)
        return cls(features=_features(body.pop("features")), **body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What a product scores. Errors: `ContractInvalidError`, naming the field.

    `bounds` is what a demand asks for, but how many ciphertexts return: that is each contract's.
    Scores lie within `precision` of the model's own, weights' rounding and flood included. `most`
    is how many ciphertexts one run has at most; `output` and `reach` are as in `Wanted`.
    """

    model: ModelShape
    bounds: Mapping[str, int]
    precision: str
    most: int
    output: str = ""
    reach: int = 0

    def __post_init__(self) -> None:
        """Check every field, and that a contract over one ciphertext has a ring."""
        _CHECK.integer("score.reach", self.reach, 0, MAX_REACH)
        _CHECK.integer("score.most", self.most, 1, MAX_RESPONSES)
        _check_precision(self.precision)
        _CHECK.text("score.output", self.output, 256, empty=True)
        self.only(1)

    def only(self, units: int) -> "Scoring":
        """Return the clause of a contract of so many units, in the smallest ring that serves."""
        ring = chosen(self.model.layers, self.bounds, units)
        most = min(self.most, units)
        return Scoring(model=self.model, ring=ring, precision=self.precision, most=most)

    def to_json(self) -> dict[str, Json]:
        """Return it as an object."""
        return {
            "model": self.model.to_json(),
            "bounds": dict(self.bounds),
            "precision": self.precision,
            "most": self.most,
            "output": self.output,
            **_reaching(self.reach),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return what `to_json` gives `value` for; raises as `ModelShape.from_json`."""
        names = ("model", "bounds", "precision", "most", "output")
        body = _CHECK.take(value, names, PARAMETER, _OPTIONAL)
        _check_reaching(body)
        model = ModelShape.from_json(body["model"])
        return cls(
            model=model,
            bounds=bounds_from(model.layers, body["bounds"]),
            precision=body["precision"],
            most=body["most"],
            output=body["output"],
            reach=body.get("reach", 0),
        )

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return canonical.encode(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return what has the canonical bytes `data`.

        Raises:
            CanonicalError: `data` is not canonical JSON.
            ContractInvalidError, InputInvalidError: as `ModelShape.from_json`.

        """
        return cls.from_json(canonical.decode(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """The clause. Errors: `ContractInvalidError`, naming the field.

    One run has 1 to `most` ciphertexts that return. The ring's demand says how many the contract
    has: its units.
    """

    model: ModelShape
    ring: Ring
    precision: str
    most: int

    def __post_init__(self) -> None:
        """Check every field, and that the ring hides what it should."""
        _CHECK.integer("score.most", self.most, 1, MAX_RESPONSES)
        _check_precision(self.precision)
        check_ring(self.model.layers, self.model.columns, self.ring)
        if self.most > self.ring.demand.responses:
            _CHECK.fail("score.most", "is more than the contract has units")

    def up_to(self, most: int) -> "Scoring":
        """Return it with at most so many ciphertexts a run."""
        return replace(self, most=min(self.most, most))

    @property
    def rows(self) -> int:
        """Return how many rows a ciphertext takes at most."""
        return self.ring.rows

    @property
    def bits_per_unit(self) -> int:
        """Return the bits that a ciphertext says at most, to one who packs weights into it."""
        return self.ring.degree * self.ring.taught_bits

    def bits_per_run(self, units: int) -> int:
        """Return the bits that a run says at most, under a quota of `units`."""
        return self.bits_per_unit * min(self.most, units)

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object."""
        return {
            **self.model.to_json(),
            "precision": self.precision,
            "most": self.most,
            **to_json(self.ring),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for; raises as `ModelShape.from_json`."""
        names = ("family", "features", "layers")
        body = _CHECK.take(value, (*names, "precision", "most", "demand", "ring"), PARAMETER)
        model = ModelShape.from_json({name: body[name] for name in names})
        ring = ring_from(model.layers, body["demand"], body["ring"])
        return cls(model=model, ring=ring, precision=body["precision"], most=body["most"])


def scoring_of(parameters: Mapping[str, Json]) -> Scoring | None:
    """Return the clause among a contract's parameters, if there is one.

    Raises:
        ContractInvalidError: what stands there is none.
        InputInvalidError: this machine has no library for vectors.

    """
    return Scoring.from_json(parameters[PARAMETER]) if PARAMETER in parameters else None


def scoring_in(parameters: Mapping[str, Json]) -> Scoring:
    """Return the clause among a contract's parameters; raises as `scoring_of`, and if none is."""
    found = scoring_of(parameters)
    if found is None:
        _CHECK.fail("parameters.score", "is missing")
    return found


def check_scoring(terms: Terms, plan: Plan) -> None:
    """Return if the clause of `terms` is what outputs, quota and `plan` say, where it is needed.

    Raises:
        ContractInvalidError: it is missing, malformed, or there where nothing follows from it; or
            outputs, protocol, bits or quota are not those that follow.
        InputInvalidError: the contract is over scores, and this machine cannot read one.

    """
    if terms.kind != KIND:
        if PARAMETER in terms.parameters:
            _CHECK.fail("parameters.score", f"stands in a contract of kind {terms.kind}")
        return
    clause = scoring_in(terms.parameters)
    check_levels(_CHECK, plan)
    if terms.outputs != (OUTPUT,):
        _CHECK.fail("outputs", "are not the score alone")
    if [output.text for output in plan.outputs] != [TEXTS[clause.model.family]]:
        _CHECK.fail("plan.outputs", "are not what the model's family says")
    if (terms.protocol, plan.protocol) != (PROTOCOL, PROTOCOL):
        _CHECK.fail("protocol", "is not that of scores")
    if clause.ring.demand.responses != terms.quota.units:
        _CHECK.fail("quota.units", "are not what the flood was chosen for")
    spec, each = plan.release, clause.bits_per_unit
    if spec is None or (spec.type, spec.shape) != ("verdicts", None):
        _CHECK.fail("plan.release", "is not a list of verdicts")
    if (plan.bits_per_unit, spec.bits_per_run) != (each, clause.bits_per_run(terms.quota.units)):
        _CHECK.fail("plan.bits_per_unit", "is not what the ring lets through")


def scoring_rows(parameters: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield what people read of the clause among a contract's parameters, if there is one."""
    clause = scoring_of(parameters)
    if clause is None:
        return
    ring = clause.ring
    yield "model", clause.model.words
    yield "rows a unit", f"{clause.rows:,} at most"
    yield "units a run", f"{clause.most:,} at most"
    yield "precision", f"within {clause.precision} of the model's own"
    yield "ring", f"N {ring.degree:,}, log2 Q {ring.modulus.bit_length()}"
    yield "security", f"2^{int(min(ring.security.matzov, ring.security.core))} as estimated"


def _features(value: Json) -> "tuple[Feature, ...]":
    need_vectors("score.features")
    return features_of(_CHECK, "score.features", value)


def _written(features: "tuple[Feature, ...]") -> list[Json]:
    from unseen.protocols.train import coding  # noqa: PLC0415 - with vectors' library

    return [coding.to_json(feature) for feature in features]


def _reaching(reach: int) -> dict[str, Json]:
    """Return what is written of functions that are replaced: nothing where none are."""
    return {"reach": reach} if reach else {}


def _check_reaching(body: Mapping[str, Any]) -> None:
    if "reach" in body:
        _CHECK.integer("score.reach", body["reach"], 1, MAX_REACH)


def _check_precision(value: str) -> None:
    _CHECK.decimal("score.precision", value)
    if not 0 < Fraction(value) <= 1:
        _CHECK.fail("score.precision", "is not above 0 and at most 1")
