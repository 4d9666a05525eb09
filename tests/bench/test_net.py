"""The virtual clock: messages with sizes and compute times, and how long they take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.bench.net import Computed, Net, Sent, Tape, parse, replay
from unseen.protocols.errors import InputInvalidError

WAN = Net("wan", 0.08, 1e8)
SECONDS = st.floats(0, 10, allow_nan=False)
EVENTS: st.SearchStrategy[list[Computed | Sent]] = st.lists(
    st.one_of(
        st.builds(Computed, st.sampled_from("abc"), SECONDS),
        st.builds(Sent, st.just("a"), st.sampled_from("bc"), st.integers(0, 10**7)),
        st.builds(Sent, st.just("b"), st.sampled_from("ac"), st.integers(0, 10**7)),
    )
)


def test_a_question_and_its_answer_by_hand() -> None:
    events: list[Computed | Sent] = [
        Computed("first", 0.5),
        Sent("first", "second", 12_500_000),  # a second at 100 Mbit/s
        Computed("second", 0.25),
        Sent("second", "first", 0),
        Computed("first", 0.125),
    ]
    assert replay(events, WAN) == pytest.approx(0.5 + 1 + 0.04 + 0.25 + 0.04 + 0.125)


@pytest.mark.parametrize(("receivers", "took"), [("cd", 1), ("cc", 2)])
def test_parties_compute_side_by_side_and_a_line_in_is_one(receivers: str, took: int) -> None:
    events: list[Computed | Sent] = [Computed(name, 1.0) for name in "ab"]
    events += [Sent(name, other, 12_500_000) for name, other in zip("ab", receivers, strict=True)]
    assert replay(events, WAN) == pytest.approx(1 + took + 0.04)


def test_messages_of_one_party_wait_for_each_other() -> None:
    events = [Sent("a", name, 12_500_000) for name in "bc"]
    assert replay(events, WAN) == pytest.approx(2 + 0.04)


@given(EVENTS)
def test_it_takes_at_least_what_each_party_computes_and_at_most_all_of_it(
    events: list[Computed | Sent],
) -> None:
    took = replay(events, WAN)
    busy = dict.fromkeys("abc", 0.0)
    for event in events:
        if isinstance(event, Computed):
            busy[event.party] += event.seconds
    sent = [event for event in events if isinstance(event, Sent)]
    ways = sum(8 * event.size / WAN.rate + WAN.round_trip / 2 for event in sent)
    assert max(busy.values()) - 1e-9 <= took <= sum(busy.values()) + ways + 1e-9


@given(EVENTS)
def test_a_slower_network_is_never_faster(events: list[Computed | Sent]) -> None:
    slower = Net("slower", 2 * WAN.round_trip, WAN.rate / 2)
    assert replay(events, WAN) <= replay(events, slower) + 1e-9


def test_a_tape_has_who_computed() -> None:
    tape = Tape()
    with tape.at("a"):
        sum(range(1000))
    tape.send("a", "b", 7)
    computed, sent = tape.events
    assert isinstance(computed, Computed)
    assert computed.party == "a"
    assert computed.seconds >= 0
    assert sent == Sent("a", "b", 7)


@pytest.mark.parametrize(
    ("text", "net"),
    [
        ("wan:80ms,100mbps", Net("wan", 0.08, 1e8)),
        ("lan:0.2ms,10gbps", Net("lan", 0.0002, 1e10)),
        ("moon:2.5s,64kbps", Net("moon", 2.5, 64_000)),
        ("here:5us,1gbps", Net("here", 5e-6, 1e9)),
        ("", None),
    ],
)
def test_networks_are_named_by_trip_and_rate(text: str, net: Net | None) -> None:
    found = parse(text)
    assert (found is None) == (net is None)
    if found and net:
        assert found.name == net.name
        assert (found.round_trip, found.rate) == pytest.approx((net.round_trip, net.rate))


@pytest.mark.parametrize(
    "text",
    [
        "wan",
        "wan:80ms",
        "wan:80,100mbps",
        ":80ms,1mbps",
        "wan:80ms,0mbps",
        "wan:-1ms,1mbps",
        "wan:1.2.3ms,1mbps",
        "wan:80ms,100mbps,1",
        "WAN:80ms,100mbps",
        "wan:1ms,1tbps",
    ],
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(InputInvalidError) as refused:
        parse(text)
    assert refused.value.clause == "bench.net"
    assert "wan:80ms,100mbps" in refused.value.remedy
