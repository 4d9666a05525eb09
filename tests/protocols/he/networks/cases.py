"""A small network, its parameters, and a key owner that looks at everything it has."""

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from unseen.protocols.he import checks, coefficients, seal, slots
from unseen.protocols.he.models import Feature, Layer, Model, WholeSquares
from unseen.protocols.he.networks.demands import demanded
from unseen.protocols.he.networks.parameters import SquaresParameters, choose
from unseen.protocols.he.networks.tenseal_scheme import SquaresNode, SquaresOwner
from unseen.protocols.kernels import ntt, residues

FEATURES = tuple(Feature(name=name, low=-100, high=100, decimals=2) for name in "abc")
PRECISION = Fraction(1, 1000)


def network(weights: list[list[float]], outer: list[float], bias: float = 0.25) -> Model:
    """Return squares of sums over three columns, each with a weight of its own."""
    units = len(outer)
    hidden = Layer(
        tuple(tuple(map(float, row)) for row in weights),
        tuple(0.125 * place for place in range(units)),
        ((0.5, 0.25, 1.0),) * units,
    )
    return Model("linear", FEATURES, (hidden, Layer(tuple((one,) for one in outer), (bias,))))


MODEL = network([[0.5, -1.0], [1.5, 0.25], [-0.75, 1.0]], [0.8, -0.6])


@cache
def planned() -> tuple[WholeSquares, SquaresParameters]:
    """Return the model in whole numbers, and parameters for it."""
    whole, demand = demanded(MODEL, PRECISION, 16)
    return whole, choose(demand)


@cache
def pair() -> tuple[SquaresOwner, SquaresNode]:
    """Return a key owner and a node."""
    owner = SquaresOwner(planned()[1])
    return owner, SquaresNode(planned()[1], owner.context())


def rows(count: int, seed: int) -> Any:
    """Return rows within bounds, their corners among them."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float64)
    found = np.random.default_rng(seed).uniform(-1, 1, (max(count - 8, 0), 3))
    return np.concatenate([corners, found])[:count]


def phase(words: Any) -> Any:
    """Return what a ciphertext holds for its key owner, error and all: transformed."""
    owner, parameters = pair()[0], planned()[1]
    level = checks.sent_level(parameters)
    whole = seal.Level(parameters.degree, parameters.primes)
    secret = seal.read_plaintext(owner.secret(), whole).words[: len(level.primes)]
    return residues.weighted(
        [words[0], product(words[1], secret, level.primes)], [1, 1], level.primes
    )


def ideal(columns: Any, model: WholeSquares) -> Any:
    """Return the polynomial that rows and weights stand for, exactly: transformed."""
    parameters = planned()[1]
    level = checks.sent_level(parameters)
    primes, shift = level.primes, parameters.shift
    encoded = [
        coefficients.encode(column, shift, level)
        for column in slots.encode(columns, parameters.degree)
    ]
    found = constant(model.constant << 2 * shift)
    for weights, bias, sign in zip(model.weights, model.biases, model.signs, strict=True):
        total = residues.weighted([*encoded, constant(bias << shift)], [*weights, 1], primes)
        found = residues.weighted([found, product(total, total, primes)], [1, sign], primes)
    return found


def constant(number: int) -> Any:
    """Return the polynomial that is a number in every slot: transformed."""
    level = checks.sent_level(planned()[1])
    return np.stack([np.full(level.degree, number % prime, np.uint64) for prime in level.primes])


def apart(one: Any, other: Any) -> list[int]:
    """Return the coefficients in which transformed polynomials differ, as whole numbers."""
    primes = checks.sent_level(planned()[1]).primes
    difference = residues.weighted([one, other], [1, -1], primes)
    return coefficients.centred(ntt.inverse(difference, primes), primes)


def product(left: Any, right: Any, primes: tuple[int, ...]) -> Any:
    """Return products of transformed polynomials, in Python's whole numbers."""
    parts = [
        (x.astype(object) * y.astype(object) % prime).astype(np.uint64)
        for x, y, prime in zip(left, right, primes, strict=True)
    ]
    return np.stack(parts)
