"""Templates: signed once, followed within every limit, and explained before anything is asked."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.promises.oversight import audit, enrol
from tests.promises.stage import PREDICATES, Stage, serving

from unseen.client.agreements.templates import shipped, shipped_text
from unseen.client.errors import AnswerInvalidError, RefusedError
from unseen.evidence.contracts.limits import is_standing, verify_standing
from unseen.evidence.contracts.states import State
from unseen.evidence.errors import TemplateInvalidError
from unseen.v1 import template_pb2, template_pb2_grpc

Copy = Callable[[], Stage]
OUTPUTS = [predicate.name for predicate in PREDICATES]
TEMPLATE = "enterprise-credit-check"


@pytest.fixture(scope="module")
def own(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage with a second approver and the five templates that come along."""
    with serving(template.copy(tmp_path_factory.mktemp("templates") / "stage")) as stage:
        enrol(stage, "ministry", "approver")
        for name in shipped():
            draft = stage.operator.draft_template(shipped_text(name))
            added = stage.operator.add_template(draft.template)
            if added.state != "in force":
                assert stage.client("ministry").approve_template(name).state == "in force"
        yield stage


def follow(stage: Stage, template: str = TEMPLATE, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "outputs": OUTPUTS,
        "scenario": "credit-check",
        "units": 5,
        "days": 1,
        "declarations": stage.lender.template(template).template.declarations,
        "template": template,
    }
    product = changes.pop("product", "hidden")
    return stage.lender.request_contract(product, **fields | changes)


