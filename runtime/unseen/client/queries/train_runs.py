"""An iteration of an encrypted training as one asks it, and as it was written down.

What is written down is which iteration it is: its ciphertexts lie in the home until it is over, and
the key that opens the answer is the contract's.
"""

import secrets
from dataclasses import dataclass, field
from typing import Final, Self

from unseen.client.errors import HomeError
from unseen.client.local.state import Opening
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import KIND, PARAMETER, Encrypted, encrypted_in
from unseen.evidence.releases.encrypted import SentWeights
from unseen.evidence.suite import Suite, suite_of
from unseen.protocols.errors import InputInvalidError
from unseen.v1 import train_pb2

UNITS: Final = 1  # of an iteration
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class TrainRun:
    """An iteration as it is asked, the first being 0."""

    contract: str
    terms: Terms
    clause: Encrypted = field(repr=False)
    iteration: int
    request: str

    @classmethod
    def new(cls, contract: str, terms: Terms, iteration: int) -> Self:
        """Return an iteration that was never asked for."""
        clause = clause_of(contract, terms)
        return cls(contract, terms, clause, iteration, secrets.token_hex(_ID_BYTES))

    @classmethod
    def written(cls, opening: Opening, terms: Terms) -> Self:
        """Return the iteration that was written down.

        Raises:
            HomeError: what was written down is none.

        """
        number, clause = iteration_of(opening), clause_of(opening.contract, terms)
        if number is None or not number < clause.iterations:
            raise HomeError("the record of this request is not of a training", clause="home")
        return cls(opening.contract, terms, clause, number, opening.id)

    @property
    def secret(self) -> dict[str, object]:
        """What is written down of it, sealed, before anything is sent."""
        return {"iteration": self.iteration}

    @property
    def suite(self) -> Suite:
        """The suite of the contract."""
        return suite_of(self.terms.suite)


def iteration_of(opening: Opening) -> int | None:
    """Return which iteration a request is for, None where it is for none."""
    found = opening.secret.get("iteration")
    return found if type(found) is int and found >= 0 else None


def sent_of(message: train_pb2.TrainServiceRunRequest) -> SentWeights:
    """Return what a message says was sent."""
    return SentWeights.decode(message.weights)


def is_encrypted(terms: Terms) -> bool:
    """Return whether a contract is over an encrypted training, whether or not it can be read."""
    return terms.kind == KIND and PARAMETER in terms.parameters


def clause_of(contract: str, terms: Terms) -> Encrypted:
    """Return what a contract says of a training.

    Raises:
        InputInvalidError: it is for another kind, or a joint training; or this machine cannot read
            it.

    """
    if not is_encrypted(terms):
        joint = terms.kind == KIND
        raise InputInvalidError(
            "the contract is over a joint training"
            if joint
            else f"the contract is for kind {terms.kind}",
            clause="kind",
            remedy="train it with the homes at all its nodes: unseen train fit"
            if joint
            else f"ask with: unseen {terms.kind} {contract} ...",
        )
    return encrypted_in(terms.parameters)
