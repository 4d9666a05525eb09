"""Hidden tables that are built again under their key: what is taken over, and what is not."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.node.test_data import KEY, SALT, TABLE, Write, build_spec, write
from tests.node.test_hidden_tables import PROVIDER, asked, rows_of

from unseen.evidence import canonical
from unseen.node.data import build, outputs
from unseen.node.data.outputs import Outputs, write_outputs
from unseen.node.data.spec import (
    BEFORE,
    BuildSpec,
    Built,
    decode_spec,
    encode_spec,
    files_of,
    matrix_path,
)
from unseen.protocols.errors import FilterFullError
from unseen.protocols.lookup.labels import unpack_verdicts
from unseen.protocols.oprf.server import evaluate_inputs, evaluate_joined
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.tree import Tree

__all__ = ["write"]  # a fixture of these tests
BLOCKS = 5
CHANGED, DELETED, NEW = 50, 60, 900
AFTER = (
    f"SELECT id, CASE WHEN id = {CHANGED} THEN 1 ELSE earn END AS earn, name, born, text"
    f" FROM ({TABLE}) WHERE id <> {DELETED}"
    f" UNION ALL SELECT {NEW}, 6000, 'v{NEW}', DATE '2021-01-01', '5'"
)


def run(spec: BuildSpec, parts: int = 1) -> tuple[Built, Path]:
    for part in range(parts):
        build.fill(spec, KEY, SALT, part, parts, lambda _: None)
    target = spec.spool / "finished"
    return build.merge(spec, target, lambda _: None, KEY.scalar), target


def first(write: Write, tmp_path: Path, blocks: int = BLOCKS) -> tuple[BuildSpec, Path]:
    spec = build_spec(write(), tmp_path / "first")
    spec = replace(spec, blocks=blocks, width=1024, provider=PROVIDER, keep=True)
    return spec, run(spec)[1]


def lend(table: Path, spool: Path) -> None:
    for own, lent in zip(files_of(table), files_of(spool / BEFORE), strict=True):
        os.link(own, lent)


def further(write: Write, tmp_path: Path, sql: str, nonce: bytes = b"2" * 32) -> BuildSpec:
    """Return the specification of a build over other rows, with the first in its spool."""
    spec, table = first(write, tmp_path)
    (tmp_path / "second").mkdir(exist_ok=True)
    other = build_spec(write(sql, "after.parquet"), tmp_path / "second")
    spec = replace(
        other,
        blocks=spec.blocks,
        width=spec.width,
        provider=PROVIDER,
        keep=True,
        again=True,
        parameters=replace(other.parameters, nonce=nonce),
    )
    lend(table, spec.spool)
    return spec


def subjects(numbers: Iterable[int]) -> list[tuple[Any, ...]]:
    return [(number, f"v{number}") for number in numbers]


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []

    def counting(key: Any, inputs: Any, mode: Any) -> bytes:
        found.append(len(inputs))
        return evaluate_joined(key, inputs, mode)

    monkeypatch.setattr("unseen.node.data.outputs.evaluate_joined", counting)
    return found


def test_only_blocks_that_changed_are_built(
    write: Write, tmp_path: Path, counted: list[int]
) -> None:
    spec = further(write, tmp_path, AFTER)
    counted.clear()
    built, table = run(spec)
    before, after = ((each.read_bytes()) for each in (spec.spool / BEFORE, table))
    old, new = rows_of(spec, before), rows_of(spec, after)
    changed = [n for n in range(BLOCKS) if old[n].nonce != new[n].nonce]
    assert 1 <= len(changed) <= 3
    assert built.fresh == len(changed)
    assert sum(counted) == 1  # the new subject alone
    matrices = [matrix_path(each).read_bytes() for each in (spec.spool / BEFORE, table)]
    size, part = spec.shape.hint_row_bytes, spec.shape.table_bytes // BLOCKS
    for number in set(range(BLOCKS)) - set(changed):
        assert before[number * size :][:size] == after[number * size :][:size]
        own = [each[number * part : (number + 1) * part] for each in matrices]
        assert own[0] == own[1]
    for number in changed:
        own = [each[number * part : (number + 1) * part] for each in matrices]
        same = np.frombuffer(own[0], np.uint8) == np.frombuffer(own[1], np.uint8)
        assert same.mean() < 0.02  # as of random bytes: one in 256


def test_everybody_opens_to_what_holds_now(write: Write, tmp_path: Path) -> None:
    spec = further(write, tmp_path, AFTER)
    _, table = run(spec)
    hint, matrix = table.read_bytes(), matrix_path(table).read_bytes()
    labels = asked(spec, hint, matrix, subjects([CHANGED, DELETED, NEW, 51, 52, 199, 901]))
    assert [label and unpack_verdicts(label, 2) for label in labels] == [
        (False, False),
        None,
        (True, False),
        (True, True),
        (True, False),
        (True, True),
        None,
    ]


def test_it_is_as_if_it_were_built_from_nothing(write: Write, tmp_path: Path) -> None:
    """But for nonces: what a block holds, what is kept and hashed, is that of a first build."""
    spec = further(write, tmp_path, AFTER)
    _, table = run(spec)
    spool = tmp_path / "third"
    spool.mkdir()
    whole = replace(spec, again=False, spool=spool)
    fresh, other = run(whole)
    assert fresh.fresh == BLOCKS
    for own, others in zip(files_of(table)[2:5], files_of(other)[2:5], strict=True):
        assert own.read_bytes() == others.read_bytes()
    tree = Tree()
    for start in range(0, BLOCKS * 32, 32):
        tree.append(files_of(table)[5].read_bytes()[start : start + 32])
    assert tree.root() == run(spec)[0].root


def test_points_that_rows_of_a_match_share_are_taken_over_once(
    write: Write, tmp_path: Path, counted: list[int]
) -> None:
    """Ten rows have one id each; of a further row of a known id only the whole tuple is new."""
    shared = TABLE.replace("SELECT i AS id", "SELECT i // 10 AS id")
    match: dict[str, Any] = {"match": ("id",), "predicates": (), "keep": True, "blocks": BLOCKS}
    match |= {"width": 1024, "provider": PROVIDER}
    spec = replace(build_spec(write(shared), tmp_path / "first"), **match)
    _, table = run(spec, 2)
    (tmp_path / "second").mkdir()
    more = f"{shared} UNION ALL SELECT 3, 6000, 'another', DATE '2021-01-01', '5'"
    other = build_spec(write(more, "after.parquet"), tmp_path / "second")
    further_ = replace(other, **match, again=True)
    further_ = replace(further_, parameters=replace(other.parameters, nonce=b"2" * 32))
    lend(table, further_.spool)
    counted.clear()
    built, _ = run(further_, 2)
    assert (sum(counted), built.fresh) == (1, 1)
    names = files_of(table)[2].stat().st_size // 8
    assert names == 20 + 200  # an id each ten rows, and a whole tuple for each row


def test_the_same_rows_again_are_the_same_bytes(
    write: Write, tmp_path: Path, counted: list[int]
) -> None:
    spec = further(write, tmp_path, TABLE)
    counted.clear()
    built, table = run(spec)
    assert (built.fresh, sum(counted)) == (0, 0)
    for own, before in zip(files_of(table), files_of(spec.spool / BEFORE), strict=True):
        assert own.read_bytes() == before.read_bytes()


def test_any_parts_and_a_second_run_give_the_same(write: Write, tmp_path: Path) -> None:
    spec = further(write, tmp_path, AFTER)
    found = [run(spec, parts) for parts in (1, 1)]
    spool = tmp_path / "parts"
    spool.mkdir()
    lend(spec.spool / BEFORE, spool)
    found.append(run(replace(spec, spool=spool), 3))
    assert found[0][0] == found[1][0] == found[2][0]
    for own, other in zip(files_of(found[0][1]), files_of(found[2][1]), strict=True):
        assert own.read_bytes() == other.read_bytes()


def test_a_replay_gives_every_block_as_the_build_that_made_it(write: Write, tmp_path: Path) -> None:
    """From the rows, the key, the nonces in the manifests, and the hint that was published."""
    second = further(write, tmp_path, AFTER)
    built, table = run(second)
    spool, past = tmp_path / "replay", b"n" * 32  # as every specification here has it
    spool.mkdir()
    os.link(table, spool / BEFORE)
    spec = replace(second, spool=spool, keep=False, again=False, past=(past,))
    again, other = run(spec)
    assert (again.root, again.digest, again.size) == (built.root, built.digest, built.size)
    assert other.read_bytes() == table.read_bytes()
    assert matrix_path(other).read_bytes() == matrix_path(table).read_bytes()
    lost = replace(spec, past=(b"x" * 32,))
    assert run(lost)[0].root != built.root


def test_a_block_that_gets_too_full_is_said_and_leaves_nothing(
    write: Write, tmp_path: Path
) -> None:
    spec = further(write, tmp_path, TABLE.replace("range(200)", "range(9000)"))
    with pytest.raises(FilterFullError):
        run(spec)
    assert not list(spec.spool.glob("finished*"))
    assert all(path.exists() for path in files_of(spec.spool / BEFORE))


def test_a_full_disk_leaves_the_build_before(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = further(write, tmp_path, AFTER)
    before = [path.read_bytes() for path in files_of(spec.spool / BEFORE)]

    def full(_: int) -> None:
        raise OSError(28, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            run(spec)
    assert [path.read_bytes() for path in files_of(spec.spool / BEFORE)] == before
    assert not list(spec.spool.glob("finished*"))


def test_a_specification_of_a_further_build_travels_whole(write: Write, tmp_path: Path) -> None:
    spec = replace(further(write, tmp_path, AFTER), past=(b"a" * 32, b"b" * 32))
    data = canonical.encode(encode_spec(spec))
    assert decode_spec(canonical.decode(data)) == spec
    assert KEY.scalar not in data


def keep(table: Path, records: Iterable[bytes]) -> None:
    buckets = [b"" for _ in range(256)]
    for record in records:
        buckets[record[0]] += record
    write_outputs(table, buckets)


NAMES = st.builds(
    lambda first, second: bytes([first] * 8 + [second] * 8), st.integers(0, 3), st.integers(0, 3)
)


class TestKept:
    @given(known=st.lists(NAMES, max_size=12), wanted=st.lists(NAMES, max_size=12))
    def test_names_are_found_also_where_they_begin_alike(
        self, tmp_path_factory: pytest.TempPathFactory, known: list[bytes], wanted: list[bytes]
    ) -> None:
        table = tmp_path_factory.mktemp("kept") / "table"
        keep(table, (name + name * 4 for name in known))
        names = np.frombuffer(b"".join(wanted), np.uint8).reshape(-1, 16)
        places, found = outputs._Before(table).find(names)
        assert places.tolist() == [at for at, name in enumerate(wanted) if name in known]
        assert [row.tobytes() for row in found] == [name * 4 for name in wanted if name in known]

    def test_what_is_known_is_what_would_be_computed(
        self, write: Write, tmp_path: Path, counted: list[int]
    ) -> None:
        spec = replace(build_spec(write(), tmp_path / "first"), keep=True)
        inputs = [b"%d" % number for number in range(40)]
        said, records = Outputs(spec, KEY).of(inputs[:30])
        keep(spec.spool / BEFORE, records)
        counted.clear()
        again, more = Outputs(replace(spec, again=True), KEY).of(inputs)
        assert counted == [10]
        assert again[:30] == said
        assert again == list(evaluate_inputs(KEY, inputs, Mode.VOPRF))
        assert more[:30] == records

    def test_nothing_kept_and_nothing_asked_are_both_possible(
        self, write: Write, tmp_path: Path
    ) -> None:
        spec = replace(build_spec(write(), tmp_path / "first"), keep=True, again=True)
        keep(spec.spool / BEFORE, [])
        found = Outputs(spec, KEY)
        assert found.of([]) == ([], [])
        assert found.of([b"a"])[0] == list(evaluate_inputs(KEY, [b"a"], Mode.VOPRF))

    def test_files_that_do_not_fit_together_are_an_error(
        self, write: Write, tmp_path: Path
    ) -> None:
        spec = replace(build_spec(write(), tmp_path / "first"), keep=True, again=True)
        table = spec.spool / BEFORE
        keep(table, [seeded_rng(1)(80)])
        with files_of(table)[3].open("ab") as file:
            file.write(b"x")
        with pytest.raises(OSError, match="fit together"):
            Outputs(spec, KEY)
