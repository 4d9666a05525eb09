"""Kernels are made ready where a contract needs them, beside the serving, and without a pickle."""

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from unseen.evidence.contracts.joint import PARAMETER
from unseen.evidence.contracts.states import State
from unseen.node.jobs import warming
from unseen.node.jobs.executor import LocalExecutor
from unseen.node.jobs.tasks import TASKS
from unseen.protocols.errors import KernelFaultError
from unseen.protocols.kernels import cache, features

if TYPE_CHECKING:
    from unseen.node.context import Node


class House:
    """A node as far as kernels need one."""

    def __init__(self, *contracts: tuple[State, dict[str, Any]], answer: Any = (b"names",)) -> None:
        held = [
            SimpleNamespace(
                state=state,
                terms=SimpleNamespace(
                    parameters={k: v for k, v in parameters.items() if k != "protocol"},
                    protocol=parameters.get("protocol", "oprf_table"),
                ),
            )
            for state, parameters in contracts
        ]
        self.contracts = SimpleNamespace(all=lambda: held)
        self.executor = self
        self.warm: set[str] = set()
        self.asked, self.workers = 0, 3
        self.tasks: list[str] = []
        self.background: set[asyncio.Task[None]] = set()
        self.answer = answer

    async def run_bulk(self, task: str, parts: Sequence[bytes]) -> list[bytes]:
        assert not parts
        self.tasks.append(task)
        self.asked += task == warming.TASK
        if isinstance(self.answer, Exception):
            raise self.answer
        return list(self.answer)

    async def run(self, task: str, parts: Sequence[bytes]) -> list[bytes]:
        assert not parts
        self.tasks.append(f"online {task}")
        return []

    async def swept(self, times: int = 1) -> int:
        for _ in range(times):
            await warming.sweep(cast("Node", self))
        await asyncio.gather(*self.background)
        return self.asked


JOINT: tuple[State, dict[str, Any]] = (State.ACTIVE, {PARAMETER: {}})


@pytest.mark.parametrize(
    ("contracts", "asked"),
    [
        ((), 0),
        (((State.ACTIVE, {}),), 0),
        (((State.PROPOSED, {PARAMETER: {}}), (State.EXPIRED, {PARAMETER: {}})), 0),
        (((State.ACTIVE, {}), JOINT), 1),
    ],
)
async def test_only_a_contract_over_several_nodes_needs_kernels(contracts: Any, asked: int) -> None:
    assert await House(*contracts).swept() == asked


async def test_a_contract_that_begins_is_not_waited_for_until_the_next_sweep() -> None:
    house = House(JOINT, (State.ACTIVE, {}))
    joint, other = house.contracts.all()
    warming.expect(cast("Node", house), other)
    assert not house.warm
    warming.expect(cast("Node", house), joint)
    await asyncio.gather(*house.background)
    assert house.asked == 1


async def test_what_answers_at_a_hidden_table_is_ready_in_every_online_worker() -> None:
    hidden = State.ACTIVE, {"protocol": "lwe_pir"}
    house = House(hidden, hidden, (State.EXPIRED, {"protocol": "lwe_pir"}))
    await house.swept(3)
    assert house.tasks == ["warm_matrix"] + ["online warm_matrix"] * 3
    (name,) = TASKS[warming.MATRIX]([], lambda _: None)
    assert name.startswith(b"matrix ")


async def test_what_computes_with_ciphertexts_is_ready_once_and_not_in_the_serving_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warming, "_load", lambda: pytest.fail("the serving process computes none"))
    encrypted = State.ACTIVE, {"protocol": "ckks"}
    house = House(encrypted, encrypted, (State.REVOKED, {"protocol": "ckks"}))
    await house.swept(3)
    assert house.tasks == ["warm_rings"]
    assert await House((State.PROPOSED, {"protocol": "ckks"})).swept() == 0
    (names,) = TASKS[warming.RINGS]([], lambda _: None)
    assert [name.split()[0] for name in names.decode().split(", ")] == [
        "NTT",
        "residues",
        "BLAKE2Xb",
    ]


async def test_it_is_done_once_and_nobody_waits_for_it() -> None:
    house = House(JOINT)
    await warming.sweep(cast("Node", house))
    assert house.asked == 0  # under way
    assert await house.swept(3) == 1
    assert not house.background


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([b"AES portable, noise portable"], "kernels: AES portable, noise portable"),
        (KernelFaultError("compiled-256"), "not ready: compiled-256 fails"),
        (ValueError("a value of a table"), "not ready: ValueError at"),
    ],
)
async def test_what_came_of_it_is_said(
    answer: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "unseen.node"):
        await House(JOINT, answer=answer).swept()
    assert said in caplog.text
    assert "a value of a table" not in caplog.text


def test_kernels_are_kept_in_the_home_unless_told_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.VARIABLE, "elsewhere")
    warming.settle(tmp_path)
    assert os.environ[cache.VARIABLE] == "elsewhere"
    monkeypatch.delenv(cache.VARIABLE)
    warming.settle(tmp_path)
    assert cache.folder() == tmp_path / "kernels"


def test_the_task_says_what_will_be_used() -> None:
    (names,) = TASKS[warming.TASK]([], lambda rows: None)
    assert names.startswith(b"AES ")
    assert b", noise " in names


@pytest.mark.slow
@pytest.mark.skipif(features.target() is None, reason="nothing is compiled here")
async def test_a_worker_compiles_what_this_process_then_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kernels"))
    house = House(JOINT)
    executor = LocalExecutor(1)
    house.executor = cast("House", executor)
    try:
        with caplog.at_level(logging.INFO, "unseen.node"):
            await house.swept()
    finally:
        await executor.close()
    assert "noise compiled" in caplog.text
    assert cache.usable()
    kept = sorted(path.name.partition("-")[0] for path in (tmp_path / "kernels").iterdir())
    assert kept == ["add32", "add64", "expand", "scan"]
    assert all(
        path.read_bytes().startswith(b"unseen kernel 1\n")
        for path in (tmp_path / "kernels").iterdir()
    )
