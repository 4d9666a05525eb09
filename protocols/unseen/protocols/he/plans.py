"""2016/421 (CKKS): what ciphertexts of a plan have, whatever is computed with them."""

from typing import Protocol


class Plan(Protocol):
    """Parameters of a way to compute."""

    @property
    def degree(self) -> int:
        """Return N."""

    @property
    def primes(self) -> tuple[int, ...]:
        """Return all primes: the response's first, the special one of keys last."""

    @property
    def data_primes(self) -> tuple[int, ...]:
        """Return the primes of ciphertexts that are sent."""

    @property
    def flood_bits(self) -> int:
        """Return b: a flood is uniform in [-2^b, 2^b)."""
