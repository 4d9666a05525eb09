"""Bonawitz et al., CCS 2017, figure 4, where one of the parties is the aggregator: the lead.

Somebody else relays the messages: a buyer, who may not see the sum. So what parties reveal last is
sealed to the lead, by AES-128-GCM under a key of the round, its sender and the lead; the relay
holds every other message, and unmasks nothing. Nobody may have dropped out (`Round.least`).

Not protected: the sum from the lead, hence of three parties the sum of the other two; anything from
a relay that the lead shows the sum to; that the lead publishes the sum it computed, and no other.
"""

from collections.abc import Mapping

from cryptography.exceptions import InvalidTag

from unseen.protocols.errors import ShareInvalidError
from unseen.protocols.secagg import keying
from unseen.protocols.secagg.parameters import Round


class Opener:
    """Opens what each party of one round revealed to its lead. Holds keys: not for a disk."""

    def __init__(self, parameters: Round, secret: bytes, keys: Mapping[int, bytes]) -> None:
        """Agree with each party by the lead's sealing secret; `keys` are all sealing keys.

        Raises:
            CohortSignatureError: a key agrees on nothing; it names the party.

        """
        self.parameters = parameters
        lead = parameters.index(parameters.lead)
        self._letters = {
            sender: keying.letter(
                parameters, keying.agree(parameters, secret, sender, key), sender, lead
            )
            for sender, key in keys.items()
        }

    def __repr__(self) -> str:
        """Name the lead, and no key."""
        return f"Opener({self.parameters.lead!r})"

    def open(self, sender: int, view: bytes, sealed: bytes) -> bytes:
        """Return a party's shares, 32 bytes each, that it revealed beside `view`.

        Raises:
            ShareInvalidError: they do not open; it names the party.

        """
        try:
            return self._letters[sender].decrypt(keying.NONCE, sealed, view)
        except (InvalidTag, KeyError):
            name = self.parameters.member(sender).name
            raise ShareInvalidError(name, "what it sealed to the lead does not open") from None


def seal_shares(
    parameters: Round, own: tuple[int, bytes], key: bytes, revealed: tuple[bytes, bytes]
) -> bytes:
    """Return a party's shares as it reveals them: `revealed` are its view and the shares.

    `own` are the party's number and its sealing secret, `key` is the lead's sealing key.

    Raises:
        CohortSignatureError: the lead's key agrees on nothing.

    """
    (sender, secret), (view, shares) = own, revealed
    lead = parameters.index(parameters.lead)
    shared = keying.agree(parameters, secret, lead, key)
    return keying.letter(parameters, shared, sender, lead).encrypt(keying.NONCE, shares, view)
