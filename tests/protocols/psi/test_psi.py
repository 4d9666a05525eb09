"""Intersections: a second program's messages, every pair of small sets, and hostile messages."""

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import (
    ElementInvalidError,
    InputInvalidError,
    MalformedMessageError,
    StepOrderError,
    UnseenError,
)
from unseen.protocols.group import ristretto255
from unseen.protocols.party import Rng
from unseen.protocols.psi import cardinality, ecdh, messages
from unseen.protocols.testing import seeded_rng

VECTOR = json.loads(
    (Path(__file__).parents[2] / "vectors/psi/ecdh_v1.json").read_text(encoding="utf-8")
)
SESSION = bytes(range(32))
ITEMS = [b"a", b"b", b"", b"a longer one"]
ELEMENT = ristretto255.GENERATOR
SUBSETS = [list(chosen) for size in range(1, 5) for chosen in itertools.combinations(ITEMS, size)]
sets = st.lists(st.binary(max_size=3), min_size=1, max_size=12, unique=True)


def unhex(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name])


def drawn(name: str) -> Rng:
    return lambda _count: unhex(name)


def listed(name: str) -> list[bytes]:
    return [bytes.fromhex(each) for each in VECTOR[name]]


def intersect(mine: Sequence[bytes], theirs: Sequence[bytes], rng: Rng) -> tuple[int, ...]:
    receiver, sender = ecdh.Receiver(SESSION, mine, rng), ecdh.Sender(SESSION, theirs, rng)
    return receiver.finish(sender.answer(receiver.ask()))


def count(mine: Sequence[bytes], theirs: Sequence[bytes], rng: Rng) -> int:
    buyer = cardinality.Buyer(SESSION, mine, rng)
    provider = cardinality.Provider(SESSION, theirs, rng)
    return provider.count(buyer.mix(provider.answer(buyer.ask())))


def test_messages_are_the_second_program_s() -> None:
    session, mine, theirs = unhex("session"), listed("receiver"), listed("sender")
    tag = messages.group_tag(session)
    assert ristretto255.hash_to_group(mine[0], tag) == unhex("hash_first")
    receiver = ecdh.Receiver(session, mine, drawn("receiver_draw"))
    assert receiver.ask() == unhex("ask")
    answer = ecdh.Sender(session, theirs, drawn("sender_draw")).answer(receiver.ask())
    assert answer == unhex("answer")
    assert list(receiver.finish(answer)) == VECTOR["both"]


def test_messages_of_a_count_are() -> None:
    session, mine, theirs = unhex("session"), listed("receiver"), listed("sender")
    buyer = cardinality.Buyer(session, mine, drawn("receiver_draw"))
    provider = cardinality.Provider(session, theirs, drawn("sender_draw"))
    assert buyer.ask() == unhex("ask")
    answer = provider.answer(buyer.ask())
    assert answer == unhex("cardinality_answer")
    mixed = buyer.mix(answer)
    assert mixed == unhex("mixed")
    assert provider.count(mixed) == VECTOR["count"]


@pytest.mark.parametrize("mine", SUBSETS, ids=len)
def test_every_pair_of_small_sets(mine: list[bytes]) -> None:
    rng = seeded_rng(len(mine))
    for theirs in SUBSETS[::3]:
        expected = tuple(i for i, item in enumerate(mine) if item in theirs)
        assert intersect(mine, theirs, rng) == expected
        assert count(mine, theirs, rng) == len(expected)


@settings(max_examples=25, deadline=None)
@given(mine=sets, theirs=sets, seed=st.integers(0, 2**32))
def test_both_ways_give_what_sets_say(mine: list[bytes], theirs: list[bytes], seed: int) -> None:
    rng = seeded_rng(seed)
    expected = tuple(i for i, item in enumerate(mine) if item in theirs)
    assert intersect(mine, theirs, rng) == expected
    assert count(mine, theirs, rng) == len(expected)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_messages_have_the_same_shape_whatever_is_in_both(seed: int) -> None:
    shapes = set()
    for theirs in (ITEMS, [b"w", b"x", b"y", b"z"]):
        rng = seeded_rng(seed)
        receiver, sender = ecdh.Receiver(SESSION, ITEMS, rng), ecdh.Sender(SESSION, theirs, rng)
        asked = receiver.ask()
        answer = sender.answer(asked)
        doubled, masked = messages.unpack(answer, (False, True))
        shapes.add((len(asked), len(answer), len(doubled), len(masked)))
    assert len(shapes) == 1


def test_the_order_of_a_message_tells_nothing_of_the_items_order() -> None:
    draw = seeded_rng(1)(64)
    asked = {
        ecdh.Receiver(SESSION, order, lambda _count: draw).ask()
        for order in itertools.permutations(ITEMS)
    }
    assert len(asked) == 1


