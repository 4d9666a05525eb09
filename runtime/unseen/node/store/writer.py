"""The one writer: groups what is waiting into one durable transaction.

An operation checks first and writes last; what it raises before writing concerns it alone. If
the commit itself fails, every operation of the group fails and the log keeps its old head, so
nothing is answered that is not on disk (charge, leaf and stored reply are one transaction).
"""

import asyncio
import contextlib
import logging
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from unseen.evidence import canonical
from unseen.node.audit.log import NodeLog
from unseen.node.clock import Clock
from unseen.node.errors import DrainingError, InternalError, StorageFullError
from unseen.node.hardening import whereabouts
from unseen.node.store.schema import leaves
from unseen.protocols.errors import UnseenError

_logger = logging.getLogger("unseen.node.writer")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_GROUP_LIMIT = 256
_INSERT_LEAVES = insert(leaves)


@dataclass(slots=True)
class Transaction:
    """What an operation may use: the connection, the time, and the log's next places."""

    connection: Connection
    now: datetime
    first_index: int
    bodies: list[bytes] = field(default_factory=list)

    def append(self, leaf: dict[str, canonical.Json] | bytes) -> int:
        """Put a leaf, or its canonical bytes, into the log with this transaction; return its index.

        An operation that is taken back takes its leaves back as well.
        """
        self.bodies.append(leaf if isinstance(leaf, bytes) else canonical.encode(leaf))
        return self.last_index

    @property
    def last_index(self) -> int:
        """Return the index of the leaf that was put last."""
        return self.first_index + len(self.bodies) - 1


class Operation(Protocol[T_co]):
    """A change of state. Operations of one class in a group are applied together, in order."""

    @classmethod
    def apply_all(
        cls, transaction: Transaction, operations: Sequence[Any]
    ) -> Sequence[T_co | UnseenError]:
        """Apply each of `operations`; an error takes the place of the result it concerns."""
        ...


class Change(Operation[T], ABC):
    """An operation that is applied alone, inside a savepoint of its own."""

    @classmethod
    def apply_all(
        cls, transaction: Transaction, operations: Sequence[Any]
    ) -> Sequence[T | UnseenError]:
        """Apply one after the other; what one raises takes back only its own writes."""
        results: list[T | UnseenError] = []
        for operation in operations:
            mark = len(transaction.bodies)
            try:
                with transaction.connection.begin_nested():
                    results.append(operation.apply(transaction))
            except UnseenError as error:
                del transaction.bodies[mark:]
                results.append(error)
            except IntegrityError:  # it took back its own writes; others must not suffer from it
                del transaction.bodies[mark:]
                results.append(InternalError("the change contradicts what is stored"))
            except SQLAlchemyError:
                raise  # the store itself fails: so does the whole group
            except Exception as error:  # noqa: BLE001 - a bug concerns its own operation alone
                del transaction.bodies[mark:]
                _logger.error("a change failed: %s", whereabouts(error))  # noqa: TRY400
                results.append(InternalError("the change could not be made"))
        return results

    @abstractmethod
    def apply(self, transaction: Transaction) -> T:
        """Change the state and return the result."""


@dataclass(frozen=True, slots=True)
class Together(Change[tuple[Any, ...]]):
    """Several changes that are made all or not at all, in order; returns what each returned."""

    changes: tuple[Change[Any], ...]

    def apply(self, transaction: Transaction) -> tuple[Any, ...]:
        """Apply each of them."""
        return tuple(change.apply(transaction) for change in self.changes)


