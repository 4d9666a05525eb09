"""Intersections over a real node: what they tell, what crosses the socket, and what is charged."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.promises.canaries import Scanner
from tests.promises.intersecting import (
    OFFERED,
    Asking,
    contract,
    offer,
    subjects,
    there,
    wait_for,
)
from tests.promises.oversight import audit
from tests.promises.stage import Stage, serving, wait_until
from typer.testing import CliRunner

from unseen.cli.commands.intersect import SMALL
from unseen.cli.main import app
from unseen.client.errors import RefusedError, UnreachableError
from unseen.client.jobs import JobNotDoneError
from unseen.client.local.home import Home
from unseen.client.queries.parcels import Parcels
from unseen.evidence import canonical
from unseen.evidence.contracts.intersection import COUNT, set_bytes
from unseen.evidence.contracts.states import State
from unseen.evidence.verify import verify_receipt
from unseen.protocols.errors import InputInvalidError, SubjectInvalidError
from unseen.protocols.psi.messages import pack, unpack
from unseen.v1 import intersect_pb2


@pytest.fixture(scope="module")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage whose people may be intersected with, and have a budget."""
    with serving(template.copy(tmp_path_factory.mktemp("intersect") / "stage")) as found:
        offer(found)
        found.operator.set_privacy_budget("people", epsilon="50", delta="0.000001")
        yield found


def refused(call: Callable[[], object]) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        call()
    assert caught.value.clause
    assert caught.value.remedy
    assert not caught.value.charged
    return caught.value


def used(stage: Stage, identifier: str) -> tuple[int, int]:
    found = stage.lender.usage(identifier)
    return found.requests, found.units_used


def runs_at(stage: Stage) -> list[str]:
    return sorted(path.name for path in (stage.home / "intersections").glob("*"))


def test_items_are_told_apart_charged_by_their_number_and_receipted(
    stage: Stage, tmp_path: Path
) -> None:
    identifier = contract(stage)
    items = subjects(stage, 20, 13)
    found = stage.lender.intersect(identifier, [*items, *items[:5]])
    assert there(found.found) == set(items[:20])
    assert [texts[0] for texts in found.items] == items
    assert used(stage, identifier) == (1, 33)
    facts = verify_receipt(found.receipt_path.read_text().strip(), stage.lender._session.trust)
    assert (facts.kind, facts.units, facts.privacy) == ("intersect", 33, "0")
    again = stage.lender.fetch_intersection(found.request_id)
    assert again == found
    assert used(stage, identifier) == (1, 33)
    assert not [name for name in runs_at(stage) if name.startswith(identifier)]
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings


def test_a_count_has_noise_costs_privacy_and_tells_nothing_below_the_smallest_group(
    stage: Stage, tmp_path: Path
) -> None:
    identifier = contract(stage, COUNT)
    before = stage.operator.privacy_ledgers("people")[0].spent
    found = stage.lender.intersect(identifier, subjects(stage, 40, 10))
    assert found.number is not None
    assert abs(found.number - 40) <= 12  # twelve standard deviations
    assert (found.present, found.rho) == ((), "0.5")
    few = stage.lender.intersect(identifier, subjects(stage, 0, 3))
    assert few.number is None or few.number >= 10
    assert used(stage, identifier) == (2, 53)
    assert stage.operator.privacy_ledgers("people")[0].spent - before == 10**12
    assert stage.lender.fetch_intersection(found.request_id) == found
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings


def test_a_count_ends_with_the_contract_s_budget(stage: Stage) -> None:
    identifier = contract(stage, COUNT, budget="6", per_minute=30)
    stage.lender.intersect(identifier, subjects(stage, 28, 0))  # its two steps are one in a minute
    error = refused(lambda: stage.lender.intersect(identifier, subjects(stage, 12, 0)))
    assert error.reason == "RATE_EXCEEDED"
    identifier = contract(stage, COUNT, budget="6")
    stage.lender.intersect(identifier, subjects(stage, 12, 0))
    error = refused(lambda: stage.lender.intersect(identifier, subjects(stage, 12, 0)))
    assert (error.reason, error.clause) == ("PRIVACY_BUDGET_SPENT", "budget")
    assert used(stage, identifier) == (1, 12)


