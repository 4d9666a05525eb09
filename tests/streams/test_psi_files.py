"""Intersections over files: the messages of `protocols.psi`, byte for byte, and what is refused."""

import itertools
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import (
    ElementInvalidError,
    InputInvalidError,
    MalformedMessageError,
    ProofInvalidError,
)
from unseen.protocols.group import bulk, ristretto255
from unseen.protocols.group.elgamal import Share
from unseen.protocols.psi import cardinality, ecdh, messages
from unseen.protocols.psi import sum as sums
from unseen.protocols.testing import seeded_rng
from unseen.streams import psi, psi_sum
from unseen.streams.room import LEAST_MEMORY, Room

SESSION = bytes(range(32))
ITEMS = [b"item %d" % number for number in range(25)]
OTHERS = [b"item %d" % number for number in range(15, 48)]
BOTH = list(range(15, 25))
A, B = seeded_rng(1)(64), seeded_rng(2)(64)
MINE, THEIRS = ristretto255.random_scalar(lambda _: A), ristretto255.random_scalar(lambda _: B)
sets = st.lists(st.binary(max_size=3), min_size=1, max_size=12, unique=True)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (psi, psi_sum):
        monkeypatch.setattr(module, "BATCH", 4)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path, LEAST_MEMORY)


def cut(items: Sequence[bytes], size: int = 6) -> Iterator[Sequence[bytes]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def masked(items: Sequence[bytes], scalar: bytes, name: str, room: Room) -> Path:
    target = room.folder / name
    assert psi.mask(cut(items), SESSION, scalar, target, room) == len(items)
    return target


def found_in(path: Path) -> list[int]:
    return [int(place) for block in psi.places(path) for place in block]


def intersect(mine: Sequence[bytes], theirs: Sequence[bytes], room: Room) -> list[int]:
    folder = room.folder
    own = masked(mine, MINE, "mine", room)
    other = masked(theirs, THEIRS, "theirs", room)
    psi.ask(own, folder / "ask")
    assert psi.answer(folder / "ask", other, THEIRS, folder / "answer", room) == len(mine)
    found = psi.finish(folder / "answer", own, MINE, folder / "both", room)
    assert found == len(found_in(folder / "both"))
    return found_in(folder / "both")


def counted(mine: Sequence[bytes], theirs: Sequence[bytes], room: Room) -> int:
    folder = room.folder
    psi.ask(masked(mine, MINE, "mine", room), folder / "ask")
    psi.ask(masked(theirs, THEIRS, "theirs", room), folder / "offer")
    psi.double(folder / "ask", THEIRS, folder / "doubled", room)
    psi.mix(folder / "offer", MINE, folder / "mixed", room)
    return psi.count(folder / "mixed", folder / "doubled", len(theirs))


def test_messages_are_those_of_the_protocol(room: Room) -> None:
    receiver = ecdh.Receiver(SESSION, ITEMS, lambda _: A)
    sender = ecdh.Sender(SESSION, OTHERS, lambda _: B)
    answer = sender.answer(receiver.ask())
    assert intersect(ITEMS, OTHERS, room) == BOTH == list(receiver.finish(answer))
    assert (room.folder / "ask").read_bytes() == receiver.ask()
    assert (room.folder / "answer").read_bytes() == answer


def test_messages_of_a_count_are(room: Room) -> None:
    buyer = cardinality.Buyer(SESSION, ITEMS, lambda _: A)
    provider = cardinality.Provider(SESSION, OTHERS, lambda _: B)
    offer = provider.answer(buyer.ask())
    mixed = buyer.mix(offer)
    assert counted(ITEMS, OTHERS, room) == len(BOTH) == provider.count(mixed)
    assert (room.folder / "offer").read_bytes() == offer
    assert (room.folder / "mixed").read_bytes() == mixed


@settings(max_examples=25)
@given(mine=sets, theirs=sets)
def test_both_ways_give_what_sets_say(
    tmp_path_factory: pytest.TempPathFactory, mine: list[bytes], theirs: list[bytes]
) -> None:
    room = Room(tmp_path_factory.mktemp("psi"), LEAST_MEMORY)
    expected = [place for place, item in enumerate(mine) if item in theirs]
    assert intersect(mine, theirs, room) == expected
    assert counted(mine, theirs, room) == len(expected)


def test_a_file_and_an_object_understand_each_other(room: Room) -> None:
    own = masked(ITEMS, MINE, "mine", room)
    psi.ask(own, room.folder / "ask")
    sender = ecdh.Sender(SESSION, OTHERS, seeded_rng(3))
    answer = sender.answer((room.folder / "ask").read_bytes())
    (room.folder / "answer").write_bytes(answer)
    psi.finish(room.folder / "answer", own, MINE, room.folder / "both", room)
    assert found_in(room.folder / "both") == BOTH


def test_a_step_run_again_gives_the_same_file(room: Room) -> None:
    intersect(ITEMS, OTHERS, room)
    before = {path.name: path.read_bytes() for path in room.folder.iterdir()}
    intersect(ITEMS, OTHERS, room)
    assert {path.name: path.read_bytes() for path in room.folder.iterdir()} == before


def test_the_order_of_items_is_lost_in_a_message(room: Room) -> None:
    found = set()
    for order in itertools.islice(itertools.permutations(ITEMS[:4]), 6):
        psi.ask(masked(order, MINE, "mine", room), room.folder / "ask")
        found.add((room.folder / "ask").read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 40])
