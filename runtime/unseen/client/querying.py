"""The part of `Client` that asks: about a subject, hidden or in the clear, and about many."""

from collections.abc import Sequence

from unseen.client.agreements.contracts import Contracts
from unseen.client.evidence import Evidence
from unseen.client.queries.lookups import Lookups
from unseen.client.queries.questions import Questions
from unseen.client.queries.verifies import Verifies
from unseen.client.rows import Rows
from unseen.client.statistics import Statistics
from unseen.client.subjects import Subject
from unseen.client.verdicts import Verdict, verdict_rows


class QueryCalls:
    """Methods of `Client` about questions of kinds `lookup`, `verify` and `statistics`."""

    _contracts: Contracts
    _lookups: Lookups
    _verifies: Verifies
    _questions: Questions
    _evidence: Evidence

    def lookup(self, contract: str, subject: Subject) -> Verdict:
        """Return the verdict on one subject that the operator does not get to know."""
        return self._lookups.many(contract, [subject])[0]

    def lookup_many(self, contract: str, subjects: Sequence[Subject]) -> list[Verdict]:
        """Return the verdicts on many subjects, in order: one unit for each distinct new one.

        If a later batch fails, what earlier ones found is kept: asking again costs nothing.
        """
        return self._lookups.many(contract, subjects)

    def verify(self, contract: str, subject: Subject) -> Verdict:
        """Return the verdict on one subject, named to the operator in the clear."""
        return self._verifies.ask(contract, subject)

    def verdict_rows(self, verdicts: Sequence[Verdict]) -> Rows:
        """Return the verdicts of one contract as rows, for Arrow or a file.

        `rows.write(path)` writes CSV, Parquet or Arrow by the suffix; `rows.batches()` yields
        record batches of pyarrow. Rows are gone through once.

        Raises:
            InputInvalidError: there are none, or they are of several contracts.

        """
        contract = verdicts[0].contract if verdicts else ""
        columns = self._contracts.plan(contract).subject_columns if contract else ()
        return verdict_rows(columns, verdicts)

    def statistics(self, contract: str) -> Statistics:
        """Return what a contract lets be asked about many people at once, as typed methods.

        Raises:
            InputInvalidError: the contract is for another kind.

        """
        self._questions.menu(contract)
        return Statistics(contract, self._questions, self._evidence)
