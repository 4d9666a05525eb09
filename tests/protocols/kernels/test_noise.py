"""Noise in bulk: a second program's draws, the twins against each other and against `dp.draw`."""

import hashlib
import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.dp.pmf import chi_square_is_plausible, counted

from unseen.protocols.dp import Gaussian, Laplace, batch
from unseen.protocols.dp.inversion import MAX_ENTRIES, cuts
from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import features, noise, objects
from unseen.protocols.kernels.noise import Implementation, KeyStream, drawn_by
from unseen.protocols.kernels.noise_tables import MARK, MAX_EDGES, tables
from unseen.protocols.party import Rng
from unseen.protocols.testing import seeded_rng

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/kernels/noise_v1.json").read_text(encoding="utf-8")
)["draws"]
ALL = noise.implementations()
LAWS: list[Gaussian | Laplace] = [
    Gaussian(Fraction(1, 5)),
    Gaussian(1),
    Gaussian(Fraction(163, 7)),
    Gaussian(144),
    Gaussian(2500),
    Gaussian(90_000),
    Laplace(Fraction(1, 10)),
    Laplace(Fraction(17, 3)),
    Laplace(40),
]
each_implementation = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)


@each_implementation
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["sigma2"])
def test_draws_are_those_of_a_second_program(one: Implementation, vector: dict[str, Any]) -> None:
    law, key = Gaussian(Fraction(vector["sigma2"])), bytes.fromhex(vector["key"])
    found = drawn_by(one, law, vector["count"], KeyStream(key))
    assert found[:24].tolist() == vector["first"]
    assert hashlib.sha256(found.astype("<i2").tobytes()).hexdigest() == vector["sha256"]


def test_the_known_answer_is_the_second_program_s() -> None:
    assert VECTORS[0]["sha256"] == noise._KNOWN
    assert bytes.fromhex(VECTORS[0]["key"]) == noise._KNOWN_KEY


@each_implementation
@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 3000])
def test_draws_are_those_of_dp(one: Implementation, law: Gaussian | Laplace, count: int) -> None:
    found = drawn_by(one, law, count, seeded_rng(count))
    assert found.dtype == np.int64
    assert found.tolist() == batch.draw(law, count, seeded_rng(count))


@each_implementation
def test_bits_are_taken_chunk_by_chunk_as_dp_does(one: Implementation) -> None:
    count = noise._CHUNK + 70
    rng, other = seeded_rng(3), seeded_rng(3)
    assert drawn_by(one, Gaussian(9), count, rng).tolist() == batch.draw(Gaussian(9), count, other)
    assert rng(8) == other(8)


@settings(max_examples=30, deadline=None)
@given(st.fractions("0.05", 3000), st.integers(0, 2**64), st.integers(1, 200))
def test_twins_agree_on_any_law(parameter: Fraction, seed: int, count: int) -> None:
    for law in (Gaussian(parameter), Laplace(parameter / 8)):
        results = {drawn_by(one, law, count, seeded_rng(seed)).tobytes() for one in ALL}
        assert len(results) == 1
        assert np.abs(np.frombuffer(results.pop(), np.int64)).max() <= law.reach(70)


def scripted(*parts: bytes) -> Rng:
    waiting = iter(parts)

    def rng(count: int) -> bytes:
        part = next(waiting)
        assert len(part) == count
        return part

    return rng


def doubtful(law: Gaussian, k: int, sign: int) -> tuple[bytes, bytes, bytes]:
    """Return the bits of a draw that 64 bits leave in doubt, beside the cut after k."""
    low = cuts(law).lows[k]
    assert cuts(law).find(low) is None
    word = (low >> 49) << 1 | sign
    # The 15 bits that the tail does not use are among those that it gives.
    tail = (low & (1 << 49) - 1) << 15
    more = cuts(law, 128).lows[k] & (1 << 64) - 1
    return word.to_bytes(2, "little"), tail.to_bytes(8), (more + 2).to_bytes(8)


@each_implementation
@pytest.mark.parametrize("sign", [0, 1])
def test_a_doubt_is_settled_with_more_bits(one: Implementation, sign: int) -> None:
    law = Gaussian(9)
    for k in (0, 1, 5):
        bits = doubtful(law, k, sign)
        (found,) = drawn_by(one, law, 1, scripted(*bits)).tolist()
        assert [found] == batch.draw(law, 1, scripted(*bits)) == [-(k + 1) if sign else k + 1]


@each_implementation
def test_the_tail_beyond_a_table_is_reached(one: Implementation) -> None:
    law = Gaussian(1)
    bits = (b"\xfe\xff", b"\xff" * 8, b"\xff" * 7 + b"\x00")
    assert drawn_by(one, law, 1, scripted(*bits)).tolist() == batch.draw(law, 1, scripted(*bits))
    with pytest.raises(InputInvalidError, match="repeats itself"):
        drawn_by(one, law, 1, lambda count: b"\xff" * count)


