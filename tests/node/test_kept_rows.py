"""A training's rows between two steps: kept while they are those that serve, and no longer."""

import asyncio
import dataclasses
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.node.counted import offered
from tests.node.test_train_rows import made, reading_of, visits

from unseen.evidence import canonical
from unseen.node.data import kept as worker_side
from unseen.node.data import training
from unseen.node.data.names import PERMITTED
from unseen.node.data.trained import encode_reading
from unseen.node.errors import InternalError, TableChangedError
from unseen.node.jobs.executor import LocalExecutor
from unseen.node.joint import keeping
from unseen.node.joint.kept import MAX_KEPT, Kept, KeptRows, Rests
from unseen.node.statistics import evaluate as evaluating
from unseen.node.statistics.evaluate import Run
from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.train import Coordinator

ROWS = [(np.ones((4, 2)) * at, np.ones(4) * at) for at in range(3)]
SIZE = sum(a.nbytes + b.nbytes for a, b in ROWS)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    worker_side._kept.clear()
    yield
    worker_side._kept.clear()


class Reads:
    """Rows to be read, which counts how often they are."""

    def __init__(self, rows: Any = ROWS) -> None:
        self.rows, self.times = rows, 0

    def __call__(self) -> Iterator[Any]:
        self.times += 1
        yield from self.rows


def test_rows_are_read_once_and_are_the_same_rows() -> None:
    read = Reads()
    for _ in range(3):
        assert [id(a) for a, _ in worker_side.blocks("k", SIZE, read)] == [id(a) for a, _ in ROWS]
    assert (read.times, worker_side.size_of("k")) == (1, SIZE)


@pytest.mark.parametrize("most", [0, SIZE - 1])
def test_more_than_there_is_room_for_is_read_each_time(most: int) -> None:
    read = Reads()
    for _ in range(2):
        assert len(list(worker_side.blocks("k", most, read))) == 3
    assert (read.times, worker_side.size_of("k")) == (2, 0)


def test_another_key_forgets_the_first_and_what_was_not_read_to_its_end_is_not_kept() -> None:
    read = Reads()
    next(worker_side.blocks("k", SIZE, read))
    assert worker_side.size_of("k") == 0
    list(worker_side.blocks("k", SIZE, read))
    list(worker_side.blocks("other", SIZE, Reads(ROWS[:1])))
    assert worker_side.size_of("k") == 0
    assert set(worker_side._kept) == {"other"}


def test_a_step_of_kept_rows_is_that_of_rows_read_and_a_changed_file_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = made(tmp_path)
    asked, spec, _ = reading_of(world, offered(3, by_visit=False))
    payload = Coordinator(spec).payload()
    bare = training.vector(asked, payload, b"")
    times: Counter[bool] = Counter()
    rows = training.rows

    def counted(*args: Any, held: bool) -> Any:
        times[held] += 1
        return rows(*args, held=held)

    monkeypatch.setattr(training, "rows", counted)
    for _ in range(3):
        assert training.vector(asked, payload, b"", key="k", most=1 << 20) == bare
    assert times == {False: 1}
    world.visits.pop()
    world.write()
    with pytest.raises(TableChangedError):
        training.vector(asked, payload, b"", key="k", most=1 << 20)


def test_what_rows_are_kept_by_names_all_that_decides_which_serve(tmp_path: Path) -> None:
    asked, *_ = reading_of(made(tmp_path), offered(3, by_visit=False))
    contract = cast("Any", SimpleNamespace(id="c"))
    (tmp_path / PERMITTED).write_bytes(b"who consents")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / PERMITTED).write_bytes(b"who consents less one")

    def key(reading: Any = asked, spool: Path = tmp_path, who: Any = contract, **rests: Any) -> str:
        fields: dict[str, Any] = {"snapshot": "s", "root": b"r", "size": 9}
        found = Rests(**fields | rests)
        return keeping.key_of(who, canonical.encode(encode_reading(reading)), found, spool)

    def other(**changes: Any) -> Any:
        counting = dataclasses.replace(asked.counting, **changes)
        return dataclasses.replace(asked, counting=counting)

    assert key() == key(other(spool=tmp_path / "elsewhere", memory_mb=999))
    found = [
        key(),
        key(other(most=2)),
        key(other(person=("visit",))),
        key(dataclasses.replace(asked, label="days > 1")),
        key(who=SimpleNamespace(id="d")),
        key(snapshot="t"),
        key(root=b"q"),
        key(root=b""),
        key(spool=tmp_path / "b"),
    ]
    assert len(set(found)) == len(found)


