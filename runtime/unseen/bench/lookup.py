"""Hidden lookup in two ways: a table sent whole, as the node builds it, and one that stays.

`way=oprf_table` is measured here, `way=lwe_pir` in `lwe_pir.py`.
"""

import json
import mmap
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unseen.bench import net as nets
from unseen.bench import pairs
from unseen.bench.limits import one_thread, raw
from unseen.bench.net import Net
from unseen.bench.registry import (
    SEED,
    VOPRF_MODEL,
    Bench,
    Case,
    Group,
    Parameters,
    Settings,
    Traffic,
    oprf_bits,
)
from unseen.bench.tabled import Buyer
from unseen.protocols.errors import InputInvalidError

DEFAULTS = {
    "records": 100_000,
    "memory_mb": 1024,  # oprf_table, as are queries and batch
    "queries": 256,
    "batch": 1,
    "label": 32,  # lwe_pir, as are the next four: bytes of a label
    "planned": 1000,  # queries until the next build, which say how wide a filter is
    "together": 1000,
    "synthetic": 0,
    "baselines": 1,
    "seed": SEED,
}
WAYS = ("oprf_table", "lwe_pir")
_RAW_ROWS = 10_000
_MODEL = f"semi-honest operator; buyer: {VOPRF_MODEL}"


@contextmanager
def groups(settings: Settings) -> Iterator[Iterator[Group]]:
    """Hand out the groups of the way that is wanted.

    Raises:
        InputInvalidError: there is no such network, or `lwe_pir` without numpy.

    """
    net = nets.parse(settings.words["net"])
    if settings.words["way"] == "lwe_pir":
        yield _staying(settings, net)
        return
    with tempfile.TemporaryDirectory(prefix="unseen-bench-") as folder:
        yield _groups(Path(folder), settings, net)


def _staying(parameters: Parameters, net: Net | None) -> Iterator[Group]:
    one_thread()  # before numpy is there
    try:
        from unseen.bench import lwe_pir  # noqa: PLC0415 - needs numpy
    except ModuleNotFoundError:
        raise InputInvalidError(
            "this bench needs numpy", clause="bench.lookup", remedy="install unseen[kernels]"
        ) from None
    return lwe_pir.groups(parameters, net)


def _groups(folder: Path, parameters: Parameters, net: Net | None) -> Iterator[Group]:
    """Hand out the groups of a table that is sent, over files in a folder of its own."""
    (folder / "settings.json").write_text(json.dumps(dict(parameters)))
    _step(folder, "table")
    yield build(folder, parameters)
    yield query(folder, parameters, net)


def build(folder: Path, parameters: Parameters) -> Group:
    """Register, fill and merge, each in a process of its own as in the node."""
    rows, ceiling = parameters["records"], parameters["memory_mb"]
    few = min(rows, _RAW_ROWS)

    def case(step: str, limit: str = "") -> Case:
        return Case(
            name=f"lookup/{step}",
            phase="set-up",
            units=rows,
            work=lambda: _step(folder, step),
            limit=limit,
            target=f"peak <= {ceiling} MB",
            once=True,
            threat_model=_MODEL,
            security_bits=oprf_bits(rows),
            traffic=lambda: _fetched(folder) if step == "merge" else Traffic(),
            peak_rss_mb=lambda: float(_answer(folder, step)["peak_rss_mb"]),
        )

    limit = Case(
        name="lookup/fill/raw",
        phase="set-up",
        units=few,
        whole=rows,
        work=raw(parameters["seed"], hashes=few, products=few),
        once=True,
    )
    return [case("register"), case("fill", limit.name), limit, case("merge")]


def query(folder: Path, parameters: Parameters, net: Net | None = None) -> Group:
    """Blind, and after the answer check, find and open: all that a buyer computes for a query."""
    size, batches = parameters["batch"], max(parameters["queries"] // parameters["batch"], 1)
    count, seed = size * batches, parameters["seed"]
    with (folder / "encrypted.table").open("rb") as file:
        table = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    buyer = Buyer(table, parameters, size, batches)
    # A batch costs one more product of the public key, two of the challenge's and two of bases.
    opening = raw(seed, products=3 * count + 3 * batches, bases=batches, sums=2 * count)
    blinding = raw(seed, hashes=count, products=count)
    return [
        _online("lookup/blind", count, buyer.blind, "lookup/blind/raw", traffic=buyer.traffic),
        Case(name="lookup/blind/raw", phase="online", units=count, whole=1, work=blinding),
        _online(
            "lookup/open",
            count,
            buyer.open,
            "lookup/open/raw",
            prepare=buyer.evaluate,
            note=buyer.note,
        ),
        Case(name="lookup/open/raw", phase="online", units=count, whole=1, work=opening),
        *([] if net is None else whole(buyer, count, net)),
    ]


def whole(buyer: Buyer, count: int, net: Net) -> Group:
    """Ask batch after batch, both sides, once the table is there; and the same over a network."""
    case = _online("lookup/whole", count, buyer.ask, "", traffic=buyer.traffic, note=buyer.note)
    return [case, pairs.over(case, net, lambda: nets.replay(buyer.tape.events, net))]


def _online(
    name: str,
    count: int,
    work: Callable[[], None],
    limit: str,
    *,
    prepare: Callable[[], None] = lambda: None,
    traffic: Callable[[], Traffic] = Traffic,
    note: Callable[[], str] = str,
) -> Case:
    return Case(
        name=name,
        phase="online",
        units=count,
        whole=1,
        work=work,
        prepare=prepare,
        traffic=traffic,
        note=note,
        limit=limit,
        threat_model=_MODEL,
        security_bits=oprf_bits(count),
    )


def _step(folder: Path, step: str) -> None:
    command = [sys.executable, "-m", "unseen.bench.building", step, str(folder)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise InputInvalidError(
            f"the step {step} of the build failed: {last}",
            clause="bench.lookup",
            remedy="install the node's libraries (unseen[node]), or raise memory_mb",
        )


def _fetched(folder: Path) -> Traffic:
    """Return what a buyer fetches before it asks."""
    return Traffic(down=(folder / "encrypted.table").stat().st_size, rounds=1)


def _answer(folder: Path, step: str) -> Any:
    return json.loads((folder / f"{step}.json").read_text())


BENCH = Bench(
    "lookup",
    "building a hidden table, and asking it: sent whole, or staying with its owner",
    DEFAULTS,
    groups,
    words={"way": WAYS, "net": ()},
    size="records",
)
