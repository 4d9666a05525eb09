"""What every protocol here takes and gives: randomness from outside, messages as bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field

Rng = Callable[[int], bytes]
"""`rng(n)` returns n fresh bytes. `secrets.token_bytes` in production; seeded in tests."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a protocol run, as the party `sender` put it on the wire.

    `parts` are the byte strings it consists of, without framing; hidden from `repr` because
    a batch is long and may be ciphertext that is not meant for a log.
    """

    sender: str
    name: str
    parts: tuple[bytes, ...] = field(repr=False)

    @property
    def size(self) -> int:
        """Return the number of bytes in all parts together, without framing."""
        return sum(len(part) for part in self.parts)
