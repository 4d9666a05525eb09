"""A large intersection's masking, cut into parts that several processes do, here or on a cluster.

First the stretches of the buyer's set, whose elements are looked at so, then the parts of the
table, its rows by the hash of their subjects. The scalar is the node's to draw, once for a job; it
leaves this process in tasks alone, and those the machine behind TLS alone. What was masked lies in
the job's spool until one task on this machine merges it.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.node.context import Node
from unseen.node.errors import disk_full
from unseen.node.jobs.cutting import memory_of, roomy_parts_of
from unseen.protocols.errors import UnseenError

_SET: Final = "set"
_STRETCH: Final = 25_000  # items; a process starts in half a second, in which it masks as many
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Masking:
    """What the processes of a job are told: a reading as JSON, and the secrets that go beside.

    `buyers` is the buyer's set, of so many `items` behind `head` bytes; `rows` are the table's;
    `key` is the run's where there is a sum.
    """

    reading: Mapping[str, Json]
    session: bytes
    scalar: bytes = field(repr=False)
    buyers: Path
    head: int
    items: int
    rows: int
    key: bytes = b""


@asynccontextmanager
async def masked(
    node: Node, job: str, work: Masking, told: Told
) -> "AsyncIterator[dict[str, Json]]":
    """Yield the reading with the files of what was masked in parts: none, where one process does.

    They end with the context.

    Raises:
        UnseenError: a part's; the others are ended.

    """
    parts = roomy_parts_of(node, work.rows + work.items)
    if parts == 1:
        yield {**work.reading, "part": 0, "parts": 1, "stretches": [], "table": []}
        return
    spool = node.spool_path(job)
    shutil.rmtree(spool, ignore_errors=True)
    try:
        await asyncio.to_thread(_lend, work.buyers, spool)
        memory = {"memory_mb": memory_of(node, parts)}
        ask = {**work.reading, **memory, "folder": str(spool), "set": str(spool / _SET)}
        few = min(parts, -(-work.items // _STRETCH))
        stretches = await _each(
            node, "intersect_stretch", ask | {"head": work.head}, few, work, told
        )
        table = await _each(node, "intersect_part", ask, parts, work, told)
        yield {**work.reading, "part": 0, "parts": 1, "stretches": stretches, "table": table}
    finally:
        shutil.rmtree(spool, ignore_errors=True)


async def _each(
    node: Node, task: str, ask: Mapping[str, Json], parts: int, work: Masking, told: Told
) -> list[Json]:
    """Return the files that the parts of one step have written, in order."""
    key = [work.key] if work.key and task == "intersect_part" else []

    async def one(part: int) -> str:
        own = canonical.encode({**ask, "part": part, "parts": parts})
        sent = [own, work.session, work.scalar, *key]
        (name,) = await node.executor.run_bulk(task, sent, told)
        return name.decode()

    try:
        async with asyncio.TaskGroup() as group:  # one that fails ends the others
            running = [group.create_task(one(part)) for part in range(parts)]
    except* UnseenError as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in running]


def _lend(buyers: Path, spool: Path) -> None:
    """Have the buyer's set in the spool, which may lie on another file system.

    Raises:
        StorageFullError: there is no space left.

    """
    try:
        spool.mkdir(parents=True, mode=0o700)
        try:
            os.link(buyers, spool / _SET)
        except OSError:
            shutil.copyfile(buyers, spool / _SET)
    except OSError as error:
        raise disk_full(error) or error from None
