"""Fixed elements times many scalars: RFC 9496, the twins against each other, what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import ElementInvalidError, InputInvalidError, KernelFaultError
from unseen.protocols.group import discrete_log, fixed, ristretto255
from unseen.protocols.group.fixed import Implementation, Term
from unseen.protocols.kernels import features

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/group/ristretto255_rfc9496.json").read_text()
)
MULTIPLES = [bytes.fromhex(encoding) for encoding in VECTORS["multiples"]]
INVALID = [bytes.fromhex(item) for kind in VECTORS["invalid"].values() for item in kind]
ALL = fixed.implementations()
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
ORDER = ristretto255.ORDER
numbers = st.one_of(
    st.sampled_from([0, 1, 255, 256, ORDER - 1, ORDER, ORDER + 1, 2**252, 2**256 - 1]),
    st.integers(0, 2**256 - 1),
)


def scalar(value: int, width: int = 32) -> bytes:
    return value.to_bytes(width, "little")


def multiple(value: int) -> bytes:
    reduced = value % ORDER
    return ristretto255.multiply_base(scalar(reduced)) if reduced else ristretto255.IDENTITY


@each
def test_multiples_are_the_rfc_s(one: Implementation) -> None:
    for base in range(1, 6):
        factors = range(16 // base)
        term = Term(MULTIPLES[base], bytes(factors), 1)
        found = one.plus(ristretto255.IDENTITY, [term])
        assert found == b"".join(MULTIPLES[base * by] for by in factors)


@each
@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.tuples(numbers, numbers), min_size=2, max_size=10))
def test_sums_are_those_of_the_numbers(one: Implementation, values: list[tuple[int, int]]) -> None:
    starts = b"".join(multiple(3 + place) for place in range(len(values)))
    terms = [
        Term(MULTIPLES[1], b"".join(scalar(a) for a, _ in values)),
        Term(MULTIPLES[7], b"".join(scalar(b) for _, b in values)),
    ]
    expected = b"".join(multiple(3 + place + a + 7 * b) for place, (a, b) in enumerate(values))
    assert one.plus(starts, terms) == expected


@each
@pytest.mark.parametrize("width", [1, 2, 8, 31])
def test_scalars_of_any_width(one: Implementation, width: int) -> None:
    most = 256**width - 1
    term = Term(MULTIPLES[2], scalar(most, width) + scalar(0, width) + scalar(1, width), width)
    found = one.plus(MULTIPLES[5], [term])
    assert found == multiple(5 + 2 * most) + MULTIPLES[5] + MULTIPLES[7]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 511, 512, 513, 1100])
@each
def test_no_element_is_lost_between_batches(one: Implementation, count: int) -> None:
    elements = b"".join(MULTIPLES[1 + i % 7] for i in range(count))
    found = one.plus(elements, [Term(MULTIPLES[1], bytes(i % 9 for i in range(count)), 1)])
    assert found == b"".join(MULTIPLES[1 + i % 7 + i % 9] for i in range(count))
    assert one.total(elements) == multiple(sum(1 + i % 7 for i in range(count)))


@each
@pytest.mark.parametrize("bad", [MULTIPLES[0], *INVALID[::3]], ids=lambda bad: bad.hex()[:12])
def test_what_is_no_element_is_named_by_its_place(one: Implementation, bad: bytes) -> None:
    for place in (0, 3, 9):
        elements = [MULTIPLES[1 + i] for i in range(11)]
        elements[place], elements[10] = bad, INVALID[0]
        joined = b"".join(elements)
        with pytest.raises(ElementInvalidError) as caught:
            one.plus(joined, [Term(MULTIPLES[1], bytes(11), 1)])
        assert caught.value.position == place
        with pytest.raises(ElementInvalidError) as caught:
            one.total(joined)
        assert caught.value.position == place


@each
def test_opposites_cancel(one: Implementation) -> None:
    opposite = multiple(-4)
    assert one.total(MULTIPLES[4] + opposite) == ristretto255.IDENTITY
    found = one.plus(opposite + MULTIPLES[4], [Term(MULTIPLES[4], b"\x01\x00", 1)])
    assert found == ristretto255.IDENTITY + MULTIPLES[4]


@each
@pytest.mark.parametrize("bad", INVALID[:2])
def test_what_all_begin_with_is_an_element(one: Implementation, bad: bytes) -> None:
    with pytest.raises(ElementInvalidError):
        one.plus(bad, [Term(MULTIPLES[1], b"\x00\x01", 1)])


def test_terms_are_checked() -> None:
    good = Term(MULTIPLES[1], bytes(64))
    for elements, terms in (
        (MULTIPLES[1] * 3, [good]),
        (MULTIPLES[1], []),
        (MULTIPLES[1], [good, Term(MULTIPLES[1], bytes(32))]),
        (MULTIPLES[1], [Term(MULTIPLES[1], bytes(33))]),
        (MULTIPLES[1][:31], [good]),
        (b"", [good]),
    ):
        with pytest.raises(InputInvalidError):
            fixed.plus_multiples(elements, terms)
    for element in (MULTIPLES[0], INVALID[0]):
        with pytest.raises(ElementInvalidError):
            fixed.plus_multiples(MULTIPLES[1], [Term(element, bytes(64))])
    with pytest.raises(InputInvalidError):
        fixed.total(bytes(33))
    assert fixed.plus_multiples(MULTIPLES[1], [Term(MULTIPLES[1], b"")]) == b""
    assert fixed.total(b"") == ristretto255.IDENTITY


@each
def test_known_answers_hold(one: Implementation) -> None:
    fixed.check_known_answers(one)


def test_a_wrong_implementation_is_refused() -> None:
    right = ALL[-1]
    for broken in (
        right._replace(name="broken", plus=lambda elements, _terms: elements),
        right._replace(name="broken", total=lambda elements: elements[:32]),
    ):
        with pytest.raises(KernelFaultError, match="broken"):
            fixed.check_known_answers(broken)


ALONE = """
from unseen.protocols.group import fixed, ristretto255
scalars = bytes(range(1, 33)) * 6000
term = fixed.Term(ristretto255.GENERATOR, scalars)
name = fixed.warm_up()
found = fixed.plus_multiples(ristretto255.GENERATOR, [term])
expected = ristretto255.add(
    ristretto255.GENERATOR,
    ristretto255.multiply_base(
        (int.from_bytes(scalars[:32], "little") % ristretto255.ORDER).to_bytes(32, "little")
    ),
)
print(name, found == expected * 6000)
"""


@pytest.mark.long
@pytest.mark.skipif(not features.has_vectors(), reason="nothing is compiled here")
def test_narrower_vectors_give_the_same(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    narrow = {
        "UNSEEN_KERNEL_CACHE": str(tmp_path),
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx2,+avx,+sse4.2,+bmi2",
    }
    run = [sys.executable, "-c", ALONE]
    done = subprocess.run(run, env=os.environ | narrow, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "compiled-256 True"


@settings(max_examples=40, deadline=None)
@given(bound=st.integers(0, 3000), data=st.data())
def test_every_small_number_is_found(bound: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(-bound, bound))
    assert discrete_log.solve(multiple(number), bound) == number


@pytest.mark.parametrize("bound", [0, 1, 2, 3, 8, 50])
def test_numbers_round_a_bound(bound: int) -> None:
    for number in range(-bound, bound + 1):
        assert discrete_log.solve(multiple(number), bound) == number
    for number in (bound + 1, -bound - 1, bound + 2, 10**9):
        assert discrete_log.solve(multiple(number), bound) is None


def test_a_large_number_is_found() -> None:
    for number in (2**25 - 1, -(2**25), -77_777):
        assert discrete_log.solve(multiple(number), 2**25) == number


def test_what_is_no_element_has_no_number() -> None:
    with pytest.raises(ElementInvalidError):
        discrete_log.solve(INVALID[0], 10)
    for bound in (-1, discrete_log.MAX_BOUND + 1):
        with pytest.raises(InputInvalidError):
            discrete_log.solve(MULTIPLES[1], bound)