def refused(stage: Stage, template: str = TEMPLATE, **changes: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        follow(stage, template, **changes)
    assert caught.value.remedy
    return caught.value


def test_a_contract_within_it_is_the_buyers_to_sign(own: Stage) -> None:
    events = [leaf.type for leaf in own.operator.leaves()]
    assert events.count("template.added") == 5
    # Products of the stage cost 1.50 CNY a unit; the template allows 2.50.
    found = follow(own, product="clear")
    assert found.state is State.APPROVED
    assert set(found.approvals) == {"operator"}
    assert is_standing(found.approvals["operator"])
    card = own.lender.template(TEMPLATE)
    key = own.operator.profile.key
    verify_standing(
        found.approvals["operator"], found.terms, found.plan, card.template, "operator", key
    )
    assert own.lender.sign(found.id).state is State.ACTIVE
    answers = own.lender.verify(found.id, own.people[0].subject).answers
    assert {name: answer.value for name, answer in answers.items()} == own.people[0].answers
    assert own.operator.contract(found.id).terms.template == card.template.id()
    (receipt,) = own.lender.receipts(found.id)  # its evidence holds without the operator's own hand
    bundle: Any = own.lender.bundle(receipt.id)
    assert sorted(item["kind"] for item in bundle["documents"]) == ["rules", "template"]


@pytest.mark.parametrize(
    ("clause", "changes"),
    [
        ("template.purposes", {"scenario": "licence-check"}),
        ("template.max_units", {"units": 100_001, "per_minute": 10}),
        ("template.max_per_minute", {"units": 5000}),
        ("template.max_days", {"days": 366}),
        ("template.declarations", {"declarations": []}),
    ],
)
def test_each_limit_is_kept_by_name(own: Stage, clause: str, changes: dict[str, Any]) -> None:
    error = refused(own, **changes)
    assert error.reason == "TEMPLATE_EXCEEDED"
    assert clause in (error.clause, *str(error).replace(",", "").split())
    fields: dict[str, Any] = {"outputs": OUTPUTS, "scenario": "credit-check", "units": 5, "days": 1}
    full = own.lender.request_contract("hidden", **fields | changes)
    assert full.state is State.PROPOSED  # any deviation is for every approver to sign


def test_a_template_for_trainings_says_that_no_contract_follows_it(own: Stage) -> None:
    template = own.lender.template("joint-model").template
    assert template.kinds == ("train",)
    error = refused(own, "joint-model", scenario=template.purposes[0])
    assert error.reason == "TEMPLATE_EXCEEDED"
    assert b"JOINT_REFUSED" in shipped_text("joint-model")


def test_all_that_come_along_are_listed_and_read_as_cards(own: Stage) -> None:
    cards = {card.template.name: card for card in own.lender.templates()}
    assert set(cards) >= set(shipped())
    for name in shipped():
        assert cards[name].state in ("in force", "withdrawn")
        assert cards[name].template.title_zh in repr(cards[name])


def test_an_unknown_template_is_refused(own: Stage) -> None:
    assert refused(own, declarations=[], template="none").reason == "TEMPLATE_NOT_FOUND"


def test_a_withdrawn_template_is_followed_no_more(copy: Copy) -> None:
    stage = copy()
    with serving(stage):
        draft = stage.operator.draft_template(shipped_text(TEMPLATE))
        stage.operator.add_template(draft.template)
        going, waiting = follow(stage), follow(stage, product="clear")
        stage.lender.sign(going.id)
        assert stage.operator.withdraw_template(TEMPLATE).state == "withdrawn"
        assert refused(stage).reason == "TEMPLATE_ENDED"
        with pytest.raises(RefusedError) as caught:
            stage.lender.sign(waiting.id)
        assert caught.value.reason == "TEMPLATE_ENDED"
        assert stage.lender.contract(going.id).state is State.ACTIVE


def test_an_expired_template_is_refused(copy: Copy) -> None:
    stage = copy()
    text = shipped_text(TEMPLATE).replace(b"valid_days = 365", b"valid_days = 2")
    with serving(stage):
        stage.operator.add_template(stage.operator.draft_template(text).template)
        assert follow(stage).state is State.APPROVED
        assert refused(stage, days=3).clause == "template.period"
        stage.close_clients()
        stage.kill()
        # Three days later the node's clock says so. A buyer whose clock is behind asks for what
        # is over, and one whose clock is right for what the template does not reach.
        stage.start_skewed(3 * 86_400)
        assert refused(stage, days=2).reason == "CONTRACT_EXPIRED"
        assert refused(stage, days=30).clause == "template.period"
        assert stage.lender.template(TEMPLATE).state == "expired"


def test_only_its_signers_sign_or_withdraw_it(own: Stage) -> None:
    draft = own.operator.draft_template(
        shipped_text("licence-check").replace(b"licence-", b"other-")
    )
    session = own.lender._session
    stub = template_pb2_grpc.TemplateServiceStub(session.channel.grpc)
    request = template_pb2.AddTemplateRequest(document=draft.template.encode(), approval="x")
    with pytest.raises(RefusedError) as caught:
        session.call(stub.AddTemplate, request)
    assert caught.value.reason == "RIGHT_MISSING"
    with pytest.raises(TemplateInvalidError):
        own.lender.add_template(draft.template)
    with pytest.raises(RefusedError) as caught:
        own.lender.withdraw_template(TEMPLATE)
    assert caught.value.reason == "RIGHT_MISSING"


def test_a_node_that_shows_another_template_is_not_believed(
    own: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client holds the terms to the template that was asked for, and the id to the bytes."""
    other = own.lender.template("licence-check")
    templates = own.lender._contracts.templates
    monkeypatch.setattr(templates, "document", lambda _identifier: other.template)
    with pytest.raises((AnswerInvalidError, TemplateInvalidError)):
        follow(own)
    monkeypatch.undo()
    path = own.lender.home.template("A" * 43)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(other.template.encode())
    with pytest.raises(AnswerInvalidError):
        templates.document(bytes(32))
    path.unlink()


def test_an_ask_is_explained_before_it_is_made(own: Stage) -> None:
    events = own.events()
    found = own.lender.explain_request(
        "hidden", outputs=["earns", "earns", "nope"], scenario="tests", units=100, per_minute=500
    )
    assert found.asked.proposal is None
    assert {each.clause for each in found.asked.refusals} == {"outputs.earns", "outputs.nope"}
    assert all(each.remedy for each in found.asked.refusals)
    assert found.narrowest.proposal is not None
    assert found.narrowest.proposal.terms.outputs == ("earns",)
    assert {each.clause for each in found.narrowings} == {"outputs", "quota.per_minute"}
    assert "refused by outputs.nope" in repr(found)
    fine = own.lender.explain_request("hidden", outputs=["earns"], scenario="tests", units=5)
    assert fine.narrowings == ()
    assert fine.asked.proposal is not None
    assert "narrowest that would do" in repr(fine)
    assert own.events() == events  # nothing was stored
    contract = own.contract("clear")
    again = own.lender.explain(contract)
    assert again.asked.proposal is not None
    assert again.asked.proposal.terms == own.lender.contract(contract).terms
    assert own.operator.explain(contract) == again
    with pytest.raises(RefusedError) as caught:
        own.rival.explain(contract)
    assert caught.value.reason == "CONTRACT_NOT_FOUND"
    with pytest.raises(RefusedError, match="only a buyer asks"):
        own.operator.explain_request("hidden", scenario="tests", units=5)


def test_an_audit_lets_a_template_s_signature_count(copy: Copy, tmp_path: Path) -> None:
    stage = copy()
    with serving(stage):
        draft = stage.operator.draft_template(shipped_text(TEMPLATE))
        stage.operator.add_template(draft.template)
        contract = follow(stage, product="clear").id
        stage.lender.sign(contract)
        stage.lender.verify(contract, stage.people[0].subject)
        report = audit(stage, tmp_path / "export")
        assert report.findings == ()
        assert report.documents["template"] == 1
        assert report.documents["template-approval"] == 1