def test_both_sides_the_same_and_nothing_in_common(stage: Stage) -> None:
    identifier = contract(stage)
    everybody = [person.subject for person in stage.people]
    assert len(stage.lender.intersect(identifier, everybody).found) == len(everybody)
    assert stage.lender.intersect(identifier, subjects(stage, 0, 9)).found == ()


@pytest.mark.parametrize("output", ["items", COUNT])
def test_a_table_without_rows_has_nothing_in_common(
    copy: Callable[[], Stage], tmp_path: Path, output: str
) -> None:
    stage = copy()
    stage.start()
    empty = tmp_path / "empty.csv"
    empty.write_text("subject,note\n")
    stage.register("empty", empty)
    error = None
    try:
        offer(stage, "empty", "nobody")
        identifier = contract(stage, output, product="nobody")
        found = stage.lender.intersect(identifier, ["a", "b"])
        assert (found.found, found.number) == ((), None)
    except RefusedError as refusal:  # no group can be made of nobody
        error = refusal
    assert (error is None) == (output == "items")


def test_bad_items_are_refused_here_and_nothing_is_sent(stage: Stage) -> None:
    identifier = contract(stage, units=5)
    cases: list[tuple[list[Any], str, type[Exception]]] = [
        ([], "items", InputInvalidError),
        (["a", "b", "c", "d", "e", "f"], "parameters.intersect.most", InputInvalidError),
        (["a", ""], "subject", SubjectInvalidError),
        (["a", "\udcff"], "subject", SubjectInvalidError),
        ([("a", "b")], "subject", SubjectInvalidError),
        ([7.5], "subject", SubjectInvalidError),
        (["a", None], "subject", SubjectInvalidError),
        ([("a",), (None,)], "subject", SubjectInvalidError),
    ]
    for items, clause, error in cases:
        with pytest.raises(error) as caught:
            stage.lender.intersect(identifier, items)
        assert getattr(caught.value, "clause", "") == clause
    assert stage.lender.unanswered(identifier) == []
    assert used(stage, identifier) == (0, 0)
    assert not [name for name in runs_at(stage) if name.startswith(identifier)]
    hidden = stage.contract("clear")
    with pytest.raises(InputInvalidError):
        stage.lender.intersect(hidden, ["a"])


def test_sets_of_a_run_are_in_no_order_and_no_run_has_an_element_of_another(stage: Stage) -> None:
    identifier = contract(stage)
    items = subjects(stage, 6, 2)
    seen: set[bytes] = set()
    for order in (items, list(reversed(items))):
        asking = Asking.of(stage.lender, identifier, order)
        asking.upload()
        asking.answered()
        (sent,) = unpack(asking.data, (True,))
        doubled, others = unpack(asking.fetch(), (False, True))
        for elements in (sent, doubled, others):
            assert seen.isdisjoint(elements)
            seen.update(elements)
        assert {order[place] for place in asking.receiver.finish(asking.fetch())} == set(items[:6])


def test_chunks_out_of_place_are_refused_and_the_right_ones_go_on(stage: Stage) -> None:
    identifier = contract(stage)
    asking = Asking.of(stage.lender, identifier, subjects(stage, 3, 3))
    head, data = asking.head(), asking.data
    piece = intersect_pb2.UploadRequest

    def sent(*pieces: tuple[int, bytes]) -> intersect_pb2.UploadResponse:
        return asking.upload(head, *(piece(offset=at, chunk=chunk) for at, chunk in pieces))

    assert sent().offset == 0
    assert sent((0, data[:50])).offset == 50
    wrong: list[tuple[tuple[int, bytes], str]] = [
        ((0, data[:50]), "offset"),  # replayed
        ((60, data[60:]), "offset"),  # one left out
        ((50, data[50:] + b"x"), "chunk"),  # more than was told
    ]
    for chunk, clause in wrong:
        assert refused(lambda: sent(chunk)).clause == clause  # noqa: B023
    assert refused(asking.run).clause == "set"
    assert sent().offset == 50
    error = refused(lambda: sent((50, data[50:-1] + b"\xff")))
    assert error.clause == "digest"
    assert sent().offset == 0  # what was corrupt is gone
    assert sent((0, data)).complete
    assert sent().complete  # what is whole is not sent again
    assert refused(lambda: asking.over(data + data, 6).upload()).clause == "digest"
    assert used(stage, identifier) == (0, 0)
    asking.answered()
    assert used(stage, identifier) == (1, 6)


