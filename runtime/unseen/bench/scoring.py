"""Cases of the bench `score`: each way's client, server and opening, beside the server's limits."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from unseen.bench.limits import reading
from unseen.bench.registry import Case, Group, Parameters, Traffic
from unseen.bench.scorers import MODEL, Task, Way, batched, ours, tutorial
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he import checks
from unseen.protocols.he.tenseal_scheme import SCHEME
from unseen.protocols.kernels import blake2xb, ntt, residues

NAME: Final = "score"
MEMORY: Final = f"{NAME}/server/memory"
CLIENT_TARGET: Final = "<= 40 us a sample, <= 1.6 kB up"
SERVER_TARGET: Final = "<= 2 us a sample at 30 x 8192"
CALLS_TARGET: Final = "<= 9 us a sample at 30 x 8192"
_SECURITY_BITS: Final = 128  # of all contexts: the ceilings of the HE standard
_LONG: Final = 1 << 17  # samples from which on one lap is enough


def groups(given: Parameters, folder: Path) -> Iterator[Group]:
    """Hand out keys, the clients' part, the servers' and what opens answers; a run has `folder`.

    Raises:
        InputInvalidError: there is nothing to score, no ring holds the scores, or a node's process
            cannot do its part.

    """
    for kernel in (ntt, residues, blake2xb):
        kernel.warm_up()
    task = Task(given)
    own, calls, context = ours(task)
    ways = [own]
    if given["baselines"] > 1:
        ways += [batched(task), tutorial(task, min(given["few"], len(task.exact)))]
    yield [_keys(task, len(context))]
    yield [_client(way, len(task.exact)) for way in ways]
    if given["baselines"]:
        calls.sent = own.sent
        ways.insert(1, calls)
    yield [*(_server(way, len(task.exact)) for way in ways), *_limits(task, own)]
    yield [_opening(way) for way in ways if way is not calls]
    if given["job"]:
        yield [_job(folder, given)]


def _keys(task: Task, size: int) -> Case:
    given = task.parameters

    def work() -> None:
        SCHEME.opened(given, SCHEME.owner(given).context())

    lengths = ", ".join(str(prime.bit_length()) for prime in given.primes)
    about = (
        f"N {given.degree}, primes of {lengths} bits, flood of {given.flood_bits} bits; "
        f"within {float(given.error):.1e} at most"
    )
    return Case(
        name=f"{NAME}/keys",
        phase="set-up",
        units=1,
        work=work,
        traffic=lambda: Traffic(up=size, rounds=1),
        note=lambda: about,
        threat_model=MODEL,
        security_bits=_SECURITY_BITS,
    )


def _client(way: Way, whole: int) -> Case:
    return _case(
        "client",
        way,
        work=way.client,
        whole=whole,
        target="" if way.part else CLIENT_TARGET,
        traffic=lambda: Traffic(up=_bytes(way.sent), rounds=1),
    )


def _server(way: Way, whole: int) -> Case:
    return _case(
        "server",
        way,
        work=way.server,
        prepare=way.ready,
        whole=whole,
        limit=MEMORY if len(way.exact) == whole else "",
        target={"": SERVER_TARGET, "/sealapi": CALLS_TARGET}.get(way.part, ""),
        traffic=lambda: Traffic(_bytes(way.sent), _bytes(way.answers), 1),
        note=way.precise,
    )


def _opening(way: Way) -> Case:
    def prepare() -> None:
        way.ready()
        if not way.answers:
            way.server()

    return _case("open", way, work=lambda: _ignored(way.opened()), prepare=prepare)


def _job(folder: Path, given: Parameters) -> Case:
    """Return a run as a node has it: a process that reads files, and writes what returns."""
    (folder / "settings.json").write_text(json.dumps(dict(given)))

    def traffic() -> Traffic:
        _step(folder, "check")
        return Traffic(_answer(folder, "write")["up"], _answer(folder, "check")["down"], 1)

    def note() -> str:
        seconds, off = _answer(folder, "score")["seconds"], _answer(folder, "check")["off"]
        count = _answer(folder, "write")["batches"]
        return f"off by {off:.1e} at most; {count} batches, {seconds:.2f} s behind its start"

    return Case(
        name=f"{NAME}/job",
        phase="online",
        units=given["samples"],
        work=lambda: _step(folder, "score"),
        prepare=lambda: _step(folder, "write"),
        once=given["samples"] >= _LONG,
        target=f"peak <= {given['memory_mb']} MB",
        traffic=traffic,
        note=note,
        threat_model=MODEL,
        security_bits=_SECURITY_BITS,
        peak_rss_mb=lambda: float(_answer(folder, "score")["peak_rss_mb"]),
    )


def _step(folder: Path, step: str) -> None:
    command = [sys.executable, "-m", "unseen.bench.batched", step, str(folder)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise InputInvalidError(
            f"the step {step} of a node's run failed: {last}",
            clause="bench.score",
            remedy="install the node's libraries (unseen[node,he,train]), raise memory_mb, or"
            " leave the run out: --set job=0",
        )


def _answer(folder: Path, step: str) -> Any:
    return json.loads((folder / f"{step}.json").read_text())


def _limits(task: Task, own: Way) -> Group:
    """Return the least that loading takes: what was sent is read once, and seeds are hashed."""
    level = checks.sent_level(task.parameters)
    words = 8 * level.degree * len(level.primes) * len(task.steps)
    count = len(task.exact)
    hashed = bytes(2 * words * len(task.blocks(level.degree)))  # a leaf fills half a block

    def read() -> None:
        for each in own.sent:
            reading(np.frombuffer(each, np.uint8), 1)()

    return [
        Case(name=MEMORY, phase="online", units=count, work=read, prepare=own.ready),
        Case(
            name=f"{NAME}/server/hash",
            phase="online",
            units=count,
            work=lambda: _ignored(hashlib.blake2b(hashed)),
            note=lambda: "BLAKE2b by hashlib, as many blocks as seeds are expanded by",
        ),
    ]


def _case(part: str, way: Way, **more: Any) -> Case:
    count = len(way.exact)
    return Case(
        name=f"{NAME}/{part}{way.part}",
        phase="online",
        units=count,
        once=count >= _LONG,
        threat_model=way.model,
        security_bits=_SECURITY_BITS,
        **more,
    )


def _bytes(parts: list[bytes]) -> int:
    return sum(map(len, parts))


def _ignored(_: object) -> None:
    return
