"""A node as it is, with kinds of job of a test's own: no kind of this release yields a result.

`main` is the program of a real node; jobs are put in as files in an inbox, by `put_in`. A `study`
answers a signed request through the gate, charged with its end; a `brief` does too, and keeps its
result for a moment; a `bulk` yields many bytes under no contract.
"""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from tests.promises.asks import Ask, verify_ask
from tests.promises.stage import Stage, wait_until

from unseen.cli.main import main as cli
from unseen.client.jobs import Job
from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.releases.request import Request
from unseen.node import main as serving
from unseen.node.context import Node
from unseen.node.jobs.kind import JobKind, Outcome, Running
from unseen.node.jobs.kinds import KINDS
from unseen.node.jobs.steps import NewJob
from unseen.node.release import gate
from unseen.node.release.gate import Released
from unseen.node.release.holding import Run
from unseen.node.release.yielding import yielded

PROGRAM = ("-c", "from tests.promises.jobbing import main; main()")
BULK_BYTES = 700_000
BRIEF = timedelta(seconds=3)
_ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    """Return what a node needs besides to find these modules."""
    return {"PYTHONPATH": str(_ROOT), **more}


def put_in(stage: Stage, kind: str, owner: str, contract: str = "", **ask: Json) -> Job:
    """Have the node put a job in for `owner`, and return it as its owner sees it."""
    about = f"{kind} {uuid4().hex}"
    wish = {"kind": kind, "about": about, "owner": owner, "contract": contract, "ask": ask}
    inbox = _inbox(stage.home)
    inbox.mkdir(exist_ok=True)
    part = inbox / f"{uuid4().hex}.part"
    part.write_text(json.dumps(wish))
    part.rename(part.with_suffix(".json"))
    return found(stage, owner, about)


def found(stage: Stage, owner: str, about: str) -> Job:
    """Return a job by what it is about; a node that has died is waited for."""
    jobs: list[Job] = []

    def seen() -> bool:
        jobs[:] = [job for job in stage.client(owner).jobs() if job.about == about]
        return bool(jobs)

    wait_until(seen)
    return jobs[0]


def study(stage: Stage, contract: str, answers: Sequence[str], kind: str = "study") -> Job:
    """Put in a job that answers a request of the lender's with these words."""
    return put_in(stage, kind, "lender", contract, **ask_of(stage, contract, answers))


def ask_of(stage: Stage, contract: str, answers: Sequence[str]) -> dict[str, Json]:
    """Return what a study is asked, signed by the lender."""
    ask: Ask = verify_ask(stage.lender, contract, stage.people[1].subject)
    signed = ask.signed
    return {
        "statement": b64encode(signed.statement),
        "signature": b64encode(signed.signature),
        "instance": stage.lender._session.instance_key_id,
        "answers": list(answers),
    }


def bulk(seed: str) -> bytes:
    """Return the many bytes that a `bulk` yields."""
    return hashlib.shake_256(seed.encode()).digest(BULK_BYTES)


def main() -> None:
    """Serve as `unseen node serve` does, with these kinds and an inbox, sweeping often."""
    program: Any = serving
    settle = program.settle_at_start

    async def settle_and_look(node: Node) -> None:
        await settle(node)
        node.background.add(asyncio.create_task(_take_in(node)))

    kinds = {kind.name: kind for kind in (_STUDY, _BRIEF, _BULK)}
    program.KINDS = MappingProxyType({**KINDS, **kinds})
    program.settle_at_start = settle_and_look
    program._SWEEP_SECONDS = 0.5
    cli()


def _inbox(home: Path) -> Path:
    return home / "inbox"


async def _take_in(node: Node) -> None:
    while True:
        for path in sorted(_inbox(node.home).glob("*.json")):
            wish: Any = json.loads(path.read_text())
            path.unlink()
            new = NewJob(
                kind=wish["kind"],
                about=wish["about"],
                ask=wish["ask"],
                account=wish["owner"],
                owner=wish["owner"],
                contract=wish["contract"],
            )
            await node.jobs.submit(new)
        await asyncio.sleep(0.05)


async def _study(node: Node, running: Running) -> Outcome:
    ask: Any = running.job.ask
    contract = node.contracts.get(running.job.contract)
    run = Run(
        contract=contract,
        request=Request.decode(b64decode(ask["statement"])),
        signature=b64decode(ask["signature"]),
        instance=ask["instance"],
        snapshot=b64decode(node.catalogue.table(contract.terms.table).snapshot.commitment),
    )
    return await yielded(node, running.job.id, run, (canonical.encode(ask["answers"]),))


async def _bulk(node: Node, running: Running) -> Outcome:
    del node
    ask: Any = running.job.ask
    passed = Released(
        gate._SEAL,
        bits=1,
        commitment=bytes(32),
        contract="",
        nonce=bytes(32),
        parts=(bulk(ask["seed"]),),
        request="",
        review=b"",
        since=0,
    )
    return Outcome(result=passed)


_STUDY = JobKind(name="study", run=_study)
_BRIEF = JobKind(name="brief", run=_study, kept_for=BRIEF)
_BULK = JobKind(name="bulk", run=_bulk)
