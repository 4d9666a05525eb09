"""The release gate of a real node: nothing leaves around it, and a person can hold the door."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.promises.asks import ASKS
from tests.promises.oversight import audit
from tests.promises.stage import Stage, now, wait_until
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.errors import RefusedError, UnreachableError
from unseen.client.reviews import ReleaseMode, Review, ReviewState
from unseen.evidence.canonical import format_time
from unseen.evidence.verify import verify_receipt

Copy = Callable[[], Stage]
GATE_POINTS = ("gate.read", "gate.judged", "gate.committed")


def refused(stage: Stage, contract: str, kind: str = "clear") -> RefusedError:
    """Ask a question that is not answered, and return why."""
    asks = {"clear": stage.lender.verify, "hidden": stage.lender.lookup}
    with pytest.raises(RefusedError) as caught:
        asks[kind](contract, stage.people[2].subject)
    return caught.value


def held(stage: Stage, contract: str) -> Review:
    """Ask a question whose answer waits for a person, and return what waits."""
    assert refused(stage, contract).reason == "RELEASE_HELD"
    return stage.operator.reviews()[-1]


def types(stage: Stage) -> list[str]:
    return [leaf.type for leaf in stage.operator.leaves()]


def reviewed(stage: Stage) -> list[dict[str, Any]]:
    return [leaf.fields for leaf in stage.operator.leaves() if leaf.type == "release.reviewed"]


@pytest.fixture
def own(copy: Copy) -> Stage:
    """Return a serving stage of the test's own, whose operator wants to see every verdict."""
    stage = copy()
    stage.start()
    stage.operator.set_release_mode("verdicts", "review")
    return stage


def test_a_person_sees_an_answer_before_it_leaves(own: Stage) -> None:
    contract = own.contract("clear")
    review = held(own, contract)
    assert (review.state, review.type, review.bits) == (ReviewState.WAITING, "verdicts", 4)
    assert [finding.rule for finding in review.findings] == ["type.review"]
    assert all(finding.text and finding.text_zh for finding in review.findings)
    assert (review.value, review.shown) == (None, False)  # a list says nothing
    assert own.lender.usage(contract).units_used == 0
    (request,) = own.lender.unanswered(contract)
    assert request == review.request
    assert own.lender.receipts(contract) == []
    shown = own.operator.review(review.id)
    assert shown.value == own.people[2].answers
    assert "type.review" in repr(shown)

    passed = own.operator.approve_release(review.id)
    assert (passed.state, passed.decided_by) == (ReviewState.PASSED, "operator")
    assert passed.shown is False
    (verdict,) = own.lender.fetch_answers(request)
    assert {name: answer.value for name, answer in verdict.answers.items()} == own.people[2].answers
    assert own.lender.usage(contract).units_used == 1
    token = verdict.receipt_path.read_text().strip()
    receipt = verify_receipt(token, own.lender._session.trust)
    assert (receipt.leaf.since > 0, len(receipt.leaf.review)) == (True, 32)
    assert own.lender.settle(contract) == own.operator.operator_settle(contract)
    assert [leaf["verdict"] for leaf in reviewed(own)] == ["review", "pass"]
    assert own.operator.reviews() == []
    assert [each.state for each in own.operator.reviews(waiting=False)] == [ReviewState.PASSED]


def test_a_person_refuses_an_answer_and_nothing_is_charged(own: Stage) -> None:
    contract = own.contract("clear")
    review = held(own, contract)
    after = own.operator.refuse_release(review.id)
    assert after.state is ReviewState.REFUSED
    with pytest.raises(RefusedError) as caught:
        own.lender.fetch(review.request)
    assert caught.value.reason == "RELEASE_REFUSED"
    assert not caught.value.charged
    assert own.lender.usage(contract).units_used == 0
    assert own.lender.unanswered(contract) == []
    bill = json.loads(own.lender.settle(contract))
    assert (bill["units"], bill["amount"]) == (0, 0)
    assert own.lender.settle(contract) == own.operator.operator_settle(contract)
    with pytest.raises(RefusedError) as caught:
        own.operator.approve_release(review.id)
    assert caught.value.reason == "REVIEW_CLOSED"
    assert own.operator.review(review.id).shown is False
    assert [leaf["rules"] for leaf in reviewed(own)] == [
        ["type.review"],
        ["type.review", "review.refused"],
    ]


