"""What a signature would let through: hostile rows and contexts in a worker process of its own.

Whoever signs what it sends has any bytes it likes read here. Each is one clear error or another
ciphertext of the same form, and the process goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from tests.protocols.he.mutants import Herd, Mutant

from unseen.evidence import canonical
from unseen.evidence.contracts.scoring import Scoring, Wanted
from unseen.node.data.model import offered
from unseen.node.data.source import take_fingerprint
from unseen.node.errors import InternalError, OverloadedError
from unseen.node.jobs.executor import LocalExecutor
from unseen.protocols.errors import MalformedMessageError, UnseenError
from unseen.protocols.he import checks, seal
from unseen.protocols.he.models import Feature, Layer, Model, line, to_onnx
from unseen.protocols.he.scorers import RowOwner, context_bytes
from unseen.protocols.he.tenseal_scheme import AT_ONCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

BATCHES = 16  # of a run: mutants that pass are computed together
ROW = np.array([[3.0]])


@dataclass
class Bench:
    """A contract over one column or more, its files, and a worker that scores them."""

    folder: Path
    executor: LocalExecutor
    width: int = 1
    hidden: bool = False  # a network of two squares in place of a line

    def __post_init__(self) -> None:
        """Write the model, a key's context and one encrypted row."""
        features = tuple(Feature(name=f"x{place}", low=0, high=10) for place in range(self.width))
        self.says = self._network(features) if self.hidden else self._line(features)
        self.model = self.folder / "model.onnx"
        self.model.write_bytes(to_onnx(self.says, {}))
        wanted = Wanted(features=features, precision="0.001", most=BATCHES)
        self.clause: Scoring = offered(self.says, wanted).only(BATCHES)
        self.owner = RowOwner(self.clause.ring)
        self.context = self.owner.context()
        self.rows = np.repeat(ROW, self.width, axis=1)
        self.sent = b"".join(self.owner.encrypt(features, self.rows))
        self.level = checks.sent_level(self.clause.ring)

    def _line(self, features: tuple[Feature, ...]) -> Model:
        return line("linear", features, [0.5] * self.width, 1.0)

    def _network(self, features: tuple[Feature, ...]) -> Model:
        squares = ((0.5, 0.25, 1.0),) * 2
        hidden = Layer(((0.1, -0.05),) * self.width, (0.25, 0.5), squares)
        return Model("linear", features, (hidden, Layer(((1.0,), (-0.5,)), (0.125,))))

    async def score(
        self,
        batches: Sequence[bytes],
        context: bytes | None = None,
        memory_mb: int = 256,
        heard: Callable[[], None] = lambda: None,
    ) -> tuple[bytes, int]:
        """Have batches scored; return what comes back, and how many the worker told of."""
        run, told = self.folder / "run", 0
        run.mkdir(exist_ok=True)
        (run / "batches").write_bytes(b"".join(batches))
        (run / "context").write_bytes(self.context if context is None else context)

        def progress(count: int) -> None:
            nonlocal told
            told += count
            heard()

        task = {
            "suite": "intl",
            "source": str(self.model),
            "fingerprint": take_fingerprint(self.model).to_json(),
            "clause": self.clause.to_json(),
            "output": "",
            "reach": 0,
            "context": str(run / "context"),
            "folder": str(run),
            "responses": len(batches),
            "memory_mb": memory_mb,
        }
        (worker,) = self.executor._online
        await worker.run("score_batches", [canonical.encode(task)], progress)
        return (run / "answer").read_bytes(), told

    async def honest(self) -> None:
        """Have a row scored as ever, by the process that was there from the start."""
        data, told = await self.score([self.sent])
        (score,) = self.owner.decrypt(data, 1).tolist()
        assert abs(score - self.says.predictor(self.rows)[0]) <= 0.001
        assert told == 1

    def herd(self) -> Herd:
        """Return what makes mutants of the first ciphertext."""
        both = np.ones((2, *self.level.shape), np.uint64)
        back = seal.Ciphertext(checks.back_level(self.clause.ring), 1.0, both[:, :1].copy())
        first = self.sent[: checks.sent_bytes(self.clause.ring)]
        return Herd(first, self.level, (seal.write(back), self.context))

    def passes(self, data: bytes) -> bool:
        """Return whether bytes have the form of a ciphertext that is sent."""
        try:
            checks.read_sent(data, self.clause.ring)
        except MalformedMessageError:
            return False
        return True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor() -> AsyncIterator[LocalExecutor]:
    found = LocalExecutor(1)
    await found.start()
    yield found
    await found.close()


@pytest.fixture
def bench(executor: LocalExecutor, tmp_path: Path) -> Bench:
    return Bench(tmp_path, executor)


def pid(executor: LocalExecutor) -> int:
    (worker,) = executor._online
    assert not worker.dead
    return worker._process.pid


