"""The states of a job and the only table that says which follows which. Pure.

A job waits, runs, and ends; where a person has to look at its result first, it waits for that in
REVIEW. What a run does with a job that has meanwhile gone on is refused by this table and by the
lease's token: a run that was given up can neither finish a job nor fail it.
"""

from enum import Enum
from types import MappingProxyType

from unseen.node.errors import JobStateError


class State(Enum):
    """Where a job stands."""

    QUEUED = "queued"  # waits for its turn
    RUNNING = "running"  # a run holds its lease
    REVIEW = "review"  # its result waits for a person
    DONE = "done"  # finished; its result, if it has one, may be fetched
    FAILED = "failed"  # it could not be done, or its result was refused
    CANCELLED = "cancelled"  # somebody, or the end of its contract, stopped it
    EXPIRED = "expired"  # nobody reviewed or fetched its result in time: it is destroyed


class Event(Enum):
    """What can happen to a job."""

    CLAIM = "claim"  # a run takes the lease
    LAPSE = "lapse"  # the lease ended or was given back: another run may have it
    FINISH = "finish"
    HOLD = "hold"  # finished, but a person has to pass it
    RELEASE = "release"  # a person has passed it
    REFUSE = "refuse"
    FAIL = "fail"
    CANCEL = "cancel"
    EXPIRE = "expire"


TRANSITIONS = MappingProxyType(
    {
        (State.QUEUED, Event.CLAIM): State.RUNNING,
        (State.QUEUED, Event.FAIL): State.FAILED,  # its last attempt has lapsed
        (State.QUEUED, Event.CANCEL): State.CANCELLED,
        (State.RUNNING, Event.LAPSE): State.QUEUED,
        (State.RUNNING, Event.FINISH): State.DONE,
        (State.RUNNING, Event.HOLD): State.REVIEW,
        (State.RUNNING, Event.FAIL): State.FAILED,
        (State.RUNNING, Event.CANCEL): State.CANCELLED,
        (State.REVIEW, Event.RELEASE): State.DONE,
        (State.REVIEW, Event.REFUSE): State.FAILED,
        (State.REVIEW, Event.CANCEL): State.CANCELLED,
        (State.REVIEW, Event.EXPIRE): State.EXPIRED,
        (State.DONE, Event.EXPIRE): State.EXPIRED,
    }
)
"""Every step there is. FAILED, CANCELLED and EXPIRED have none: what has ended stays ended."""

LIVE = frozenset({State.QUEUED, State.RUNNING, State.REVIEW})
"""States in which a job is still to end."""


def advance(state: State, event: Event) -> State:
    """Return the state that `event` leads to from `state`.

    Raises:
        JobStateError: there is no such step.

    """
    follows = TRANSITIONS.get((state, event))
    if follows is None:
        raise JobStateError(
            f"a job that is {state.value} cannot {event.value}",
            clause="job.state",
            remedy="see how it stands: unseen job show ID",
        )
    return follows
