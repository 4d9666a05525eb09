"""Steps of a run of an intersection, of which another call takes one meanwhile."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unseen.evidence.releases.intersected import SentSet
from unseen.node.intersecting import running
from unseen.node.intersecting.runs import Runs
from unseen.node.intersecting.sessions import Run


def test_a_run_that_is_charged_while_a_call_waits_is_not_computed_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Or other bytes would lie in the place of those that the charge commits to."""
    charged: list[str] = []
    node: Any = SimpleNamespace(runs=Runs())
    contract = SimpleNamespace(id="c")
    admitted = SimpleNamespace(contract=contract, request=SimpleNamespace(request="r"))
    made: dict[str, Any] = {
        "admit": lambda *_: admitted,
        "stored": lambda *_: charged[0] if charged else None,
        "check_held": lambda *_: None,
        "answer": lambda _node, _party, known: f"answer of {known}",
        "run_of": lambda *_: Run(tmp_path, "c", "r"),
        "live_job": lambda *_: None,
        "check_allowed": lambda *_, **__: pytest.fail("it was begun once more"),
    }
    for name, value in made.items():
        monkeypatch.setattr(running, name, value)
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
