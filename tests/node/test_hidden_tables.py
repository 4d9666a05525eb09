"""Hidden tables: what is built, block by block, what is answered from it, and what is refused."""

import asyncio
import errno
import hashlib
import itertools
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from tests.node.test_data import KEY, SALT, TABLE, Write, build_spec, write

from unseen.evidence import canonical
from unseen.evidence.releases.answers import tree_of_answer
from unseen.evidence.suite import INTL
from unseen.node.contracts import builder
from unseen.node.contracts.clauses.quota import HIDDEN_QUESTIONS
from unseen.node.data import build, hidden, mapped
from unseen.node.data.spec import (
    BUCKETS,
    BuildSpec,
    Built,
    decode_spec,
    encode_spec,
    matrix_path,
)
from unseen.node.errors import InternalError, ManifestStaleError
from unseen.node.jobs.tasks import TASKS
from unseen.node.kinds import hidden_queries as asking
from unseen.node.kinds.hidden_queries import _parts
from unseen.node.kinds.lookup_plan import PASSES
from unseen.node.metering.charge import epoch_over
from unseen.protocols.errors import (
    DuplicateSubjectError,
    FilterFullError,
    InputInvalidError,
    MalformedMessageError,
)
from unseen.protocols.lookup.labels import unpack_verdicts
from unseen.protocols.lookup.lwe_pir import builds, client, filters, server
from unseen.protocols.lookup.lwe_pir.hints import HintRow, decode_row
from unseen.protocols.lookup.lwe_pir.parameters import SECRET, Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.lookup.subject import encode_subject
from unseen.protocols.oprf.server import evaluate_inputs
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.tree import Tree, leaf_hash

__all__ = ["write"]  # a fixture of these tests
PROVIDER = b"p" * 32


def spec_of(path: Path, tmp_path: Path, parts: int = 1, blocks: int = 3) -> BuildSpec:
    spec = build_spec(path, tmp_path, parts)
    return replace(spec, blocks=blocks, width=1024, provider=PROVIDER)


def run(spec: BuildSpec, parts: int = 1) -> tuple[Built, bytes, bytes]:
    for part in range(parts):
        build.fill(spec, KEY, SALT, part, parts, lambda _: None)
    target = spec.spool / "finished"
    built = build.merge(spec, target, lambda _: None, KEY.scalar)
    return built, target.read_bytes(), matrix_path(target).read_bytes()


def rows_of(spec: BuildSpec, data: bytes) -> list[HintRow]:
    size = spec.shape.hint_row_bytes
    return [decode_row(spec.shape, data[at : at + size]) for at in range(0, len(data), size)]


def asked(spec: BuildSpec, hint: bytes, matrix: bytes, subjects: list[tuple[Any, ...]]) -> Any:
    """Return the labels of subjects, as a buyer opens them."""
    shape, domain, rows = spec.shape, spec.parameters.domain, rows_of(spec, hint)
    inputs = [encode_subject(spec.subject, each, domain) for each in subjects]
    keys = []
    for output in evaluate_inputs(KEY, inputs, Mode.VOPRF):
        block = filters.block_of(shape, domain, output)
        keys.append((block, filters.keyed(shape, domain, rows[block].nonce, output)))
    prepared = client.prepare(Public.of(PROVIDER, shape), len(keys), seeded_rng(9))
    queries, opened = client.query(shape, prepared, keys)
    table = np.frombuffer(matrix, np.int8).reshape(shape.rows, shape.width)
    answers = server.answer(table, queries)
    return [
        client.open_answer(shape, each, rows[each.block].hint, answer)
        for each, answer in zip(opened, answers, strict=True)
    ]


def test_every_row_opens_to_its_answers_and_nobody_else(write: Write, tmp_path: Path) -> None:
    spec = spec_of(write(), tmp_path)
    _, hint, matrix = run(spec)
    subjects = [(number, f"v{number}") for number in (0, 1, 49, 50, 51, 52, 199, 200)]
    labels = asked(spec, hint, matrix, [*subjects, (1, "v2")])
    found = [label and unpack_verdicts(label, 2) for label in labels]
    assert found == [
        (None, False),
        (False, True),
        (None, False),
        (False, False),
        (True, True),
        (True, False),
        (True, True),
        None,
        None,
    ]


