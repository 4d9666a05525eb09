"""The part of `Client` about what is hosted and offered: tables and products."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Unpack

from unseen.client.agreements.contracts import Contracts
from unseen.client.catalog import Catalog, Compared, Predicate, Prices, Product, Refreshed, Table
from unseen.evidence.contracts.clauses import Billing
from unseen.evidence.contracts.intersection import Offered
from unseen.evidence.contracts.scoring import Wanted
from unseen.evidence.contracts.statistics.definition import Definition


class OfferingCalls:
    """Methods of `Client` about the catalogue. Registering is the operator's."""

    _catalog: Catalog
    _contracts: Contracts

    def products(self) -> list[Product]:
        """Return what the operator offers."""
        return self._catalog.products()

    def tables(self) -> list[Table]:
        """Return what the operator hosts (operator only)."""
        return self._catalog.tables()

    def register_table(
        self,
        name: str,
        source: str,
        *,
        subject: Sequence[str],
        labels: Mapping[str, tuple[str, str]],
        holder: str = "",
    ) -> Table:
        """Register a table (operator only).

        `source` is a path on the node's machine: Parquet, CSV, or `duckdb:PATH#TABLE`.
        `subject` are the columns that together name a subject; `labels` maps a column, or `*`
        for the rest, to its category and level. `holder` names the party whose table it is.
        """
        table = self._catalog.register_table(name, source, subject=subject, labels=labels)
        return self._catalog.assign_holder(name, holder) if holder else table

    def refresh_table(self, name: str, *, new_keys: bool = False) -> Refreshed:
        """Commit to a table's present rows as a new snapshot (operator only).

        Lookup tables are built over them: one that stays at the node under the key that it has,
        where it may, so that buyers fetch only what changed. With `new_keys` all get new keys.

        Contracts that no longer compile over them are suspended at once, and those that do again
        go on.
        """
        done = self._catalog.refresh_table(name, new_keys=new_keys)
        held = (each.id for each in self._contracts.list() if each.held_by_rules(name))
        return replace(done, suspended=tuple(held))

    def register_product(
        self,
        name: str,
        *,
        table: str,
        kind: str,
        title: str,
        predicates: Sequence[Predicate] | Definition | Offered | Wanted = (),
        prices: Prices | None = None,
        billing: Billing | None = None,
        **compared: Unpack[Compared],
    ) -> Product:
        """Offer yes-or-no questions over a table (operator only). Free unless `prices` says.

        A product of kind `statistics` has a definition in the place of predicates: its menu, and
        the columns and expressions behind it, which buyers do not see. With `match`, the columns of
        an id, it has neither, and answers whether a whole subject agrees, or only its id is known.
        One of kind `intersect` says what may be found (`evidence.contracts.intersection.Offered`).

        `canonical` says in which form values of the subject's columns are compared: `name`, `id`,
        `cn_id` or `date`; as they are where it says nothing.

        `billing` says what is billed (units, requests or hits), what is free, the most a contract
        costs and who gets it; without it each unit has its price, for the operator.
        """
        return self._catalog.register_product(
            name,
            table=table,
            kind=kind,
            title=title,
            predicates=predicates,
            prices=prices or Prices(),
            billing=billing,
            **compared,
        )