def test_shared_work_gives_the_same_files(parts: int, room: Room) -> None:
    folder = room.folder
    intersect(ITEMS, OTHERS, room)
    counted(ITEMS, OTHERS, room)
    names = ("answer", "doubled")
    expected = {name: (folder / name).read_bytes() for name in names}

    done, files, theirs = [], [], psi.only_set(folder / "ask")
    for number, span in enumerate(psi.spans(theirs.count, parts)):
        done.append(folder / f"stretch-{number}")
        assert psi.multiply(theirs, span, THEIRS, done[-1], room) == span[1]
    for number, (first, size) in enumerate(psi.spans(len(OTHERS), parts)):
        files.append(folder / f"part-{number}")
        psi.mask(cut(OTHERS[first : first + size]), SESSION, THEIRS, files[-1], room)
    assert psi.merge_masked(files, folder / "theirs", room) == len(OTHERS)
    assert all(path.exists() for path in files)
    psi.answer(folder / "ask", folder / "theirs", b"", folder / "answer", room, done)
    psi.double(folder / "ask", b"", folder / "doubled", room, 0, done)
    assert {name: (folder / name).read_bytes() for name in names} == expected


def test_shared_work_that_is_not_whole_is_refused(room: Room) -> None:
    folder = room.folder
    ask, own = folder / "ask", masked(ITEMS, MINE, "mine", room)
    psi.ask(own, ask)
    theirs = psi.only_set(ask)
    psi.multiply(theirs, (0, 24), THEIRS, folder / "some", room)
    with pytest.raises(InputInvalidError, match="not all of it"):
        psi.double(ask, b"", folder / "doubled", room, 0, [folder / "some"])
    with pytest.raises(InputInvalidError, match=r"^25 items"):
        psi.merge_masked([own, own], folder / "twice", room)
    with pytest.raises(InputInvalidError, match="this has 0"):
        psi.merge_masked([], folder / "none", room)
    bad = folder / "bad"
    bad.write_bytes(messages.pack([UP[4:] + UP[:4]]))
    assert psi.multiply(psi.only_set(bad), (0, 3), MINE, folder / "stretch", room) == 3
    with pytest.raises(MalformedMessageError):
        psi.multiply(psi.only_set(bad), (3, 4), MINE, folder / "stretch", room)
    bad.write_bytes(messages.pack([[*UP, b"\xff" * 32]]))
    with pytest.raises(ElementInvalidError) as caught:
        psi.multiply(psi.only_set(bad), (5, 3), MINE, folder / "stretch", room)
    assert caught.value.position == len(UP)