def test_a_row_without_a_usable_answer_is_as_if_it_were_absent(
    write: Write, tmp_path: Path
) -> None:
    spec = replace(spec_of(write(), tmp_path), predicates=(("rich", "earn > 5000"),))
    _, hint, matrix = run(spec)
    labels = asked(spec, hint, matrix, [(number, f"v{number}") for number in (48, 49, 50, 56)])
    assert [label and unpack_verdicts(label, 1) for label in labels] == [
        (False,),
        None,
        (False,),
        None,
    ]


def test_what_is_built_is_what_the_manifest_will_say(write: Write, tmp_path: Path) -> None:
    spec = spec_of(write(), tmp_path)
    built, hint, matrix = run(spec)
    shape, size = spec.shape, spec.shape.hint_row_bytes
    tree = Tree()
    for start in range(0, len(hint), size):
        tree.append(leaf_hash(hint[start : start + size]))
    assert built == Built(3, len(hint), hashlib.sha256(hint).digest(), tree.root(), fresh=3)
    assert (len(hint), len(matrix)) == (3 * size, shape.table_bytes)
    table = np.frombuffer(matrix, np.int8).reshape(shape.rows, shape.width)
    whole = server.hint(Public.of(PROVIDER, shape), table)
    part = shape.table_bytes // shape.blocks
    for number, row in enumerate(rows_of(spec, hint)):
        cells = slice(number * shape.cell_bytes, (number + 1) * shape.cell_bytes)
        assert (row.hint == whole[cells]).all()
        assert row.digest == hashlib.sha256(matrix[number * part : (number + 1) * part]).digest()
    assert len({row.nonce for row in rows_of(spec, hint)}) == 3


def test_the_same_key_and_nonce_build_the_same_bytes_in_any_parts(
    write: Write, tmp_path: Path
) -> None:
    path = write()
    once, thrice = spec_of(path, tmp_path), spec_of(path, tmp_path, 3)
    first = run(once)
    assert run(thrice, 3) == first
    assert run(once) == first  # over the same spool, as a job that goes on
    other = replace(once, parameters=replace(once.parameters, nonce=b"o" * 32))
    again = run(other)
    assert again[0].rows == first[0].rows
    assert again[2] != first[2]


