"""Ion et al., EuroS&P 2020, with ElGamal under a joint key: the sum of what stands beside an item.

As `cardinality.py`, and with each of the provider's items goes a number, encrypted under a key that
both parties have a share of:

    buyer -> provider     a share of the key, with its proof; a H(x) of its items, ascending
    provider -> buyer     the other share, with its proof; (b H(y), Enc(v)) of its own, ascending
    buyer -> provider     (a b H(y), Enc'(v)), ascending: which is which is lost
    provider -> buyer     the sum of those whose a b H(y) is among the b a H(x), and noise that the
                          caller draws, opened with the provider's share
    buyer                 opens it with its own, and finds the number

The provider learns how many items are in both and how many the buyer has, and decides on that
whether there is a sum at all; the buyer learns the sum with its noise, and how many items the
provider has. For parties that follow the protocol, under DDH and in the random oracle model. A
buyer that deviates can multiply ciphertexts before it sends them back, and so drown the noise, or
put encryptions of 0 in the place of all but one: nothing here would show it. A provider that
deviates may sum up what it likes, and find out as in `cardinality.py` which items the buyer has.
"""

from collections.abc import Sequence
from typing import Final

from unseen.protocols.errors import (
    ElementInvalidError,
    InputInvalidError,
    MalformedMessageError,
    StepOrderError,
)
from unseen.protocols.group import discrete_log, elgamal, fixed, ristretto255
from unseen.protocols.group.elgamal import Ciphertexts, Share
from unseen.protocols.party import Rng
from unseen.protocols.psi.masked import Masked
from unseen.protocols.psi.messages import pack, pack_records, unpack, unpack_records

MAX_VALUE: Final = (1 << 63) - 1
_BYTES: Final = ristretto255.ELEMENT_BYTES
_WIDTHS: Final = (_BYTES, _BYTES, _BYTES)  # an item's element and its ciphertext
HEAD_BYTES: Final = _BYTES + elgamal.PROOF_BYTES
_CONTEXT: Final = b"unseen/psi/sum/v1/"
_BUYER: Final = b"/buyer"
_PROVIDER: Final = b"/provider"


class Buyer:
    """The party that asks for the sum. Each step once."""

    def __init__(self, session: bytes, items: Sequence[bytes], rng: Rng) -> None:
        """Take the items of a run; `session` is 32 bytes that both parties know and no run had.

        Raises:
            InputInvalidError: no items, too many, one twice; or the session's id.

        """
        self._masked = Masked(session, items, rng)
        self._session = session
        self._rng = rng
        self._share = new_share(session, rng, provider=False)

    def __repr__(self) -> str:
        """Say how large the set is."""
        return f"Buyer({len(self._masked.elements)} items)"

    def ask(self) -> bytes:
        """Return the first message: 96 bytes, and 32 an item."""
        return head(self._share) + pack([sorted(self._masked.elements)])

    def mix(self, message: bytes) -> bytes:
        """Return the provider's items once more masked, encrypted anew, and in another order.

        Raises:
            MalformedMessageError: the message is not the protocol's.
            ProofInvalidError: the provider's share is not proven.
            ElementInvalidError: it holds what is no element; `position` names the first.
            StepOrderError: this run was answered before.

        """
        self._masked.check_open()
        key = joined_key(self._share, message[:HEAD_BYTES], self._session, provider=True)
        elements, first, second = unpack_records(message[HEAD_BYTES:], _WIDTHS)
        fresh = elgamal.refresh_each(key, Ciphertexts(first, second), self._rng)
        doubled = b"".join(self._masked.double(split(elements)))
        return pack_records((doubled, *fresh), _WIDTHS)

    def finish(self, message: bytes, bound: int) -> int:
        """Return the sum, with the noise that the provider added.

        Args:
            message: the provider's last.
            bound: what it is within, 2^42 at most: as many items as there may be times the largest
                value, and what noise may add. Both parties know it before.

        Raises:
            MalformedMessageError: the message is not the protocol's, or the sum beyond the bound.
            ElementInvalidError: it holds what is no element.
            InputInvalidError: the bound is negative or too large.
            StepOrderError: the provider has not been answered.

        """
        if not self._masked.is_spent:
            raise StepOrderError("there is no sum before the provider was answered")
        return opened(self._share, message, bound)


