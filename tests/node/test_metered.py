"""Admission: what is let in together is counted together."""

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from tests.node.conftest import NOW, make_request, make_terms

from unseen.evidence.contracts.states import State
from unseen.node.clock import Clock
from unseen.node.errors import QuotaExhaustedError, RateExceededError
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role
from unseen.node.metering import metered
from unseen.node.metering.meter import Meter
from unseen.node.metering.paying import Admitted


@pytest.mark.parametrize(
    ("units", "per_minute", "error"), [(100, 3, RateExceededError), (3, 100, QuotaExhaustedError)]
)
async def test_requests_that_arrive_together_do_not_pass_a_limit_side_by_side(
    monkeypatch: pytest.MonkeyPatch, units: int, per_minute: int, error: type[Exception]
) -> None:
    terms = make_terms("verify", units, per_minute)
    contract = SimpleNamespace(id="c", terms=terms, state=State.ACTIVE, units_used=0)
    node: Any = SimpleNamespace(
        in_flight={},
        load=Counter(),
        meter=Meter(),
        clock=Clock(lambda: NOW),
        draining=False,
        releases=SimpleNamespace(check=lambda *_: None),
        stops=SimpleNamespace(cause=str),
    )
    node.mandates = SimpleNamespace(check=lambda *_: None)
    started: list[str] = []

    def admit(_node: Any, _caller: Any, _kind: str, number: Any, _units: int) -> Any:
        request = make_request(terms, kind="verify", number=number)
        return Admitted(contract, request, str(number), b"", "")  # type: ignore[arg-type]

    async def execute(_node: Any, admitted: Any, _work: Any) -> str:
        started.append(admitted.statement_digest)
        await asyncio.sleep(0.01)
        return "charged"

    monkeypatch.setattr(metered, "admit", admit)
    monkeypatch.setattr(metered, "stored", lambda *_: None)
    monkeypatch.setattr(metered, "_check_capacity", lambda *_: None)
    monkeypatch.setattr(metered, "check_bits", lambda *_: None)
    monkeypatch.setattr(metered, "_execute", execute)
    monkeypatch.setattr(metered, "answer", lambda *_: "answer")
    caller, work = Caller(Role.BUYER, "lender", "default"), pytest.fail
    asks: Any = [
        metered.run_metered(node, caller, "verify", number, 1, work)  # type: ignore[arg-type]
        for number in range(10)
    ]
    found = await asyncio.gather(*asks, return_exceptions=True)
    assert found.count("answer") == len(started) == 3
    assert [type(each) for each in found if each != "answer"] == [error] * 7
    await asyncio.sleep(0)
    assert not node.in_flight
    assert node.load["lender"] == node.meter.usage("c", 0).under_way == 0
