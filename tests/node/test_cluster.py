"""Long tasks on a cluster: the same answers as here, whatever is killed, and nobody let in."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import psutil
import pytest
import pytest_asyncio
from tests.node import masking
from tests.node.clusters import Cluster
from tests.node.counted import World, offered

from unseen.evidence import canonical
from unseen.evidence.contracts.statistics import Partition, Question
from unseen.node.cluster.executor import THERE, DaskExecutor
from unseen.node.data.source import Fingerprint, Source
from unseen.node.data.spec import BuildSpec, encode_spec
from unseen.node.errors import (
    ClusterLostError,
    ClusterRefusedError,
    InternalError,
    TableChangedError,
)
from unseen.node.jobs.executor import Executor, LocalExecutor
from unseen.node.jobs.tasks import TASKS
from unseen.node.statistics import evaluate as evaluating
from unseen.node.statistics.found import summed
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.oprf_table import TableParameters, epoch_domain
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.protocols.oprf import keys
from unseen.protocols.testing import seeded_rng

if TYPE_CHECKING:
    from unseen.evidence.canonical import Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = 9000  # two parts of a table: batches have 8192 rows
KEY = keys.generate(seeded_rng(1))
SALT = b"s" * 32
SUBJECT = (SubjectColumn("id", "integer"),)
T = TypeVar("T")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("cluster") / "files")
    try:
        found.start(workers=2)
        yield found
    finally:
        found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(cluster: Cluster) -> AsyncIterator[DaskExecutor]:
    executor = DaskExecutor(LocalExecutor(1), cluster.address, cluster.files)
    await executor.start()
    yield executor
    await executor.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[LocalExecutor]:
    executor = LocalExecutor(1)
    yield executor
    await executor.close()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table_of(tmp_path_factory.mktemp("table"))


def table_of(folder: Path) -> Path:
    path = folder / "table.parquet"
    with duckdb.connect() as connection:
        query = f"SELECT range AS id, range * 7919 % 1000 AS amount FROM range({ROWS})"
        connection.sql(query).write_parquet(str(path))
    return path


async def inspected(executor: Executor, table: Path, spool: Path) -> bytes:
    asked: Json = {"source": str(table), "subject": ["id"], "memory_mb": 256, "spool": str(spool)}
    (found,) = await executor.run_bulk("inspect_table", [canonical.encode(asked), SALT])
    return found


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def spec_of(executor: Executor, table: Path, spool: Path) -> BuildSpec:
    found: Any = canonical.decode(await inspected(executor, table, made(spool)))
    return BuildSpec(
        source=Source.parse(str(table)),
        fingerprint=Fingerprint.from_json(found["fingerprint"]),
        subject=SUBJECT,
        predicates=(("large", "CASE WHEN id % 16 = 0 THEN amount >= 500 END"),),  # few, to be fast
        columns=("id", "amount"),
        snapshot=canonical.b64decode(found["snapshot"]),
        rows=found["rows"],
        parameters=TableParameters(epoch_domain(b"c" * 32, 1), b"n" * 32, 1),
        spool=spool,
        memory_mb=256,
    )


def fill(
    executor: Executor, spec: BuildSpec, part: int, heard: list[int]
) -> Awaitable[list[bytes]]:
    ask = canonical.encode({"spec": encode_spec(spec), "part": part, "parts": 2})
    return executor.run_bulk("fill_table", [ask, KEY.scalar, SALT], heard.append)


async def merged(executor: Executor, spec: BuildSpec) -> tuple[list[bytes], bytes]:
    ask = canonical.encode({"spec": encode_spec(spec)})
    target = spec.spool / "finished"
    found = await executor.run_bulk("merge_table", [ask, str(target).encode()])
    return found, target.read_bytes()


async def built(executor: Executor, spec: BuildSpec) -> tuple[list[bytes], bytes]:
    heard: list[int] = []
    await asyncio.gather(*(fill(executor, spec, part, heard) for part in range(2)))
    assert sum(heard) == ROWS
    return await merged(executor, spec)


async def soon(check: Awaitable[T]) -> T:
    return await asyncio.wait_for(check, 60)


async def gone(process: psutil.Process) -> None:
    await asyncio.to_thread(process.wait, 60)


async def restored(there: DaskExecutor, cluster: Cluster) -> None:
    """Start a machine in the place of the one that was killed, and wait until it is known."""
    await asyncio.to_thread(cluster.start, 1)
    for _ in range(600):
        if there.bulk == 2:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the node has not heard of it")


@pytest.mark.long
async def test_a_table_is_the_same_one_and_who_is_killed_is_replaced(
    there: DaskExecutor, here: LocalExecutor, table: Path, tmp_path: Path, cluster: Cluster
) -> None:
    assert there.bulk == 2
    local = await spec_of(here, table, tmp_path / "local")
    far = await spec_of(there, table, tmp_path / "far")
    assert local.snapshot == far.snapshot
    expected = await built(here, local)
    assert await soon(built(there, far)) == expected

    again = replace(far, spool=made(tmp_path / "again"))
    heard: list[int] = []
    parts = [asyncio.ensure_future(fill(there, again, part, heard)) for part in range(2)]
    await asyncio.to_thread(cluster.kill_machine_of_task)
    await soon(asyncio.gather(*parts))
    assert sum(heard) == ROWS
    assert await soon(merged(there, again)) == expected
    await restored(there, cluster)


async def test_governed_sql_counts_the_same_in_parts_and_who_is_killed_is_replaced(
    there: DaskExecutor,
    here: LocalExecutor,
    tmp_path: Path,
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits = [
        {"visit": n, "patient": n % 90, "ward": "east", "age": float(n % 120), "urgent": True}
        | {"cost": n / 4, "days": n % 40}
        for n in range(300)
    ]
    insurances = [
        {"holder": n, "plan": "basic", "limit": None, "active": n % 3 == 0} for n in range(90)
    ]
    world = World(tmp_path, visits, insurances)
    exact = Partition(by=("ward",), where=(), measures=("cost",))
    question = Question(what="sum", of="cost", by=("age",), where=("stayed",), rho="1")
    monkeypatch.setattr(evaluating, "check_going", lambda *_: None)

    def run(executor: Executor, cut: int) -> evaluating.Run:
        settings = SimpleNamespace(question_seconds=60.0)
        node: Any = SimpleNamespace(executor=executor, settings=settings)
        return evaluating.Run(node, "c", [], cut)

    counting = world.counting(offered(2, by_visit=False), question)
    (expected,) = await run(here, 1).partials("count_plain", counting)
    work = asyncio.ensure_future(run(there, 2).partials("count_plain", counting))
    await asyncio.to_thread(cluster.kill_machine_of_task)
    found: Any = [canonical.decode(part) for part in await soon(work)]
    assert len(found) == 2
    tables = [[[int(number) for number in table] for table in part] for part in found]
    assert [[str(n) for n in table] for table in summed(tables)] == canonical.decode(expected)
    await restored(there, cluster)

    counting = world.counting(offered(2, by_visit=False, exact=exact), Question(what="partition"))
    assert await soon(run(there, 2).exact(counting)) == await run(here, 1).exact(counting)


async def test_an_intersection_is_the_same_one_and_who_is_killed_is_replaced(
    there: DaskExecutor, tmp_path: Path, cluster: Cluster
) -> None:
    people = masking.table(tmp_path / "people.parquet", 600)
    alone = masking.work_of(tmp_path / "alone", people, 50, 600)
    far = masking.work_of(tmp_path / "far", people, 50, 600)
    one: Any = masking.Here(1)
    expected = await masking.merged(one, alone, tmp_path)
    heard: list[int] = []
    work = asyncio.ensure_future(masking.merged(there, far, tmp_path, told=heard.append))
    await asyncio.to_thread(cluster.kill_machine_of_task)
    assert await soon(work) == expected
    assert (tmp_path / "far/answer").read_bytes() == (tmp_path / "alone/answer").read_bytes()
    assert sum(heard) == 50 + masking.usable(600)
    await restored(there, cluster)


async def test_an_intersection_that_is_stopped_stops_its_parts(
    there: DaskExecutor, tmp_path: Path, cluster: Cluster
) -> None:
    people = masking.table(tmp_path / "people.parquet", 600)
    work = masking.work_of(tmp_path / "run", people, 50, 600)
    running = asyncio.ensure_future(masking.merged(there, work, tmp_path))
    task = await asyncio.to_thread(cluster.wait_for_task)
    running.cancel()
    await soon(gone(task))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not cluster.tasks()
    assert [path.name for path in work.buyers.parent.iterdir()] == ["set"]


@pytest.fixture
def matrix(tmp_path: Path) -> tuple[Path, Shape]:
    shape = Shape(7, 1024, 1)
    path = tmp_path / "a.matrix"
    path.write_bytes(seeded_rng(2)(shape.table_bytes))
    return path, shape


def asked(path: Path, shape: Shape, cuts: int) -> list[list[bytes]]:
    """Return the parts of the tasks that answer some queries, in so many cuts."""
    queries = path.with_name("queries")
    queries.write_bytes(seeded_rng(5)(3 * shape.query_bytes))
    of: dict[str, Json] = {
        "path": str(path),
        "queries": str(queries),
        "shape": [shape.blocks, shape.width, shape.label_bytes],
    }
    edges = [number * shape.blocks // cuts for number in range(cuts + 1)]
    return [[canonical.encode(of | {"blocks": [*pair]})] for pair in itertools.pairwise(edges)]


@pytest.mark.long
async def test_answers_are_the_same_and_who_answers_stays(
    there: DaskExecutor, matrix: tuple[Path, Shape], tmp_path: Path, cluster: Cluster
) -> None:
    path, shape = matrix
    (expected,) = (TASKS["lwe_answer"](parts, lambda _: None) for parts in asked(path, shape, 1))

    async def answers(cuts: int) -> list[bytes]:
        found = await soon(
            asyncio.gather(
                *(
                    there.run_near(place, path, "lwe_answer", parts)
                    for place, parts in enumerate(asked(path, shape, cuts))
                )
            )
        )
        return [b"".join(pieces) for pieces in zip(*found, strict=True)]

    assert await answers(2) == expected
    first = {task.pid: task.ppid() for task in cluster.tasks()}
    assert sorted(first.values()) == sorted(each.pid for each in cluster.living())
    for cuts in (2, 7, 1):
        assert await answers(cuts) == expected
    assert {task.pid: task.ppid() for task in cluster.tasks()} == first

    cluster.tasks()[0].kill()  # a process that waits
    assert await answers(2) == expected
    machine = cluster.living()[0]
    machine.kill()
    machine.wait(60)
    assert await answers(2) == expected
    await restored(there, cluster)

    spec = await spec_of(there, table_of(tmp_path), tmp_path / "spool")
    heard: list[int] = []
    long = [asyncio.ensure_future(fill(there, spec, part, heard)) for part in range(2)]
    kept = {task.pid for task in cluster.tasks()}
    stopped = await asyncio.to_thread(cluster.stop_new_tasks, kept, 2)
    assert await answers(2) == expected  # beside tables that are built on every machine
    for each in stopped:
        each.resume()
    await soon(asyncio.gather(*long))

    path.unlink()
    for task in cluster.tasks():
        await soon(gone(task))
    with pytest.raises(ClusterRefusedError) as caught:
        await soon(there.run_near(0, path, "lwe_answer", asked(path, shape, 1)[0]))
    assert caught.value.clause == "node.shared"
    assert str(path) not in str(caught.value)
    assert not cluster.tasks()


async def test_refusals_come_back_in_their_own_words(
    there: DaskExecutor, table: Path, tmp_path: Path
) -> None:
    spec = await spec_of(there, table, tmp_path / "spool")
    changed = replace(spec, fingerprint=replace(spec.fingerprint, size=1, sha256="0" * 64))
    ask = canonical.encode({"spec": encode_spec(changed), "part": 0, "parts": 1})
    with pytest.raises(TableChangedError) as caught:
        await soon(there.run_bulk("fill_table", [ask, KEY.scalar, SALT]))
    assert (caught.value.clause, bool(caught.value.remedy)) == ("table.snapshot", True)
    with pytest.raises(InternalError):
        await soon(there.run_bulk("merge_table", []))  # it has no parts


async def test_a_process_that_dies_is_tried_again_but_not_for_ever(
    there: DaskExecutor, table: Path, tmp_path: Path, cluster: Cluster
) -> None:
    work = asyncio.ensure_future(inspected(there, table, tmp_path))
    killed = set()
    while not work.done():
        for task in cluster.tasks():
            task.kill()
            killed.add(task.pid)
        await asyncio.sleep(0.005)
    with pytest.raises(InternalError) as caught:
        await work
    assert "ended, 3 times" in str(caught.value)
    assert len(killed) == 3


async def test_what_nobody_waits_for_is_killed(
    there: DaskExecutor, table: Path, tmp_path: Path, cluster: Cluster
) -> None:
    work = asyncio.ensure_future(inspected(there, table, tmp_path))
    task = await asyncio.to_thread(cluster.wait_for_task)
    work.cancel()
    await soon(gone(task))
    assert not cluster.tasks()


async def test_short_and_own_tasks_and_kernels_stay_on_this_machine(
    there: DaskExecutor, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def noted(task: str, *_: object) -> list[bytes]:
        seen.append(task)
        return []

    monkeypatch.setattr(there._local, "run_bulk", noted)
    for name in ("warm_up", "intersect_answer"):
        await there.run_bulk(name, [])
    assert seen == ["warm_up", "intersect_answer"]
    assert TASKS.keys() > THERE
    monkeypatch.undo()
    elements = [KEY.scalar, KEY.public_key]
    assert len(await there.run("voprf", [*elements, KEY.public_key])) == 2
    assert len(await there.run_own("mine", "voprf", [*elements, KEY.public_key])) == 2
    mine = there._local._own["mine"]._process.pid
    assert psutil.Process(mine).ppid() == os.getpid()
    await there.forget("mine")
    assert not cluster.tasks()


@pytest.mark.long
async def test_a_lost_scheduler_is_one_error_and_the_next_one_is_found(
    there: DaskExecutor, table: Path, tmp_path: Path, cluster: Cluster
) -> None:
    """The last test of the module: it ends the cluster."""
    work = asyncio.ensure_future(inspected(there, table, tmp_path))
    task = await asyncio.to_thread(cluster.wait_for_task)
    cluster.kill_scheduler()
    task.resume()
    with pytest.raises(ClusterLostError):
        await soon(work)
    await soon(gone(task))
    assert there._relay is not None
    await soon(there._relay._reader)
    with pytest.raises(ClusterLostError) as caught:
        await soon(inspected(there, table, tmp_path))
    assert "nothing answers" in str(caught.value)
    assert len(await there.run("voprf", [KEY.scalar, KEY.public_key, KEY.public_key])) == 2
    await asyncio.to_thread(cluster.start, 1)
    assert await soon(inspected(there, table, tmp_path))
