"""What a refusal of an intersection leaves behind on either side, and what it tells to do."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.promises.intersecting import Asking, contract, offer, subjects, wait_for
from tests.promises.stage import Stage, serving, wait_until

from unseen.client.errors import AnswerInvalidError, HomeError, RefusedError, UnreachableError
from unseen.client.queries import asking as sending
from unseen.client.queries.intersections import Intersections
from unseen.client.queries.parcels import Parcels
from unseen.evidence.contracts.intersection import COUNT, ITEMS
from unseen.evidence.releases.intersected import SentAnswer
from unseen.protocols.errors import UnseenError
from unseen.protocols.psi.messages import pack
from unseen.v1 import intersect_pb2


@pytest.fixture(scope="module")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage whose people may be intersected with, and have a budget."""
    with serving(template.copy(tmp_path_factory.mktemp("refused") / "stage")) as found:
        offer(found)
        found.operator.set_privacy_budget("people", epsilon="50", delta="0.000001")
        yield found


def at_node(stage: Stage, identifier: str) -> list[Path]:
    return list((stage.home / "intersections").glob(f"{identifier}-*"))


def left(stage: Stage, identifier: str) -> list[Path]:
    at_buyer = (stage.party_home("lender") / "intersections").glob("*")
    return [*at_node(stage, identifier), *at_buyer]


def test_runs_that_are_refused_leave_nothing_and_lock_nobody_out(stage: Stage) -> None:
    identifier = contract(stage, COUNT, budget="6")
    stage.lender.intersect(identifier, subjects(stage, 12, 0))
    for _ in range(10):  # more than may be open
        with pytest.raises(RefusedError) as caught:
            stage.lender.intersect(identifier, subjects(stage, 12, 0))
        assert caught.value.reason == "PRIVACY_BUDGET_SPENT"
    assert stage.lender.unanswered(identifier) == []
    assert left(stage, identifier) == []


def test_a_run_that_a_stop_ended_in_the_middle_is_not_gone_on_with_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = contract(stage, COUNT)
    mix = Intersections._mix

    def mix_and_stop(self: Intersections, *args: Any) -> None:
        mix(self, *args)
        stage.operator.stop_node("a drill")

    with monkeypatch.context() as stopping:
        stopping.setattr(Intersections, "_mix", mix_and_stop)
        with pytest.raises(RefusedError) as caught:
            stage.lender.intersect(identifier, subjects(stage, 12, 0))
    stage.operator.resume_node("it is over")
    assert caught.value.reason == "NODE_STOPPED"
    # It is told to be uncharged: settling, which asks again for what was refused, finds nothing
    # that is begun, and a request of before is too old to begin.
    assert left(stage, identifier) == []
    assert stage.lender.usage(identifier).requests == 0


