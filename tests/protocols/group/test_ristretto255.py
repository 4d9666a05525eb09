"""ristretto255: RFC 9496 vectors, group laws, and what must never be accepted."""

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import ElementInvalidError, InputInvalidError, ScalarInvalidError
from unseen.protocols.group import ristretto255 as group
from unseen.protocols.testing import seeded_rng

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/group/ristretto255_rfc9496.json").read_text()
)
MULTIPLES = [bytes.fromhex(encoding) for encoding in VECTORS["multiples"]]
INVALID = [bytes.fromhex(item) for kind in VECTORS["invalid"].values() for item in kind]
# libsodium 1.0.18 ignores the upper bit of what is otherwise an element: not in the RFC's list.
UPPER_BIT = [item[:-1] + bytes([item[-1] | 0x80]) for item in MULTIPLES]
LENGTHS = [b"", MULTIPLES[1][:31], MULTIPLES[1] + b"\x00", MULTIPLES[1] * 2]
BAD_ELEMENTS = INVALID + UPPER_BIT + LENGTHS
BAD_SCALARS = [
    bytes(32),
    group.ORDER.to_bytes(32, "little"),
    (group.ORDER + 1).to_bytes(32, "little"),
    (2**255 + 1).to_bytes(32, "little"),
    b"\xff" * 32,
    b"",
    b"\x01",
    bytes(31),
    b"\x01" + bytes(32),
]

scalars = st.integers(1, group.ORDER - 1).map(lambda value: value.to_bytes(32, "little"))
elements = scalars.map(group.multiply_base)


def scalar(value: int) -> bytes:
    return (value % group.ORDER).to_bytes(32, "little")


def number(value: bytes) -> int:
    return int.from_bytes(value, "little")


@pytest.mark.parametrize("k", range(1, 16))
def test_multiples_of_the_generator_match_rfc_9496(k: int) -> None:
    assert group.multiply_base(scalar(k)) == MULTIPLES[k]
    assert group.multiply(scalar(k), group.GENERATOR) == MULTIPLES[k]
    assert group.add(MULTIPLES[k - 1], group.GENERATOR) == MULTIPLES[k]
    assert group.subtract(MULTIPLES[k], group.GENERATOR) == MULTIPLES[k - 1]
    group.check_element(MULTIPLES[k])


def test_the_first_multiples_are_identity_and_generator() -> None:
    assert MULTIPLES[0] == group.IDENTITY
    assert MULTIPLES[1] == group.GENERATOR


@pytest.mark.parametrize("case", VECTORS["from_uniform"], ids=lambda c: c["input"][:8])
def test_derivation_matches_rfc_9496(case: dict[str, Any]) -> None:
    assert group.from_uniform(bytes.fromhex(case["input"])).hex() == case["output"]


@pytest.mark.parametrize("element", BAD_ELEMENTS, ids=lambda e: e.hex()[:16])
def test_every_function_refuses_a_bad_encoding(element: bytes) -> None:
    calls: list[Callable[[], object]] = [
        lambda: group.multiply(scalar(2), element),
        lambda: group.check_element(element),
        lambda: group.add(element, group.GENERATOR),
        lambda: group.add(group.GENERATOR, element),
        lambda: group.subtract(element, group.GENERATOR),
        lambda: group.subtract(group.GENERATOR, element),
    ]
    for call in calls:
        with pytest.raises(ElementInvalidError, match=r"^invalid group element$"):
            call()


def test_multiply_refuses_the_identity_with_the_same_message() -> None:
    with pytest.raises(ElementInvalidError, match=r"^invalid group element$"):
        group.multiply(scalar(2), group.IDENTITY)
    with pytest.raises(ElementInvalidError, match=r"^invalid group element$"):
        group.check_element(group.IDENTITY)


def test_a_batch_names_the_first_bad_element() -> None:
    batch = [group.GENERATOR, MULTIPLES[2], INVALID[0], group.IDENTITY]
    with pytest.raises(ElementInvalidError) as caught:
        group.multiply_each(scalar(2), batch)
    assert caught.value.position == 2
    with pytest.raises(ElementInvalidError) as caught:
        group.weighted_sum([scalar(k) for k in range(1, 5)], batch)
    assert caught.value.position == 2


@pytest.mark.parametrize("bad", BAD_SCALARS, ids=lambda s: s.hex()[:16] or "empty")
def test_every_function_refuses_a_bad_scalar(bad: bytes) -> None:
    one = scalar(1)
    calls: list[Callable[[], object]] = [
        lambda: group.check_scalar(bad),
        lambda: group.multiply(bad, group.GENERATOR),
        lambda: group.multiply_each(bad, [group.GENERATOR]),
        lambda: group.weighted_sum([bad], [group.GENERATOR]),
        lambda: group.multiply_base(bad),
        lambda: group.invert(bad),
        lambda: group.invert_each([one, bad]),
        lambda: group.subtract_product(bad, one, one),
        lambda: group.subtract_product(one, bad, one),
        lambda: group.subtract_product(one, one, bad),
    ]
    for call in calls:
        with pytest.raises(ScalarInvalidError, match=r"^invalid scalar$"):
            call()


