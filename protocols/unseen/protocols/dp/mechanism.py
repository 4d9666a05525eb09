"""Canonne, Kamath and Steinke 2020, theorem 14: noise for each coordinate of a whole-number answer.

A law and a sensitivity bound together, so that what is drawn is what is charged. Charging comes
first, by the caller: `rho` is spent when `release` is called, whether or not the answer is read.
Two releases of one answer are two charges. The sensitivity is the caller's word: values of people
who exceed it are not protected by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from unseen.protocols.dp.batch import draw
from unseen.protocols.dp.contributions import Sensitivity
from unseen.protocols.dp.exact import whole
from unseen.protocols.dp.laws import Law
from unseen.protocols.party import Rng

_FEW = 64  # answers up to this length are drawn one by one: no table to build


@dataclass(frozen=True, slots=True)
class Mechanism:
    """Noise of one law, for answers of one sensitivity."""

    law: Law
    sensitivity: Sensitivity

    @property
    def rho(self) -> Fraction:
        """Return what one release costs, in zCDP."""
        return self.law.rho(self.sensitivity)

    def release(self, values: Sequence[int], rng: Rng) -> tuple[int, ...]:
        """Return `values` with fresh noise on each.

        Raises:
            InputInvalidError: a value is not a whole number, the law is too wide to be drawn in
                bulk, or the source of randomness is broken. Nothing is released then.

        """
        exact = [whole(value, "a value") for value in values]
        if len(exact) <= _FEW:
            return tuple(value + self.law.sample(rng) for value in exact)
        noise = draw(self.law, len(exact), rng)
        return tuple(value + more for value, more in zip(exact, noise, strict=True))
