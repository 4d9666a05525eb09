"""Bonawitz et al., "Practical secure aggregation for privacy-preserving ML", CCS 2017, section 4.

What all parties of a round agree on before it starts. Its digest goes into every key and every
signature, so that parties with other parameters never unmask each other (against the model
inconsistency of Pasquini et al., CCS 2022). It does not say whether the roster is one worth
summing with: parties that collude learn the sum of the rest.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from unseen.protocols.errors import (
    InputInvalidError,
    PartyDuplicateError,
    PartyUnknownError,
    SurvivorsTooFewError,
)
from unseen.protocols.kernels.words import RINGS

MIN_PARTIES: Final = 3
MAX_PARTIES: Final = 100
NO_DROP_OUT_BELOW: Final = 5
HEADROOM_BITS: Final = 3  # wrap-around is silent, so the largest sum stays this far from it
HASH_BYTES: Final = 32
_FORMAT: Final = b"unseen/secagg/v1 x25519 hkdf-sha256 aes128ctr aes128gcm ed25519\x00"


@dataclass(frozen=True, slots=True)
class Member:
    """A party: its name, 1 to 255 bytes in UTF-8, and its Ed25519 public key, 32 bytes."""

    name: str
    key: bytes


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round. Everything here is public and the same for all parties.

    `plan_hash` names what the parties agreed to, `round_id` this one round and no other, and
    `context` all else that a sum depends on (model, quantiser, noise): 32 bytes each. A
    coordinate, with the reach of its noise, is from -`bound` to `bound`; sums are over
    Z_2^`ring`, read as signed. `lead` is the party that the shares are revealed to, sealed for it
    alone, where there is one: then nobody may drop out, since sums over two sets of parties would
    give away whoever is in one of them.
    """

    plan_hash: bytes
    round_id: bytes
    context: bytes
    members: tuple[Member, ...]
    dimension: int
    bound: int
    ring: int = 32
    lead: str = ""

    def __post_init__(self) -> None:
        """Refuse what no round can be run with.

        Raises:
            InputInvalidError: a length, a number or the headroom is wrong.
            PartyDuplicateError: two members have one name or one key.
            PartyUnknownError: the lead is no member.

        """
        hashes = (self.plan_hash, self.round_id, self.context)
        if any(len(value) != HASH_BYTES for value in hashes):
            raise InputInvalidError(f"plan, round and context are {HASH_BYTES} bytes each")
        count = len(self.members)
        if not MIN_PARTIES <= count <= MAX_PARTIES:
            raise InputInvalidError(f"a round has {MIN_PARTIES} to {MAX_PARTIES} parties")
        if self.ring not in RINGS or not 1 <= self.dimension < 2**40 or self.bound < 1:
            raise InputInvalidError("a round is over 32 or 64 bits, with a dimension and a bound")
        if count * self.bound >= 2 ** (self.ring - 1 - HEADROOM_BITS):
            raise InputInvalidError(
                f"{count} parties with coordinates up to {self.bound} leave less than "
                f"{HEADROOM_BITS} bits of headroom in {self.ring}",
                remedy="a smaller bound, or a ring of 64 bits",
            )
        _check_members(self.members)
        if self.lead:
            self.index(self.lead)

    @property
    def threshold(self) -> int:
        """Return t = floor(2n/3) + 1: so many have to agree before anything is unmasked."""
        return 2 * len(self.members) // 3 + 1

    @property
    def least(self) -> int:
        """Return how many parties have to be left: t, or all where n < 5 or there is a lead."""
        count = len(self.members)
        return count if count < NO_DROP_OUT_BELOW or self.lead else self.threshold

    @cached_property
    def digest(self) -> bytes:
        """Return the SHA-256 of all parameters, 32 bytes."""
        found = hashlib.sha256(_FORMAT + self.plan_hash + self.round_id + self.context)
        numbers = ((self.ring, 1), (self.dimension, 8), (self.bound, 8), (len(self.members), 2))
        for number, size in numbers:
            found.update(number.to_bytes(size))
        for member in self.members:
            name = member.name.encode()
            found.update(len(name).to_bytes(1) + name + member.key)
        if self.lead:
            found.update(b"lead" + self.index(self.lead).to_bytes(2))
        return found.digest()

    def index(self, name: str) -> int:
        """Return the number of the party called `name`, from 0.

        Raises:
            PartyUnknownError: the roster has none.

        """
        for index, member in enumerate(self.members):
            if member.name == name:
                return index
        raise PartyUnknownError(name, "not in the roster of this round")

    def member(self, index: int) -> Member:
        """Return the party with this number.

        Raises:
            PartyUnknownError: the roster has none.

        """
        if not 0 <= index < len(self.members):
            raise PartyUnknownError(f"#{index}", "not in the roster of this round")
        return self.members[index]

    def require(self, left: Iterable[int]) -> None:
        """Return if these parties are enough to go on.

        Raises:
            SurvivorsTooFewError: they are not; it names who is missing.

        """
        present = set(left)
        if len(present) < self.least:
            gone = [m.name for i, m in enumerate(self.members) if i not in present]
            raise SurvivorsTooFewError(", ".join(gone), found=len(present), expected=self.least)

    def without(self, names: Iterable[str], round_id: bytes) -> "Round":
        """Return the round that starts anew without these parties, under a fresh `round_id`.

        Raises:
            PartyUnknownError: the roster has no such party, or the lead is left out.
            InputInvalidError: fewer than three are left, or the id is the old one.

        """
        gone = {self.index(name) for name in names}
        if round_id == self.round_id:
            raise InputInvalidError("a round that starts anew has a fresh id")
        left = tuple(m for i, m in enumerate(self.members) if i not in gone)
        return replace(self, members=left, round_id=round_id)


def _check_members(members: tuple[Member, ...]) -> None:
    names: set[str] = set()
    keys: set[bytes] = set()
    for member in members:
        if not 1 <= len(member.name.encode()) <= 255 or len(member.key) != 32:
            raise InputInvalidError("a party has a name of 1 to 255 bytes and a key of 32")
        if member.name in names or member.key in keys:
            # One key under two names would count twice towards the threshold.
            raise PartyDuplicateError(member.name, "stands in the roster twice")
        names.add(member.name)
        keys.add(member.key)