def decodes(encoding: bytes) -> bool:
    """RFC 9496 section 4.3.1 in plain integers: whether this decodes to any element."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    s = int.from_bytes(encoding, "little")
    if s >= p or s & 1:
        return False
    u1, u2 = (1 - s * s) % p, (1 + s * s) % p
    v = (-d * u1 * u1 - u2 * u2) % p
    w = v * u2 * u2 % p
    # SQRT_RATIO_M1(1, w): a root of 1/w if there is one, else there is no such element.
    root = pow(w, -1, p) if w else 0
    candidate = pow(root, (p + 3) // 8, p)
    if candidate * candidate % p != root:
        candidate = candidate * pow(2, (p - 1) // 4, p) % p
    if w == 0 or candidate * candidate % p != root:
        return False
    x = 2 * s * candidate * u2 % p
    x = p - x if x & 1 else x
    y = u1 * candidate * candidate * u2 * v % p
    return y != 0 and not (x * y % p) & 1


def test_the_reference_decoder_agrees_with_the_rfc() -> None:
    assert all(decodes(element) for element in MULTIPLES)
    assert not any(decodes(element) for element in INVALID)


def test_accepts_exactly_the_valid_encodings() -> None:
    rng = random.Random(9496)
    accepted = 0
    for _ in range(2000):
        encoding = bytearray(rng.randbytes(32))
        encoding[0] &= 0xFE  # even and without the upper bit, or 3 in 4 are refused for that
        encoding[31] &= 0x7F
        try:
            group.multiply(scalar(3), bytes(encoding))
        except ElementInvalidError:
            assert not decodes(bytes(encoding))
        else:
            assert decodes(bytes(encoding))
            accepted += 1
    assert accepted > 100


@settings(max_examples=25, deadline=None)
@given(scalars, scalars, elements)
def test_group_laws(a: bytes, b: bytes, element: bytes) -> None:
    total = scalar(number(a) + number(b))
    product = scalar(number(a) * number(b))
    one, other = group.multiply(a, element), group.multiply(b, element)
    assert group.add(one, other) == group.add(other, one)
    if any(total):
        assert group.add(one, other) == group.multiply(total, element)
    assert group.multiply(a, other) == group.multiply(b, one) == group.multiply(product, element)
    assert group.subtract(group.add(one, other), other) == one
    assert group.subtract(one, one) == group.IDENTITY
    assert group.add(one, group.IDENTITY) == one
    assert group.multiply(group.invert(a), one) == element


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(scalars, elements), min_size=1, max_size=5))
def test_weighted_sum_is_the_sum_of_products(terms: list[tuple[bytes, bytes]]) -> None:
    total = group.IDENTITY
    for weight, element in terms:
        total = group.add(total, group.multiply(weight, element))
    assert group.weighted_sum(*zip(*terms, strict=True)) == total


@settings(max_examples=25, deadline=None)
@given(st.lists(scalars, max_size=8))
def test_inverting_together_is_inverting_each(values: list[bytes]) -> None:
    inverses = group.invert_each(values)
    assert list(inverses) == [group.invert(value) for value in values]
    assert all(
        number(a) * number(b) % group.ORDER == 1 for a, b in zip(values, inverses, strict=True)
    )


@settings(max_examples=25, deadline=None)
@given(scalars, scalars, scalars)
def test_subtract_product(a: bytes, b: bytes, c: bytes) -> None:
    expected = scalar(number(a) - number(b) * number(c))
    assert group.subtract_product(a, b, c) == expected


def test_random_scalars_are_reduced_from_64_bytes_and_never_zero() -> None:
    draws = [bytes(64), group.ORDER.to_bytes(64, "little"), scalar(5) + bytes(32)]
    assert group.random_scalar(lambda _: draws.pop(0)) == scalar(5)
    assert not draws
    wide = (group.ORDER * 7 + 9).to_bytes(64, "little")
    assert group.random_scalar(lambda _: wide) == scalar(9)


def test_a_short_rng_is_refused() -> None:
    with pytest.raises(InputInvalidError):
        group.random_scalar(lambda _: b"short")


def test_hashing_separates_domains_and_messages() -> None:
    hashes = {
        group.hash_to_group(message, tag) for message in (b"", b"a") for tag in (b"one", b"two")
    }
    assert len(hashes) == 4
    for element in hashes:
        group.check_element(element)
    assert group.hash_to_scalar(b"a", b"one") != group.hash_to_scalar(b"a", b"two")


def test_an_input_that_hashes_to_the_identity_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "expand_message_xmd", lambda *_: bytes(64))
    assert group.from_uniform(bytes(64)) == group.IDENTITY
    with pytest.raises(InputInvalidError):
        group.hash_to_group(b"", b"tag")


@pytest.mark.parametrize("size", [0, 63, 65])
def test_derivation_takes_64_bytes(size: int) -> None:
    with pytest.raises(InputInvalidError):
        group.from_uniform(bytes(size))


def test_seeded_rng_is_a_stream_that_repeats() -> None:
    one, two, other = seeded_rng(1), seeded_rng(1), seeded_rng(2)
    first = [one(32), one(32)]
    assert first == [two(32), two(32)]
    assert first[0] != first[1]
    assert other(32) not in first
