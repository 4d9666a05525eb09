"""The part of `Client` about answers that have not arrived, receipts, openings and the log."""

from collections.abc import Iterator

from unseen.client.evidence import Evidence, Leaf, Receipt
from unseen.client.oversight.openings import Openings
from unseen.client.statistic import Statistic
from unseen.client.verdicts import Verdict
from unseen.evidence.canonical import Json


class ReceiptCalls:
    """Methods of `Client` about what it can prove, and what it may read of the log."""

    _evidence: Evidence
    _openings: Openings

    def unanswered(self, contract: str | None = None) -> list[str]:
        """Return the ids of requests whose answers have not arrived."""
        return self._evidence.unanswered(contract)

    def lost(self, contract: str | None = None) -> list[str]:
        """Return the ids of charged requests whose reply the node no longer keeps: no receipt."""
        return self._evidence.lost(contract)

    def fetch(self, request: str) -> Receipt:
        """Fetch the answer to a request again, under its id, and return its receipt."""
        self._evidence.fetch(request)
        return self._evidence.receipt(request)

    def fetch_answers(self, request: str) -> list[Verdict]:
        """Fetch the answers to a request again, in the order of its subjects; charged once.

        A request that the node has never seen is charged now, if it is young enough to be.
        """
        return self._evidence.fetch_verdicts(request)

    def fetch_statistic(self, request: str) -> Statistic:
        """Fetch the answer to a question about many again, under its id; charged once."""
        return self._evidence.fetch_statistic(request)

    def receipts(self, contract: str | None = None) -> list[Receipt]:
        """Return the receipts in this home, each verified."""
        return self._evidence.receipts(contract)

    def receipt(self, request: str) -> Receipt:
        """Return the verified receipt of a request."""
        return self._evidence.receipt(request)

    def open_receipt(
        self, request: str, position: int = 0, contract: str | None = None
    ) -> dict[str, Json]:
        """Return a bundle that proves to a third party whom one question was about, and its answer.

        `position` says which subject of a request with many, from 0. The operator opens
        verifications in the clear, for as long as the node keeps their replies, and names the
        contract where requests under several have one id.
        """
        return self._openings.open(request, position, contract)

    def leaves(self, start: int = 0, limit: int | None = None) -> Iterator[Leaf]:
        """Yield the entries of the node's log (operator only)."""
        return self._evidence.leaves(start, limit)

    def log_size(self) -> int:
        """Return the present size of the node's log, proven to extend what was seen before."""
        return self._evidence.log_size()
