"""Rules and labels: they decide what compiles, and act at once on what is in force."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.promises.oversight import audit, enrol
from tests.promises.stage import PREDICATES, Stage, serving

from unseen.client.errors import HomeError, RefusedError
from unseen.client.local.home import Home
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Terms, sign_terms
from unseen.evidence.contracts.states import State
from unseen.evidence.errors import RulesInvalidError
from unseen.v1 import contract_pb2, contract_pb2_grpc

Copy = Callable[[], Stage]
OUTPUTS = [predicate.name for predicate in PREDICATES]


@pytest.fixture(scope="module")
def own(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage of this module's own, with a holder and a second approver."""
    with serving(template.copy(tmp_path_factory.mktemp("rules") / "stage")) as stage:
        enrol(stage, "hospital", "holder")
        enrol(stage, "ministry", "approver")
        yield stage


@pytest.fixture(autouse=True)
def labels(own: Stage) -> Iterator[None]:
    """Set labels and rules back after each test."""
    default = own.operator.rules().text
    yield
    own.operator.label_table("people", {"*": ("public", "1")})
    if own.operator.rules().text != default:
        own.operator.set_rules(default)


def ask(stage: Stage, contract: str) -> dict[str, str]:
    answers = stage.lender.verify(contract, stage.people[0].subject).answers
    return {name: answer.value for name, answer in answers.items()}


def refusal(stage: Stage, **changes: Any) -> RefusedError:
    fields: dict[str, Any] = {"outputs": OUTPUTS, "scenario": "tests", "units": 5, "days": 1}
    product = changes.pop("product", "clear")
    with pytest.raises(RefusedError) as caught:
        stage.lender.request_contract(product, **fields | changes)
    assert caught.value.remedy
    assert not caught.value.charged
    return caught.value


def test_the_log_names_the_rules_at_each_start_and_contracts_name_them_too(copy: Copy) -> None:
    stage = copy()
    for _ in range(2):
        with serving(stage):
            rules = stage.lender.rules()
            loaded = [each for each in stage.operator.leaves() if each.type == "rules.loaded"]
            assert loaded[-1].fields["document"] == rules.digest
            assert (rules.set_by, rules.file.version) == ("node", "2026-1")
            contract = stage.lender.contract(stage.propose("clear"))
            assert b64encode(contract.terms.rules) == rules.digest
            assert "marketing" in repr(rules)
            stage.close_clients()
    assert len(loaded) >= 3  # the node that made the stage started too


def test_a_label_changed_under_a_live_contract_suspends_it_with_notice(own: Stage) -> None:
    clear, hidden = own.contract("clear"), own.contract("hidden")
    assert ask(own, clear) == own.people[0].answers
    done = own.operator.label_table("people", {"earnings": ("enterprise", "4")})
    assert {clear, hidden} <= set(done.suspended)
    for contract in (clear, hidden):
        found = own.lender.contract(contract)
        assert found.state is State.SUSPENDED
        assert "earnings" in found.cause
        assert "stopped by" in repr(found)
    assert "labels.enterprise.4" in own.lender.contract(hidden).cause
    with pytest.raises(RefusedError) as caught:
        ask(own, clear)
    assert (caught.value.reason, caught.value.charged) == ("CONTRACT_NOT_ACTIVE", False)
    back = own.operator.label_table("people", {"earnings": ("public", "1")})
    assert {clear, hidden} <= set(back.resumed)
    assert ask(own, clear) == own.people[0].answers


def test_suspension_outlives_a_restart(copy: Copy) -> None:
    stage = copy()
    with serving(stage):
        contract = stage.contract("clear")
        stage.operator.label_table("people", {"*": ("personal", "core")})
        stage.close_clients()
    with serving(stage):
        assert stage.lender.contract(contract).state is State.SUSPENDED
        stage.operator.label_table("people", {"*": ("public", "1")})
        assert ask(stage, contract) == stage.people[0].answers


