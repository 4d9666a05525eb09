"""SHA-512 of many messages: the standard's messages, hashlib, the twins against each other."""

import hashlib
import secrets

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import features, sha512
from unseen.protocols.kernels.sha512 import Implementation

ALL = sha512.implementations()
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)


@each
def test_known_answers_hold(one: Implementation) -> None:
    sha512.check_known_answers(one)


def test_an_implementation_that_is_wrong_is_found() -> None:
    wrong = Implementation("wrong", lambda rows, _: np.zeros((len(rows), 64), np.uint8))
    with pytest.raises(KernelFaultError, match="wrong"):
        sha512.check_known_answers(wrong)


def test_a_compiled_one_is_there_where_vectors_are() -> None:
    assert (len(ALL) == 2) is features.has_vectors()


@each
@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 40),
    length=st.integers(0, 400),
    blocks=st.integers(0, 3),
    seed=st.integers(0, 2**32),
)
def test_digests_are_those_of_hashlib(
    one: Implementation, count: int, length: int, blocks: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    rows = chance.integers(0, 256, (count, length), dtype=np.uint8)
    prefix = chance.bytes(128 * blocks)
    found = one.digests(rows, prefix)
    assert found.shape == (count, 64)
    for row, digest in zip(rows, found, strict=True):
        assert digest.tobytes() == hashlib.sha512(prefix + row.tobytes()).digest()


@pytest.mark.parametrize("length", [110, 111, 112, 127, 128, 238, 239, 240])
@each
def test_the_length_stands_behind_every_message(one: Implementation, length: int) -> None:
    # At 111 bytes a block is full with the length behind the message, and at 112 it is not enough.
    rows = np.full((3, length), 7, np.uint8)
    expected = hashlib.sha512(bytes([7]) * length).digest() * 3
    assert one.digests(rows, b"").tobytes() == expected


@each
def test_more_than_a_batch(one: Implementation) -> None:
    rows = np.random.default_rng(3).integers(0, 256, (2500, 20), dtype=np.uint8)
    found = one.digests(rows, bytes(128))
    for place in (0, 1023, 1024, 2047, 2048, 2499):
        expected = hashlib.sha512(bytes(128) + rows[place].tobytes()).digest()
        assert found[place].tobytes() == expected


def test_each_message_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [secrets.token_bytes(length) for length in (5, 0, 200, 5, 64, 0, 200)]
    for prefix in (b"", bytes(range(128))):
        expected = b"".join(hashlib.sha512(prefix + message).digest() for message in messages)
        assert sha512.digest_each(messages, prefix) == expected
        with monkeypatch.context() as few:
            few.setattr(sha512, "_is_worth", lambda _: True)
            assert sha512.digest_each(messages, prefix) == expected
    assert sha512.digest_each([]) == b""


def test_rows_are_hashed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(60, dtype=np.uint8).reshape(5, 12)[:, ::2]
    expected = b"".join(hashlib.sha512(row.tobytes()).digest() for row in rows)
    assert sha512.digest_rows(rows).tobytes() == expected
    monkeypatch.setattr(sha512, "_is_worth", lambda _: True)
    assert sha512.digest_rows(rows).tobytes() == expected


def test_what_is_no_row_of_bytes_is_refused() -> None:
    with pytest.raises(InputInvalidError):
        sha512.digest_rows(np.zeros(5, np.uint8))
    with pytest.raises(InputInvalidError):
        sha512.digest_rows(np.zeros((2, 5), np.uint16))
    for call in (
        lambda: sha512.digest_each([b"a"], b"part of a block"),
        lambda: sha512.digest_rows(np.zeros((2, 5), np.uint8), b"part"),
    ):
        with pytest.raises(InputInvalidError, match="128"):
            call()


def test_getting_ready_is_for_many_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[int] = []
    monkeypatch.setattr(sha512, "_is_worth", lambda count: count >= 10)
    monkeypatch.setattr(sha512, "warm_up", lambda: warmed.append(1))
    sha512.prepare(9)
    assert not warmed
    sha512.prepare(10)
    assert warmed


def test_where_nothing_is_compiled_nothing_else_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without numpy there are no vectors either: hashlib does however many there are.
    monkeypatch.setattr(features, "has_vectors", lambda: False)
    monkeypatch.setattr(sha512, "WORTH_COMPILING", 2)
    monkeypatch.setattr(sha512, "WORTH_LOADING", 1)
    monkeypatch.setattr(sha512, "implementations", lambda: pytest.fail("gets ready"))
    sha512._selected.cache_clear()
    assert sha512.digest_each([b"a"] * 3) == hashlib.sha512(b"a").digest() * 3
