"""Whether answers fit a hint: right ones always do, others do not, whatever was asked."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.lookup.lwe_pir import client, fitting, server
from unseen.protocols.lookup.lwe_pir.parameters import SECRET, Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.testing import seeded_rng

SHAPE = Shape(4, 1024, 8)
PUBLIC = Public.of(b"registry", SHAPE)


class Table:
    """Random rows, and queries whose three cells do not matter."""

    def __init__(self, shape: Shape = SHAPE, seed: int = 1, queries: int = 6) -> None:
        rng = seeded_rng(seed)
        self.rows = np.frombuffer(rng(shape.table_bytes), np.int8).reshape(shape.rows, shape.width)
        self.public = Public.of(b"registry", shape)
        self.prepared = client.prepare(self.public, queries, rng)
        self.words = self.prepared.words.copy()
        self.words[:, [1, 5, 9]] += np.uint32(1 << 24)

    def answers(self, rows: Any = None) -> Any:
        return server.answer(self.rows if rows is None else rows, self.words)

    def fits(self, shape: Shape, hint: Any, answers: Any) -> bool:
        return fitting.fits(shape, self.prepared.secrets, hint, answers)


@settings(max_examples=10, deadline=None)
@given(
    blocks=st.integers(1, 4),
    width=st.sampled_from([1024, 2048]),
    label_bytes=st.sampled_from([1, 8, 32]),
    seed=st.integers(0, 2**32),
)
def test_right_answers_fit(blocks: int, width: int, label_bytes: int, seed: int) -> None:
    shape = Shape(blocks, width, label_bytes)
    table = Table(shape, seed)
    hint = server.hint(table.public, table.rows)
    assert table.fits(shape, hint, table.answers())
    size = shape.cell_bytes
    assert table.fits(shape, hint[:size], table.answers()[:, :size])


@pytest.mark.parametrize("column", [0, 1, 5])
def test_rows_that_changed_since_the_hint_do_not(column: int) -> None:
    # Cell 1 and 5 are asked for, cell 0 is not: it is all one.
    table = Table()
    hint = server.hint(table.public, table.rows)
    rows = table.rows.copy()
    rows[: SHAPE.cell_bytes, column] += 1
    assert not table.fits(SHAPE, hint, table.answers(rows))
    others = slice(SHAPE.cell_bytes, None)
    assert table.fits(SHAPE, hint[others], table.answers(rows)[:, others])


def test_another_public_matrix_does_not() -> None:
    table = Table()
    hint = server.hint(Public.of(b"registrz", SHAPE), table.rows)
    assert not table.fits(SHAPE, hint, table.answers())


def test_one_wrong_answer_among_many_does_not() -> None:
    table = Table()
    hint, answers = server.hint(table.public, table.rows), table.answers()
    answers[3] = answers[2]
    assert not table.fits(SHAPE, hint, answers)


def test_rows_that_were_spoiled_before_the_hint_fit() -> None:
    table = Table()
    rows = table.rows.copy()
    rows[:, 1] = 0
    assert table.fits(SHAPE, server.hint(table.public, rows), table.answers(rows))


@pytest.mark.parametrize("cut", ["rows", "queries", "part of a block", "nothing"])
def test_other_shapes_are_refused(cut: str) -> None:
    table = Table()
    hint, answers = server.hint(table.public, table.rows), table.answers()
    match cut:
        case "rows":
            hint = hint[SHAPE.cell_bytes :]
        case "queries":
            answers = answers[1:]
        case "part of a block":
            hint, answers = hint[1:], answers[:, 1:]
        case "nothing":
            hint, answers = hint[:0], answers[:, :0]
    with pytest.raises(InputInvalidError):
        table.fits(SHAPE, hint, answers)


def test_parts_and_queries_as_bytes() -> None:
    numbers = np.arange(SHAPE.cell_bytes, dtype=np.uint16) * 4099
    data = numbers.astype("<u2").tobytes()
    assert (client.read_part(SHAPE, data) == numbers).all()
    for wrong in (b"", data[:-1], data + b"\0"):
        with pytest.raises(MalformedMessageError):
            client.read_part(SHAPE, wrong)
    words = np.array([1, 0x04030201], np.uint32)
    assert client.write_query(words).hex() == "0100000001020304"
    assert SECRET == 1472
