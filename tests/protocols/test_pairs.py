"""Two parties in turn: who sends, who learns, and what is out of order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from unseen.protocols.errors import StepOrderError
from unseen.protocols.party import Rng, Steps
from unseen.protocols.testing import drive_pair, seeded_rng


class Script:
    """Each party sends its messages, and returns what it got."""

    threat_model = "none"
    security_bits = 0

    def first(self, given: list[bytes], rng: Rng) -> Steps:
        return (yield from _say(given, []))

    def second(self, given: list[bytes], message: bytes, rng: Rng) -> Steps:
        return (yield from _say(given, [message]))


def _say(messages: list[bytes], heard: list[bytes]) -> Steps:
    for message in messages:
        answer = yield message
        heard.append(answer)
    return heard


def run(ours: list[bytes], theirs: list[bytes]) -> tuple[Any, list[tuple[str, bytes]]]:
    learnt, transcript = drive_pair(Script(), (ours, theirs), seeded_rng(1))
    return learnt, [(message.sender, message.parts[0]) for message in transcript.messages]


def test_messages_go_back_and_forth() -> None:
    learnt, sent = run([b"1", b"3"], [b"2", b"4"])
    assert learnt == ([b"2", b"4"], [b"1", b"3", b""])
    assert sent == [("first", b"1"), ("second", b"2"), ("first", b"3"), ("second", b"4")]


def test_the_last_word_may_be_of_either() -> None:
    learnt, sent = run([b"1", b"3"], [b"2"])
    assert learnt == ([b"2", b""], [b"1", b"3"])
    assert len(sent) == 3


def test_one_message_is_a_run() -> None:
    learnt, sent = run([b"1"], [])
    assert learnt == ([b""], [b"1"])
    assert sent == [("first", b"1")]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [([], []), ([], [b"2"]), ([b"1"], [b"2", b"4"]), ([b"1", b"3", b"5"], [b"2"])],
)
def test_what_nobody_waits_for_is_an_error(ours: list[bytes], theirs: list[bytes]) -> None:
    with pytest.raises(StepOrderError):
        run(ours, theirs)


def test_each_step_is_watched() -> None:
    seen: list[str] = []

    @contextmanager
    def watch(name: str) -> Iterator[None]:
        seen.append(name)
        yield

    around: Callable[[str], Any] = watch
    drive_pair(Script(), ([b"1"], [b"2"]), seeded_rng(1), around)
    assert seen == ["first", "second", "first", "second"]
