"""The part of `Client` about what was used, and the bill."""

import datetime as dt
from collections.abc import Collection, Iterable
from functools import cached_property
from pathlib import Path

from unseen.client.agreements.contracts import Contracts
from unseen.client.bills.settling import Settling, Spending
from unseen.client.evidence import Evidence, Usage
from unseen.client.oversight.objections import Objections
from unseen.client.session import Session
from unseen.evidence.bills.reconcile import Match, Sheet


class MeterCalls:
    """Methods of `Client` about usage, statements and reconciliation."""

    _session: Session
    _contracts: Contracts
    _evidence: Evidence
    _objections: Objections

    @cached_property
    def _settling(self) -> Settling:
        return Settling(self._session, self._contracts, self._evidence, self._objections.credit)

    def usage(self, contract: str) -> Usage:
        """Return what the node has charged under a contract."""
        return self._evidence.usage(contract)

    def spending(self, contract: str, *, offline: bool = False) -> Spending:
        """Return what was used under a contract by day, and what it comes to by line and payee.

        It is what the node's log holds; `offline`, what the receipts of this home show.
        """
        found = self._contracts.kept(contract) if offline else self._contracts.get(contract)
        return self._settling.spending(found, offline=offline)

    def settle(self, contract: str, more: Iterable[Path] = (), *, offline: bool = False) -> bytes:
        """Return the bill, from this home's receipts and those in the files `more`.

        Answers that got lost are fetched first. Byte for byte what `operator_settle` returns,
        unless the node has charged a request and no longer keeps its reply: then the bill lists
        it under `unreceipted`, and counts what the receipts prove. `offline` asks the node
        nothing and rests on what this home has.

        Raises:
            SettlementError: a receipt is missing, or does not fit the contract.
            LogForkedError: the heads of the log that answers came with are not of one history.

        """
        return self._settling.settle(contract, more, offline=offline)

    def operator_settle(self, contract: str) -> bytes:
        """Return the bill, from the log (operator only).

        Checked are the terms, the order and completeness of the totals, and that the buyer's
        instances signed every request. Not checked: that each leaf is under the log's head
        (the buyer's receipts prove that), that an instance's certification had not ended, and
        the signature by a key that an instance of the same name has since replaced, which only
        has to be registered in the log.

        Raises:
            SettlementError: a check fails.

        """
        return self._settling.operator_settle(contract)

    def sign_statement(self, statement: bytes) -> str:
        """Return a statement signed by this party, so that others can hold theirs against it.

        Raises:
            SettlementError: it is no statement.
            HomeError: this home holds no party key.

        """
        return self._settling.sign(statement)

    def sheet(self, day: dt.date, contracts: Collection[str], more: Iterable[Path] = ()) -> Sheet:
        """Return this side's releases of a day (UTC), for the other side to reconcile with.

        The buyer's are from its receipts, and those in the files `more`; all others' from the log.
        """
        return self._settling.sheet(day, contracts, more)

    def reconcile(
        self,
        day: dt.date,
        contracts: Collection[str],
        theirs: Sheet | None = None,
        more: Iterable[Path] = (),
    ) -> tuple[Match, ...]:
        """Return every request of a day (UTC) as both sides have it, with what is wrong with it.

        `theirs` is the other side's sheet. A buyer may leave it out: then the node's log is the
        other side.
        """
        return self._settling.reconcile(day, contracts, theirs, more)
