"""Bonawitz et al., CCS 2017, figure 4: the aggregator's side of a round.

Collects a step of each party, closes the step, and passes on what the parties need; whoever is
not there when a step closes has dropped out. Memory: one vector, the sum. The result is right
if the parties followed the protocol or sent nothing; whoever sent a wrong share is named. A
party whose vector is well-formed garbage makes the sum garbage, and nobody can tell. The
aggregator can always publish another sum than the one it computed.
"""

import hashlib
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import (
    DimensionMismatchError,
    MalformedMessageError,
    PlanMismatchError,
    ShareInvalidError,
    StepOrderError,
)
from unseen.protocols.kernels import aes
from unseen.protocols.kernels.words import Words, wire_bytes, zeros
from unseen.protocols.secagg import keying, shamir, wire
from unseen.protocols.secagg.arriving import Arrival
from unseen.protocols.secagg.client import Masked
from unseen.protocols.secagg.parameters import HASH_BYTES, Round
from unseen.protocols.secagg.ring import from_ring
from unseen.protocols.secagg.sealed import Opener
from unseen.protocols.secagg.shamir import SHARE_BYTES
from unseen.protocols.secagg.wire import ENTRY_BYTES, Step


class Aggregator:
    """One round. A step's `add_*` takes messages until its `close_*`; an error adds nothing."""

    def __init__(self, parameters: Round, opener: Opener | None = None) -> None:
        """Begin a round. Of one with a lead only who has its `opener` takes what is revealed."""
        self.parameters = parameters
        self._opener = opener
        self._step: Step | None = Step.KEYS
        self._keys: dict[int, bytes] = {}
        self._entries: dict[int, bytes] = {}
        self._masked: set[int] = set()
        self._confirmed: dict[int, bytes] = {}
        self._revealed: dict[int, dict[int, bytes]] = {}  # of each holder: share by dealer
        self._view = b""
        self._sum = zeros(parameters.dimension, parameters.ring)

    @property
    def survivors(self) -> tuple[str, ...]:
        """Return the names of those whose vectors are in the sum."""
        return tuple(self.parameters.members[index].name for index in sorted(self._masked))

    def add_keys(self, message: bytes) -> None:
        """Take a party's announced keys.

        Raises:
            CohortError: an unknown party, not signed, twice, or of another plan or round.
            MalformedMessageError: it is no announcement.
            StepOrderError: the step is closed.

        """
        self._expect(Step.KEYS)
        sender, _ = wire.opened(self.parameters, Step.KEYS, message, wire.KEYS_BYTES)
        wire.check_new(self.parameters, sender, self._keys, {sender})
        self._keys[sender] = message

    def close_keys(self) -> tuple[bytes, ...]:
        """Return what every party is sent: all announcements, in the roster's order.

        Raises:
            SurvivorsTooFewError: fewer came than the round needs.

        """
        self._expect(Step.KEYS)
        self._keys = self._close(self._keys, Step.SHARES)
        messages = tuple(self._keys.values())
        self._view = wire.view_of_keys(self.parameters, messages)
        return messages

    def add_shares(self, message: bytes) -> None:
        """Take a party's sealed shares.

        Raises:
            CohortError: as for `add_keys`; a dropped party, or one that saw other keys.
            MalformedMessageError: it holds no shares, or not one for each party.
            StepOrderError: not the turn of this step.

        """
        self._expect(Step.SHARES)
        size = HASH_BYTES + len(self._keys) * ENTRY_BYTES
        sender, body = wire.opened(self.parameters, Step.SHARES, message, size)
        wire.check_new(self.parameters, sender, self._entries, self._keys)
        self._check_view(sender, body[:HASH_BYTES])
        self._entries[sender] = body[HASH_BYTES:]

    def close_shares(self) -> dict[str, tuple[bytes, ...]]:
        """Return what each party is sent, by name: what the others dealt to it.

        Raises:
            SurvivorsTooFewError: fewer came than the round needs.

        """
        self._expect(Step.SHARES)
        self._entries = self._close(self._entries, Step.MASKED)
        self._view = wire.view_of_dealers(self._view, tuple(self._entries))
        found = {}
        for holder in self._entries:
            deals = tuple(
                dealer.to_bytes(2) + self._entry(dealer, holder) for dealer in self._entries
            )
            found[self.parameters.members[holder].name] = deals
        return found

    def add_masked(self, masked: Masked) -> None:
        """Add a party's masked vector to the sum.

        Raises:
            CohortError: as for `add_shares`; the vector is of another dimension, or not the one
                that was signed.
            MalformedMessageError: it is no masked vector, or of another ring.
            StepOrderError: not the turn of this step.

        """
        sender, signed = self._signed(masked.message)
        self._add(sender, signed, masked.words, lambda: _digest(masked.words))

    def add_arrived(self, message: bytes, arrival: Arrival) -> None:
        """Add a masked vector that was hashed as it came in, where `message` signs that hash.

        Raises:
            As `add_masked`; MalformedMessageError too where a part of the vector is missing.

        """
        sender, signed = self._signed(message)
        self._add(sender, signed, arrival.words, lambda: arrival.digest)

    def close_masked(self) -> bytes:
        """Return the list of those left, which every one of them has to confirm.

        Raises:
            SurvivorsTooFewError: fewer came than the round needs.

        """
        self._expect(Step.MASKED)
        self.parameters.require(self._masked)
        self._step = Step.CONFIRM
        gone = self._entries.keys() - self._masked
        return wire.survivors_message(self.parameters, self._masked, gone)

    def add_confirmation(self, message: bytes) -> None:
        """Take a party's signature over the list.

        Raises:
            CohortError: as for `add_shares`; or it confirmed another list.
            MalformedMessageError: it is no confirmation.
            StepOrderError: not the turn of this step.

        """
        self._expect(Step.CONFIRM)
        left = sorted(self._masked)
        expected = self._view + len(left).to_bytes(2) + wire.packed(left)
        sender, body = wire.opened(self.parameters, Step.CONFIRM, message, None)
        wire.check_new(self.parameters, sender, self._confirmed, self._masked)
        self._check_view(sender, body[:HASH_BYTES])
        if body != expected:
            name = self.parameters.members[sender].name
            raise PlanMismatchError(name, "confirmed other survivors")
        self._confirmed[sender] = message

    def close_confirmations(self) -> tuple[bytes, ...]:
        """Return what every party left is sent: the confirmations.

        Raises:
            SurvivorsTooFewError: fewer came than the round needs.

        """
        self._expect(Step.CONFIRM)
        self._confirmed = self._close(self._confirmed, Step.REVEAL)
        return tuple(self._confirmed.values())

    def add_reveal(self, message: bytes) -> None:
        """Take a party's shares, one of each dealer, held against the dealers' commitments.

        Raises:
            CohortError: as for `add_shares`; or a share is not what its dealer committed to.
            MalformedMessageError: it holds no shares, or not one of each dealer.
            StepOrderError: not the turn of this step, or it is sealed to a lead that is not here.

        """
        self._expect(Step.REVEAL)
        tag = keying.TAG_BYTES if self.parameters.lead else 0
        size = HASH_BYTES + len(self._entries) * SHARE_BYTES + tag
        sender, body = wire.opened(self.parameters, Step.REVEAL, message, size)
        wire.check_new(self.parameters, sender, self._revealed, self._confirmed)
        name = self.parameters.members[sender].name
        if body[:HASH_BYTES] != wire.view_of_dealers(self._view, sorted(self._masked)):
            raise PlanMismatchError(name, "revealed shares for other survivors")
        revealed = self._opened(sender, body)
        shares = {}
        for number, dealer in enumerate(self._entries):
            start = number * SHARE_BYTES
            shares[dealer] = revealed[start : start + SHARE_BYTES]
            place = (dealer, sender)
            own = dealer in self._masked
            label = b"own share" if own else b"mask share"
            promise = self._entry(dealer, sender)[: 2 * HASH_BYTES]
            wanted = promise[:HASH_BYTES] if own else promise[HASH_BYTES:]
            if keying.commit(self.parameters, label, place, shares[dealer]) != wanted:
                raise ShareInvalidError(name, "a share that its dealer did not commit to")
        self._revealed[sender] = shares

    def finish(self) -> NDArray[np.int64]:
        """Return the sum of the vectors of those left, signed, of the round's dimension.

        Costs one AES stream for each party left, and one more and a key agreement for each pair
        of one left and one gone.

        Raises:
            SurvivorsTooFewError: fewer revealed than the round needs.
            ShareInvalidError: the shares of a party do not make up what it announced.
            StepOrderError: not the turn of this step.

        """
        self._expect(Step.REVEAL)
        self.parameters.require(self._revealed)
        seeds: list[bytes] = []
        minus: list[bool] = []
        for dealer in self._entries:
            secret = self._combined(dealer)
            if dealer in self._masked:
                seeds.append(keying.self_seed(self.parameters, dealer, secret))
                minus.append(True)
            else:
                for peer, seed in self._pairs_of(dealer, secret):
                    seeds.append(seed)
                    # The one left added it where its number is the lower one.
                    minus.append(peer < dealer)
        aes.add_streams(self._sum, seeds, minus)
        self._step = None
        self._revealed = {}
        return from_ring(self._sum)

    def _opened(self, sender: int, body: bytes) -> bytes:
        view, revealed = body[:HASH_BYTES], body[HASH_BYTES:]
        if not self.parameters.lead:
            return revealed
        if self._opener is None:
            raise StepOrderError(f"what is revealed is sealed to {self.parameters.lead}")
        return self._opener.open(sender, view, revealed)

    def _signed(self, message: bytes) -> tuple[int, bytes]:
        """Return who signed a vector, and the hash of it."""
        self._expect(Step.MASKED)
        sender, body = wire.opened(self.parameters, Step.MASKED, message, 2 * HASH_BYTES)
        wire.check_new(self.parameters, sender, self._masked, self._entries)
        self._check_view(sender, body[:HASH_BYTES])
        return sender, body[HASH_BYTES:]

    def _add(self, sender: int, signed: bytes, words: Words, digest: Callable[[], bytes]) -> None:
        name = self.parameters.members[sender].name
        if words.dtype != self._sum.dtype or words.ndim != 1:
            raise MalformedMessageError(f"{name}: a vector over another ring")
        if words.size != self._sum.size:
            raise DimensionMismatchError(name, found=words.size, expected=self._sum.size)
        if digest() != signed:
            raise MalformedMessageError(f"{name}: another vector than the one it signed")
        np.add(self._sum, words, out=self._sum)
        self._masked.add(sender)

    def _combined(self, dealer: int) -> bytes:
        some = sorted(self._revealed)[: self.parameters.threshold]
        announced = self._announced(dealer)
        name = self.parameters.members[dealer].name
        secret = shamir.combine({holder + 1: self._revealed[holder][dealer] for holder in some})
        if dealer in self._masked:
            right = keying.commit(self.parameters, b"self", (dealer,), secret) == announced[64:]
        else:
            right = keying.public_key(secret) == announced[:32]
        if not right:
            raise ShareInvalidError(name, "its shares do not make up what it announced")
        return secret

    def _pairs_of(self, gone: int, secret: bytes) -> Iterable[tuple[int, bytes]]:
        own = (gone, self._announced(gone)[:32])
        for peer in sorted(self._masked):
            key = self._announced(peer)[:32]
            shared = keying.agree(self.parameters, secret, peer, key)
            yield peer, keying.pair_seed(self.parameters, shared, own, (peer, key))

    def _announced(self, index: int) -> bytes:
        start = -wire.SIGNATURE_BYTES - wire.KEYS_BYTES
        return self._keys[index][start : -wire.SIGNATURE_BYTES]

    def _entry(self, dealer: int, holder: int) -> bytes:
        start = list(self._keys).index(holder) * ENTRY_BYTES
        return self._entries[dealer][start : start + ENTRY_BYTES]

    def _check_view(self, sender: int, view: bytes) -> None:
        if view != self._view:
            name = self.parameters.members[sender].name
            raise PlanMismatchError(name, "was sent other messages than this aggregator has")

    def _close(self, found: dict[int, bytes], then: Step) -> dict[int, bytes]:
        self.parameters.require(found)
        self._step = then
        return {index: found[index] for index in sorted(found)}

    def _expect(self, step: Step) -> None:
        if self._step is not step:
            present = self._step.name if self._step else "its end"
            raise StepOrderError(f"the round is at {present}, not at {step.name}")


def _digest(words: Words) -> bytes:
    return hashlib.sha256(wire_bytes(words)).digest()