def test_asking_again_waits_and_a_restart_forgets_nothing(own: Stage) -> None:
    contract = own.contract("clear", units=2)
    review = held(own, contract)
    size = own.operator.log_size()
    for _ in range(3):
        with pytest.raises(RefusedError) as caught:
            own.lender.fetch(review.request)
        assert caught.value.reason == "RELEASE_HELD"
    assert own.operator.log_size() == size
    assert own.lender.settle(contract) == own.operator.operator_settle(contract)
    own.kill()
    own.start()
    assert own.operator.reviews() == [review]
    held(own, contract)
    assert refused(own, contract).reason == "QUOTA_EXHAUSTED"  # what waits holds its units
    own.operator.approve_release(review.id)
    (verdict,) = own.lender.fetch_answers(review.request)
    assert verdict.found


def test_what_is_held_leaves_no_trace_of_what_it_says(own: Stage) -> None:
    contract = own.contract("clear")
    review = held(own, contract)
    for path in own.home.rglob("*"):
        if path.is_file() and path.name.startswith("state.db"):
            assert b"no_usable_result" not in path.read_bytes()
    for leaf in own.operator.leaves():
        assert "no_usable_result" not in json.dumps(leaf.fields)
    assert own.lender.usage(contract).requests == 0
    assert review.value is None


def test_nobody_but_operator_and_approver_comes_near_the_queue(own: Stage) -> None:
    contract = own.contract("clear")
    review = held(own, contract)
    own.join("ministry", "approver")
    ministry = own.client("ministry")
    assert ministry.reviews() == []  # no contract names it
    with pytest.raises(RefusedError) as caught:
        ministry.review(review.id)
    assert caught.value.reason == "REVIEW_NOT_FOUND"
    for call in (
        own.lender.reviews,
        lambda: own.lender.review(review.id),
        lambda: own.lender.set_release_mode("verdicts", "pass"),
        lambda: ministry.set_release_mode("verdicts", "pass"),
    ):
        with pytest.raises(RefusedError) as caught:
            call()
        assert caught.value.reason == "RIGHT_MISSING"
    assert own.lender.release_modes()["verdicts"] is ReleaseMode.REVIEW


def test_what_is_switched_off_does_not_leave(own: Stage) -> None:
    hidden, clear = own.contract("hidden"), own.contract("clear")
    assert refused(own, hidden, "hidden").reason == "RELEASE_OFF"  # no person could read it
    own.operator.set_release_mode("verdicts", "off")
    before = types(own)
    for contract, kind in ((hidden, "hidden"), (clear, "clear")):
        assert refused(own, contract, kind).reason == "RELEASE_OFF"
        assert own.lender.usage(contract).units_used == 0
    assert types(own) == before
    own.operator.set_release_mode("verdicts", "pass")
    assert own.lender.verify(clear, own.people[2].subject).found
    assert own.lender.lookup(hidden, own.people[2].subject).found
    assert [name for name in types(own) if name.startswith("release")] == [
        "release.mode_set",
        "release.mode_set",
        "release.mode_set",
        "release",
        "release",
    ]


def test_nobody_decides_in_time(copy: Copy) -> None:
    stage = copy()
    stage.start(UNSEEN_REVIEW_HOURS="0.0003")
    stage.operator.set_release_mode("verdicts", "review")
    contract = stage.contract("clear")
    review = held(stage, contract)
    stage.stop()
    wait_until(lambda: format_time(now()) > review.expires_at)
    stage.start()  # the sweep at a start closes what is over
    with pytest.raises(RefusedError) as caught:
        stage.operator.approve_release(review.id)
    assert caught.value.reason == "REVIEW_CLOSED"
    with pytest.raises(RefusedError):
        stage.lender.fetch(review.request)
    assert stage.lender.usage(contract).units_used == 0


