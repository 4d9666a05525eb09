"""Batches in pieces: the answer is the same, and a stop or a bad element ends the work."""

import asyncio
from collections.abc import Sequence

import pytest

from unseen.node.errors import NodeStoppedError
from unseen.node.jobs.executor import LocalExecutor
from unseen.node.jobs.tasks import TASKS
from unseen.node.kinds import batches
from unseen.node.kinds.batches import PIECE, evaluate_batch
from unseen.protocols.errors import ElementInvalidError
from unseen.protocols.group import ristretto255
from unseen.protocols.oprf import dleq, keys
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng

KEY = keys.generate(seeded_rng(1))


class Here:
    """An executor that computes where it is asked, and remembers what."""

    workers = 3

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []
        self.busy = self.most = 0

    async def run(self, task: str, parts: Sequence[bytes], weight: int = 1) -> list[bytes]:
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(0)
        try:
            self.ran.append((task, weight))
            return TASKS[task](list(parts), lambda _: None)
        finally:
            self.busy -= 1


def elements(count: int) -> list[bytes]:
    return list(blind([b"%d" % n for n in range(count)], Mode.VOPRF, seeded_rng(2)).elements)


async def evaluate(executor: Here, batch: Sequence[bytes], stop_after: int = -1) -> list[bytes]:
    asked = 0

    def go_on() -> None:
        nonlocal asked
        if asked == stop_after:
            raise NodeStoppedError("stopped", clause="node.stopped")
        asked += 1

    return await evaluate_batch(executor, KEY, batch, go_on)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 20])
async def test_pieces_give_what_the_whole_gives(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PIECE", 8)
    batch, executor = elements(count), Here()
    *evaluated, proof = await evaluate(executor, batch)
    assert tuple(evaluated) == ristretto255.multiply_each(KEY.scalar, batch)
    dleq.verify(KEY.public_key, batch, evaluated, proof)
    assert executor.most <= executor.workers
    assert count < 20 or executor.most == executor.workers  # its pieces are shared out
    assert (len(executor.ran) == 1) == (count <= 8)


@pytest.mark.parametrize("place", [0, 4, 19])
@pytest.mark.parametrize("piece", [8, 64])
async def test_a_bad_element_is_found_before_anything_is_computed(
    place: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PIECE", piece)
    monkeypatch.setattr(batches, "_CHECKED", 6)
    monkeypatch.setattr(ristretto255, "multiply_each", pytest.fail)
    batch, executor = elements(20), Here()
    batch[place] = bytes(32)
    with pytest.raises(ElementInvalidError) as caught:
        await evaluate(executor, batch)
    assert caught.value.position == place
    assert {task for task, _ in executor.ran} <= {"check_elements", "voprf"}


@pytest.mark.parametrize("asked", range(8))
async def test_a_stop_takes_effect_between_two_pieces(
    asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PIECE", 8)
    executor = Here()
    wanted = 1 + 3 + 3  # checks, multiplications, sums
    if asked == wanted:
        assert await evaluate(executor, elements(20), asked)
        return
    with pytest.raises(NodeStoppedError):
        await evaluate(executor, elements(20), asked)
    assert len(executor.ran) <= asked


async def test_a_stop_comes_before_a_short_batch_too() -> None:
    executor = Here()
    with pytest.raises(NodeStoppedError):
        await evaluate(executor, elements(2), 0)
    assert executor.ran == []


async def test_workers_are_chosen_by_what_they_have_to_do() -> None:
    executor = LocalExecutor(2)
    await executor.start()
    try:
        long = elements(3 * PIECE)
        *evaluated, proof = await evaluate_batch(executor, KEY, long, lambda: None)
        dleq.verify(KEY.public_key, long, evaluated, proof)
        assert loads(executor) == [0, 0]
        heavy = asyncio.ensure_future(
            executor.run("voprf", [KEY.scalar, KEY.public_key, *long[:200]], 200)
        )
        await asyncio.sleep(0)
        light = [
            asyncio.ensure_future(executor.run("voprf", [KEY.scalar, KEY.public_key, long[0]]))
            for _ in range(5)
        ]
        await asyncio.sleep(0)
        assert loads(executor) == [5, 200]
        await asyncio.gather(heavy, *light)
    finally:
        await executor.close()


def loads(executor: LocalExecutor) -> list[int]:
    return sorted(worker.load for worker in executor._online)
