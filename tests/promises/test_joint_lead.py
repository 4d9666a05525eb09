"""The exact table over three real nodes: the lead's gate lets it out, and nobody else can."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.promises.jointly import Consortium, consortium
from tests.promises.oversight import audit
from tests.promises.test_joint_statistics import (
    MENU,
    OUTPUTS,
    contract,
    everybody,
    furnish,
    run,
)
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.errors import Cause, RefusedError, UnreachableError
from unseen.client.joint import rounds
from unseen.client.joint.rounds import Cohort
from unseen.client.joint.seats import Seat
from unseen.client.joint.statistics import JointStatistic, JointStatistics, make_clause
from unseen.evidence.contracts.joint import Joint
from unseen.evidence.contracts.statistics import Question
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.contracts.statistics.summed import summed_dimension
from unseen.evidence.suite import INTL
from unseen.protocols.errors import InputInvalidError, SurvivorsTooFewError
from unseen.protocols.secagg import Aggregator
from unseen.v1 import joint_pb2, joint_pb2_grpc

LEAD = "node-2"
EXACT = MENU + '\n[partition]\nby = ["ward"]\nmeasures = ["stay"]\n'
QUESTION = Question(what="partition")
DEFINITION = parse_definition(EXACT.encode())


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    with consortium(tmp_path_factory.mktemp("led"), 3) as made:
        for number in (1, 2, 3):
            furnish(made, number, EXACT)
        yield made


def clause(made: Consortium, lead: str = LEAD) -> Joint:
    return make_clause(made.clause([1, 2, 3]).nodes, DEFINITION.menu, INTL, lead=lead)


@pytest.fixture(scope="module")
def contracts(hospitals: Consortium) -> dict[int, str]:
    return {number: contract(hospitals, number, clause(hospitals)) for number in (1, 2, 3)}


def seats(made: Consortium, contracts: dict[int, str]) -> list[Seat]:
    return [made.stages[number - 1].lender.seat(one) for number, one in contracts.items()]


@pytest.fixture
def answers(hospitals: Consortium, contracts: dict[int, str]) -> JointStatistics:
    return JointStatistics(seats(hospitals, contracts), step_seconds=20)


def expected() -> list[tuple[str, int, int]]:
    wards = Counter(row[1] for row in everybody())
    return [
        (ward, wards[ward], sum(row[2] for row in everybody() if row[1] == ward))
        for ward in ("heart", "hip")
    ]


def check(found: JointStatistic) -> None:
    assert [row[0] for row in found.rows] == ["heart", "hip"]
    for (_, count, total), (_, rows, days) in zip(found.rows, expected(), strict=True):
        assert int(str(count)) % 5 == 0
        assert abs(int(str(count)) - rows) <= 2
        assert abs(int(str(total)) - days) <= 5  # four digits
    assert found.nodes == ("node-1", "node-2", "node-3")
    assert found.privacy == "0"


def test_the_lead_lets_out_the_table_over_all_patients(
    hospitals: Consortium, contracts: dict[int, str], answers: JointStatistics
) -> None:
    before = hospitals.used(contracts)
    found = answers.partition()
    check(found)
    assert found.lead == LEAD
    assert "led by" in str(found)
    assert found.noise == ((0.0, 0.0), (0.0, 0.0))
    used = hospitals.used(contracts)
    assert {n: used[n] - before[n] for n in used} == {1: 1, 2: 2, 3: 1}
    assert {*found.receipts} == {"node-1", "node-2", "node-3"}
    assert found.receipt_path.exists()
    assert found.receipt_path not in found.receipts.values()
    again = answers.ask(QUESTION)
    assert again.rows == found.rows  # of the same rows, the same numbers


def test_nothing_but_the_exact_table_is_asked_of_a_lead(answers: JointStatistics) -> None:
    with pytest.raises(InputInvalidError, match="exact table"):
        answers.ask(Question(what="count", rho="0.01"))


def test_a_node_alone_answers_nothing_under_such_a_contract(
    hospitals: Consortium, contracts: dict[int, str]
) -> None:
    before = hospitals.used(contracts)
    for number, one in contracts.items():
        with pytest.raises(RefusedError) as caught:
            hospitals.stages[number - 1].lender.statistics(one).partition()
        assert caught.value.reason == "JOINT_REFUSED"
    assert hospitals.used(contracts) == before


class Relayed:
    """A round as the buyer relays it, up to what it would hand to the lead."""

    def __init__(self, made: Consortium, contracts: dict[int, str]) -> None:
        self.cohort = Cohort(seats(made, contracts), step_seconds=20)
        self.lead = self.cohort._seats[LEAD]
        self.heard: tuple[Any, list[bytes], dict[bytes, Any]] = (None, [], {})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Seat, "lead", self._keep)
            with pytest.raises(KeyboardInterrupt):
                self.cohort.led(QUESTION.encode(), summed_dimension(DEFINITION.menu))

    def _keep(self, parameters: Any, messages: list[bytes], words: dict[bytes, Any]) -> Any:
        self.heard = parameters, list(messages), dict(words)
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def relayed(hospitals: Consortium, contracts: dict[int, str]) -> Relayed:
    return Relayed(hospitals, contracts)


def test_the_buyer_cannot_add_up_what_it_relays(relayed: Relayed) -> None:
    parameters, messages, words = relayed.heard
    assert len(messages) == 15
    assert len(words) == 3
    server = Aggregator(parameters)
    for message in messages[12:]:
        with pytest.raises(Exception, match="REVEAL"):
            server.add_reveal(message)
    masked = sum(vector.view("int64") for vector in words.values())
    plain = [rows for _, rows, _ in expected()]
    assert not {*map(int, masked)} & {*plain}


def flipped(data: bytes, at: int) -> bytes:
    found = bytearray(data)
    found[at] ^= 1
    return bytes(found)


Change = Callable[[list[bytes], dict[bytes, Any]], tuple[list[bytes], dict[bytes, Any]]]
LIES: dict[str, tuple[Change, str, str]] = {
    "a message left out": (
        lambda said, words: ([*said[:1], *said[2:]], words),
        "SURVIVORS_TOO_FEW",
        "node-",
    ),
    "a share changed": (
        lambda said, words: ([*said[:-1], flipped(said[-1], 150)], words),
        "COHORT_SIGNATURE_INVALID",
        "node-",
    ),
    "a vector changed": (
        lambda said, words: (said, {key: vector + 1 for key, vector in words.items()}),
        "MALFORMED_MESSAGE",
        "node-",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_buyer_that_hands_over_something_else_gets_nothing_and_may_do_it_right(
    hospitals: Consortium, contracts: dict[int, str], lie: str
) -> None:
    relay = Relayed(hospitals, contracts)
    parameters, messages, words = relay.heard
    change, reason, named = LIES[lie]
    before = hospitals.used(contracts)
    with pytest.raises(RefusedError, match=named) as caught:
        relay.lead.lead(parameters, *change(messages, words))
    assert caught.value.reason == reason
    assert hospitals.used(contracts) == before
    led = relay.lead.lead(parameters, messages, words)
    assert json.loads(led.value)[0][0] == "heart"
    with pytest.raises(RefusedError) as caught:
        relay.lead.lead(parameters, messages, words)  # under a fresh id: it has left already
    assert caught.value.reason == "ROUND_REPLAYED"
    used = hospitals.used(contracts)
    assert {n: used[n] - before[n] for n in used} == {1: 0, 2: 1, 3: 0}


def test_an_answer_that_was_lost_is_fetched_again_and_charged_once(
    hospitals: Consortium, contracts: dict[int, str]
) -> None:
    relay = Relayed(hospitals, contracts)
    led = relay.lead.lead(*relay.heard)
    before = hospitals.used(contracts)
    shown = hospitals.stages[1].lender.fetch_statistic(led.request)
    assert [row[0] for row in shown.rows] == ["heart", "hip"]
    assert shown.receipt_path == led.path
    opening = hospitals.stages[1].lender._session.state.request(led.request)
    assert opening is not None
    again = relay.lead.led(opening)
    assert again.value == led.value
    assert hospitals.used(contracts) == before


def test_without_the_round_there_is_nothing_to_show(
    hospitals: Consortium, contracts: dict[int, str]
) -> None:
    relay = Relayed(hospitals, contracts)
    parameters, messages, words = relay.heard
    hospitals.restart(2)  # its secrets were in memory
    with pytest.raises(RefusedError) as caught:
        relay.lead.lead(parameters, messages, words)
    assert caught.value.reason == "ROUND_NOT_FOUND"


@pytest.mark.parametrize("number", [1, 3])
def test_another_node_than_the_lead_shows_nothing(
    hospitals: Consortium, contracts: dict[int, str], relayed: Relayed, number: int
) -> None:
    seat = hospitals.stages[number - 1].lender.seat(contracts[number])
    with pytest.raises(RefusedError, match=f"node-{number}: is not the lead") as caught:
        seat.lead(*relayed.heard)
    assert caught.value.clause == "joint.lead"


def test_a_node_that_is_missing_is_named_and_nothing_is_shown(
    hospitals: Consortium, contracts: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "ATTEMPTS", 1)
    before = hospitals.used(contracts)
    hospitals.stop(3)
    try:
        with pytest.raises(SurvivorsTooFewError, match="node-3"):
            JointStatistics(seats(hospitals, contracts), step_seconds=5).partition()
    finally:
        hospitals.start(3)
    assert hospitals.used(contracts) == before


def test_a_node_that_falls_silent_at_the_end_leaves_no_table(
    hospitals: Consortium, contracts: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reveal = Seat.reveal

    def silent(seat: Seat, *rest: Any) -> bytes:
        if seat.name == "node-1":
            raise UnreachableError(Cause("UNREACHABLE", "no node answers"))
        return reveal(seat, *rest)

    monkeypatch.setattr(Seat, "reveal", silent)
    before = hospitals.used(contracts)
    with pytest.raises(SurvivorsTooFewError, match="node-1"):
        JointStatistics(seats(hospitals, contracts)).partition()
    used = hospitals.used(contracts)
    assert {n: used[n] - before[n] for n in used} == {1: 1, 2: 1, 3: 1}  # and no table


@pytest.mark.parametrize("fault", ["plan", "roster", "garbage at KEYS", "garbage at REVEAL"])
def test_a_node_that_lies_is_named(
    hospitals: Consortium, contracts: dict[int, str], fault: str
) -> None:
    with hospitals.fault(3, fault), pytest.raises(Exception, match="node-3"):
        JointStatistics(seats(hospitals, contracts), step_seconds=20).partition()


def test_the_same_rows_are_not_shown_to_another_lead_or_alone(
    hospitals: Consortium, contracts: dict[int, str], answers: JointStatistics
) -> None:
    check(answers.partition())  # now they are pinned
    other = clause(hospitals, "node-1")
    further = {number: contract(hospitals, number, other) for number in (1, 2, 3)}
    before = hospitals.used(further)
    with pytest.raises(RefusedError, match="node-") as caught:
        JointStatistics(seats(hospitals, further)).partition()
    assert caught.value.reason == "PARTITION_PINNED"
    assert hospitals.used(further) == before
    alone = hospitals.stages[0].lender.request_contract(
        "care", outputs=OUTPUTS, scenario="tests", units=5, days=1, budget="4"
    )
    hospitals.stages[0].operator.approve(alone.id)
    hospitals.stages[0].lender.sign(alone.id)
    with pytest.raises(RefusedError) as caught:
        hospitals.stages[0].lender.statistics(alone.id).partition()
    assert caught.value.reason == "PARTITION_PINNED"


def test_a_lead_is_for_the_exact_table_of_statistics_alone(hospitals: Consortium) -> None:
    menu = DEFINITION.only(["ward", "acute"])
    joint = make_clause(hospitals.clause([1, 2, 3]).nodes, menu, INTL, lead=LEAD)
    with pytest.raises(RefusedError, match="exact table") as caught:
        contract(hospitals, 1, joint, outputs=["ward", "acute"])
    assert caught.value.clause == "joint.lead"


def test_where_no_group_can_be_shown_nothing_is(hospitals: Consortium) -> None:
    acute = EXACT + 'where = ["acute"]\n'
    for number in (1, 2, 3):
        furnish(hospitals, number, acute, "rare")
    menu = parse_definition(acute.encode()).menu
    joint = make_clause(hospitals.clause([1, 2, 3]).nodes, menu, INTL, lead=LEAD)
    # Of 402 patients with a hip half are acute: fewer than 400, and beside them all others.
    found = {
        number: contract(hospitals, number, joint, product="rare", group=400 * (number == 2))
        for number in (1, 2, 3)
    }
    with pytest.raises(RefusedError, match=LEAD) as caught:
        JointStatistics(seats(hospitals, found), step_seconds=20).partition()
    assert caught.value.reason == "GROUP_TOO_SMALL"
    assert hospitals.used(found) == {1: 1, 2: 1, 3: 1}


def test_the_statement_says_what_lead_and_buyer_learn(
    hospitals: Consortium, contracts: dict[int, str]
) -> None:
    found = hospitals.stages[0].lender.contract(contracts[1])
    lines = {line.what: line for line in found.leakage.statements}
    assert "the sums of the other 2 nodes" in lines["joint-sum"].text
    assert LEAD in lines["joint-sum"].text
    assert "其余 2 个节点之和" in lines["joint-sum"].text_zh
    assert "sealed to the lead" in lines["joint-relay"].text
    assert "all nodes' rows" in lines["partition"].text
    assert "answers" not in lines
    assert "trusted with the sums" in found.terms.threat_model
    assert f"led by {LEAD}" in " ".join(str(found).split())


@pytest.fixture
def stub(hospitals: Consortium) -> joint_pb2_grpc.JointServiceStub:
    return joint_pb2_grpc.JointServiceStub(hospitals.stages[1].lender._session.channel.grpc)


HOSTILE: dict[str, list[joint_pb2.LeadRequest]] = {
    "nothing": [],
    "no head": [joint_pb2.LeadRequest(message=b"x")],
    "an empty part": [joint_pb2.LeadRequest()],
    "an empty head": [joint_pb2.LeadRequest(head=joint_pb2.LeadHead())],
}


@pytest.mark.parametrize("sent", HOSTILE)
def test_what_is_no_request_is_refused(stub: joint_pb2_grpc.JointServiceStub, sent: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Lead(iter(HOSTILE[sent]), timeout=10)
    assert caught.value.code() in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.NOT_FOUND,
    )


def test_the_command_line_goes_from_a_clause_with_a_lead_to_the_table(
    hospitals: Consortium, contracts: dict[int, str], tmp_path: Path
) -> None:
    for stage in hospitals.stages:
        stage.close_clients()
    homes = [str(stage.party_home("lender")) for stage in hospitals.stages]
    every = [word for home in homes for word in ("--home", home)]
    path = tmp_path / "clause.json"
    words = ["statistics", "joint", "clause", "care", *every, "-o", str(path), "--lead"]
    assert CliRunner().invoke(app, [*words, "clinic"]).exit_code == 2
    wrote = CliRunner().invoke(app, [*words, LEAD])
    assert wrote.exit_code == 0, wrote.output
    assert Joint.from_json(json.loads(path.read_bytes())) == clause(hospitals)
    asked = ["statistics", "joint", "ask", contracts[1], *every, "--what", "partition"]
    assert CliRunner().invoke(app, [*asked, "--by", "ward"]).exit_code == 2
    found = run(*asked)
    assert found["lead"] == LEAD
    assert [row["ward"] for row in found["rows"]] == ["heart", "hip"]
    assert all(row["count"] % 5 == 0 for row in found["rows"])
    assert Path(found["receipt"]).exists()
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    assert LEAD in shown.output


def test_the_log_of_each_node_holds_under_an_audit(
    hospitals: Consortium, answers: JointStatistics, tmp_path: Path
) -> None:
    answers.partition()
    for number, stage in enumerate(hospitals.stages, 1):
        assert audit(stage, tmp_path / f"export-{number}").findings == ()
