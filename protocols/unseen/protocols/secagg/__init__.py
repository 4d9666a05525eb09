"""Secure aggregation: the sum of vectors of 3 to 100 parties, and nothing else of them."""

from unseen.protocols.secagg.arriving import Arrival
from unseen.protocols.secagg.client import Masked, Party
from unseen.protocols.secagg.lead import Lead
from unseen.protocols.secagg.noise import PartyNoise
from unseen.protocols.secagg.parameters import Member, Round
from unseen.protocols.secagg.quantise import Quantiser
from unseen.protocols.secagg.server import Aggregator

__all__ = [
    "Aggregator",
    "Arrival",
    "Lead",
    "Masked",
    "Member",
    "Party",
    "PartyNoise",
    "Quantiser",
    "Round",
]
