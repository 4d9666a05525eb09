"""The states a contract passes through. `TRANSITIONS` alone says which state follows which."""

from enum import Enum
from types import MappingProxyType

from unseen.evidence.errors import TransitionError


class State(Enum):
    """Where a contract stands."""

    DRAFT = "draft"  # written, shown to nobody
    PROPOSED = "proposed"  # compiled and shown with its plan and leakage; terms fixed
    APPROVED = "approved"  # everybody but the buyer has signed
    ACTIVE = "active"  # the buyer has signed too: jobs run
    SUSPENDED = "suspended"  # jobs are refused until it is resumed
    EXHAUSTED = "exhausted"  # every unit is used; what was charged is still handed out
    EXPIRED = "expired"  # its period is over
    REVOKED = "revoked"  # one side has ended it


class Event(Enum):
    """What can happen to a contract."""

    PROPOSE = "propose"
    APPROVE = "approve"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RESUME = "resume"
    EXHAUST = "exhaust"
    EXPIRE = "expire"
    REVOKE = "revoke"


TRANSITIONS = MappingProxyType(
    {
        (State.DRAFT, Event.PROPOSE): State.PROPOSED,
        (State.PROPOSED, Event.APPROVE): State.APPROVED,
        (State.PROPOSED, Event.EXPIRE): State.EXPIRED,
        (State.PROPOSED, Event.REVOKE): State.REVOKED,
        (State.APPROVED, Event.ACTIVATE): State.ACTIVE,
        (State.APPROVED, Event.EXPIRE): State.EXPIRED,
        (State.APPROVED, Event.REVOKE): State.REVOKED,
        (State.ACTIVE, Event.SUSPEND): State.SUSPENDED,
        (State.ACTIVE, Event.EXHAUST): State.EXHAUSTED,
        (State.ACTIVE, Event.EXPIRE): State.EXPIRED,
        (State.ACTIVE, Event.REVOKE): State.REVOKED,
        (State.SUSPENDED, Event.SUSPEND): State.SUSPENDED,  # by somebody else as well
        (State.SUSPENDED, Event.RESUME): State.ACTIVE,  # when the last of them has
        (State.SUSPENDED, Event.EXPIRE): State.EXPIRED,
        (State.SUSPENDED, Event.REVOKE): State.REVOKED,
        (State.EXHAUSTED, Event.SUSPEND): State.SUSPENDED,  # resumed, it is exhausted at once
        (State.EXHAUSTED, Event.REVOKE): State.REVOKED,
    }
)
"""Every step there is. EXPIRED and REVOKED have none: what has ended stays ended.

EXHAUSTED allows no unit more, and holds replies that were paid for: they can be stopped too.
"""


def advance(state: State, event: Event) -> State:
    """Return the state that `event` leads to from `state`.

    Raises:
        TransitionError: there is no such step.

    """
    follows = TRANSITIONS.get((state, event))
    if follows is None:
        raise TransitionError(state=state.value, event=event.value)
    return follows