class Provider:
    """The party whose numbers are summed up, and that decides what leaves. Each step once."""

    def __init__(
        self, session: bytes, items: Sequence[bytes], values: Sequence[int], rng: Rng
    ) -> None:
        """Take the items of a run, as the buyer does, and a whole number for each, of 64 bits.

        Raises:
            InputInvalidError: no items, too many, one twice; the session's id; or another number of
                values, or one that 64 bits do not hold.

        """
        if len(values) != len(items) or any(abs(value) > MAX_VALUE for value in values):
            raise InputInvalidError("each item has one value, within 2^63 of 0")
        self._masked = Masked(session, items, rng)
        self._values = values
        self._session = session
        self._rng = rng
        self._share = new_share(session, rng, provider=True)
        self._key = b""
        self._doubled: frozenset[bytes] = frozenset()
        self._sum: Ciphertexts | None = None
        self._count = 0

    def __repr__(self) -> str:
        """Say how large the set is."""
        return f"Provider({len(self._masked.elements)} items)"

    def answer(self, message: bytes) -> bytes:
        """Return the own items with their numbers, for the buyer to mask and mix: 96 bytes each.

        Raises:
            MalformedMessageError: the message is not the protocol's.
            ProofInvalidError: the buyer's share is not proven.
            ElementInvalidError: it holds what is no element; `position` names the first.
            StepOrderError: this run was answered before.

        """
        self._masked.check_open()
        key = joined_key(self._share, message[:HEAD_BYTES], self._session, provider=False)
        (asked,) = unpack(message[HEAD_BYTES:], (True,))
        self._doubled = frozenset(self._masked.double(asked))
        self._key = key
        signed = (
            value.to_bytes(elgamal.VALUE_BYTES, "little", signed=True) for value in self._values
        )
        encrypted = elgamal.encrypt_each(key, b"".join(signed), self._rng)
        own = b"".join(self._masked.elements)
        return head(self._share) + pack_records((own, *encrypted), _WIDTHS)

    def count(self, message: bytes) -> int:
        """Return how many items are in both sets, and sum their numbers up.

        Raises:
            MalformedMessageError: the message is not the protocol's, or for another set.
            ElementInvalidError: a number is no ciphertext; of whatever item, and not of which.
            StepOrderError: nothing was asked yet, or the number was given.

        """
        if not self._doubled:
            raise StepOrderError("items are counted once, after the buyer has asked")
        elements, first, second = map(split, unpack_records(message, _WIDTHS))
        if len(elements) != len(self._masked.elements):
            raise MalformedMessageError("what came back is for another number of items")
        numbers = list(zip(elements, first, second, strict=True))
        both, others = (
            [number for number in numbers if (number[0] in self._doubled) is found]
            for found in (True, False)
        )
        self._sum = gathered(_ciphertexts(both), _ciphertexts(others))
        self._doubled, self._count = frozenset(), len(both)
        return self._count

    def close(self, noise: int, least: int) -> bytes:
        """Return the sum and noise, for the buyer to open: 64 bytes.

        Args:
            noise: what is added, drawn by the caller; within 2^63 of 0.
            least: how many items have to be in both, at least 1.

        Raises:
            InputInvalidError: fewer items are in both, or the noise is too large. The run is over.
            StepOrderError: nothing was counted yet, or the sum was given.

        """
        if self._sum is None:
            raise StepOrderError("a sum is given once, after its items were counted")
        total, self._sum = self._sum, None
        if self._count < max(least, 1) or abs(noise) > MAX_VALUE:
            raise InputInvalidError("there is no sum over so few items, or under such noise")
        return closing(self._key, self._share, total, noise, self._rng)


def new_share(session: bytes, rng: Rng, *, provider: bool) -> Share:
    """Return a party's share of a run's key."""
    return elgamal.new_share(_context(session, provider=provider), rng)


def head(share: Share) -> bytes:
    """Return how a share goes before a message: 96 bytes."""
    return share.element + share.proof


def joined_key(own: Share, other: bytes, session: bytes, *, provider: bool) -> bytes:
    """Return the key of a run: one's own share and the `head` of another, the `provider`'s or not.

    Raises:
        MalformedMessageError: the head is cut.
        ElementInvalidError: the share is no element.
        ProofInvalidError: it is not proven for this run and party.

    """
    if len(other) != HEAD_BYTES:
        raise MalformedMessageError("a share of a key is cut")
    context = _context(session, provider=provider)
    elgamal.check_share(other[:_BYTES], other[_BYTES:], context)
    return elgamal.joined_key(own.element, other[:_BYTES])


def gathered(both: Ciphertexts, others: Ciphertexts) -> Ciphertexts:
    """Return a ciphertext of the sum of the numbers beside items in both sets.

    Those beside other items are added up as well, in the same way, and thrown away: whether there
    is an error, and how long it takes, would tell a buyer without any noise what is in both.

    Raises:
        ElementInvalidError: one of either is no ciphertext; it does not say which.

    """
    among = (len(both.first) + len(others.first)) // _BYTES
    # All four, also where the first fails.
    first, second, *rest = [_total(column, among) for column in (*both, *others)]
    if first is None or second is None or None in rest:
        raise ElementInvalidError
    return Ciphertexts(first, second)


def _total(elements: bytes, among: int) -> bytes | None:
    """Return the sum of all, or None where one is no element."""
    try:
        return fixed.total(elements, among)
    except ElementInvalidError:
        return None


def closing(key: bytes, share: Share, total: Ciphertexts, noise: int, rng: Rng) -> bytes:
    """Return a sum and noise, opened with the provider's share: 64 bytes."""
    hidden = noise.to_bytes(elgamal.VALUE_BYTES, "little", signed=True)
    noisy = elgamal.add(total, elgamal.encrypt_each(key, hidden, rng))
    return b"".join(elgamal.opened_with(share.secret, noisy))


def opened(share: Share, message: bytes, bound: int) -> int:
    """Return the number of a provider's last message, opened with the buyer's share.

    Raises:
        MalformedMessageError, ElementInvalidError, InputInvalidError: as `Buyer.finish`.

    """
    if len(message) != 2 * _BYTES:
        raise MalformedMessageError("a sum is a ciphertext of 64 bytes")
    left = Ciphertexts(message[:_BYTES], message[_BYTES:])
    found = discrete_log.solve(elgamal.opened_with(share.secret, left).second, bound)
    if found is None:
        raise MalformedMessageError("the sum is beyond the bound that was agreed")
    return found


def split(elements: bytes) -> tuple[bytes, ...]:
    """Return elements that stand one after another."""
    return tuple(elements[start : start + _BYTES] for start in range(0, len(elements), _BYTES))


def _ciphertexts(numbers: Sequence[tuple[bytes, bytes, bytes]]) -> Ciphertexts:
    return Ciphertexts(*(b"".join(each[column] for each in numbers) for column in (1, 2)))


def _context(session: bytes, *, provider: bool) -> bytes:
    return _CONTEXT + session + (_PROVIDER if provider else _BUYER)
