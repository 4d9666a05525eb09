"""Kim, Song, Wang, Xia and Jiang, JMIR Medical Informatics 2018, section 3: least squares.

Encryption adds and multiplies, so that a unit of a network is a polynomial of degree two or three.
What another function is replaced by holds on an interval: beyond it, it is another function, and
nobody notices. `worst` says how far the two are apart inside.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.models.columns import Reals

SQUARE: Final = (0.0, 0.0, 1.0)
CUBE: Final = (0.0, 0.0, 0.0, 1.0)
DEGREES: Final = (2, 3)
FUNCTIONS: Final = ("sigmoid", "tanh", "relu", "softplus")
_NODES: Final = 256  # of the quadrature: sigmoids on [-64, 64] to 1e-12
_POINTS: Final = 4097  # at which the worst distance is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How functions are replaced: by polynomials of `degree`, on [-reach, reach]."""

    degree: int = 3
    reach: int = 8

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        whole = type(self.degree) is int and type(self.reach) is int
        if not whole or self.degree not in DEGREES or not 1 <= self.reach <= 64:
            raise InputInvalidError("degree 2 or 3, on [-1, 1] to [-64, 64]", clause="model.fit")


def fitted(function: str, fit: Fit) -> tuple[float, ...]:
    """Return the coefficients, constant first, nearest to a function in squares on an interval.

    A rectifier has a kink in the middle, which no quadrature likes: each half is added up alone.

    Raises:
        InputInvalidError: there is no such function here, or its nearest is a straight line.

    """
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    half = (points + 1) / 2
    places = np.concatenate([-half[::-1], half])
    shares = np.concatenate([weights[::-1], weights]) / 2
    values = apply(function, places * fit.reach)
    legendre = np.polynomial.legendre.legvander(places, fit.degree)
    norms = 2.0 / (2 * np.arange(fit.degree + 1) + 1)
    series = np.einsum("ni,n->i", legendre, values * shares) / norms
    found = np.polynomial.legendre.leg2poly(series)
    found = np.concatenate([found, np.zeros(fit.degree + 1 - len(found))])
    scaled = found / float(fit.reach) ** np.arange(fit.degree + 1)
    # What symmetry makes zero is a rounding error here, and would cost a multiplication.
    scaled[np.abs(found) < 1e-12] = 0.0
    if not scaled[2:].any():
        raise InputInvalidError(
            f"nearest to {function} is a line: its halves mirror each other",
            clause="model.fit",
            remedy="fit polynomials of degree 3",
        )
    return tuple(map(float, scaled))


def worst(function: str, fit: Fit) -> float:
    """Return how far function and polynomial are apart on the interval, at 4,097 places."""
    places = np.linspace(-fit.reach, fit.reach, _POINTS)
    nearest = np.polynomial.polynomial.polyval(places, np.array(fitted(function, fit)))
    return float(np.abs(apply(function, places) - nearest).max())


def apply(function: str, values: Reals) -> Reals:
    """Return a function of each number.

    Raises:
        InputInvalidError: there is no such function here.

    """
    found: Reals
    if function == "sigmoid":
        found = 0.5 + 0.5 * np.tanh(values / 2)
    elif function == "tanh":
        found = np.tanh(values)
    elif function == "relu":
        found = np.maximum(values, 0.0)
    elif function == "softplus":
        found = np.logaddexp(0.0, values)
    else:
        raise InputInvalidError("no such function is fitted here", clause="model.fit")
    return found
