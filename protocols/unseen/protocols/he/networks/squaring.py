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
        # Apart until the end: what has cancelled out on the way SEAL would take for no ciphertext.
        found: dict[int, Any] = {}
        for sign, ciphertext in terms:
            square = self._ring.seal.Ciphertext()
            load(square, self._ring.context, ciphertext)
            self._evaluator.square_inplace(square)
            if sign in found:
                self._evaluator.add_inplace(found[sign], square)
            elif sign:
                found[sign] = square
        total = found.get(1)
        if total is None:
            return None
        if -1 in found:
            self._evaluator.sub_inplace(total, found[-1])
        self._evaluator.relinearize_inplace(total, self._keys)
        return saved(total, self._ring.limit(2))
