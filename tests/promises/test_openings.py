"""Openable blindness: what is hidden from the operator can be opened on a lawful order."""

import base64
import datetime as dt
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.promises.oversight import REGULATOR, agree, audit, enrol, shift, supervised
from tests.promises.stage import Stage, now
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client import Client, HomeError, RefusedError
from unseen.client.audit.checking import check_folder
from unseen.client.local.identity import certify_instance
from unseen.client.oversight.opened import Outcome
from unseen.client.oversight.orders import Orders
from unseen.evidence import canonical
from unseen.evidence.audit import Policy
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.errors import EvidenceError, OrderInvalidError
from unseen.evidence.oversight.opening import Opened
from unseen.evidence.oversight.order import Order, order_id, sign_order
from unseen.evidence.suite import suite_of
from unseen.evidence.trust import parse
from unseen.protocols.errors import PeerError
from unseen.v1 import opening_pb2

runner = CliRunner()


@pytest.fixture(scope="module")
def watched(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with supervised(template, tmp_path_factory.mktemp("openings") / "stage") as stage:
        yield stage


def regulator(stage: Stage) -> Client:
    return stage.client(REGULATOR)


def run(stage: Stage, party: str, *arguments: str) -> Any:
    home = str(stage.party_home(party))
    done = runner.invoke(app, [*arguments, "--home", home, "--format", "json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def order(stage: Stage, contract: str, *requests: str, **more: Any) -> str:
    found = regulator(stage).order_openings(
        contract, reason="inspection of the first quarter", requests=requests, **more
    )
    return found.id


def test_an_order_opens_exactly_the_named_requests(watched: Stage) -> None:
    contract, lender, people = agree(watched), watched.lender, watched.people
    asked = [person.subject for person in people[:5]] + ["f" * 32]
    batch = lender.lookup_many(contract, asked)[0].request_id
    single = lender.lookup(contract, people[7].subject).request_id
    hidden = lender.lookup(contract, people[8].subject).request_id
    identifier = order(watched, contract, batch, single)
    assert [card.id for card in lender.waiting_orders()] == [identifier]
    lender.usage(contract)
    assert lender.orders_waiting == 1
    said = lender.answer_order(identifier)
    assert set(said.opened) == {batch, single}
    assert (said.unknown, said.lost, said.failed) == ((), (), ())
    lender.usage(contract)
    assert lender.orders_waiting == 0
    assert not lender.waiting_orders()
    found = regulator(watched).open_order(identifier)
    assert [(one.request, one.outcome) for one in found.findings] == [
        (batch, Outcome.OPENED),
        (single, Outcome.OPENED),
    ]
    shown = {str(s.subject[0]): s for one in found.findings for s in one.shown}
    assert set(shown) == {*asked, people[7].subject}
    words = {True: "yes", False: "no", None: "no_usable_result"}
    for person in people[:5]:
        verdicts = shown[person.subject].verdicts
        assert {name: words[v] for name, v in verdicts.items()} == person.answers
    assert hidden not in json.dumps(found.to_json())
    assert not any(one.late for one in found.findings)
    again = regulator(watched).open_order(identifier, offline=True)
    assert again.to_json() == found.to_json()
    assert lender.answer_order(identifier).opened == ()  # nothing is left to say


def test_the_node_learns_no_subject_by_transporting_it(watched: Stage) -> None:
    contract, person = agree(watched), watched.people[9]
    request = watched.lender.lookup(contract, person.subject).request_id
    before = watched.operator.log_size()
    watched.lender.answer_order(order(watched, contract, request))
    leaves = list(watched.operator.leaves(before))
    assert {leaf.type for leaf in leaves} >= {"opening.ordered", "opening.answered"}
    needles = {
        person.subject.encode(),
        bytes.fromhex(person.subject),
        base64.b64encode(person.subject.encode()).rstrip(b"="),
    }
    texts = [json.dumps(leaf.fields).encode() for leaf in leaves]
    files = [path for path in watched.home.rglob("*") if path.is_file()]
    texts += [path.read_bytes() for path in files if "operator" not in path.parts]
    assert any("openings" in path.parts for path in files)
    for needle in needles:
        assert not any(needle in text for text in texts)


def test_what_is_handed_over_has_one_size_whatever_the_answer(watched: Stage) -> None:
    contract, lender = agree(watched), watched.lender
    by_answer = {person.answers["earns_40k"]: person.subject for person in watched.people}
    requests = [
        lender.lookup(contract, subject).request_id for subject in [*by_answer.values(), "f" * 32]
    ]
    identifier = order(watched, contract, *requests)
    lender.answer_order(identifier)
    parts = [*(watched.home / "openings" / identifier).rglob("*.part")]
    assert len(parts) == len(requests)
    assert len({path.stat().st_size for path in parts}) == 1


def test_a_verification_in_the_clear_can_be_ordered_too(watched: Stage) -> None:
    contract, person = agree(watched, "clear"), watched.people[2]
    request = watched.lender.verify(contract, person.subject).request_id
    identifier = order(watched, contract, request)
    watched.lender.answer_order(identifier)
    (finding,) = regulator(watched).open_order(identifier).findings
    assert finding.outcome is Outcome.OPENED
    assert finding.shown[0].subject == (person.subject,)


def test_a_sample_is_drawn_by_the_log_and_opened(watched: Stage) -> None:
    contract, lender = agree(watched), watched.lender
    requests = {
        lender.lookup(contract, person.subject).request_id for person in watched.people[:12]
    }
    identifier = order(watched, contract, sample=5)
    card = regulator(watched).order(identifier)
    assert card.draw is not None
    assert len(card.wanted) == 5
    assert set(card.wanted) <= requests
    assert card.draw.size == card.index + 1
    after = lender.lookup(contract, watched.people[20].subject).request_id
    assert after not in card.wanted
    lender.answer_order(identifier)
    found = regulator(watched).open_order(identifier)
    assert found.count(Outcome.OPENED) == 5
    with pytest.raises(RefusedError) as caught:  # a draw stands, and no other follows
        _submit_draw(watched, identifier, salt=secrets.token_bytes(32))
    assert caught.value.reason == "ORDER_INVALID"


def _submit_draw(stage: Stage, identifier: str, **changes: Any) -> None:
    import dataclasses

    from unseen.evidence.oversight.order import sign_draw

    client = regulator(stage)
    card = client.order(identifier)
    assert card.draw is not None
    token = sign_draw(client._session.party_signer, dataclasses.replace(card.draw, **changes))
    request = opening_pb2.DrawSampleRequest(name=f"orders/{identifier}", draw=token)
    client._session.call(client._orders._stub.DrawSample, request)


def test_nobody_chooses_the_sample(watched: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    contract, lender = agree(watched), watched.lender
    for person in watched.people[:6]:
        lender.lookup(contract, person.subject)
    monkeypatch.setattr(Orders, "draw", lambda self, name: self.get(name))
    identifier = order(watched, contract, sample=2)  # interrupted before it was drawn
    monkeypatch.undo()
    assert not regulator(watched).order(identifier).wanted
    assert not lender.waiting_orders()
    card = regulator(watched).draw_sample(identifier)
    assert len(card.wanted) == 2
    others = {receipt.id for receipt in lender.receipts(contract)} - set(card.wanted)
    for changes in ({"requests": tuple(others)[:2]}, {"root": bytes(32)}, {"size": 1}):
        with pytest.raises(RefusedError) as caught:
            _submit_draw(watched, identifier, **changes)
        assert caught.value.reason in {"ORDER_INVALID", "FIELD_INVALID"}
    assert regulator(watched).draw_sample(identifier).wanted == card.wanted


def test_an_id_that_a_shell_takes_for_an_option_is_drawn_anew(
    watched: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract, lender = agree(watched), watched.lender
    request = lender.lookup(contract, watched.people[9].subject).request_id
    tokens: list[str] = []

    def first_with_a_dash(suite: Any, token: str) -> bytes:
        tokens.append(token)
        found = order_id(suite, token)
        return found if len(tokens) > 1 and not b64encode(found).startswith("-") else b"\xfb" * 32

    monkeypatch.setattr("unseen.client.oversight.orders.order_id", first_with_a_dash)
    identifier = order(watched, contract, request)
    assert len(set(tokens)) == len(tokens) > 1
    assert identifier == b64encode(order_id(suite_of("intl"), tokens[-1]))
    assert lender.answer_order(identifier).opened == (request,)


def test_a_contract_without_openings_is_never_opened(watched: Stage) -> None:
    contract = watched.contract("clear")
    request = watched.lender.verify(contract, watched.people[0].subject).request_id
    with pytest.raises(OrderInvalidError, match="regulator"):
        order(watched, contract, request)
    with pytest.raises(RefusedError) as caught:
        _submit(watched, regulator(watched), contract, request)
    assert (caught.value.reason, caught.value.clause) == ("ORDER_INVALID", "regulator")


def _submit(stage: Stage, client: Client, under: str, request: str, **changes: Any) -> None:
    """Hand over an order that the client's own checks would not let pass."""
    session = client._session
    fields: dict[str, Any] = {
        "suite": "intl",
        "contract": b64decode(under),
        "key": session.profile.key,
        "reason": "because",
        "issued_at": now(),
        "deadline": now() + dt.timedelta(days=1),
        "requests": (request,),
        "seal": "hpke-x25519-sha256-aes256gcm",
        "seal_key": secrets.token_bytes(32),
    }
    token = sign_order(session.party_signer, Order(**fields | changes))
    message = opening_pb2.SubmitOrderRequest(contract=f"contracts/{under}", order=token)
    session.call(client._orders._stub.SubmitOrder, message)


def test_orders_by_others_or_about_others_are_refused(watched: Stage) -> None:
    contract, other = agree(watched), agree(watched, "clear")
    request = watched.lender.lookup(contract, watched.people[0].subject).request_id
    foreign = watched.lender.verify(other, watched.people[0].subject).request_id
    events = watched.events()
    auditor = enrol(watched, f"auditor-{secrets.token_hex(3)}", "auditor")
    enrolled = watched.events() - events
    refused: list[tuple[Callable[[], None], str, str]] = [
        (lambda: _submit(watched, auditor, contract, request), "ORDER_INVALID", "regulator"),
        (lambda: _submit(watched, watched.lender, contract, request), "RIGHT_MISSING", "rights"),
        (lambda: _submit(watched, watched.operator, contract, request), "RIGHT_MISSING", "rights"),
        (
            lambda: _submit(watched, regulator(watched), contract, foreign),
            "RELEASE_NOT_FOUND",
            "request",
        ),
        (
            lambda: _submit(watched, regulator(watched), contract, "0" * 32),
            "RELEASE_NOT_FOUND",
            "request",
        ),
        (
            lambda: _submit(
                watched, regulator(watched), contract, request, contract=b64decode(other)
            ),
            "ORDER_INVALID",
            "contract",
        ),
        (
            lambda: _submit(
                watched,
                regulator(watched),
                contract,
                request,
                issued_at=now() - dt.timedelta(hours=1),
            ),
            "REQUEST_OUTDATED",
            "order.issued_at",
        ),
    ]
    for call, reason, clause in refused:
        with pytest.raises(RefusedError) as caught:
            call()
        assert (caught.value.reason, caught.value.clause) == (reason, clause)
        assert caught.value.remedy
    assert watched.events() == events + enrolled


def test_another_buyer_sees_no_order(watched: Stage) -> None:
    contract = agree(watched)
    request = watched.lender.lookup(contract, watched.people[0].subject).request_id
    identifier = order(watched, contract, request)
    for client in (watched.rival,):
        assert identifier not in {card.id for card in client.orders()}
        for call in (client.order, client.answer_order):
            with pytest.raises(RefusedError) as caught:
                call(identifier)
            assert caught.value.reason == "ORDER_NOT_FOUND"
    with pytest.raises(HomeError, match="did not give"):
        watched.operator.open_order(identifier)


def test_each_home_answers_for_what_it_asked(watched: Stage, tmp_path: Path) -> None:
    contract = agree(watched)
    here = watched.lender.lookup(contract, watched.people[0].subject).request_id
    certify_instance(watched.party_home("lender"), f"desk-{secrets.token_hex(3)}", tmp_path / "b")
    with Client(tmp_path / "b") as branch:
        there = branch.lookup(contract, watched.people[1].subject).request_id
        identifier = order(watched, contract, here, there)
        said = branch.answer_order(identifier)
        assert (said.opened, said.unknown) == ((there,), (here,))
        found = regulator(watched).open_order(identifier)
        assert [one.outcome for one in found.findings] == [Outcome.UNKNOWN, Outcome.OPENED]
        assert "did not make it" in found.findings[0].why
        watched.lender.answer_order(identifier)
    found = regulator(watched).open_order(identifier)
    assert found.count(Outcome.OPENED) == 2


def test_a_denial_is_disproved_by_the_buyers_own_signature(
    watched: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = agree(watched)
    request = watched.lender.lookup(contract, watched.people[3].subject).request_id
    identifier = order(watched, contract, request)
    monkeypatch.setattr(watched.lender._session.state, "request", lambda _: None)
    assert watched.lender.answer_order(identifier).unknown == (request,)
    (finding,) = regulator(watched).open_order(identifier).findings
    assert finding.outcome is Outcome.DENIED
    assert (finding.party, finding.instance) == ("lender", "default")
    assert f"its signature over the request stands in entry {finding.release}" in finding.why
    leaf = next(iter(watched.operator.leaves(finding.release, 1)))
    assert leaf.fields["job"] == request


def test_an_opening_of_another_request_is_caught(
    watched: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract, lender = agree(watched), watched.lender
    wanted = lender.lookup(contract, watched.people[4].subject).request_id
    other = lender.lookup(contract, watched.people[5].subject).request_id
    identifier = order(watched, contract, wanted)
    answered = lender._openings.answered
    monkeypatch.setattr(lender._openings, "answered", lambda _: answered(other))
    lender.answer_order(identifier)
    (finding,) = regulator(watched).open_order(identifier).findings
    assert finding.outcome is Outcome.INVALID
    assert "another release" in finding.why
    assert not finding.shown


def test_an_opening_that_leaves_a_subject_out_is_caught(
    watched: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract, lender = agree(watched), watched.lender
    subjects = [person.subject for person in watched.people[:3]]
    request = lender.lookup_many(contract, subjects)[0].request_id
    identifier = order(watched, contract, request)
    monkeypatch.setattr("unseen.client.oversight.orders.items_per_part", lambda *_: 2)
    made = lender._orders._bundles
    monkeypatch.setattr(lender._orders, "_bundles", lambda opening: list(made(opening))[:1])
    lender.answer_order(identifier)
    (finding,) = regulator(watched).open_order(identifier).findings
    assert (finding.outcome, finding.shown) == (Outcome.INVALID, ())
    assert "2 of 3 subjects" in finding.why


def test_an_order_opens_what_a_table_answered_that_stays_with_its_owner(
    watched: Stage, tmp_path: Path
) -> None:
    contract, lender = agree(watched, way="lwe_pir"), watched.lender
    people = {person.subject: person for person in watched.people[:20]}
    verdicts = lender.lookup_many(contract, [*people, "f" * 32])
    (request,) = {verdict.request_id for verdict in verdicts}
    identifier = order(watched, contract, request)
    assert lender.answer_order(identifier).opened == (request,)
    (finding,) = regulator(watched).open_order(identifier).findings
    assert finding.outcome is Outcome.OPENED
    shown = {str(one.subject[0]): one for one in finding.shown if isinstance(one, Opened)}
    assert set(shown) == {*people, "f" * 32}
    words = {True: "yes", False: "no", None: "no_usable_result"}
    for subject, person in people.items():
        found = {name: words[verdict] for name, verdict in shown[subject].verdicts.items()}
        assert found == {name: person.answers[name] for name in found}
    assert not shown["f" * 32].found
    # More than one part, all of one size but for the last: nothing of what is in them shows.
    parts = sorted((watched.home / "openings" / identifier).rglob("*.part"))
    assert len(parts) > 1
    assert len({part.stat().st_size for part in parts[:-1]}) == 1
    assert audit(watched, tmp_path / "export").ok


def test_a_part_that_the_node_swaps_is_caught(watched: Stage) -> None:
    contract, lender = agree(watched), watched.lender
    requests = [lender.lookup(contract, p.subject).request_id for p in watched.people[:2]]
    identifier = order(watched, contract, *requests)
    lender.answer_order(identifier)
    one, two = sorted((watched.home / "openings" / identifier).rglob("*.part"))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    found = regulator(watched).open_order(identifier)
    assert found.count(Outcome.INVALID) == 2
    assert "another one than the instance signed" in found.findings[0].why


def test_a_response_without_its_parts_is_refused(
    watched: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract, lender = agree(watched), watched.lender
    request = lender.lookup(contract, watched.people[0].subject).request_id
    identifier = order(watched, contract, request)

    def keep_back(_card: Any, _request: str) -> Iterator[bytes]:
        yield bytes(32)

    monkeypatch.setattr(lender._orders, "_hand_over", keep_back)
    with pytest.raises(RefusedError) as caught:
        lender.answer_order(identifier)
    assert caught.value.reason == "PART_NOT_FOUND"
    monkeypatch.undo()
    session, stub = lender._session, lender._orders._stub
    name = f"orders/{identifier}"
    for message, reason in (
        (opening_pb2.PutPartRequest(name=name, request="0" * 32, ciphertext=b"x"), "RELEASE_NOT"),
        (opening_pb2.PutPartRequest(name=name, request=request), "FIELD_INVALID"),
        (
            opening_pb2.PutPartRequest(name=name, request=request, number=1, ciphertext=b"x"),
            "FIELD_INVALID",
        ),
        (opening_pb2.PutPartRequest(name="orders/x", request=request), "FIELD_INVALID"),
    ):
        with pytest.raises(RefusedError) as refusal:
            session.call(stub.PutPart, message)
        assert refusal.value.reason.startswith(reason)
    assert lender.answer_order(identifier).opened == (request,)
    again = opening_pb2.PutPartRequest(name=name, request=request, ciphertext=b"x")
    with pytest.raises(RefusedError) as refusal:
        session.call(stub.PutPart, again)
    assert refusal.value.reason == "ORDER_STATE"


def test_late_and_missing_answers_are_named(
    copy: Callable[[], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = copy()
    stage.start()
    enrol(stage, REGULATOR, "regulator")
    contract = agree(stage)
    late, silent = (
        stage.lender.lookup(contract, person.subject).request_id for person in stage.people[:2]
    )
    identifier = order(stage, contract, late, silent, notice=dt.timedelta(hours=1))
    assert regulator(stage).open_order(identifier).count(Outcome.WAITING) == 2
    stage.stop()
    ahead = dt.timedelta(hours=2)
    stage.start_skewed(int(ahead.total_seconds()))
    shift(monkeypatch, ahead, "orders", "opened")
    request = stage.lender._session.state.request
    monkeypatch.setattr(
        stage.lender._orders, "_due", lambda card: [one for one in card.missing if one != silent]
    )
    assert request(silent) is not None
    stage.lender.answer_order(identifier)
    found = {one.request: one for one in regulator(stage).open_order(identifier).findings}
    assert (found[late].outcome, found[late].late) == (Outcome.OPENED, True)
    assert found[late].response is not None
    assert (found[silent].outcome, found[silent].party) == (Outcome.MISSING, "lender")
    leaf = next(iter(stage.operator.leaves(found[silent].release, 1)))
    assert leaf.fields["job"] == silent
    home = str(stage.party_home(REGULATOR))
    done = runner.invoke(app, ["audit", "open", identifier, "--home", home])
    assert done.exit_code == 0
    assert "late" in done.stdout
    assert f"lender has not opened request {silent}" in done.stderr


def test_by_the_command_line(watched: Stage, tmp_path: Path) -> None:
    contract, person = agree(watched), watched.people[6]
    request = watched.lender.lookup(contract, person.subject).request_id
    given = run(
        watched,
        REGULATOR,
        *("audit", "order", contract, "--request", request, "--reason", "a complaint"),
    )
    shown = runner.invoke(
        app, ["contract", "show", contract, "--home", str(watched.party_home("lender"))]
    )
    assert "unseen audit orders" in shown.stderr
    listed = run(watched, "lender", "audit", "orders")
    assert given["id"] in {one["id"] for one in listed}
    said = run(watched, "lender", "audit", "answer", given["id"][:10])
    assert said["opened"] == [request]
    output = tmp_path / "findings.json"
    found = run(watched, REGULATOR, "audit", "open", given["id"], "-o", str(output))
    (finding,) = found["findings"]
    assert finding["opened"][0]["subject"] == [person.subject]
    assert finding["opened"][0]["answers"] == person.answers
    assert json.loads(output.read_text()) == found
    assert output.stat().st_mode & 0o77 == 0
    offline = run(watched, REGULATOR, "audit", "open", given["id"], "--offline")
    assert offline == found


def test_what_is_kept_is_checked_again_offline(watched: Stage) -> None:
    contract = agree(watched)
    request = watched.lender.lookup(contract, watched.people[0].subject).request_id
    identifier = order(watched, contract, request)
    watched.lender.answer_order(identifier)
    client = regulator(watched)
    client.open_order(identifier)
    path = client.home.order(identifier, "answer")
    kept = path.read_bytes()
    answer = opening_pb2.GetOrderResponse.FromString(kept)
    leaf = canonical.decode(answer.order.responses[0].leaf)
    assert isinstance(leaf, dict)
    answer.order.responses[0].leaf = canonical.encode(leaf | {"time": "2026-01-01T00:00:00Z"})
    path.write_bytes(answer.SerializeToString())
    with pytest.raises((EvidenceError, PeerError)):
        client.open_order(identifier, offline=True)
    path.write_bytes(kept)
    assert client.open_order(identifier, offline=True).count(Outcome.OPENED) == 1


def test_openings_without_anybody_to_order_them_are_refused(stage: Stage) -> None:
    with pytest.raises(RefusedError) as caught:
        stage.lender.request_contract(
            "hidden", outputs=["earns"], scenario="tests", units=5, openings=True
        )
    assert (caught.value.reason, caught.value.clause) == ("REGULATOR_MISSING", "openings")
    assert "--role regulator" in caught.value.remedy


def test_an_export_shows_orders_draws_and_responses(watched: Stage, tmp_path: Path) -> None:
    contract, lender = agree(watched), watched.lender
    for person in watched.people[:6]:
        lender.lookup(contract, person.subject)
    lender.answer_order(order(watched, contract, sample=3))
    report = audit(watched, tmp_path / "export")
    assert [str(finding) for finding in report.findings] == []
    for kind in ("order", "draw", "response"):
        assert report.documents[kind] >= 1
        assert kind not in report.unverified
    # The buyer's own part names the regulator of its contract, who is enrolled there too.
    lender.keys(accept=True)
    lender.export(tmp_path / "own")
    trust = parse(lender.home.trust.read_bytes())
    own = check_folder(tmp_path / "own", trust, Policy(partial=True))
    assert [str(finding) for finding in own.findings] == []
    assert own.hidden
