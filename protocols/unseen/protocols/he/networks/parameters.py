"""2016/421 (CKKS) with nothing divided before the end: the ring and the flood of a sum of squares.

What is encrypted are whole polynomials m_f, times 2^shift. The node computes, exactly and without
dropping a prime, c + sum_u sign_u (sum_f W_fu m_f + b_u)^2, which is a polynomial in its own right,
with scores times 2^scale_bits as its values. That polynomial is the ideal answer: how far slots lie
from the rows they were made of is the buyer's, counts against precision, and needs no flood.

Errors are bounded for the worst case, by the largest value a polynomial takes at roots of X^N + 1,
which products multiply and which no coefficient passes: a fresh error has at most 21 N, a sum 21 N
times its weights, a square twice that times the sum's own largest, and its square.

    worst = units (2 y e + e^2) + relinearisation + encryption of zero
    e = 21 N 2^sum_bits        y = 2^shift (2^unit_bits + 2^sum_bits N)

The bound on y is that of rows within bounds, from a buyer that encodes as it should: beyond it a
square's error is larger than the flood is for. So far a key owner is trusted, as with its errors.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt, prod
from struct import Struct
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he import security
from unseen.protocols.he.parameters import (
    ERROR,
    HIDING_BITS,
    MAX_COLUMNS,
    MAX_RESPONSES,
    SLOT_BITS,
)
from unseen.protocols.he.primes import is_prime, ntt_primes

DEGREES: Final = (16384, 32768)
MAX_UNITS: Final = 256
_SPECIAL_BITS: Final = 60  # of keys: no smaller than another prime, or relinearising adds much
_PRIME_BITS: Final = 59
_LEAST_PRIME_BITS: Final = 40
_LARGEST_SHIFT: Final = 200
_LARGEST_FLOOD: Final = 800
_TAIL: Final = 7  # a slot of the flood is beyond 7 sqrt(N) of its bound once in 2^68
_FORM: Final = Struct("<8HQLHH")
_CLAUSE: Final = "score.parameters"


@dataclass(frozen=True, slots=True, kw_only=True)
class SquaresDemand:
    """What a plan asks for. All of it is public, so bounds on weights are powers of two.

    Weights are whole numbers of 2^-weight_bits; those of a unit add up to 2^sum_bits of them, and
    the unit is at most 2^unit_bits of 2^-(GRID + weight_bits). A score is at most 2^reach_bits of
    the square of that. What comes back is within 2^-precision_bits of the exact score.
    """

    columns: int
    units: int
    weight_bits: int
    sum_bits: int
    unit_bits: int
    reach_bits: int
    precision_bits: int
    responses: int

    def __post_init__(self) -> None:
        """Refuse what nobody asks for.

        Raises:
            InputInvalidError: a number is out of range; the clause is `score.parameters`.

        """
        limits = {
            "columns": (1, MAX_COLUMNS),
            "units": (1, MAX_UNITS),
            "weight_bits": (0, 48),
            "sum_bits": (0, 80),
            "unit_bits": (0, 128),
            "reach_bits": (0, 264),
            "precision_bits": (0, 20),
            "responses": (1, MAX_RESPONSES),
        }
        for name, (low, high) in limits.items():
            if type(getattr(self, name)) is not int or not low <= getattr(self, name) <= high:
                raise InputInvalidError(f"{name} is {low} to {high}", clause=_CLAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SquaresParameters:
    """A ring, and what is done in it.

    `primes` has the response's first, then those that are divided away, and last the special one
    of keys. A polynomial is encrypted times 2^shift; the flood of a coefficient is uniform in
    [-2^flood_bits, 2^flood_bits).
    """

    demand: SquaresDemand
    degree: int
    primes: tuple[int, ...] = field(repr=False)
    shift: int
    flood_bits: int

    def encoded(self) -> bytes:
        """Return all of it as bytes, little-endian, for contexts and digests."""
        demand = self.demand
        return _FORM.pack(
            *(demand.columns, demand.units, demand.weight_bits, demand.sum_bits),
            *(demand.unit_bits, demand.reach_bits, demand.precision_bits, len(self.primes)),
            *(demand.responses, self.degree, self.shift, self.flood_bits),
        ) + b"".join(prime.to_bytes(8, "little") for prime in self.primes)

    @property
    def data_primes(self) -> tuple[int, ...]:
        """Return the primes of ciphertexts that are sent."""
        return self.primes[:-1]

    @property
    def modulus(self) -> int:
        """Return Q, the product of the primes of ciphertexts that are sent."""
        return prod(self.data_primes)

    @property
    def rows(self) -> int:
        """Return how many rows a ciphertext takes."""
        return self.degree // 2

    @property
    def scale_bits(self) -> int:
        """Return s: a score of one is 2^s before anything is divided."""
        return 2 * (SLOT_BITS + self.demand.weight_bits + self.shift)

    @property
    def worst(self) -> int:
        """Return the largest error of a coefficient before the flood, whatever the weights."""
        demand, degree = self.demand, self.degree
        fresh = ERROR * degree << demand.sum_bits
        unit = ((1 << demand.unit_bits) + (degree << demand.sum_bits)) << self.shift
        special = self.primes[-1]
        digits = sum(ERROR * degree * prime for prime in self.data_primes)
        relinearised = -(-digits // special) + _rounding(degree)
        zero = -(-ERROR * (2 * degree + 1) // special) + _rounding(degree)
        return demand.units * (2 * unit * fresh + fresh**2) + relinearised + zero

    @property
    def encoding(self) -> Fraction:
        """Return how far a score moves because slots are rounded, at most."""
        demand = self.demand
        one = 1 << (SLOT_BITS + demand.weight_bits)
        moved = Fraction(self.degree << demand.sum_bits, one)
        unit = Fraction(1 << demand.unit_bits, one)
        return demand.units * moved * (2 * unit + moved)

    @property
    def error(self) -> Fraction:
        """Return how far a score that comes back lies from the exact one, once in 2^60 farther."""
        divided = Fraction(self.degree * _rounding(self.degree) * self.modulus, self.primes[0])
        return self.flooded + divided / (1 << self.scale_bits) + self.encoding

    @property
    def flooded(self) -> Fraction:
        """Return what of `error` flood and errors are."""
        root = isqrt(self.degree - 1) + 1
        most = _TAIL * root * (1 << self.flood_bits) + self.degree * self.worst
        return Fraction(most, 1 << self.scale_bits)

    @property
    def hiding_bits(self) -> int:
        """Return b: all responses of a contract are within 2^-b of what is simulated."""
        pieces = self.degree * self.demand.responses * self.worst
        return self.flood_bits - (pieces - 1).bit_length()

    @property
    def taught_bits(self) -> int:
        """Return the most bits a coefficient can carry past the flood, to one who packs inputs."""
        return ((self.modulus - 1) >> (self.flood_bits + 1)).bit_length()

    @property
    def security(self) -> security.Estimate:
        """Return what breaking the key takes; all primes count, that of keys as well."""
        return security.estimate(self.degree, prod(self.primes))


def choose(demand: SquaresDemand) -> SquaresParameters:
    """Return the smallest ring that serves a plan; the same for the same demand, everywhere.

    Raises:
        InputInvalidError: there is none; the clause is `score.parameters`.

    """
    for degree in DEGREES:
        for found in _candidates(demand, degree):
            if not (_unsafe(found) or _useless(found)):
                return found
    raise InputInvalidError(
        "no ring is large enough for such scores",
        clause=_CLAUSE,
        remedy="ask for less precision or fewer ciphertexts, or narrow the bounds of columns",
    )


def check(parameters: SquaresParameters) -> None:
    """Return if parameters are safe and serve their demand, whoever chose them.

    Raises:
        InputInvalidError: they are not; says why. The clause is `score.parameters`.

    """
    if fault := _unsafe(parameters) or _useless(parameters):
        raise InputInvalidError(fault, clause=_CLAUSE)


def _candidates(demand: SquaresDemand, degree: int) -> Iterator[SquaresParameters]:
    """Yield rings of one degree: as few primes as hold the scores, and as small as can be."""
    shift = _least_shift(demand, degree)
    if shift is None:
        return
    nominal = _made(demand, degree, _nominal(degree), shift)
    total = (2 * _most(nominal)).bit_length() + 1
    # The response's prime is as large as can be: dividing adds Q over it.
    rest = max(total - _PRIME_BITS, _LEAST_PRIME_BITS)
    count = -(-rest // _PRIME_BITS)
    for more in range(count + 1):
        each, over = divmod(rest + more, count)
        sizes = (_PRIME_BITS, *(each + (place < over) for place in range(count)))
        if max(sizes) > _PRIME_BITS:
            return
        if security.is_allowed(degree, 1 << (sum(sizes) + _SPECIAL_BITS - 1)):
            yield _made(demand, degree, ntt_primes(degree, (*sizes, _SPECIAL_BITS)), shift)


def _least_shift(demand: SquaresDemand, degree: int) -> int | None:
    """Return the least shift for which flood and slots take three quarters of the precision."""
    most = Fraction(3, 4 << demand.precision_bits)

    def serves(shift: int) -> bool:
        found = _made(demand, degree, _nominal(degree), shift)
        return found.flooded + found.encoding <= most

    # One more doubles the error at most, and the scale twice: what serves does so from then on.
    shift = bisect_left(range(_LARGEST_SHIFT + 1), True, key=serves)
    return shift if shift <= _LARGEST_SHIFT else None


def _nominal(degree: int) -> tuple[int, ...]:
    """Return numbers no smaller than primes that may be taken: what bounds errors before that."""
    return (1 << _SPECIAL_BITS,) * (security.CEILINGS[degree] // _LEAST_PRIME_BITS)


def _made(
    demand: SquaresDemand, degree: int, primes: tuple[int, ...], shift: int
) -> SquaresParameters:
    bare = SquaresParameters(demand=demand, degree=degree, primes=primes, shift=shift, flood_bits=0)
    pieces = degree * demand.responses * bare.worst
    return SquaresParameters(
        demand=demand,
        degree=degree,
        primes=primes,
        shift=shift,
        flood_bits=HIDING_BITS + (pieces - 1).bit_length(),
    )


def _unsafe(given: SquaresParameters) -> str:
    """Return what makes a ring or a flood hide too little, or be none; or nothing."""
    primes = given.primes
    if given.degree not in security.CEILINGS or not 2 < len(primes) == len(set(primes)):
        return "a ring has a degree of the standard's table, and different primes"
    if any(
        p.bit_length() > _SPECIAL_BITS or p % (2 * given.degree) != 1 or not is_prime(p)
        for p in primes
    ):
        return f"primes have up to {_SPECIAL_BITS} bits and are 1 modulo 2N"
    if primes[-1] < max(primes) or not security.is_allowed(given.degree, prod(primes)):
        return "a ring is easier to break than 2^128, or its prime of keys is not the largest"
    if not 0 <= given.shift <= _LARGEST_SHIFT or not 0 <= given.flood_bits <= _LARGEST_FLOOD:
        return "a shift and a flood are within the modulus"
    if given.hiding_bits < HIDING_BITS:
        return f"a flood hides less than {HIDING_BITS} bits over the contract"
    return ""


def _useless(given: SquaresParameters) -> str:
    """Return why scores would come back wrong, or nothing."""
    if not _precise(given):
        return "scores come back less precise than asked for"
    if not _fits(given):
        return "the largest score does not fit the modulus"
    return ""


def _precise(given: SquaresParameters) -> bool:
    return given.error <= Fraction(1, 1 << given.demand.precision_bits)


def _fits(given: SquaresParameters) -> bool:
    """Return whether no score within bounds wraps around, before dividing and after."""
    out, whole, most = given.primes[0], given.modulus, _most(given)
    return 2 * most < whole and 2 * (most * out + _rounding(given.degree) * whole) < whole * out


def _most(given: SquaresParameters) -> int:
    """Return the largest coefficient before dividing: a polynomial's is no larger than a value."""
    moved = given.encoding * (1 << given.scale_bits)
    reach = 1 << (given.demand.reach_bits + 2 * given.shift)
    return reach + int(moved) + 1 + (1 << given.flood_bits) + given.worst


def _rounding(degree: int) -> int:
    """Return what dividing both halves adds at most: 1/2 + |s|/2 a prime, and less for more."""
    return degree // 2 + 2
