"""A run of scores as one asks it, and as it was written down: it goes on after any end.

What is written down is how many rows there are: their ciphertexts lie in the home until the run
ends, and the key that opens the answer is the contract's.
"""

import secrets
from dataclasses import dataclass, field
from typing import Final, Self

from unseen.client.errors import HomeError
from unseen.client.local.state import Opening
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.scoring import KIND, Scoring, scoring_in
from unseen.evidence.suite import Suite, suite_of
from unseen.protocols.errors import InputInvalidError

_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class ScoreRun:
    """One run as it is asked: the terms, and how many rows are scored."""

    contract: str
    terms: Terms
    clause: Scoring = field(repr=False)
    rows: int
    request: str

    @classmethod
    def new(cls, contract: str, terms: Terms, rows: int) -> Self:
        """Return a new run over so many rows.

        Raises:
            InputInvalidError: there are none, or more than one run has.

        """
        clause = clause_of(contract, terms)
        most = clause.most * clause.rows
        if not 1 <= rows <= most:
            raise InputInvalidError(
                f"a run of this contract has 1 to {most:,} rows, and this has {rows:,}",
                clause="parameters.score.most",
                remedy="score fewer at once, or ask for a contract over more",
            )
        return cls(contract, terms, clause, rows, secrets.token_hex(_ID_BYTES))

    @classmethod
    def written(cls, opening: Opening, terms: Terms) -> Self:
        """Return the run that was written down.

        Raises:
            HomeError: what was written down is no run's.

        """
        rows = opening.secret.get("rows")
        found = None if type(rows) is not int else rows
        clause = clause_of(opening.contract, terms)
        if found is None or -(-found // clause.rows) != opening.units:
            raise HomeError("the record of this request is not of scores", clause="home")
        return cls(opening.contract, terms, clause, found, opening.id)

    @property
    def secret(self) -> dict[str, object]:
        """What is written down of it, sealed, before anything is sent."""
        return {"rows": self.rows}

    @property
    def units(self) -> int:
        """How many ciphertexts return."""
        return -(-self.rows // self.clause.rows)

    @property
    def suite(self) -> Suite:
        """The suite of the contract."""
        return suite_of(self.terms.suite)


def clause_of(contract: str, terms: Terms) -> Scoring:
    """Return what a contract says of scores.

    Raises:
        InputInvalidError: it is for another kind, or this machine cannot read it.

    """
    if terms.kind != KIND:
        raise InputInvalidError(
            f"the contract is for kind {terms.kind}",
            clause="kind",
            remedy=f"ask with: unseen {terms.kind} {contract} ...",
        )
    return scoring_in(terms.parameters)
