"""Bonawitz et al., CCS 2017, figure 4: a party's side of a round, against an active aggregator.

    advertise()   --- mask key, sealing key, signed ------------------>  add_keys
    share()       <-- all those keys; --- shares, sealed to each ----->  add_shares
    mask()        <-- the shares for this party; --- masked vector --->  add_masked
    confirm()     <-- who is left; --- a signature over that --------->  add_confirmation
    reveal()      <-- t signatures; --- one share for each party ----->  add_reveal
                                                                        finish: the sum

In a round with a lead the last message is sealed to it (`sealed.py`); `Party.opener` opens those.
The aggregator, together with fewer than n/3 of the parties, learns the sum over those who are left
and nothing else. A party object takes each step once: the survivors it confirmed are the ones
whose shares it reveals, so that never both shares of one party leave it.

Not protected: the sum itself (see differential privacy), a vector of well-formed garbage, rounds
over almost the same parties (whoever calls keeps the cohort fixed), and the secrets of a round in
memory. A party that crashes has dropped out; it does not come back into the same round.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import (
    MalformedMessageError,
    PartyDroppedError,
    PartyDuplicateError,
    PartyUnknownError,
    PlanMismatchError,
    RoundReplayedError,
    ShareConflictError,
    ShareInvalidError,
    StepOrderError,
)
from unseen.protocols.kernels import aes
from unseen.protocols.kernels.words import Words, wire_bytes
from unseen.protocols.party import Rng
from unseen.protocols.secagg import keying, shamir, wire
from unseen.protocols.secagg.parameters import HASH_BYTES, Round
from unseen.protocols.secagg.ring import Noise, to_ring
from unseen.protocols.secagg.sealed import Opener, seal_shares
from unseen.protocols.secagg.shamir import SHARE_BYTES
from unseen.protocols.secagg.wire import Sign, Step


@dataclass(frozen=True, slots=True)
class Masked:
    """A party's masked vector: a signed head, and the words it is about, 4 or 8 bytes each."""

    message: bytes
    words: Words = field(repr=False)


class _Stage(IntEnum):
    START = 0
    KEYS = 1
    SHARES = 2
    MASKED = 3
    CONFIRMED = 4
    DONE = 5


