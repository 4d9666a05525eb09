"""De Cristofaro, Gasti and Tsudik, CANS 2012, in the other direction: how many items are in both.

As `ecdh.py`, but that the provider, who answers for what leaves, is the one that learns the number:

    buyer -> provider     a H(x) of its items, ascending
    provider -> buyer     b H(y) of its own items, ascending
    buyer -> provider     a b H(y), ascending: which is which is lost
    provider              counts the b a H(x) among them

The provider learns the number, and how many items the buyer has; the buyer how many the provider
has, and what the provider then lets out: with noise, or not below a group. For parties that follow
the protocol, under DDH and in the random oracle model. A buyer that deviates may send one item
under many masks and send back elements of its own choice: a number that counts one subject many
times, which noise for one does not hide. A provider that deviates may send r H(y) for guesses y and
an r of its own for each, and finds by what comes back which of them the buyer has.
"""

from collections.abc import Sequence

from unseen.protocols.errors import MalformedMessageError, StepOrderError
from unseen.protocols.party import Rng
from unseen.protocols.psi.masked import Masked
from unseen.protocols.psi.messages import pack, unpack


class Buyer:
    """The party that asks for the number. Each step once."""

    def __init__(self, session: bytes, items: Sequence[bytes], rng: Rng) -> None:
        """Take the items of a run; `session` is 32 bytes that both parties know and no run had.

        Raises:
            InputInvalidError: no items, too many, one twice; or the session's id.

        """
        self._masked = Masked(session, items, rng)

    def __repr__(self) -> str:
        """Say how large the set is."""
        return f"Buyer({len(self._masked.elements)} items)"

    def ask(self) -> bytes:
        """Return the first message: 32 bytes an item."""
        return pack([sorted(self._masked.elements)])

    def mix(self, message: bytes) -> bytes:
        """Return the provider's elements once more masked, and in another order.

        Raises:
            MalformedMessageError: the message is not the protocol's.
            ElementInvalidError: it holds what is no element; `position` names the first.
            StepOrderError: this run was answered before.

        """
        self._masked.check_open()
        (theirs,) = unpack(message, (True,))
        return pack([sorted(self._masked.double(theirs))])


class Provider:
    """The party that learns the number, and decides what leaves. Each step once."""

    def __init__(self, session: bytes, items: Sequence[bytes], rng: Rng) -> None:
        """Take the items of a run, as the buyer does.

        Raises:
            InputInvalidError: no items, too many, one twice; or the session's id.

        """
        self._masked = Masked(session, items, rng)
        self._doubled: frozenset[bytes] = frozenset()

    def __repr__(self) -> str:
        """Say how large the set is."""
        return f"Provider({len(self._masked.elements)} items)"

    def answer(self, message: bytes) -> bytes:
        """Return the own elements, for the buyer to mask and mix.

        Raises:
            MalformedMessageError: the message is not the protocol's.
            ElementInvalidError: it holds what is no element; `position` names the first.
            StepOrderError: this run was answered before.

        """
        self._masked.check_open()
        (asked,) = unpack(message, (True,))
        self._doubled = frozenset(self._masked.double(asked))
        return pack([sorted(self._masked.elements)])

    def count(self, message: bytes) -> int:
        """Return how many items are in both sets.

        Raises:
            MalformedMessageError: the message is not the protocol's, or for another set.
            StepOrderError: nothing was asked yet, or the number was given.

        """
        if not self._doubled:
            raise StepOrderError("a number is counted once, after the buyer has asked")
        (mixed,) = unpack(message, (True,))
        if len(mixed) != len(self._masked.elements):
            raise MalformedMessageError("what came back is for another number of items")
        found = len(self._doubled.intersection(mixed))
        self._doubled = frozenset()
        return found
