"""Single questions of many threads, asked together: whoever waits anyway shares one request.

While a contract has `IN_FLIGHT` requests under way, further single questions queue; the next
request takes all of them. A caller that is alone waits for nobody. One request has one batch
proof, one charge and one receipt, which is why this is many times faster than one each.

The node sees a batch and its size, as with any batch. If the contract's limits refuse the whole,
each question is asked alone, so that nobody loses an answer to somebody else's question.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from unseen.client.errors import HomeError, RefusedError

# One: a second request under way halves how many share the first, and a request costs far more
# than a question in it.
IN_FLIGHT = 1
_LIMITS = ("QUOTA_EXHAUSTED", "RATE_EXCEEDED")

Question = TypeVar("Question")
Answer = TypeVar("Answer")


@dataclass(eq=False, slots=True)
class _Ticket(Generic[Question, Answer]):
    """One caller's question. `taken`: in a request; `leads`: its caller asks for the others."""

    question: Question
    answer: Answer | None = None
    error: BaseException | None = None
    taken: bool = False
    done: bool = False
    leads: bool = False
    wake: threading.Event = field(default_factory=threading.Event)


class Gatherer(Generic[Question, Answer]):
    """Gathers the questions of one contract's epoch. Thread-safe."""

    def __init__(self, ask: Callable[[Sequence[Question]], Sequence[Answer]], largest: int) -> None:
        """Ask by `ask`, which gets 1 to `largest` questions and answers all or raises."""
        self._ask = ask
        self._largest = largest
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[Question, Answer]] = deque()
        self._flying = 0

    def ask(self, question: Question) -> Answer:
        """Return the answer to one question.

        Raises:
            Whatever asking raised.

        """
        ticket: _Ticket[Question, Answer] = _Ticket(question)
        with self._lock:
            self._waiting.append(ticket)
            ticket.leads = self._flying < IN_FLIGHT
            self._flying += ticket.leads
        if not ticket.leads:
            ticket.wake.wait()
        if ticket.leads and not ticket.done:
            ticket.wake.clear()
            self._lead(ticket)
        elif ticket.leads:
            self._hand_over(())
        if not ticket.done:  # another leader took it along
            ticket.wake.wait()
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer  # type: ignore[return-value]  # done without error: there is one

    def _lead(self, own: _Ticket[Question, Answer]) -> None:
        batch: list[_Ticket[Question, Answer]] = []
        try:
            while not own.taken:
                with self._lock:
                    count = min(len(self._waiting), self._largest)
                    batch = [self._waiting.popleft() for _ in range(count)]
                    for ticket in batch:
                        ticket.taken = True
                if batch:
                    self._answer(batch)
        finally:
            self._hand_over(batch)

    def _answer(self, batch: Sequence[_Ticket[Question, Answer]]) -> None:
        try:
            answers = self._ask([ticket.question for ticket in batch])
        except RefusedError as error:
            if len(batch) > 1 and error.reason in _LIMITS:
                for ticket in batch:
                    self._answer([ticket])
                return
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - each caller gets it as its own
            _fail(batch, error)
        else:
            for ticket, answer in zip(batch, answers, strict=True):
                ticket.answer = answer
                _finish(ticket)

    def _hand_over(self, batch: Sequence[_Ticket[Question, Answer]]) -> None:
        """Let the next one that waits lead; after an interrupt, release who was taken along."""
        left = [ticket for ticket in batch if not ticket.done]
        _fail(left, HomeError("the thread that asked was interrupted", clause="client"))
        with self._lock:
            follower = next((ticket for ticket in self._waiting if not ticket.leads), None)
            if follower is None:
                self._flying -= 1
            else:
                follower.leads = True
                follower.wake.set()


def _fail(batch: Sequence[_Ticket[Question, Answer]], error: BaseException) -> None:
    for ticket in batch:
        ticket.error = error
        _finish(ticket)


def _finish(ticket: _Ticket[Question, Answer]) -> None:
    ticket.done = True
    ticket.wake.set()