def test_another_rule_file_acts_at_once_and_a_broken_one_not_at_all(own: Stage) -> None:
    contract = own.contract("clear")
    text = own.operator.rules().text
    strict = text.replace(
        b'kinds = ["verify", "lookup", "intersect", "statistics", "score", "train", "run"]',
        b'kinds = ["statistics"]',
    ).replace(b'"2026-1"', b'"strict"')
    card, moved = own.operator.set_rules(strict)
    assert contract in moved.suspended
    assert (card.file.version, card.set_by) == ("strict", "operator")
    assert own.lender.rules().digest == card.digest
    error = refusal(own)
    assert (error.reason, error.clause) == ("LABEL_REFUSED", "labels.public.1")
    with pytest.raises(RulesInvalidError):
        own.operator.set_rules(strict + b"\nunknown = 1\n")
    _, back = own.operator.set_rules(text)
    assert contract in back.resumed


@pytest.mark.parametrize("level", ["important", "core"])
def test_important_and_core_data_are_refused(own: Stage, level: str) -> None:
    own.operator.label_table("people", {"earnings": ("public", level)})
    error = refusal(own)
    assert (error.reason, error.clause) == ("LABEL_REFUSED", f"labels.public.{level}")


def test_the_deny_list_comes_first(own: Stage) -> None:
    own.operator.label_table("people", {"earnings": ("personal", "core")})
    error = refusal(own, scenario="精准营销", outputs=["earns", "nope"])
    assert (error.reason, error.clause) == ("PURPOSE_DENIED", "deny.personal-marketing")
    assert "outputs.nope" in str(error)


def test_level_four_takes_an_order_a_region_and_four_signatures(own: Stage) -> None:
    own.operator.label_table("people", {"earnings": ("enterprise", "4")})
    error = refusal(own)
    assert (error.reason, error.clause) == ("APPROVER_MISSING", "approvals.holder")
    assert own.operator.assign_holder("people", "hospital").holder == "hospital"
    error = refusal(own)
    assert (error.reason, error.clause) == ("ORDER_MISSING", "order")
    found = own.lender.request_contract(
        "clear",
        outputs=OUTPUTS,
        scenario="tests",
        units=5,
        days=1,
        order="SZDEX-2026-17",
        region="CN-44",
        declarations=["used for tests alone"],
    )
    assert (found.terms.order, found.terms.region) == ("SZDEX-2026-17", "CN-44")
    assert found.terms.declarations == ("used for tests alone",)
    own.operator.approve(found.id)
    with pytest.raises(RefusedError) as early:
        own.lender.sign(found.id)
    assert early.value.reason == "CONTRACT_STATE"
    own.client("hospital").approve(found.id)
    own.client("ministry").approve(found.id)
    assert own.lender.sign(found.id).state is State.ACTIVE
    assert ask(own, found.id) == own.people[0].answers
    assert set(own.lender.contract(found.id).approvals) == set(found.terms.approvals)


def test_a_signature_by_the_wrong_role_is_none(own: Stage) -> None:
    """Whoever signs in another's place, and whoever may not sign at all."""
    own.operator.label_table("people", {"earnings": ("enterprise", "4")})
    own.operator.assign_holder("people", "hospital")
    found = own.lender.request_contract(
        "clear", outputs=OUTPUTS, scenario="tests", units=5, days=1, order="EX-1", region="CN"
    )
    tokens = {
        party: sign_terms(own.client(party)._session.party_signer, found.terms)
        for party in ("operator", "hospital", "ministry", "lender")
    }
    for party in ("operator", "hospital", "ministry"):
        session = own.client(party)._session
        stub = contract_pb2_grpc.ContractServiceStub(session.channel.grpc)
        for other, token in tokens.items():
            if other == party:
                continue
            request = contract_pb2.ApproveContractRequest(
                name=f"contracts/{found.id}", approval=token
            )
            with pytest.raises(RefusedError) as caught:
                session.call(stub.ApproveContract, request)
            assert caught.value.reason == "SIGNATURE_INVALID"
    session = own.lender._session
    stub = contract_pb2_grpc.ContractServiceStub(session.channel.grpc)
    with pytest.raises(RefusedError) as caught:
        session.call(stub.ApproveContract, request)
    assert caught.value.reason == "RIGHT_MISSING"
    sign = contract_pb2.SignContractRequest(
        name=f"contracts/{found.id}", approval=tokens["operator"]
    )
    with pytest.raises(RefusedError) as caught:
        session.call(stub.SignContract, sign)
    assert caught.value.reason == "SIGNATURE_INVALID"
    assert own.operator.contract(found.id).approvals == {}


