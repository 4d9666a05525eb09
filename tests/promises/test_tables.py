"""Tables, labels and predicates that will not do: one clear error, the log as it was."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.promises.oversight import audit
from tests.promises.stage import PREDICATES, Stage, make_people, wait_until, write_table

from unseen.client.catalog import Predicate
from unseen.client.errors import RefusedError
from unseen.v1 import lookup_pb2, lookup_pb2_grpc


@pytest.fixture
def name() -> str:
    """A name of this test's own: the stage is shared."""
    return f"t-{os.urandom(4).hex()}"


def refused(stage: Stage, call: Callable[[], object]) -> RefusedError:
    """Return how the operator's call is refused; nothing of it is logged."""
    events = stage.events()
    with pytest.raises(RefusedError) as caught:
        call()
    assert stage.events() == events
    assert caught.value.clause
    assert not caught.value.charged
    return caught.value


def test_a_file_that_is_missing(stage: Stage, tmp_path: Path, name: str) -> None:
    error = refused(stage, lambda: stage.register(name, tmp_path / "none.parquet"))
    assert error.reason == "TABLE_UNREADABLE"


@pytest.mark.parametrize("form", ["parquet", "csv", "txt"])
def test_a_file_of_no_known_format(stage: Stage, tmp_path: Path, name: str, form: str) -> None:
    path = tmp_path / f"table.{form}"
    path.write_bytes(b'\x00"no table, \xff' * 50)
    error = refused(stage, lambda: stage.register(name, path))
    assert error.reason in {"TABLE_UNREADABLE", "COLUMN_UNKNOWN"}


def test_subjects_that_stand_twice_or_nowhere(stage: Stage, tmp_path: Path, name: str) -> None:
    people, path = make_people(4), tmp_path / "table.parquet"
    write_table(path, [*people, people[0]])
    error = refused(stage, lambda: stage.register(name, path))
    assert (error.reason, str(error)) == (
        "SUBJECT_DUPLICATE",
        "1 rows repeat the subject of another row",
    )
    error = refused(stage, lambda: stage.register(name, path, "earnings"))
    assert error.reason == "SUBJECT_NULL"


def test_a_name_that_is_taken(stage: Stage) -> None:
    assert refused(stage, lambda: stage.register("people", stage.table)).reason == "TABLE_EXISTS"
    error = refused(stage, lambda: stage.offer("hidden", "people", "lookup"))
    assert error.reason == "PRODUCT_EXISTS"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("note::INTEGER > 3", "PREDICATE_FAILS"),
        ("earnings", "PREDICATE_INVALID"),
        ("earnings > (SELECT avg(earnings) FROM people)", "PREDICATE_INVALID"),
        ("sum(earnings) > 3", "PREDICATE_INVALID"),
        ("random() > 0.5", "PREDICATE_INVALID"),
        ("now() > 出生日期", "PREDICATE_INVALID"),
        ("nothing > 3", "PREDICATE_INVALID"),
        ("earnings > 3; SELECT 1", "PREDICATE_INVALID"),
        ("", "PREDICATE_INVALID"),
    ],
)
def test_predicates_that_will_not_do(stage: Stage, name: str, expression: str, reason: str) -> None:
    bad = [*PREDICATES, Predicate("bad", "fails", expression)]
    error = refused(stage, lambda: stage.offer(name, "people", "lookup", bad))
    assert (error.reason, error.clause) == (reason, "product.predicates.bad")
    assert error.remedy


@pytest.mark.parametrize(
    ("kind", "category", "level", "allowed"),
    [
        ("lookup", "public", "2", True),
        ("lookup", "public", "3", True),  # by the way that keeps its table
        ("lookup", "public", "4", False),
        ("lookup", "enterprise", "4", False),
        ("lookup", "personal", "1", True),
        ("verify", "public", "3", True),
        ("verify", "public", "important", False),
        ("verify", "enterprise", "core", False),
        ("verify", "personal", "1", True),
    ],
)
def test_labels_decide_which_kind_may_use_a_column(
    stage: Stage, name: str, kind: str, category: str, level: str, allowed: bool
) -> None:
    stage.operator.register_table(
        name,
        str(stage.table),
        subject=["subject"],
        labels={"earnings": (category, level), "*": ("public", "1")},
    )
    if allowed:
        assert stage.offer(name, name, kind).name == name
        return
    error = refused(stage, lambda: stage.offer(name, name, kind))
    assert error.reason == "LABEL_REFUSED"
    assert "'earnings'" in str(error)