def test_progress_tells_of_every_item(tmp_path: Path) -> None:
    told: list[int] = []
    room = Room(tmp_path, LEAST_MEMORY, told.append)
    intersect(ITEMS, OTHERS, room)
    # Each party's items are masked by both.
    assert sum(told) == 2 * (len(ITEMS) + len(OTHERS))
    assert max(told) <= psi.BATCH


def test_sets_that_are_none_are_refused(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(items: Sequence[bytes], session: bytes, match: str) -> None:
        with pytest.raises(InputInvalidError, match=match):
            psi.mask(cut(items), session, MINE, room.folder / "mine", room)

    refused([], SESSION, "this has 0")
    refused([b"a", b"b", b"a", b"c", b"a"], SESSION, "^2 items stand in the set more than once")
    refused(ITEMS + ITEMS, SESSION, "^25 items")
    refused(ITEMS, SESSION[1:], "32 bytes")
    monkeypatch.setattr(psi, "MAX_ITEMS", 24)
    refused(ITEMS, SESSION, "has more")
    assert list(room.folder.iterdir()) == []


def test_kernels_are_told_how_many_are_to_come(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(bulk, "prepare", told.append)
    masked(ITEMS, MINE, "mine", room)
    assert told == [6, 12, 18, 24, 25]
    psi.ask(room.folder / "mine", room.folder / "ask")
    psi.double(room.folder / "ask", THEIRS, room.folder / "doubled", room)
    assert told[5:] == [25]


def test_items_that_come_again_are_kept_once_where_asked(room: Room) -> None:
    folder = room.folder
    masked(ITEMS, MINE, "mine", room)
    again = cut([*ITEMS, *ITEMS[3:9], ITEMS[3]])
    assert psi.mask(again, SESSION, MINE, folder / "again", room, once=True) == len(ITEMS)
    for name in ("mine", "again"):
        psi.ask(folder / name, folder / f"ask-{name}")
    assert (folder / "ask-mine").read_bytes() == (folder / "ask-again").read_bytes()
    both = [folder / "mine", folder / "again"]
    assert psi.merge_masked(both, folder / "merged", room, once=True) == len(ITEMS)


UP = sorted(
    ristretto255.multiply(times.to_bytes(32, "little"), ristretto255.GENERATOR)
    for times in range(2, 9)
)
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "cut in the count": b"\x00\x00",
    "an empty set": bytes(4),
    "cut in an element": messages.pack([UP])[:-1],
    "more behind": messages.pack([UP]) + b"\x00",
    "a count beyond the message": b"\xff\xff\xff\xff" + b"".join(UP),
    "descending": messages.pack([UP[::-1]]),
    "descending between batches": messages.pack([UP[4:] + UP[:4]]),
    "an element twice": messages.pack([[*UP[:4], UP[3], *UP[4:]]]),
    "the identity": messages.pack([[bytes(32), *UP]]),
    "no element": messages.pack([[*UP, b"\xff" * 32]]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_refused_and_leave_nothing(name: str, room: Room) -> None:
    own = masked(ITEMS, MINE, "mine", room)
    hostile, target = room.folder / "hostile", room.folder / "target"
    hostile.write_bytes(HOSTILE[name])
    steps: list[Callable[[], object]] = [
        lambda: psi.answer(hostile, own, MINE, target, room),
        lambda: psi.double(hostile, MINE, target, room),
        lambda: psi.mix(hostile, MINE, target, room),
        lambda: psi.finish(hostile, own, MINE, target, room),
    ]
    for step in steps:
        with pytest.raises((MalformedMessageError, ElementInvalidError)):
            step()
        assert sorted(path.name for path in room.folder.iterdir()) == ["hostile", "mine"]


packed = st.lists(
    st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=3), min_size=1, max_size=3
).map(messages.pack)


@given(data=st.one_of(st.binary(max_size=140), packed), sets=st.integers(1, 2))
def test_any_bytes_are_a_message_or_refused_as_in_memory(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, sets: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "message"
    path.write_bytes(data)
    try:
        expected = messages.unpack(data, (False,) * sets)
    except MalformedMessageError:
        with pytest.raises(MalformedMessageError):
            psi.sets_of(path, (psi.ELEMENT_BYTES,) * sets)
        return
    found = psi.sets_of(path, (psi.ELEMENT_BYTES,) * sets)
    read = [b"".join(block.tobytes() for block in each.blocks()) for each in found]
    assert read == [b"".join(elements) for elements in expected]


def test_what_is_no_element_is_named_by_its_place(room: Room) -> None:
    hostile = room.folder / "hostile"
    hostile.write_bytes(messages.pack([[*UP, b"\xff" * 32]]))
    with pytest.raises(ElementInvalidError) as caught:
        psi.double(hostile, MINE, room.folder / "target", room)
    assert caught.value.position == len(UP)


def test_an_answer_for_another_set_is_refused(room: Room) -> None:
    intersect(ITEMS, OTHERS, room)
    folder = room.folder
    own = masked(ITEMS[:5], MINE, "five", room)
    with pytest.raises(MalformedMessageError, match="another number"):
        psi.finish(folder / "answer", own, MINE, folder / "target", room)
    counted(ITEMS, OTHERS, room)
    with pytest.raises(MalformedMessageError, match="another number"):
        psi.count(folder / "mixed", folder / "doubled", len(OTHERS) - 1)


def valued(items: Sequence[bytes], values: Sequence[int]) -> Iterator[psi.Batch]:
    for first in range(0, len(items), 6):
        beside = np.array(values[first : first + 6], "<i8")
        yield items[first : first + 6], beside.view(np.uint8).reshape(-1, 8)


VALUES = [number * 1000 - 7000 for number in range(len(OTHERS))]


def offered(room: Room) -> tuple[Share, Share, bytes]:
    folder, rng = room.folder, seeded_rng(5)
    buyer = sums.new_share(SESSION, rng, provider=False)
    provider = sums.new_share(SESSION, rng, provider=True)
    psi.ask(masked(ITEMS, MINE, "mine", room), folder / "ask", sums.head(buyer))
    psi.mask_beside(valued(OTHERS, VALUES), SESSION, THEIRS, folder / "theirs", room)
    key = psi_sum.key_from(folder / "ask", provider, SESSION, provider=False)
    psi.double(folder / "ask", THEIRS, folder / "doubled", room, sums.HEAD_BYTES)
    psi_sum.offer(folder / "theirs", provider, key, folder / "offer", rng, room)
    assert psi_sum.key_from(folder / "offer", buyer, SESSION, provider=True) == key
    return buyer, provider, key


def test_a_sum_over_files(room: Room) -> None:
    folder, rng = room.folder, seeded_rng(6)
    buyer, provider, key = offered(room)
    psi_sum.mix(folder / "offer", MINE, key, folder / "mixed", rng, room)
    gathered = psi_sum.gather(folder / "mixed", folder / "doubled", len(OTHERS))
    assert gathered.found == len(BOTH)
    closed = sums.closing(key, provider, gathered.total, -17, rng)
    assert sums.opened(buyer, closed, 1 << 20) == sum(VALUES[: len(BOTH)]) - 17


def test_a_sum_over_files_and_objects(room: Room) -> None:
    """A buyer with files, a provider in memory."""
    folder, rng = room.folder, seeded_rng(7)
    share = sums.new_share(SESSION, rng, provider=False)
    psi.ask(masked(ITEMS, MINE, "mine", room), folder / "ask", sums.head(share))
    provider = sums.Provider(SESSION, OTHERS, VALUES, rng)
    (folder / "offer").write_bytes(provider.answer((folder / "ask").read_bytes()))
    key = psi_sum.key_from(folder / "offer", share, SESSION, provider=True)
    psi_sum.mix(folder / "offer", MINE, key, folder / "mixed", rng, room)
    assert provider.count((folder / "mixed").read_bytes()) == len(BOTH)
    found = sums.opened(share, provider.close(3, 2), 1 << 20)
    assert found == sum(VALUES[: len(BOTH)]) + 3


def test_hostile_messages_of_a_sum(room: Room) -> None:
    folder, rng = room.folder, seeded_rng(6)
    buyer, _, key = offered(room)
    good = (folder / "offer").read_bytes()
    hostile, target = folder / "hostile", folder / "target"
    with pytest.raises(ProofInvalidError):
        psi_sum.key_from(folder / "ask", buyer, SESSION, provider=True)
    hostile.write_bytes(good[:50])
    with pytest.raises(MalformedMessageError):
        psi_sum.key_from(hostile, buyer, SESSION, provider=True)
    head, body = good[:100], good[100:]
    ninth = 9 * 96 + 32
    spoiled = {
        "cut": good[:-1],
        "more": good + b"x",
        "descending": head + body[96:] + body[:96],
        "no ciphertext": head + body[:ninth] + b"\xff" * 32 + body[ninth + 32 :],
    }
    for data in spoiled.values():
        hostile.write_bytes(data)
        with pytest.raises((MalformedMessageError, ElementInvalidError)) as caught:
            psi_sum.mix(hostile, MINE, key, target, rng, room)
        assert not target.exists()
    assert isinstance(caught.value, ElementInvalidError)
    assert caught.value.position == 9
    psi_sum.mix(folder / "offer", MINE, key, target, rng, room)
    with pytest.raises(MalformedMessageError, match="another number"):
        psi_sum.gather(target, folder / "doubled", len(OTHERS) + 1)


def test_a_number_that_is_none_says_nothing_of_whose_it_is(room: Room) -> None:
    """Of each item, in both sets or not, the refusal is the same."""
    folder, rng = room.folder, seeded_rng(6)
    _, _, key = offered(room)
    psi_sum.mix(folder / "offer", MINE, key, folder / "mixed", rng, room)
    good = (folder / "mixed").read_bytes()
    for place in range(len(OTHERS)):
        start = psi.COUNT_BYTES + place * psi_sum.RECORD_BYTES + psi.ELEMENT_BYTES
        (folder / "bad").write_bytes(good[:start] + b"\xff" * 32 + good[start + 32 :])
        with pytest.raises(ElementInvalidError) as caught:
            psi_sum.gather(folder / "bad", folder / "doubled", len(OTHERS))
        assert caught.value.position is None


KILLED = """
import sys
from pathlib import Path
from unseen.streams import psi
from unseen.streams.records import Records
from unseen.streams.room import Room
folder, scalar, most = Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3])
def items():
    for first in range(0, 400, 50):
        if first == most:
            print("there", flush=True)
            sys.stdin.read()
        yield [b"item %d" % number for number in range(first, first + 50)]
psi.mask(items(), bytes(range(32)), scalar, folder / "mine", Room(folder))
"""


def test_a_step_that_was_killed_leaves_no_half_file(tmp_path: Path) -> None:
    def started(most: int) -> subprocess.Popen[str]:
        run = [sys.executable, "-c", KILLED, str(tmp_path), MINE.hex(), str(most)]
        return subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with started(300) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "mine").exists()
    assert list(tmp_path.iterdir())  # what a sweep removes
    Room(tmp_path).sweep()
    assert list(tmp_path.iterdir()) == []
    with started(-1) as process:
        assert process.wait() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine").stat().st_size == 400 * psi.MASKED_BYTES


def test_memory_does_not_grow_with_the_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psi, "BATCH", 4096)
    room, peaks = Room(tmp_path, LEAST_MEMORY), []
    for count in (6000, 24000):
        tracemalloc.start()
        psi.mask(
            ([b"%d" % n for n in range(first, first + 1000)] for first in range(0, count, 1000)),
            SESSION,
            MINE,
            tmp_path / "mine",
            room,
        )
        psi.ask(tmp_path / "mine", tmp_path / "ask")
        psi.double(tmp_path / "ask", THEIRS, tmp_path / "doubled", room)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # What grows is the one run that is sorted: some 140 bytes an item, up to the ceiling.
    assert peaks[1] - peaks[0] < 18_000 * 250
    assert max(peaks) < LEAST_MEMORY
