"""The part of `Client` about sets of one's own items (隐私求交)."""

from collections.abc import Sequence
from functools import cached_property

from unseen.client.agreements.contracts import Contracts
from unseen.client.evidence import Evidence
from unseen.client.queries.finding import Finding
from unseen.client.queries.intersected import Intersected
from unseen.client.queries.intersections import Intersections
from unseen.client.queries.lookups import Lookups
from unseen.client.session import Session
from unseen.client.subjects import Subject


class IntersectCalls:
    """Methods of `Client` about which items a table has, or how many."""

    _session: Session
    _contracts: Contracts
    _lookups: Lookups
    _intersections: Intersections
    _evidence: Evidence

    @cached_property
    def _finding(self) -> Finding:
        return Finding(self._session, self._contracts, self._lookups, self._intersections)

    def intersect(self, contract: str, items: Sequence[Subject]) -> Intersected:
        """Return which of `items` the table has, or how many, as the contract says.

        One unit for each distinct item, whether the table has it or not. The operator learns how
        many there are, and not which.

        Raises:
            InputInvalidError: the contract is for another kind, or there are none or too many.
            SubjectInvalidError: an item is malformed.
            JobNotDoneError: the node could not compute it; nothing was charged.

        """
        return self._intersections.ask(contract, items)

    def intersect_table(
        self,
        table: str,
        items: Sequence[Subject],
        *,
        way: str = "",
        threat_model: str = "semi-honest",
    ) -> Intersected:
        """Return which of `items` a table has, under whichever of this buyer's contracts does best.

        That is a hidden lookup where the items are few beside the table's rows (less than one in
        64), or where nothing weaker than `threat_model` will do; else an intersection. A lookup
        contract serves if it is over a match product, or has a predicate called `present`. The
        result says which `way` was taken, why, and what it cost; `way` asks for one: `ecdh_psi`,
        `oprf_table` or `lwe_pir`.

        Raises:
            ContractMissingError: no contract in force permits it; nothing was asked.
            InputInvalidError: there are no items, or no such way or threat model.
            SubjectInvalidError: an item is malformed.
            JobNotDoneError: the node could not compute it; nothing was charged.

        """
        return self._finding.ask(table, items, way=way, threat_model=threat_model)

    def small_beside_table(self, contract: str, items: int) -> bool:
        """Return whether the node says that a hidden lookup would do better for so many items."""
        return self._finding.small(self._contracts.terms(contract), items)

    def fetch_intersection(self, request: str) -> Intersected:
        """Go on with an intersection, or fetch what it found again, under its id; charged once."""
        return self._evidence.fetch_intersection(request)