def test_hints_are_made_of_some_blocks_at_a_time(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(write(), tmp_path, blocks=5)
    first = run(spec)
    monkeypatch.setattr(hidden, "_ROWS", 1)
    assert run(spec) == first


def test_a_table_without_rows_is_one_block_in_which_nobody_is(write: Write, tmp_path: Path) -> None:
    spec = spec_of(write(f"SELECT * FROM ({TABLE}) WHERE false"), tmp_path, blocks=1)
    built, hint, matrix = run(spec)
    assert built.rows == 1
    assert asked(spec, hint, matrix, [(1, "v1"), (2, "v2")]) == [None, None]
    assert len(set(matrix)) == 256


def test_two_rows_of_one_subject_are_counted(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "check_blocks", lambda *_: None)  # rows that are there twice
    spec = spec_of(write(), tmp_path)
    build.fill(spec, KEY, SALT, 0, 1, lambda _: None)
    (part,) = spec.spool.glob("*-0")
    part.with_name(part.name.replace("-0", "-1")).symlink_to(part)
    with pytest.raises(DuplicateSubjectError) as caught:
        build.merge(spec, spec.spool / "finished", lambda _: None, KEY.scalar)
    assert caught.value.count == 200
    assert not left(spec)


def left(spec: BuildSpec) -> list[str]:
    return sorted(path.name for path in spec.spool.glob("finished*"))


def test_a_block_that_is_too_full_is_said_and_leaves_nothing(write: Write, tmp_path: Path) -> None:
    spec = spec_of(write(TABLE.replace("range(200)", "range(2000)")), tmp_path, blocks=1)
    with pytest.raises(FilterFullError):
        run(spec)
    assert not left(spec)


def test_a_full_disk_leaves_nothing(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(write(), tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            run(spec)
    assert not left(spec)
    run(spec)
    assert left(spec) == ["finished", "finished.matrix"]


@given(blocks=st.integers(1, 2000))
def test_every_block_lies_in_one_bucket(blocks: int) -> None:
    shape = Shape(blocks, 1024, 1)
    found = [number for bucket in range(BUCKETS) for number in hidden.blocks_in(shape, bucket)]
    assert found == list(range(blocks))
    for bucket in range(BUCKETS):
        assert all(
            number * BUCKETS // blocks == bucket for number in hidden.blocks_in(shape, bucket)
        )


def test_outputs_go_where_their_block_is_looked_for() -> None:
    shape, rng = Shape(37, 1024, 1), seeded_rng(4)
    outputs = np.frombuffer(rng(64 * 300), np.uint8).reshape(-1, 64)
    for bucket, output in zip(hidden.buckets_of(shape, b"d", outputs), outputs, strict=True):
        block = filters.block_of(shape, b"d", output.tobytes())
        assert block in hidden.blocks_in(shape, bucket)


def test_a_specification_of_a_hidden_table_travels_whole(write: Write, tmp_path: Path) -> None:
    spec = spec_of(write(), tmp_path)
    data = canonical.encode(encode_spec(spec))
    assert decode_spec(canonical.decode(data)) == spec
    assert KEY.scalar not in data
    assert (spec.hidden, build_spec(write(), tmp_path).hidden) == (True, False)


class TestRandomnessOfABuild:
    def test_is_that_of_the_module_text(self) -> None:
        name = b"unseen/lookup/lwe_pir/v1/build"
        seed = hashlib.sha512(name + b"\x00" + b"k" * 32 + b"n" * 32).digest()[:32]
        assert builds.seed_of(b"k" * 32, b"n" * 32) == seed
        key = hashlib.sha512(name + b"\x01" + seed + (7).to_bytes(8, "big")).digest()[:16]
        stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(100))
        rng = builds.rng_of(seed, 7)
        assert rng(16) + rng(84) == stream

    def test_is_another_for_each_key_nonce_and_block(self) -> None:
        seeds = {builds.seed_of(bytes([key]) * 32, bytes([nonce]) * 32) for key, nonce in _PAIRS}
        assert len(seeds) == len(_PAIRS)
        streams = {builds.rng_of(seed, block)(16) for seed in seeds for block in range(3)}
        assert len(streams) == 3 * len(seeds)

    @pytest.mark.parametrize("sizes", [(31, 32), (32, 33), (0, 0)])
    def test_needs_a_key_and_a_nonce(self, sizes: tuple[int, int]) -> None:
        with pytest.raises(InputInvalidError):
            builds.seed_of(bytes(sizes[0]), bytes(sizes[1]))

    @pytest.mark.parametrize("block", [-1, 1 << 32])
    def test_is_of_a_block_that_can_be(self, block: int) -> None:
        with pytest.raises(InputInvalidError):
            builds.rng_of(bytes(32), block)
        with pytest.raises(InputInvalidError):
            builds.rng_of(bytes(31), 0)


_PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1))


class TestTooFew:
    """Blocks too few: the build is begun again, with one more, under another nonce, some times."""

    @pytest.mark.parametrize("failures", [0, 1, 3, 4])
    async def test_blocks(
        self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
    ) -> None:
        spec, tried = spec_of(write(), tmp_path), []

        async def build_table(_node: Any, given: BuildSpec, *_: Any) -> Built:
            tried.append(given)
            if len(tried) <= failures:
                raise FilterFullError("too full")
            return Built(given.blocks, 1, b"", b"")

        monkeypatch.setattr(builder, "build_table", build_table)
        running = builder._build_roomy(
            cast("Any", None), spec, KEY, cast("Any", None), lambda *_: None
        )
        if failures > builder._ROOMIER:
            with pytest.raises(FilterFullError):
                await running
        else:
            used, built = await running
            assert used == tried[-1]
            assert built.rows == used.blocks
        assert [each.blocks for each in tried] == [3 + number for number in range(len(tried))]
        assert len({each.parameters.nonce for each in tried}) == len(tried)
        assert len(tried) == min(failures, builder._ROOMIER) + 1


