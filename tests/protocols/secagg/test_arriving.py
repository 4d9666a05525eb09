"""A vector that comes in pieces is the one that was sent, hashed, or it is refused."""

import hashlib
import mmap
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import (
    DimensionMismatchError,
    MalformedMessageError,
    PartyDuplicateError,
)
from unseen.protocols.kernels.words import wire_bytes
from unseen.protocols.secagg import Aggregator, Arrival, Masked, arriving
from unseen.protocols.secagg.driver import Cohort, cohort
from unseen.protocols.testing import seeded_rng

PARTIES, DIMENSION = 5, 40


def masked_by(group: Cohort) -> tuple[Aggregator, list[Masked]]:
    """Return an aggregator that waits for vectors, and one of each party."""
    rng = seeded_rng(3)
    parties = [group.party(member.name, rng) for member in group.parameters.members]
    server = Aggregator(group.parameters)
    for party in parties:
        server.add_keys(party.advertise())
    roster = server.close_keys()
    for party in parties:
        server.add_shares(party.share(roster))
    deals = server.close_shares()
    values = np.arange(group.parameters.dimension)
    return server, [party.mask(deals[party.name], values) for party in parties]


GROUPS = {ring: cohort(PARTIES, DIMENSION, 1000, seeded_rng(2), ring) for ring in (32, 64)}


def arrived(group: Cohort, data: bytes, cuts: list[int] | None = None) -> Arrival:
    found = Arrival(group.parameters)
    ends = [*sorted(cuts or ()), len(data)]
    for start, end in zip([0, *ends], ends, strict=False):
        found.add(data[start:end])
    return found


@given(st.sampled_from([32, 64]), st.lists(st.integers(0, DIMENSION * 4), max_size=6))
def test_pieces_of_any_sizes_are_the_vector_and_its_hash(ring: int, cuts: list[int]) -> None:
    data = np.arange(DIMENSION, dtype=f"<u{ring // 8}").tobytes()
    found = arrived(GROUPS[ring], data, cuts)
    assert found.digest == hashlib.sha256(data).digest()
    assert found.words.tolist() == list(range(DIMENSION))
    assert found.words.dtype.isnative


@pytest.mark.parametrize("ring", [32, 64])
def test_what_arrived_adds_up_as_what_was_sent(ring: int) -> None:
    group = GROUPS[ring]
    server, sent = masked_by(group)
    for each in sent[:-1]:
        server.add_arrived(each.message, arrived(group, bytes(wire_bytes(each.words)), [7, 100]))
    server.add_masked(sent[-1])
    total = np.sum([each.words for each in sent], axis=0, dtype=sent[0].words.dtype)
    assert server._sum.tolist() == total.tolist()
    assert len(server.survivors) == PARTIES


def test_only_what_was_signed_is_added() -> None:
    group = GROUPS[32]
    server, sent = masked_by(group)
    other = bytearray(wire_bytes(sent[0].words))
    other[-1] ^= 1
    with pytest.raises(MalformedMessageError, match="party-0: another vector than the one"):
        server.add_arrived(sent[0].message, arrived(group, bytes(other)))
    with pytest.raises(MalformedMessageError, match="party-1: another vector than the one"):
        server.add_arrived(sent[1].message, arrived(group, bytes(wire_bytes(sent[0].words))))
    short = Arrival(group.parameters)
    short.add(bytes(wire_bytes(sent[0].words))[:-1])
    with pytest.raises(MalformedMessageError, match="fewer bytes"):
        server.add_arrived(sent[0].message, short)
    assert not server._sum.any()
    assert server.survivors == ()
    server.add_arrived(sent[0].message, arrived(group, bytes(wire_bytes(sent[0].words))))
    with pytest.raises(PartyDuplicateError):
        server.add_arrived(sent[0].message, arrived(group, bytes(wire_bytes(sent[0].words))))


def test_a_vector_of_another_round_is_not_added() -> None:
    group = GROUPS[32]
    server, sent = masked_by(group)
    wide = Arrival(GROUPS[64].parameters)
    wide.add(bytes(DIMENSION * 8))
    with pytest.raises(MalformedMessageError, match="over another ring"):
        server.add_arrived(sent[0].message, wide)
    long = Arrival(cohort(PARTIES, DIMENSION + 1, 1000, seeded_rng(4)).parameters)
    long.add(bytes((DIMENSION + 1) * 4))
    with pytest.raises(DimensionMismatchError):
        server.add_arrived(sent[0].message, long)
    assert server.survivors == ()


def test_more_or_fewer_bytes_than_the_rounds_are_refused() -> None:
    found = arrived(GROUPS[32], bytes(DIMENSION * 4))
    found.check_whole()
    with pytest.raises(MalformedMessageError, match="more bytes"):
        found.add(b"\x00")
    with pytest.raises(MalformedMessageError, match="more bytes"):
        Arrival(GROUPS[32].parameters).add(bytes(DIMENSION * 4 + 1))
    with pytest.raises(MalformedMessageError, match="fewer bytes"):
        _ = Arrival(GROUPS[32].parameters).words
    assert repr(found) == "Arrival(160 of 160 bytes)"


def test_what_is_hashed_is_not_written_to_afterwards() -> None:
    words = arrived(GROUPS[32], bytes(DIMENSION * 4)).words
    with pytest.raises(ValueError, match="read-only"):
        words[0] = 1


def test_a_vector_is_held_once_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms: list[weakref.ref[mmap.mmap]] = []

    def pages(size: int) -> mmap.mmap:
        made = mmap.mmap(-1, size)
        rooms.append(weakref.ref(made))
        return made

    monkeypatch.setattr(arriving, "pages", pages)
    big = cohort(3, 1 << 18, 1000, seeded_rng(5)).parameters
    piece, size = bytes(1 << 16), 1 << 20
    tracemalloc.start()
    try:
        found = Arrival(big)
        for _ in range(size // len(piece)):
            found.add(piece)
        words = found.words
        beside = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert beside < size >> 3
    assert [len(room() or b"") for room in rooms] == [size] == [words.nbytes]
    del found, words
    assert [room() for room in rooms] == [None]
