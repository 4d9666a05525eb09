"""What every implementation of `scheme.HeScheme` has to do: a suite to hold one's own against.

It finds wrong scores and bytes that are taken where they should not be. It finds no scheme out that
hides nothing: `clear.SCHEME` passes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from unseen.protocols.errors import CountMismatchError, InputInvalidError, MalformedMessageError
from unseen.protocols.he.parameters import Demand, Parameters
from unseen.protocols.he.scheme import HeScheme, Wholes
from unseen.protocols.party import Rng

_ROWS = 100


def check_scheme(scheme: HeScheme[Any], parameters: Parameters, rng: Rng) -> None:
    """Check that a scheme scores rows as whole numbers do, and refuses what is none of its own.

    Raises:
        AssertionError: it does not.

    """
    demand, owner = parameters.demand, scheme.owner(parameters)
    node = scheme.opened(parameters, owner.context())
    columns = _columns(parameters, rng)
    sent = owner.encrypt(columns)
    _require(len(sent) == demand.columns, "not a ciphertext a column")
    weights, bias = _weights(demand, rng), 1 << max(0, demand.reach_bits - 1)
    back = node.private(node.weighted(sent, weights, bias), rng)
    found = owner.decrypt(back, _ROWS)
    _require(found.shape == (_ROWS,), "not a score a row")
    unit = 1 << demand.grid + demand.weight_bits
    exact = [bias + sum(w * int(x) for w, x in zip(weights, row, strict=True)) for row in columns.T]
    off = max(abs(float(one) - whole / unit) for one, whole in zip(found, exact, strict=True))
    _require(off <= 2.0**-demand.precision_bits, "scores are less precise than asked for")
    again = scheme.owner(parameters, owner.secret()).decrypt(back, _ROWS)
    _require(bool((again == found).all()), "a key that was kept decrypts to something else")
    for altered in (b"", sent[0][:-1], sent[0] + b"\x00", back):
        _refused(partial(node.check, altered), MalformedMessageError)
    for altered in (b"", back[:-1], back + b"\x00", sent[0]):
        _refused(partial(owner.decrypt, altered, 1), MalformedMessageError)
    _refused(lambda: scheme.opened(parameters, owner.context()[:-1]), MalformedMessageError)
    _refused(lambda: node.weighted(sent[1:], weights, bias), CountMismatchError)
    _refused(lambda: node.weighted(sent, weights[1:], bias), CountMismatchError)
    beyond = [1 + (1 << demand.sum_bits), *weights[1:]]
    _refused(lambda: node.weighted(sent, beyond, bias), InputInvalidError)
    large = columns.copy()
    large[0, 0] = 1 + (1 << demand.grid)
    _refused(lambda: owner.encrypt(large), InputInvalidError)


def _columns(parameters: Parameters, rng: Rng) -> Wholes:
    """Return columns of whole numbers within bounds, both ends among them."""
    demand = parameters.demand
    drawn = np.frombuffer(rng(8 * demand.columns * _ROWS), "<u8") >> np.uint64(1)
    edge = 1 << demand.grid
    found = drawn.astype(np.int64) % (2 * edge + 1) - edge
    columns = found.reshape(demand.columns, _ROWS)
    columns[:, 0], columns[:, 1] = edge, -edge
    return columns


def _weights(demand: Demand, rng: Rng) -> list[int]:
    """Return weights that a plan allows: no score of theirs passes half the reach."""
    most = min(1 << demand.sum_bits, 1 << max(0, demand.reach_bits - demand.grid - 1))
    each = most // demand.columns
    drawn = [int.from_bytes(rng(16), "little") for _ in range(demand.columns)]
    return [number % (2 * each + 1) - each for number in drawn]


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
