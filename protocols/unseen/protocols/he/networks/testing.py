"""What every implementation of `scheme.NetworkScheme` has to do: a suite to hold one's own against.

It finds wrong scores and bytes that are taken where they should not be. It finds no scheme out that
hides nothing: `clear.SCHEME` passes.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from unseen.protocols.errors import CountMismatchError, InputInvalidError, MalformedMessageError
from unseen.protocols.he import slots
from unseen.protocols.he.models import WholeSquares
from unseen.protocols.he.networks.parameters import SquaresParameters
from unseen.protocols.he.networks.scheme import NetworkScheme, Reals
from unseen.protocols.party import Rng

_ROWS = 24


def check_scheme(
    scheme: NetworkScheme[Any], parameters: SquaresParameters, whole: WholeSquares, rng: Rng
) -> None:
    """Check that a scheme scores rows as a network does, and refuses what is none of its own.

    `parameters` are chosen for what `whole` demands.

    Raises:
        AssertionError: it does not.

    """
    owner = scheme.owner(parameters)
    node = scheme.opened(parameters, owner.context())
    columns = _columns(parameters, rng)
    sent = owner.encrypt(columns)
    _require(len(sent) == parameters.demand.columns, "not a ciphertext a column")
    back = node.private(node.scored(sent, whole), rng)
    found = owner.decrypt(back, _ROWS)
    _require(found.shape == (_ROWS,), "not a score a row")
    exact = [_exact(whole, row) for row in columns.T.tolist()]
    off = max(abs(Fraction(one) - score) for one, score in zip(found.tolist(), exact, strict=True))
    _require(off <= parameters.error, "scores are less precise than parameters say")
    again = scheme.owner(parameters, owner.secret()).decrypt(back, _ROWS)
    _require(bool((again == found).all()), "a key that was kept decrypts to something else")
    for altered in (b"", sent[0][:-1], sent[0] + b"\x00", back):
        _refused(partial(node.scored, [altered, *sent[1:]], whole), MalformedMessageError)
    for altered in (b"", back[:-1], back + b"\x00", sent[0]):
        _refused(partial(owner.decrypt, altered, 1), MalformedMessageError)
    for rows in (0, parameters.rows + 1):
        _refused(partial(owner.decrypt, back, rows), InputInvalidError)
    _refused(partial(scheme.opened, parameters, owner.context()[:-1]), MalformedMessageError)
    _refused(partial(node.scored, sent[1:], whole), CountMismatchError)
    for beyond in _beyond(parameters, whole):
        _refused(partial(node.scored, sent, beyond), InputInvalidError)
    for wrong in (1.5, -1.5, float("nan")):
        large = columns.copy()
        large[0, 0] = wrong
        _refused(partial(owner.encrypt, large), InputInvalidError)


def _columns(parameters: SquaresParameters, rng: Rng) -> Reals:
    """Return columns of numbers from -1 to 1, both ends among them."""
    count = parameters.demand.columns
    drawn = np.frombuffer(rng(8 * count * _ROWS), "<i8").astype(np.float64)
    columns = np.ldexp(drawn, -63).reshape(count, _ROWS)
    columns[:, 0], columns[:, 1] = 1, -1
    return columns


def _exact(whole: WholeSquares, row: list[float]) -> Fraction:
    one = 1 << (slots.GRID + whole.bits)
    found = Fraction(whole.constant, one**2)
    for weights, bias, sign in zip(whole.weights, whole.biases, whole.signs, strict=True):
        total = sum((w * Fraction(x) for w, x in zip(weights, row, strict=True)), Fraction(0))
        found += sign * (total / (1 << whole.bits) + Fraction(bias, one)) ** 2
    return found


def _beyond(parameters: SquaresParameters, whole: WholeSquares) -> list[WholeSquares]:
    """Return networks that are larger than the plan says, or have another shape."""
    demand = parameters.demand
    heavy = ((1 + (1 << demand.sum_bits), *whole.weights[0][1:]), *whole.weights[1:])
    return [
        replace(whole, weights=heavy),
        replace(whole, farthest=1 + (1 << demand.unit_bits)),
        replace(whole, largest=1 + (1 << demand.reach_bits)),
        replace(whole, bits=whole.bits + 1),
        replace(whole, weights=(*whole.weights, whole.weights[0])),
    ]


def _refused(call: Callable[[], object], error: type[Exception]) -> None:
    try:
        call()
    except error:
        return
    except Exception as other:
        raise AssertionError("refused with another error") from other
    raise AssertionError("something is taken that is not the scheme's")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)