def test_what_does_not_belong_is_not_taken_in(stage: Stage) -> None:
    identifier = contract(stage, units=10)
    asking = Asking.of(stage.lender, identifier, subjects(stage, 2, 0))
    heads: list[tuple[dict[str, Any], str]] = [
        ({"size": set_bytes(11)}, "parameters.intersect.most"),
        ({"size": 3}, "parameters.intersect.most"),
        ({"size": -1}, "parameters.intersect.most"),
        ({"request": "../../etc"}, "request.id"),
        ({"request": ""}, "request.id"),
        ({"digest": b"short"}, "digest"),
        ({"part": intersect_pb2.PART_MIXED}, "part"),
        ({"part": intersect_pb2.PART_ANSWER}, "part"),
        ({"part": 0}, "part"),
    ]
    for changes, clause in heads:
        assert refused(lambda: asking.upload(asking.head(**changes))).clause == clause  # noqa: B023
    large = asking.head(size=set_bytes(10), chunk=bytes(600_000))
    assert refused(lambda: asking.upload(large)).clause == "chunk"
    assert refused(asking.fetch).reason == "RESULT_NOT_FOUND"
    assert refused(lambda: asking.fetch(intersect_pb2.PART_SET)).clause == "part"
    other = stage.contract("clear")
    wrong = asking.head(contract=f"contracts/{other}")
    assert refused(lambda: asking.upload(wrong)).reason == "KIND_REFUSED"
    stolen = asking.again(stage.rival)
    assert refused(stolen.upload).reason == "CONTRACT_NOT_FOUND"
    assert refused(stolen.fetch).reason == "CONTRACT_NOT_FOUND"


@pytest.mark.parametrize("fault", ["identity", "not canonical", "no point", "order", "cut"])
def test_a_set_that_is_none_fails_the_run_uncharged_and_no_other_one(
    stage: Stage, fault: str
) -> None:
    identifier = contract(stage)
    asking = Asking.of(stage.lender, identifier, subjects(stage, 4, 0))
    (elements,) = unpack(asking.data, (True,))
    bad = {
        "identity": pack([[bytes(32), *elements[1:]]]),
        "not canonical": pack([[*elements[:-1], b"\xff" * 32]]),
        "no point": pack([sorted([b"\x02" + bytes(31), *elements[1:]])]),
        "order": pack([list(reversed(elements))]),
        "cut": asking.data[:4] + asking.data[4:-32] + bytes(32),
    }[fault]
    changed = asking.over(bad, 4)
    changed.upload()
    answer = changed.run()
    wait_for(stage.lender, answer.job)
    job = stage.lender.job(answer.job.removeprefix("jobs/"))
    assert job.failure in {"ELEMENT_INVALID", "MALFORMED_MESSAGE"}
    assert used(stage, identifier) == (0, 0)
    assert refused(changed.fetch).reason == "RESULT_NOT_FOUND"
    assert len(stage.lender.intersect(identifier, subjects(stage, 4, 0)).found) == 4


def test_one_id_is_one_charge_and_one_answer_and_another_body_is_refused(stage: Stage) -> None:
    identifier = contract(stage)
    asking = Asking.of(stage.lender, identifier, subjects(stage, 5, 5))
    assert refused(asking.run).clause == "set"
    asking.upload()
    jobs = {asking.run().job for _ in range(5)}
    assert len({job for job in jobs if job}) == 1
    answers = [asking.answered() for _ in range(3)]
    assert len({answer.value for answer in answers}) == 1
    assert used(stage, identifier) == (1, 10)
    assert asking.fetch() == asking.fetch(offset=0)
    assert asking.fetch(offset=100) == asking.fetch()[100:]
    other = asking.over(asking.data, 9)
    assert refused(other.run).reason == "REQUEST_ID_REUSED"
    assert used(stage, identifier) == (1, 10)


