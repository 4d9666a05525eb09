"""A table and a buyer's set, masked by one process or in parts: for tests of intersections."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from unseen.evidence import canonical
from unseen.evidence.contracts.intersection import Summed
from unseen.evidence.contracts.plan import columns_to_json
from unseen.node.data.source import take_fingerprint
from unseen.node.intersecting.spreading import Masking, masked
from unseen.node.jobs.executor import Executor, Progress
from unseen.node.jobs.tasks import TASKS
from unseen.protocols.group.elgamal import Share
from unseen.protocols.group.ristretto255 import random_scalar
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.protocols.psi import sum as sums
from unseen.protocols.psi.ecdh import Receiver
from unseen.protocols.testing import seeded_rng

SUBJECT = (SubjectColumn("name", "string", "name"), SubjectColumn("born", "integer"))
DOMAIN, SESSION = b"d" * 32, bytes(range(32))
SCALAR = random_scalar(seeded_rng(3))
SNAPSHOT = b"t" * 32
SUMMED = Summed(column="amount", low=0, high=100)


class Here:
    """The tasks themselves, in this process, as an executor of `bulk` processes."""

    def __init__(self, bulk: int) -> None:
        self.bulk, self.shares_memory = bulk, False
        self.seen: list[str] = []

    async def run_bulk(self, task: str, parts: list[bytes], progress: Progress) -> list[bytes]:
        self.seen.append(task)
        return TASKS[task](parts, progress)


def name(number: int) -> str:
    """Return a name as the table writes it."""
    return f"Person {number:04d}"


def item(number: int) -> bytes:
    """Return what a buyer masks for a person."""
    return encode_subject(SUBJECT, (name(number), 1900 + number % 90), DOMAIN)


def table(path: Path, rows: int) -> Path:
    """Write people, and among them some twice in another form, and some in no form at all."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE people AS SELECT printf('Person %04d', range) AS name,"
            f" (1900 + range % 90)::INTEGER AS born, (range % 7)::INTEGER AS amount"
            f" FROM range({rows})"
        )
        connection.execute(
            "INSERT INTO people SELECT upper(name), born, amount FROM people WHERE amount = 3"
        )
        connection.execute("INSERT INTO people SELECT '  ', born, 50 FROM people WHERE amount = 4")
        connection.table("people").write_parquet(str(path))
    return path


def usable(rows: int) -> int:
    """Return how many rows of `table` have a form: those that are there in another one, too."""
    return rows + sum(number % 7 == 3 for number in range(rows))


def work_of(folder: Path, source: Path, items: int, rows: int, summed: bool = False) -> Masking:
    """Return what masks `source` for a set of the even ones of `items` persons, in `folder`."""
    folder.mkdir()
    people = [item(number) for number in range(0, 2 * items, 2)]
    head, key = b"", b""
    if summed:
        buyer, provider = shares()
        head = sums.head(buyer)
        key = sums.joined_key(provider, head, SESSION, provider=False)
    (folder / "set").write_bytes(head + Receiver(SESSION, people, seeded_rng(4)).ask())
    return Masking(
        reading={
            "suite": "intl",
            "source": str(source),
            "fingerprint": take_fingerprint(source).to_json(),
            "subject": columns_to_json(SUBJECT),
            "sum": SUMMED.to_json() if summed else None,
            "domain": DOMAIN.hex(),
            "folder": str(folder),
            "memory_mb": 256,
        },
        session=SESSION,
        scalar=SCALAR,
        buyers=folder / "set",
        head=len(head),
        items=items,
        rows=rows,
        key=key,
    )


def shares() -> tuple[Share, Share]:
    """Return the buyer's and the node's share of a run's key."""
    return tuple(  # type: ignore[return-value]
        sums.new_share(SESSION, seeded_rng(5 + side), provider=bool(side)) for side in range(2)
    )


def node_of(executor: Any, spool: Path, cut_rows: int = 1) -> Any:
    """Return as much of a node as cuts a job."""
    settings = SimpleNamespace(cut_rows=cut_rows, memory_mb=256)
    return SimpleNamespace(executor=executor, settings=settings, spool_path=lambda job: spool / job)


async def merged(
    executor: Executor,
    work: Masking,
    spool: Path,
    task: str = "intersect_answer",
    more: tuple[bytes, ...] = (),
    told: Callable[[int], None] = lambda _: None,
) -> list[bytes]:
    """Mask in parts on `executor`, and merge in this process."""
    async with masked(node_of(executor, spool), "job", work, told) as reading:
        parts = [canonical.encode(reading), work.session, work.scalar, *more]
        found = await asyncio.to_thread(TASKS[task], parts, told)
    assert not (spool / "job").exists()
    return found
