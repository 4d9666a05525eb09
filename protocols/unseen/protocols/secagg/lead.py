"""Bonawitz et al., CCS 2017, figure 4, as the lead of a round takes it from whoever relayed it.

All messages come again, in the order of the steps, and every check of `Aggregator` is made anew:
whoever relays can hold messages back, and change none. What it protects is in `sealed.py`.
"""

from typing import TYPE_CHECKING, Final

from unseen.protocols.errors import MalformedMessageError, StepOrderError
from unseen.protocols.secagg import wire
from unseen.protocols.secagg.client import Masked
from unseen.protocols.secagg.sealed import Opener
from unseen.protocols.secagg.server import Aggregator
from unseen.protocols.secagg.wire import Step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.protocols.kernels.words import Words

STEPS: Final = (Step.KEYS, Step.SHARES, Step.MASKED, Step.CONFIRM, Step.REVEAL)


class Lead:
    """The sum of one round, for its lead alone. Memory: one vector, the sum."""

    def __init__(self, opener: Opener) -> None:
        """Begin with what opens the shares that the parties revealed (`Party.opener`)."""
        self.parameters = opener.parameters
        self._server = Aggregator(opener.parameters, opener)
        self._at = 0

    def add(self, message: bytes, words: "Words | None" = None) -> None:
        """Take a message of a party; with that of `MASKED`, its vector.

        A step is closed by the first message of a later one.

        Raises:
            CohortError: as `Aggregator` does; it names the party.
            MalformedMessageError: it is no message of a party, or comes without its vector.
            StepOrderError: it is of a step that is over.

        """
        step = wire.step_of(message)
        if step not in STEPS or (words is None) == (step is Step.MASKED):
            raise MalformedMessageError("no message of a party, or not with its vector")
        if STEPS.index(step) < self._at:
            raise StepOrderError(f"a message of {step.name} after that step was over")
        self._close(STEPS.index(step))
        match step:
            case Step.KEYS:
                self._server.add_keys(message)
            case Step.SHARES:
                self._server.add_shares(message)
            case Step.CONFIRM:
                self._server.add_confirmation(message)
            case Step.REVEAL:
                self._server.add_reveal(message)
            case _ if words is not None:
                self._server.add_masked(Masked(message, words))

    def finish(self) -> "NDArray[np.int64]":
        """Return the sum of the vectors of all parties, signed, of the round's dimension.

        Raises:
            SurvivorsTooFewError: a party is missing in some step; it names it.
            ShareInvalidError: the shares of a party do not make up what it announced.
            StepOrderError: it was returned before.

        """
        self._close(len(STEPS) - 1)
        return self._server.finish()

    def _close(self, until: int) -> None:
        close = (
            self._server.close_keys,
            self._server.close_shares,
            self._server.close_masked,
            self._server.close_confirmations,
        )
        while self._at < until:
            close[self._at]()
            self._at += 1
