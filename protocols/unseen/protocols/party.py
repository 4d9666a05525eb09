"""What every protocol here takes and gives: randomness from outside, messages as bytes."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Rng = Callable[[int], bytes]
"""`rng(n)` returns n fresh bytes. `secrets.token_bytes` in production; seeded in tests."""

Steps: TypeAlias = Generator[bytes, bytes, Any]
"""One party's part in a run: what it yields is sent, what a `yield` gives is the answer to it, and
what it returns is what it learnt. A `yield` of the last message gives b""."""


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


class TwoParty(Protocol):
    """A protocol of two parties that send messages in turn: what `drive_pair` and benches run.

    `threat_model` says in a few words against whom it holds and on what that rests,
    `security_bits` how many operations an attack takes, as a logarithm. Neither is believed.
    What a party is given, and what it is to return, the task says: in the bench `psi` each party
    is given its items, and the places of common items, or their number, are returned.
    """

    threat_model: str
    security_bits: int

    def first(self, given: Any, rng: Rng) -> Steps:
        """Be the party that speaks first."""

    def second(self, given: Any, message: bytes, rng: Rng) -> Steps:
        """Be the other one, which got the first `message` already."""


class Task(TwoParty, Protocol):
    """A protocol that brings its own inputs and knows what is right: what the bench `pair` runs."""

    def inputs(self, size: int, rng: Rng) -> tuple[Any, Any]:
        """Return what each party is given, of that size."""

    def check(self, given: tuple[Any, Any], learnt: tuple[object, object]) -> None:
        """Return if the parties learnt what they should, or raise an error that says what not."""
