"""2016/421 (CKKS): lines in coefficients and networks of squares in slots, behind one face.

    whole = rounded(model, ring.demand)                a provider: the model in a ring's numbers
    owner = RowOwner(ring, secret)                     a buyer, with a key or a fresh one
    sent = owner.encrypt(features, rows)               a ciphertext a column, up to `ring.rows` rows
    answer = scorer(ring, owner.context(), whole)      a provider
    scores = owner.decrypt(answer(sent, rng), count)   a buyer

Which of the two a ring is for, its class says. Nothing is computed here.

Not protected: see `privacy.py`, and for networks `networks/parameters.py`.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, ModelInvalidError
from unseen.protocols.he import contexts, lines
from unseen.protocols.he.models import Model, WholeLine, WholeSquares
from unseen.protocols.he.models.columns import grid_columns, grid_of, unit_columns
from unseen.protocols.he.models.squares import check_varies, squares_of
from unseen.protocols.he.models.whole import whole_of
from unseen.protocols.he.networks import contexts as network_contexts
from unseen.protocols.he.networks import demands
from unseen.protocols.he.networks.parameters import SquaresDemand, SquaresParameters
from unseen.protocols.he.networks.scheme import check_model
from unseen.protocols.he.networks.tenseal_scheme import SCHEME as SQUARES
from unseen.protocols.he.networks.tenseal_scheme import SquaresOwner
from unseen.protocols.he.parameters import Demand, Parameters
from unseen.protocols.he.scheme import check_weights
from unseen.protocols.he.tenseal_scheme import SCHEME as LINES
from unseen.protocols.he.tenseal_scheme import SealOwner
from unseen.protocols.party import Rng
from unseen.protocols.train.spec import Feature

Ring: TypeAlias = Parameters | SquaresParameters
Whole: TypeAlias = WholeLine | WholeSquares
Reals: TypeAlias = NDArray[np.float64]


class RowOwner:
    """Whoever holds the secret key, and has rows: a buyer."""

    def __init__(self, ring: Ring, secret: bytes | None = None) -> None:
        """Take a key that `secret` returned, or draw one.

        Raises:
            InputInvalidError: the ring is unsafe, or a library is missing.
            MalformedMessageError: the secret is no key of it.

        """
        self.ring = ring
        self._owner: SealOwner | SquaresOwner
        if isinstance(ring, SquaresParameters):
            self._owner = SQUARES.owner(ring, secret)
        else:
            self._owner = LINES.owner(ring, secret)

    def secret(self) -> bytes:
        """Return the secret key, to be sealed wherever it is kept."""
        return self._owner.secret()

    def context(self) -> bytes:
        """Return what a node needs to compute with ciphertexts of this key; the same each time."""
        return self._owner.context()

    def encrypt(self, features: Sequence[Feature], values: NDArray[np.floating]) -> list[bytes]:
        """Return a ciphertext for each column of a model: of n x columns of the data.

        Raises:
            InputInvalidError: another number of columns, too many rows or none, or a number out
                of bounds: a node could not see it.

        """
        if isinstance(self._owner, SquaresOwner):
            return self._owner.encrypt(unit_columns(features, values))
        return self._owner.encrypt(grid_columns(features, values))

    def decrypt(self, response: bytes, rows: int) -> Reals:
        """Return the first `rows` scores of a response. Not to be sent to whoever computed them.

        Raises:
            MalformedMessageError: it is no response of this ring.
            InputInvalidError: a response has not as many rows.

        """
        return self._owner.decrypt(response, rows)


def demanded(model: Model, precision: Fraction, responses: int) -> Demand | SquaresDemand:
    """Return what a model asks for, which is public; errors as `lines` and `networks.demands`."""
    if model.is_line:
        return lines.demanded(model, precision, responses)[1]
    return demands.demanded(model, precision, responses)[1]


def rounded(model: Model, ring: Ring) -> Whole:
    """Return a model in the whole numbers of a ring.

    Raises:
        ModelInvalidError: it is of another sort, over other columns or larger than the ring hides.

    """
    try:
        return _rounded(model, ring)
    except InputInvalidError:
        raise ModelInvalidError("larger weights", clause="score.weights") from None


def scorer(ring: Ring, context: bytes, whole: Whole) -> Callable[[Sequence[bytes], Rng], bytes]:
    """Return what makes a response of ciphertexts, a column each, under somebody's context.

    `rng` gives the flood, SEAL the encryption of zero. The function raises what the nodes of
    `scheme` and `networks.scheme` do.

    Raises:
        InputInvalidError: the ring is unsafe, or the model is one of another ring.
        MalformedMessageError: the context is none of this ring.

    """
    if isinstance(ring, SquaresParameters) and isinstance(whole, WholeSquares):
        network = SQUARES.opened(ring, context)
        return lambda sent, rng: network.private(network.scored(sent, whole), rng)
    if isinstance(ring, Parameters) and isinstance(whole, WholeLine):
        node = LINES.opened(ring, context)
        return lambda sent, rng: node.private(node.weighted(sent, whole.weights, whole.bias), rng)
    raise InputInvalidError("a model of another ring", clause="score.weights")


def context_bytes(ring: Ring) -> int:
    """Return how long a context is."""
    if isinstance(ring, SquaresParameters):
        return network_contexts.size(ring)
    return contexts.size(ring)


def _rounded(model: Model, ring: Ring) -> Whole:
    if model.is_line == isinstance(ring, SquaresParameters):
        raise ModelInvalidError("another shape", clause="score.layers")
    if isinstance(ring, SquaresParameters):
        network = squares_of(model, ring.demand.weight_bits)
        check_varies(network)
        check_model(ring, network)
        return network
    line = whole_of(model, ring.demand.weight_bits)
    if grid_of(model.features) != ring.demand.grid or len(line.weights) != ring.demand.columns:
        raise ModelInvalidError("other columns", clause="score.features")
    check_weights(ring, line.weights, line.bias)
    if line.reach_bits > ring.demand.reach_bits:
        raise InputInvalidError("larger scores", clause="score.weights")
    return line
