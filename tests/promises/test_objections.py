"""Objections: over a receipt, answered by the other side, ending in a correction or credit."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.promises.oversight import audit, enrol
from tests.promises.stage import Stage, serving
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client import AnswerInvalidError, Client, RefusedError
from unseen.client.audit.checking import check_folder
from unseen.client.exported import open_export
from unseen.evidence.audit import Policy
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.errors import ObjectionInvalidError, ReceiptInvalidError
from unseen.evidence.oversight.objection import (
    Correction,
    Credit,
    Opened,
    commit_words,
    sign_document,
)
from unseen.evidence.oversight.objections import Status
from unseen.evidence.trust import parse
from unseen.v1 import objection_pb2

runner = CliRunner()
HUB = "consent-hub"


@pytest.fixture(scope="module")
def court(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with serving(template.copy(tmp_path_factory.mktemp("objections") / "stage")) as stage:
        enrol(stage, HUB, "hub")
        yield stage


def charged(stage: Stage, count: int = 1, kind: str = "clear") -> tuple[str, list[str]]:
    """Return a contract and the ids of requests that were charged under it."""
    contract = stage.contract(kind)
    people = stage.people[:count]
    if kind == "clear":
        return contract, [stage.lender.verify(contract, p.subject).request_id for p in people]
    return contract, [stage.lender.lookup(contract, p.subject).request_id for p in people]


def run(stage: Stage, party: str, *arguments: str) -> Any:
    home = str(stage.party_home(party))
    done = runner.invoke(app, ["objection", *arguments, "--home", home, "--format", "json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refusal(reason: str, call: Any, *arguments: Any, **named: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        call(*arguments, **named)
    assert caught.value.reason == reason
    assert caught.value.clause
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("kind", ["clear", "hidden"])
def test_an_objection_ends_in_a_credit_on_both_bills(court: Stage, kind: str) -> None:
    contract, requests = charged(court, 3, kind)
    bill = json.loads(court.lender.settle(contract))
    receipt = court.lender.receipt(requests[0]).path
    card = court.lender.open_objection("wrong_answer", "此人并无收入 in 2014", receipt=receipt)
    assert card.status is Status.OPEN
    shown = court.operator.objection(card.id)
    assert (shown.words, shown.opened.request) == ("此人并无收入 in 2014", requests[0])
    credit = Credit(units=1, amount=1_500_000)
    answered = court.operator.answer_objection(
        card.id, "checked: right you are", accepted=True, credit=credit
    )
    assert answered.status is Status.ACCEPTED
    closed = court.lender.close_objection(card.id, agreed=True)
    assert (closed.status, closed.answer_words) == (Status.SETTLED, "checked: right you are")
    settled = court.lender.settle(contract)
    assert settled == court.operator.operator_settle(contract)
    assert json.loads(settled)["credit"] == {"units": 1, "amount": 1_500_000}
    assert json.loads(settled)["amount"] == bill["amount"] - 1_500_000


def test_a_promised_credit_counts_even_if_the_node_hides_it(
    court: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract, requests = charged(court)
    card = court.lender.open_objection("other", "too slow", request=requests[0])
    court.operator.answer_objection(
        card.id, "so be it", accepted=True, credit=Credit(units=0, amount=7)
    )
    before = court.lender.settle(contract)
    assert json.loads(before)["credit"] == {"units": 0, "amount": 7}
    monkeypatch.setattr(court.lender._objections, "all", lambda _: [])
    assert court.lender.settle(contract) == before


def test_a_correction_names_a_snapshot_that_the_node_has(court: Stage) -> None:
    _, requests = charged(court)
    card = court.lender.open_objection("wrong_answer", "outdated", request=requests[0])
    (table,) = [one for one in court.operator.tables() if one.name == "people"]
    wrong = Correction(snapshot=bytes(32), epoch=0)
    refused = refusal(
        "FIELD_INVALID",
        court.operator.answer_objection,
        card.id,
        "corrected",
        accepted=True,
        correction=wrong,
    )
    assert refused.clause == "correction.snapshot"
    right = Correction(snapshot=b64decode(table.snapshot), epoch=0)
    answered = court.operator.answer_objection(
        card.id, "corrected", accepted=True, correction=right
    )
    assert answered.answered is not None
    assert answered.answered.correction == right


def test_everything_is_in_the_log_but_the_words(court: Stage) -> None:
    secret = secrets.token_hex(16)
    contract, requests = charged(court)
    before = court.operator.log_size()
    card = court.lender.open_objection("personal", f"about {secret}", request=requests[0])
    court.operator.answer_objection(card.id, f"no: {secret}", accepted=False)
    court.lender.close_objection(card.id, agreed=False)
    leaves = list(court.operator.leaves(before))
    kinds = [leaf.type for leaf in leaves if leaf.type.startswith("objection.")]
    assert kinds == ["objection.opened", "objection.answered", "objection.closed"]
    assert leaves[0].fields["contract"] == contract
    assert not any(secret in json.dumps(leaf.fields) for leaf in leaves)
    files = [path for path in court.home.rglob("*") if path.is_file()]
    assert not any(secret.encode() in path.read_bytes() for path in files)
    assert court.lender.objection(card.id).status is Status.MAINTAINED


def test_nobody_objects_over_somebody_elses_receipt(court: Stage) -> None:
    contract, requests = charged(court)
    receipt = court.lender.receipt(requests[0]).path
    rival = court.rival
    court.operator.parties()
    trust = court.operator.home.trust.read_bytes()
    own = rival.home.trust.read_bytes()
    rival.home.trust.write_bytes(trust)
    try:
        with Client(rival.home.root) as client, pytest.raises(ReceiptInvalidError) as caught:
            client.open_objection("other", "not mine", receipt=receipt)
        assert caught.value.clause == "buyer"
    finally:
        rival.home.trust.write_bytes(own)
    refusal(
        "CONTRACT_NOT_FOUND",
        rival.open_objection,
        "other",
        "not mine",
        contract=contract,
        request=requests[0],
    )
    mine = court.contract("clear", buyer="rival")
    refusal(
        "RELEASE_NOT_FOUND",
        rival.open_objection,
        "other",
        "not mine",
        contract=mine,
        request=requests[0],
    )
    card = court.lender.open_objection("other", "mine", request=requests[0])
    refusal("OBJECTION_NOT_FOUND", rival.objection, card.id)
    refusal("OBJECTION_NOT_FOUND", rival.close_objection, card.id, agreed=True)
    assert card.id not in {one.id for one in rival.objections()}


def test_steps_out_of_turn_are_refused(court: Stage) -> None:
    _, requests = charged(court)
    card = court.lender.open_objection("other", "why", request=requests[0])
    refusal("OBJECTION_INVALID", court.lender.close_objection, card.id, agreed=False)
    refusal("OBJECTION_INVALID", court.lender.answer_objection, card.id, "yes", accepted=True)
    refusal("OBJECTION_INVALID", court.operator.close_objection, card.id, agreed=True)
    court.operator.answer_objection(card.id, "no", accepted=False)
    refusal("OBJECTION_INVALID", court.operator.answer_objection, card.id, "yes", accepted=True)
    court.lender.close_objection(card.id, agreed=True)
    refusal("OBJECTION_INVALID", court.lender.close_objection, card.id, agreed=False)


def test_a_credit_is_at_most_what_the_release_cost(court: Stage) -> None:
    _, requests = charged(court)
    card = court.lender.open_objection("wrong_units", "one too many", request=requests[0])
    for wrong in (Credit(units=2, amount=0), Credit(units=1, amount=1_500_001)):
        refused = refusal(
            "OBJECTION_INVALID",
            court.operator.answer_objection,
            card.id,
            "more",
            accepted=True,
            credit=wrong,
        )
        assert refused.clause.startswith("credit")


def test_the_operator_objects_and_the_buyer_answers(court: Stage) -> None:
    contract, requests = charged(court)
    card = court.operator.open_objection(
        "not_permitted", "no consent was shown", contract=contract, request=requests[0]
    )
    assert court.lender.objection(card.id).words == "no consent was shown"
    refusal(
        "OBJECTION_INVALID",
        court.lender.answer_objection,
        card.id,
        "then pay",
        accepted=True,
        credit=Credit(units=1, amount=1),
    )
    court.lender.answer_objection(card.id, "it was", accepted=False)
    closed = court.operator.close_objection(card.id, agreed=True)
    assert closed.status is Status.SETTLED


def test_a_hub_objects_for_a_person_and_the_buyer_does_not_see_it(
    court: Stage, tmp_path: Path
) -> None:
    contract, requests = charged(court)
    hub = court.client(HUB)
    card = hub.open_objection(
        "personal", "the person objects", contract=contract, request=requests[0]
    )
    assert card.id in {one.id for one in hub.objections()}
    assert card.id not in {one.id for one in court.lender.objections()}
    refusal("OBJECTION_NOT_FOUND", court.lender.objection, card.id)
    assert court.operator.objection(card.id).words == "the person objects"
    refusal(
        "OBJECTION_INVALID",
        court.operator.answer_objection,
        card.id,
        "sorry",
        accepted=True,
        credit=Credit(units=1, amount=1),
    )
    court.operator.answer_objection(card.id, "stopped", accepted=True)
    assert hub.close_objection(card.id, agreed=True).status is Status.SETTLED
    bill = court.lender.settle(contract)
    assert bill == court.operator.operator_settle(contract)
    assert "credit" not in json.loads(bill)
    # Nor by the log: of the objection's leaves and documents the buyer's export has none.
    court.lender.export(tmp_path / "buyer")
    export = open_export(tmp_path / "buyer")
    trust = parse(court.lender.home.trust.read_bytes())
    assert check_folder(tmp_path / "buyer", trust, Policy(partial=True)).ok
    told = [leaf for _, leaf in export.leaves() if str(leaf["type"]).startswith("objection.")]
    assert card.id not in {leaf.get("objection") for leaf in told}
    assert HUB not in {leaf["by"] for leaf in told}
    assert card.id not in {b64encode(document.id) for document in export.documents("objection")}


def test_nobody_objects_to_what_was_never_in_force(court: Stage) -> None:
    proposed = court.propose("clear")
    error = refusal(
        "CONTRACT_NOT_ACTIVE", court.lender.open_objection, "other", "no", contract=proposed
    )
    assert error.clause == "state"
    court.operator.approve(proposed)
    refusal("CONTRACT_NOT_ACTIVE", court.operator.open_objection, "other", "no", contract=proposed)
    court.lender.sign(proposed)
    assert court.operator.open_objection("other", "no", contract=proposed).status is Status.OPEN


def test_documents_by_hand_are_checked(court: Stage) -> None:
    contract, requests = charged(court)
    session = court.lender._session
    stub = court.lender._objections._stub
    nonce = bytes(32)
    fields: dict[str, Any] = {
        "suite": "intl",
        "contract": b64decode(contract),
        "by": session.profile.key_id,
        "role": "buyer",
        "request": requests[0],
        "reason": "other",
        "words": commit_words(session.suite, nonce, "said"),
        "opened_at": court.lender.receipt(requests[0]).facts.time,
        "nonce": bytes(16),
    }

    def hand(text: str = "said", **changes: Any) -> Any:
        token = sign_document(session.party_signer, Opened(**fields | changes))
        words = objection_pb2.Words(text=text, nonce=nonce)
        message = objection_pb2.OpenObjectionRequest(
            contract=f"contracts/{contract}", opened=token, words=words
        )
        return session.call(stub.OpenObjection, message)

    assert refusal("FIELD_INVALID", hand, "another text").clause == "words"
    assert refusal("FIELD_INVALID", hand, "x" * 20_000).clause == "words"
    assert refusal("OBJECTION_INVALID", hand, role="operator").clause == "role"
    assert refusal("OBJECTION_INVALID", hand, role="hub").clause == "role"
    assert refusal("OBJECTION_INVALID", hand, contract=bytes(32)).clause == "contract"
    early = fields["opened_at"].replace(year=2020)
    assert refusal("REQUEST_OUTDATED", hand, opened_at=early).clause == "objection.time"
    first, second = hand().objection, hand().objection  # a retry is no second objection
    assert first == second


def test_a_node_that_changes_the_words_is_caught(
    court: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, requests = charged(court)
    card = court.lender.open_objection("other", "what I said", request=requests[0])
    session = court.lender._session
    call = session.call

    def twisted(method: Any, request: Any, *more: Any) -> Any:
        answer = call(method, request, *more)
        if isinstance(answer, objection_pb2.GetObjectionResponse):
            answer.objection.opened_words.text = "what I did not say"
        return answer

    monkeypatch.setattr(session, "call", twisted)
    with pytest.raises(AnswerInvalidError, match="words"):
        court.lender.objection(card.id)


def test_two_answers_of_one_operator_are_caught(court: Stage) -> None:
    contract, requests = charged(court)
    card = court.lender.open_objection("other", "well?", request=requests[0])
    court.operator.answer_objection(card.id, "no", accepted=False)
    court.lender.objection(card.id)
    path = court.lender.home.objections() / f"{card.id}.json"
    kept = json.loads(path.read_text())
    signer = court.operator._session.party_signer
    from unseen.evidence.oversight.objection import Answered

    assert card.opened.reason == "other"
    other = Answered(
        suite="intl",
        objection=b64decode(card.id),
        by=court.operator.profile.key_id,
        accepted=True,
        credit=Credit(units=1, amount=1),
        correction=None,
        words=bytes(32),
        answered_at=card.opened.opened_at,
    )
    kept["tokens"].append(sign_document(signer, other))
    path.write_text(json.dumps(kept))
    with pytest.raises(ObjectionInvalidError):
        court.lender.settle(contract)


def test_by_the_command_line(court: Stage, tmp_path: Path) -> None:
    contract, requests = charged(court)
    receipt = court.lender.receipt(requests[0]).path
    opened = run(
        court, "lender", "open", str(receipt), "--reason", "wrong_answer", "--text", "not so"
    )
    assert opened["status"] == "open"
    listed = run(court, "operator", "list")
    assert opened["id"] in {one["id"] for one in listed}
    answered = run(
        court,
        "operator",
        *("answer", opened["id"][:10], "--accept", "--text", "right"),
        *("--credit-units", "1", "--credit-amount", "1000"),
    )
    assert answered["answered"]["credit"] == {"amount": 1000, "units": 1}
    closed = run(court, "lender", "close", opened["id"], "--agree")
    assert closed["status"] == "settled"
    shown = run(court, "lender", "show", opened["id"])
    assert (shown["words"], shown["answer_words"]) == ("not so", "right")
    whole = run(court, "lender", "open", contract, "--reason", "wrong_price", "--text", "too dear")
    assert whole["opened"]["request"] == ""
    by_id = run(court, "lender", "open", requests[0], "--reason", "other", "--text", "again")
    assert by_id["opened"]["request"] == requests[0]
    assert b64encode(b64decode(by_id["id"])) == by_id["id"]


def test_an_export_shows_every_step(court: Stage, tmp_path: Path) -> None:
    _, requests = charged(court)
    card = court.lender.open_objection("other", "why", request=requests[0])
    court.operator.answer_objection(card.id, "because", accepted=False)
    court.lender.close_objection(card.id, agreed=False)
    report = audit(court, tmp_path / "export")
    assert [str(finding) for finding in report.findings] == []
    assert report.documents["objection"] >= 3
    assert "objection" not in report.unverified
