"""Whether a contract allows one request now. Pure; asked before the work and at the charge."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.request import MAX_REQUEST_AGE, Request
from unseen.node.errors import (
    ContractExpiredError,
    ContractNotActiveError,
    ContractNotStartedError,
    KindRefusedError,
    NodeStoppedError,
    QuotaExhaustedError,
    RateExceededError,
    RequestOutdatedError,
)
from unseen.protocols.errors import UnseenError


@dataclass(frozen=True, slots=True)
class Usage:
    """Units so far: charged in all, under way now, and charged or under way this minute."""

    charged: int
    under_way: int = 0
    this_minute: int = 0


@dataclass(frozen=True, slots=True)
class Allow:
    """Go ahead."""


@dataclass(frozen=True, slots=True)
class Deny:
    """Do not; `error` names the clause and the remedy."""

    error: UnseenError


def decide(
    terms: Terms,
    state: State,
    request: Request,
    usage: Usage,
    now: datetime,
    window: timedelta = MAX_REQUEST_AGE,
    stopped: str = "",
) -> Allow | Deny:
    """Return whether `request` may run under `terms` in `state`, given `usage`, at `now`.

    `window` is how long after it was signed a request counts: longer, where the log holds it.
    `stopped` is why the whole node stands still, if it does.
    """
    error = (
        _by_stop(stopped)
        or _by_state(terms, state, request, usage)
        or _by_period(terms, now)
        or _by_kind(terms, request)
        or _by_age(request, now, window)
        or _by_quota(terms, request, usage)
    )
    return Deny(error) if error else Allow()


def interrupted(terms: Terms, state: State, now: datetime, stopped: str = "") -> UnseenError | None:
    """Return what ends work that was allowed and has begun, or nothing: asked between its steps.

    A contract whose last units are under way is not interrupted by being exhausted.
    """
    if error := _by_stop(stopped):
        return error
    if state not in (State.ACTIVE, State.EXHAUSTED):
        return _expired() if state is State.EXPIRED else _not_active(state)
    return None if terms.period.covers(now) else _expired()


def node_stopped(cause: str) -> NodeStoppedError:
    """Return the error for whatever is asked of a node that stands still."""
    return NodeStoppedError(
        f"the node is stopped: {cause}",
        clause="node.stopped",
        remedy="ask the operator when it goes on; receipts, log and contracts can be read",
    )


def outdated() -> RequestOutdatedError:
    """Return the error for a request that was signed too long ago, or in the future."""
    return RequestOutdatedError(
        "the request was signed too long before, or after, the node's time",
        clause="request.issued_at",
        remedy="set the clock right and sign the request anew",
    )


def _by_stop(stopped: str) -> UnseenError | None:
    return node_stopped(stopped) if stopped else None


def _by_state(terms: Terms, state: State, request: Request, usage: Usage) -> UnseenError | None:
    if state is State.ACTIVE:
        return None
    if state is State.EXHAUSTED:
        return _exhausted(terms, request, usage)
    return _expired() if state is State.EXPIRED else _not_active(state)


def _not_active(state: State) -> ContractNotActiveError:
    return ContractNotActiveError(
        f"the contract is {state.value}",
        clause="state",
        remedy="see who has to act next: unseen contract show ID",
    )


def _by_period(terms: Terms, now: datetime) -> UnseenError | None:
    if now < terms.period.start:
        return ContractNotStartedError(
            "the contract's period has not begun", clause="period.from", remedy="wait for it"
        )
    return None if terms.period.covers(now) else _expired()


def _by_kind(terms: Terms, request: Request) -> UnseenError | None:
    if request.kind == terms.kind:
        return None
    return KindRefusedError(
        f"the contract is for {terms.kind}",
        clause="kind",
        remedy="request a contract over a product of the kind you need",
    )


def _by_age(request: Request, now: datetime, window: timedelta) -> UnseenError | None:
    if -MAX_REQUEST_AGE <= now - request.issued_at <= window:
        return None
    return outdated()


def _by_quota(terms: Terms, request: Request, usage: Usage) -> UnseenError | None:
    if usage.charged + usage.under_way + request.units > terms.quota.units:
        return _exhausted(terms, request, usage)
    if usage.this_minute + request.units > terms.quota.per_minute:
        return RateExceededError(
            f"more than {terms.quota.per_minute} units within one minute",
            clause="quota.per_minute",
            remedy="send the request again in a minute, with the same request id",
        )
    return None


def _exhausted(terms: Terms, request: Request, usage: Usage) -> QuotaExhaustedError:
    left = max(terms.quota.units - usage.charged - usage.under_way, 0)
    return QuotaExhaustedError(
        f"units asked for: {request.units}; left: {left} of {terms.quota.units}",
        clause="quota.units",
        remedy="ask for a further contract: unseen contract request PRODUCT --units N",
    )


def _expired() -> ContractExpiredError:
    return ContractExpiredError(
        "the contract's period is over",
        clause="period.until",
        remedy="ask for a new contract: unseen contract request PRODUCT",
    )
