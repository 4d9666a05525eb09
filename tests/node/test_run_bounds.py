"""What runs of intersections may take before they are paid for: bytes, and work for nothing."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from unseen.evidence import canonical
from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.intersection import COUNT, ITEMS, KIND, SUM
from unseen.node.errors import (
    OverloadedError,
    RateExceededError,
    RequestOutdatedError,
    StorageFullError,
)
from unseen.node.intersecting.bounds import most_bytes
from unseen.node.intersecting.files import OTHERS
from unseen.node.intersecting.parts import INTERSECTIONS
from unseen.node.runs.files import ANSWER, BEGAN
from unseen.node.runs.holding import began
from unseen.node.runs.room import check_room, promise, settle
from unseen.node.runs.sessions import Run
from unseen.node.runs.unpaid import COUNTING, MASK, UNPAID, check_unpaid
from unseen.node.store.schema_jobs import jobs

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MIB = 1 << 20
CLAUSE = "node.intersections_mb"


def node_of(home: Path, mib: int = 10) -> Any:
    return SimpleNamespace(home=home, settings=SimpleNamespace(intersections_mb=mib))


def run_in(home: Path, number: int = 0, size: int = 0) -> Run:
    run = Run(home, "c", f"{number:032x}", INTERSECTIONS)
    run.folder.mkdir(parents=True)
    if size:
        run.path(OTHERS).write_bytes(bytes(size))
    return run


def test_what_lies_there_and_what_is_promised_stay_below_the_cap(tmp_path: Path) -> None:
    node, cap = node_of(tmp_path), 10 * MIB
    rng, runs, refused = random.Random(7), [run_in(tmp_path, n) for n in range(12)], 0
    kept: dict[Run, int] = {}
    for _ in range(300):
        run, size = rng.choice(runs), rng.randrange(1, 4 * MIB)
        if rng.random() < 0.3:  # what it was promised it also comes to, or ends with less
            lies = rng.randrange(kept.get(run, 0) + 1)
            run.path(OTHERS).write_bytes(bytes(lies))
            settle(run)
            kept[run] = lies
            continue
        if sum(each for name, each in kept.items() if name != run) + size > cap:
            with pytest.raises(OverloadedError) as caught:
                promise(node, run, size)
            assert (caught.value.clause, bool(caught.value.remedy)) == (CLAUSE, True)
            refused += 1
        else:
            promise(node, run, size)
            kept[run] = max(size, kept.get(run, 0))
        assert sum(kept.values()) <= cap
    assert refused


def test_what_never_has_room_is_told_apart_from_what_has_none_now(tmp_path: Path) -> None:
    node, run = node_of(tmp_path), run_in(tmp_path)
    check_room(node, run, 10 * MIB)
    with pytest.raises(StorageFullError, match="11 MiB") as caught:
        promise(node, run, 10 * MIB + 1)
    assert (caught.value.clause, bool(caught.value.remedy)) == (CLAUSE, True)
    assert not list(run.folder.iterdir())
    run_in(tmp_path, 1, size=MIB)
    with pytest.raises(OverloadedError):
        check_room(node, run, 10 * MIB)
    check_room(node, run, 9 * MIB)


def test_a_promise_outlives_the_node_that_made_it_and_ends_with_the_run(tmp_path: Path) -> None:
    first, other = run_in(tmp_path), run_in(tmp_path, 1)
    promise(node_of(tmp_path), first, 8 * MIB)
    promise(node_of(tmp_path), first, MIB)  # less than before: what was promised stays
    with pytest.raises(OverloadedError):
        promise(node_of(tmp_path), other, 3 * MIB)
    first.end()
    promise(node_of(tmp_path), other, 3 * MIB)


def test_bytes_grow_with_rows_and_items_and_a_sum_takes_most() -> None:
    assert most_bytes(COUNT, 1 << 24, 1) < most_bytes(COUNT, 1 << 24, 1_000_000)
    assert most_bytes(ITEMS, 5, 1) < most_bytes(SUM, 5, 1)
    # Elements with values out and back, and both sides of an answer, at the least.
    assert most_bytes(SUM, 1 << 24, 1) >= 2 * 96 << 24
    assert most_bytes(ITEMS, 1 << 24, 1_000_000) >= (32 << 24) + 64_000_000


class Jobs:
    """Jobs of intersections in a store, written as they end."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.number = 0

    def add(self, step: str = MASK, state: str = "done", **fields: Any) -> None:
        self.number += 1
        started = format_time(NOW - timedelta(hours=fields.pop("hours", 1)))
        ask = {"step": step, "request": fields.pop("request", f"{self.number}")}
        row = {
            **{column.name: "" for column in jobs.columns},
            **dict.fromkeys(("cost", "attempts", "done", "total", "chunk"), 0),
            "number": self.number,
            "id": f"{self.number}",
            "kind": KIND,
            "state": state,
            "owner": "lender",
            "contract": "c",
            "ask": canonical.encode(ask),
            "checkpoint": b"",
            "created_at": started,
            "started_at": started,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(jobs), [row | fields])

    def refused(self, *, counting: bool = False, contract: str = "c") -> bool:
        with self.engine.connect() as connection:
            reader = SimpleNamespace(connection=connection)
            clock = SimpleNamespace(now=lambda: NOW)
            node: Any = SimpleNamespace(reader=reader, clock=clock)
            try:
                check_unpaid(node, INTERSECTIONS, contract, counting=counting)
            except RateExceededError as error:
                return (error.clause, bool(error.remedy)) == ("contract.unpaid", True)
        return False


