"""ElGamal under a joint key: what it opens to, what adds up, and who may have a share."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import (
    ElementInvalidError,
    InputInvalidError,
    ProofInvalidError,
)
from unseen.protocols.group import discrete_log, elgamal, ristretto255
from unseen.protocols.group.elgamal import Ciphertexts
from unseen.protocols.testing import seeded_rng

RNG = seeded_rng(1)
ONE, OTHER = elgamal.new_share(b"one", RNG), elgamal.new_share(b"other", RNG)
KEY = elgamal.joined_key(ONE.element, OTHER.element)


def encrypted(values: list[int], seed: int = 1) -> Ciphertexts:
    joined = struct.pack(f"<{len(values)}q", *values)
    return elgamal.encrypt_each(KEY, joined, seeded_rng(seed))


def opened(ciphertext: Ciphertexts, bound: int = 10**6) -> int | None:
    half = elgamal.opened_with(ONE.secret, ciphertext)
    return discrete_log.solve(elgamal.opened_with(OTHER.secret, half).second, bound)


def test_the_key_is_that_of_both_secrets() -> None:
    secrets = [int.from_bytes(share.secret, "little") for share in (ONE, OTHER)]
    both = (sum(secrets) % ristretto255.ORDER).to_bytes(32, "little")
    assert ristretto255.multiply_base(both) == KEY
    assert opened(encrypted([42])) == 42


def test_one_share_opens_nothing() -> None:
    for share in (ONE, OTHER):
        left = elgamal.opened_with(share.secret, encrypted([42]))
        assert discrete_log.solve(left.second, 1000) is None


@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.integers(-1000, 1000), min_size=1, max_size=9), seed=st.integers(0, 99))
def test_sums_open_to_sums(values: list[int], seed: int) -> None:
    found = encrypted(values, seed)
    fresh = elgamal.refresh_each(KEY, found, seeded_rng(seed + 1))
    assert opened(elgamal.total(found)) == opened(elgamal.total(fresh)) == sum(values)
    both = elgamal.add(elgamal.total(found), elgamal.total(fresh))
    assert opened(both) == 2 * sum(values)
    assert {found.first, found.second}.isdisjoint({fresh.first, fresh.second})


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), -1])
def test_values_are_whole_numbers_of_64_bits(value: int) -> None:
    reduced = (value % ristretto255.ORDER).to_bytes(32, "little")
    half = elgamal.opened_with(ONE.secret, encrypted([value]))
    left = elgamal.opened_with(OTHER.secret, half)
    assert left.second == ristretto255.multiply_base(reduced)


@settings(max_examples=30, deadline=None)
@given(place=st.integers(0, 63), bit=st.integers(0, 7))
def test_a_bent_proof_does_not_hold(place: int, bit: int) -> None:
    elgamal.check_share(ONE.element, ONE.proof, b"one")
    bent = bytearray(ONE.proof)
    bent[place] ^= 1 << bit
    with pytest.raises(ProofInvalidError):
        elgamal.check_share(ONE.element, bytes(bent), b"one")


def test_a_proof_is_for_one_share_and_one_context() -> None:
    for element, proof, context in (
        (OTHER.element, ONE.proof, b"one"),
        (ONE.element, ONE.proof, b"other"),
        (ONE.element, ONE.proof[:-1], b"one"),
        (ONE.element, bytes(64), b"one"),
    ):
        with pytest.raises(ProofInvalidError):
            elgamal.check_share(element, proof, context)
    with pytest.raises(ElementInvalidError):
        elgamal.check_share(bytes(32), ONE.proof, b"one")


def test_shares_that_cancel_make_no_key() -> None:
    opposite = ristretto255.subtract(ristretto255.IDENTITY, ONE.element)
    with pytest.raises(ElementInvalidError):
        elgamal.joined_key(ONE.element, opposite)


def test_bad_inputs_are_refused() -> None:
    good = encrypted([1, 2])
    with pytest.raises(InputInvalidError):
        elgamal.encrypt_each(KEY, bytes(8), lambda _count: b"")
    with pytest.raises(InputInvalidError):
        elgamal.refresh_each(KEY, Ciphertexts(good.first, good.second[:32]), RNG)
    with pytest.raises(InputInvalidError):
        elgamal.total(Ciphertexts(good.first[:32], good.second))
    with pytest.raises(ElementInvalidError):
        elgamal.total(Ciphertexts(bytes(64), good.second))
    with pytest.raises(InputInvalidError):
        elgamal.encrypt_each(KEY, bytes(7), RNG)


def test_nothing_secret_is_shown() -> None:
    assert ONE.secret.hex() not in repr(ONE)
    assert repr(ONE.secret) not in repr(ONE)