def test_a_table_that_changes_after_registration(stage: Stage, tmp_path: Path, name: str) -> None:
    """Verification stops at once, a new epoch is not built, a refresh mends both."""
    people, path = make_people(8), tmp_path / "table.parquet"
    write_table(path, people)
    stage.register(name, path)
    stage.offer(f"{name}-clear", name, "verify")
    stage.offer(f"{name}-hidden", name, "lookup")
    clear, early = stage.contract(f"{name}-clear"), stage.contract(f"{name}-hidden")
    stage.lender.lookup(early, people[0].subject)
    write_table(path, people[:6])

    with pytest.raises(RefusedError) as caught:
        stage.lender.verify(clear, people[1].subject)
    assert (caught.value.reason, caught.value.clause) == ("TABLE_CHANGED", "table.snapshot")
    assert "unseen table refresh" in caught.value.remedy
    assert stage.lender.usage(clear).units_used == 0
    late = stage.contract(f"{name}-hidden")
    wait_until(lambda: "TABLE_CHANGED" in _no_manifest(stage, late))
    assert stage.lender.lookup(early, people[7].subject).found  # as it was when registered

    path.unlink()
    with pytest.raises(RefusedError) as caught:
        stage.lender.verify(clear, people[1].subject)
    assert caught.value.reason == "TABLE_UNREADABLE"
    write_table(path, people[:6])
    refreshed = stage.operator.refresh_table(name)
    assert set(refreshed.contracts) == {early, late}
    assert stage.lender.verify(clear, people[1].subject).found
    assert not stage.lender.verify(clear, people[7].subject).found
    assert stage.lender.lookup(late, people[1].subject).found
    assert not stage.lender.lookup(late, people[7].subject).found


def test_a_refresh_to_another_subject_or_failing_rows_is_refused(
    stage: Stage, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "table.csv"
    _write_csv(path, "'a' AS subject, '1' AS text")
    stage.register(name, path)
    stage.offer(name, name, "verify", [Predicate("odd", "is odd", "text::INTEGER % 2 = 1")])
    _write_csv(path, "1 AS subject, '1' AS text")
    error = refused(stage, lambda: stage.operator.refresh_table(name))
    assert (error.reason, error.clause) == ("COLUMN_UNKNOWN", "table.subject")
    _write_csv(path, "'a' AS other, '1' AS text")
    assert refused(stage, lambda: stage.operator.refresh_table(name)).reason == "COLUMN_UNKNOWN"
    _write_csv(path, "'a' AS subject, 'x' AS text")
    assert refused(stage, lambda: stage.operator.refresh_table(name)).reason == "PREDICATE_FAILS"


def test_a_refresh_suspends_what_no_longer_compiles_until_it_does(
    stage: Stage, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "table.csv"
    _write_csv(path, "'a' AS subject, 50000 AS earnings")
    stage.register(name, path)
    for kind in ("verify", "lookup"):
        stage.offer(f"{name}-{kind}", name, kind)
    clear, hidden = stage.contract(f"{name}-verify"), stage.contract(f"{name}-lookup")
    assert stage.lender.lookup(hidden, "a").found
    _write_csv(path, "'a' AS subject, 7 AS other")
    done = stage.operator.refresh_table(name)
    assert done.contracts == ()
    assert set(done.suspended) == {clear, hidden}
    labels = {column.name: (column.category, column.level) for column in done.table.columns}
    assert labels == {"subject": ("public", "1"), "other": ("personal", "core")}
    for ask in (
        lambda: stage.lender.verify(clear, "a"),
        lambda: stage.lender.lookup(hidden, "new"),
    ):
        error = refused(stage, ask)
        assert (error.reason, error.clause) == ("CONTRACT_NOT_ACTIVE", "state")
    (stop,) = stage.lender.contract(clear).stops
    assert stop.by == "node:rules"
    assert "reads column 'earnings'" in stop.cause

    _write_csv(path, "'a' AS subject, 10 AS earnings")
    assert set(stage.operator.refresh_table(name).suspended) == {clear, hidden}  # no label yet
    back = stage.operator.label_table(name, {"earnings": ("public", "1")})
    assert set(back.resumed) == {clear, hidden}
    assert stage.lender.verify(clear, "a").answers["earns_40k"].value == "no"
    wait_until(lambda: [job.live for job in stage.lender.jobs(hidden)] == [False, False])
    stage.close_clients()  # one keeps the epoch it has seen for a while, and its answers
    assert stage.lender.lookup(hidden, "a").answers["earns_40k"].value == "no"  # as it is now
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings


def _write_csv(path: Path, columns: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {columns}) TO '{path}' (HEADER)")


def _no_manifest(stage: Stage, contract: str) -> str:
    """Return what stands in the way of a contract's manifest."""
    session = stage.lender._session
    stub: Any = lookup_pb2_grpc.LookupServiceStub(session.channel.grpc)
    with pytest.raises(RefusedError) as caught:
        session.call(
            stub.GetManifest, lookup_pb2.GetManifestRequest(contract=f"contracts/{contract}")
        )
    assert caught.value.reason == "EPOCH_NOT_READY"
    return str(caught.value)
