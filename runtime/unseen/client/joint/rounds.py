"""Bonawitz et al., CCS 2017, as the buyer drives it: all nodes at once, a thread for each.

A node that cannot be reached, is late, or began anew has dropped out: a round of five or more goes
on while enough are left, a smaller one begins again under a fresh id (without the node where its
contracts allow that). A node that refuses, or sends what is not the protocol's, ends the sum with
an error that names it. Nothing is charged before a node's contribution; what is charged in a round
that then fails stays charged.

The buyer computes the sum and can see nothing else; where the clause names a lead, not even that:
it hands all messages to the lead, and gets what the lead's gate lets out. That a node's numbers are
true, nobody sees.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, TypeVar

from unseen.client.errors import NodeError, RefusedError, UnreachableError, WireError
from unseen.client.joint.seats import Contributed, LetOut, Seat, check_seats
from unseen.client.session import Progress, no_progress
from unseen.evidence.contracts.joint import ALL_BELOW, MIN_NODES, round_of
from unseen.protocols.errors import (
    CohortError,
    InputInvalidError,
    MalformedMessageError,
    SurvivorsTooFewError,
    UnseenError,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.protocols.kernels.words import Words
    from unseen.protocols.secagg import Aggregator, Arrival
    from unseen.protocols.secagg.parameters import Round

PHASES: Final = ("keys", "shares", "vectors", "charges", "lists", "opening")
STEP_SECONDS: Final = 120.0
ATTEMPTS: Final = 3
UNSIGNED_BYTES: Final = 256 << 20  # of masked vectors that are here and not yet signed
_PAUSE: Final = 1.0  # before a round begins again: a node that starts takes a second
_GONE = frozenset({"ROUND_NOT_FOUND"})  # it began anew

Result = TypeVar("Result")
_Add = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class JointSum:
    """The sum over the nodes left, noise included, and what each of them charged.

    `vector` has whole numbers; `contributed` holds the checked receipt of every node in the sum,
    by its name. `gone` have dropped out of the round.
    """

    vector: "NDArray[np.int64]" = field(repr=False)
    survivors: tuple[str, ...]
    gone: tuple[str, ...]
    round_id: bytes
    contributed: dict[str, Contributed] = field(repr=False)


@dataclass(frozen=True, slots=True)
class JointTable:
    """What the lead of a round has let out, and what each node charged for its part.

    `value` is canonical JSON, `released` the lead's checked receipt for it.
    """

    value: bytes = field(repr=False)
    released: LetOut
    survivors: tuple[str, ...]
    contributed: dict[str, Contributed] = field(repr=False)


class Cohort:
    """The nodes of one joint clause, by the seats of a buyer's clients. Used by one thread.

    Memory: one sum, and of masked vectors that their nodes have not yet signed at most
    `UNSIGNED_BYTES`, or one where that is larger; a vector is added as soon as it is signed. The
    result of a round over 32 bits is twice as large as its sum. What does not fit stays at its node
    until it is its turn, however many nodes there are. For a lead all vectors stay until they are
    handed over; those of an exact table are small.
    """

    def __init__(
        self,
        seats: Sequence[Seat],
        *,
        progress: Progress = no_progress,
        step_seconds: float = STEP_SECONDS,
    ) -> None:
        """Take the seats of all nodes of a roster. A step that takes longer is a drop-out.

        Raises:
            PlanMismatchError: contracts hold different clauses.
            AnswerInvalidError: a node has another key than its roster says.
            InputInvalidError: a node of the roster has no seat, or two; or numpy is missing.

        """
        if find_spec("numpy") is None:
            raise InputInvalidError(
                "adding up what several nodes send needs numpy",
                clause="client.joint",
                remedy="install unseen[kernels]",
            )
        self.clause = check_seats(seats)
        self._seats = {seat.name: seat for seat in seats}
        self._suite = seats[0].suite
        self._progress, self._seconds = progress, step_seconds

    def sum(self, payload: bytes, dimension: int) -> JointSum:
        """Return the sum of `dimension` coordinates that the nodes make of `payload`.

        Raises:
            SurvivorsTooFewError: too few nodes could be reached; it names those missing.
            RefusedError: a node refuses; its name comes first.
            PeerError: a node sent what the protocol forbids; the error names it.

        """
        return self._rounds(payload, dimension, lambda one: one.run(payload))

    def led(self, payload: bytes, dimension: int) -> JointTable:
        """Return what the clause's lead lets out of the sum of `dimension` coordinates.

        Raises:
            InputInvalidError: the clause names no lead.
            SurvivorsTooFewError: a node could not be reached; it names it.
            RefusedError: a node refuses, or the lead's gate does; its name comes first.
            PeerError: a node sent what the protocol forbids; the error names it.

        """
        if not self.clause.lead:
            raise InputInvalidError(
                "the joint clause names no lead: sums have noise, and the buyer receives them",
                clause="joint.lead",
                remedy="write a clause with one: unseen statistics joint clause --lead NAME",
            )
        lead = self._seats[self.clause.lead]
        return self._rounds(payload, dimension, lambda one: one.run_led(payload, lead))

    def _rounds(self, payload: bytes, dimension: int, run: "Callable[[_Run], Result]") -> Result:
        """Return what the first round leads to that does not lose too many nodes."""
        without: tuple[str, ...] = ()
        attempt = 0
        while True:
            attempt += 1
            round_id = secrets.token_bytes(32)
            parameters = round_of(self.clause, self._suite, round_id, payload, dimension, without)
            seats = [self._seats[member.name] for member in parameters.members]
            one = _Run(parameters, seats, self._progress, self._seconds)
            try:
                return run(one)
            except SurvivorsTooFewError:
                if attempt == ATTEMPTS or one.contributed:
                    raise  # what is charged would be charged once more
            without = without or self._left_out(one.silent)
            time.sleep(_PAUSE)

    def _left_out(self, silent: Sequence[str]) -> tuple[str, ...]:
        """Return whom the next round begins without: one of four, where three are vouched for."""
        small = len(self._seats) < ALL_BELOW and not self.clause.lead
        fits = len(self._seats) - len(silent) >= max(MIN_NODES, self.clause.honest)
        return tuple(silent) if small and fits else ()


class _Run:
    """One round. `silent` are those who did not even begin it."""

    def __init__(
        self, parameters: "Round", seats: Sequence[Seat], progress: Progress, seconds: float
    ) -> None:
        self._parameters, self._seats = parameters, list(seats)
        self._progress, self._seconds = progress, seconds
        self._gone: list[str] = []
        self.silent: tuple[str, ...] = ()
        self.contributed: dict[str, Contributed] = {}
        self._heard: list[bytes] = []
        self._words: dict[bytes, Words] = {}  # by the message over them, where a lead takes them

    def run(self, payload: bytes) -> JointSum:
        server = self._ended(payload)
        return JointSum(
            vector=server.finish(),
            survivors=server.survivors,
            gone=tuple(self._gone),
            round_id=self._parameters.round_id,
            contributed={name: self.contributed[name] for name in server.survivors},
        )

    def run_led(self, payload: bytes, lead: Seat) -> JointTable:
        server = self._ended(payload)
        self._progress("joint table", 0, 1)
        with naming(lead.name):
            released = lead.lead(self._parameters, self._heard, self._words)
        self._progress("joint table", 1, 1)
        return JointTable(released.value, released, server.survivors, self.contributed)

    def _ended(self, payload: bytes) -> "Aggregator":
        from unseen.protocols.secagg import Aggregator  # noqa: PLC0415 - with vectors' library

        server = Aggregator(self._parameters)
        pool = ThreadPoolExecutor(len(self._seats), "joint")
        try:
            self._steps(pool, server, payload)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return server

    def _steps(self, pool: ThreadPoolExecutor, server: "Aggregator", payload: bytes) -> None:
        round_, seconds = self._parameters, self._seconds

        def step(what: str, name: str, ask: Callable[[Seat], bytes], add: _Add) -> None:
            for seat, message in self._each(pool, what, ask):
                self._take(seat, name, message, add)

        step("keys", "KEYS", lambda s: s.keys(round_, payload, seconds), server.add_keys)
        self.silent = tuple(self._gone)
        roster = server.close_keys()
        step("shares", "SHARES", lambda s: s.shares(round_, roster, seconds), server.add_shares)
        deals = server.close_shares()
        self._collect(pool, server, deals)
        left, signed = server.close_masked(), self._signed(server.survivors)
        add = server.add_confirmation
        step("lists", "CONFIRM", lambda s: s.confirm(round_, left, signed, seconds), add)
        confirmed = server.close_confirmations()
        add = _relayed if round_.lead else server.add_reveal
        step("opening", "REVEAL", lambda s: s.reveal(round_, confirmed, seconds), add)
        if round_.lead:
            round_.require(round_.index(seat.name) for seat in self._seats)

    def _collect(
        self, pool: ThreadPoolExecutor, server: "Aggregator", deals: Mapping[str, Sequence[bytes]]
    ) -> None:
        """Add every vector, as many at a time as fit, each as soon as its node has signed it.

        Nobody is charged before all that are left have made theirs, or said why not.
        """
        round_, seconds = self._parameters, self._seconds
        arrived: dict[Seat, Arrival] = {}

        # A thread keeps what its work returns for as long as it likes: so nothing.
        def fetch(seat: Seat) -> None:
            arrived[seat] = seat.masked(round_, deals[seat.name], seconds)

        def make(seat: Seat) -> None:
            if seat in first:
                fetch(seat)
            else:
                seat.mask(round_, deals[seat.name], seconds)

        most = max(1, UNSIGNED_BYTES // (round_.dimension * round_.ring // 8))
        first = frozenset(self._seats[:most])
        left = [seat for seat, _ in self._each(pool, "vectors", make)]
        round_.require(round_.index(seat.name) for seat in left)
        later = [seat for seat in left if seat not in first]
        self._contribute(pool, server, arrived)
        for start in range(0, len(later), most):
            list(self._each(pool, "vectors", fetch, later[start : start + most]))
            self._contribute(pool, server, arrived)

    def _contribute(
        self, pool: ThreadPoolExecutor, server: "Aggregator", arrived: "dict[Seat, Arrival]"
    ) -> None:
        """Have the nodes of these vectors charge and sign; whose is signed is added and let go."""
        signing = self._each(pool, "charges", lambda s: s.contribute(self._parameters), [*arrived])
        for seat, found in signing:
            self.contributed[seat.name] = found
            with naming(seat.name):
                self._check_sender(seat, "MASKED", found.message)
                arrival = arrived.pop(seat)
                server.add_arrived(found.message, arrival)
            self._heard.append(found.message)
            if self._parameters.lead:
                self._words[found.message] = arrival.words
        arrived.clear()  # of those that have dropped out

    def _signed(self, survivors: Sequence[str]) -> list[bytes]:
        return [self.contributed[name].message for name in survivors]

    def _each(
        self,
        pool: ThreadPoolExecutor,
        what: str,
        work: Callable[[Seat], Result],
        asked: Sequence[Seat] | None = None,
    ) -> Iterator[tuple[Seat, Result]]:
        """Yield what each seat answers, as it comes; whoever cannot be reached has dropped out.

        `asked` are some of the seats left; without it all of them.

        Raises:
            UnseenError: a seat refuses, or its node breaks the protocol; the error names it.

        """
        running = {
            pool.submit(work, seat): seat for seat in (self._seats if asked is None else asked)
        }
        total = len(running)
        self._progress(f"joint {what}", 0, total)
        for done, future in enumerate(as_completed(running), 1):
            # What came is not kept here: it may be a vector.
            seat = running.pop(future)
            if answer := _answer(seat, future):
                yield seat, answer.pop()
                self._progress(f"joint {what}", done, total)
            else:
                self._seats.remove(seat)
                self._gone.append(seat.name)
                self._progress(f"joint {what}: {seat.name} is gone", done, total)

    def _take(self, seat: Seat, step: str, message: bytes, add: _Add) -> None:
        with naming(seat.name):
            self._check_sender(seat, step, message)
            add(message)
        self._heard.append(message)

    def _check_sender(self, seat: Seat, step: str, message: bytes) -> None:
        from unseen.protocols.secagg import wire  # noqa: PLC0415 - with vectors' library

        sender, _ = wire.opened(self._parameters, wire.Step[step], message, None)
        if self._parameters.member(sender).name != seat.name:
            raise MalformedMessageError("sent a message of another node")


def _answer(seat: Seat, future: Future[Result]) -> list[Result]:
    """Return a list of what a seat answered, empty if it has dropped out.

    A drop-out is not raised: an error keeps the frames that it went through, and what they hold.
    """
    error = future.exception()
    if error is None:
        return [future.result()]
    with naming(seat.name):
        if not isinstance(error, WireError) or not _dropped_out(error):
            raise error
    return []


def _relayed(message: bytes) -> None:
    """Take what is sealed to the lead: its sender has been checked, and nobody else opens it."""


def _dropped_out(error: WireError) -> bool:
    if isinstance(error, RefusedError):
        return error.reason in _GONE
    return isinstance(error, UnreachableError | NodeError)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Let every error begin with the name of the node it is about."""
    try:
        yield
    except CohortError:
        raise  # names it already: perhaps another one than this
    except WireError as error:
        raise type(error)(error.named(name)) from None
    except UnseenError as error:
        if str(error).startswith(f"{name}: "):
            raise
        said = error.__class__.__new__(error.__class__)
        UnseenError.__init__(said, f"{name}: {error}", clause=error.clause, remedy=error.remedy)
        raise said from None
