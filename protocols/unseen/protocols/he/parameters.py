"""2016/421 (CKKS) with exact plaintexts in coefficients: the ring and the flood that a plan needs.

Encrypted are whole numbers of 2^-grid from -1 to 1, times 2^shift; weights are whole numbers of
2^-weight_bits. So a response is the exact score times 2^scale_bits, plus the errors of fresh
encryptions times the weights, plus those of an encryption of zero, plus the flood. All bounds are
for the worst case, in whole numbers: nothing here is measured, and nothing depends on a secret.
`docs/he.md` has the formulas.

Not said by any number here: whether the key owner encrypts what it should, and with which errors.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from struct import Struct
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.primes import is_prime, ntt_primes
from unseen.protocols.he.security import CEILINGS, Estimate, estimate, is_allowed

ERROR: Final = 21  # of a fresh encryption at most: 21 coins a side, centred
HIDING_BITS: Final = 40  # what a whole contract shows is within 2^-40 of what is simulated
SLOT_BITS: Final = 46  # coefficients of rows in slots are whole numbers of 2^-46
DEGREES: Final = (4096, 8192, 16384, 32768)
MAX_COLUMNS: Final = 1000
MAX_RESPONSES: Final = 1 << 40
_PRIME_BITS: Final = 60
_SPECIAL_BITS: Final = 24  # keys have one prime more; nothing is switched, so it may be small
_FORM: Final = Struct("<6HQL3H")
_CLAUSE: Final = "score.parameters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a plan asks for. All of it is public, so bounds on weights are powers of two.

    Features are whole numbers of 2^-grid, weights of 2^-weight_bits. The sizes of all weights add
    up to at most 2^sum_bits of those, and a score is at most 2^reach_bits of 2^-(grid +
    weight_bits). What comes back lies within 2^-precision_bits of the exact score. A contract has
    at most `responses` ciphertexts that return.
    """

    columns: int
    grid: int
    weight_bits: int
    sum_bits: int
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
            "grid": (0, 62),
            "weight_bits": (0, 64),
            "sum_bits": (0, 96),
            "reach_bits": (0, 160),
            "precision_bits": (0, 40),
            "responses": (1, MAX_RESPONSES),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise InputInvalidError(f"{name} is {low} to {high}", clause=_CLAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A ring, and what is done in it.

    `primes` has the response's first, then those that are divided away, and last the special one
    of keys. A feature is encrypted times 2^shift; the flood of a coefficient is uniform in
    [-2^flood_bits, 2^flood_bits).
    """

    demand: Demand
    degree: int
    primes: tuple[int, ...] = field(repr=False)
    shift: int
    flood_bits: int

    def encoded(self) -> bytes:
        """Return all of it as bytes, little-endian, for contexts and digests."""
        demand = self.demand
        return _FORM.pack(
            *(demand.columns, demand.grid, demand.weight_bits, demand.sum_bits),
            *(demand.reach_bits, demand.precision_bits, demand.responses),
            *(self.degree, self.shift, self.flood_bits, len(self.primes)),
        ) + b"".join(prime.to_bytes(8, "little") for prime in self.primes)

    @property
    def data_primes(self) -> tuple[int, ...]:
        """Return the primes of ciphertexts that are sent."""
        return self.primes[:-1]

    @property
    def rows(self) -> int:
        """Return how many rows a ciphertext takes."""
        return self.degree

    @property
    def modulus(self) -> int:
        """Return Q, the product of the primes of ciphertexts that are sent."""
        return prod(self.data_primes)

    @property
    def scale_bits(self) -> int:
        """Return s: a score of one is 2^s before anything is divided."""
        return self.demand.grid + self.demand.weight_bits + self.shift

    @property
    def worst(self) -> int:
        """Return the largest error of a coefficient before the flood, whatever the weights."""
        return _worst(self.demand, self.degree, self.primes[-1])

    @property
    def error(self) -> Fraction:
        """Return how far a score that comes back lies from the exact one, at most."""
        flooded = (1 << self.flood_bits) + self.worst
        divided = _rounding(self.degree) * self.modulus
        return Fraction(flooded, 1 << self.scale_bits) + Fraction(
            divided, self.primes[0] << self.scale_bits
        )

    @property
    def hiding_bits(self) -> int:
        """Return b: all responses of a contract are within 2^-b of what is simulated."""
        pieces = self.degree * self.demand.responses * self.worst
        return self.flood_bits - (pieces - 1).bit_length()

    @property
    def taught_bits(self) -> int:
        """Return the most bits a coefficient can carry past the flood, to one who packs inputs.

        The logarithm of Q over the flood's width, rounded up.
        """
        return ((self.modulus - 1) >> (self.flood_bits + 1)).bit_length()

    @property
    def security(self) -> Estimate:
        """Return what breaking the key takes; all primes count, that of keys as well."""
        return estimate(self.degree, prod(self.primes))


def choose(demand: Demand) -> Parameters:
    """Return the smallest ring that serves a plan, and is as hard to break as `security` asks.

    The same demand gives the same parameters, everywhere.

    Raises:
        InputInvalidError: there is none; the clause is `score.parameters`.

    """
    for degree in DEGREES:
        found = _within(demand, degree)
        if found is not None:
            return found
    raise InputInvalidError(
        "no ring is large enough for such scores",
        clause=_CLAUSE,
        remedy="ask for less precision, fewer bits of weights or fewer ciphertexts",
    )


def check(parameters: Parameters) -> None:
    """Return if parameters are safe and serve their demand, whoever chose them.

    Raises:
        InputInvalidError: they are not; says why. The clause is `score.parameters`.

    """
    fault = _unsafe(parameters) or _useless(parameters)
    if fault:
        raise InputInvalidError(fault, clause=_CLAUSE)


def _unsafe(given: Parameters) -> str:
    """Return what makes a ring or a flood hide too little, or be none; or nothing."""
    primes = given.primes
    if given.degree not in CEILINGS or not 2 <= len(primes) == len(set(primes)):
        return "a ring has a degree of the standard's table, and different primes"
    if any(
        p.bit_length() > _PRIME_BITS or p % (2 * given.degree) != 1 or not is_prime(p)
        for p in primes
    ):
        return f"primes have up to {_PRIME_BITS} bits and are 1 modulo 2N"
    if not is_allowed(given.degree, prod(primes)):
        return "a ring is easier to break than 2^128"
    if not 0 <= given.flood_bits <= given.modulus.bit_length():
        return "a flood is within the modulus"
    if given.hiding_bits < HIDING_BITS:
        return f"a flood hides less than {HIDING_BITS} bits over the contract"
    return ""


def _useless(given: Parameters) -> str:
    """Return why scores would come back wrong, or nothing."""
    if not 0 <= given.shift <= given.modulus.bit_length():
        return "a shift is within the modulus"
    if given.error > Fraction(1, 1 << given.demand.precision_bits):
        return "scores come back less precise than asked for"
    if not _fits(given):
        return "the largest score does not fit the modulus"
    return ""


def _fits(given: Parameters) -> bool:
    """Return whether no score within bounds wraps around after dividing, nor therefore before."""
    out, whole = given.primes[0], given.modulus
    most = _most(given.demand, given.shift, given.flood_bits, given.worst)
    return 2 * (most * out + _rounding(given.degree) * whole) < whole * out


def _within(demand: Demand, degree: int) -> Parameters | None:
    """Return parameters of one degree; None if none of it is hard enough or fits."""
    (special,) = ntt_primes(degree, (_SPECIAL_BITS,))
    worst = _worst(demand, degree, special)
    pieces = degree * demand.responses * worst
    flood_bits = HIDING_BITS + (pieces - 1).bit_length()
    # Half of the precision is for flood and errors, a quarter for dividing.
    scale_bits = flood_bits + demand.precision_bits + 1
    shift = max(0, scale_bits - demand.grid - demand.weight_bits)
    scale_bits = demand.grid + demand.weight_bits + shift
    total = (2 * _most(demand, shift, flood_bits, worst)).bit_length() + 1
    coarse = scale_bits - demand.precision_bits - 3
    least = max(2 * degree.bit_length(), total - coarse + _rounding(degree).bit_length())
    if min(total, least) > _PRIME_BITS:
        return None
    try:
        primes = ntt_primes(degree, (*_sizes(total, least), _SPECIAL_BITS))
    except InputInvalidError:
        return None
    found = Parameters(
        demand=demand, degree=degree, primes=primes, shift=shift, flood_bits=flood_bits
    )
    return None if _unsafe(found) or _useless(found) else found


def _sizes(total: int, least: int) -> tuple[int, ...]:
    """Return the sizes of Q's primes: the response's first, the others as even as can be."""
    if total <= _PRIME_BITS:
        return (total,)
    count = -(-total // _PRIME_BITS) - 1
    out = max(least, total - count * _PRIME_BITS)
    rest, more = divmod(max(total - out, 0), count)
    return (out, *(rest + (place < more) for place in range(count)))


def _worst(demand: Demand, degree: int, special: int) -> int:
    """Return 21 for each unit of weight, and the error of an encryption of zero.

    That is e u + e' + e'' s, all below 21 or ternary, divided by the special prime, and rounded in
    both halves, of which one is times a ternary secret. No column is left out: a sum of weights
    is one unit at least.
    """
    zero = -(-ERROR * (2 * degree + 1) // special) + _rounding(degree)
    return (ERROR << demand.sum_bits) + zero


def _rounding(degree: int) -> int:
    """Return what dividing both halves adds at most: 1/2 + |s|/2 a prime, and less for more."""
    return degree // 2 + 2


def _most(demand: Demand, shift: int, flood_bits: int, worst: int) -> int:
    """Return the largest coefficient: a score's or, where weights are small, a feature's."""
    return (1 << (max(demand.reach_bits, demand.grid) + shift)) + (1 << flood_bits) + worst
