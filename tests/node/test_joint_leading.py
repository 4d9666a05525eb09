"""A lead opens few sums, and lets one table out, whatever later rounds add up."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.evidence.test_joint import make
from tests.node.conftest import NOW, Store

from unseen.evidence.suite import INTL
from unseen.node.errors import JointRefusedError
from unseen.node.joint import leading
from unseen.node.joint.leading import MOST_OPENED, Opened, Piece, _handed, _spend
from unseen.node.joint.rounds import Rounds, Running

CLAUSE = make(lead="hospital-01")
CONTRACT: Any = SimpleNamespace(id="c", plan=SimpleNamespace(group=10))


class Desk:
    """As much of a lead as opens a sum; what it is handed is read as the transcript."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[bytes] = []
        self.known: Any = None
        self.node: Any = SimpleNamespace(
            joint=Rounds(),
            clock=SimpleNamespace(now=lambda: NOW),
            suite=INTL,
            writer=store.writer,
        )
        monkeypatch.setattr(leading, "check_going", lambda *_: None)
        monkeypatch.setattr(leading, "look", lambda *_: self.known)
        monkeypatch.setattr(leading, "transcript_of", lambda _suite, messages: messages[0])
        monkeypatch.setattr(leading, "_hear", self._hear)
        monkeypatch.setattr(leading, "_read", lambda *_: "table")

    def running(self, number: int) -> Running:
        opener = SimpleNamespace(
            parameters=SimpleNamespace(members=(1, 2, 3), dimension=1, ring=64)
        )
        party: Any = SimpleNamespace(name="hospital-01", opener=lambda: opener)
        asked: Any = SimpleNamespace(contract=CONTRACT, clause=CLAUSE)
        found = Running(asked, cast("Any", None), bytes(32), party, NOW, 1)
        found.snapshot = b"rows"
        self.node.joint.add("c", bytes([number]) * 32, found)
        return found

    async def handed(self, number: int, transcript: bytes) -> Any:
        async def pieces() -> AsyncIterator[Piece]:
            yield Piece(transcript)

        named = bytes([number]) * 32, bytes(32), transcript
        return await _handed(self.node, CONTRACT, named, pieces())

    async def _hear(self, _node: Any, _lead: Any, first: Piece, _rest: Any) -> Any:
        def finish() -> Any:
            self.opened.append(first.message)
            return np.zeros(1, np.int64)

        return SimpleNamespace(messages=[first.message], lead=SimpleNamespace(finish=finish))


@pytest.fixture
def desk(store: Store, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(store, monkeypatch)


async def test_a_clause_has_few_sums_opened_whatever_they_were(desk: Desk) -> None:
    for number in range(MOST_OPENED + 1):
        desk.running(number)
    for number in range(MOST_OPENED):
        assert (await desk.handed(number, bytes([number]) * 32))[1] == "table"
    with pytest.raises(JointRefusedError, match="sums were opened"):
        await desk.handed(MOST_OPENED, bytes([99]) * 32)
    assert desk.opened == [bytes([number]) * 32 for number in range(MOST_OPENED)]
    assert (await desk.handed(0, bytes(32)))[1] == "table"  # it has been handed this before
    assert len(desk.opened) == MOST_OPENED


async def test_what_is_opened_is_written_down_before(desk: Desk, store: Store) -> None:
    desk.running(0)
    for number in range(MOST_OPENED):
        await store.writer.submit(Opened("other", str(number)))
    with pytest.raises(JointRefusedError):
        await store.writer.submit(Opened("other", "another"))
    await store.writer.submit(Opened("other", "0"))
    assert (await desk.handed(0, bytes(32)))[1] == "table"


async def test_where_a_table_was_let_out_nothing_more_is_opened(desk: Desk) -> None:
    desk.running(0)
    desk.known = object()
    assert (await desk.handed(0, bytes(32)))[1] is None
    assert desk.opened == []


def test_one_table_is_kept_for_a_clause_its_rows_and_its_group(desk: Desk) -> None:
    one, other = desk.running(0), desk.running(1)
    assert _spend(desk.node, CONTRACT, one) == _spend(desk.node, CONTRACT, other)
    coarser: Any = SimpleNamespace(plan=SimpleNamespace(group=20))
    assert _spend(desk.node, coarser, one) != _spend(desk.node, CONTRACT, one)
    other.snapshot = b"later"
    assert _spend(desk.node, CONTRACT, one) != _spend(desk.node, CONTRACT, other)
    assert _spend(desk.node, CONTRACT, one).units == 0


def test_rows_that_people_permit_one_buyer_are_not_another_ones(desk: Desk) -> None:
    found = desk.running(0)
    found.consent_root = bytes(32)
    rule = SimpleNamespace(scenario="care")
    names = set()
    for buyer in ("one", "other"):
        terms = SimpleNamespace(buyer=buyer, consent=rule, product="stays")
        contract: Any = SimpleNamespace(plan=CONTRACT.plan, terms=terms)
        names.add(_spend(desk.node, contract, found).answer)
    assert len(names) == 2
