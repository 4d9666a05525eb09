"""The mandates that this node was shown, in memory beside the store, and what they permit now.

A table is under mandates for good once a mandate has named it, also where that one has ended: else
a withdrawal would set it free. The operator may put further tables under mandates.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, select

from unseen.evidence.canonical import b64decode
from unseen.evidence.contract import State, Terms
from unseen.evidence.errors import MandateInvalidError
from unseen.evidence.mandate import Mandate, peek_mandate
from unseen.evidence.permission import Permission, Use, chain_of, cover, permission
from unseen.node.contracts.register import Contract
from unseen.node.errors import MandateNotFoundError, MandateRefusedError
from unseen.node.store.schema_registry import mandated_tables, mandates

FOREVER = datetime.max.replace(tzinfo=UTC)
EXPIRED, WITHDRAWN, MISSING = "mandate expired", "mandate withdrawn", "mandate missing"
_OPEN = (State.PROPOSED, State.APPROVED, State.ACTIVE, State.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Registered:
    """A mandate as the node has it: the signed token, and whether it was withdrawn."""

    id: bytes
    token: str
    mandate: Mandate
    registered_at: str
    withdrawal: str  # JWS, empty unless it was withdrawn


class Mandates:
    """All mandates, by id, and until when each contract is covered by them."""

    def __init__(self, engine: Engine) -> None:
        """Read the mandates from the store."""
        self._engine = engine
        self._by_id: dict[bytes, Registered] = {}
        self._required: dict[str, bool] = {}
        self._permissions: tuple[Permission, ...] = ()
        self._withdrawn: tuple[Permission, ...] = ()
        self._reached: dict[str, datetime] = {}  # by contract; FOREVER where nothing is missing
        self.reload()

    def reload(self) -> None:
        """Read everything anew."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(mandates)).all()
            required = connection.execute(select(mandated_tables)).all()
        self._by_id = {
            b64decode(row.id): Registered(
                b64decode(row.id),
                row.token,
                peek_mandate(row.token),
                row.registered_at,
                row.withdrawal,
            )
            for row in rows
        }
        self._required = {row.table_name: row.required for row in required}
        taken_back = {key for key, each in self._by_id.items() if each.withdrawal}
        found = tuple(self._permitted())
        self._permissions = tuple(p for p in found if taken_back.isdisjoint(p.mandates))
        self._withdrawn = tuple(p for p in found if not taken_back.isdisjoint(p.mandates))
        self._reached = {}

    def all(self) -> list[Registered]:
        """Return every mandate, the newest last."""
        return sorted(self._by_id.values(), key=lambda each: (each.registered_at, each.id))

    def known(self) -> dict[bytes, Mandate]:
        """Return every mandate by its id, withdrawn or not."""
        return {key: each.mandate for key, each in self._by_id.items()}

    def get(self, identifier: bytes) -> Registered:
        """Return a mandate.

        Raises:
            MandateNotFoundError: none of this id.

        """
        found = self._by_id.get(identifier)
        if found is None:
            raise MandateNotFoundError(
                "no mandate of this id", clause="mandate", remedy="see: unseen mandate list"
            )
        return found

    def in_force(self, identifier: bytes, now: datetime) -> bool:
        """Return whether a mandate's whole chain holds at `now`."""
        return any(one.mandates[-1] == identifier and one.covers(now) for one in self._permissions)

    def named(self, table: str) -> bool:
        """Return whether any mandate, also one that has ended, names the table."""
        return any(table in each.mandate.tables for each in self._by_id.values())

    def govern(self, table: str) -> bool:
        """Return whether contracts over the table need a mandate."""
        return self._required.get(table, False) or self.named(table)

    def governed(self) -> list[str]:
        """Return the tables that are under mandates, by name."""
        names = {name for each in self._by_id.values() for name in each.mandate.tables}
        return sorted(names | {name for name, required in self._required.items() if required})

    def over(self, table: str) -> tuple[Permission, ...]:
        """Return the permissions that concern a table and were not withdrawn."""
        return tuple(one for one in self._permissions if table in one.tables)

    def reach(self, terms: Terms, now: datetime) -> datetime:
        """Return the moment from `now` on when no mandate covers a contract; `FOREVER` if none.

        Where the contract names mandates, only such by the same authorities count.
        """
        if not self.govern(terms.table):
            return FOREVER
        granted = self._granted(terms, self.over(terms.table))
        reached = cover(granted, now, terms.period.until)[1]
        return reached if reached < terms.period.until else FOREVER

    def why(self, terms: Terms) -> str:
        """Return the cause why a contract is not covered: expired, withdrawn or missing."""
        if self._granted(terms, self.over(terms.table)):
            return EXPIRED
        return WITHDRAWN if self._granted(terms, self._withdrawn) else MISSING

    def check(self, contract: Contract, now: datetime) -> None:
        """Refuse a contract that has not ended and that no mandate covers. Asked on each request.

        Raises:
            MandateRefusedError: none covers it.

        """
        reached = self._reached.get(contract.id)
        if reached is None or now >= reached:
            reached = self._reached[contract.id] = self.reach(contract.terms, now)
        if now >= reached and contract.state in _OPEN:
            raise MandateRefusedError(
                f"no mandate covers this contract now: {self.why(contract.terms)}",
                clause="mandates",
                remedy="the authority renews it; see: unseen mandate list",
            )

    def _granted(self, terms: Terms, among: Iterable[Permission]) -> list[Permission]:
        use = Use(terms.operator, terms.table, terms.scenario, terms.kind)
        named = self._authorities(terms.mandates)
        fitting = (one for one in among if not use.refused_by(one))
        return [one for one in fitting if not named or one.authority in named]

    def _authorities(self, identifiers: Iterable[bytes]) -> set[str]:
        known = self.known()
        return {chain_of(each, known)[0][1].grantor for each in identifiers if each in known}

    def _permitted(self) -> Iterable[Permission]:
        known = self.known()
        for identifier in sorted(known):
            try:
                yield permission(chain_of(identifier, known))
            except MandateInvalidError:  # its parent went missing from the store: permits nothing
                continue
