"""Killed between charge and answer: privacy is spent once, and the same noise is fetched again."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.node.crashing import COST, ask, prepare
from tests.node.spending import spent_in

from unseen.evidence.contracts.privacy import UNITS
from unseen.node.store.engine import open_engine
from unseen.node.store.schema import charges
from unseen.node.store.schema_privacy import privacy_answers

ROOT = Path(__file__).parents[2]
SPENT = int(COST * UNITS)


def kill(path: Path, number: int, point: str) -> None:
    """Ask in a process of its own, which ends at `point`."""
    command = [sys.executable, "-m", "tests.node.crashing", str(path), str(number)]
    environment = {**os.environ, "UNSEEN_FAILPOINT": point}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def books(path: Path) -> tuple[int, int, int]:
    """Return units of privacy spent, requests charged, answers kept."""
    engine = open_engine(path)
    with engine.connect() as connection:
        charged, kept = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (charges, privacy_answers)
        )
    tables, _ = spent_in(engine)
    engine.dispose()
    return tables["people"], charged, kept


@pytest.mark.parametrize(
    ("point", "before"),
    [
        ("gate.committed", (0, 0, 0)),
        ("charge.before_commit", (0, 0, 0)),
        ("charge.after_commit", (SPENT, 1, 1)),
    ],
)
def test_a_kill_spends_once_and_keeps_the_noise(
    tmp_path: Path, point: str, before: tuple[int, int, int]
) -> None:
    path = tmp_path / "state.db"
    asyncio.run(prepare(path))
    kill(path, 1, point)
    assert books(path) == before
    first = asyncio.run(ask(path, 1))  # the client sends the identical request again
    assert books(path) == (SPENT, 1, 1)
    assert [asyncio.run(ask(path, number)) for number in (1, 1, 2)] == [first] * 3
    assert books(path) == (SPENT, 2, 1)  # another request for the same question is a unit