@pytest.fixture
def matrix(tmp_path: Path) -> tuple[Path, Shape, Any]:
    shape = Shape(5, 1024, 1)
    rows = np.frombuffer(seeded_rng(2)(shape.table_bytes), np.int8).reshape(-1, shape.width)
    path = tmp_path / "a.matrix"
    path.write_bytes(rows.tobytes())
    return path, shape, rows


def words(shape: Shape, count: int, seed: int = 5) -> tuple[list[bytes], Any]:
    drawn = np.frombuffer(seeded_rng(seed)(count * shape.query_bytes), "<u4")
    drawn = drawn.reshape(count, shape.width)
    return [row.tobytes() for row in drawn], drawn.astype(np.uint32)


class TestArriving:
    """Messages of one call, that a cluster answers together."""

    @staticmethod
    async def taken(messages: AsyncIterator[list[bytes]], pause: float = 0.0) -> list[list[bytes]]:
        found = []
        async for batch in asking._arrived(messages):
            found.append(batch)
            await asyncio.sleep(pause)
        return found

    async def test_what_has_come_goes_together_in_order(self) -> None:
        async def messages() -> AsyncIterator[list[bytes]]:
            for number in range(40):
                yield [b"%d" % number, b"and"]

        found = await self.taken(messages(), 0.001)
        assert [each for batch in found for each in batch[::2]] == [b"%d" % n for n in range(40)]
        assert 40 / (asking._TOGETHER + 1) <= len(found) < 40

    async def test_nothing_is_waited_for(self) -> None:
        answered = asyncio.Event()

        async def messages() -> AsyncIterator[list[bytes]]:
            yield [b"first"]
            await answered.wait()  # a buyer that sends the next when it has an answer
            yield [b"second"]

        found = []
        async with asyncio.timeout(10):
            async for batch in asking._arrived(messages()):
                found.append(batch)
                answered.set()
        assert found == [[b"first"], [b"second"]]

    async def test_what_is_wrong_with_a_message_is_said_after_those_before(self) -> None:
        async def messages() -> AsyncIterator[list[bytes]]:
            yield [b"first"]
            raise MalformedMessageError("the second")

        arrived = asking._arrived(messages())
        assert await anext(arrived) == [b"first"]
        with pytest.raises(MalformedMessageError, match="the second"):
            await anext(arrived)

    async def test_who_hangs_up_leaves_no_reader(self) -> None:
        async def messages() -> AsyncIterator[list[bytes]]:
            for _ in range(1000):
                yield [b"query"]

        before = asyncio.all_tasks()
        arrived = asking._arrived(messages())
        assert await anext(arrived)
        await arrived.aclose()  # type: ignore[attr-defined]
        for _ in range(100):
            if asyncio.all_tasks() == before:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("somebody reads on")


