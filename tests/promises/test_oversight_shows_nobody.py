"""Promise 1 under oversight: audits, replays, exports, bundles, objections and reviews name nobody.

Whoever looks over the operator's or a buyer's shoulder is shown hashes, counts and keys. What is
planted in a table of personal rows is looked for in every byte that these calls send and get, in
every file that they write, in the homes of those who look, and in what their cards say. The one
exception is an opening on a regulator's order, which is for the regulator's eyes: there only what
nobody asked about must not appear.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import grpc
import pytest
from tests.promises.canaries import Scanner
from tests.promises.consenting import Consenting, make
from tests.promises.oversight import REGULATOR, agree, audit, enrol
from tests.promises.stage import Person, Stage, make_people, now, wait_until, write_table
from tests.promises.wire import Recorder

from unseen.client.audit.checking import check_file
from unseen.client.errors import RefusedError
from unseen.evidence import canonical
from unseen.evidence.errors import EvidenceError
from unseen.evidence.oversight.objection import Credit
from unseen.evidence.trust import parse
from unseen.protocols.errors import UnseenError

LOOKERS = ("eva", REGULATOR, "wit", "operator")
OVERSIGHT = {
    f"/unseen.v1.{name}"
    for name in (
        "AuditService/GetKeys",
        "AuditService/ListDocuments",
        "AuditService/GetEvidence",
        "LogService/GetCheckpoint",
        "LogService/ListLeaves",
        "LogService/AddCosignature",
        "RegistryService/AuditTable",
        "RegistryService/ReplayTable",
        "ReviewService/ListReviews",
        "ReviewService/GetReview",
        "ReviewService/DecideReview",
        "ObjectionService/OpenObjection",
        "ObjectionService/AnswerObjection",
        "ObjectionService/ListObjections",
        "ContractService/GetContract",
        "MeterService/ListReleases",
        "RegistryService/GetCertificate",
        "OpeningService/SubmitOrder",
        "OpeningService/ListOrders",
        "OpeningService/PutPart",
        "OpeningService/FetchPart",
        "OpeningService/RespondOrder",
    )
}


@pytest.fixture
def watched(
    copy: Callable[[], Stage], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Consenting, Recorder]]:
    """Return a stage over personal rows, with everybody who may look, all calls recorded."""
    recorder = Recorder()
    monkeypatch.setattr(grpc, "secure_channel", recorder.channel)
    stage = copy()
    stage.start()
    for party, role in (("eva", "auditor"), (REGULATOR, "regulator"), ("wit", "witness")):
        enrol(stage, party, role)
    yield make(stage), recorder
    stage.close_clients()


def test_whoever_looks_on_sees_nobody(watched: tuple[Consenting, Recorder], tmp_path: Path) -> None:
    found, recorder = watched
    stage, files = found.stage, tmp_path / "files"
    files.mkdir()
    strangers = make_people(8)  # whom a swapped file holds
    shown = "\n".join(_looked_at(found, files, strangers))
    stage.stop()

    people = (*stage.people, *strangers)
    columns = Scanner([value for person in people for value in person.canaries])
    asked = {person.subject for person in stage.people[:6]}
    subjects = [bytes.fromhex(person.subject) for person in people]
    anything = Scanner([value for person in people for value in person.canaries] + subjects)
    unasked = Scanner([bytes.fromhex(p.subject) for p in people if p.subject not in asked])

    seen = {method for method, _ in recorder.received}
    assert seen >= OVERSIGHT, OVERSIGHT - seen
    for way, messages in (("sent to", recorder.sent), ("received from", recorder.received)):
        for method, data in messages:
            scanner = columns if _by_name(way, method) else anything
            assert not scanner.find(data, f"{way} {method}")
    for path in _files(files):
        assert not anything.find(path.read_bytes(), str(path.relative_to(tmp_path)))
    for party in LOOKERS:
        for path in _files(stage.party_home(party)):
            data, place = path.read_bytes(), f"{party}: {path.name}"
            assert not columns.find(data, place)
            assert not (unasked if party == REGULATOR else anything).find(data, place)
    assert not anything.find(shown.encode(), "what users were shown")
    assert not anything.find(stage.output.read_bytes(), "what the node printed")


def test_what_it_looks_for_would_be_found(
    watched: tuple[Consenting, Recorder], tmp_path: Path
) -> None:
    """Positive control: requests' ids do stand in exports, bundles, calls and homes."""
    found, recorder = watched
    found.give(0)
    request = found.lender.verify(found.contract("open"), found.who(0)).request_id
    scanner = Scanner([bytes.fromhex(request)])
    eva = found.stage.client("eva")
    eva.keys(accept=True)
    eva.export(tmp_path / "export")
    assert any(scanner.find(path.read_bytes(), path.name) for path in _files(tmp_path / "export"))
    assert scanner.find(json.dumps(eva.bundle(request)).encode(), "bundle")
    received = b"".join(d for m, d in recorder.received if m.endswith("LogService/ListLeaves"))
    assert scanner.find(received, "leaves")


