"""The job state machine: one table, and nothing leaves an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.node.errors import JobStateError
from unseen.node.jobs.states import LIVE, TRANSITIONS, Event, State, advance

ENDS = (State.FAILED, State.CANCELLED, State.EXPIRED)
PAIRS = [(state, event) for state in State for event in Event]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_a_step_is_in_the_table_or_refused(state: State, event: Event) -> None:
    follows = TRANSITIONS.get((state, event))
    if follows is not None:
        assert advance(state, event) is follows
        return
    with pytest.raises(JobStateError, match=state.value) as caught:
        advance(state, event)
    assert caught.value.clause == "job.state"
    assert caught.value.remedy


@given(events=st.lists(st.sampled_from(Event), max_size=30))
def test_what_has_ended_stays_ended_and_runs_at_most_once_at_a_time(events: list[Event]) -> None:
    state, seen = State.QUEUED, [State.QUEUED]
    for event in events:
        before = state
        try:
            state = advance(state, event)
        except JobStateError:
            continue
        assert before not in ENDS
        if event is Event.CLAIM:
            assert before is State.QUEUED
        seen.append(state)
    if State.DONE in seen:
        assert seen.count(State.DONE) == 1
        assert state in {State.DONE, State.EXPIRED}


def test_every_state_is_reached_and_what_lives_can_be_cancelled() -> None:
    assert set(TRANSITIONS.values()) == set(State)
    for state in State:
        assert ((state, Event.CANCEL) in TRANSITIONS) == (state in LIVE)


@pytest.mark.parametrize("state", ENDS)
def test_an_end_has_no_step(state: State) -> None:
    assert not [event for event in Event if (state, event) in TRANSITIONS]
