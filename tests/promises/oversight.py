"""A stage with somebody who may order openings, and contracts that agree to them."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.promises.stage import PREDICATES, Stage, serving

from unseen.client import Client
from unseen.client.audit.checking import check_folder
from unseen.evidence.audit import Report
from unseen.evidence.trust import parse

REGULATOR = "supervisor"


@contextmanager
def supervised(template: Stage, root: Path) -> Iterator[Stage]:
    """Serve a copy of `template` with a regulator enrolled."""
    with serving(template.copy(root)) as stage:
        enrol(stage, REGULATOR, "regulator")
        yield stage


def enrol(stage: Stage, party: str, role: str) -> Client:
    """Invite and enrol a party of any role."""
    invitation = stage.operator.invite(party, role)
    client = Client.join(invitation, stage.party_home(party))
    stage._clients[party] = client
    return client


def agree(
    stage: Stage,
    product: str = "hidden",
    *,
    buyer: str = "lender",
    units: int = 200,
    way: str = "",
) -> str:
    """Return a contract in force under which openings may be ordered."""
    found = stage.client(buyer).request_contract(
        product,
        outputs=[predicate.name for predicate in PREDICATES],
        scenario="tests",
        units=units,
        days=1,
        openings=True,
        way=way,
    )
    stage.operator.approve(found.id)
    stage.client(buyer).sign(found.id)
    return found.id


def audit(stage: Stage, folder: Path) -> Report:
    """Export the log as the operator, and return what an auditor's check of it finds."""
    stage.operator.parties()
    stage.operator.export(folder)
    return check_folder(folder, parse(stage.operator.home.trust.read_bytes()))


class LaterClock:
    """Stands for the module `datetime` in a client's module, `ahead` of the machine's clock."""

    def __init__(self, ahead: dt.timedelta) -> None:
        class Later(dt.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return dt.datetime.now(tz) + ahead

        self.datetime, self.timedelta, self.UTC = Later, dt.timedelta, dt.UTC


def shift(monkeypatch: pytest.MonkeyPatch, ahead: dt.timedelta, *modules: str) -> None:
    """Let the clocks of client modules go `ahead`."""
    for module in modules:
        monkeypatch.setattr(f"unseen.client.oversight.{module}.dt", LaterClock(ahead))