class _Outcome(asyncio.Future[T]):
    """What becomes of an operation. No cancelling ends it: a task that waits learns of it after."""

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel nothing: the task that waits is told so, and is cancelled when this is done."""
        del msg
        return False


def _cancel_again(task: "asyncio.Task[Any] | None") -> None:
    """Cancel a task that went on to follow what was written, if whoever wanted that still does."""
    if task is not None and task.cancelling():
        task.uncancel()
        task.cancel()


@dataclass(slots=True)
class _Waiting:
    operation: Operation[Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"

    def settle(self, outcome: object) -> None:
        """Hand the outcome to the waiting coroutine, unless it is gone; on its loop."""
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Writer:
    """Runs operations on a thread of its own. `submit` is for coroutines of the event loop."""

    def __init__(self, engine: Engine, log: NodeLog, clock: Clock) -> None:
        """Start the thread."""
        self._engine = engine
        self._log = log
        self._clock = clock
        self._closed = False
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def submit(self, operation: Operation[T]) -> T:
        """Apply `operation` durably and return its result.

        What is queued cannot be called back. Whoever is cancelled meanwhile still gets the result,
        so that memory follows the store, and is cancelled at the next thing it waits for.

        Raises:
            StorageFullError: the store could not be written; nothing was changed.
            DrainingError: the node is shutting down; nothing was changed.
            UnseenError: what the operation itself raised; nothing was changed.

        """
        if self._closed:
            raise DrainingError(
                "the node is shutting down",
                clause="node",
                remedy="send the same request again later",
            )
        loop = asyncio.get_running_loop()
        outcome: _Outcome[T] = _Outcome(loop=loop)
        self._queue.put(_Waiting(operation, loop, outcome))
        try:
            return await outcome
        except asyncio.CancelledError:  # comes with the outcome, see `_Outcome`
            loop.call_soon(_cancel_again, asyncio.current_task())
            return outcome.result()

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_for_more = True
        while open_for_more:
            group = [self._queue.get()]
            while len(group) < _GROUP_LIMIT and group[-1] is not None:
                try:
                    group.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            open_for_more = group[-1] is not None
            waiting = [entry for entry in group if entry is not None]
            if waiting:
                _resolve(waiting, self._commit(waiting))
        self._save_last_head()

    def _save_last_head(self) -> None:
        # Each commit stores the head signed before it; after the last one there is one more.
        self._log.head()
        try:
            with self._engine.begin() as connection:
                self._log.save_head(connection)
        except SQLAlchemyError as error:
            self._log.note_failure(_cause(error))

    def _commit(self, group: list[_Waiting]) -> Sequence[object]:
        try:
            with self._engine.begin() as connection:
                transaction = Transaction(connection, self._clock.now(), self._log.size)
                outcomes = _apply(transaction, [entry.operation for entry in group])
                write_leaves(transaction)
                self._log.save_head(connection)
        except SQLAlchemyError as error:
            self._log.note_failure(_cause(error))
            fault = StorageFullError(
                "the node cannot write its state",
                clause="node.state",
                remedy="free disk space under the node's home; nothing was charged",
            )
            return [fault] * len(group)
        except UnseenError as error:
            return [error] * len(group)
        except Exception as error:  # noqa: BLE001 - the thread must outlive a bug in one operation
            self._log.note_failure(whereabouts(error))
            return [InternalError("the change could not be made")] * len(group)
        self._clock.raise_floor(transaction.now)
        self._log.extend(transaction.bodies)
        return outcomes


def _resolve(group: list[_Waiting], outcomes: Sequence[object]) -> None:
    """Wake each event loop once for all of its coroutines: a wake-up costs more than it hands."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting, object]]] = {}
    for entry, outcome in zip(group, outcomes, strict=True):
        by_loop.setdefault(entry.loop, []).append((entry, outcome))
    for loop, settled in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed while we were committing
            loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: list[tuple[_Waiting, object]]) -> None:
    for entry, outcome in settled:
        entry.settle(outcome)


def _apply(transaction: Transaction, operations: list[Operation[Any]]) -> Sequence[object]:
    outcomes: list[object] = []
    start = 0
    while start < len(operations):
        kind = type(operations[start])
        end = start
        while end < len(operations) and type(operations[end]) is kind:
            end += 1
        outcomes.extend(kind.apply_all(transaction, operations[start:end]))
        start = end
    return outcomes


def write_leaves(transaction: Transaction) -> None:
    """Store the leaves that a transaction appended."""
    if transaction.bodies:
        rows = [
            {"leaf_index": transaction.first_index + offset, "body": body}
            for offset, body in enumerate(transaction.bodies)
        ]
        transaction.connection.execute(_INSERT_LEAVES, rows)


def _cause(error: SQLAlchemyError) -> str:
    """Return the error's type; for the database's own troubles (disk full, I/O) its words too."""
    words = str(error.orig) if isinstance(error, OperationalError) else ""
    return f"{type(error).__name__} {words}".rstrip()
