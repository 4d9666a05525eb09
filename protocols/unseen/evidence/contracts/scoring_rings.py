"""The rings of encrypted scoring as contracts write them: of weighted sums, and of networks.

Which of the two a contract has follows from the model's layers: one sum, or one hidden layer of
squares and a sum. Both write `demand`, what the ring was chosen for, and `ring`; only the demands'
names differ. What else has layers is not scored under encryption.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, TypeAlias

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.homomorphic import saying
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker
from unseen.protocols.he import parameters as lines
from unseen.protocols.he.networks import parameters as networks

Ring: TypeAlias = lines.Parameters | networks.SquaresParameters
Layers: TypeAlias = Sequence[tuple[int, int]]
RESPONSES: Final = "responses"
_PRIMES: Final = 32
_RING: Final = ("degree", "primes", "shift", "flood_bits")
_CHECK = Checker(ContractInvalidError, "contract")


@dataclass(frozen=True, slots=True)
class _Sort:
    """One way to score: its demand and its ring, which is chosen and checked."""

    demand: type[Any]
    ring: type[Any]
    choose: Callable[[Any], Ring]
    check: Callable[[Any], None]

    @property
    def bounds(self) -> tuple[str, ...]:
        """Return what a demand says, but how many ciphertexts return."""
        return tuple(one.name for one in fields(self.demand) if one.name != RESPONSES)


_LINE: Final = _Sort(lines.Demand, lines.Parameters, lines.choose, lines.check)
_SQUARES: Final = _Sort(
    networks.SquaresDemand, networks.SquaresParameters, networks.choose, networks.check
)


def check_layers(layers: Layers) -> None:
    """Return if models of these layers, (units, degree) of each, are scored under encryption.

    Raises:
        ContractInvalidError: they are not.

    """
    _sort(layers)


def chosen(layers: Layers, bounds: Mapping[str, int], units: int) -> Ring:
    """Return the smallest ring that serves so many units of a model.

    Raises:
        ContractInvalidError: there is none, or nothing of such layers is scored.

    """
    sort = _sort(layers)
    if bounds.keys() != set(sort.bounds):
        _CHECK.fail("score.bounds", "are not those of such layers")
    with saying(_CHECK, "score.demand"):
        return sort.choose(sort.demand(**bounds, responses=units))


def check_ring(layers: Layers, columns: int, ring: Ring) -> None:
    """Return if a ring is one for a model of these layers and columns, and hides it.

    Raises:
        ContractInvalidError: it is another one's, or hides too little.

    """
    sort = _sort(layers)
    if type(ring) is not sort.ring:
        _CHECK.fail("score.ring", "is not for such layers")
    with saying(_CHECK, "score.ring"):
        sort.check(ring)
    if ring.demand.columns != columns:
        _CHECK.fail("score.demand.columns", "are not those of the features")
    demand = ring.demand
    if isinstance(demand, networks.SquaresDemand) and demand.units != layers[0][0]:
        _CHECK.fail("score.demand.units", "are not those of the layers")


def bounds_of(demand: lines.Demand | networks.SquaresDemand) -> dict[str, int]:
    """Return what an offer says of a demand: all but how many ciphertexts return."""
    return {one.name: getattr(demand, one.name) for one in fields(demand) if one.name != RESPONSES}


def bounds_from(layers: Layers, value: Json) -> dict[str, int]:
    """Return what `bounds_of` returned; errors as `ring_from`."""
    return _whole(value, _sort(layers).bounds, "score.bounds")


def to_json(ring: Ring) -> dict[str, Json]:
    """Return demand and ring as objects: primes are texts, since they exceed 2^53."""
    return {
        "demand": {**bounds_of(ring.demand), RESPONSES: ring.demand.responses},
        "ring": {
            "degree": ring.degree,
            "primes": [str(prime) for prime in ring.primes],
            "shift": ring.shift,
            "flood_bits": ring.flood_bits,
        },
    }


def ring_from(layers: Layers, demand: Json, ring: Json) -> Ring:
    """Return the ring that `to_json` gives these objects for.

    Raises:
        ContractInvalidError: a field is missing, not known, of another type or out of range.

    """
    sort = _sort(layers)
    asked = _whole(demand, (*sort.bounds, RESPONSES), "score.demand")
    said = dict(_CHECK.take(ring, _RING, "score.ring"))
    primes = _CHECK.unlist("score.ring.primes", said.pop("primes"))
    _CHECK.members("score.ring.primes", tuple(primes), str, _PRIMES, 2)
    numbers = _whole(said, ("degree", "shift", "flood_bits"), "score.ring")
    with saying(_CHECK, "score.demand"):
        wanted = sort.demand(**asked)
    found: Ring = sort.ring(demand=wanted, primes=tuple(map(_prime, primes)), **numbers)
    return found


def _sort(layers: Layers) -> _Sort:
    if len(layers) == 1:
        return _LINE
    if len(layers) == 2 and layers[0][1] == 2:
        return _SQUARES
    raise ContractInvalidError(
        "contract: score.layers are neither one sum nor one hidden layer of squares and a sum",
        clause="score.layers",
        remedy="fit a network with one hidden layer, whose functions are of degree two",
    )


def _whole(value: Json, names: tuple[str, ...], at: str) -> dict[str, int]:
    body = dict(_CHECK.take(value, names, at))
    for name in names:
        _CHECK.integer(f"{at}.{name}", body[name], 0)
    return body


def _prime(text: str) -> int:
    if not text.isascii() or not text.isdigit() or text.startswith("0") or len(text) > 20:
        _CHECK.fail("score.ring.primes", "are not written as whole numbers")
    return int(text)
