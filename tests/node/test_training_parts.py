"""Parts of iterations: how long each is, and what is refused before any byte of it is taken in."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.evidence.test_encrypted import SECRET, VERTICAL

from unseen.node.errors import FieldInvalidError, KindRefusedError
from unseen.node.runs.kind import Head
from unseen.node.runs.memory import Runs
from unseen.node.runs.sessions import Run, sweep
from unseen.node.training import parts
from unseen.node.training.parts import CONTEXT, ROWS, TRAININGS, WEIGHTS
from unseen.protocols.he.training import sizes

FEW = replace(VERTICAL, most_rows=20_000)
DIGEST = bytes(range(32))
NAME = DIGEST.hex()[:32]
_LENGTHS = {
    CONTEXT: sizes.context_bytes(SECRET.chain()),
    WEIGHTS: sizes.weights_bytes(SECRET.chain()),
}


def contract_of(clause: Any) -> Any:
    parameters = {} if clause is None else {"encrypted": clause.to_json()}
    return SimpleNamespace(terms=SimpleNamespace(parameters=parameters))


def check(clause: Any, part: str, size: int, folder: Path, request: str = NAME) -> None:
    run = Run(folder, "c", request, TRAININGS)
    TRAININGS.check(cast("Any", contract_of(clause)), run, Head("c", request, part, DIGEST, size))


def test_a_contract_over_no_training_under_encryption_has_no_parts(tmp_path: Path) -> None:
    with pytest.raises(KindRefusedError) as caught:
        check(None, WEIGHTS, 1, tmp_path)
    assert caught.value.clause == "protocol"


@pytest.mark.parametrize("part", [CONTEXT, WEIGHTS])
def test_a_part_has_one_length_where_rows_are_the_node_s(tmp_path: Path, part: str) -> None:
    size = _LENGTHS[part]
    check(SECRET, part, size, tmp_path)
    for other in (0, size - 1, size + 1, 1 << 40):
        with pytest.raises(FieldInvalidError) as caught:
            check(SECRET, part, other, tmp_path)
        assert caught.value.clause == "size"


@pytest.mark.parametrize("count", [200, 8192, 8193, 20_000])
def test_rows_say_by_their_length_how_many_they_are(tmp_path: Path, count: int) -> None:
    size = sizes.rows_bytes(FEW.chain(), count, 32)
    check(FEW, ROWS, size, tmp_path)
    assert parts.listed_in(FEW, size) == count
    check(FEW, WEIGHTS, parts.asked_bytes(FEW, count), tmp_path)


@pytest.mark.parametrize(("count", "field"), [(199, "least_rows"), (20_001, "most_rows")])
def test_fewer_or_more_rows_than_the_contract_is_over_are_refused(
    tmp_path: Path, count: int, field: str
) -> None:
    with pytest.raises(FieldInvalidError) as caught:
        check(FEW, ROWS, sizes.rows_bytes(FEW.chain(), count, 32), tmp_path)
    assert caught.value.clause == f"parameters.encrypted.{field}"
    with pytest.raises(FieldInvalidError):
        parts.check_rows(FEW, count)


def test_what_is_shared_has_its_digest_s_name(tmp_path: Path) -> None:
    for part in (CONTEXT, ROWS):
        with pytest.raises(FieldInvalidError) as caught:
            check(FEW, part, 1, tmp_path, "0" * 32)
        assert caught.value.clause == "request"


def test_what_came_whole_is_not_looked_at_again(tmp_path: Path) -> None:
    run = Run(tmp_path, "c", NAME, TRAININGS)
    run.folder.mkdir(parents=True)
    run.path(WEIGHTS).write_bytes(b"some")
    check(SECRET, WEIGHTS, 4, tmp_path)
    with pytest.raises(FieldInvalidError):
        check(SECRET, "batches", 4, tmp_path)


def test_room_is_for_what_comes_and_what_returns() -> None:
    head = Head("c", NAME, WEIGHTS, DIGEST, 1000)
    room = TRAININGS.room(cast("Any", None), cast("Any", contract_of(SECRET)), head)
    assert room is not None
    assert room.part == 1000
    assert room.whole > 1000 + sizes.answer_bytes(SECRET.chain())


@pytest.mark.parametrize("name", ["request", "context", "rows"])
def test_what_a_job_reads_is_not_swept_away(tmp_path: Path, name: str) -> None:
    kept, left = (Run(tmp_path, "c", digit * 32, TRAININGS) for digit in "ab")
    for run in (kept, left):
        run.folder.mkdir(parents=True)
    job = SimpleNamespace(ask={"request": "0" * 32, "rows": ""} | {name: kept.request})
    node: Any = SimpleNamespace(
        home=tmp_path,
        runs=Runs(),
        contracts=SimpleNamespace(all=list),  # none: whatever nobody reads goes
        jobs=SimpleNamespace(live=lambda *_: [job]),
    )
    asyncio.run(sweep(node, TRAININGS))
    assert kept.folder.is_dir()
    assert not left.folder.exists()
