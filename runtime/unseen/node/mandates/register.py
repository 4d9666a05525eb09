"""The book of mandates in memory beside the store, and how far each contract is covered."""

from datetime import datetime

from sqlalchemy import Engine, select

from unseen.evidence.canonical import b64decode
from unseen.evidence.contracts.states import State
from unseen.evidence.registry.mandate import peek_mandate
from unseen.node.contracts.register import Contract
from unseen.node.mandates.book import Book, Registered, not_covered
from unseen.node.store.schema_registry import mandated_tables, mandates

_OPEN = (State.PROPOSED, State.APPROVED, State.ACTIVE, State.SUSPENDED)


class Mandates:
    """All mandates, reloaded after each change of state."""

    def __init__(self, engine: Engine) -> None:
        """Read the mandates from the store."""
        self._engine = engine
        self.book = Book({})
        self._reached: dict[str, datetime] = {}
        self.reload()

    def reload(self) -> None:
        """Read everything anew."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(mandates)).all()
            required = connection.execute(select(mandated_tables)).all()
        found = [
            Registered(
                b64decode(row.id),
                row.token,
                peek_mandate(row.token),
                row.registered_at,
                row.withdrawal,
            )
            for row in rows
        ]
        tables = frozenset(row.table_name for row in required if row.required)
        self.book = Book({each.id: each for each in found}, tables)
        self._reached = {}

    def all(self) -> list[Registered]:
        """Return every mandate, the newest last."""
        return sorted(self.book.entries.values(), key=lambda each: (each.registered_at, each.id))

    def covered_until(self, contract: Contract, now: datetime) -> datetime:
        """Return from when on no mandate covers a contract. Asked on each request."""
        reached = self._reached.get(contract.id)
        if reached is None or now >= reached:
            reached = self._reached[contract.id] = self.book.standing.reach(contract.terms, now)
        return reached

    def check(self, contract: Contract, now: datetime) -> None:
        """Refuse a contract that has not ended and that no mandate covers. Asked on each request.

        Raises:
            MandateRefusedError: none covers it.

        """
        if now >= self.covered_until(contract, now) and contract.state in _OPEN:
            raise not_covered(self.book.standing.why(contract.terms))
