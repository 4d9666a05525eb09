"""2016/421, section 3.4, cut to what jobs need: who encrypts, who computes, what passes.

    owner = scheme.owner(parameters)             a buyer: keys stay in it
    context = owner.context()                    bytes, once a contract, named by their digest
    sent = owner.encrypt(columns)                bytes, one ciphertext a column
    node = scheme.opened(parameters, context)    a provider: parameters are the contract's
    response = node.private(node.weighted(sent, weights, bias), rng)
    scores = owner.decrypt(response, rows)

A `Weighted` is not for sending: it shows the weights to the key owner. `private` is the only way
from it to bytes. There is no way from a decryption to the node. `tenseal_scheme.SCHEME` encrypts,
`clear.SCHEME` does not: it is for tests of what lies around.

Not protected: key owners that deviate, see privacy.py.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import CountMismatchError, InputInvalidError
from unseen.protocols.he.parameters import Parameters
from unseen.protocols.party import Rng

Wholes: TypeAlias = NDArray[np.int64]
Scores: TypeAlias = NDArray[np.float64]
Weighted = TypeVar("Weighted")


class Owner(Protocol):
    """Whoever holds the secret key."""

    @property
    def parameters(self) -> Parameters:
        """Return the contract's parameters."""

    def secret(self) -> bytes:
        """Return the secret key, to be sealed wherever it is kept."""

    def context(self) -> bytes:
        """Return what a node needs to compute with ciphertexts of this key; the same each time."""

    def encrypt(self, columns: Wholes) -> list[bytes]:
        """Return a ciphertext for each column: d x n whole numbers of 2^-grid, n at most N.

        Raises:
            InputInvalidError: another number of columns, too many rows or none, or a number
                beyond 2^grid: a node could not see it.

        """

    def decrypt(self, response: bytes, rows: int) -> Scores:
        """Return the first `rows` scores of a response, each within the demanded precision.

        Raises:
            MalformedMessageError: it is no response under these parameters.
            InputInvalidError: a response has not as many rows.

        """


class Node(Protocol[Weighted]):
    """Whoever computes with what it cannot read."""

    @property
    def parameters(self) -> Parameters:
        """Return the contract's parameters."""

    def check(self, ciphertext: bytes) -> None:
        """Return if bytes are a fresh ciphertext under these parameters.

        Raises:
            MalformedMessageError: they are not.

        """

    def weighted(self, ciphertexts: Iterable[bytes], weights: Sequence[int], bias: int) -> Weighted:
        """Return bias plus the sum of each column times its weight, for all N rows.

        Columns are looked at one after another, once; a reader's need not be in memory together.
        Weights are whole numbers of 2^-weight_bits, the bias one of 2^-(grid + weight_bits).

        Raises:
            MalformedMessageError: as `check`, for any of them.
            CountMismatchError: there are not as many as columns.
            InputInvalidError: weights are beyond what the parameters hide.

        """

    def private(self, weighted: Weighted, rng: Rng) -> bytes:
        """Return it so that whoever decrypts learns the scores, and nothing else of the weights."""


class HeScheme(Protocol[Weighted]):
    """A way to compute with what one cannot read."""

    @property
    def name(self) -> str:
        """Return what it is called in plans."""

    def owner(self, parameters: Parameters, secret: bytes | None = None) -> Owner:
        """Return a key owner, with a fresh key or one that `secret` returned.

        Raises:
            InputInvalidError: the parameters are unsafe.
            MalformedMessageError: the secret is no key under them.

        """

    def opened(self, parameters: Parameters, context: bytes) -> Node[Weighted]:
        """Return what computes under a context that somebody sent.

        Raises:
            InputInvalidError: the parameters are unsafe.
            MalformedMessageError: the context is none under these parameters.

        """


def check_columns(parameters: Parameters, columns: Wholes) -> None:
    """Return if these columns may be encrypted; raises what `Owner.encrypt` does."""
    demand = parameters.demand
    if columns.dtype != np.int64 or columns.ndim != 2 or len(columns) != demand.columns:
        raise InputInvalidError(f"{demand.columns} columns of whole numbers are encrypted")
    if not 1 <= columns.shape[1] <= parameters.degree:
        raise InputInvalidError(f"a ciphertext takes 1 to {parameters.degree} rows")
    largest = 1 << demand.grid
    beyond = (columns < -largest) | (columns > largest)
    if beyond.any():
        column, row = (int(place) for place in np.argwhere(beyond)[0])
        raise InputInvalidError(
            f"column {column} is out of bounds in row {row}", clause="features.bounds"
        )


def check_weights(parameters: Parameters, weights: Sequence[int], bias: int) -> None:
    """Return if the flood hides these weights and the modulus holds their sums.

    Raises what `Node.weighted` does.
    """
    demand = parameters.demand
    if len(weights) != demand.columns:
        raise CountMismatchError(found=len(weights), expected=demand.columns)
    if sum(map(abs, weights)) > 1 << demand.sum_bits or abs(bias) > 1 << demand.reach_bits:
        raise InputInvalidError("weights are larger than the plan says", clause="score.weights")


def check_rows(parameters: Parameters, rows: int) -> None:
    """Return if a response has so many rows; raises what `Owner.decrypt` does."""
    if not 1 <= rows <= parameters.degree:
        raise InputInvalidError(f"a response has 1 to {parameters.degree} rows")