class Ends:
    """An executor that writes down whose process was ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def forget(self, name: str) -> None:
        self.ended.append(name)


async def test_the_oldest_makes_room_and_a_process_without_rows_ends() -> None:
    rows, executor = KeptRows(), Ends()
    rests = Rests("s", b"", 9)
    for at in range(MAX_KEPT + 2):
        await rows.put(cast("Any", executor), f"c{at}", Kept(rests, 100, float(at)))
    assert executor.ended == ["c0", "c1"]
    assert rows.size_without("c5") == 100 * (MAX_KEPT - 1)
    await rows.put(cast("Any", executor), "c3", Kept(rests, 0, 9.0))
    assert "c3" not in rows
    assert executor.ended[-1] == "c3"


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Return as much of a node as takes a step, with real workers; `going` is whether it may."""
    monkeypatch.setattr(keeping, "_LOOK_SECONDS", 0.05)
    world = made(tmp_path, visits(400))
    asked, spec, _ = reading_of(world, offered(3, by_visit=False))
    executor = LocalExecutor(1)
    made_of: Any = SimpleNamespace(
        catalogue=SimpleNamespace(
            product=lambda _: SimpleNamespace(table="visits"),
            table=lambda _: world.tables()[""],
        ),
        contracts=SimpleNamespace(
            get=lambda _: SimpleNamespace(terms=SimpleNamespace(product="p"))
        ),
        reader=SimpleNamespace(connection=None),
        executor=executor,
        settings=SimpleNamespace(memory_mb=256, question_seconds=60.0),
        kept=KeptRows(),
        background=set(),
        going=True,
        root=b"",
        asked=asked,
        payload=Coordinator(spec).payload(),
        snapshot=world.tables()[""].snapshot.commitment,
    )

    def check(*_: Any) -> None:
        if not made_of.going:
            raise InternalError("stopped")

    monkeypatch.setattr(keeping, "newest_root", lambda _: SimpleNamespace(root=made_of.root))
    monkeypatch.setattr(keeping, "check_going", check)
    monkeypatch.setattr(evaluating, "check_going", check)
    yield made_of
    await executor.close()


async def step(desk: Any, name: str = "c", *, root: bytes = b"", size: int = 9) -> bytes:
    rests = Rests(desk.snapshot, root, size)
    reading = canonical.encode(encode_reading(desk.asked))
    contract = cast("Any", SimpleNamespace(id=name))
    run = Run(desk, name, [])
    return await keeping.run_step(run, contract, f"key-{root!r}", rests, [reading, desk.payload])


async def until_dropped(desk: Any) -> None:
    async with asyncio.timeout(10):
        while "c" in desk.kept or desk.executor._own:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)


async def test_a_training_has_one_process_and_its_rows_stay_there(desk: Any) -> None:
    first = await step(desk)
    process = desk.executor._own["c"]._process.pid
    assert await step(desk) == first
    assert desk.executor._own["c"]._process.pid == process
    kept = desk.kept.get("c")
    assert kept.size == 8 * 4 * sum(
        1 for _ in training.rows(desk.asked, b"", held=False) for _ in _[1]
    )


async def test_where_they_would_take_too_much_nothing_is_kept(desk: Any) -> None:
    assert await step(desk, size=(64 << 20) + 1)  # a quarter of 256 MiB
    assert not desk.executor._own
    desk.kept._kept = OrderedDict(x=Kept(Rests("", b"", 1), (64 << 20) - 8, 0.0))
    assert await step(desk)
    assert "c" not in desk.kept


async def test_a_stop_ends_the_process_with_its_rows(desk: Any) -> None:
    await step(desk)
    worker = desk.executor._own["c"]
    desk.going = False
    await until_dropped(desk)
    async with asyncio.timeout(10):
        await worker._process.wait()


async def test_a_withdrawal_ends_it_before_anybody_asks_again(desk: Any) -> None:
    desk.root = b"one"
    await step(desk, root=b"one")
    assert "c" in desk.kept
    desk.root = b"two"
    await until_dropped(desk)


async def test_another_snapshot_and_a_minute_without_a_step_end_it(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await step(desk)
    desk.catalogue.table = lambda _: SimpleNamespace(snapshot=SimpleNamespace(commitment="other"))
    await until_dropped(desk)
    monkeypatch.setattr(keeping, "IDLE_SECONDS", 0.2)
    desk.catalogue.table = lambda _: SimpleNamespace(
        snapshot=SimpleNamespace(commitment=desk.snapshot)
    )
    await step(desk)
    assert "c" in desk.kept
    await until_dropped(desk)


async def test_a_step_that_fails_leaves_nothing_behind(desk: Any) -> None:
    await step(desk)
    desk.payload = b"none"
    with pytest.raises(MalformedMessageError):
        await step(desk)
    assert "c" not in desk.kept
    assert not desk.executor._own
