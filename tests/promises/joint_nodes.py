"""Nodes that add numbers up, all in one process of their own, as they are told line by line.

    start HOME          serve a home; answered when it answers
    stop HOME           end it; what it had in memory is gone
    fault NAME [WHAT]   have the node go wrong in this way, or in none

What each of them adds is given here: its number times the place of the coordinate, with noise.
"""

import asyncio
import dataclasses
import secrets
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unseen.evidence.canonical import b64decode
from unseen.evidence.contracts.joint import PROTOCOL, Joint, round_of
from unseen.node import main as serving
from unseen.node.joint import kinds, steps
from unseen.node.joint.contribution import Asked, Contribution, Contributor, Outline
from unseen.node.joint.rounds import Reply
from unseen.node.kinds.kind import KINDS, Way
from unseen.protocols.dp import Distributed
from unseen.protocols.secagg.noise import PartyNoise
from unseen.protocols.secagg.parameters import Round

KIND = "run"  # its product here is one with predicates, whatever it is elsewhere
SIGMA2 = 9
DONE = "done"


def contribute_as(faults: dict[str, str]) -> None:
    """Let the nodes of this process take part, and go wrong as `faults` says."""
    kind = dataclasses.replace(KINDS["verify"], ways=(Way(PROTOCOL),), release="aggregate")
    KINDS[KIND] = kind

    def outline(asked: Asked) -> Outline:
        return Outline(int(asked.payload[:8]), Fraction(asked.payload[8:16].decode().strip()))

    async def contribute(node: Any, asked: Asked, parameters: Round) -> Contribution:
        fault = faults.get(node.settings.name, "")
        number = int(node.settings.name.removeprefix("node-"))
        values = np.arange(parameters.dimension, dtype=np.int64) * number
        if fault == "overflow":
            values[5] = asked.clause.bound + 1
        table = node.catalogue.table(asked.contract.terms.table)
        spread = Distributed(SIGMA2, asked.clause.honest, parameters.dimension)
        noise = PartyNoise(spread, parameters, secrets.token_bytes)
        return Contribution(
            vector=values[1:] if fault == "dimension" else values,
            people=4 if fault == "people" else table.snapshot.rows,
            snapshot=b64decode(table.snapshot.commitment),
            noise=None if fault == "bare" else noise,
        )

    made = Contributor(most_bytes=1 << 20, outline=outline, contribute=contribute)
    kinds.CONTRIBUTORS[KIND] = made
    _lie(faults)


def _lie(faults: dict[str, str]) -> None:
    """Have nodes begin other rounds than their contracts say, or send what is no message."""
    begin, take = steps.begin, steps.take_step
    beginning: list[str] = []

    def lying_round(clause: Joint, *rest: Any) -> Round:
        found, fault = round_of(clause, *rest), faults.get(beginning[-1], "")
        if fault == "plan":
            return dataclasses.replace(found, plan_hash=bytes(32))
        if fault != "roster":
            return found
        at = next(i for i, member in enumerate(found.members) if member.name != beginning[-1])
        members = list(found.members)
        members[at] = dataclasses.replace(members[at], key=secrets.token_bytes(32))
        return dataclasses.replace(found, members=tuple(members))

    def named_begin(node: Any, *rest: Any) -> Reply:
        beginning.append(node.settings.name)
        return begin(node, *rest)

    async def take_step(node: Any, *rest: Any) -> Reply:
        reply = await take(node, *rest)
        fault, step = faults.get(node.settings.name, ""), rest[3].name
        if fault == f"late at {step}":
            await asyncio.sleep(6)
        if fault == f"garbage at {step}":
            noise = secrets.token_bytes(len(reply.message))
            return Reply(noise, None if reply.vector is None else reply.vector + 1)
        return reply

    vars(steps).update(round_of=lying_round, begin=named_begin, take_step=take_step)


async def main() -> None:
    """Do what each line says until there are no more."""
    faults: dict[str, str] = {}
    contribute_as(faults)
    running: dict[str, asyncio.Task[None]] = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        verb, name, *what = line.split(maxsplit=2)
        if verb == "start":
            running[name] = await _started(Path(name))
        elif verb == "stop":
            running[name].cancel()
            await asyncio.wait({running.pop(name)})
        else:
            faults[name] = "".join(what).strip()
        sys.stdout.write(f"{DONE}\n")
        sys.stdout.flush()
    for task in running.values():
        task.cancel()
    await asyncio.gather(*running.values(), return_exceptions=True)


async def _started(home: Path) -> "asyncio.Task[None]":
    ready = asyncio.Event()
    task = asyncio.create_task(serving.serve(home, ready=lambda _address: ready.set()))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    return task


if __name__ == "__main__":
    asyncio.run(main())
