"""One scalar, many elements: RFC 9496 on every implementation, the twins against each other."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import (
    ElementInvalidError,
    InputInvalidError,
    KernelFaultError,
    ScalarInvalidError,
)
from unseen.protocols.group import bulk, ristretto255
from unseen.protocols.group.bulk import Implementation
from unseen.protocols.kernels import features
from unseen.protocols.oprf import keys, server
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/group/ristretto255_rfc9496.json").read_text()
)
MULTIPLES = [bytes.fromhex(encoding) for encoding in VECTORS["multiples"]]
INVALID = [bytes.fromhex(item) for kind in VECTORS["invalid"].values() for item in kind]
P = 2**255 - 19
ALL = bulk.implementations()
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
scalars = st.integers(1, ristretto255.ORDER - 1)
# Numbers of 32 bytes where carries and reductions end, and any.
halves = st.one_of(
    st.sampled_from([0, 1, 2, P - 2, P - 1, P, P + 1, 2**255 - 1, 2**255, 2**256 - 1]),
    st.integers(0, 2**256 - 1),
    st.integers(0, 254).map(lambda place: 1 << place),
    st.integers(0, 254).map(lambda place: (1 << place) - 1),
).map(lambda value: value.to_bytes(32, "little"))


def scalar(value: int) -> bytes:
    return value.to_bytes(32, "little")


@each
def test_uniform_bytes_stand_for_the_rfc_s_elements(one: Implementation) -> None:
    wide = b"".join(bytes.fromhex(case["input"]) for case in VECTORS["from_uniform"])
    found = one.uniform(scalar(1), wide)
    assert found.hex() == "".join(case["output"] for case in VECTORS["from_uniform"])


@each
@pytest.mark.parametrize("by", range(1, 16))
def test_multiples_are_the_rfc_s(one: Implementation, by: int) -> None:
    bases = [base for base in range(1, 16) if base * by < 16]
    joined = b"".join(MULTIPLES[base] for base in bases)
    found = one.multiply(scalar(by), joined)
    assert found == b"".join(MULTIPLES[base * by] for base in bases)


@each
@pytest.mark.parametrize("bad", [MULTIPLES[0], *INVALID], ids=lambda bad: bad.hex()[:12])
def test_what_is_no_element_is_named_by_its_place(one: Implementation, bad: bytes) -> None:
    for place in (0, 3, 9):
        elements = [MULTIPLES[1 + i] for i in range(11)]
        elements[place] = bad
        elements[10] = INVALID[0]
        with pytest.raises(ElementInvalidError) as caught:
            one.multiply(scalar(5), b"".join(elements))
        assert caught.value.position == place


@settings(max_examples=60, deadline=None)
@given(value=scalars, inputs=st.lists(st.tuples(halves, halves), max_size=20))
def test_twins_agree_on_uniform_bytes(value: int, inputs: list[tuple[bytes, bytes]]) -> None:
    wide = b"".join(first + second for first, second in inputs)
    assert len({one.uniform(scalar(value), wide) for one in ALL}) == 1


@settings(max_examples=60, deadline=None)
@given(value=scalars, inputs=st.lists(halves, max_size=20))
def test_twins_agree_on_what_is_an_element(value: int, inputs: list[bytes]) -> None:
    found: set[bytes | int | None] = set()
    for one in ALL:
        try:
            found.add(one.multiply(scalar(value), b"".join(inputs)))
        except ElementInvalidError as error:
            found.add(error.position)
    assert len(found) == 1


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 511, 512, 513, 1100])
@each
def test_no_element_is_lost_between_batches(one: Implementation, count: int) -> None:
    elements = [MULTIPLES[1 + i % 7] for i in range(count)]
    found = one.multiply(scalar(2), b"".join(elements))
    assert found == b"".join(MULTIPLES[2 * (1 + i % 7)] for i in range(count))


@pytest.mark.parametrize("value", [1, 7, 8, 9, 15, 16, 17, ristretto255.ORDER - 1, 2**252])
@each
def test_scalars_whose_digits_carry(one: Implementation, value: int) -> None:
    expected = ristretto255.multiply(scalar(value), MULTIPLES[3])
    assert one.multiply(scalar(value), MULTIPLES[3]) == expected


def test_each_is_what_it_is_alone() -> None:
    key, tag = scalar(12345), b"a tag of these tests"
    messages = [secrets.token_bytes(length) for length in (0, 1, 40, 300)]
    expected = tuple(
        ristretto255.multiply(key, ristretto255.hash_to_group(message, tag)) for message in messages
    )
    assert bulk.hash_each(key, messages, tag) == expected
    assert bulk.multiply_each(key, expected) == ristretto255.multiply_each(key, expected)
    assert bulk.hash_joined(key, messages, tag) == b"".join(expected)
    twice = b"".join(ristretto255.multiply_each(key, expected))
    assert bulk.multiply_joined(key, b"".join(expected)) == twice


def test_joined_elements_are_whole() -> None:
    with pytest.raises(InputInvalidError):
        bulk.multiply_joined(scalar(2), MULTIPLES[1] + b"\x00")
    with pytest.raises(ElementInvalidError) as caught:
        bulk.multiply_joined(scalar(2), MULTIPLES[1] + bytes(32))
    assert caught.value.position == 1
    assert bulk.multiply_joined(scalar(2), b"") == b""


def test_inputs_are_evaluated_as_one_by_one() -> None:
    key, inputs = keys.generate(seeded_rng(1)), [b"", b"a", b"b" * 300]
    for mode in Mode:
        expected = tuple(server.evaluate_input(key, data, mode) for data in inputs)
        assert server.evaluate_inputs(key, inputs, mode) == expected


@pytest.mark.parametrize("bad", [bytes(32), scalar(ristretto255.ORDER), b"", bytes(31)])
def test_a_bad_scalar_is_refused(bad: bytes) -> None:
    with pytest.raises(ScalarInvalidError):
        bulk.multiply_each(bad, [MULTIPLES[1]])
    with pytest.raises(ScalarInvalidError):
        bulk.hash_each(bad, [b""], b"tag")


@pytest.mark.parametrize("bad", [b"", MULTIPLES[1] * 2, MULTIPLES[1][:31]])
def test_an_element_of_another_length_is_refused(bad: bytes) -> None:
    with pytest.raises(ElementInvalidError) as caught:
        bulk.multiply_each(scalar(2), [MULTIPLES[1], bad])
    assert caught.value.position == 1


@each
def test_known_answers_hold(one: Implementation) -> None:
    bulk.check_known_answers(one)


def test_a_wrong_implementation_is_refused() -> None:
    right = ALL[-1]
    for broken in (
        right._replace(name="broken", uniform=lambda _key, wide: wide[:32]),
        right._replace(name="broken", multiply=lambda _key, elements: elements),
    ):
        with pytest.raises(KernelFaultError, match="broken"):
            bulk.check_known_answers(broken)


ALONE = """
import sys
from unseen.protocols.group import bulk
key, count = (7).to_bytes(32, "little"), int(sys.argv[1])
bulk.prepare(count)
bulk.hash_each(key, [b"x"], b"tag")
print(bulk._chosen(count).name, "numba" in sys.modules)
"""


def alone(folder: Path, count: int, **more: str) -> str:
    own = {"UNSEEN_KERNEL_CACHE": str(folder), **more}
    run = [sys.executable, "-c", ALONE, str(count)]
    done = subprocess.run(run, env=os.environ | own, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_few_elements_wait_for_no_compiler(tmp_path: Path) -> None:
    assert alone(tmp_path, bulk.WORTH_COMPILING - 1) == "portable False"


@pytest.mark.long
@pytest.mark.skipif(not features.has_vectors(), reason="nothing is compiled here")
def test_many_are_worth_one_and_the_next_finds_its_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    compiled = ALL[0].name
    assert alone(tmp_path, bulk.WORTH_COMPILING) == f"{compiled} True"
    assert alone(tmp_path, bulk.WORTH_LOADING) == f"{compiled} False"
    assert alone(tmp_path, bulk.WORTH_LOADING - 1) == "portable False"


@pytest.mark.long
@pytest.mark.skipif(not features.has_vectors(), reason="nothing is compiled here")
def test_narrower_vectors_give_the_same(tmp_path: Path) -> None:
    narrow = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+avx,+sse4.2,+bmi2"}
    # The known answers are tried before the first use.
    assert alone(tmp_path, bulk.WORTH_COMPILING, **narrow) == "compiled-256 True"
