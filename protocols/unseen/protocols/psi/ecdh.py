"""Meadows 1986, and Huberman, Franklin and Hogg 1999: private set intersection by Diffie-Hellman.

Over ristretto255 (RFC 9496) with items hashed by RFC 9380; every run has scalars of its own and a
session id in the hash, so that two runs have no element in common.

    receiver -> sender    a H(x) of its items, ascending
    sender -> receiver    b a H(x) in that order; b H(y) of its own items, ascending
    receiver              x is in both where b a H(x) is among the a b H(y)

The receiver learns which of its items the sender has, and how many the sender has; the sender how
many the receiver has. That holds for parties that follow the protocol, under DDH and in the random
oracle model; not against computers that take discrete logarithms. Nothing proves that anybody's
items are true: a receiver may ask about invented ones, so that sizes are to be bounded and paid
for, and a sender may hold invented ones. Sets that differ by one item tell about that item: whoever
lets runs be repeated has to count them.
"""

from collections.abc import Sequence

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.party import Rng
from unseen.protocols.psi.masked import Masked
from unseen.protocols.psi.messages import pack, unpack


class Receiver:
    """The party that learns which of its items the other has. Each step once."""

    def __init__(self, session: bytes, items: Sequence[bytes], rng: Rng) -> None:
        """Take the items of a run; `session` is 32 bytes that both parties know and no run had.

        Raises:
            InputInvalidError: no items, too many, one twice; or the session's id.

        """
        self._masked = Masked(session, items, rng)
        self._order = sorted(range(len(items)), key=self._masked.elements.__getitem__)

    def __repr__(self) -> str:
        """Say how large the set is."""
        return f"Receiver({len(self._order)} items)"

    def ask(self) -> bytes:
        """Return the message to the sender: 32 bytes an item."""
        return pack([[self._masked.elements[index] for index in self._order]])

    def finish(self, message: bytes) -> tuple[int, ...]:
        """Return the places of the items that the sender has, ascending.

        Raises:
            MalformedMessageError: the message is not the protocol's, or for another set.
            ElementInvalidError: it holds what is no element.
            StepOrderError: the run is over.

        """
        self._masked.check_open()
        doubled, theirs = unpack(message, (False, True))
        if len(doubled) != len(self._order):
            raise MalformedMessageError("the answer is for another number of items")
        both = frozenset(self._masked.double(theirs))
        places = zip(self._order, doubled, strict=True)
        return tuple(sorted(index for index, element in places if element in both))


class Sender:
    """The party whose set is asked about. Each step once."""

    def __init__(self, session: bytes, items: Sequence[bytes], rng: Rng) -> None:
        """Take the items of a run, as the receiver does.

        Raises:
            InputInvalidError: no items, too many, one twice; or the session's id.

        """
        self._masked = Masked(session, items, rng)

    def __repr__(self) -> str:
        """Say how large the set is."""
        return f"Sender({len(self._masked.elements)} items)"

    def answer(self, message: bytes) -> bytes:
        """Return the answer to a receiver's message: 32 bytes for an item of either.

        Raises:
            MalformedMessageError: the message is not the protocol's.
            ElementInvalidError: it holds what is no element; `position` names the first.
            StepOrderError: this run was answered before.

        """
        self._masked.check_open()
        (asked,) = unpack(message, (True,))
        return pack([self._masked.double(asked), sorted(self._masked.elements)])
