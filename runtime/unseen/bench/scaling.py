"""A process that builds a made-up table again and again, by an executor of the node's.

    python -m unseen.bench.scaling FOLDER [ADDRESS FILES]

Without an address it is the local executor, else the cluster there. On standard input numbers of
parts, one a line; for each, when the table is built, a line of JSON: seconds of both steps, and the
table's digest. For 0 it is read once by a part that finds nothing of its own in it. The keys are
made from the bench's seed and open nothing but a made-up table.
"""

import asyncio
import json
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from unseen.bench.building import Answer, key_of, salt_of, spec_of
from unseen.evidence import canonical
from unseen.node.cluster.executor import DaskExecutor
from unseen.node.data.spec import BuildSpec, encode_spec
from unseen.node.jobs.executor import Executor, LocalExecutor
from unseen.protocols.group import bulk

_NONE = (1 << 40,)  # the last of more parts than a table has blocks


async def build(executor: Executor, spec: BuildSpec, settings: Answer, parts: int) -> Answer:
    """Build the table in so many parts, in a spool that is made and deleted."""
    spool = spec.spool / str(parts)
    encoded = encode_spec(replace(spec, spool=_fresh(spool)))
    sent = [key_of(settings).scalar, salt_of(settings)]
    began = time.perf_counter()
    async with asyncio.TaskGroup() as fills:
        for part in range(parts) if parts else _NONE:
            ask = canonical.encode({"spec": encoded, "part": part, "parts": parts or part + 1})
            fills.create_task(executor.run_bulk("fill_table", [ask, *sent]))
    filled = time.perf_counter()
    if not parts:
        return {"fill_s": filled - began, "merge_s": 0.0, "digest": ""}
    ask, target = canonical.encode({"spec": encoded}), str(spool / "finished").encode()
    _, digest, _ = await executor.run_bulk("merge_table", [ask, target])
    return {
        "fill_s": filled - began,
        "merge_s": time.perf_counter() - filled,
        "digest": digest.hex(),
    }


async def serve(folder: Path, *cluster: str) -> None:
    """Build for each line that is read."""
    settings, lines = json.loads((folder / "settings.json").read_text()), asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    spec, executor = spec_of(folder, settings), _executor(*cluster)
    await executor.start()
    bulk.warm_up()  # compiled once, kept, and loaded by all
    while line := await lines.readline():
        sys.stdout.write(json.dumps(await build(executor, spec, settings, int(line))) + "\n")
        sys.stdout.flush()
        if not cluster:  # so that its processes end, and their CPU time is known
            await executor.close()
            executor = _executor()
    await executor.close()


def _executor(address: str = "", files: str = "") -> LocalExecutor | DaskExecutor:
    local = LocalExecutor(0)  # nothing is short
    return DaskExecutor(local, address, Path(files)) if address else local


def _fresh(spool: Path) -> Path:
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir()
    return spool


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), *sys.argv[2:]))
