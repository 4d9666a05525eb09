"""The part of `Client` about rows of one's own, scored unseen (密文评分)."""

from typing import TYPE_CHECKING, Any

from unseen.client.evidence import Evidence
from unseen.client.queries.scored import Scored
from unseen.client.queries.scores import ScoreRuns

if TYPE_CHECKING:
    from unseen.protocols.train.spec import Feature


class ScoreCalls:
    """Methods of `Client` about what an operator's model says of rows."""

    _scores: ScoreRuns
    _evidence: Evidence

    def score(self, contract: str, rows: Any) -> Scored:
        """Return what the model of a contract says of each row; needs `unseen[he]`.

        `rows` are a matrix of numpy in the order of the model's columns, columns by name (a mapping
        or a data frame), or a list of rows, each a mapping or a sequence. A column of values takes
        their texts; in a matrix of numbers, their numbers from 0, or -1 for none of them.

        One unit for each ciphertext that returns, which has up to as many rows as the contract
        says. The operator learns how many those are, and nothing of rows and scores.

        Raises:
            InputInvalidError: the contract is for another kind, there are no rows or too many, a
                value is no number, out of bounds, or none of its column's; or a library is missing.
                Nothing was sent.
            JobNotDoneError: the node could not compute it; nothing was charged.

        """
        return self._scores.ask(contract, rows)

    def score_columns(self, contract: str) -> "tuple[Feature, ...]":
        """Return the columns that the model of a contract has: names, bounds, values.

        Raises:
            InputInvalidError: the contract is for another kind, or a library is missing.

        """
        return self._scores.columns(contract)

    def fetch_scores(self, request: str) -> Scored:
        """Go on with a run of scores, or show what it found again, under its id; charged once."""
        return self._evidence.fetch_scores(request)
