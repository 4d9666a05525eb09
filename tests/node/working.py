"""A node that is nothing but its jobs, and a kind of job that a test can lead step by step."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from sqlalchemy import Engine, select
from tests.node.conftest import NOW, Store

from unseen.evidence import canonical
from unseen.evidence.suite import INTL, Suite
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.contracts.stops import Stop, Stops
from unseen.node.identity.vault import Vault
from unseen.node.jobs import changes, record
from unseen.node.jobs.driver import Driver
from unseen.node.jobs.kind import JobKind, Outcome, Running
from unseen.node.jobs.record import Job
from unseen.node.jobs.sealing import open_result
from unseen.node.jobs.steps import NewJob
from unseen.node.release import gate
from unseen.node.release.gate import Released
from unseen.node.store.schema import leaves
from unseen.node.store.writer import Writer

Maker = Callable[..., Contract]


@dataclass
class Settings:
    """What a driver asks of the settings."""

    max_jobs: int = 1
    review_hours: float = 72.0


@dataclass
class Workshop:
    """What a driver asks of a node."""

    store: Store
    settings: Settings = field(default_factory=Settings)
    vault: Vault = field(default_factory=lambda: Vault(bytes(32)))
    suite: Suite = INTL
    draining: bool = False
    time: dt.datetime = NOW

    def __post_init__(self) -> None:
        self.clock, self.engine = self.store.clock, self.store.engine
        self.clock._now = lambda: self.time
        self.stops = Stops(self.engine)

    @property
    def writer(self) -> Writer:
        return self.store.writer

    @property
    def stopped(self) -> Stop | None:
        return self.stops.node()

    def driver(self, kinds: Mapping[str, JobKind]) -> Driver:
        made = Driver(cast("Node", self), kinds)
        self.jobs = made
        return made

    def later(self, **span: float) -> None:
        """Let time go by."""
        self.time += dt.timedelta(**span)

    def read(self, job: Job) -> Job:
        """Return a job as the store has it."""
        return read(self.engine, job)

    def leaves(self) -> list[dict[str, Any]]:
        """Return the leaves of the log."""
        with self.engine.connect() as connection:
            bodies = connection.execute(select(leaves.c.body).order_by(leaves.c.leaf_index))
            return [cast("dict[str, Any]", canonical.decode(row.body)) for row in bodies]


def read(engine: Engine, job: Job) -> Job:
    with engine.connect() as connection:
        return record.find(connection, job.id)


class Chain:
    """A seeded job in chunks: each hashes the one before, so that a lost or doubled one shows.

    `steps` lets a test hold a run before a chunk; without it chunks go on by themselves.
    """

    def __init__(self, name: str = "chain", **more: Any) -> None:
        self.began: list[str] = []  # jobs, by run
        self.worked: list[tuple[str, int]] = []  # job and chunk
        self.ended: list[Job] = []
        self.lost: list[tuple[str, str]] = []
        self.gates: dict[str, asyncio.Semaphore] = {}
        self.outcome: Outcome | None = None
        self.error: Exception | None = None
        self.kind = JobKind(
            name=name,
            run=self.run,
            lost=lambda _, job, reason: self.lost.append((job.id, reason)),
            ended=lambda _, job: self.ended.append(job),
            **more,
        )

    async def run(self, node: Node, running: Running) -> Outcome:
        del node
        job, ask = running.job, running.job.ask
        self.began.append(job.id)
        state = job.checkpoint or str(ask["seed"]).encode()
        chunks = cast("int", ask["chunks"])
        for chunk in range(job.chunk, chunks):
            running.progress("hashing", chunk, chunks)
            if job.id in self.gates:
                await self.gates[job.id].acquire()
            if self.error is not None:
                raise self.error
            state = link(state, chunk)
            self.worked.append((job.id, chunk))
            await running.keep(chunk + 1, state)
        return self.outcome or Outcome(result=passed(state))


def passed(result: bytes) -> Released:
    """Return what the gate would have made of a result that it let out."""
    return Released(
        gate._SEAL,
        bits=1,
        commitment=bytes(32),
        contract="",
        nonce=bytes(32),
        parts=(result,),
        request="",
        review=b"",
        since=0,
    )


def link(state: bytes, chunk: int) -> bytes:
    return hashlib.sha256(state + b"%d" % chunk).digest()


def chained(seed: int, chunks: int) -> bytes:
    """Return what a chain of so many chunks comes to."""
    state = str(seed).encode()
    for chunk in range(chunks):
        state = link(state, chunk)
    return state


def ask_for(seed: int = 1, chunks: int = 3, account: str = "lender", **more: Any) -> NewJob:
    fields: dict[str, Any] = {
        "kind": "chain",
        "about": f"chain {seed}",
        "ask": {"seed": seed, "chunks": chunks},
        "account": account,
        "owner": account,
    }
    return NewJob(**fields | more)


@pytest.fixture
def shop(store: Store) -> Workshop:
    return Workshop(store)


@pytest.fixture
def chain() -> Chain:
    return Chain()


@asynccontextmanager
async def serving(driver: Driver) -> AsyncIterator[Driver]:
    task = asyncio.create_task(driver.serve())
    try:
        yield driver
    finally:
        task.cancel()
        await driver.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for is in a store
            await asyncio.sleep(0.005)


async def ended(shop: Workshop, job: Job) -> Job:
    await until(lambda: not shop.read(job).live)
    return shop.read(job)


def result_of(shop: Workshop, job: Job) -> bytes:
    with shop.engine.connect() as connection:
        return open_result(connection, shop.vault, job.id, shop.clock.now())


async def claim(shop: Workshop, chain: Chain, job: Job) -> str:
    step = changes.Claim(shop.suite, {"chain": chain.kind}, job.id, "t" + job.id[1:])
    step = replace(step, token=f"{shop.read(job).attempts:032d}")
    return (await shop.writer.submit(step)).lease_token
