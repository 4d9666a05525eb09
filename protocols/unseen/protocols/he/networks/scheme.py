"""2016/421, section 3.4, cut to what networks need: who encrypts, who computes, what passes.

    owner = scheme.owner(parameters)             a buyer: keys stay in it
    context = owner.context()                    bytes, once a contract, named by their digest
    sent = owner.encrypt(columns)                bytes, one ciphertext a column
    node = scheme.opened(parameters, context)    a provider: parameters are the contract's
    response = node.private(node.scored(sent, whole), rng)
    scores = owner.decrypt(response, rows)

A `Total` is not for sending: it shows the weights to the key owner. `private` is the only way from
it to bytes. There is no way from a decryption to the node. `tenseal_scheme.SCHEME` encrypts,
`clear.SCHEME` does not: it is for tests of what lies around.

Not protected: key owners that deviate, see parameters.py and `he/privacy.py`.
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import CountMismatchError, InputInvalidError
from unseen.protocols.he.models import WholeSquares
from unseen.protocols.he.networks.parameters import SquaresParameters
from unseen.protocols.party import Rng

Reals: TypeAlias = NDArray[np.float64]
Total = TypeVar("Total")


class Owner(Protocol):
    """Whoever holds the secret key."""

    @property
    def parameters(self) -> SquaresParameters:
        """Return the contract's parameters."""

    def secret(self) -> bytes:
        """Return the secret key, to be sealed wherever it is kept."""

    def context(self) -> bytes:
        """Return what a node needs to compute with ciphertexts of this key; the same each time."""

    def encrypt(self, columns: Reals) -> list[bytes]:
        """Return a ciphertext for each column: d x n numbers from -1 to 1, n at most N / 2.

        Raises:
            InputInvalidError: another number of columns, too many rows or none, or a number out
                of bounds: a node could not see it.

        """

    def decrypt(self, response: bytes, rows: int) -> Reals:
        """Return the first `rows` scores of a response, each within the demanded precision.

        Raises:
            MalformedMessageError: it is no response under these parameters.
            InputInvalidError: a response has not as many rows.

        """


class Node(Protocol[Total]):
    """Whoever computes with what it cannot read."""

    @property
    def parameters(self) -> SquaresParameters:
        """Return the contract's parameters."""

    def scored(self, ciphertexts: Sequence[bytes], model: WholeSquares) -> Total:
        """Return the scores of all N / 2 rows.

        Columns are looked at a few at a time; a reader's need not be in memory together.

        Raises:
            MalformedMessageError: one is no fresh ciphertext under these parameters.
            CountMismatchError: there are not as many as columns.
            InputInvalidError: the model is beyond what the parameters hide.

        """

    def private(self, total: Total, rng: Rng) -> bytes:
        """Return it so that whoever decrypts learns the scores, and nothing else of the weights."""


class NetworkScheme(Protocol[Total]):
    """A way to score with a network what one cannot read."""

    @property
    def name(self) -> str:
        """Return what it is called in plans."""

    def owner(self, parameters: SquaresParameters, secret: bytes | None = None) -> Owner:
        """Return a key owner, with a fresh key or one that `secret` returned.

        Raises:
            InputInvalidError: the parameters are unsafe.
            MalformedMessageError: the secret is no key under them.

        """

    def opened(self, parameters: SquaresParameters, context: bytes) -> Node[Total]:
        """Return what computes under a context that somebody sent.

        Raises:
            InputInvalidError: the parameters are unsafe.
            MalformedMessageError: the context is none under these parameters.

        """


def check_columns(parameters: SquaresParameters, columns: Reals) -> None:
    """Return if these columns may be encrypted; raises what `Owner.encrypt` does."""
    demand = parameters.demand
    if columns.ndim != 2 or len(columns) != demand.columns:
        raise InputInvalidError(f"{demand.columns} columns are encrypted")
    if not 1 <= columns.shape[1] <= parameters.rows:
        raise InputInvalidError(f"a ciphertext takes 1 to {parameters.rows} rows")
    beyond = ~((columns >= -1) & (columns <= 1))  # also what is no number
    if beyond.any():
        column, row = (int(place) for place in np.argwhere(beyond)[0])
        raise InputInvalidError(
            f"column {column} is out of bounds in row {row}", clause="features.bounds"
        )


def check_model(parameters: SquaresParameters, model: WholeSquares) -> None:
    """Return if the flood hides this network and the modulus holds its scores.

    Raises:
        InputInvalidError: it does not; the clause is `score.weights`.

    """
    demand = parameters.demand
    sizes = (
        (model.absolute, demand.sum_bits),
        (model.farthest, demand.unit_bits),
        (max(model.largest, abs(model.constant)), demand.reach_bits),
    )
    shape = len(model.shifts), len(model.weights), model.bits
    if shape != (demand.columns, demand.units, demand.weight_bits) or any(
        size > 1 << bits for size, bits in sizes
    ):
        raise InputInvalidError("a model is not what the plan says", clause="score.weights")


def check_count(parameters: SquaresParameters, ciphertexts: Sequence[bytes]) -> None:
    """Return if there is a ciphertext for each column; raises what `Node.scored` does."""
    expected = parameters.demand.columns
    if len(ciphertexts) != expected:
        raise CountMismatchError(found=len(ciphertexts), expected=expected)


def check_rows(parameters: SquaresParameters, rows: int) -> None:
    """Return if a response has so many rows; raises what `Owner.decrypt` does."""
    if not 1 <= rows <= parameters.rows:
        raise InputInvalidError(f"a response has 1 to {parameters.rows} rows")
