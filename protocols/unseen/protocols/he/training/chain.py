"""Bun and Steinke 2016 over a ring: the primes of a training, its noise, and what that hides.

What comes back is an exact sum plus an error of arithmetic. The error depends on rows, so it is
part of what is released: a row moves a release by at most its own change and twice the largest
error. Noise is drawn for that, in units of the last scale, and costs the task's rho an iteration.
The same noise lies over the error of the encryption of zero that hides the rest: `hiding_bits`.

The chain is arithmetic on public numbers. It does not know whether anybody keeps to them.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import isqrt, prod
from typing import Final

from unseen.protocols.dp import Gaussian, Sensitivity
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he import seal
from unseen.protocols.he.parameters import ERROR, HIDING_BITS
from unseen.protocols.he.primes import ntt_primes
from unseen.protocols.he.security import Estimate, estimate, is_allowed
from unseen.protocols.he.training import bounds
from unseen.protocols.he.training.task import Task

DEGREE: Final = 16384
SLOTS: Final = DEGREE // 2
RESIDUALS: Final = 2  # primes that residuals have left, and sums
_OUTER_BITS: Final = 60  # of the prime of responses and of the one of keys
_SCALE_BITS: Final = 48
_TAIL: Final = 32  # standard deviations that noise passes with less than 2^-700
_CLAUSE: Final = "train_he.parameters"


@dataclass(frozen=True, slots=True)
class Chain:
    """A task's ring. `primes` has the response's first and the special one of keys last."""

    task: Task
    primes: tuple[int, ...] = field(repr=False)

    def level(self, primes: int) -> seal.Level:
        """Return the level that has so many primes."""
        return seal.Level(DEGREE, self.primes[:primes])

    @property
    def fresh(self) -> int:
        """Return how many primes weights are encrypted under: all but the special one."""
        return len(self.primes) - 1

    @property
    def top(self) -> int:
        """Return the prime that a product of weights and columns is divided by: their scale."""
        return self.primes[-2]

    @property
    def scale(self) -> Fraction:
        """Return the scale of weights and scores."""
        return Fraction(1 << _SCALE_BITS)

    @property
    def residual_scale(self) -> Fraction:
        """Return the scale of residuals: exact, where SEAL has the nearest double."""
        if not self.task.logistic:
            return self.scale
        return self.scale**3 / prod(self.primes[RESIDUALS : self.fresh - 1])

    @property
    def total_scale(self) -> Fraction:
        """Return the scale of sums."""
        return self.residual_scale * self.top

    @property
    def blocks(self) -> int:
        """Return how many ciphertexts a column of the most rows fills."""
        return -(-self.task.most_rows // SLOTS)

    @property
    def responses(self) -> int:
        """Return how many numbers come back over the whole training."""
        return self.task.width * self.task.iterations

    @property
    def ladder(self) -> bounds.Ladder:
        """Return what errors are reckoned from."""
        return bounds.Ladder(
            degree=DEGREE,
            fresh=self.scale,
            residual=self.residual_scale,
            top=self.top,
            prime=max(self.primes[:-1]),
            special=self.primes[-1],
            length=self.fresh,
        )

    @property
    def error(self) -> Fraction:
        """Return the largest L2 norm of a gradient's error, in sums over rows."""
        return bounds.gradient_error(self.task, self.ladder) * self.blocks * SLOTS

    @property
    def l2(self) -> int:
        """Return how far a row moves a release: L2, in units of the last scale, rounded up."""
        moved = bounds.change(self.task) + 2 * self.error
        return int(moved / SLOTS * self.total_scale) + 1

    @property
    def law(self) -> Gaussian:
        """Return the noise of each number that comes back."""
        return Gaussian(_sigma2(self))

    @property
    def rho(self) -> Fraction:
        """Return what an iteration costs: the task's rho, or a hair less."""
        l2 = self.l2
        return self.law.rho(Sensitivity(l2 * (isqrt(self.task.width - 1) + 1), l2 * l2))

    @property
    def deviation(self) -> float:
        """Return the standard deviation of noise in a sum over rows, its columns shrunk."""
        return float(Fraction(isqrt(_sigma2(self))) / self.total_scale * SLOTS)

    @property
    def hiding_bits(self) -> int:
        """Return b: noise hides all errors of encryptions of zero but for 2^-b, over a training.

        A Gaussian and itself moved by v are v / (2 sigma) apart in total variation.
        """
        zero = DEGREE // 2 + 2 + -(-ERROR * (2 * DEGREE + 1) // self.primes[RESIDUALS])
        return (2 * isqrt(_sigma2(self)) // (zero * self.responses)).bit_length() - 1

    @property
    def security(self) -> Estimate:
        """Return what breaking the key takes."""
        return estimate(DEGREE, prod(self.primes))


def chain_of(task: Task) -> Chain:
    """Return the ring of a task; the same everywhere.

    Raises:
        InputInvalidError: no noise of this rho fits it, or hides what it must; the clause is
            `train_he.parameters`.

    """
    divisions = 3 if task.logistic else 1
    sizes = (_OUTER_BITS, *(_SCALE_BITS,) * (divisions + 1), _OUTER_BITS)
    found = Chain(task, ntt_primes(DEGREE, sizes))
    if not is_allowed(DEGREE, prod(found.primes)):
        raise InputInvalidError("a ring is easier to break than 2^128", clause=_CLAUSE)
    if not _fits(found):
        raise InputInvalidError(
            "the largest sum and its noise do not fit the modulus",
            clause=_CLAUSE,
            remedy="take fewer rows, smaller norms or a larger rho",
        )
    if found.hiding_bits < HIDING_BITS:
        raise InputInvalidError(
            f"noise hides less than {HIDING_BITS} bits over the training",
            clause=_CLAUSE,
            remedy="take fewer iterations or a smaller rho",
        )
    return found


def _fits(chain: Chain) -> bool:
    task = chain.task
    norm = max(task.norm, task.own_norm) * task.shrink
    mean = bounds.largest_residual(task) * norm + bounds.gradient_error(task, chain.ladder)
    most = mean * chain.blocks * chain.total_scale + _TAIL * (isqrt(_sigma2(chain)) + 1)
    return 5 * most < 2 * prod(chain.primes[:RESIDUALS])


@lru_cache(maxsize=256)
def _sigma2(chain: Chain) -> int:
    wanted = Fraction(chain.l2**2) / (2 * chain.task.rho)
    return -(-wanted.numerator // wanted.denominator)
