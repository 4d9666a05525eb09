"""SEAL's objects: what SEAL writes reads, what we write SEAL loads, nothing else does."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.he.rings import Engine, api, loaded, saved

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.he import seal
from unseen.protocols.he.seal import Ciphertext, Level, Plaintext

ENGINE = Engine(1024, [50, 40, 40])
DATA = Level(1024, ENGINE.primes[:2])
KEYS = Level(1024, ENGINE.primes)
SCALE = 2.0**40
SEEDED = ENGINE.encrypted([0.5 + 0.25j] * 512, SCALE)
WHOLE = saved(loaded("Ciphertext", ENGINE.context, SEEDED))


def test_a_level_has_the_name_that_seal_gives_it() -> None:
    for level, found in (
        (DATA, ENGINE.context.first_parms_id()),
        (KEYS, ENGINE.context.key_parms_id()),
        (Level(1024, ENGINE.primes[:1]), ENGINE.context.last_parms_id()),
    ):
        assert level.name == struct.pack("<4Q", *found)


@pytest.mark.parametrize("data", [SEEDED, WHOLE], ids=["seeded", "whole"])
def test_what_seal_saved_is_written_again_byte_for_byte(data: bytes) -> None:
    found = seal.read_ciphertext(data, DATA)
    assert (found.scale, bool(found.seed)) == (SCALE, data is SEEDED)
    assert seal.write(found) == data
    assert len(data) == seal.ciphertext_bytes(DATA, seeded=data is SEEDED)


def test_keys_and_plaintexts_are_read_and_written_again() -> None:
    plain = saved(ENGINE.encoded([1.5], SCALE))
    assert seal.write(seal.read_plaintext(plain, DATA)) == plain
    secret = saved(ENGINE.secret)
    assert seal.write(seal.read_plaintext(secret, KEYS)) == secret
    public = saved(ENGINE.public)
    assert seal.write(seal.read_ciphertext(public, KEYS)) == public


def test_words_that_are_written_here_decrypt_in_seal() -> None:
    both = seal.read_ciphertext(WHOLE, DATA)
    primes = np.array(DATA.primes, np.uint64)[:, None]
    twice = Ciphertext(DATA, SCALE, both.words * np.uint64(2) % primes)
    found = api.Plaintext()
    api.Decryptor(ENGINE.context, ENGINE.secret).decrypt(
        loaded("Ciphertext", ENGINE.context, seal.write(twice)), found
    )
    assert np.allclose(ENGINE.encoder.decode_complex(found), 1 + 0.5j, atol=1e-6)


@settings(max_examples=300, deadline=None)
@given(data=st.sampled_from([SEEDED, WHOLE]), place=st.floats(0, 1), change=st.integers(1, 255))
def test_any_changed_byte_is_refused_or_is_another_whole_object(
    data: bytes, place: float, change: int
) -> None:
    where = min(int(place * len(data)), len(data) - 1)
    if change % 3 == 0:
        where %= 130  # the head is short, and every byte of it counts
    altered = bytearray(data)
    altered[where] ^= change
    try:
        found = seal.read_ciphertext(bytes(altered), DATA)
    except MalformedMessageError:
        return
    assert seal.write(found) == bytes(altered)


HEAD = 105


@pytest.mark.parametrize("data", [SEEDED, WHOLE], ids=["seeded", "whole"])
def test_every_byte_of_a_head_but_the_scale_is_fixed(data: bytes) -> None:
    scale = range(16 + 57, 16 + 65)
    for place in set(range(HEAD)) - set(scale):
        altered = bytearray(data)
        altered[place] ^= 1
        with pytest.raises(MalformedMessageError):
            seal.read_ciphertext(bytes(altered), DATA)


def with_words(words: Any, data: bytes = WHOLE) -> bytes:
    body: bytes = words.astype("<u8").tobytes()
    return data[: -len(body)] + body


BAD = {
    "nothing": b"",
    "a head alone": WHOLE[:16],
    "cut": WHOLE[:-1],
    "longer": WHOLE + b"\0",
    "a seed cut": SEEDED[:-1],
    "compressed": WHOLE[:5] + b"\2" + WHOLE[6:],
    "transparent": with_words(np.zeros((2, 1024), np.uint64)),
    "over its prime": with_words(np.full((1, 1024), ENGINE.primes[1], np.uint64)),
    "no scale": WHOLE[:73] + struct.pack("<d", float("nan")) + WHOLE[81:],
    "scale of zero": WHOLE[:73] + bytes(8) + WHOLE[81:],
    "scale below zero": WHOLE[:73] + struct.pack("<d", -1.0) + WHOLE[81:],
    "without a limit": WHOLE[:73] + struct.pack("<d", float("inf")) + WHOLE[81:],
    "another generator": SEEDED[:-65] + b"\2" + SEEDED[-64:],
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_such_a_ciphertext_is_refused(what: str) -> None:
    with pytest.raises(MalformedMessageError):
        seal.read_ciphertext(BAD[what], DATA)


def test_another_level_is_refused() -> None:
    for level in (KEYS, Level(1024, ENGINE.primes[:1]), Level(512, DATA.primes)):
        with pytest.raises(MalformedMessageError):
            seal.read_ciphertext(WHOLE, level)
    with pytest.raises(MalformedMessageError):
        seal.read_plaintext(saved(ENGINE.encoded([1.0], SCALE)), KEYS)


def test_words_that_fit_no_level_are_not_written() -> None:
    good = np.ones((2, 2, 1024), np.uint64)
    for value in (
        Ciphertext(KEYS, SCALE, good),
        Ciphertext(DATA, SCALE, good.astype(np.int64)),
        Ciphertext(DATA, SCALE, good, b"short"),
        Ciphertext(DATA, SCALE, good[:1]),
        Ciphertext(DATA, float("inf"), good),
        Plaintext(DATA, SCALE, good),
        Plaintext(DATA, 0.0, good[0]),
    ):
        with pytest.raises(InputInvalidError):
            seal.write(value)