def test_two_runs_have_no_element_in_common() -> None:
    seen: set[bytes] = set()
    draw = seeded_rng(1)(64)
    for session, rng in (
        (SESSION, seeded_rng(2)),
        (SESSION, seeded_rng(3)),
        (bytes(32), lambda _count: draw),
        (bytes(31) + b"\x01", lambda _count: draw),
    ):
        (elements,) = messages.unpack(ecdh.Receiver(session, ITEMS, rng).ask(), (True,))
        assert seen.isdisjoint(elements)
        seen |= set(elements)


def test_a_run_answers_once() -> None:
    rng = seeded_rng(1)
    receiver, sender = ecdh.Receiver(SESSION, ITEMS, rng), ecdh.Sender(SESSION, ITEMS, rng)
    answer = sender.answer(receiver.ask())
    with pytest.raises(StepOrderError):
        sender.answer(receiver.ask())
    receiver.finish(answer)
    with pytest.raises(StepOrderError):
        receiver.finish(answer)
    buyer, provider = (
        cardinality.Buyer(SESSION, ITEMS, rng),
        cardinality.Provider(SESSION, ITEMS, rng),
    )
    with pytest.raises(StepOrderError):
        provider.count(b"")
    mixed = buyer.mix(provider.answer(buyer.ask()))
    with pytest.raises(StepOrderError):
        buyer.mix(b"")
    with pytest.raises(StepOrderError):
        provider.answer(b"")
    provider.count(mixed)
    with pytest.raises(StepOrderError):
        provider.count(mixed)


PARTIES = [ecdh.Receiver, ecdh.Sender, cardinality.Buyer, cardinality.Provider]


@pytest.mark.parametrize("party", PARTIES, ids=lambda party: party.__name__)
def test_sets_that_are_none_are_refused(party: Callable[..., object]) -> None:
    rng = seeded_rng(1)
    for items in ([], [b"a", b"b", b"a"]):
        with pytest.raises(InputInvalidError):
            party(SESSION, items, rng)
    for session in (b"", bytes(31), bytes(33)):
        with pytest.raises(InputInvalidError):
            party(session, ITEMS, rng)


def other(element: bytes, times: int) -> bytes:
    return ristretto255.multiply(times.to_bytes(32, "little"), element)


UP = sorted([ELEMENT, other(ELEMENT, 2), other(ELEMENT, 3)])
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "cut in the count": b"\x00\x00",
    "an empty set": bytes(4),
    "cut in an element": messages.pack([UP])[:-1],
    "more behind": messages.pack([UP]) + b"\x00",
    "a count beyond the message": b"\xff\xff\xff\xff" + b"".join(UP),
    "descending": messages.pack([UP[::-1]]),
    "an element twice": messages.pack([[UP[0], UP[0]]]),
    "the identity": messages.pack([[bytes(32), *UP]]),
    "no element": messages.pack([[*UP, b"\xff" * 32]]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_refused_and_change_nothing(name: str) -> None:
    rng = seeded_rng(1)
    sender = ecdh.Sender(SESSION, ITEMS, rng)
    buyer = cardinality.Buyer(SESSION, ITEMS, rng)
    provider = cardinality.Provider(SESSION, ITEMS, rng)
    receiver = ecdh.Receiver(SESSION, ITEMS, rng)
    for step in (sender.answer, provider.answer, buyer.mix, receiver.finish):
        with pytest.raises((MalformedMessageError, ElementInvalidError)):
            step(HOSTILE[name])
    assert receiver.finish(sender.answer(receiver.ask())) == (0, 1, 2, 3)
    assert provider.count(buyer.mix(provider.answer(buyer.ask()))) == 4


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=120), ordered=st.lists(st.booleans(), max_size=3))
def test_any_bytes_are_read_or_refused(data: bytes, ordered: list[bool]) -> None:
    try:
        found = messages.unpack(data, ordered)
    except UnseenError:
        return
    assert messages.pack(found) == data


def test_an_answer_for_another_set_is_refused() -> None:
    rng = seeded_rng(1)
    receiver, sender = ecdh.Receiver(SESSION, ITEMS, rng), ecdh.Sender(SESSION, ITEMS, rng)
    answer = sender.answer(ecdh.Receiver(SESSION, ITEMS[:2], rng).ask())
    with pytest.raises(MalformedMessageError, match="another number"):
        receiver.finish(answer)
    provider = cardinality.Provider(SESSION, ITEMS, rng)
    provider.answer(receiver.ask())
    with pytest.raises(MalformedMessageError, match="another number"):
        provider.count(messages.pack([UP]))
