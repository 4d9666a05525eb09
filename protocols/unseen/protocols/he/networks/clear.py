"""RFC 2410 in spirit: the scheme of `scheme.py` with no encryption, for tests of what lies around.

Everybody reads everything. Shapes, counts, checks and errors are those of a scheme that encrypts;
rows are rounded to the whole numbers of slots, scores are exact at those, and nothing is flooded.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import slots
from unseen.protocols.he.models import WholeSquares
from unseen.protocols.he.networks import parameters as rings
from unseen.protocols.he.networks.parameters import SquaresParameters
from unseen.protocols.he.networks.scheme import (
    Reals,
    check_columns,
    check_count,
    check_model,
    check_rows,
)
from unseen.protocols.party import Rng

_SENT: Final = b"unseen/he/clear/slots/sent"
_BACK: Final = b"unseen/he/clear/slots/back"
_SECRET: Final = b"unseen/he/clear/slots/none"
_SCORE_BYTES: Final = 40  # 2^264 is the largest score that is demanded


@dataclass(frozen=True)
class ClearOwner:
    """A key owner without a key."""

    parameters: SquaresParameters

    def secret(self) -> bytes:
        """Return what stands for a key."""
        return _SECRET

    def context(self) -> bytes:
        """Return a digest of the parameters."""
        return _context(self.parameters)

    def encrypt(self, columns: Reals) -> list[bytes]:
        """Return each column as it is, with zeros behind; errors as `Owner.encrypt`."""
        check_columns(self.parameters, columns)
        behind = self.parameters.rows - columns.shape[1]
        whole = np.rint(np.ldexp(columns, slots.GRID)).astype("<i8")
        return [_SENT + np.pad(column, (0, behind)).tobytes() for column in whole]

    def decrypt(self, response: bytes, rows: int) -> Reals:
        """Return scores; errors as `Owner.decrypt`."""
        check_rows(self.parameters, rows)
        if len(response) != len(_BACK) + _SCORE_BYTES * self.parameters.rows or (
            not response.startswith(_BACK)
        ):
            raise MalformedMessageError("no response")
        one = 1 << 2 * (slots.GRID + self.parameters.demand.weight_bits)
        places = range(len(_BACK), len(_BACK) + _SCORE_BYTES * rows, _SCORE_BYTES)
        whole = [
            int.from_bytes(response[at : at + _SCORE_BYTES], "little", signed=True) for at in places
        ]
        return np.array([score / one for score in whole])


@dataclass(frozen=True)
class ClearNode:
    """A node that reads what it computes with."""

    parameters: SquaresParameters

    def scored(self, ciphertexts: Sequence[bytes], model: WholeSquares) -> tuple[int, ...]:
        """Return scores, exactly; errors as `Node.scored`."""
        check_model(self.parameters, model)
        check_count(self.parameters, ciphertexts)
        columns = np.stack([self._column(one) for one in ciphertexts])
        used = int(np.flatnonzero(columns.any(axis=0)).max(initial=-1)) + 1
        found = [self._score(column, model) for column in columns[:, :used].T.tolist()]
        nothing = self._score([0] * len(columns), model)  # of rows that nobody sent
        return (*found, *[nothing] * (self.parameters.rows - used))

    def private(self, total: tuple[int, ...], rng: Rng) -> bytes:  # noqa: ARG002 - nothing to hide
        """Return scores as bytes."""
        return _BACK + b"".join(one.to_bytes(_SCORE_BYTES, "little", signed=True) for one in total)

    @staticmethod
    def _score(row: list[int], model: WholeSquares) -> int:
        sums = [
            bias + sum(weight * number for weight, number in zip(weights, row, strict=True))
            for weights, bias in zip(model.weights, model.biases, strict=True)
        ]
        return model.constant + sum(
            sign * one**2 for sign, one in zip(model.signs, sums, strict=True)
        )

    def _column(self, ciphertext: bytes) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        words = len(ciphertext) - len(_SENT)
        if words != 8 * self.parameters.rows or not ciphertext.startswith(_SENT):
            raise MalformedMessageError("no ciphertext under these parameters")
        return np.frombuffer(ciphertext, "<i8", offset=len(_SENT)).astype(np.int64)


class ClearScheme:
    """Makes key owners and nodes that hide nothing."""

    name = "clear"

    def owner(self, parameters: SquaresParameters, secret: bytes | None = None) -> ClearOwner:
        """Return a key owner; errors as `NetworkScheme.owner`."""
        rings.check(parameters)
        if secret not in {None, _SECRET}:
            raise MalformedMessageError("no key")
        return ClearOwner(parameters)

    def opened(self, parameters: SquaresParameters, context: bytes) -> ClearNode:
        """Return a node; errors as `NetworkScheme.opened`."""
        rings.check(parameters)
        if context != _context(parameters):
            raise MalformedMessageError("a context of other parameters")
        return ClearNode(parameters)


SCHEME: Final = ClearScheme()


def _context(parameters: SquaresParameters) -> bytes:
    return hashlib.sha256(parameters.encoded()).digest()
