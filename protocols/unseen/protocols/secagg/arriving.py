"""Bonawitz et al., CCS 2017, figure 4, round 2: a masked vector on its way in, piece by piece.

It is hashed as it comes, while its bytes are in the cache, and never held twice. Whether a party
has signed it is seen by the aggregator alone (`server.Aggregator.add_arrived`), and only then is it
added: what comes in here says nothing of whose it is.
"""

import hashlib
import mmap
import sys

import numpy as np

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.kernels.words import Words
from unseen.protocols.secagg.parameters import Round


def pages(size: int) -> mmap.mmap:
    """Return `size` bytes in pages of their own, which the system has back when nobody has them.

    An allocator would keep them for the next thread's vector, in pieces, and ask for more.
    """
    return mmap.mmap(-1, size)


class Arrival:
    """A vector of a round, as far as it is here. Memory: its words, once. Not thread-safe."""

    __slots__ = ("_arrived", "_hash", "_room", "_words")

    def __init__(self, parameters: Round) -> None:
        """Make room for a vector of the round."""
        size = parameters.ring // 8
        self._room = pages(parameters.dimension * size)
        self._words = np.frombuffer(self._room, f"<u{size}")
        self._hash = hashlib.sha256()
        self._arrived = 0

    def __repr__(self) -> str:
        """Say how much is here."""
        return f"Arrival({self._arrived} of {self._words.nbytes} bytes)"

    def add(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            MalformedMessageError: the vector would have more bytes than the round's.

        """
        end = self._arrived + len(piece)
        if end > self._words.nbytes:
            raise MalformedMessageError("a vector with more bytes than the round's")
        self._room[self._arrived : end] = piece
        self._hash.update(piece)
        self._arrived = end

    def check_whole(self) -> None:
        """Return if all of it is here.

        Raises:
            MalformedMessageError: the vector has fewer bytes than the round's.

        """
        if not self.whole:
            raise MalformedMessageError("a vector with fewer bytes than the round's")

    @property
    def whole(self) -> bool:
        """Return whether all of it is here."""
        return self._arrived == self._words.nbytes

    @property
    def digest(self) -> bytes:
        """Return the hash of the bytes that are here."""
        return self._hash.digest()

    @property
    def words(self) -> Words:
        """Return the words, not to be written to.

        Raises:
            MalformedMessageError: the vector has fewer bytes than the round's.

        """
        self.check_whole()
        found = self._words.view()
        if sys.byteorder != "little":
            found = found.astype(found.dtype.newbyteorder("="))
        found.flags.writeable = False
        return found