def test_a_contract_edited_after_signing_is_another_contract(copy: Copy) -> None:
    """By the buyer, by the node, and in the buyer's own files."""
    stage = copy()
    with serving(stage):
        found = stage.lender.contract(stage.propose("clear", units=5))
        edited = Terms.from_json(
            found.terms.to_json() | {"quota": {"units": 5000, "per_minute": 5000}}
        )
        session = stage.operator._session
        stub = contract_pb2_grpc.ContractServiceStub(session.channel.grpc)
        request = contract_pb2.ApproveContractRequest(
            name=f"contracts/{found.id}", approval=sign_terms(session.party_signer, edited)
        )
        with pytest.raises(RefusedError) as caught:
            session.call(stub.ApproveContract, request)
        assert caught.value.reason == "CONTRACT_INVALID"
        stage.operator.approve(found.id)
        stage.lender.sign(found.id)
        path = Home(stage.party_home("lender")).contract(found.id)
        kept = json.loads(path.read_text())
        kept["terms"] = edited.encode().decode()
        stage.close_clients()
        path.write_text(json.dumps(kept))
        with pytest.raises(HomeError, match="another contract's"):
            stage.lender.verify(found.id, stage.people[0].subject)
        with pytest.raises(RefusedError) as caught:
            stage.lender.verify(b64encode(edited.id()), stage.people[0].subject)
        assert caught.value.reason == "CONTRACT_NOT_FOUND"
        path.unlink()
        stage.close_clients()
        assert ask(stage, found.id) == stage.people[0].answers


def test_an_audit_reads_rules_labels_and_suspensions(copy: Copy, tmp_path: Path) -> None:
    stage = copy()
    with serving(stage):
        contract = stage.contract("clear")
        ask(stage, contract)
        stage.operator.label_table("people", {"earnings": ("public", "4")})
        stage.operator.label_table("people", {"earnings": ("public", "1")})
        text = stage.operator.rules().text.replace(b'"2026-1"', b'"2026-2"')
        stage.operator.set_rules(text)
        report = audit(stage, tmp_path / "export")
        assert report.findings == ()
        assert report.documents["rules"] == 2


def test_a_buyer_verifies_no_more_people_than_the_labels_allow(copy: Copy) -> None:
    stage = copy()
    with serving(stage):
        stage.operator.label_table("people", {"*": ("enterprise", "1")})
        clear, further = stage.contract("clear", units=20), stage.contract("clear", units=20)
        allowed, beyond = stage.people[:6], stage.people[6]  # a tenth of 64 rows
        for contract in (clear, further):  # whoever was asked about is not counted again
            for person in allowed:
                assert stage.lender.verify(contract, person.subject).answers
        for contract, who in ((clear, beyond.subject), (further, "nobody of this name")):
            with pytest.raises(RefusedError) as caught:
                stage.lender.verify(contract, who)
            assert caught.value.reason == "SUBJECTS_EXHAUSTED"
            assert caught.value.clause == "guard.subjects"
            assert not caught.value.charged
        assert stage.lender.verify(clear, allowed[0].subject).answers
        assert stage.operator.contract(clear).units_used == 7
        stage.close_clients()
