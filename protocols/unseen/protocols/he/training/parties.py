"""Kim, Song, Wang, Xia, Jiang 2018, of two parties: what `testing.drive_pair` and benches run.

Holds against parties that keep to the protocol and look at all they get; see buyer.py.
"""

from typing import Final

from unseen.protocols.he.training.buyer import Wanted, bought
from unseen.protocols.he.training.chain import Chain
from unseen.protocols.he.training.provider import Provided, provided
from unseen.protocols.party import Rng, Steps

MODEL: Final = "semi-honest buyer and provider; RLWE, circular security; zCDP for rows"


class Training:
    """A `TwoParty`: the first is given `Wanted`, the second `Provided`."""

    threat_model = MODEL

    def __init__(self, chain: Chain) -> None:
        """Take what both agreed on."""
        self.chain = chain
        found = chain.security
        self.security_bits = int(min(found.matzov, found.core))

    def first(self, given: Wanted, rng: Rng) -> Steps:
        """Be the buyer. SEAL draws its own randomness, so `rng` is asked for nothing."""
        del rng
        return bought(self.chain, given)

    def second(self, given: Provided, message: bytes, rng: Rng) -> Steps:
        """Be the provider."""
        return provided(self.chain, given, message, rng)
