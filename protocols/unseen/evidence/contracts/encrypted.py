"""The clause of encrypted training (密态训练): what is fitted, to which columns, under which noise.

It stands in `Terms.parameters["encrypted"]`, in a contract of kind `train` and protocol `ckks`,
beside the menu whose entries it names. The buyer's weights stay encrypted, the node's rows stay
home, and each iteration returns one noisy gradient (`unseen.protocols.he.training`). Labels are the
node's, or the buyer's where the training is vertical: then the buyer has columns of its own too, if
it wants, and names the subjects of its rows. Clamps are public and never made from rows.

A unit is an iteration. Its rho is exactly what a leaf says. The ring follows from the rest, noise
included, and is written down all the same: what was signed is not reckoned anew by other rules.

A clause bounds what returns from a buyer that keeps to the protocol. It does not show that keys,
encryptions and weights are what they should be: one that breaks its word may read rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, Self, cast

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.homomorphic import features_of, need_vectors, saying
from unseen.evidence.contracts.plan import CKKS
from unseen.evidence.contracts.privacy import UNITS, charged_units, limit_of
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker

if TYPE_CHECKING:
    from unseen.protocols.he.training.chain import Chain
    from unseen.protocols.he.training.task import Task
    from unseen.protocols.train.spec import Feature

PARAMETER: Final = "encrypted"
KIND: Final = "train"
PROTOCOL: Final = CKKS
FAMILIES: Final = ("linear", "logistic")
MAX_SAMPLES: Final = 512
"""The most numbers of a gradient: 256 columns of the node's, and as many of the buyer's."""

SAMPLE_BITS: Final = 60  # of a number of a gradient, opened: it is below the ring's first prime

_DOMAIN: Final = b"unseen/train/v1\x00"
_FIELDS: Final = (
    *("family", "features", "label", "vertical", "own", "norm", "own_norm", "reach"),
    *("iterations", "rho", "least_rows", "most_rows"),
)
_DECIMALS: Final = ("norm", "own_norm", "reach", "rho")
_INTERCEPT: Final = 1  # the node's first column: a one in each row, which counts in the norm
_CHECK = Checker(ContractInvalidError, "contract")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encrypted:
    """The clause. Errors: `ContractInvalidError`, naming the field.

    `features` are the node's. A number is seen from -1 to 1, values as indicators; so is the label
    of a linear training, and that of a logistic one is 0 or 1. A row of the node's, intercept
    included, is shortened to `norm`, one of the buyer's columns in `own` to `own_norm`. No score
    passes `reach`. Each of `iterations` costs `rho` of zCDP; a gradient is over `least_rows` at
    least and `most_rows` at most. Norms, reach and rho are decimal texts.
    """

    family: str
    features: "tuple[Feature, ...]"
    label: "Feature"
    vertical: bool = False
    own: "tuple[Feature, ...]" = ()
    norm: str
    own_norm: str = "0"
    reach: str
    iterations: int
    rho: str
    least_rows: int
    most_rows: int

    def __post_init__(self) -> None:
        """Check every field, and that noise of this rho hides what it should.

        Raises:
            InputInvalidError: this machine has no library for vectors.

        """
        need_vectors("parameters.encrypted")
        _CHECK.choice("encrypted.family", self.family, FAMILIES)
        _CHECK.boolean("encrypted.vertical", self.vertical)
        for name in _DECIMALS:
            _CHECK.decimal(f"encrypted.{name}", getattr(self, name))
        for name in ("iterations", "least_rows", "most_rows"):
            _CHECK.integer(f"encrypted.{name}", getattr(self, name), 1)
        self._check_columns()
        self.chain()

    @property
    def columns(self) -> int:
        """Return how many weights the node's columns have, the intercept's included."""
        return _INTERCEPT + sum(feature.width for feature in self.features)

    @property
    def own_columns(self) -> int:
        """Return how many weights the buyer's columns have."""
        return sum(feature.width for feature in self.own)

    @property
    def samples(self) -> int:
        """Return how many numbers a gradient has: the node's columns first."""
        return self.columns + self.own_columns

    @property
    def bits_per_unit(self) -> int:
        """Return the bits of what an iteration returns, opened: noise is in all of them."""
        return self.samples * SAMPLE_BITS

    @property
    def charge(self) -> Fraction:
        """Return the rho that an iteration is charged, as a leaf can say it."""
        return Fraction(charged_units(Fraction(self.rho)), UNITS)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the menu's entries that it names: features, then a label that is the node's."""
        features = tuple(feature.name for feature in self.features)
        return features if self.vertical else (*features, self.label.name)

    def bits_per_run(self, _units: int) -> int:
        """Return the bits of one run: an iteration."""
        return self.bits_per_unit

    def within(self, epsilon: str, delta: str) -> bool:
        """Return whether all iterations are charged no more than a budget of (epsilon, delta)."""
        return charged_units(self.charge) * self.iterations <= limit_of(epsilon, delta)

    def task(self) -> "Task":
        """Return the training as the protocol knows it."""
        from unseen.protocols.he.training.task import Task  # noqa: PLC0415 - with numpy

        with saying(_CHECK, "encrypted.task"):
            return Task(
                family=cast("Literal['linear', 'logistic']", self.family),
                columns=self.columns,
                norm=Fraction(self.norm),
                vertical=self.vertical,
                own_columns=self.own_columns,
                own_norm=Fraction(self.own_norm),
                reach=Fraction(self.reach),
                least_rows=self.least_rows,
                most_rows=self.most_rows,
                iterations=self.iterations,
                rho=Fraction(self.rho),
            )

    def chain(self) -> "Chain":
        """Return the ring, with its noise."""
        task = self.task()
        with saying(_CHECK, "encrypted.ring"):
            return _chain(task)

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object: primes and noise are texts, since they exceed 2^53."""
        from unseen.protocols.train import coding  # noqa: PLC0415 - with numpy

        found: dict[str, Json] = {name: getattr(self, name) for name in _FIELDS}
        found["label"] = coding.to_json(self.label)
        for name in ("features", "own"):
            found[name] = [coding.to_json(feature) for feature in getattr(self, name)]
        return found | {"ring": self._ring()}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for.

        Raises:
            ContractInvalidError: a field is missing, not known, of another type or out of range;
                or the ring is not the one that follows.
            InputInvalidError: this machine has no library for vectors.

        """
        need_vectors("parameters.encrypted")
        body: dict[str, Any] = dict(_CHECK.take(value, (*_FIELDS, "ring"), PARAMETER))
        ring = body.pop("ring")
        for name in ("features", "own"):
            body[name] = features_of(_CHECK, f"encrypted.{name}", body[name])
        (body["label"],) = features_of(_CHECK, "encrypted.label", [body["label"]])
        found = cls(**body)
        if canonical.encode(ring) != canonical.encode(found._ring()):
            _CHECK.fail("encrypted.ring", "is not the one that follows from the training")
        return found

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return canonical.encode(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the clause whose canonical bytes are `data`.

        Raises:
            CanonicalError: `data` is not canonical JSON.
            ContractInvalidError, InputInvalidError: as `from_json`.

        """
        return cls.from_json(canonical.decode(data))

    def _ring(self) -> dict[str, Json]:
        from unseen.protocols.he.training.chain import DEGREE  # noqa: PLC0415 - with numpy

        chain = self.chain()
        return {
            "degree": DEGREE,
            "primes": [str(prime) for prime in chain.primes],
            "sigma2": str(chain.law.sigma2),
        }

    def _check_columns(self) -> None:
        from unseen.protocols.train.spec import Feature  # noqa: PLC0415 - with numpy

        for name in ("features", "own"):
            _CHECK.members(f"encrypted.{name}", getattr(self, name), Feature, MAX_SAMPLES)
        if type(self.label) is not Feature:
            _CHECK.fail("encrypted.label", "is no column")
        if not self.features:
            _CHECK.fail("encrypted.features", "are missing")
        if self.own and not self.vertical:
            _CHECK.fail("encrypted.own", "are for a vertical training")
        every = (*self.features, *self.own, self.label)
        _CHECK.distinct("encrypted.features", [feature.name for feature in every])
        edges = (self.label.low, self.label.high, self.label.decimals)
        if self.label.values or (self.family == "logistic" and edges != (0, 1, 0)):
            _CHECK.fail("encrypted.label", "is no number; yes or no is 1 or 0")


def domain_of(contract: bytes) -> bytes:
    """Return the domain that a vertical training's subjects are encoded under (`lookup.subject`).

    A buyer names its rows by digests, under the contract's suite, of subjects so encoded.
    """
    return _DOMAIN + contract


def encrypted_of(parameters: Mapping[str, Json]) -> Encrypted | None:
    """Return the clause among a contract's parameters, if there is one.

    Raises:
        ContractInvalidError: what stands there is none.
        InputInvalidError: this machine has no library for vectors.

    """
    return Encrypted.from_json(parameters[PARAMETER]) if PARAMETER in parameters else None


def encrypted_in(parameters: Mapping[str, Json]) -> Encrypted:
    """Return the clause of a contract's parameters; raises as `encrypted_of`, and if none is."""
    found = encrypted_of(parameters)
    if found is None:
        _CHECK.fail("parameters.encrypted", "is missing")
    return found


@lru_cache(maxsize=64)
def _chain(task: "Task") -> "Chain":
    from unseen.protocols.he.training.chain import chain_of  # noqa: PLC0415 - with numpy

    return chain_of(task)
