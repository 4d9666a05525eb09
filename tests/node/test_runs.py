"""Steps of a run of an intersection, of which another call takes one meanwhile."""

import asyncio
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from unseen.evidence.contracts.intersection import set_bytes
from unseen.evidence.releases.intersected import SentSet
from unseen.evidence.suite import INTL
from unseen.node.intersecting import running
from unseen.node.intersecting.files import SET
from unseen.node.intersecting.parts import INTERSECTIONS
from unseen.node.runs import beginning
from unseen.node.runs.files import file_digest
from unseen.node.runs.memory import Runs
from unseen.node.runs.sessions import Run


def replace_all(monkeypatch: pytest.MonkeyPatch, made: dict[ModuleType, dict[str, Any]]) -> None:
    """Have modules find other things under their names."""
    for module, names in made.items():
        for name, value in names.items():
            monkeypatch.setattr(module, name, value)


def test_a_run_that_is_charged_while_a_call_waits_is_not_computed_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Or other bytes would lie in the place of those that the charge commits to."""
    charged: list[str] = []
    node: Any = SimpleNamespace(runs=Runs())
    contract = SimpleNamespace(id="c")
    admitted = SimpleNamespace(contract=contract, request=SimpleNamespace(request="r"))
    made: dict[ModuleType, dict[str, Any]] = {
        running: {
            "admit": lambda *_: admitted,
            "run_of": lambda *_: Run(tmp_path, "c", "r", INTERSECTIONS),
            "check_allowed": lambda *_, **__: pytest.fail("it was begun once more"),
        },
        beginning: {
            "stored": lambda *_: charged[0] if charged else None,
            "check_held": lambda *_: None,
            "answer": lambda _node, _party, known: f"answer of {known}",
            "live_job": lambda *_: None,
        },
    }
    replace_all(monkeypatch, made)
    monkeypatch.setattr(SentSet, "decode", lambda _: SimpleNamespace(items=1))
    signed: Any = SimpleNamespace(parts=(b"",), statement=b"")

    async def meanwhile() -> object:
        async with node.runs.lock:
            call = asyncio.ensure_future(
                running.advance(node, SimpleNamespace(party="p"), signed)  # type: ignore[arg-type]
            )
            await asyncio.sleep(0)
            charged.append("the charge")
        return await call

    assert asyncio.run(meanwhile()) == "answer of the charge"


def test_a_set_is_hashed_once_and_not_where_others_wait(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, suite = Run(tmp_path, "c", "r", INTERSECTIONS), INTL
    run.folder.mkdir(parents=True)
    message = bytes(set_bytes(1))
    run.path(SET).write_bytes(message)
    sent = SentSet(suite=suite.id, items=1, digest=suite.digest(message))
    threads: list[threading.Thread] = []

    def digest(*given: Any) -> bytes:
        threads.append(threading.current_thread())
        return file_digest(*given)

    parameters = {"intersect": {"output": "items", "most": 1}}
    terms = SimpleNamespace(suite=suite.id, parameters=parameters)
    contract = SimpleNamespace(id="c", terms=terms)
    request = SimpleNamespace(request="r", bytes=lambda: b"statement")
    admitted = SimpleNamespace(contract=contract, request=request)

    async def begun(*_: object) -> str:
        return "begun"

    made: dict[ModuleType, dict[str, Any]] = {
        running: {
            "admit": lambda *_: admitted,
            "run_of": lambda *_: run,
            "check_allowed": lambda *_, **__: None,
            "_begin": begun,
        },
        beginning: {
            "stored": lambda *_: None,
            "live_job": lambda *_: None,
            "file_digest": digest,
        },
    }
    replace_all(monkeypatch, made)
    node: Any = SimpleNamespace(runs=Runs())
    signed: Any = SimpleNamespace(parts=(sent.encode(),), statement=b"statement")
    who: Any = SimpleNamespace(party="p")
    for _ in range(3):
        assert asyncio.run(running.advance(node, who, signed)) == "begun"  # type: ignore[comparison-overlap]
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
