"""2016/421 (CKKS), section 3.3, over SEAL 4: plus and minus squares of ciphertexts, added up.

Squares have three parts, which are added before keys bring their sum back to two: once, whatever
the number of units. Nothing is divided and no prime is dropped, so scales stay 1.

Not protected: keys are the key owner's, and SEAL alone reads them.
"""

from collections.abc import Iterable
from typing import Any

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he.engine import Ring
from unseen.protocols.he.memory import load, saved


class Squares:
    """Whoever has the keys that a product needs."""

    def __init__(self, ring: Ring, relin_keys: bytes) -> None:
        """Take keys that `KeyOwner.relin_keys` returned.

        Raises:
            MalformedMessageError: they are no such keys of this ring.

        """
        self._ring = ring
        self._keys = ring.seal.RelinKeys()
        load(self._keys, ring.context, relin_keys)
        if not self._keys.has_key(2):
            raise MalformedMessageError("keys for no product of two ciphertexts")
        self._evaluator = ring.seal.Evaluator(ring.context)

    def total(self, terms: Iterable[tuple[int, bytes]]) -> bytes | None:
        """Return the sum of squares of ciphertexts, each with its sign: 1 or -1, the first's 1.

        One of sign 0 is squared and left out; None if no other is there. It takes as long whatever
        signs are.

        Raises:
            MalformedMessageError: SEAL refuses one.

        """
        found: Any = None
        for sign, ciphertext in terms:
            square = self._ring.seal.Ciphertext()
            load(square, self._ring.context, ciphertext)
            self._evaluator.square_inplace(square)
            if not sign:
                continue
            if found is None:
                found = square
            elif sign < 0:
                self._evaluator.sub_inplace(found, square)
            else:
                self._evaluator.add_inplace(found, square)
        if found is None:
            return None
        self._evaluator.relinearize_inplace(found, self._keys)
        return saved(found, self._ring.limit(2))
