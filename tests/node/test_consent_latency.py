"""Answers over consented rows: how long a root counts that another one has replaced."""

import dataclasses
import datetime as dt
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert
from tests.node.conftest import Store
from tests.node.gating import COUNTED, OPERATOR, ROWS, STATED, Gatehouse, later, made
from tests.node.governed import put_table
from tests.node.holding import log_of, signed
from tests.node.spending import DELTA, private
from tests.node.test_privacy_paying import COST, cost, paid, spent

from unseen.evidence.audit.consents import Consents as AuditedConsents
from unseen.evidence.audit.leaves import Event as LoggedEvent
from unseen.evidence.canonical import b64encode, format_time
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.suite import INTL
from unseen.node.consent.charging import outlived
from unseen.node.errors import (
    ConsentChangedError,
    ReleaseHeldError,
)
from unseen.node.kinds.consent_plan import STATEMENTS
from unseen.node.metering.paying import Work
from unseen.node.privacy.changes import SetBudget
from unseen.node.release import reviewing
from unseen.node.release.register import State as ReviewState
from unseen.node.store.schema_consent import consent_roots

CHOSEN = bytes([3]) * 32


async def consented(store: Store) -> Gatehouse:
    """Return a node whose contract asks for consents, with a root of them: `CHOSEN`."""
    put_table(store, "public:1", 100_000)
    contract = private(made("aggregate", runs=50, units=100))
    rule = ConsentRule(scenario="tests", latency_seconds=3600, once=False)
    terms = dataclasses.replace(contract.terms, consent=rule)
    serving = Gatehouse(store, dataclasses.replace(contract, terms=terms, id=b64encode(terms.id())))
    await store.writer.submit(SetBudget(INTL, "people", "1", DELTA, False, "operator"))
    put_root(store, 1, CHOSEN)
    return serving


@pytest.mark.parametrize(
    ("replaced", "hours", "leaves"),
    [
        (None, 9, True),  # by nothing
        (0, 0, True),
        (0, 1, True),
        (0, 1.001, False),
        (-0.5, 0.5, True),  # while the rows were counted
        (-0.5, 0.501, False),
        (1, 2, True),  # while it was held
        (1, 2.001, False),
    ],
)
async def test_what_is_held_over_consented_rows_leaves_under_their_root(
    store: Store, replaced: float | None, hours: float, leaves: bool
) -> None:
    serving = await consented(store)
    done = Work((ROWS,), bytes(32), facts=STATED, consent_root=CHOSEN, privacy=cost())
    with pytest.raises(ReleaseHeldError):
        await paid(serving, 0, done)
    if replaced is not None:
        put_root(store, 2, bytes([4]) * 32, replaced)
    (review,) = serving.start().releases.waiting()
    store.clock._now = lambda: later(hours=hours)
    after = await reviewing.decide(serving.node, OPERATOR, review.id, signed(serving, review))
    assert (after.state is ReviewState.PASSED) is leaves
    released = [leaf for leaf in log_of(store) if leaf["type"] == "release"]
    assert [leaf["consent_root"] for leaf in released] == [b64encode(CHOSEN)] * leaves
    assert spent(serving) == COST * leaves


@pytest.mark.parametrize(("hours", "leaves"), [(-1, True), (-1.001, False)])
async def test_rows_that_were_counted_for_long_leave_only_within_the_latency(
    store: Store, hours: float, leaves: bool
) -> None:
    serving = await consented(store)
    put_root(store, 2, bytes([4]) * 32, hours)
    done = Work((ROWS,), bytes(32), facts=COUNTED, consent_root=CHOSEN, privacy=cost())
    if leaves:
        assert (await paid(serving, 0, done)).reply == (ROWS,)
    else:
        with pytest.raises(ConsentChangedError):
            await paid(serving, 0, done)
        fresh = dataclasses.replace(done, consent_root=bytes([4]) * 32)
        assert (await paid(serving, 0, fresh)).total == 1  # the same id, over rows of now
    assert spent(serving) == COST


@given(
    roots=st.lists(st.integers(0, 12_000), min_size=1, max_size=6).map(sorted),
    chosen=st.integers(0, 5),
    at=st.integers(0, 20_000),
    latency=st.sampled_from((0, 1, 3600)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_node_and_audit_count_the_latency_alike(
    roots: list[int], chosen: int, at: int, latency: int
) -> None:
    rule = ConsentRule(scenario="tests", latency_seconds=latency, once=False)
    engine = create_engine("sqlite://")
    consent_roots.create(engine)
    audited = AuditedConsents(cast("Any", SimpleNamespace(documents={}, fail=lambda *_: None)))
    with engine.connect() as connection:
        for number, seconds in enumerate(roots, 1):
            made_at, name = later(seconds=seconds), b64encode(bytes([number]) * 32)
            connection.execute(insert(consent_roots), [root_row(number, name, made_at)])
            fields: dict[str, Any] = {"number": number, "root": name}
            audited.rooted(number, LoggedEvent("consent.root", made_at, fields))
        root, now = bytes([min(chosen, len(roots) - 1) + 1]) * 32, later(seconds=at)
        found = outlived(connection, rule, root, now)
    leaf = SimpleNamespace(consent_root=b64encode(root).encode(), kind=b"statistics", time=now)
    terms = cast("Any", SimpleNamespace(consent=rule))
    assert found == bool([*audited.faults(terms, cast("Any", leaf), None)])


def root_row(number: int, root: str, made_at: dt.datetime) -> dict[str, Any]:
    row = {"number": number, "root": root, "size": 1, "document": "", "leaf_index": 0, "used": 0}
    return {**row, "made_at": format_time(made_at)}


def put_root(store: Store, number: int, root: bytes, hours: float = 0) -> None:
    """Put a root of consents into the store, without its leaf."""
    row = root_row(number, b64encode(root), later(hours=hours))
    with store.engine.begin() as connection:
        connection.execute(insert(consent_roots), [row])


def test_what_consent_leaks_is_said_in_both_languages() -> None:
    for lines in STATEMENTS.values():
        for line in lines:
            assert line.text.isascii()
            assert line.bound.isascii()
            for chinese in (line.text_zh, line.bound_zh):
                assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