def test_what_the_contract_does_not_grant_is_refused(stage: Stage) -> None:
    identifier = contract(stage, units=12)
    stage.lender.intersect(identifier, subjects(stage, 8, 0))
    error = refused(lambda: stage.lender.intersect(identifier, subjects(stage, 8, 0)))
    assert error.clause == "parameters.intersect.most"
    assert len(stage.lender.intersect(identifier, subjects(stage, 4, 0)).found) == 4
    assert stage.lender.contract(identifier).state is State.EXHAUSTED


def test_nothing_answers_while_the_node_or_the_contract_stands_still(stage: Stage) -> None:
    identifier = contract(stage)
    asking = Asking.of(stage.lender, identifier, subjects(stage, 2, 0))
    asking.upload()
    asking.answered()
    stage.operator.stop_node("a drill")
    try:
        assert refused(lambda: Asking.of(stage.lender, identifier, ["a"]).upload()).reason == (
            "NODE_STOPPED"
        )
        with pytest.raises(RefusedError) as caught:
            asking.fetch()
        assert caught.value.reason == "REPLY_HELD"
    finally:
        stage.operator.resume_node("it is over")
    assert asking.receiver.finish(asking.fetch()) == (0, 1)
    stage.lender.revoke(identifier)
    with pytest.raises(RefusedError):
        Asking.of(stage.lender, identifier, ["a"]).upload()


def test_runs_left_open_are_bounded_and_end_when_the_buyer_says_so(stage: Stage) -> None:
    identifier = contract(stage)
    askings = [Asking.of(stage.lender, identifier, [f"item {n}"]) for n in range(9)]
    for asking in askings[:8]:
        asking.upload()
    assert refused_busy(askings[8].upload) == "OVERLOADED"
    end = intersect_pb2.EndRequest(
        contract=f"contracts/{identifier}", request=askings[0].request.request
    )
    stage.lender._session.call(askings[0].stub.End, end)
    assert askings[8].upload().complete
    assert len([name for name in runs_at(stage) if name.startswith(identifier)]) == 8


def refused_busy(call: Callable[[], object]) -> str:
    with pytest.raises(Exception, match="kept already") as caught:
        call()
    return str(getattr(caught.value, "reason", ""))


@pytest.mark.sampled
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "point",
    [
        "request.admitted",
        "request.evaluated",
        "charge.before_commit",
        "job.claimed",
        "job.before_finish",
        "job.after_finish",
        "receipt.before_sign",
    ],
)
def test_a_kill_at_any_point_charges_once_and_the_answer_comes(
    copy: Callable[[], Stage], point: str
) -> None:
    stage = copy()
    stage.start()
    offer(stage)
    identifier = contract(stage)
    stage.stop()
    stage.start(UNSEEN_FAILPOINT=point)
    asking = Asking.of(stage.lender, identifier, subjects(stage, 7, 3))
    asking.upload()
    with pytest.raises(UnreachableError):
        asking.answered()
    assert stage.wait_dead() == -9
    stage.start()
    again = asking.again(stage.lender)
    answer = again.answered()
    places = asking.receiver.finish(again.fetch())
    assert places == tuple(range(7))
    assert again.answered().value == answer.value
    assert used(stage, identifier) == (1, 10)


