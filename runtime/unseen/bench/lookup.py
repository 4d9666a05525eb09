"""The encrypted table: building it with the node's own tasks, and asking it as a buyer does."""

import json
import mmap
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unseen.bench.limits import raw
from unseen.bench.registry import (
    SEED,
    VOPRF_MODEL,
    Bench,
    Case,
    Group,
    Parameters,
    Traffic,
    oprf_bits,
)
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.oprf_table import Found, TableParameters, epoch_domain, find, open_row
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.protocols.oprf import client, keys, server
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import Transcript, seeded_rng

DEFAULTS = {"rows": 100_000, "memory_mb": 1024, "queries": 256, "batch": 1, "seed": SEED}
_COLUMNS = (SubjectColumn("id", "integer"),)
_RAW_ROWS = 10_000
_MODEL = f"semi-honest operator; buyer: {VOPRF_MODEL}"


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench, over files in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="unseen-bench-") as folder:
        yield _groups(Path(folder), parameters)


def _groups(folder: Path, parameters: Parameters) -> Iterator[Group]:
    (folder / "settings.json").write_text(json.dumps(dict(parameters)))
    _step(folder, "table")
    yield build(folder, parameters)
    yield query(folder, parameters)


def build(folder: Path, parameters: Parameters) -> Group:
    """Register, fill and merge, each in a process of its own as in the node."""
    rows, ceiling = parameters["rows"], parameters["memory_mb"]
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
            peak_rss_mb=lambda: float(_answer(folder, step)["peak_rss_mb"]),
        )

    limit = Case(
        name="lookup/fill/raw",
        phase="set-up",
        units=few,
        work=raw(parameters["seed"], hashes=few, products=few),
        once=True,
    )
    return [case("register"), case("fill", limit.name), limit, case("merge")]


def query(folder: Path, parameters: Parameters) -> Group:
    """Blind, and after the answer check, find and open: all that a buyer computes for a query."""
    size, batches = parameters["batch"], max(parameters["queries"] // parameters["batch"], 1)
    count, seed = size * batches, parameters["seed"]
    with (folder / "encrypted.table").open("rb") as file:
        table = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    buyer = _Buyer(table, parameters, size, batches)
    # A batch costs one more product of the public key, two of the challenge's and two of bases.
    opening = raw(seed, products=3 * count + 3 * batches, bases=batches, sums=2 * count)
    blinding = raw(seed, hashes=count, products=count)
    return [
        _online("lookup/blind", count, buyer.blind, "lookup/blind/raw", traffic=buyer.traffic),
        Case(name="lookup/blind/raw", phase="online", units=count, work=blinding),
        _online(
            "lookup/open",
            count,
            buyer.open,
            "lookup/open/raw",
            prepare=buyer.evaluate,
            note=buyer.note,
        ),
        Case(name="lookup/open/raw", phase="online", units=count, work=opening),
    ]


class _Buyer:
    """Asks about subjects of which every second one is in the table."""

    def __init__(self, table: mmap.mmap, parameters: Parameters, size: int, batches: int) -> None:
        self._rng = seeded_rng(parameters["seed"])
        self._key = keys.generate(seeded_rng(parameters["seed"]))
        self._table, self._parameters = table, made_parameters(parameters["seed"])
        rows = parameters["rows"]
        subjects = [
            encode_subject(_COLUMNS, [number % rows + number % 2 * rows], self._parameters.domain)
            for number in range(size * batches)
        ]
        self._batches = [subjects[at : at + size] for at in range(0, len(subjects), size)]
        self._blinded: list[client.Blinded] = []
        self._evaluated: list[server.Evaluation] = []
        self._found = 0

    def blind(self) -> None:
        self._blinded = [client.blind(batch, Mode.VOPRF, self._rng) for batch in self._batches]

    def evaluate(self) -> None:
        self._evaluated = [
            server.evaluate(self._key, blinded.elements, Mode.VOPRF, self._rng)
            for blinded in self._blinded
        ]

    def open(self) -> None:
        self._found = 0
        for blinded, evaluation in zip(self._blinded, self._evaluated, strict=True):
            for output in blinded.finish(evaluation, self._key.public_key):
                place = find(self._parameters, self._table, output)
                if isinstance(place, Found):
                    open_row(self._parameters, output, place.row)
                    self._found += 1

    def note(self) -> str:
        asked = sum(len(batch) for batch in self._batches)
        return f"{self._found} of {asked} found"

    def traffic(self) -> Traffic:
        transcript = Transcript()
        self.evaluate()
        for blinded, evaluation in zip(self._blinded, self._evaluated, strict=True):
            transcript.record("buyer", "blinded", *blinded.elements)
            transcript.record("operator", "evaluation", *evaluation.elements, evaluation.proof)
        return Traffic.of(transcript, up="buyer", down="operator")


def made_parameters(seed: int) -> TableParameters:
    """Return the public parameters of the made-up build."""
    rng = seeded_rng(seed)
    return TableParameters(epoch_domain(rng(32), 1), rng(32), 1)


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


def _answer(folder: Path, step: str) -> Any:
    return json.loads((folder / f"{step}.json").read_text())


BENCH = Bench(
    "lookup", "building an encrypted table, and the buyer's part of asking it", DEFAULTS, groups
)
