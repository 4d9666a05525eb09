"""One question from contract to answer, by a real worker: what it yields, and what ends it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.node.counted import World, offered

from unseen.evidence import canonical
from unseen.evidence.contracts.statistics import Menu, Partition, Question, shape_of
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.evidence.contracts.typed import decode
from unseen.evidence.errors import QuestionInvalidError
from unseen.node.consent.admission import subject_name
from unseen.node.consent.tree import sealer_of
from unseen.node.data.counting import encode_counting
from unseen.node.data.names import PERMITTED
from unseen.node.errors import (
    DeadlineError,
    GroupTooSmallError,
    NodeStoppedError,
    PredicateFailsError,
)
from unseen.node.jobs import frames
from unseen.node.jobs.executor import LocalExecutor
from unseen.node.statistics import evaluate as evaluating
from unseen.node.statistics.evaluate import Evaluated, evaluate
from unseen.protocols.errors import UnseenError

EXACT = Partition(by=("ward", "urgent"), where=("stayed",), measures=("days",))
# What reads every row a thousand times over, so that there is time to stop it.
SLOW = "list_sum(list_transform(range(2000000 + visit), lambda x: x % 7)) > 0"


@dataclass
class Desk:
    """What a question asks of a node: workers, settings, a table, and whether it may go on."""

    folder: Path
    executor: LocalExecutor
    definition: Definition
    world: World
    settings: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(memory_mb=256, question_seconds=60.0)
    )
    questions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    going: UnseenError | None = None

    @property
    def catalogue(self) -> Any:
        return SimpleNamespace(table=self.world.tables().__getitem__)

    def spool_path(self, name: str) -> Path:
        return self.folder / "node" / name

    async def ask(self, question: Question, menu: Menu | None = None) -> Evaluated:
        terms = SimpleNamespace(
            consent=None, parameters={"menu": (menu or self.definition.menu).to_json()}
        )
        contract = SimpleNamespace(id="c", terms=terms, plan=SimpleNamespace(group=12))
        product = SimpleNamespace(definition=self.definition, joined="insurances")
        table = self.world.tables()[""]
        return await evaluate(
            cast("Any", self), cast("Any", contract), cast("Any", product), table, question
        )


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    def going(desk: Any, _contract: str) -> None:
        if desk.going is not None:
            raise desk.going

    monkeypatch.setattr(evaluating, "check_going", going)
    visits = [
        {
            "visit": at,
            "patient": at // 2,
            "ward": ("east", "west", "café")[at % 3],
            "age": float(at % 90),
            "urgent": at % 4 > 0,
            "cost": at * 0.25,
            "days": at % 9,
        }
        for at in range(2000)
    ]
    insurances = [
        {"holder": at, "plan": "full" if at % 3 else "basic", "limit": None, "active": at % 5 > 0}
        for at in range(900)
    ]
    world = World(tmp_path, visits, insurances)
    world.write()
    executor = LocalExecutor(1)
    yield Desk(tmp_path, executor, offered(2, by_visit=False, exact=EXACT), world)
    await executor.close()


async def test_an_answer_with_noise_is_private_and_near_the_truth(desk: Desk) -> None:
    question = Question(what="mean", of="days", by=("plan",), where=("stayed", "insured"), rho="50")
    found = await desk.ask(question)
    value = decode(shape_of(desk.definition.menu, question), found.parts[0])
    assert (found.rho, found.consent_root, len(found.snapshot)) == (Fraction(50), b"", 32)
    assert found.facts.private
    assert found.facts.cells == ()
    beside = {row["holder"]: row for row in desk.world.insurances}
    for row, plan in zip(value.rows, ("basic", "full"), strict=True):
        days = [
            visit["days"]
            for visit in desk.world.visits
            if visit["days"] > 0
            and (other := beside.get(visit["patient"]))
            and other["active"]
            and other["plan"] == plan
        ]
        assert row[0] == plan
        assert abs(cast("int", row[1]) - len(days)) < 40
        assert abs(cast("int", row[2]) - 1000 * sum(days) / len(days)) < 500
    assert not list(desk.spool_path("").glob("*"))


async def test_the_exact_table_comes_with_who_is_behind_it(desk: Desk) -> None:
    found = await desk.ask(Question(what="partition"))
    shape = shape_of(desk.definition.menu, Question(what="partition"))
    value = decode(shape, found.parts[0])
    assert not found.facts.private
    assert found.facts.population == 1000
    assert len(found.facts.cells) == 12
    assert found.rho == 0
    for row in value.rows:
        rows = [
            visit["days"]
            for visit in desk.world.visits
            if visit["days"] > 0
            and visit["ward"] == row[0]
            and str(visit["urgent"]).lower() == row[1]
        ]
        assert row[2] == (2 * len(rows) + 5) // 10 * 5
        assert row[3] == sum(rows)


async def test_few_people_are_one_refusal(desk: Desk) -> None:
    desk.world = replace(desk.world, visits=desk.world.visits[:60])
    desk.world.write()
    with pytest.raises(GroupTooSmallError):
        await desk.ask(Question(what="partition"))


async def test_an_expression_that_fails_is_named_and_nothing_of_the_row(desk: Desk) -> None:
    desk.definition = _with_filter(desk.definition, "CAST(ward AS INTEGER) > 0")
    with pytest.raises(PredicateFailsError) as caught:
        await desk.ask(Question(what="count", where=("stayed",), rho="1"))
    assert "stayed" in str(caught.value)
    assert "east" not in str(caught.value)


def _with_filter(definition: Definition, expression: str) -> Definition:
    first, *rest = definition.conditions
    return replace(definition, conditions=(replace(first, expression=expression), *rest))


@pytest.mark.parametrize("error", [NodeStoppedError, DeadlineError, asyncio.CancelledError])
async def test_a_question_under_way_ends_with_its_worker(
    desk: Desk, error: type[BaseException]
) -> None:
    desk.definition = _with_filter(desk.definition, SLOW)
    if error is DeadlineError:
        desk.settings.question_seconds = 1.0
    asked = asyncio.ensure_future(desk.ask(Question(what="count", where=("stayed",), rho="1")))
    while not desk.executor._bulk:  # noqa: ASYNC110 - nobody tells when a worker has started
        await asyncio.sleep(0.01)
    (worker,) = desk.executor._bulk
    began = time.monotonic()
    if error is NodeStoppedError:
        desk.going = NodeStoppedError("stopped")
    elif error is asyncio.CancelledError:
        asked.cancel()
    with pytest.raises(error):
        await asked
    assert time.monotonic() - began < 20
    with pytest.raises(ProcessLookupError):
        os.kill(worker._process.pid, 0)
    assert not list(desk.spool_path("").glob("*"))
    desk.going = None
    assert desk.questions._value == 1


async def test_a_menu_without_the_entry_refuses_before_anything_is_read(desk: Desk) -> None:
    menu = desk.definition.menu.only(("ward",))
    (desk.folder / "visits.parquet").write_bytes(b"no table at all")
    with pytest.raises(QuestionInvalidError):
        await desk.ask(Question(what="count", by=("age",), rho="1"), menu)
    with pytest.raises(QuestionInvalidError):
        await desk.ask(Question(what="partition"), menu)


async def test_only_who_consents_is_counted(desk: Desk) -> None:
    definition = offered(1, by_visit=True, exact=EXACT)
    counting = desk.world.counting(definition, Question(what="count", rho="1"))
    secret, chosen = b"s" * 32, range(0, 2000, 5)
    sealer = sealer_of(secret)
    with (counting.spool / PERMITTED).open("wb") as file:
        for at in chosen:
            name = f"consent{at}"
            sealed = sealer.seal(subject_name(name), canonical.encode([str(at)]))
            file.write(frames.framed(frames.pack([name.encode(), sealed])))
    body = cast("Any", encode_counting(counting))
    body |= {"permitted": [{"name": "visit", "type": "integer"}], "tallies": [["count", "1/1000"]]}
    asked = canonical.encode(body)
    (result,) = await desk.executor.run_bulk("count_noisy", [asked, secret])
    assert canonical.decode(result) == [["400"]]
    (result,) = await desk.executor.run_bulk("count_exact", [asked, secret])
    population, _ = cast("Any", canonical.decode(result))
    assert population == "400"


async def test_what_leaves_a_worker_is_numbers(desk: Desk) -> None:
    question = Question(what="sum", of="cost", by=("ward",), rho="0.5")
    counting = desk.world.counting(desk.definition, question)
    asked = canonical.encode(encode_counting(counting))
    for name in ("count_noisy", "count_exact"):
        (result,) = await desk.executor.run_bulk(name, [asked])
        assert not set(result) - set(b'0123456789-",[]')