@pytest.mark.sampled
@pytest.mark.parametrize("point", GATE_POINTS)
@pytest.mark.parametrize("kind", ["clear", "hidden"])
def test_an_error_in_the_gate_releases_nothing(copy: Copy, point: str, kind: str) -> None:
    stage = copy()
    stage.start(UNSEEN_FAILPOINT=f"{point}:raise")
    contract = stage.contract(kind)
    for _ in range(2):
        assert refused(stage, contract, kind).reason == "RELEASE_REFUSED"
    usage = stage.lender.usage(contract)
    assert (usage.units_used, usage.requests) == (0, 0)
    assert "release" not in types(stage)
    assert [leaf["rules"] for leaf in reviewed(stage)] == [["gate.fault"]] * 2
    assert stage.lender.receipts(contract) == []


@pytest.mark.sampled
@pytest.mark.parametrize("point", [*GATE_POINTS, "review.before_hold", "review.after_hold"])
def test_a_kill_at_the_gate_loses_and_charges_nothing(copy: Copy, point: str) -> None:
    stage = copy()
    stage.start(UNSEEN_FAILPOINT=point)
    stage.operator.set_release_mode("verdicts", "review")
    contract = stage.contract("clear")
    ask = ASKS["clear"](stage.lender, contract, stage.people[2].subject)
    with pytest.raises(UnreachableError):
        ask.send()
    assert stage.wait_dead() == -9
    stage.start()
    waiting = stage.operator.reviews()
    assert len(waiting) == (point == "review.after_hold")
    assert stage.lender.usage(contract).units_used == 0
    assert held(stage, contract).state is ReviewState.WAITING


@pytest.mark.parametrize("point", ["gate.passed", "review.after_decision"])
def test_a_kill_at_a_decision_decides_wholly_or_not_at_all(copy: Copy, point: str) -> None:
    stage = copy()
    stage.start(UNSEEN_FAILPOINT=point)
    stage.operator.set_release_mode("verdicts", "review")
    contract = stage.contract("clear")
    review = held(stage, contract)
    with pytest.raises(UnreachableError):
        stage.operator.approve_release(review.id)
    assert stage.wait_dead() == -9
    stage.start()
    if point == "gate.passed":
        assert stage.lender.usage(contract).units_used == 0
        stage.operator.approve_release(review.id)
    (verdict,) = stage.lender.fetch_answers(review.request)
    assert verdict.found
    assert stage.lender.usage(contract).units_used == 1
    assert [leaf["verdict"] for leaf in reviewed(stage)] == ["review", "pass"]


def test_an_audit_finds_every_decision_and_no_release_around_one(
    own: Stage, tmp_path: Path
) -> None:
    contract = own.contract("clear", units=3)
    passed = held(own, contract)
    own.operator.approve_release(passed.id)
    own.operator.refuse_release(held(own, contract).id)
    own.operator.set_release_mode("verdicts", "off")
    assert refused(own, contract).reason == "RELEASE_OFF"
    own.operator.set_release_mode("verdicts", "pass")
    own.lender.verify(contract, own.people[3].subject)
    report = audit(own, tmp_path / "export")
    assert report.findings == ()
    assert report.documents["review"] == 2
    assert report.unverified == {}


def test_a_person_works_the_queue_from_the_command_line(own: Stage) -> None:
    contract, operator = own.contract("clear"), str(own.party_home("operator"))
    review = held(own, contract)
    own.close_clients()
    runner = CliRunner()

    def run(*words: str, code: int = 0) -> str:
        result = runner.invoke(app, [*words, "--home", operator], env={"COLUMNS": "200"})
        assert result.exit_code == code, result.output
        return result.stdout

    listed = run("review", "list")
    assert review.id in listed
    assert "type.review" in listed
    shown = run("review", "show", review.id[:8] if review.id[0] != "-" else review.id)
    assert "earns_40k" in shown
    assert "此类交付物须经人工审核后方可出域" in shown
    value = json.loads(run("review", "show", f"reviews/{review.id}", "--format", "json"))["value"]
    assert value == own.people[2].answers
    assert "passed" in run("review", "approve", f"reviews/{review.id}")
    assert "Nothing waits" in run("review", "list")
    assert "passed" in run("review", "list", "--all")
    run("review", "refuse", f"reviews/{review.id}", code=3)
    assert "review" in run("node", "release", "show")
    assert "off" in run("node", "release", "set", "model", "off")
    run("node", "release", "set", "files", "pass", code=2)
    run("review", "show", "zzzz", code=2)
