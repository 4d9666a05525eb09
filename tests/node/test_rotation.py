"""Until when a table answers that holds somebody who has withdrawn, however its contract stands."""

import dataclasses
import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update
from tests.node.conftest import NOW
from tests.node.gating import made

from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.contracts.states import State
from unseen.node.consent import rotation
from unseen.node.consent.state import Consents
from unseen.node.contracts import lifecycle
from unseen.node.errors import EpochNotReadyError
from unseen.node.store.schema_consent import consent_epochs, consents

HOUR = dt.timedelta(hours=1)


class House:
    """A node with one contract that asks for consent, its epoch, and one person in its table."""

    def __init__(self, engine: Engine) -> None:
        found = made("lookup")
        rule = ConsentRule(scenario="tests", latency_seconds=3600, once=False)
        self.contract = dataclasses.replace(
            found, terms=dataclasses.replace(found.terms, consent=rule)
        )
        self.time, self.engine = NOW, engine
        self.building = self.failed = False
        epoch = SimpleNamespace(contract=self.contract.id, number=1)
        self.node: Any = SimpleNamespace(
            clock=SimpleNamespace(now=lambda: self.time),
            engine=engine,
            consents=Consents(),
            contracts=SimpleNamespace(get=lambda _id: self.contract, all=list),
            epochs=SimpleNamespace(
                serving=lambda: [epoch],
                newest_failure=lambda _id: "FULL" if self.failed else None,
                failure=lambda _id: None,
            ),
            jobs=SimpleNamespace(live=lambda *_: [1] if self.building else []),
            ended=set(),
        )
        terms = self.contract.terms
        person = {
            "id": "c" * 43,
            "place": bytes(32),
            "hub": "hub",
            "recipient": terms.buyer,
            "scenario": "tests",
            "table_name": terms.table,
            "products": "[]",
            "once": 0,
            "given_at": format_time(NOW - 2 * HOUR),
            "until": format_time(NOW + 100 * HOUR),
            "delegation": "",
            "added": 1,
            "added_at": format_time(NOW - 2 * HOUR),
            "sealed_subject": b"",
            "sealed_token": b"",
        }
        chosen = {
            "contract": self.contract.id,
            "epoch": 1,
            "root": 1,
            "chosen_at": format_time(NOW - HOUR),
        }
        with engine.begin() as connection:
            connection.execute(insert(consents), [person])
            connection.execute(insert(consent_epochs), [chosen])

    def stands(self, state: State) -> None:
        self.contract = dataclasses.replace(self.contract, state=state)

    def withdraw(self) -> None:
        """Let the person withdraw now."""
        with self.engine.begin() as connection:
            gone = update(consents).values(ended=2, ended_at=format_time(self.time))
            connection.execute(gone)
        terms = self.contract.terms
        rotation.note_ended(self.node, {(terms.buyer, "tests", terms.table)})

    def answers(self) -> bool:
        try:
            rotation.check_deadline(self.node, self.contract.id)
        except EpochNotReadyError:
            return False
        return True


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine)


def test_a_contract_in_force_is_built_anew_in_time_or_answers_no_more(house: House) -> None:
    house.withdraw()
    assert house.answers()
    assert rotation.due(house.node) == []
    house.time = NOW + dt.timedelta(minutes=59, seconds=30)
    assert rotation.due(house.node) == [house.contract]
    assert house.answers()
    house.building = True
    assert rotation.due(house.node) == []
    house.time = NOW + HOUR
    assert not house.answers()
    assert rotation.over(house.node) == []


@pytest.mark.parametrize("noticed", ["at once", "by the sweep"])
def test_a_contract_that_stands_still_is_late_when_it_goes_on(house: House, noticed: str) -> None:
    house.stands(State.SUSPENDED)
    house.withdraw()
    if noticed == "by the sweep":
        house.node.consents.deadlines.clear()
    house.time = NOW + HOUR
    assert rotation.due(house.node) == []  # nothing is built for it now
    house.stands(State.ACTIVE)
    assert not house.answers()  # not even until the next sweep
    assert rotation.due(house.node) == [house.contract]


async def test_a_contract_that_is_used_up_ends_its_epoch_at_the_deadline(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    async def end(_node: Any, contract: Any) -> None:
        ended.append(contract.id)

    monkeypatch.setattr(lifecycle, "end_epochs", end)
    house.stands(State.EXHAUSTED)
    await lifecycle.sweep(house.node)
    assert ended == []
    house.withdraw()
    await lifecycle.sweep(house.node)
    assert (ended, house.answers()) == ([], True)
    house.time = NOW + HOUR
    assert not house.answers()
    await lifecycle.sweep(house.node)
    assert ended == [house.contract.id]
    assert house.node.ended == {house.contract.id}
