"""The part of `Client` about models that are trained under encryption (密态训练)."""

from typing import Any

from unseen.client.evidence import Evidence
from unseen.client.queries.fitted import Fitted, Fitting
from unseen.client.queries.trainings import Trainings


class FitCalls:
    """Methods of `Client` about encrypted trainings under one contract."""

    _trainings: Trainings
    _evidence: Evidence

    def fit(
        self,
        contract: str,
        rows: Any = None,
        *,
        aligned_by: str = "",
        rate: float | None = None,
        ridge: float | None = None,
    ) -> Fitted:
        """Train the model of a contract, unseen by its operator; needs `unseen[he]`.

        A unit and privacy for each iteration that is left: what is done stays done, a finished
        training costs nothing when it is asked for again, and after an end it goes on.

        `rows` are those of a vertical training, columns by name (a mapping or a data frame) or one
        mapping a row: the contract's subject columns, the label, the buyer's own columns. They are
        kept sealed until the training is over, and need not be given again. With `aligned_by`, a
        contract over an intersection of output items, only those are trained on that its table
        has; that costs a unit for each row, once.

        Steps are `rate` times what is safe for any rows, 1 without it; `ridge` draws weights to
        zero.

        Raises:
            InputInvalidError: the contract is for another kind, rows are missing or are not as it
                says, or a library is missing. Nothing was sent.
            SubjectInvalidError: a subject is malformed.
            JobNotDoneError: the node could not compute an iteration, which was not charged.

        """
        return self._trainings.fit(contract, rows, aligned_by=aligned_by, rate=rate, ridge=ridge)

    def fitting(self, contract: str) -> Fitting:
        """Return how far the encrypted training of a contract is; costs nothing.

        Raises:
            InputInvalidError: the contract is for another kind, or a library is missing.

        """
        return self._trainings.show(contract)

    def is_encrypted_training(self, contract: str) -> bool:
        """Return whether a contract is over an encrypted training, and none of several nodes."""
        return self._trainings.covers(contract)

    def fetch_fitting(self, request: str) -> Fitting:
        """Go on with an iteration under its id, charged once; returns how far the training is."""
        return self._evidence.fetch_fitting(request)