def own_mib(executor: LocalExecutor) -> float:
    """Return the memory that the worker has now, without files that it looks into."""
    status = Path(f"/proc/{pid(executor)}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def grouped(some: Sequence[Mutant]) -> Iterator[Sequence[Mutant]]:
    return (some[start : start + BATCHES] for start in range(0, len(some), BATCHES))


@pytest.mark.parametrize(
    ("count", "every"), [(330, 20), pytest.param(10_000, 10, marks=pytest.mark.long)]
)
async def test_mutated_rows_are_refused_or_scored_and_the_process_goes_on(
    bench: Bench, count: int, every: int
) -> None:
    """Those of another form are refused by code that needs no process; some of them see it."""
    await bench.honest()
    first = pid(bench.executor)
    mutants = [*bench.herd().mutants(count, 2)]
    passing = [each for each in mutants if bench.passes(each.data)]
    refused = [each for each in mutants if not bench.passes(each.data)]
    assert min(len(passing), len(refused)) > count // 5
    size = checks.back_bytes(bench.clause.ring)
    for some in grouped(passing):
        data, told = await bench.score([each.data for each in some])
        assert (len(data), told) == (size * len(some), len(some))
        for start in range(0, len(data), size):
            checks.read_back(data[start : start + size], bench.clause.ring)
    for what, data in refused[::every]:
        before = bench.sent if len(data) == len(bench.sent) else b""
        with pytest.raises(MalformedMessageError) as caught:
            await bench.score([each for each in (before, data) if each or not before])
        assert str(caught.value), what
        assert not (bench.folder / "run/answer.part").exists(), what
    assert pid(bench.executor) == first
    await bench.honest()


async def test_mutated_contexts_are_refused_or_another_key(bench: Bench) -> None:
    await bench.honest()
    first, seen = pid(bench.executor), set()
    head = len(bench.context) - seal.ciphertext_bytes(
        seal.Level(bench.clause.ring.degree, bench.clause.ring.primes), seeded=False
    )
    chance = np.random.default_rng(5)
    for number in range(40):
        data = bytearray(bench.context)
        place = int(chance.integers((head, head + 113, len(data))[number % 3]))
        data[place] ^= 1 << int(chance.integers(8))
        if number % 5 == 0:
            del data[int(chance.integers(len(data))) :]
        try:
            answer, _ = await bench.score([bench.sent], bytes(data))
        except MalformedMessageError as error:
            seen.add(str(error))
        else:
            checks.read_back(answer, bench.clause.ring)
            seen.add("another key")
    transparent = bench.context[: head + 113] + bytes(len(bench.context) - head - 113)
    with pytest.raises(MalformedMessageError):
        await bench.score([bench.sent], transparent)
    assert {"another key", "a context of other parameters"} < seen
    assert pid(bench.executor) == first
    await bench.honest()


async def test_mutated_keys_for_products_are_refused_or_other_keys(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, executor, hidden=True)
    await bench.honest()
    first, other, refused = pid(executor), 0, 0
    chance = np.random.default_rng(6)
    assert len(bench.context) == context_bytes(bench.clause.ring)
    keys = len(bench.context) // 3  # behind it are keys for products alone
    for number in range(9):
        data = bytearray(bench.context)
        place = int(chance.integers(keys, len(data)))
        data[place] ^= 1 << int(chance.integers(8))
        if number % 3 == 0:
            del data[place:]
        try:
            answer, _ = await bench.score([bench.sent], bytes(data))
        except MalformedMessageError:
            refused += 1
        else:
            checks.read_back(answer, bench.clause.ring)
            other += 1
    assert min(other, refused) > 1
    assert pid(executor) == first
    await bench.honest()


async def test_a_task_gets_no_more_memory_than_its_ceiling(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    await Bench(tmp_path / "one", executor).honest()  # all libraries are there
    wide = Bench(tmp_path, executor, width=3 * AT_ONCE)
    first = pid(executor)
    with pytest.raises(OverloadedError) as caught:
        await wide.score([wide.sent], memory_mb=4)
    assert (caught.value.clause, bool(caught.value.remedy)) == ("node.memory_mb", True)
    assert not (tmp_path / "run/answer").exists()
    assert pid(executor) == first
    await wide.score([wide.sent], memory_mb=64)
    await wide.honest()


async def test_a_million_rows_take_no_more_memory_than_a_few(
    bench: Bench, executor: LocalExecutor
) -> None:
    """One batch is in memory, and no file: 123 of 8,192 rows each are 16 MB here."""
    await bench.honest()
    before, seen = own_mib(executor), list[float]()
    data, told = await bench.score([bench.sent] * 123, heard=lambda: seen.append(own_mib(executor)))
    assert told == 123 == len(seen) == len(data) // checks.back_bytes(bench.clause.ring)
    assert max(seen) - before < 4


async def test_a_process_that_is_killed_is_one_error_and_replaced(bench: Bench) -> None:
    await bench.honest()
    first = pid(bench.executor)
    work = asyncio.create_task(bench.score([bench.sent] * BATCHES))
    await asyncio.sleep(0)
    (worker,) = bench.executor._online
    worker._process.kill()
    with pytest.raises(InternalError, match="a worker process ended") as caught:
        await work
    assert caught.value.remedy.endswith("nothing was charged")
    with pytest.raises(UnseenError):
        await worker.run("check_elements", [b"0"])
    await bench.executor.run("check_elements", [b"0"])
    assert pid(bench.executor) != first
    await bench.honest()
