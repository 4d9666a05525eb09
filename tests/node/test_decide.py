"""`decide` and the state machine: what has ended answers nothing, whatever else is true."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.node.conftest import NOW, START, UNTIL, make_request, make_terms

from unseen.evidence.contracts.states import Event, State, advance
from unseen.evidence.errors import TransitionError
from unseen.evidence.releases.request import MAX_REQUEST_AGE, Request
from unseen.node.contracts.decide import Allow, Deny, Usage, decide, interrupted

TERMS = make_terms(units=10, per_minute=5)
ENDED = (State.REVOKED, State.EXPIRED, State.EXHAUSTED)
usages = st.builds(Usage, st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
times = st.datetimes(
    (START - dt.timedelta(days=2)).replace(tzinfo=None),
    (UNTIL + dt.timedelta(days=2)).replace(tzinfo=None),
).map(lambda time: time.replace(tzinfo=dt.UTC, microsecond=0))


@given(
    state=st.sampled_from(State),
    units=st.integers(1, 20),
    kind=st.sampled_from(("lookup", "verify")),
    usage=usages,
    now=times,
    away=st.integers(-1200, 1200).map(lambda seconds: dt.timedelta(seconds=seconds)),
)
def test_only_what_every_clause_allows_is_allowed(
    state: State, units: int, kind: str, usage: Usage, now: dt.datetime, away: dt.timedelta
) -> None:
    request = replace(make_request(TERMS, units, kind), issued_at=now + away)
    verdict = decide(TERMS, state, request, usage, now)
    allowed = (
        state is State.ACTIVE
        and START <= now < UNTIL
        and kind == "lookup"
        and usage.charged + usage.under_way + units <= TERMS.quota.units
        and usage.this_minute + units <= TERMS.quota.per_minute
        and abs(away) <= MAX_REQUEST_AGE
    )
    assert isinstance(verdict, Allow) == allowed
    if isinstance(verdict, Deny):
        assert verdict.error.clause
        assert verdict.error.remedy
        assert verdict.error.reason


@given(events=st.lists(st.sampled_from(Event), max_size=12), usage=usages, now=times)
def test_nothing_is_allowed_after_an_end(
    events: list[Event], usage: Usage, now: dt.datetime
) -> None:
    state, ended = State.DRAFT, False
    for event in events:
        try:
            state = advance(state, event)
        except TransitionError:
            continue
        assert not ended, "a step out of an end"
        ended = state in ENDED
    verdict = decide(TERMS, state, make_request(TERMS), usage, now)
    if ended or state is not State.ACTIVE:
        assert isinstance(verdict, Deny)


def test_the_first_and_the_last_moment_of_a_period() -> None:
    request, second = make_request(TERMS), dt.timedelta(seconds=1)
    outcomes = {
        moment: decide(TERMS, State.ACTIVE, replace(request, issued_at=time), Usage(0), time)
        for moment, time in {
            "early": START - second,
            "first": START,
            "last": UNTIL - second,
            "late": UNTIL,
        }.items()
    }
    reasons = {
        moment: verdict.error.reason if isinstance(verdict, Deny) else "allowed"
        for moment, verdict in outcomes.items()
    }
    assert reasons == {
        "early": "CONTRACT_NOT_STARTED",
        "first": "allowed",
        "last": "allowed",
        "late": "CONTRACT_EXPIRED",
    }


def test_a_request_is_answered_within_the_window_that_verifiers_check() -> None:
    request, second = make_request(TERMS), dt.timedelta(seconds=1)
    for away in (MAX_REQUEST_AGE, -MAX_REQUEST_AGE):
        edge, beyond = NOW + away, NOW + away + (second if away > second else -second)
        assert isinstance(decide(TERMS, State.ACTIVE, request, Usage(0), edge), Allow)
        verdict = decide(TERMS, State.ACTIVE, request, Usage(0), beyond)
        assert isinstance(verdict, Deny)
        assert verdict.error.reason == "REQUEST_OUTDATED"


@given(state=st.sampled_from(State), usage=usages, now=times, cause=st.text(min_size=1))
def test_a_node_that_stands_still_allows_nothing(
    state: State, usage: Usage, now: dt.datetime, cause: str
) -> None:
    verdict = decide(TERMS, state, make_request(TERMS), usage, now, stopped=cause)
    assert isinstance(verdict, Deny)
    assert (verdict.error.reason, verdict.error.clause) == ("NODE_STOPPED", "node.stopped")
    assert cause in str(verdict.error)
    stopped = interrupted(TERMS, state, now, cause)
    assert stopped is not None
    assert stopped.reason == "NODE_STOPPED"


@given(state=st.sampled_from(State), now=times)
def test_what_has_begun_goes_on_exactly_while_it_could_still_be_charged(
    state: State, now: dt.datetime
) -> None:
    """Under a contract in force, or whose last units it has reserved itself."""
    error = interrupted(TERMS, state, now)
    goes_on = state in (State.ACTIVE, State.EXHAUSTED) and START <= now < UNTIL
    assert (error is None) == goes_on
    if error is not None:
        assert error.clause
        assert error.remedy
        ended = state is State.EXPIRED or state in (State.ACTIVE, State.EXHAUSTED)
        assert error.reason == ("CONTRACT_EXPIRED" if ended else "CONTRACT_NOT_ACTIVE")


def test_each_clause_refuses_by_its_own_name() -> None:
    request, late = make_request(TERMS), NOW - 2 * MAX_REQUEST_AGE
    cases = {
        "kind": (make_request(TERMS, kind="verify"), Usage(0)),
        "request.issued_at": (replace(request, issued_at=late), Usage(0)),
        "quota.units": (request, Usage(TERMS.quota.units)),
        "quota.per_minute": (request, Usage(0, this_minute=TERMS.quota.per_minute)),
    }
    for clause, (asked, usage) in cases.items():
        verdict = decide(TERMS, State.ACTIVE, asked, usage, NOW)
        assert isinstance(verdict, Deny)
        assert verdict.error.clause == clause


@pytest.mark.parametrize(
    ("charged", "under_way", "this_minute", "units", "clause"),
    [
        (7, 2, 0, 1, ""),  # the last unit
        (7, 2, 0, 2, "quota.units"),
        (9, 0, 0, 2, "quota.units"),
        (0, 9, 0, 2, "quota.units"),
        (0, 0, 0, 5, ""),  # the last unit of the minute
        (0, 0, 3, 2, ""),
        (1, 1, 3, 3, "quota.per_minute"),
        (0, 0, 5, 1, "quota.per_minute"),
        (8, 2, 5, 1, "quota.units"),  # what no waiting mends is said first
    ],
)
def test_the_quota_is_full_with_its_last_unit(
    charged: int, under_way: int, this_minute: int, units: int, clause: str
) -> None:
    usage = Usage(charged, under_way, this_minute)
    verdict = decide(TERMS, State.ACTIVE, make_request(TERMS, units), usage, NOW)
    assert verdict == Allow() if not clause else isinstance(verdict, Deny)
    if isinstance(verdict, Deny):
        assert verdict.error.clause == clause


@pytest.mark.parametrize(
    ("charged", "under_way", "left"),
    [(0, 0, 10), (7, 0, 3), (7, 2, 1), (4, 3, 3), (1, 9, 0), (12, 5, 0)],
)
def test_a_refusal_says_how_much_is_left(charged: int, under_way: int, left: int) -> None:
    request, usage = make_request(TERMS, 11), Usage(charged, under_way)
    for state in (State.ACTIVE, State.EXHAUSTED):
        verdict = decide(TERMS, state, request, usage, NOW)
        assert isinstance(verdict, Deny)
        assert f"units asked for: 11; left: {left} of 10" in str(verdict.error)


def test_what_is_not_told_of_usage_is_nothing() -> None:
    assert Usage(3) == Usage(3, 0, 0)


def test_a_longer_window_is_for_what_was_signed_long_ago() -> None:
    request, long = make_request(TERMS), dt.timedelta(hours=5)
    for now, allowed in ((NOW + long, True), (NOW + long + dt.timedelta(seconds=1), False)):
        verdict = decide(TERMS, State.ACTIVE, request, Usage(0), now, long)
        assert isinstance(verdict, Allow) == allowed
    ahead = NOW - MAX_REQUEST_AGE - dt.timedelta(seconds=1)
    assert isinstance(decide(TERMS, State.ACTIVE, request, Usage(0), ahead, long), Deny)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.DRAFT, "CONTRACT_NOT_ACTIVE"),
        (State.PROPOSED, "CONTRACT_NOT_ACTIVE"),
        (State.APPROVED, "CONTRACT_NOT_ACTIVE"),
        (State.SUSPENDED, "CONTRACT_NOT_ACTIVE"),
        (State.REVOKED, "CONTRACT_NOT_ACTIVE"),
        (State.EXPIRED, "CONTRACT_EXPIRED"),
        (State.EXHAUSTED, "QUOTA_EXHAUSTED"),
    ],
)
def test_a_state_that_answers_nothing_says_which_it_is(state: State, reason: str) -> None:
    verdict = decide(TERMS, state, make_request(TERMS), Usage(0), NOW)
    assert isinstance(verdict, Deny)
    assert verdict.error.reason == reason
    if reason == "CONTRACT_NOT_ACTIVE":
        assert state.value in str(verdict.error)


@pytest.mark.parametrize("offered", ["lookup", "verify"])
@pytest.mark.parametrize("asked", ["lookup", "verify"])
def test_a_contract_is_for_its_own_kind_alone(offered: str, asked: str) -> None:
    terms = make_terms(offered)
    # A kind that was read from bytes is not the very string that the terms hold.
    request = Request.decode(make_request(terms, kind=asked).bytes())
    verdict = decide(terms, State.ACTIVE, request, Usage(0), NOW)
    assert isinstance(verdict, Allow) == (offered == asked)