class Party:
    """One party in one round. Not to be copied or kept on a disk: its steps happen once."""

    def __init__(
        self,
        parameters: Round,
        name: str,
        sign: Sign,
        rng: Rng,
        finished: Collection[bytes] = (),
    ) -> None:
        """Enter a round as `name`. `finished` are the ids of rounds that this party was in.

        Raises:
            PartyUnknownError: the roster has no such party.
            RoundReplayedError: the party was in a round of this id before.

        """
        self.parameters = parameters
        self.index = parameters.index(name)
        self.name = name
        if parameters.round_id in finished:
            raise RoundReplayedError(name, "was in a round of this id before")
        self._sign, self._rng = sign, rng
        self._stage = _Stage.START
        self._mask_secret = shamir.random_secret(rng)
        self._seal_secret = rng(SHARE_BYTES)
        self._self_secret = shamir.random_secret(rng)
        self._keys: dict[int, tuple[bytes, bytes]] = {}  # of each party: for masks, for sealing
        self._shares: dict[int, tuple[bytes, bytes]] = {}  # of each dealer: of b, of the mask key
        self._view = b""
        self._left: tuple[int, ...] = ()
        self._opener: Opener | None = None

    def __repr__(self) -> str:
        """Name party and step, and no secret."""
        return f"Party({self.name!r}, {self._stage.name})"

    @property
    def view(self) -> bytes:
        """Return the hash of whose messages the party has seen so far, 32 bytes.

        Others with the same view are in this very run of the round: its own fresh keys are in it.
        """
        return self._view

    def advertise(self) -> bytes:
        """Announce fresh keys, and a commitment to the secret of the party's own mask.

        Raises:
            StepOrderError: it has done so.

        """
        self._expect(_Stage.START)
        promise = keying.commit(self.parameters, b"self", (self.index,), self._self_secret)
        keys = keying.public_key(self._mask_secret) + keying.public_key(self._seal_secret)
        message = self._message(Step.KEYS, keys + promise)
        self._own_keys = message
        self._stage = _Stage.KEYS
        return message

    def share(self, roster: Sequence[bytes]) -> bytes:
        """Share both secrets among the parties whose announcements are in `roster`.

        Costs 2t multiplications and one key agreement for each of them.

        Raises:
            CohortError: an announcement is not signed, of another plan or round, of an unknown
                party or twice; or fewer are left than the round needs.
            MalformedMessageError: one is no announcement, or this party's own is missing.
            StepOrderError: not the turn of this step.

        """
        self._expect(_Stage.KEYS)
        keys: dict[int, tuple[bytes, bytes]] = {}
        for message in roster:
            sender, body = wire.opened(self.parameters, Step.KEYS, message, wire.KEYS_BYTES)
            wire.check_new(self.parameters, sender, keys, {sender})
            keys[sender] = (body[:32], body[32:64])
        if self._own_keys not in roster or list(keys) != sorted(keys):
            raise MalformedMessageError("announced keys out of order, or without one's own")
        self.parameters.require(keys)
        body = self._deal(keys)
        view = wire.view_of_keys(self.parameters, roster)
        self._keys, self._view, self._stage = keys, view, _Stage.SHARES
        return self._message(Step.SHARES, view + body)

    def mask(
        self, deliveries: Sequence[bytes], values: NDArray[np.integer], noise: Noise | None = None
    ) -> Masked:
        """Open the shares that others dealt to this party, and mask its vector.

        `values` are whole numbers of the round's dimension; `noise`, where there is any, is asked
        for as many whole numbers as a block has, and added (`noise.PartyNoise`). Costs one key
        agreement and one AES stream for each dealer; memory: the result and a block.

        Raises:
            DimensionMismatchError: the vector has another dimension.
            RingOverflowError: a coordinate is over the round's bound, less the noise's reach.
            CohortError: a dealer is unknown, dropped or twice, its shares are not what it
                committed to, or fewer are left than the round needs.
            InputInvalidError: no vector of whole numbers, or noise that does not fit the round.
            MalformedMessageError: a delivery is none.
            StepOrderError: not the turn of this step.

        """
        self._expect(_Stage.SHARES)
        shares = self._open_shares(deliveries)
        words = to_ring(self.parameters, self.name, values, noise)
        own = (self.index, keying.public_key(self._mask_secret))
        seeds, minus = [keying.self_seed(self.parameters, self.index, self._self_secret)], [False]
        for peer in shares:
            if peer != self.index:
                key = self._keys[peer][0]
                shared = keying.agree(self.parameters, self._mask_secret, peer, key)
                seeds.append(keying.pair_seed(self.parameters, shared, own, (peer, key)))
                minus.append(self.index > peer)
        aes.add_streams(words, seeds, minus)
        view = wire.view_of_dealers(self._view, tuple(shares))
        digest = hashlib.sha256(wire_bytes(words)).digest()
        self._shares, self._view, self._stage = shares, view, _Stage.MASKED
        return Masked(self._message(Step.MASKED, view + digest), words)

    def confirm(self, survivors: bytes) -> bytes:
        """Sign who is left, once. From then on no other list is believed.

        Raises:
            ShareConflictError: a party is listed as left and as gone, or was so before.
            PartyDroppedError: this party is not among those left.
            CohortError: a party is unknown, listed twice or missing, or too few are left.
            MalformedMessageError: it is no list of survivors.
            StepOrderError: not the turn of this step.

        """
        left, gone = wire.opened_survivors(self.parameters, survivors)
        self._check_conflicts(left, gone)
        self._expect(_Stage.MASKED)
        listed = {*left, *gone}
        for index in sorted(listed ^ self._shares.keys()):
            name = self.parameters.members[index].name
            if index in listed:
                raise PartyDroppedError(name, "listed, but had not dealt shares")
            raise PartyUnknownError(name, "dealt shares, but is not listed")
        self.parameters.require(left)
        if self.index not in left:
            raise PartyDroppedError(self.name, "said to be gone, while it is here")
        self._left, self._stage = left, _Stage.CONFIRMED
        return self._message(Step.CONFIRM, self._view + _listed(left))

    def reveal(self, confirmations: Sequence[bytes]) -> bytes:
        """Reveal one share of each dealer: of its own mask where it is left, else of its mask key.

        To the round's lead alone, where it has one.

        Raises:
            CohortError: a confirmation is not signed, by somebody who is not left, twice, or over
                another list; or there are fewer than the round needs.
            MalformedMessageError: one is no confirmation.
            StepOrderError: not the turn of this step.

        """
        self._expect(_Stage.CONFIRMED)
        expected = self._view + _listed(self._left)
        seen: set[int] = set()
        for message in confirmations:
            sender, body = wire.opened(self.parameters, Step.CONFIRM, message, None)
            wire.check_new(self.parameters, sender, seen, self._left)
            if body != expected:
                name = self.parameters.members[sender].name
                raise PlanMismatchError(name, "confirmed other keys or other survivors")
            seen.add(sender)
        self.parameters.require(seen)
        left = set(self._left)
        body = b"".join(
            pair[0] if dealer in left else pair[1] for dealer, pair in self._shares.items()
        )
        view = wire.view_of_dealers(self._view, self._left)
        if self.parameters.lead:
            body = self._sealed(view, body)
        self._stage = _Stage.DONE
        self._shares, self._keys = {}, {}
        self._mask_secret = self._seal_secret = self._self_secret = b""
        return self._message(Step.REVEAL, view + body)

    def opener(self) -> Opener:
        """Return what opens the shares that all parties have sealed to this one, the round's lead.

        Raises:
            StepOrderError: it has not revealed its own yet, or is not the lead.

        """
        if self._opener is None:
            raise StepOrderError(f"{self.name} opens no shares: not its turn, or not the lead")
        return self._opener

    def _sealed(self, view: bytes, shares: bytes) -> bytes:
        keys = {peer: pair[1] for peer, pair in self._keys.items()}
        lead = self.parameters.index(self.parameters.lead)
        if self.index == lead:
            self._opener = Opener(self.parameters, self._seal_secret, keys)
        own = (self.index, self._seal_secret)
        return seal_shares(self.parameters, own, keys[lead], (view, shares))

    def _deal(self, keys: dict[int, tuple[bytes, bytes]]) -> bytes:
        points = [index + 1 for index in keys]
        threshold = self.parameters.threshold
        own = shamir.split(self._self_secret, threshold, points, self._rng)
        mask = shamir.split(self._mask_secret, threshold, points, self._rng)
        entries = []
        for (peer, (_, key)), *pair in zip(keys.items(), own, mask, strict=True):
            promises = b"".join(promised(self.parameters, self.index, peer, pair))
            shared = keying.agree(self.parameters, self._seal_secret, peer, key)
            data = (b"".join(pair), promises)
            entries.append(promises + keying.seal(self.parameters, shared, self.index, peer, data))
        return b"".join(entries)

    def _open_shares(self, deliveries: Sequence[bytes]) -> dict[int, tuple[bytes, bytes]]:
        found: dict[int, tuple[bytes, bytes]] = {}
        for delivery in deliveries:
            if len(delivery) != 2 + wire.ENTRY_BYTES:
                raise MalformedMessageError("no sealed shares")
            dealer = int.from_bytes(delivery[:2])
            name = self.parameters.member(dealer).name
            if dealer in found:
                raise PartyDuplicateError(name, "its shares came twice")
            if dealer not in self._keys:
                raise PartyDroppedError(name, "dealt shares after it had dropped out")
            promises = delivery[2 : 2 + 2 * HASH_BYTES]
            shared = keying.agree(self.parameters, self._seal_secret, dealer, self._keys[dealer][1])
            data = (delivery[2 + 2 * HASH_BYTES :], promises)
            both = keying.unseal(self.parameters, shared, dealer, self.index, data)
            pair = both[:SHARE_BYTES], both[SHARE_BYTES:]
            if b"".join(promised(self.parameters, dealer, self.index, pair)) != promises:
                raise ShareInvalidError(name, "its shares are not what it committed to")
            found[dealer] = pair
        if self.index not in found or list(found) != sorted(found):
            raise MalformedMessageError("sealed shares out of order, or without one's own")
        self.parameters.require(found)
        return found

    def _check_conflicts(self, left: Sequence[int], gone: Sequence[int]) -> None:
        # Whoever is on both lists now, or on the other list than the one that was confirmed.
        both = set(left) & set(gone)
        if self._stage >= _Stage.CONFIRMED:
            both |= set(left) ^ set(self._left)
        for index in sorted(both):
            name = self.parameters.members[index].name
            raise ShareConflictError(name, "both of its shares were asked for")

    def _message(self, step: Step, body: bytes) -> bytes:
        return wire.signed(self.parameters, step, self.index, body, self._sign)

    def _expect(self, stage: _Stage) -> None:
        if self._stage is not stage:
            raise StepOrderError(f"{self.name} is at {self._stage.name}, not at {stage.name}")


def promised(
    parameters: Round, dealer: int, holder: int, pair: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return the commitments, 32 bytes each, to the two shares that a holder got of a dealer."""
    place = (dealer, holder)
    own, mask = pair
    return (
        keying.commit(parameters, b"own share", place, own),
        keying.commit(parameters, b"mask share", place, mask),
    )


def _listed(left: Sequence[int]) -> bytes:
    return len(left).to_bytes(2) + wire.packed(left)
