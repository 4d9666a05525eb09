"""The rounds that this node is in. In memory alone: who begins anew has dropped out of all of them.

Secrets of a round never touch the disk, so that no restart can take a step twice. A round ends
when it is too old, or when its contract begins more than a few at once: then the oldest goes. Of a
round that is over its id is kept, so that it is not run again; a node that was started anew has
forgotten it, and then its secrets are others as well.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from unseen.node.errors import OverloadedError, RateExceededError, RoundNotFoundError
from unseen.node.joint.contribution import Asked, Contribution, Outline
from unseen.protocols.errors import RoundReplayedError

if TYPE_CHECKING:
    from unseen.evidence.contracts.statistics.summed import TableSum
    from unseen.protocols.kernels.words import Words
    from unseen.protocols.secagg import Party
    from unseen.protocols.secagg.wire import Step

MAX_PER_CONTRACT: Final = 4
MAX_PER_PARTY: Final = 16
MAX_AGE: Final = timedelta(minutes=15)
TRIES: Final = 3  # rounds begun for one that is charged: some lose a node
_MINUTE: Final = timedelta(minutes=1)
_REMEMBERED: Final = 1 << 16
_THREADS: Final = 2

Result = TypeVar("Result")
Key = tuple[str, bytes]  # contract and round id


@dataclass(frozen=True, slots=True)
class Reply:
    """What a step answers: a signed message, or the masked vector."""

    message: bytes
    vector: "Words | None" = field(default=None, repr=False)


@dataclass(slots=True)
class Running:
    """A round that this node is in. `size` is what its vectors and its payload take, in bytes.

    `head` is the node's signature over its masked vector, `request` the one it is charged for.
    Where the node `leads` the round, `handed` is how often the messages of all nodes have been
    handed over, `summed` their transcript and what they add up to, `led` the request that the table
    of it is released for.
    """

    asked: Asked
    outline: Outline
    context: bytes
    party: "Party" = field(repr=False)
    begun: datetime
    size: int
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    contribution: Contribution | None = field(default=None, repr=False)
    head: bytes = field(default=b"", repr=False)
    request: str = ""
    snapshot: bytes = b""  # of the rows behind the node's part, and the root they were chosen by
    consent_root: bytes = b""
    leads: bool = False
    handed: int = 0
    summed: "tuple[bytes, TableSum] | None" = field(default=None, repr=False)
    led: str = ""
    _replies: "dict[Step, tuple[bytes, Reply]]" = field(default_factory=dict, repr=False)

    def known(self, step: "Step", said: Sequence[bytes]) -> Reply | None:
        """Return what the step answered before, if it was taken with just this input."""
        digest, reply = self._replies.get(step, (b"", None))
        return reply if digest == _digest(said) else None

    def keep(self, step: "Step", said: Sequence[bytes], reply: Reply) -> Reply:
        """Keep a step's answer for whoever sends the same step again."""
        self._replies[step] = _digest(said), reply
        return reply

    def drop_vector(self) -> None:
        """Forget what nobody asks for again: the vector is out and may be unmasked."""
        self._replies = {
            step: kept for step, kept in self._replies.items() if kept[1].vector is None
        }
        self.contribution = None
        if not self.leads:  # who leads has a sum to make yet
            self.size = 0


class Rounds:
    """All rounds of one node. Used from the event loop alone."""

    def __init__(self) -> None:
        """Begin without any."""
        self._running: OrderedDict[Key, Running] = OrderedDict()
        self._over: OrderedDict[Key, None] = OrderedDict()
        self._begun: dict[str, list[datetime]] = {}  # within the last minute, by contract
        self._threads: ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        """Return how many are under way."""
        return len(self._running)

    def find(self, contract: str, round_id: bytes, now: datetime) -> Running | None:
        """Return the round, if this node is in it."""
        self._expire(now)
        return self._running.get((contract, round_id))

    def get(self, contract: str, round_id: bytes, now: datetime) -> Running:
        """Return the round.

        Raises:
            RoundNotFoundError: this node is not in it, or not any more.

        """
        found = self.find(contract, round_id, now)
        if found is None:
            raise RoundNotFoundError(
                "this node is in no such round: it began anew since, or the round took too long",
                clause="joint.round",
                remedy="begin a round under a fresh id; nothing was charged for this one",
            )
        return found

    def check_new(self, contract: str, round_id: bytes, name: str) -> None:
        """Return if no round of this id was run before.

        Raises:
            RoundReplayedError: one was, or is; it names this node.

        """
        key = contract, round_id
        if key in self._over or key in self._running:
            raise RoundReplayedError(name, "was in a round of this id before")

    def check_rate(self, contract: str, per_minute: int, now: datetime) -> None:
        """Return if a round more may begin now; it counts from here on.

        Raises:
            RateExceededError: thrice as many as may be charged within a minute have begun.

        """
        recent = [time for time in self._begun.get(contract, ()) if now - time < _MINUTE]
        if len(recent) >= TRIES * per_minute:
            raise RateExceededError(
                f"{len(recent)} rounds began within one minute",
                clause="quota.per_minute",
                remedy="begin the round again in a minute",
            )
        self._begun[contract] = [*recent, now]

    def check_room(self, contract: str, buyer: str, size: int, most: int) -> None:
        """Return if there is room for a round more of `size` bytes, `most` for all of them.

        The oldest of the same contract makes room where it has as many as it may.

        Raises:
            OverloadedError: there is none.

        """
        same = [key for key in self._running if key[0] == contract]
        for key in same[: max(0, len(same) - MAX_PER_CONTRACT + 1)]:
            self.end(*key)
        rounds = self._running.values()
        if sum(each.asked.contract.buyer == buyer for each in rounds) >= MAX_PER_PARTY:
            raise OverloadedError(
                f"{MAX_PER_PARTY} rounds of this party are under way",
                clause="joint.rounds",
                remedy="end one, or wait: a round is forgotten after 15 minutes",
            )
        if size + sum(each.size for each in rounds) > most:
            raise OverloadedError(
                "the vectors of joint rounds would take more memory than this node gives them",
                clause="node.memory_mb",
                remedy="ask for fewer coordinates, or wait until another round has ended",
            )

    def add(self, contract: str, round_id: bytes, running: Running) -> None:
        """Take a round up."""
        self._running[contract, round_id] = running

    def end(self, contract: str, round_id: bytes) -> None:
        """Forget a round and its secrets, and remember that it was run."""
        self._running.pop((contract, round_id), None)
        self._over[contract, round_id] = None
        if len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)

    async def compute(self, work: Callable[[], Result]) -> Result:
        """Do `work` in one of two threads: masks release the interpreter, and secrets stay here."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, "joint")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Forget all of them."""
        self._running.clear()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _expire(self, now: datetime) -> None:
        for key, each in list(self._running.items()):
            if now - each.begun > MAX_AGE:
                self.end(*key)


def _digest(said: Sequence[bytes]) -> bytes:
    found = hashlib.sha256(len(said).to_bytes(4))
    for part in said:
        found.update(hashlib.sha256(part).digest())
    return found.digest()
