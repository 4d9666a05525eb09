"""Lookup by LWE: a second program's numbers, every subject found, noise as predicted, bad input."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import FilterFullError, InputInvalidError, MalformedMessageError
from unseen.protocols.kernels import aes, sha512
from unseen.protocols.kernels.noise import KeyStream
from unseen.protocols.lookup.lwe_pir import choice, client, filters, parameters, server
from unseen.protocols.lookup.lwe_pir.parameters import COINS, SECRET, Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.testing import seeded_rng

VECTOR = json.loads(
    (Path(__file__).parents[2] / "vectors/lookup/lwe_pir_v1.json").read_text(encoding="utf-8")
)
DOMAIN = b"a domain of these tests"


def unhex(name: str) -> bytes:
    return bytes.fromhex(VECTOR[name])


def sha(numbers: Any, kind: str) -> str:
    return hashlib.sha256(np.ascontiguousarray(numbers).astype(kind).tobytes()).hexdigest()


class TestVectors:
    shape = Shape(VECTOR["blocks"], VECTOR["width"], VECTOR["label_bytes"])
    public = Public.of(unhex("provider"), shape)

    def rows(self) -> Any:
        size = (self.shape.rows, self.shape.width)
        found = aes.stream(unhex("rows_key"), self.shape.table_bytes // 4)
        return found.astype("<u4").view(np.int8).reshape(size)

    def test_the_matrix_is_the_second_program_s(self) -> None:
        assert self.public.key == unhex("matrix_key")
        tiles = [tile for _, tile in self.public.tiles()]
        assert tiles[0][0, :4].tolist() == VECTOR["matrix_first"]
        assert tiles[-1][-1, -4:].tolist() == VECTOR["matrix_last"]
        assert sum(map(len, tiles)) == self.shape.width

    @pytest.mark.parametrize("key", VECTOR["keys"], ids=lambda key: key["output"][:8])
    def test_cells_pads_and_blocks_are(self, key: dict[str, Any]) -> None:
        output, domain = bytes.fromhex(key["output"]), unhex("domain")
        found = filters.keyed(self.shape, domain, unhex("nonce"), output)
        assert (list(found.cells), found.pad.hex()) == (key["cells"], key["pad"])
        assert filters.block_of(Shape(1000, 1024, 1), domain, output) == key["block_of_1000"]

    def test_hint_query_and_answer_are(self) -> None:
        hint = server.hint(self.public, self.rows())
        assert hint[0, :4].tolist() == VECTOR["hint_first"]
        assert sha(hint, "<u2") == VECTOR["hint_sha256"]
        prepared = client.prepare(self.public, 1, KeyStream(unhex("query_rng_key")))
        assert prepared.secrets[0, :12].tolist() == VECTOR["secret_first"]
        output = bytes.fromhex(VECTOR["keys"][0]["output"])
        key = filters.keyed(self.shape, unhex("domain"), unhex("nonce"), output)
        queries, asked = client.query(self.shape, prepared, [(0, key)])
        assert sha(queries, "<u4") == VECTOR["query_sha256"]
        answers = server.answer(self.rows(), queries)
        assert answers[0].tolist() == VECTOR["answer"]
        total = client.opened_cells(self.shape, asked[0], hint, answers[0])
        assert total.hex() == VECTOR["total"]

    def test_errors_are(self) -> None:
        rng = KeyStream(unhex("query_rng_key"))
        client.ternary(rng)
        found = client.errors(self.shape.width, rng)
        assert found[:12].tolist() == VECTOR["errors_first"]


class Made:
    """A table of `count` subjects, in memory, and who asks it."""

    def __init__(self, count: int, shape: Shape, seed: int = 1) -> None:
        self.shape, self.rng = shape, seeded_rng(seed)
        self.items = [(self.rng(64), self.rng(shape.label_bytes)) for _ in range(count)]
        parts: list[list[tuple[bytes, bytes]]] = [[] for _ in range(shape.blocks)]
        for output, label in self.items:
            parts[filters.block_of(shape, DOMAIN, output)].append((output, label))
        self.blocks = [server.build_block(shape, DOMAIN, part, self.rng) for part in parts]
        self.rows = server.joined(shape, self.blocks)
        self.public = Public.of(b"registry", shape)
        self.hint = server.hint(self.public, self.rows)

    def key(self, output: bytes) -> tuple[int, filters.Keyed]:
        block = filters.block_of(self.shape, DOMAIN, output)
        nonce = self.blocks[block].nonce
        return block, filters.keyed(self.shape, DOMAIN, nonce, output)

    def hint_of(self, block: int) -> Any:
        size = self.shape.cell_bytes
        return self.hint[block * size : (block + 1) * size]

    def spoil(self, block: int, column: int) -> None:
        """Change a cell, as an owner may before it publishes the hint."""
        size = self.shape.cell_bytes
        part = slice(block * size, (block + 1) * size)
        self.rows[part, column] += 1
        self.hint[part] = server.hint(self.public, self.rows[part])

    def ask(self, outputs: list[bytes]) -> list[bytes | None]:
        prepared = client.prepare(self.public, len(outputs), self.rng)
        keys = [self.key(output) for output in outputs]
        queries, asked = client.query(self.shape, prepared, keys)
        answers = server.answer(self.rows, queries)
        return [
            client.open_answer(self.shape, each, self.hint_of(each.block), answer)
            for each, answer in zip(asked, answers, strict=True)
        ]


@pytest.fixture(scope="module")
def made() -> Made:
    return Made(1500, Shape(3, 1024, 8))


def test_every_subject_is_found_and_nobody_else(made: Made) -> None:
    found = made.ask([output for output, _ in made.items])
    assert found == [label for _, label in made.items]
    strangers = [made.rng(64) for _ in range(200)]
    assert made.ask(strangers) == [None] * 200


@settings(max_examples=8, deadline=None)
@given(
    count=st.integers(0, 90),
    blocks=st.integers(1, 3),
    label_bytes=st.sampled_from([1, 8, 16, 32]),
    seed=st.integers(0, 2**32),
)
def test_tables_of_every_size_open(count: int, blocks: int, label_bytes: int, seed: int) -> None:
    table = Made(count, Shape(blocks, 1024, label_bytes), seed)
    outputs = [output for output, _ in table.items]
    stranger = table.rng(64)
    assert table.ask([*outputs, stranger]) == [*(label for _, label in table.items), None]


def test_an_owner_that_spoils_cells_is_told_no_row() -> None:
    table = Made(20, Shape(1, 1024, 1))
    output, label = table.items[0]
    block, key = table.key(output)
    other = next(cell for cell in range(1024) if cell not in key.cells)
    table.spoil(block, other)
    assert table.ask([output]) == [label]
    table.spoil(block, key.cells[0])
    assert table.ask([output]) == [None]


def test_messages_are_as_long_for_everybody(made: Made) -> None:
    shape = made.shape
    for output in (made.items[0][0], made.items[1][0], bytes(64)):
        prepared = client.prepare(made.public, 1, made.rng)
        queries, _ = client.query(shape, prepared, [made.key(output)])
        answer = server.answer(made.rows, queries)
        assert (queries.nbytes, answer.nbytes) == (shape.query_bytes, shape.answer_bytes)
    assert made.hint.nbytes == shape.hint_bytes
    assert made.rows.nbytes == shape.table_bytes


def test_two_queries_for_one_subject_have_nothing_in_common(made: Made) -> None:
    keys = [made.key(made.items[0][0])] * 2
    queries, asked = client.query(made.shape, client.prepare(made.public, 2, made.rng), keys)
    assert (queries[0] == queries[1]).mean() < 0.01
    assert (asked[0].secret != asked[1].secret).any()


def test_what_is_added_to_an_answer_is_as_wide_as_predicted(made: Made) -> None:
    prepared = client.prepare(made.public, 60, made.rng)
    answers = server.answer(made.rows, prepared.words).astype(np.int64)
    products = made.hint.astype(np.int64) @ prepared.secrets.T.astype(np.int64)
    left = (answers.T - products + (1 << 15)) % (1 << 16) - (1 << 15)
    measured = float((left * 2.0**16).std())
    assert abs(measured / parameters.deviation(made.shape.width) - 1) < 0.05
    assert abs(left).max() < 8 * parameters.deviation(made.shape.width) / 2**16


def test_bytes_come_out_wrong_never_in_a_lifetime() -> None:
    bits = [parameters.failure_bits(width) for width in parameters.WIDTHS]
    assert bits == sorted(bits, reverse=True)
    assert min(bits) > 125
    assert 147 < bits[0] < 149
    # Against the law itself, where a double still holds it.
    for ratio in (3.0, 6.0, 12.0):
        exact = -math.log2(math.erfc(ratio / math.sqrt(2)))
        bound = ratio**2 / 2 / math.log(2) + math.log2(ratio * math.sqrt(math.pi / 2))
        assert 0 <= exact - bound < 0.2


def test_errors_and_secrets_have_their_laws() -> None:
    rng = seeded_rng(5)
    drawn = client.errors(200_000, rng)
    assert abs(drawn.mean()) < 5 * math.sqrt(COINS / 2 / drawn.size)
    assert abs(drawn.var() / (COINS / 2) - 1) < 0.02
    assert abs(drawn).max() <= COINS
    counts = np.zeros(3)
    for _ in range(100):
        counts += np.bincount(client.ternary(rng) + 1, minlength=3)
    expected = 100 * SECRET / 3
    assert (((counts - expected) ** 2) / expected).sum() < 20


def test_cells_that_no_key_needs_are_random() -> None:
    shape = Shape(1, 1024, 1)
    first, second = (server.build_block(shape, DOMAIN, [], seeded_rng(i)).rows for i in (1, 2))
    assert (first == second).mean() < 0.02
    counts = np.bincount(first.view(np.uint8).reshape(-1), minlength=256)
    expected = first.size / 256
    assert (((counts - expected) ** 2) / expected).sum() < 400


def test_a_fresh_build_of_the_same_rows_looks_like_another_table() -> None:
    shape, items = Shape(1, 1024, 1), [(seeded_rng(9)(64), b"\x01")]
    first, second = (server.build_block(shape, DOMAIN, items, seeded_rng(i)) for i in (1, 2))
    assert first.nonce != second.nonce
    keys = [filters.keyed(shape, DOMAIN, block.nonce, items[0][0]) for block in (first, second)]
    assert keys[0].cells != keys[1].cells
    assert keys[0].pad != keys[1].pad


class TestPeeling:
    def test_rounds_leave_no_cell_to_a_later_key(self) -> None:
        chance = np.random.default_rng(1)
        places = np.array([chance.choice(1024, 3, replace=False) for _ in range(700)])
        rounds = filters.peel(places, 1024)
        assert rounds is not None
        seen: set[int] = set()
        for taken, free in reversed(rounds):
            touched = set(places[taken].reshape(-1).tolist())
            assert len(set(free.tolist())) == len(free)
            assert not set(free.tolist()) & seen
            seen |= touched
        assert sum(len(taken) for taken, _ in rounds) == 700

    def test_what_does_not_peel_is_said(self) -> None:
        same = np.array([[1, 2, 3]] * 2)
        assert filters.peel(same, 1024) is None

    @pytest.mark.parametrize("width", [1024, 4096])
    def test_full_filters_peel_mostly(self, width: int) -> None:
        chance = np.random.default_rng(width)
        peeled = 0
        for _ in range(40):
            count = choice.capacity(width)
            places = np.array([chance.choice(width, 3, replace=False) for _ in range(count)])
            peeled += filters.peel(places, width) is not None
        assert peeled >= 20

    def test_too_many_keys_are_refused(self) -> None:
        rng = seeded_rng(3)
        items = [(rng(64), b"\x00") for _ in range(1100)]
        with pytest.raises(FilterFullError, match="do not fit"):
            server.build_block(Shape(1, 1024, 1), DOMAIN, items, rng)

    def test_a_subject_twice_is_refused(self) -> None:
        rng = seeded_rng(4)
        output = rng(64)
        with pytest.raises(InputInvalidError, match="one subject"):
            server.build_block(Shape(1, 1024, 1), DOMAIN, [(output, b"a"), (output, b"b")], rng)


class TestShapes:
    @given(count=st.integers(1, 10**9), width=st.sampled_from(parameters.WIDTHS))
    def test_blocks_hold_their_mean_and_five_deviations(self, count: int, width: int) -> None:
        blocks = choice.blocks_for(count, width)
        mean = count / blocks
        assert mean + 5 * math.sqrt(mean) <= choice.capacity(width) * (1 + 1e-9)

    @given(count=st.integers(1, 10**8), queries=st.integers(1, 10**6))
    def test_the_shape_that_is_chosen_costs_least(self, count: int, queries: int) -> None:
        found = choice.choose(count, 8, queries)
        for width in parameters.DEFAULT_WIDTHS:
            other = Shape(choice.blocks_for(count, width), width, 8)
            assert choice.traffic(found, queries) <= choice.traffic(other, queries)

    def test_more_queries_make_filters_narrower(self) -> None:
        widths = [choice.choose(10**6, 32, 10**power).width for power in range(5)]
        assert widths == sorted(widths, reverse=True)
        assert widths[0] > widths[-1]

    @pytest.mark.parametrize("bad", [(0, 1), (1, 0), (-1, 5)])
    def test_no_keys_or_queries_are_refused(self, bad: tuple[int, int]) -> None:
        with pytest.raises(InputInvalidError):
            choice.choose(bad[0], 8, bad[1])

    @pytest.mark.parametrize("bad", [(0, 1024, 1), (1, 1000, 1), (1, 1 << 19, 1), (1, 1024, 2)])
    def test_shapes_that_no_table_has_are_refused(self, bad: tuple[int, int, int]) -> None:
        with pytest.raises(InputInvalidError):
            Shape(*bad)


class TestBadInput:
    def test_queries_of_another_width(self, made: Made) -> None:
        for queries in (np.zeros((1, 1023), np.uint32), np.zeros(1024, np.uint32)):
            with pytest.raises(MalformedMessageError):
                server.answer(made.rows, queries)

    def test_answers_of_another_length(self, made: Made) -> None:
        block, key = made.key(made.items[0][0])
        asked = client.Asked(block, key, np.zeros(SECRET, np.int8))
        for size in (0, made.shape.rows - 1, made.shape.rows + 1):
            with pytest.raises(MalformedMessageError):
                client.open_answer(
                    made.shape, asked, made.hint_of(block), np.zeros(size, np.uint16)
                )

    def test_a_hint_of_another_block_size(self, made: Made) -> None:
        block, key = made.key(made.items[0][0])
        asked = client.Asked(block, key, np.zeros(SECRET, np.int8))
        with pytest.raises(InputInvalidError):
            client.open_answer(made.shape, asked, made.hint, np.zeros(made.shape.rows, np.uint16))

    def test_rows_for_another_matrix(self, made: Made) -> None:
        with pytest.raises(InputInvalidError):
            server.hint(made.public, np.zeros((9, 2048), np.int8))

    def test_keys_that_are_not_prepared_for(self, made: Made) -> None:
        prepared = client.prepare(made.public, 2, made.rng)
        with pytest.raises(InputInvalidError):
            client.query(made.shape, prepared, [made.key(made.items[0][0])])
        _, key = made.key(made.items[0][0])
        with pytest.raises(InputInvalidError):
            client.query(made.shape, prepared, [(0, key), (made.shape.blocks, key)])

    @pytest.mark.parametrize("provider", [b"", b"x" * 256])
    def test_a_provider_without_a_name(self, provider: bytes) -> None:
        with pytest.raises(InputInvalidError):
            Public.of(provider, Shape(1, 1024, 1))

    def test_each_provider_and_shape_has_its_own_matrix(self) -> None:
        keys = {
            Public.of(provider, shape).key
            for provider in (b"a", b"b")
            for shape in (Shape(1, 1024, 1), Shape(2, 1024, 1), Shape(1, 1024, 8))
        }
        assert len(keys) == 6

    def test_many_are_as_one_by_one(self) -> None:
        outputs = np.random.default_rng(5).integers(0, 256, (40, 64), dtype=np.uint8)
        each = [output.tobytes() for output in outputs]
        for shape in (Shape(1, 1024, 1), Shape(163, 8192, 32), Shape(2**32 - 1, 2048, 8)):
            found = filters.blocks_of(shape, DOMAIN, outputs)
            assert found.tolist() == [filters.block_of(shape, DOMAIN, one) for one in each]
            rows = filters.keyed_rows(shape, DOMAIN, bytes(16), outputs)
            keys = [filters.keyed(shape, DOMAIN, bytes(16), one) for one in each]
            assert [tuple(row) for row in rows.cells.tolist()] == [key.cells for key in keys]
            assert [pad.tobytes() for pad in rows.pads] == [key.pad for key in keys]

    def test_too_few_places_in_a_digest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # A first digest of one or two places only: the cells come from the next one too.
        shape, outputs = Shape(1, 1024, 1), np.zeros((3, 64), np.uint8)
        whole = sha512.digest_rows

        def poor(rows: Any, prefix: bytes = b"") -> Any:
            found = whole(rows, prefix).copy()
            found[:, :] = 7
            found[1, :4] = 9
            return found

        monkeypatch.setattr(sha512, "digest_rows", poor)
        rows = filters.keyed_rows(shape, DOMAIN, bytes(16), outputs)
        expected = filters.keyed(shape, DOMAIN, bytes(16), bytes(64)).cells
        assert [tuple(row) for row in rows.cells.tolist()] == [expected] * 3

    def test_lengths(self) -> None:
        shape = Shape(1, 1024, 1)
        with pytest.raises(InputInvalidError):
            filters.block_of(shape, DOMAIN, bytes(63))
        with pytest.raises(InputInvalidError):
            filters.block_of(shape, b"", bytes(64))
        with pytest.raises(InputInvalidError):
            filters.blocks_of(shape, DOMAIN, np.zeros((2, 63), np.uint8))
        with pytest.raises(InputInvalidError):
            filters.keyed_rows(shape, DOMAIN, bytes(15), np.zeros((2, 64), np.uint8))
        with pytest.raises(InputInvalidError):
            server.build_block(shape, DOMAIN, [(bytes(63), b"x")], seeded_rng(1))
        with pytest.raises(InputInvalidError):
            filters.keyed(shape, DOMAIN, bytes(15), bytes(64))
        with pytest.raises(InputInvalidError):
            server.build_block(shape, DOMAIN, [(bytes(64), b"xx")], seeded_rng(1))
        with pytest.raises(InputInvalidError):
            filters.label_of(shape, filters.keyed(shape, DOMAIN, bytes(16), bytes(64)), b"short")

    def test_a_broken_source_of_randomness(self) -> None:
        shape = Shape(1, 1024, 1)
        with pytest.raises(InputInvalidError):
            client.prepare(Public.of(b"a", shape), 1, lambda _count: b"")
        with pytest.raises(InputInvalidError):
            server.build_block(shape, DOMAIN, [], lambda count: bytes(min(count, 16)))


@given(answers=st.integers(0, 10**6))
def test_so_many_answers_leave_a_row_undetermined(answers: int) -> None:
    width = choice.least_width(answers)
    for each in parameters.DEFAULT_WIDTHS:
        bits = 16 * (SECRET + answers)  # of the hint and of all answers
        undetermined = bits < 8 * each
        if each >= 4096:
            assert (choice.most_answers(each) >= answers) is undetermined
        if width is None or each < width:
            assert not undetermined or answers > choice.most_answers(each)
    if width is not None and width >= 4096:
        assert 16 * (SECRET + answers) < 8 * width


def test_a_block_that_is_built_anew_changes_its_rows_and_no_others() -> None:
    table = Made(900, Shape(3, 1024, 1), seed=11)
    rows, hint, size = table.rows.copy(), table.hint.copy(), table.shape.cell_bytes
    parts: list[list[tuple[bytes, bytes]]] = [[] for _ in range(3)]
    for output, label in table.items:
        parts[filters.block_of(table.shape, DOMAIN, output)].append((output, label))
    changed = [(output, bytes([label[0] ^ 1])) for output, label in parts[1]]
    table.blocks[1] = server.build_block(table.shape, DOMAIN, changed, table.rng)
    part = slice(size, 2 * size)
    table.rows[part] = table.blocks[1].rows
    table.hint[part] = server.hint(table.public, table.rows[part])
    others = [row for row in range(table.shape.rows) if not size <= row < 2 * size]
    assert (table.rows[others] == rows[others]).all()
    assert (table.hint[others] == hint[others]).all()
    assert (table.rows[part] != rows[part]).mean() > 0.9  # another nonce, other masks
    wanted = [*parts[0], *changed, *parts[2]]
    assert table.ask([output for output, _ in wanted]) == [label for _, label in wanted]