class TestAnswering:
    @pytest.mark.parametrize("count", [1, 3])
    def test_parts_of_the_matrix_make_up_its_answer(self, matrix: Any, count: int) -> None:
        path, shape, rows = matrix
        queries, drawn = words(shape, count)
        whole = [row.astype("<u2").tobytes() for row in server.answer(rows, drawn)]
        for cuts in ((0, 5), (0, 2, 5), (0, 1, 2, 3, 4, 5)):
            found = [
                mapped.answers(path, shape, range(first, last), queries)
                for first, last in itertools.pairwise(cuts)
            ]
            assert [b"".join(parts) for parts in zip(*found, strict=True)] == whole

    def test_a_task_says_the_same(self, matrix: Any) -> None:
        path, shape, _ = matrix
        queries, _ = words(shape, 2)
        of: dict[str, canonical.Json] = {"path": str(path), "shape": [5, 1024, 1]}
        ask = canonical.encode(of | {"blocks": [1, 3]})
        found = TASKS["lwe_answer"]([ask, *queries], lambda _: None)
        assert found == mapped.answers(path, shape, range(1, 3), queries)
        file = path.with_name("queries")
        file.write_bytes(b"".join(queries))
        ask = canonical.encode(of | {"blocks": [1, 3], "queries": str(file)})
        assert TASKS["lwe_answer"]([ask], lambda _: None) == found

    def test_digests_are_those_that_are_signed(self, matrix: Any) -> None:
        path, shape, _ = matrix
        queries, _ = words(shape, 2)
        answers = mapped.answers(path, shape, range(5), queries)
        ask = canonical.encode({"suite": "intl", "shape": [5, 1024, 1]})
        found = TASKS["lwe_digests"]([ask, *queries, *answers], lambda _: None)
        roots = [tree_of_answer(INTL, shape, each).root() for each in answers]
        assert found == [*map(INTL.digest, queries), *roots]

    def test_a_matrix_of_another_size_or_none_is_an_error(self, matrix: Any) -> None:
        path, shape, _ = matrix
        queries, _ = words(shape, 1)
        other = replace(shape, blocks=6)
        with pytest.raises(OSError, match="not the table"):
            mapped.answers(path.with_name("b.matrix"), other, range(6), _same(path, queries))
        with pytest.raises(FileNotFoundError):
            mapped.answers(path.with_name("c.matrix"), shape, range(5), queries)

    def test_what_is_gone_is_let_go_and_few_are_kept(self, matrix: Any, tmp_path: Path) -> None:
        path, shape, rows = matrix
        queries, _ = words(shape, 1)
        paths = [tmp_path / f"{number}.matrix" for number in range(mapped._MAPPED + 2)]
        for each in paths:
            each.write_bytes(rows.tobytes())
            mapped.answers(each, shape, range(5), queries)
        assert len(mapped._mapped) == mapped._MAPPED
        for each in paths:
            each.unlink()
        mapped.answers(path, shape, range(5), queries)
        assert list(mapped._mapped) == [path]

    @given(
        blocks=st.integers(1, 10_000),
        width=st.sampled_from([1 << 12, 1 << 15, 1 << 17]),
        queries=st.integers(1, 64),
    )
    def test_tasks_are_short_and_cover_every_block(
        self, blocks: int, width: int, queries: int
    ) -> None:
        shape = Shape(blocks, width, 8)
        parts = _parts(shape, queries)
        assert [number for part in parts for number in part] == list(range(blocks))
        one = shape.cell_bytes * width * queries
        assert all(len(part) == 1 or (len(part) - 1) * one <= 1 << 30 for part in parts)


def _same(path: Path, queries: list[bytes]) -> list[bytes]:
    path.with_name("b.matrix").write_bytes(path.read_bytes())
    return queries


@given(
    rows=st.integers(0, 10**8),
    label_bytes=st.sampled_from([1, 8, 32]),
    units=st.integers(1, 10**6),
)
def test_what_a_contract_may_ask_does_not_determine_a_row(
    rows: int, label_bytes: int, units: int
) -> None:
    plan = SimpleNamespace(protocol="lwe_pir", label_bytes=label_bytes, evaluations=1)
    terms = SimpleNamespace(quota=SimpleNamespace(units=units))
    table = SimpleNamespace(snapshot=SimpleNamespace(rows=rows))
    contract = cast("Any", SimpleNamespace(plan=plan, terms=terms))
    blocks, width = builder._shape(contract, cast("Any", table))
    assert blocks * width >= rows
    assert width >= builder.LEAST_WIDTH
    if units <= HIDDEN_QUESTIONS:
        assert 16 * (SECRET + PASSES * units) < 8 * width
    plan.protocol = "oprf_table"
    assert builder._shape(contract, cast("Any", table)) == (0, 0)


@pytest.mark.parametrize("over", [True, False])
async def test_a_matrix_that_goes_while_it_is_read_is_a_build_that_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over: bool
) -> None:
    gone = False

    async def run(*_: object) -> list[bytes]:
        nonlocal gone
        gone = over
        raise InternalError("a worker failed")

    def check(*_: object) -> None:
        if gone:
            raise epoch_over(1)

    monkeypatch.setattr(asking, "_check_going", check)
    node: Any = SimpleNamespace(
        executor=SimpleNamespace(run=run, workers=2), table_path=lambda *_: tmp_path / "table"
    )
    manifest = SimpleNamespace(shape=lambda: Shape(3, 1024, 1))
    epoch: Any = SimpleNamespace(contract="c", number=1, build=1, manifest=manifest)
    caller: Any = SimpleNamespace(party="buyer")
    with pytest.raises(ManifestStaleError if over else InternalError):
        await asking._near(node, caller, epoch, [b"query"])