@pytest.fixture
def found(engine: Engine) -> Jobs:
    return Jobs(engine)


def test_masking_without_a_charge_ends_after_a_few_and_a_charge_begins_anew(found: Jobs) -> None:
    for _ in range(UNPAID):
        assert not found.refused()
        found.add()
    assert found.refused()
    assert not found.refused(contract="another")
    assert not found.refused(counting=True)  # one that is open may be finished, and so is charged
    found.add(COUNTING)
    assert not found.refused()
    found.add()
    assert not found.refused()


def test_a_day_later_it_is_forgotten(found: Jobs) -> None:
    for _ in range(UNPAID):
        found.add(hours=25)
    assert not found.refused()


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"state": "cancelled", "ended_by": "lender"}, True),
        ({"state": "failed", "failure": "ELEMENT_INVALID"}, True),
        ({"state": "failed", "failure": "CERTIFICATE_REVOKED"}, True),  # by itself, at the end
        ({"state": "failed", "failure": "REQUEST_OUTDATED"}, False),  # nothing was done
        ({"step": ANSWER, "state": "cancelled", "ended_by": "lender"}, True),
        ({"state": "cancelled", "ended_by": "lender", "started_at": ""}, False),  # nothing was done
        ({"state": "cancelled", "ended_by": "operator"}, False),
        ({"state": "failed", "failure": "TABLE_CHANGED"}, False),
        ({"state": "failed", "failure": "INTERNAL"}, False),
        ({"step": ANSWER}, False),  # charged
        ({"state": "running"}, False),
    ],
)
def test_only_what_the_buyer_ended_counts(
    found: Jobs, fields: dict[str, Any], *, counts: bool
) -> None:
    for _ in range(UNPAID):
        found.add(**fields)
    assert found.refused() == counts


def test_counting_again_and_again_is_bounded_by_itself(found: Jobs) -> None:
    for _ in range(UNPAID):
        assert not found.refused(counting=True)
        found.add(COUNTING, "cancelled", ended_by="lender")
    assert found.refused(counting=True)
    assert not found.refused()


def test_what_a_person_has_to_judge_is_not_held_against_the_buyer(found: Jobs) -> None:
    for number in range(UNPAID):
        found.add(request=f"held {number}")
        found.add(COUNTING, "failed", failure="RELEASE_HELD", request=f"held {number}")
    assert not found.refused()


@pytest.mark.parametrize("minutes", [0, 14, 15, 16, 600])
def test_what_began_too_late_to_be_charged_is_refused_before_anything_is_computed(
    tmp_path: Path, minutes: int
) -> None:
    run, leaf = run_in(tmp_path), {"type": "job.started", "job": "j", "time": format_time(NOW)}
    log = SimpleNamespace(head=lambda: SimpleNamespace(size=8), read_leaf=lambda *_: leaf)
    node: Any = SimpleNamespace(log=log, engine=None)
    request: Any = SimpleNamespace(issued_at=NOW - timedelta(minutes=minutes))
    job: Any = SimpleNamespace(id="j")
    if minutes > 15:
        with pytest.raises(RequestOutdatedError) as caught:
            began(node, run, job, request)
        assert (caught.value.clause, bool(caught.value.remedy)) == ("request.issued_at", True)
    else:
        assert began(node, run, job, request) == 7
    assert run.has(BEGAN) == (minutes <= 15)