def test_a_client_that_dies_goes_on_with_the_run_it_began(
    copy: Callable[[], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = copy()
    stage.start()
    offer(stage)
    stage.operator.set_privacy_budget("people", epsilon="50", delta="0.000001")
    for output in ("items", COUNT):
        identifier = contract(stage, output)
        items = subjects(stage, 15, 5)
        fetch = Parcels.fetch

        def die(*_: Any) -> bytes:
            raise KeyboardInterrupt

        monkeypatch.setattr(Parcels, "fetch", die)
        with pytest.raises(KeyboardInterrupt):
            stage.lender.intersect(identifier, items)
        monkeypatch.setattr(Parcels, "fetch", fetch)
        stage.close_clients()
        (request,) = stage.lender.unanswered(identifier)
        found = stage.lender.fetch_intersection(request)
        if output == COUNT:
            assert found.number is None or abs(found.number - 15) <= 12
        else:
            assert there(found.found) == set(items[:15])
        assert used(stage, identifier) == (1, 20)
        assert stage.lender.unanswered(identifier) == []


def test_a_full_disk_is_one_clear_error_and_the_run_goes_on_when_there_is_room(
    copy: Callable[[], Stage],
) -> None:
    stage = copy()
    stage.start()
    offer(stage)
    identifier = contract(stage)
    asking = Asking.of(stage.lender, identifier, subjects(stage, 40, 40))
    half = len(asking.data) // 2
    asking.upload(asking.head(chunk=asking.data[:half]))
    stage.limit_files(half + 10)
    rest = intersect_pb2.UploadRequest(offset=half, chunk=asking.data[half:])
    with pytest.raises(Exception, match="no space left") as caught:
        asking.upload(asking.head(), rest)
    assert getattr(caught.value, "reason", "") == "STORAGE_FULL"
    assert asking.upload(asking.head()).offset == half
    stage.limit_files(-1)
    assert asking.upload(asking.head(), rest).complete
    asking.answered()
    assert asking.receiver.finish(asking.fetch()) == tuple(range(40))
    assert used(stage, identifier) == (1, 80)


def test_a_changed_table_answers_nothing_and_a_refreshed_one_does(
    copy: Callable[[], Stage], tmp_path: Path
) -> None:
    stage = copy()
    stage.start()
    source = tmp_path / "moving.csv"
    source.write_text("subject,note\nada,x\nbao,y\n")
    stage.register("moving", source)
    offer(stage, "moving", "moving")
    identifier = contract(stage, product="moving")
    source.write_text("subject,note\nada,x\ncao,y\n")
    with pytest.raises(JobNotDoneError) as caught:
        stage.lender.intersect(identifier, ["ada", "bao", "cao"])
    assert caught.value.job.failure == "TABLE_CHANGED"
    assert used(stage, identifier) == (0, 0)
    assert stage.lender.unanswered(identifier) == []
    stage.operator.refresh_table("moving")
    found = stage.lender.intersect(identifier, ["ada", "bao", "cao"])
    assert there(found.found) == {"ada", "cao"}


def test_nothing_of_rows_or_items_is_on_the_node_s_disk_or_in_its_log(stage: Stage) -> None:
    identifier = contract(stage)
    own = [f"applicant-{n}-{stage.people[0].note}" for n in range(5)]
    asking = Asking.of(stage.lender, identifier, [*own, stage.people[0].subject])
    asking.upload()
    asking.answered()
    folder = stage.home / "intersections" / f"{identifier}-{asking.request.request}"
    kept = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    scanner = Scanner([bytes.fromhex(p.subject) for p in stage.people])
    assert len(kept) > 32 * 64
    assert not scanner.find(kept, "the folder of a run")
    for text in own:
        assert text.encode() not in kept
        assert text.encode() not in stage.output.read_bytes()
    leaves = json.dumps([leaf.fields for leaf in stage.operator.leaves()])
    assert own[0] not in leaves
    assert canonical.decode(asking.answered().value)


def test_the_command_says_it_all(stage: Stage, tmp_path: Path) -> None:
    identifier = contract(stage)
    items = subjects(stage, 3, 2)
    file, output = tmp_path / "items.csv", tmp_path / "found.csv"
    file.write_text("subject\n" + "\n".join(items) + "\n")
    stage.close_clients()
    home = str(Home(stage.party_home("lender")).root)
    said = ["intersect", identifier, "--file", str(file), "--home", home, "--format", "json"]
    done = CliRunner().invoke(app, [*said, "--output", str(output)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["items"], len(found["found"]), found["number"]) == (5, 3, None)
    assert set(output.read_text().split()) == {"subject", *items[:3]}
    again = ["receipt", "fetch", found["request"], "--home", home, "--format", "json"]
    fetched = CliRunner().invoke(app, again)
    assert fetched.exit_code == 0, fetched.output
    assert json.loads(fetched.stdout)["answers"][0]["found"] == found["found"]
    later = tmp_path / "later.csv"
    assert CliRunner().invoke(app, [*again, "--output", str(later)]).exit_code == 0
    assert later.read_text() == output.read_text()
    wait_until(lambda: used(stage, identifier) == (1, 5))


def test_the_command_advises_a_lookup_where_the_set_is_small_beside_the_table(
    stage: Stage, tmp_path: Path
) -> None:
    source, file = tmp_path / "many.csv", tmp_path / "items.csv"
    source.write_text("subject,note\n" + "".join(f"nobody {n},x\n" for n in range(65)))
    stage.register("many", source)
    offer(stage, "many", "many")
    identifier = contract(stage, product="many")
    for items, small in ((1, True), (2, False)):
        file.write_text("subject\n" + "\n".join(subjects(stage, items, 0)) + "\n")
        stage.close_clients()
        home = str(Home(stage.party_home("lender")).root)
        said = ["intersect", identifier, "--file", str(file), "--home", home]
        done = CliRunner().invoke(app, said)
        assert done.exit_code == 0, done.output
        assert (SMALL in done.stderr) == small


def test_items_are_compared_in_the_forms_that_the_product_names(
    copy: Callable[[], Stage], tmp_path: Path
) -> None:
    stage = copy()
    stage.start()
    source = tmp_path / "named.csv"
    source.write_text("subject,note\nAda  LOVELACE,x\nＢｏｌ,y\n\u3000,z\n")
    stage.register("named", source)
    stage.operator.register_product(
        "named",
        table="named",
        kind="intersect",
        title="By name",
        predicates=OFFERED,
        canonical={"subject": "name"},
    )
    identifier = contract(stage, product="named")
    found = stage.lender.intersect(identifier, ["ada lovelace", "BOL", "Ada Lovelace", "eve"])
    assert len(found.items) == 3
    assert len(found.found) == 2
    assert used(stage, identifier) == (1, 3)


def test_a_set_that_a_run_was_begun_with_is_not_replaced_by_a_larger_one(stage: Stage) -> None:
    identifier = contract(stage)
    paid = Asking.of(stage.lender, identifier, subjects(stage, 1, 0))
    everybody = Asking.of(stage.lender, identifier, subjects(stage, 30, 0))
    more = paid.over(everybody.data, 30)
    go_on = threading.Event()

    def slowly() -> Iterator[intersect_pb2.UploadRequest]:
        yield more.head()
        go_on.wait(30)
        yield more.head(chunk=more.data)

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(stage.lender._session.call, more.stub.Upload, slowly())
        wait_until(lambda: any(name.startswith(identifier) for name in runs_at(stage)))
        assert paid.upload().complete
        go_on.set()
        error = refused(late.result)
    assert error.clause == "digest"
    paid.answered()
    doubled, others = unpack(paid.fetch(), (False, True))
    assert (len(doubled), len(others)) == (1, len(stage.people))
    assert used(stage, identifier) == (1, 1)


def test_a_buyer_that_stalls_in_mid_stream_holds_up_nobody_and_goes_on(stage: Stage) -> None:
    identifier = contract(stage)
    asking = Asking.of(stage.lender, identifier, subjects(stage, 30, 10))
    half, stalled, go = len(asking.data) // 2, threading.Event(), threading.Event()

    def slowly() -> Iterator[intersect_pb2.UploadRequest]:
        yield asking.head(chunk=asking.data[:half])
        stalled.set()
        go.wait(60)

    call = asking.stub.Upload.future(slowly(), timeout=60)
    assert stalled.wait(30)
    wait_until(lambda: asking.upload(asking.head()).offset == half)
    other = contract(stage)
    assert len(stage.lender.intersect(other, subjects(stage, 3, 3)).found) == 3
    call.cancel()  # it dies
    go.set()
    rest = intersect_pb2.UploadRequest(offset=half, chunk=asking.data[half:])
    assert asking.upload(asking.head(), rest).complete
    asking.answered()
    assert asking.receiver.finish(asking.fetch()) == tuple(range(30))
    assert used(stage, identifier) == (1, 40)
