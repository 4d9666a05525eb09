"""RFC 2410 in spirit: the scheme of `scheme.py` with no encryption, for tests of what lies around.

Everybody reads everything. Shapes, counts, checks and errors are those of a scheme that encrypts,
scores are exact, and nothing is flooded.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from unseen.protocols.errors import CountMismatchError, MalformedMessageError
from unseen.protocols.he import parameters as rings
from unseen.protocols.he.parameters import Parameters
from unseen.protocols.he.scheme import Scores, Wholes, check_columns, check_rows, check_weights
from unseen.protocols.party import Rng

_SENT: Final = b"unseen/he/clear/sent"
_BACK: Final = b"unseen/he/clear/back"
_SECRET: Final = b"unseen/he/clear/none"
_SCORE_BYTES: Final = 32


@dataclass(frozen=True)
class ClearOwner:
    """A key owner without a key."""

    parameters: Parameters

    def secret(self) -> bytes:
        """Return what stands for a key."""
        return _SECRET

    def context(self) -> bytes:
        """Return a digest of the parameters."""
        return _context(self.parameters)

    def encrypt(self, columns: Wholes) -> list[bytes]:
        """Return each column as it is, with zeros behind; errors as `Owner.encrypt`."""
        check_columns(self.parameters, columns)
        behind = self.parameters.degree - columns.shape[1]
        return [_SENT + np.pad(column, (0, behind)).astype("<i8").tobytes() for column in columns]

    def decrypt(self, response: bytes, rows: int) -> Scores:
        """Return scores; errors as `Owner.decrypt`."""
        check_rows(self.parameters, rows)
        if len(response) != len(_BACK) + _SCORE_BYTES * self.parameters.degree or (
            not response.startswith(_BACK)
        ):
            raise MalformedMessageError("no response")
        demand = self.parameters.demand
        places = range(len(_BACK), len(_BACK) + _SCORE_BYTES * rows, _SCORE_BYTES)
        whole = [
            int.from_bytes(response[i : i + _SCORE_BYTES], "little", signed=True) for i in places
        ]
        return np.array([one / (1 << (demand.grid + demand.weight_bits)) for one in whole])


@dataclass(frozen=True)
class ClearNode:
    """A node that reads what it computes with."""

    parameters: Parameters

    def check(self, ciphertext: bytes) -> None:
        """Check a column; errors as `Node.check`."""
        self._column(ciphertext)

    def weighted(
        self, ciphertexts: Iterable[bytes], weights: Sequence[int], bias: int
    ) -> tuple[int, ...]:
        """Return scores, exactly; errors as `Node.weighted`."""
        check_weights(self.parameters, weights, bias)
        given = list(ciphertexts)
        if len(given) != len(weights):
            raise CountMismatchError(found=len(given), expected=len(weights))
        total = [bias] * self.parameters.degree
        for one, weight in zip(given, weights, strict=True):
            for row, number in enumerate(self._column(one).tolist()):
                total[row] += weight * number
        return tuple(total)

    def private(self, weighted: tuple[int, ...], rng: Rng) -> bytes:  # noqa: ARG002 - nothing to hide
        """Return scores as bytes."""
        return _BACK + b"".join(
            one.to_bytes(_SCORE_BYTES, "little", signed=True) for one in weighted
        )

    def _column(self, ciphertext: bytes) -> Wholes:
        words = len(ciphertext) - len(_SENT)
        if words != 8 * self.parameters.degree or not ciphertext.startswith(_SENT):
            raise MalformedMessageError("no ciphertext under these parameters")
        return np.frombuffer(ciphertext, "<i8", offset=len(_SENT)).astype(np.int64)


class ClearScheme:
    """Makes key owners and nodes that hide nothing."""

    name = "clear"

    def owner(self, parameters: Parameters, secret: bytes | None = None) -> ClearOwner:
        """Return a key owner; errors as `HeScheme.owner`."""
        rings.check(parameters)
        if secret not in {None, _SECRET}:
            raise MalformedMessageError("no key")
        return ClearOwner(parameters)

    def opened(self, parameters: Parameters, context: bytes) -> ClearNode:
        """Return a node; errors as `HeScheme.opened`."""
        rings.check(parameters)
        if context != _context(parameters):
            raise MalformedMessageError("a context of other parameters")
        return ClearNode(parameters)


SCHEME: Final = ClearScheme()


def _context(parameters: Parameters) -> bytes:
    return hashlib.sha256(parameters.encoded()).digest()
