"""What is kept for a further build under one key: names, masks, and which build a block is of."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.lwe_pir import builds, kept, server
from unseen.protocols.lookup.lwe_pir.filters import TRIES
from unseen.protocols.lookup.lwe_pir.parameters import NONCE_BYTES, Shape
from unseen.protocols.testing import seeded_rng

NAME = b"unseen/lookup/lwe_pir/v1/kept"
SECRET = kept.secret_of(b"k" * 32)
SHAPE = Shape(3, 1024, 1)


def rows(data: bytes, size: int) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    return np.frombuffer(data, np.uint8).reshape(-1, size)


def test_is_that_of_the_module_text() -> None:
    secret = hashlib.sha512(NAME + b"\x00" + b"k" * 32).digest()[:32]
    assert secret == SECRET
    inputs = [b"", b"subject", bytes(300)]
    names = kept.names_of(secret, inputs)
    wanted = [hashlib.sha512(NAME + b"\x01" + secret + each).digest()[:16] for each in inputs]
    assert [name.tobytes() for name in names] == wanted
    outputs = rows(seeded_rng(3)(64 * 3), 64)
    for name, output, record in zip(
        wanted, outputs, kept.records(secret, names, outputs), strict=True
    ):
        mask = hashlib.sha512(NAME + b"\x02" + secret + name).digest()
        assert record.tobytes() == name + bytes(
            a ^ b for a, b in zip(output.tobytes(), mask, strict=True)
        )


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(0, 1 << 30))
def test_a_masked_output_comes_back_under_its_name(inputs: list[bytes], seed: int) -> None:
    names = kept.names_of(SECRET, inputs)
    outputs = rows(seeded_rng(seed)(64 * len(inputs)), 64)
    hidden = kept.masked(SECRET, names, outputs)
    assert (kept.masked(SECRET, names, hidden) == outputs).all()
    assert len({name.tobytes() for name in names}) == len(set(inputs))


def test_another_key_names_and_masks_otherwise() -> None:
    other = kept.secret_of(b"l" * 32)
    names, others = (kept.names_of(secret, [b"a", b"b"]) for secret in (SECRET, other))
    assert not (names == others).all(axis=1).any()
    outputs = rows(bytes(128), 64)
    assert (
        not (kept.masked(SECRET, names, outputs) == kept.masked(other, names, outputs))
        .all(axis=1)
        .any()
    )


def test_parts_of_another_length_are_refused() -> None:
    names, outputs = rows(bytes(32), 16), rows(bytes(128), 64)
    for wrong in ((b"s", names, outputs), (SECRET, names[:1], outputs), (SECRET, outputs, outputs)):
        with pytest.raises(InputInvalidError):
            kept.masked(*wrong)
    with pytest.raises(InputInvalidError):
        kept.secret_of(bytes(31))
    with pytest.raises(InputInvalidError):
        kept.names_of(bytes(33), [b""])


class TestOrigin:
    SEEDS = tuple(builds.seed_of(b"k" * 32, bytes([number]) * 32) for number in range(3))

    def test_is_the_build_that_gave_the_nonce(self) -> None:
        for place, seed in enumerate(self.SEEDS):
            items = [(bytes([n]) * 64, b"\x03") for n in range(40)]
            block = server.build_block(SHAPE, b"d", items, builds.rng_of(seed, 2))
            assert builds.origin(self.SEEDS, 2, block.nonce) == place
            assert builds.origin(self.SEEDS, 1, block.nonce) is None

    def test_holds_for_every_try_and_no_more(self) -> None:
        drawn = builds.rng_of(self.SEEDS[1], 5)((TRIES + 1) * NONCE_BYTES)
        nonces = [drawn[at : at + NONCE_BYTES] for at in range(0, len(drawn), NONCE_BYTES)]
        assert {builds.origin(self.SEEDS, 5, nonce) for nonce in nonces[:-1]} == {1}
        assert builds.origin(self.SEEDS, 5, nonces[-1]) is None
        assert builds.origin(self.SEEDS, 5, drawn[8 : 8 + NONCE_BYTES]) is None
        assert builds.origin((), 5, nonces[0]) is None