@each_implementation
@pytest.mark.parametrize("law", [Gaussian(9), Gaussian(144), Laplace(Fraction(5, 2))], ids=str)
def test_draws_fit_the_law(one: Implementation, law: Gaussian | Laplace) -> None:
    drawn = drawn_by(one, law, 300_000, KeyStream(b"a key for tests!")).tolist()
    assert chi_square_is_plausible(counted(drawn), law)
    assert abs(sum(each > 0 for each in drawn) - sum(each < 0 for each in drawn)) < 2700


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_every_cell_is_what_its_thresholds_add_up_to(law: Gaussian | Laplace) -> None:
    table = tables(law)
    if not table.edges.size:
        assert len(table.lows) > MAX_EDGES / 2
        return
    cells = np.arange(1 << 15)
    sizes = (table.weights.astype(int) * (table.edges <= cells[:, np.newaxis])).sum(axis=1)
    signed = np.where(sizes == MARK, batch.OPEN, sizes)
    assert (signed == table.signed[::2]).all()
    assert max(sizes[sizes != MARK]) < MARK / 2


def test_a_key_stream_is_aes_ctr_however_it_is_asked_for() -> None:
    whole = KeyStream(bytes(16))(1000)
    assert whole.hex().startswith("66e94bd4ef8a2c3b884cfa59ca342b2e")  # AES of zero under zero
    parts = KeyStream(bytes(16))
    assert b"".join(parts(size) for size in (0, 1, 15, 16, 17, 951)) == whole
    assert "66e9" not in repr(parts)
    assert parts(4) != whole[:4]
    with pytest.raises(InputInvalidError):
        KeyStream(bytes(15))(1)


@pytest.mark.parametrize("count", [-1, 1.0, True, "1", (1 << 28) + 1])
def test_a_number_of_draws_is_a_whole_number(count: int) -> None:
    with pytest.raises(InputInvalidError, match="the number of draws"):
        noise.draw(Gaussian(1), count, seeded_rng(1))


def test_a_law_that_is_too_wide_is_refused() -> None:
    with pytest.raises(InputInvalidError, match="too wide"):
        noise.draw(Laplace(MAX_ENTRIES), 1, seeded_rng(1))


@each_implementation
@pytest.mark.parametrize("given", [0, 19, 21])
def test_a_source_that_gives_another_number_is_an_error(one: Implementation, given: int) -> None:
    with pytest.raises(InputInvalidError, match=f"gave {given} bytes for 20"):
        drawn_by(one, Gaussian(1), 10, lambda count: bytes(given))


def test_a_wrong_implementation_is_refused() -> None:
    def decide(table: Any, words: Any, out: Any) -> None:
        out[:] = 1

    broken = ALL[-1]._replace(name="broken", decide=decide)
    with pytest.raises(KernelFaultError, match="noise broken"):
        noise.check_known_answers(broken)


@pytest.mark.skipif(features.target() is None, reason="nothing is compiled here")
def test_what_is_compiled_compares_with_every_cut() -> None:
    table, one = tables(Gaussian(144)), ALL[0]
    assert one.name == "compiled"
    blocks = np.array([0, table.lows[3], table.lows[3] - np.uint64(1), 2**64 - 1], np.uint64)
    assert one.count_below(table, blocks).tolist() == [0, 4, 3, len(table.lows)]
    assert ALL[1].count_below(table, blocks).tolist() == [0, 4, 3, len(table.lows)]


@pytest.mark.skipif(features.target() is None, reason="nothing is compiled here")
def test_no_branch_and_no_address_of_the_compiled_code_depends_on_a_draw() -> None:
    text = objects.text_of("unseen.protocols.kernels.noise_builder", "scan")
    start = text.index("define noundef i32")
    body = text[start : text.index("\n}\n", start)]
    # Draws are in vectors. What leaves one does so to memory, at the place of its number.
    assert "store <32 x i16>" in body
    for way in ("extractelement", "bitcast <", "ptrtoint", "vector.reduce", "gather", "switch"):
        assert way not in body
    conditions = re.findall(r"br i1 (%\S+),", body)
    assert conditions
    for condition in conditions:
        assert re.search(rf"{re.escape(condition)} = icmp \S+ i64 ", body), condition


PROGRAM = """
from unseen.protocols.kernels import noise
print(noise.warm_up())
"""


def test_the_narrowest_processor_draws_the_same(tmp_path: Path) -> None:
    environment = {
        "NUMBA_CPU_NAME": "x86-64",
        "NUMBA_CPU_FEATURES": "+sse2",
        "UNSEEN_KERNEL_CACHE": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ALL[0].name
