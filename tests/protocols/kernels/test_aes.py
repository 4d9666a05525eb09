"""AES streams: the standards' numbers on every implementation, the twins against each other."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import aes, aes_portable, features
from unseen.protocols.kernels.aes import Implementation
from unseen.protocols.kernels.words import RINGS, wire_bytes, zeros

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/kernels/aes128_ctr.json").read_text(encoding="utf-8")
)["streams"]
ALL = aes.implementations()
lengths = st.integers(0, 700)


@pytest.mark.parametrize("implementation", ALL, ids=lambda one: one.name)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
@pytest.mark.parametrize("ring", RINGS)
def test_streams_are_those_of_the_standards(
    implementation: Implementation, vector: dict[str, str], ring: int
) -> None:
    key, counter = bytes.fromhex(vector["key"]), vector["counter"]
    words = zeros(len(vector["stream"]) * 4 // ring, ring)
    implementation.add(words, key, b"\x00", int(counter[:16], 16), int(counter[16:], 16))
    assert wire_bytes(words).hex() == vector["stream"]


@pytest.mark.parametrize("implementation", ALL, ids=lambda one: one.name)
def test_known_answers_hold(implementation: Implementation) -> None:
    aes.check_known_answers(implementation)


def test_a_wrong_implementation_is_refused() -> None:
    with pytest.raises(KernelFaultError, match="broken"):
        aes.check_known_answers(Implementation("broken", lambda *_: None))


@given(count=lengths, keys=st.integers(0, 4), ring=st.sampled_from(RINGS), data=st.data())
def test_twins_agree(count: int, keys: int, ring: int, data: st.DataObject) -> None:
    key = data.draw(st.binary(min_size=16 * keys, max_size=16 * keys))
    minus = data.draw(st.binary(min_size=keys, max_size=keys))
    low = data.draw(st.integers(0, 2**63))
    start = np.arange(count).astype(zeros(1, ring).dtype)
    results = []
    for implementation in ALL:
        words: Any = start.copy()
        implementation.add(words, key, minus, 7, low)
        results.append(words.tobytes())
    assert len(set(results)) == 1


@pytest.mark.parametrize("count", [65_537, 1 << 17])
def test_twins_agree_over_more_than_a_tile(count: int) -> None:
    results = set()
    for implementation in ALL:
        words = zeros(count, 32)
        implementation.add(words, bytes(range(32)), b"\x00\x01", 0, 0)
        results.add(words.tobytes())
    assert len(results) == 1


@given(count=lengths, ring=st.sampled_from(RINGS))
def test_what_is_added_is_taken_away(count: int, ring: int) -> None:
    words = zeros(count, ring)
    aes.add_streams(words, [bytes(16), b"k" * 16], [False, True])
    aes.add_streams(words, [b"k" * 16, bytes(16)], [False, True])
    assert not words.any()


def test_a_part_of_a_stream_is_that_part() -> None:
    whole = aes.stream(b"k" * 16, 100)
    assert (aes.stream(b"k" * 16, 60, 10) == whole[40:]).all()


@pytest.mark.parametrize(
    "words",
    [np.zeros(4, np.int32), np.zeros((2, 2), np.uint32), np.zeros(8, np.uint32)[::2]],
    ids=["signed", "two dimensions", "with gaps"],
)
def test_another_vector_is_refused(words: Any) -> None:
    with pytest.raises(InputInvalidError):
        aes.add_streams(words, [bytes(16)], [False])


@pytest.mark.parametrize(("keys", "minus"), [([bytes(15)], [False]), ([bytes(16)], [])])
def test_another_key_is_refused(keys: list[bytes], minus: list[bool]) -> None:
    with pytest.raises(InputInvalidError):
        aes.add_streams(zeros(4, 32), keys, minus)


def test_a_read_only_vector_is_refused() -> None:
    words = zeros(4, 32)
    words.flags.writeable = False
    with pytest.raises(InputInvalidError):
        aes.add_streams(words, [bytes(16)], [False])


PROGRAM = """
import sys
if "without" in sys.argv:
    sys.modules["numba"] = None
    import importlib.util
    find = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *rest: None if name == "numba" else find(name, *rest)
from unseen.protocols.kernels import warming
print(warming.warm_up())
"""


def warmed_up(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_numba_the_portable_twin_is_used() -> None:
    assert warmed_up("without") == "AES portable, noise portable"


def test_without_the_instruction_the_portable_twin_is_used() -> None:
    assert warmed_up(NUMBA_CPU_NAME="x86-64", NUMBA_CPU_FEATURES="+sse2").startswith("AES portable")


needs_aes = pytest.mark.skipif(not features.has_aes(), reason="no AES instructions here")


@needs_aes
@pytest.mark.slow
def test_the_narrow_kernel_is_compiled_and_right_and_kept_on_disk(tmp_path: Path) -> None:
    narrow = {
        "NUMBA_CPU_NAME": "x86-64",
        "NUMBA_CPU_FEATURES": "+sse2,+sse4.1,+aes",
        "UNSEEN_KERNEL_CACHE": str(tmp_path),
    }
    assert warmed_up(**narrow) == "AES compiled-128, noise compiled"
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(kept) == 4
    assert warmed_up(**narrow) == "AES compiled-128, noise compiled"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept


@needs_aes
def test_a_long_vector_takes_no_memory_beside_it() -> None:
    # What numpy and Python allocate is traced; the keys' schedules are all there is.
    import tracemalloc

    words = zeros(1 << 20, 32)
    aes.add_streams(words, [bytes(16)], [False])
    for implementation in ALL:
        tracemalloc.start()
        implementation.add(words, bytes(160), bytes(10), 0, 0)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < aes_portable.TILE_BYTES * 4
