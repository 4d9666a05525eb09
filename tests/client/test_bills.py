"""Bills: what was refused is asked for again, what got lost is named, what is forged is refused."""

import dataclasses
import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import pytest

from unseen.bench.ledger import Memory, memory_ledger
from unseen.client.bills.bills import check_signatures, settle_export, settle_without
from unseen.client.bills.settling import Settling
from unseen.client.errors import Cause, RefusedError
from unseen.client.evidence import Evidence
from unseen.client.queries.lookups import Lookups
from unseen.evidence import jws
from unseen.evidence.audit.export import Export, leaves_file, parse_entry
from unseen.evidence.bills import settlement
from unseen.evidence.bills.statement import read_statement
from unseen.evidence.errors import SettlementError
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.suite import signer_id

CONTRACT = "c"


def refusing(reason: str, *, charged: bool = False) -> Any:
    def call(*_: object) -> None:
        raise RefusedError(Cause(reason, reason, charged=charged))

    return call


@pytest.fixture
def lookups(fake: Any) -> Lookups:
    fake.publish()
    found: Lookups = fake.lookups()
    found.many(CONTRACT, [0])
    return found


@pytest.fixture
def evidence(fake: Any, lookups: Lookups) -> Evidence:
    unused: Any = None
    return Evidence(fake.session, fake.contracts, lookups, unused, unused, unused)


def bill(evidence: Evidence) -> bytes:
    return Settling(evidence._session, evidence._contracts, evidence).settle(CONTRACT)


def refuse(fake: Any, lookups: Lookups, reason: str, subject: int) -> None:
    fake.session.call = refusing(reason)
    with pytest.raises(RefusedError):
        lookups.many(CONTRACT, [subject])
    fake.session.call = fake.call


def later(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Clock":
            return super().now(tz) + dt.timedelta(minutes=minutes)

    monkeypatch.setattr("unseen.client.evidence.dt", SimpleNamespace(datetime=Clock, UTC=dt.UTC))


def test_a_refused_request_that_was_charged_enters_the_bill(
    fake: Any, lookups: Lookups, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(fake, lookups, "QUOTA_EXHAUSTED", 1)
    assert json.loads(bill(evidence))["units"] == 1
    assert fake.node.sent == [1]  # young: sending it again might be what charges it
    later(monkeypatch, 16)
    assert json.loads(bill(evidence))["units"] == 2


def test_a_refused_request_is_asked_for_once(
    fake: Any, lookups: Lookups, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(fake, lookups, "QUOTA_EXHAUSTED", 1)
    later(monkeypatch, 16)
    asked = []

    def outdated(*_: object) -> None:
        asked.append(1)
        raise RefusedError(Cause("REQUEST_OUTDATED", "outdated"))

    fake.session.call = outdated
    for _ in range(3):
        assert json.loads(bill(evidence))["units"] == 1
    assert asked == [1]


def test_a_charged_request_without_a_reply_is_named_and_stops_no_bill(
    fake: Any, lookups: Lookups, evidence: Evidence
) -> None:
    fake.session.call = refusing("REPLY_NOT_FOUND", charged=True)
    with pytest.raises(RefusedError):
        lookups.many(CONTRACT, [1, 2])
    fake.session.call = fake.call
    fake.node.total += 2  # it was
    lookups.many(CONTRACT, [3])
    (lost,) = evidence.lost(CONTRACT)
    fake.session.call = refusing("REPLY_NOT_FOUND", charged=True)  # nor is there a receipt
    statement = json.loads(bill(evidence))
    assert statement["unreceipted"] == [{"request": lost, "units": 2}]
    assert (statement["units"], statement["requests"], statement["amount"]) == (2, 2, 6)
    assert evidence.unanswered(CONTRACT) == []


def leaves(fake: Any) -> list[ReleaseLeaf]:
    files = (fake.home.root / "receipts").iterdir()
    payloads: list[Any] = [jws.peek(path.read_text().strip()).payload for path in files]
    found = [ReleaseLeaf.from_json(payload["leaf"]) for payload in payloads]
    return sorted(found, key=lambda leaf: leaf.total)


def test_a_bill_with_lost_requests_still_finds_what_is_wrong(fake: Any, lookups: Lookups) -> None:
    lookups.many(CONTRACT, [1])
    lookups.many(CONTRACT, [2])
    one, two, three = leaves(fake)
    terms = fake.node.terms
    whole = json.loads(settle_without(terms, [three, one, two, one], {}))
    assert whole.pop("unreceipted") == []
    assert whole == json.loads(settlement.settle(terms, [one, two, three]))
    with pytest.raises(SettlementError, match="more than the node has lost"):
        settle_without(terms, [one, three], {})
    settle_without(terms, [one, three], {"r": 1})
    with pytest.raises(SettlementError, match="claim unit 1"):
        settle_without(terms, [one, dataclasses.replace(two, total=1)], {"r": 1})
    with pytest.raises(SettlementError, match="twice"):
        settle_without(terms, [one, dataclasses.replace(one, total=2)], {"r": 1})


def test_the_operator_checks_who_signed(fake: Any, lookups: Lookups) -> None:
    lookups.many(CONTRACT, [1])
    one, two = leaves(fake)
    terms, name = fake.node.terms, signer_id(fake.node.instance)
    keys = {name: fake.node.instance.public_key}
    check_signatures(terms, [one, two], keys, set)
    check_signatures(terms, [one, two], {}, lambda: {name})  # its key was replaced since
    forged = dataclasses.replace(one, signature=two.signature)
    with pytest.raises(SettlementError, match="signature over request"):
        check_signatures(terms, [forged], keys, set)
    with pytest.raises(SettlementError, match="no instance of the buyer"):
        check_signatures(terms, [one], {}, set)


def test_nobody_settles_less_by_hiding_the_last_releases() -> None:
    """The tree holds and the totals leave no gap: only that a leaf is hidden is to be seen."""
    files, ledger = memory_ledger(200)
    export = Export(Memory(files))
    releases = [
        (index, leaf.request.contract)
        for index, leaf in export.releases()
        if leaf.request.kind == "verify"
    ]
    index, contract = releases[-1]
    whole = read_statement(settle_export(export, contract, ledger.trust))
    lines = files[leaves_file(0)].splitlines(keepends=True)
    entry = parse_entry(lines[index])
    assert entry is not None
    lines[index] = b'{"hash":"%s","index":%d}\n' % (entry.hash, index)
    hiding = Export(Memory(files | {leaves_file(0): b"".join(lines)}))
    with pytest.raises(SettlementError, match="by its hash alone"):
        settle_export(hiding, contract, ledger.trust)
    less = read_statement(settle_export(hiding, contract, ledger.trust, partial=True))
    assert less["units"] == whole["units"] - 1