@pytest.mark.parametrize("output", [ITEMS, COUNT])
def test_a_node_that_names_a_size_beyond_any_table_fills_no_disk(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    identifier = contract(stage, output)
    fetched: list[object] = []
    monkeypatch.setattr(Parcels, "_append", lambda *args: fetched.append(args))
    send = sending.send

    def inflated(*args: Any, **options: Any) -> Any:
        answer = send(*args, **options)
        if answer.others:
            answer.others = 1 << 50
        elif answer.value:
            said = replace(SentAnswer.decode(answer.value), others=1 << 50)
            answer.value = said.encode()
        return answer

    monkeypatch.setattr(sending, "send", inflated)
    monkeypatch.setattr(sending, "check_release", lambda *_: None)
    with pytest.raises(AnswerInvalidError) as caught:
        stage.lender.intersect(identifier, subjects(stage, 3, 0))
    assert caught.value.clause == "fetch.size"
    assert fetched == []


def test_an_operator_that_begins_a_failed_run_anew_is_told_who_can(stage: Stage) -> None:
    identifier = contract(stage)
    asking = Asking.of(stage.lender, identifier, ["a", "b"])
    none = asking.over(pack([[b"\xfe" * 32, b"\xff" * 32]]), 2)
    none.upload()
    job = none.run().job
    wait_for(stage.lender, job)
    with pytest.raises(RefusedError) as caught:
        stage.operator.job(job.removeprefix("jobs/")).retry()
    assert (caught.value.clause, caught.value.charged) == ("job.state", False)
    assert "buyer" in caught.value.remedy


def test_a_lookup_and_an_intersection_have_one_share_of_a_table(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start()
    offer(stage)
    text = stage.operator.rules().text
    stage.operator.set_rules(
        text.replace(b"share = 0", b"share = 4", 1)
    )  # of 64 rows: 16 questions
    stage.contract("hidden", units=10)
    with pytest.raises(RefusedError) as caught:
        contract(stage, units=7)
    assert (caught.value.reason, caught.value.clause) == ("LABEL_REFUSED", "quota.units")
    contract(stage, units=6)
    with pytest.raises(RefusedError):
        stage.contract("hidden", units=1)
    stage.contract("clear", units=100)  # which counts subjects, when they are asked about


def test_an_intersection_is_not_opened_for_a_subject_and_says_so(stage: Stage) -> None:
    found = stage.lender.intersect(contract(stage), subjects(stage, 2, 1))
    for client in (stage.lender, stage.operator):
        with pytest.raises(UnseenError) as caught:
            client.open_receipt(found.request_id)
        assert caught.value.clause
        assert caught.value.remedy
        assert caught.value.reason != "HOME_INVALID"  # nothing is missing, nor to be restored


@pytest.mark.parametrize("half", [0, 100])
def test_a_run_that_is_ended_while_its_set_arrives_is_one_clear_refusal(
    stage: Stage, half: int
) -> None:
    identifier = contract(stage)
    asking = Asking.of(stage.lender, identifier, [f"item {number}" for number in range(9)])
    end = intersect_pb2.EndRequest(
        contract=f"contracts/{identifier}", request=asking.request.request
    )

    def ended(head: intersect_pb2.UploadRequest) -> Iterator[intersect_pb2.UploadRequest]:
        yield head
        wait_until(lambda: at_node(stage, identifier) != [])
        wait_until(lambda: asking.upload(asking.head()).offset == half)
        stage.lender._session.call(asking.stub.End, end)
        yield intersect_pb2.UploadRequest(offset=half, chunk=asking.data[half:])

    with pytest.raises(RefusedError) as caught:
        stage.lender._session.call(asking.stub.Upload, ended(asking.head(chunk=asking.data[:half])))
    assert (caught.value.reason, caught.value.clause) == ("FIELD_INVALID", "offset")
    assert at_node(stage, identifier) == []
    assert asking.upload().complete
    asking.answered()


def test_an_answer_that_is_gone_is_said_to_be_lost_and_charged(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day later, or where an operator made room by hand."""
    identifier = contract(stage)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Parcels, "fetch", die)
        with pytest.raises(KeyboardInterrupt):
            stage.lender.intersect(identifier, subjects(stage, 2, 1))
    (request,) = stage.lender.unanswered(identifier)
    for folder in at_node(stage, identifier):
        shutil.rmtree(folder)
    with pytest.raises(RefusedError) as caught:
        stage.lender.fetch_intersection(request)
    assert (caught.value.reason, caught.value.charged) == ("REPLY_NOT_FOUND", True)
    assert "ask anew" in caught.value.remedy
    assert stage.lender.unanswered(identifier) == []
    assert [each.id for each in stage.lender.receipts(identifier)] == [request]
    assert stage.lender.usage(identifier).units_used == 3
    assert stage.lender.settle(identifier) is not None


def test_two_processes_do_not_go_on_with_one_run_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds a run slow asks for it again in another terminal."""
    identifier, fetch = contract(stage), Parcels.fetch
    refusals: list[HomeError] = []

    def impatient(self: Parcels, contract: str, request: str, *args: Any) -> None:
        with pytest.raises(HomeError) as caught:
            stage.lender.fetch_intersection(request)
        refusals.append(caught.value)
        fetch(self, contract, request, *args)

    monkeypatch.setattr(Parcels, "fetch", impatient)
    found = stage.lender.intersect(identifier, subjects(stage, 2, 1))
    assert len(found.found) == 2
    assert [(each.clause, bool(each.remedy)) for each in refusals] == [("client.home", True)]
    monkeypatch.undo()
    assert stage.lender.fetch_intersection(found.request_id) == found


def test_a_run_that_the_node_forgot_in_the_middle_is_mixed_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is masked by another scalar then: with what was mixed before nothing is found."""
    identifier, send = contract(stage, COUNT), Parcels.send

    def die(self: Parcels, contract: str, request: str, part: Any, path: Path) -> None:
        if part == intersect_pb2.PART_MIXED:
            raise KeyboardInterrupt
        send(self, contract, request, part, path)

    with monkeypatch.context() as dying:
        dying.setattr(Parcels, "send", die)
        with pytest.raises(KeyboardInterrupt):
            stage.lender.intersect(identifier, subjects(stage, 40, 2))
    for folder in at_node(stage, identifier):
        shutil.rmtree(folder)
    (request,) = stage.lender.unanswered(identifier)
    found = stage.lender.fetch_intersection(request)
    assert found.number is not None
    assert abs(found.number - 40) <= 12


def test_a_run_for_which_there_was_no_room_is_not_made_up_for_by_settling(stage: Stage) -> None:
    identifier = contract(stage)
    for number in range(8):
        Asking.of(stage.lender, identifier, [f"item {number}"]).upload()
    with pytest.raises(UnreachableError, match="kept already") as caught:
        stage.lender.intersect(identifier, ["a", "b", "c"])
    assert caught.value.reason == "OVERLOADED"
    assert stage.lender.unanswered(identifier) == []
    for folder in at_node(stage, identifier):
        shutil.rmtree(folder)
    stage.lender.settle(identifier)
    assert stage.lender.usage(identifier).requests == 0


def test_settling_finishes_no_run_that_its_buyer_broke_off(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = contract(stage, COUNT)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Intersections, "_mix", die)
        with pytest.raises(KeyboardInterrupt):
            stage.lender.intersect(identifier, subjects(stage, 20, 0))
    spent = stage.operator.privacy_ledgers("people")[0].spent
    stage.lender.settle(identifier)
    assert stage.lender.usage(identifier).requests == 0
    assert stage.operator.privacy_ledgers("people")[0].spent == spent
    (request,) = stage.lender.unanswered(identifier)
    stage.lender.fetch_intersection(request)  # which is its buyer's wish
    assert stage.lender.usage(identifier).requests == 1
    stage.lender.settle(identifier)
