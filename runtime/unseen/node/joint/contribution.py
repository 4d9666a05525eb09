"""What a node adds to a joint sum, and who gives it: one contributor for each job kind.

A contributor reads the payload of a round (a question, the weights of a step), says how many
coordinates the sum has, and makes this node's vector from its rows, clamped and in whole numbers.
It refuses what its contract does not allow; what it makes leaves masked, never plain.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from unseen.evidence.contracts.joint import Joint
from unseen.node.contracts.register import Contract
from unseen.node.privacy.spend import Pin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.node.context import Node
    from unseen.protocols.secagg.parameters import Round
    from unseen.protocols.secagg.ring import Noise


@dataclass(frozen=True, slots=True)
class Asked:
    """What a round is about: the contract, its joint clause, and the payload's bytes."""

    contract: Contract
    clause: Joint
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outline:
    """What follows from a payload alone: how many coordinates its sum has, and what it costs.

    `rho` is the sum's cost to each person (zCDP), 0 where it is exact, for a lead alone.
    """

    dimension: int
    rho: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One node's part of a sum.

    `vector` holds whole numbers of the round's dimension, `noise` gives what is added to them, if
    anything is. `people` is how many subjects stand behind the vector. `snapshot` names the rows,
    32 bytes, `consent_root` the root that they were chosen by. `pins` are what an exact part is
    pinned by when it is charged, one for each table.
    """

    vector: "NDArray[np.int64]" = field(repr=False)
    people: int
    snapshot: bytes
    noise: "Noise | None" = field(default=None, repr=False)
    consent_root: bytes = b""
    pins: tuple[Pin, ...] = ()


@dataclass(frozen=True, slots=True)
class Contributor:
    """One kind's side of joint rounds.

    `most_bytes` is how large a payload may be. `outline` reads one, without looking at a row;
    `contribute` makes this node's part for a round. Both raise `UnseenError` for what is not
    allowed.
    """

    most_bytes: int
    outline: Callable[[Asked], Outline]
    contribute: Callable[["Node", Asked, "Round"], Awaitable[Contribution]]
