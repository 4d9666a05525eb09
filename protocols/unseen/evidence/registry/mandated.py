"""Which contracts mandates cover, and how far: for the node and for its auditor. Own rules.

A table is under mandates for good once a mandate has named it, also where that one has ended: else
a withdrawal would set it free. The operator may put further tables under mandates. A contract that
names mandates is covered only by such of the same authorities, whether these or later ones.

It goes by the mandates that it is given: one that was never shown permits nothing, and a withdrawal
that was held back takes nothing away.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.statistics.agreed import tables_read
from unseen.evidence.errors import MandateInvalidError
from unseen.evidence.registry.mandate import Mandate
from unseen.evidence.registry.permission import Permission, Use, chain_of, cover, permission

FOREVER = datetime.max.replace(tzinfo=UTC)
EXPIRED, WITHDRAWN, MISSING = "mandate expired", "mandate withdrawn", "mandate missing"


@dataclass(frozen=True)
class Mandated:
    """What stands at a moment: mandates by their id, ids withdrawn, tables that need one anyway.

    The signatures of all have been verified.
    """

    known: Mapping[bytes, Mandate]
    withdrawn: frozenset[bytes] = frozenset()
    required: frozenset[str] = frozenset()

    @cached_property
    def named(self) -> frozenset[str]:
        """The tables that any mandate names, also one that has ended."""
        return frozenset(table for each in self.known.values() for table in each.tables)

    @cached_property
    def governed(self) -> frozenset[str]:
        """The tables over which contracts need a mandate."""
        return self.named | self.required

    @cached_property
    def _split(self) -> tuple[tuple[Permission, ...], tuple[Permission, ...]]:
        found = tuple(self._permissions())
        left = tuple(one for one in found if self.withdrawn.isdisjoint(one.mandates))
        return left, tuple(one for one in found if not self.withdrawn.isdisjoint(one.mandates))

    def over(self, table: str) -> tuple[Permission, ...] | None:
        """Return what concerns a table and was not withdrawn; nothing if it is under none."""
        if table not in self.governed:
            return None
        return tuple(one for one in self._split[0] if table in one.tables)

    def in_force(self, identifier: bytes, time: datetime) -> bool:
        """Return whether a mandate's whole chain holds at `time`."""
        return any(one.mandates[-1] == identifier and one.covers(time) for one in self._split[0])

    def concerns(self, terms: Terms) -> bool:
        """Return whether a table that a contract reads is under mandates."""
        return not self.governed.isdisjoint(tables_read(terms))

    def reach(self, terms: Terms, time: datetime) -> datetime:
        """Return from when on, after `time`, none covers a contract; `FOREVER` for never."""
        if not self.concerns(terms):
            return FOREVER
        reached = cover(self._granted(terms, self._split[0]), time, terms.period.until)[1]
        return reached if reached < terms.period.until else FOREVER

    def why(self, terms: Terms) -> str:
        """Return the cause why a contract is not covered: expired, withdrawn or missing."""
        live, withdrawn = self._split
        if self._granted(terms, live):
            return EXPIRED
        return WITHDRAWN if self._granted(terms, withdrawn) else MISSING

    def _granted(self, terms: Terms, among: Iterable[Permission]) -> list[Permission]:
        beside = [table for table in tables_read(terms)[1:] if table in self.governed]
        uses = [
            Use(terms.operator, table, terms.scenario, terms.kind)
            for table in (terms.table, *beside)
        ]
        named = self._authorities(terms.mandates)
        fitting = (one for one in among if not any(use.refused_by(one) for use in uses))
        return [one for one in fitting if not named or one.authority in named]

    def _authorities(self, identifiers: Iterable[bytes]) -> set[str]:
        wanted = set(identifiers)
        both = (one for half in self._split for one in half)
        return {one.authority for one in both if one.mandates[-1] in wanted}

    def _permissions(self) -> Iterator[Permission]:
        for identifier in sorted(self.known):
            try:
                yield permission(chain_of(identifier, self.known))
            except MandateInvalidError:  # what is no chain permits nothing
                continue
