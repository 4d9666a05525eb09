"""Cheon, Kim, Kim, Song (2016/421), section 3, for the worst case: what encryption adds to sums.

A polynomial's slots are its values at N roots; the mean of their squares is the sum of squares of
its coefficients (canonical embedding). So coefficient 0 of a product is the mean over slots of one
times the other, and at most the product of both norms: that is how an error of a residual moves a
gradient. All norms are of coefficients over the scale; a value at one root is at most the root of N
times as much. Errors are the largest there can be for any rows and any secret, not likely ones.

Holds for keys and encryptions as SEAL makes them. Whoever makes others moves sums by more, and so
takes protection from the rows.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Final

from unseen.protocols.he.parameters import ERROR
from unseen.protocols.he.training.task import LINEAR, Task

_ROOT_BITS: Final = 128
_DOUBLES: Final = Fraction(1, 1 << 44)  # of SEAL's encoder: 14 stages of 2^-53, eight times over
SLACK: Final = 1 + Fraction(1, 1 << 40)  # of what is computed in doubles here


@dataclass(frozen=True, slots=True)
class Ladder:
    """What errors are reckoned from: N, and the scales and primes that a residual passes.

    `fresh` is the scale of weights, `residual` that of residuals, `top` that of columns. `prime`
    is the largest of ciphertexts, `special` the one of keys, `length` how many a ciphertext has.
    """

    degree: int
    fresh: Fraction
    residual: Fraction
    top: int
    prime: int
    special: int
    length: int

    @property
    def root(self) -> Fraction:
        """Return the root of N, or a bit more."""
        return root(Fraction(self.degree))

    def encoded(self, largest: Fraction, scale: Fraction) -> Fraction:
        """Return the error of values encoded: half a unit a coefficient, and that of doubles."""
        return self.root / (2 * scale) + _DOUBLES * largest

    def encrypted(self, scale: Fraction) -> Fraction:
        """Return the error of a fresh encryption: 21 a coefficient."""
        return self.root * ERROR / scale

    def divided(self, scale: Fraction) -> Fraction:
        """Return what dividing by a prime adds: half a unit, and half of each of the secret's."""
        return self.root * (self.degree + 1) / (2 * scale)

    def switched(self, scale: Fraction) -> Fraction:
        """Return what relinearising adds: a digit a prime, times errors, over the special one."""
        digits = Fraction(self.length * self.degree * self.prime * ERROR, self.special)
        return self.root * digits / scale + self.divided(scale)


def root(number: Fraction) -> Fraction:
    """Return the square root, rounded up by 2^-64 at most."""
    scaled = -(-(number.numerator << _ROOT_BITS) // number.denominator)
    return Fraction(isqrt(scaled) + 1, 1 << (_ROOT_BITS // 2))


def largest_residual(task: Task) -> Fraction:
    """Return how large the residual of a row is at most, errors left out."""
    if not task.logistic:
        return (task.reach + task.largest_label) * SLACK
    return (Fraction(1, 2) + _swing(task)) * SLACK


def largest_change(task: Task) -> Fraction:
    """Return how far a residual moves at most if the provider's values of its row go."""
    return 2 * (_swing(task) if task.logistic else task.reach) * SLACK


def change(task: Task) -> Fraction:
    """Return the L2 norm by which a row moves the gradient, all columns shrunk.

    Of a secret model: the row comes or goes. Vertical: its values at the provider come or go; the
    row itself is known to both.
    """
    own = largest_residual(task) * task.norm
    other = largest_change(task) * task.own_norm
    return root(own**2 + other**2) * task.shrink * SLACK


def residual_error(task: Task, ladder: Ladder) -> Fraction:
    """Return the error of a block's residuals."""
    score = _score_error(task, ladder)
    largest = task.shrink * task.reach * SLACK
    labels = ladder.encoded(largest_residual(task), ladder.residual)
    if task.vertical:
        labels += ladder.encrypted(ladder.residual)
    if not task.logistic:
        return score + labels
    square = ladder.switched(ladder.fresh**2) + ladder.divided(ladder.fresh)
    other = 2 * largest * score + ladder.root * score**2 + square + 1 / ladder.fresh
    product = ladder.switched(ladder.fresh**2) + ladder.divided(ladder.residual)
    factor = max(LINEAR, largest**2 - LINEAR)
    return factor * score + largest * other + ladder.root * score * other + product + labels


def gradient_error(task: Task, ladder: Ladder) -> Fraction:
    """Return the L2 norm of what a block adds to the error of a gradient, as means over N / 2."""
    residual = residual_error(task, ladder)
    largest = largest_residual(task) + ladder.root * residual
    norm = task.shrink * task.norm * SLACK
    column = ladder.encoded(norm, Fraction(ladder.top))
    found = residual * norm + largest * column * root(Fraction(task.columns))
    if task.own_columns:
        other = task.shrink * task.own_norm * SLACK
        sent = ladder.encoded(other, Fraction(ladder.top))
        sent += ladder.encrypted(Fraction(ladder.top))
        back = ladder.switched(ladder.residual * ladder.top)
        found += residual * (other + ladder.root * sent)
        found += (largest * sent + back) * root(Fraction(task.own_columns))
    return found


def _swing(task: Task) -> Fraction:
    """Return the most that |u (LINEAR - u^2)| is within reach."""
    end = task.shrink * task.reach * SLACK
    turn = root(LINEAR / 3)
    if end <= turn:
        return end * (LINEAR - end**2)
    return max(turn * 2 * LINEAR / 3, end * abs(LINEAR - end**2))


def _score_error(task: Task, ladder: Ladder) -> Fraction:
    """Return the error of scores, shrunk."""
    value = task.shrink * task.norm * SLACK
    found = task.columns * value * ladder.encrypted(ladder.fresh)
    weights = root(Fraction(task.columns)) * task.reach / task.norm
    found += weights * ladder.encoded(value, Fraction(ladder.top)) + ladder.divided(ladder.fresh)
    if task.own_columns:
        found += ladder.encoded(task.shrink * task.reach, ladder.fresh)
        found += ladder.encrypted(ladder.fresh)
    return found
