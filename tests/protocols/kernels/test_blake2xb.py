"""Streams of seeds: the reference code's on every implementation, the twins, hashlib's roots."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import blake2b_rounds, blake2xb, blake2xb_portable
from unseen.protocols.kernels.blake2xb import Implementation

ALL = blake2xb.implementations()
SEED = bytes(range(64))


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_known_answers_hold(one: Implementation) -> None:
    blake2xb.check_known_answers(one)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.binary(min_size=64, max_size=64), first=st.integers(0, 2**40), count=st.integers(1, 20)
)
def test_twins_agree_on_any_chunks(seed: bytes, first: int, count: int) -> None:
    assert len({one.chunks(seed, first, count).tobytes() for one in ALL}) == 1


@settings(max_examples=20, deadline=None)
@given(start=st.integers(0, 3000), count=st.integers(1, 2000))
def test_words_from_any_place_are_those_of_the_whole_stream(start: int, count: int) -> None:
    whole = blake2xb.words(SEED, start + count)
    assert (blake2xb.words(SEED, count, start) == whole[start:]).all()


def test_the_compression_function_is_the_one_of_the_rfc() -> None:
    # RFC 7693 appendix A: BLAKE2b-512 of "abc".
    state = [*blake2b_rounds.IV]
    state[0] ^= 0x01010040
    ops = blake2xb_portable._Vectors()
    words = [np.array([word], np.uint64) for word in (*state, int.from_bytes(b"abc", "little"))]
    found = blake2b_rounds.compress(ops, words[:8], words[8:], length=3, last=True)
    digest = b"".join(int(word[0]).to_bytes(8, "little") for word in found)
    assert digest.hex() == (
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
    )


def test_a_wrong_implementation_is_refused() -> None:
    good = ALL[-1]
    for broken in (
        lambda *given: good.chunks(*given) + 1,
        lambda seed, _, n: good.chunks(seed, 0, n),
    ):
        with pytest.raises(KernelFaultError, match="broken"):
            blake2xb.check_known_answers(Implementation("broken", broken))


@pytest.mark.parametrize(
    ("seed", "count", "start"),
    [(SEED[1:], 1, 0), (SEED + b"\0", 1, 0), (SEED, 0, 0), (SEED, 1 << 40, 0), (SEED, 1, -1)],
)
def test_other_seeds_and_lengths_are_refused(seed: bytes, count: int, start: int) -> None:
    with pytest.raises(InputInvalidError):
        blake2xb.words(seed, count, start)
