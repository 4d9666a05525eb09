"""What `Client` offers for openings on an order and for objections."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from unseen.client.evidence import Evidence, read_receipt
from unseen.client.oversight.ids import find_id
from unseen.client.oversight.objections import ObjectionCard, Objections
from unseen.client.oversight.opened import OpenedOrder, Opener
from unseen.client.oversight.ordered import OrderCard
from unseen.client.oversight.orders import Answered, Orders, find_order
from unseen.client.oversight.reports import ReportCard, Reports
from unseen.client.session import Session
from unseen.evidence.canonical import b64encode
from unseen.evidence.oversight.objection import Correction, Credit
from unseen.evidence.reports.disclosure import THRESHOLD
from unseen.evidence.reports.source import Span

NOTICE = dt.timedelta(days=14)
_ID_LENGTH = 43


class Oversight:
    """The methods of `Client` by which one side has to answer for what it did."""

    _session: Session
    _evidence: Evidence
    _orders: Orders
    _opener: Opener
    _objections: Objections
    _reports: Reports

    def order_openings(
        self,
        contract: str,
        *,
        reason: str,
        requests: Sequence[str] = (),
        sample: int = 0,
        notice: dt.timedelta = NOTICE,
    ) -> OrderCard:
        """Order hidden queries to be opened (the regulator or auditor that the contract names).

        Either `requests` are named by their ids, or a `sample` of so many of the contract's
        releases is drawn, by salt and log: nobody chooses it. `notice` is the time to answer, an
        hour to a year.
        """
        return self._orders.order(contract, requests, sample, reason, notice)

    def draw_sample(self, order: str) -> OrderCard:
        """Draw the sample of an order, where `order_openings` was interrupted before it had."""
        return self._orders.draw(self._order_id(order))

    def orders(self, contract: str | None = None) -> list[OrderCard]:
        """Return the orders of openings that this party may see, oldest first."""
        return self._orders.all(contract)

    def order(self, order: str) -> OrderCard:
        """Return an order with its releases, all proven to be in the log."""
        return self._orders.get(self._order_id(order))

    def waiting_orders(self) -> list[OrderCard]:
        """Return the orders that wait for an answer of this home (buyer only)."""
        return self._orders.waiting()

    @property
    def orders_waiting(self) -> int:
        """How many orders wait for this home, as the node's last answer has it."""
        return self._session.channel.orders

    def answer_order(self, order: str) -> Answered:
        """Open what an order wants of this home, encrypted to the regulator (buyer only).

        What this home did not ask is said to be unknown to it. May be run again: what is answered
        already stays as it is.
        """
        return self._orders.answer(self._order_id(order))

    def open_order(self, order: str, *, offline: bool = False) -> OpenedOrder:
        """Return what an order given from this home brought to light, checked against the log.

        With `offline` nothing is fetched: everything was here since the last time.
        """
        name = self._orders.kept_id(order) if offline else self._order_id(order)
        return self._opener.open(name, offline=offline)

    def open_objection(
        self,
        reason: str,
        text: str,
        *,
        contract: str = "",
        request: str = "",
        receipt: Path | None = None,
    ) -> ObjectionCard:
        """Object to a release, by its receipt or request id, or to a contract as a whole.

        `reason` is one of `unseen.evidence.oversight.objection.REASONS`. The text goes to the
        other side, not into the log.

        Raises:
            ReceiptInvalidError: the receipt is somebody else's, or does not verify.

        """
        if receipt is not None:
            contract, request = self._objections.receipted(read_receipt(receipt))
        elif request and not contract:
            facts = self._evidence.receipt(request).facts
            contract = b64encode(facts.contract)
        return self._objections.open(contract, request, reason, text)

    def answer_objection(
        self,
        objection: str,
        text: str,
        *,
        accepted: bool,
        credit: Credit | None = None,
        correction: Correction | None = None,
    ) -> ObjectionCard:
        """Accept or reject an objection of the other side.

        An operator that accepts may credit units and an amount, which the bill then takes off,
        and name the snapshot (and epoch) in which it is corrected.
        """
        return self._objections.answer(
            self._objection_id(objection),
            text,
            accepted=accepted,
            credit=credit,
            correction=correction,
        )

    def close_objection(self, objection: str, *, agreed: bool) -> ObjectionCard:
        """Close an objection of one's own: agreed, or not; unanswered, it is withdrawn."""
        return self._objections.close(self._objection_id(objection), agreed=agreed)

    def objections(self, contract: str | None = None) -> list[ObjectionCard]:
        """Return the objections that this party may see, oldest first."""
        return self._objections.all(contract)

    def objection(self, objection: str) -> ObjectionCard:
        """Return an objection, with the words where this party is a side of it."""
        return self._objections.get(self._objection_id(objection))

    def disclosure(
        self, year: int, *, export: Path | None = None, threshold: int = THRESHOLD
    ) -> ReportCard:
        """Return the yearly disclosure summary, from an export that holds or from the log now.

        Signed in the operator's home. Small numbers are rounded to multiples of `threshold`.
        """
        return self._reports.disclosure(export, year, threshold)

    def personal_audit(
        self, start: dt.datetime, until: dt.datetime, *, export: Path | None = None
    ) -> ReportCard:
        """Return the personal-information audit report from `start` up to `until`, both UTC.

        From an export that holds or from the log now; signed in the operator's home.
        """
        return self._reports.personal(export, Span(start, until))

    def _order_id(self, text: str) -> str:
        if len(text) == _ID_LENGTH:
            return text
        return find_order((card.id for card in self._orders.all(None)), text)

    def _objection_id(self, text: str) -> str:
        if len(text) == _ID_LENGTH:
            return text
        known = (card.id for card in self._objections.all(None))
        return find_id(known, text, "objection", "unseen objection list")
