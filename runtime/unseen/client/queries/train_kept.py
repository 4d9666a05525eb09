"""How far an encrypted training is, as a home keeps it: sealed, and written anew by each iteration.

One record holds where the descent is and which requests led there, so that no end of this process
leaves one without the other: what is taken into the weights was asked for once.
"""

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Self

from unseen.client.errors import HomeError
from unseen.client.local.state import State
from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.errors import EvidenceError
from unseen.protocols.errors import InputInvalidError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.protocols.he.training.descent import Descent
    from unseen.protocols.he.training.descent import State as Place
    from unseen.protocols.he.training.task import Task


@dataclass(frozen=True, slots=True)
class Kept:
    """How far a training is: `requests` are the ids of its iterations so far.

    `rate` and `ridge` are those of its descent, `rows` how many the buyer brought of its own, and
    `given` the digest of these; 0 and empty in a training of a secret model.
    """

    rate: float
    ridge: float
    rows: int
    given: bytes = field(repr=False)
    place: "Place" = field(repr=False)
    requests: tuple[str, ...] = ()

    @classmethod
    def new(cls, task: "Task", *, rate: float, ridge: float) -> Self:
        """Return a training that begins, without rows of the buyer's."""
        from unseen.protocols.he.training.descent import Descent  # noqa: PLC0415 - with numpy

        return cls(rate, ridge, 0, b"", Descent(task, rate, ridge).state)

    @classmethod
    def read(cls, state: State, contract: str) -> Self | None:
        """Return what a home keeps of a contract's training, None where it has not begun.

        Raises:
            HomeError: what is kept is no training.

        """
        data = state.training(contract)
        if data is None:
            return None
        from unseen.protocols.he.training.descent import State as Place  # noqa: PLC0415 - as above

        try:
            body: Any = canonical.decode(data)
            return cls(
                rate=_number(body["rate"]),
                ridge=_number(body["ridge"]),
                rows=int(body["rows"]),
                given=b64decode(body["given"]),
                place=Place(_numbers(body["weights"]), _numbers(body["ahead"]), int(body["age"])),
                requests=tuple(map(str, body["requests"])),
            )
        except (EvidenceError, KeyError, TypeError, ValueError):
            raise HomeError("what is kept is no training", clause="home") from None

    def write(self, state: State, contract: str) -> None:
        """Keep it, in place of what was kept before."""
        body: dict[str, Json] = {
            "rate": self.rate.hex(),
            "ridge": self.ridge.hex(),
            "rows": self.rows,
            "given": b64encode(self.given),
            "weights": b64encode(self.place.weights.astype("<f8").tobytes()),
            "ahead": b64encode(self.place.ahead.astype("<f8").tobytes()),
            "age": self.place.age,
            "requests": list(self.requests),
        }
        state.save_training(contract, canonical.encode(body))

    @property
    def done(self) -> int:
        """How many iterations there have been."""
        return len(self.requests)

    def over(self, rows: int, given: bytes) -> Self:
        """Return it over so many rows of the buyer's, which were given with this digest."""
        return replace(self, rows=rows, given=given)

    def descent(self, task: "Task") -> "Descent":
        """Return the descent as far as it is.

        Raises:
            HomeError: it is another task's.

        """
        from unseen.protocols.he.training.descent import Descent  # noqa: PLC0415 - as above

        try:
            return Descent.resumed(task, self.place, rate=self.rate, ridge=self.ridge)
        except InputInvalidError:
            raise HomeError("what is kept is another training", clause="home") from None

    def stepped(self, task: "Task", request: str, gradient: "NDArray[np.float64]") -> Self:
        """Return it after the gradient of a request."""
        descent = self.descent(task)
        descent.step(gradient)
        return replace(self, place=descent.state, requests=(*self.requests, request))


def _number(text: str) -> float:
    found = float.fromhex(text)
    if not isfinite(found):
        raise ValueError
    return found


def _numbers(text: str) -> "NDArray[np.float64]":
    import numpy as np  # noqa: PLC0415 - a client is whole without it

    return np.frombuffer(b64decode(text), "<f8").astype(np.float64)