def _looked_at(found: Consenting, files: Path, strangers: tuple[Person, ...]) -> Iterator[str]:
    """Do all that oversight can do, write what it gives into `files`; yield what users read."""
    stage, lender, operator = found.stage, found.lender, found.stage.operator
    eva, regulator = stage.client("eva"), stage.client(REGULATOR)
    found.give(*range(6))
    hidden, clear = agree(stage, "blind", units=6), found.contract("open")
    wait_until(lambda: found.epoch(hidden) == 1)
    requests = [lender.lookup(hidden, found.who(place)).request_id for place in (0, 1)]
    requests.append(lender.verify(clear, found.who(2)).request_id)
    yield from map(repr, _reviewed(found, clear))
    yield repr(eva.replay_table(hidden))
    yield repr(eva.audit_table("persons", rows=20, seed="drawn by the auditor"))
    stage.client("wit").cosign()
    for party in ("operator", "eva", REGULATOR, "lender"):
        client = stage.client(party)
        client.keys(accept=True)
        yield repr(client.export(files / party))
        for number, request in enumerate(requests):
            path = files / f"{party}-{number}.bundle"
            path.write_bytes(canonical.encode(client.bundle(request)))
            yield repr(check_file(path, parse(client.home.trust.read_bytes())).documents)
        yield repr([*client.contracts(), *client.heads(), *client.certificates()])
    for number, request in enumerate(requests):
        (files / f"{number}.vc").write_text(lender.export_receipt(request))
    yield from map(repr, _objected(found, requests))
    yield from map(repr, _ordered(found, hidden, requests[0]))
    yield repr(audit(stage, files / "again"))
    yield from _exported(found, files, (hidden, clear))
    yield repr([operator.operator_settle(each) for each in (hidden, clear)])
    yield repr(list(operator.leaves()))
    source = stage.root / "persons.parquet"
    write_table(source, strangers)
    for call in (
        lambda: eva.replay_table(hidden),
        lambda: eva.audit_table("persons", rows=5, seed="another"),
        lambda: regulator.replay_table(clear),
        lambda: lender.bundle("0" * 32),
    ):
        yield _refusal(call)


def _reviewed(found: Consenting, contract: str) -> Iterator[object]:
    operator, lender = found.stage.operator, found.lender
    operator.set_release_mode("verdicts", "review")
    for place, decide in ((3, operator.approve_release), (4, operator.refuse_release)):
        with pytest.raises(RefusedError):
            lender.verify(contract, found.who(place))
        (held,) = operator.reviews()
        yield operator.review(held.id)
        yield decide(held.id)
        with pytest.raises(RefusedError) if place == 4 else nullcontext():
            lender.fetch(held.request)
    yield operator.reviews(waiting=False)
    operator.set_release_mode("verdicts", "pass")


def _objected(found: Consenting, requests: list[str]) -> Iterator[object]:
    operator, lender = found.stage.operator, found.lender
    for request, accepted in zip(requests[1:], (True, False), strict=True):
        opened = lender.open_objection("wrong_answer", "it is not so", request=request)
        credit = Credit(units=1, amount=1_500_000) if accepted else None
        yield operator.answer_objection(opened.id, "seen", accepted=accepted, credit=credit)
        yield lender.close_objection(opened.id, agreed=accepted)
    for client in (operator, lender, found.stage.client("eva")):
        yield client.objections()


def _ordered(found: Consenting, contract: str, request: str) -> Iterator[object]:
    regulator = found.stage.client(REGULATOR)
    order = regulator.order_openings(contract, reason="an inspection", requests=[request])
    yield found.lender.waiting_orders()
    yield found.lender.answer_order(order.id)
    regulator.open_order(order.id)  # whom it is about, for the regulator alone
    for client in (found.stage.operator, found.stage.client("eva")):
        yield client.orders()


def _exported(found: Consenting, files: Path, contracts: tuple[str, ...]) -> Iterator[str]:
    operator = found.stage.operator
    for number, contract in enumerate(contracts):
        (files / f"{number}.html").write_text(operator.contract_form(contract))
        (files / f"{number}.odrl").write_text(json.dumps(operator.export_contract(contract)))
    (files / "catalog.dcat").write_text(json.dumps(operator.export_catalog()))
    for card in operator.certificates():
        (files / f"{card.id}.certificate").write_bytes(operator.export_certificate(card.id))
    yield repr(operator.disclosure(now().year))
    yield repr(operator.personal_audit(now() - dt.timedelta(days=1), now()))


def _refusal(call: Callable[[], object]) -> str:
    with pytest.raises(UnseenError) as caught:
        call()
    error = caught.value
    assert isinstance(error, (RefusedError, EvidenceError))
    return f"{error!r} {error.clause} {error.remedy}"


def _by_name(way: str, method: str) -> bool:
    """Return whether a message names its subject by its contract: questions in the clear, hubs."""
    return way == "sent to" and ("VerifyService" in method or "ConsentService" in method)


def _files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert found
    return found
