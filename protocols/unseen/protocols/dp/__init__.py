"""Differential privacy without floating point: exact noise, and what it costs in zCDP."""

from unseen.protocols.dp.batch import draw
from unseen.protocols.dp.contributions import Clamp, Sensitivity, kept
from unseen.protocols.dp.distributed import Distributed
from unseen.protocols.dp.laws import Gaussian, Laplace, Law
from unseen.protocols.dp.mechanism import Mechanism
from unseen.protocols.dp.zcdp import compose, delta_of, epsilon_of, rho_within, units

__all__ = [
    "Clamp",
    "Distributed",
    "Gaussian",
    "Laplace",
    "Law",
    "Mechanism",
    "Sensitivity",
    "compose",
    "delta_of",
    "draw",
    "epsilon_of",
    "kept",
    "rho_within",
    "units",
]
