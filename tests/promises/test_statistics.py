"""Questions about many, on a real node: right within the noise, charged once, refused aloud."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from tests.promises.counting import (
    DELTA,
    TABLE,
    Asking,
    Counting,
    make_residents,
    write_residents,
)
from tests.promises.stage import Stage
from tests.promises.test_one_charge import BEFORE_COMMIT, REQUEST_POINTS
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client import Statistic
from unseen.client.errors import RefusedError, UnreachableError
from unseen.evidence import canonical
from unseen.evidence.contracts.privacy import charged_units, limit_of, units_of
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.statistics import Question
from unseen.evidence.verify import verify_receipt
from unseen.protocols.errors import InputInvalidError

COUNT = Question(what="count", by=("region",), rho="0.02")
SIGMAS = 6  # beyond which noise falls about once in 500 million draws


@pytest.fixture(scope="module")
def counting(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counting]:
    stage = template.copy(tmp_path_factory.mktemp("counting") / "stage")
    stage.start()
    try:
        yield Counting.on(stage)
    finally:
        stage.end()


@pytest.fixture(scope="module")
def contract(counting: Counting) -> str:
    return counting.contract()


def near(answer: Statistic, column: str, key: str, true: float) -> bool:
    """Whether the number of a group is where it should be, by the deviation beside it."""
    (row,) = (row for row in answer.to_dicts() if key in {row.get("region"), row.get("bin"), ""})
    value, noise = row[column], row[f"{column}_noise"]
    return abs(float(str(value)) - true) <= SIGMAS * float(str(noise)) + 0.51


def test_answers_are_right_within_the_noise_beside_them(counting: Counting, contract: str) -> None:
    answers, residents = counting.stage.lender.statistics(contract), counting.residents
    south = [r for r in residents if r.region == "south"]
    costs = [r.cost for r in south]
    mean = sum(costs) / len(costs)
    assert near(answers.count(by="region", rho="0.02"), "count", "south", len(south))
    assert near(answers.sum("cost", by="region", rho="0.02"), "sum", "south", sum(costs))
    assert near(answers.mean("cost", by="region", rho="0.02"), "mean", "south", mean)
    varied = answers.variance("cost", by="region", rho="0.05")
    assert near(varied, "variance", "south", sum((c - mean) ** 2 for c in costs) / len(costs))
    adults = sum(r.age >= 18 for r in south)
    filtered = answers.count(by="region", where="adult", rho="0.02")
    assert near(filtered, "count", "south", adults)

    histogram = answers.histogram("cost", rho="0.05")
    edges = (0, 100, 250, 500, 1000.01)
    for (low, high), row in zip(pairwise(edges), histogram.to_dicts(), strict=True):
        inside = sum(low <= r.cost < high for r in residents)
        assert near(histogram, "count", str(row["bin"]), inside)
    (median,) = answers.quantile("cost", rho="0.5").to_dicts()
    below = sum(r.cost <= float(str(median["quantile"])) for r in residents)
    assert abs(below - len(residents) / 2) < 80


def test_a_receipt_says_what_its_answer_cost(counting: Counting, contract: str) -> None:
    stage = counting.stage
    before, used = counting.spent(), stage.lender.usage(contract)
    found = stage.lender.statistics(contract).count(by="age", epsilon=0.3)
    trust = stage.lender._session.trust
    receipt = verify_receipt(found.receipt_path.read_text().strip(), trust)
    assert receipt.privacy == found.privacy == found.question.rho
    assert (receipt.kind, receipt.units) == ("statistics", 1)
    assert (
        counting.spent() - before == units_of(found.privacy) == charged_units(found.question.cost)
    )
    assert stage.lender.usage(contract).units_used == used.units_used + 1
    assert stage.lender.receipt(found.request_id).facts.privacy == found.privacy
    assert stage.lender.fetch_statistic(found.request_id).rows == found.rows
    assert stage.lender.usage(contract).units_used == used.units_used + 1
    budget = stage.lender.statistics(contract).budget()
    assert budget.spent >= units_of(found.privacy)
    assert budget.most == limit_of("20", DELTA)


def test_the_exact_table_hides_who_is_few_and_is_one_for_all(counting: Counting) -> None:
    spent = counting.spent()
    first = counting.answers().partition()
    rows = {row["region"]: row for row in first.to_dicts()}
    assert rows["islet"]["count"] is None
    assert rows["islet"]["sum:cost"] is None
    shown = [row for row in rows.values() if row["count"] is not None]
    assert 1 <= len(shown) <= 2  # one more is hidden, or a known total would give the islet back
    for row in shown:
        true = sum(r.region == row["region"] for r in counting.residents)
        assert abs(int(str(row["count"])) - true) < 5
        assert int(str(row["count"])) % 5 == 0
    assert counting.spent() == spent
    assert first.privacy == "0"
    second = counting.answers("rival").partition()
    assert second.rows == first.rows

    coarser = counting.answers("rival", outputs=["region", "cost"], group=20)
    with pytest.raises(RefusedError) as caught:
        coarser.partition()
    assert caught.value.reason == "PARTITION_PINNED"


def test_the_same_question_gets_the_same_answer_whoever_asks(counting: Counting) -> None:
    one, other = counting.contract(), counting.contract("rival")
    first = counting.stage.lender.statistics(one).ask(COUNT)
    spent, noisy = counting.spent(), set()
    for number in range(3):
        again = counting.stage.lender.statistics(one).ask(COUNT, again=True)
        assert (again.rows, again.privacy) == (first.rows, "0")
        rival = counting.stage.rival.statistics(other).ask(COUNT, again=bool(number))
        assert (rival.rows, rival.privacy) == (first.rows, "0")
        noisy.add(rival.request_id)
    assert counting.spent() == spent
    assert len(noisy) == 3
    assert counting.stage.lender.usage(one).units_used == 4
    dearer = counting.stage.lender.statistics(one).count(by="region", rho="0.03")
    assert dearer.rows != first.rows
    assert counting.spent() == spent + units_of("0.03")


def test_many_who_ask_the_same_at_once_are_charged_for_it_once(counting: Counting) -> None:
    contract, spent = counting.contract(), counting.spent()
    question = Question(what="count", by=("age",), where=("adult",), rho="0.011")
    asks = [Asking.of(counting.stage.lender, contract, question) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        values = {answer.value for answer in pool.map(Asking.send, asks)}
    assert len(values) == 1
    assert counting.spent() - spent == units_of("0.011")
    assert counting.stage.lender.usage(contract).units_used == 8


def test_whoever_asks_much_waits_for_itself(counting: Counting) -> None:
    """A rival waits for what runs and for one more question of the other buyer, not for all."""
    many, one = counting.contract(), counting.contract("rival")
    asks = [
        Asking.of(counting.stage.lender, many, Question(what="count", rho=f"0.0001{number}"))
        for number in range(11, 20)
    ]
    done: list[str] = []

    def send(asking: Asking, who: str) -> None:
        asking.send()
        done.append(who)

    first = Question(what="count", by=("age",), rho="0.00021")
    with ThreadPoolExecutor(len(asks) + 1) as pool:
        waiting = [pool.submit(send, asking, "lender") for asking in asks]
        while counting.stage.lender.usage(many).requests < 1:
            time.sleep(0.01)
        pool.submit(send, Asking.of(counting.stage.rival, one, first), "rival").result()
        assert not all(each.done() for each in waiting)
    assert done.index("rival") <= len(asks) - 3


def test_the_last_of_a_budget_goes_to_one(counting: Counting) -> None:
    rho = Fraction(limit_of("1", DELTA), 10**12) * Fraction(3, 4)
    text = f"{float(rho):.6f}".rstrip("0")
    contract, spent = counting.contract(budget="1"), counting.spent()
    questions = [
        Question(what="count", by=by, where=where, rho=text)
        for by in ((), ("age",), ("region", "age"))
        for where in ((), ("adult",))
    ]
    gate = threading.Barrier(len(questions))

    def outcome(question: Question) -> str:
        gate.wait()
        try:
            Asking.of(counting.stage.lender, contract, question).send()
        except RefusedError as error:
            return f"{error.reason} {error.clause}"
        return "answered"

    with ThreadPoolExecutor(len(questions)) as pool:
        outcomes = sorted(pool.map(outcome, questions))
    assert outcomes == ["PRIVACY_BUDGET_SPENT budget"] * 5 + ["answered"]
    assert counting.spent() - spent == units_of(text)
    assert counting.stage.lender.usage(contract).units_used == 1


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown dimension": ({"by": ["village"]}, "QUESTION_INVALID", "by"),
    "an unknown measure": ({"what": "sum", "of": "salary"}, "QUESTION_INVALID", "of"),
    "an unknown filter": ({"where": ["rich"]}, "QUESTION_INVALID", "where"),
    "a measure to group by": ({"by": ["cost"]}, "QUESTION_INVALID", "by"),
    "another order than the menu's": ({"by": ["age", "region"]}, "QUESTION_INVALID", "by"),
    "a name of half a million letters": ({"by": ["n" * 500_000]}, "QUESTION_INVALID", "by"),
    "a group twice": ({"by": ["region", "region"]}, "QUESTION_INVALID", "by"),
    "SQL": ({"by": ["1) FROM residents --"]}, "QUESTION_INVALID", "by"),
    "another statistic": ({"what": "median", "of": "cost"}, "QUESTION_INVALID", "what"),
    "no cost": ({"rho": "0"}, "QUESTION_INVALID", "rho"),
    "a negative cost": ({"rho": "-1"}, "QUESTION_INVALID", "rho"),
    "a cost written another way": ({"rho": "0.020"}, "QUESTION_INVALID", "rho"),
    "a field too many": ({"limit": 10}, "QUESTION_INVALID", "document"),
    "another version": ({"v": 2}, "QUESTION_INVALID", "v"),
    "an exact count": ({"what": "partition", "by": []}, "QUESTION_INVALID", "what"),
    "bins of what has none": (
        {"what": "histogram", "of": "visits", "by": []},
        *("QUESTION_INVALID", "of"),
    ),
    "a quantile of nothing": (
        {"what": "quantile", "of": "cost", "by": [], "at": []},
        *("QUESTION_INVALID", "at"),
    ),
}
BAD: dict[str, tuple[bytes, str, str]] = {
    name: (canonical.encode({**COUNT.to_json(), **fields}), reason, clause)
    for name, (fields, reason, clause) in WRONG.items()
} | {
    "no JSON": (b"SELECT * FROM residents", "CANONICAL_INVALID", ""),
    "spaces": (COUNT.encode().replace(b":", b": ", 1), "CANONICAL_INVALID", ""),
    "a key twice": (COUNT.encode()[:-1] + b',"v":1}', "CANONICAL_INVALID", ""),
    "nothing": (b"", "CANONICAL_INVALID", ""),
    "a list": (b"[]", "QUESTION_INVALID", ""),
    "a hundred thousand brackets": (b"[" * 100_000, "CANONICAL_INVALID", ""),
    "bytes that are no text": (b'{"v":"\xff"}', "CANONICAL_INVALID", ""),
    "a cost that is a number": (
        COUNT.encode().replace(b'"0.02"', b"0.02"),
        *("CANONICAL_INVALID", ""),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_question_is_refused_and_costs_nothing(
    counting: Counting, contract: str, name: str
) -> None:
    data, reason, clause = BAD[name]
    error = refusal(counting, contract, Asking.of(counting.stage.lender, contract, data).send)
    assert error.reason == reason
    assert clause in error.clause


def refusal(counting: Counting, contract: str, send: Callable[[], object]) -> RefusedError:
    """Return how `send` is refused; neither a unit nor privacy may be charged."""
    before = counting.stage.lender.usage(contract), counting.spent()
    events = counting.stage.events()  # a table may be built meanwhile
    with pytest.raises(RefusedError) as caught:
        send()
    assert (counting.stage.lender.usage(contract), counting.spent()) == before
    assert counting.stage.events() == events
    assert not caught.value.charged
    assert caught.value.remedy
    return caught.value


def test_too_many_cells_are_refused(counting: Counting, contract: str) -> None:
    places = tuple(f"0.{number:03d}".rstrip("0") for number in range(1, 100))
    question = Question(what="quantile", of="cost", by=("region", "age"), at=places, rho="0.01")
    asking = Asking.of(counting.stage.lender, contract, question)
    assert refusal(counting, contract, asking.send).clause == "by"


def test_what_the_contract_did_not_take_from_the_menu_is_not_there(counting: Counting) -> None:
    contract = counting.contract(outputs=["age", "visits"])
    for question in (
        COUNT,
        Question(what="sum", of="cost", rho="0.01"),
        Question(what="partition"),
    ):
        error = refusal(
            counting, contract, Asking.of(counting.stage.lender, contract, question).send
        )
        assert error.reason == "QUESTION_INVALID"


def test_a_question_needs_a_contract_of_its_kind(counting: Counting) -> None:
    stage = counting.stage
    for product in ("hidden", "clear"):
        other = stage.contract(product)
        error = refusal(counting, other, Asking.of(stage.lender, other, COUNT).send)
        assert error.reason == "KIND_REFUSED"
    counted = counting.contract()
    with pytest.raises((InputInvalidError, RefusedError)):
        stage.lender.verify(counted, "0" * 32)
    with pytest.raises((InputInvalidError, RefusedError)):
        stage.lender.lookup(counted, "0" * 32)
    with pytest.raises(InputInvalidError):
        stage.lender.statistics(stage.contract("clear"))


def test_nothing_is_counted_without_a_contract_in_force(counting: Counting) -> None:
    stage = counting.stage
    proposed, foreign = counting.propose(), counting.contract("rival")
    approved, revoked, used = counting.propose(), counting.contract(), counting.contract(units=1)
    stage.operator.approve(approved)
    stage.lender.revoke(revoked)
    Asking.of(stage.lender, used, COUNT).send()
    for contract, reason in (
        (proposed, "CONTRACT_NOT_ACTIVE"),
        (approved, "CONTRACT_NOT_ACTIVE"),
        (revoked, "CONTRACT_NOT_ACTIVE"),
        (used, "QUOTA_EXHAUSTED"),
        (foreign, "CONTRACT_NOT_FOUND"),
        ("A" * 43, "CONTRACT_NOT_FOUND"),
    ):
        spent, size = counting.spent(), stage.operator.log_size()
        with pytest.raises(RefusedError) as caught:
            Asking.of(stage.lender, contract, COUNT).send()
        assert caught.value.reason == reason
        assert caught.value.clause
        assert (counting.spent(), stage.operator.log_size()) == (spent, size)
    assert stage.lender.contract(used).state is State.EXHAUSTED


def test_without_a_budget_nothing_with_noise_leaves(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start()
    counting = Counting.on(stage, epsilon="")
    contract = counting.contract()
    with pytest.raises(RefusedError) as caught:
        stage.lender.statistics(contract).ask(COUNT)
    assert (caught.value.reason, caught.value.clause) == ("PRIVACY_BUDGET_MISSING", "table.budget")
    assert f"unseen table budget {TABLE}" in caught.value.remedy
    assert stage.lender.usage(contract).units_used == 0
    assert stage.lender.statistics(contract).partition().rows  # the exact table needs none

    # The table's own ledger is one for all, and stays over a refresh.
    stage.operator.set_privacy_budget(TABLE, epsilon="0.5", delta=DELTA)
    rho = "0.006"
    stage.lender.statistics(contract).count(rho=rho)
    write_residents(stage, make_residents(12))
    stage.operator.refresh_table(TABLE)
    assert counting.spent() == units_of(rho)
    with pytest.raises(RefusedError) as caught:
        counting.answers("rival").count(rho=rho)
    assert (caught.value.reason, caught.value.clause) == ("PRIVACY_BUDGET_SPENT", "table.budget")
    with pytest.raises(RefusedError) as caught:
        counting.answers("rival").partition()
    assert caught.value.reason == "PARTITION_PINNED"


def test_a_table_of_few_people_has_no_exact_answer(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start()
    counting = Counting.on(stage)
    contract = counting.contract(group=300)
    with pytest.raises(RefusedError) as caught:
        stage.lender.statistics(contract).partition()
    assert caught.value.reason == "GROUP_TOO_SMALL"
    assert not caught.value.charged
    assert counting.spent() == stage.lender.usage(contract).units_used == 0


def test_a_question_that_takes_too_long_is_ended_and_costs_nothing(
    copy: Callable[[], Stage],
) -> None:
    stage = copy()
    stage.start(UNSEEN_QUESTION_SECONDS="0.001")
    counting = Counting.on(stage)
    contract = counting.contract()
    with pytest.raises(UnreachableError) as caught:
        Asking.of(stage.lender, contract, COUNT).send()
    assert (caught.value.reason, caught.value.clause) == ("DEADLINE", "node.question_seconds")
    assert counting.spent() == stage.lender.usage(contract).units_used == 0


def test_there_is_nothing_to_open_on_an_order(counting: Counting) -> None:
    with pytest.raises(RefusedError) as caught:
        counting.propose(openings=True)
    assert (caught.value.reason, caught.value.clause) == ("KIND_REFUSED", "openings")


@pytest.mark.sampled
@pytest.mark.parametrize("point", REQUEST_POINTS)
def test_a_kill_in_the_middle_costs_privacy_once_or_not_at_all(
    copy: Callable[[], Stage], point: str
) -> None:
    stage = copy()
    stage.start()
    counting = Counting.on(stage)
    contract = counting.contract()
    stage.stop()
    stage.start(UNSEEN_FAILPOINT=point)
    asking = Asking.of(stage.lender, contract, COUNT)
    with pytest.raises(UnreachableError):
        asking.send()
    assert stage.wait_dead() == -9

    stage.start()
    charged = 0 if point in BEFORE_COMMIT else 1
    assert stage.lender.usage(contract).requests == charged
    assert counting.spent() == charged * units_of(COUNT.rho)
    asking = Asking(stage.lender, asking.request, asking.question, asking.nonce)
    replies = [asking.send() for _ in range(3)]
    assert len({reply.value for reply in replies}) == 1
    assert len({reply.release.nonce for reply in replies}) == 1
    assert counting.spent() == units_of(COUNT.rho)
    assert stage.lender.usage(contract).units_used == 1


def test_the_operator_can_switch_aggregates_off_and_a_person_can_hold_them(
    counting: Counting, contract: str
) -> None:
    stage = counting.stage
    spent = counting.spent()
    held = Question(what="count", rho="0.012")
    stage.operator.set_release_mode("aggregate", "off")
    try:
        with pytest.raises(RefusedError) as caught:
            stage.lender.statistics(contract).ask(held)
        assert caught.value.reason == "RELEASE_OFF"
        stage.operator.set_release_mode("aggregate", "review")
        with pytest.raises(RefusedError) as caught:
            stage.lender.statistics(contract).ask(held)
        assert caught.value.reason == "RELEASE_HELD"
        assert counting.spent() == spent
        (review,) = stage.operator.reviews()
        stage.operator.approve_release(review.id)
    finally:
        stage.operator.set_release_mode("aggregate", "pass")
    found = stage.lender.statistics(contract).ask(held)
    assert found.request_id == review.request
    assert counting.spent() == spent + units_of("0.012")


def test_an_export_with_answers_checks(counting: Counting) -> None:
    stage = counting.stage
    counting.answers().count(rho="0.001")
    folder = stage.root / "export"
    stage.operator.parties()  # the keys that signed the requests enter the operator's trust file
    stage.operator.export(folder)
    runner, trust = CliRunner(), str(stage.party_home("operator") / "parties.json")
    words = ["audit", "check", str(folder), "--trust", trust, "--format", "json"]
    report = json.loads(runner.invoke(app, words).stdout)
    assert report["findings"] == []
    (ledger,) = report["privacy"]
    assert (ledger["table"], units_of(ledger["spent"])) == (TABLE, counting.spent())


class Desk:
    """A buyer's command line."""

    def __init__(self, counting: Counting, contract: str) -> None:
        self.home, self.contract = counting.stage.party_home("lender"), contract

    def run(self, verb: str, *words: str) -> tuple[int, str, str]:
        arguments = ["statistics", verb, self.contract[:8], *words, "--home", str(self.home)]
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
        return result.exit_code, result.stdout, result.stderr

    def json(self, verb: str, *words: str) -> Any:
        code, out, err = self.run(verb, *words, "--format", "json")
        assert code == 0, err
        return json.loads(out)


def test_the_command_line_asks_as_the_library_does(counting: Counting) -> None:
    desk = Desk(counting, counting.contract())
    counting.stage.close_clients()  # the command opens the same home
    words = ("--what", "mean", "--of", "cost", "--by", "age,region", "--where", "adult")
    found = desk.json("ask", *words, "--epsilon", "0.2")
    assert found["question"]["by"] == ["region", "age"]
    assert len(found["rows"]) == 16
    assert set(found["rows"][0]) == {"region", "age", "count", "mean", "count_noise", "mean_noise"}
    assert desk.json("ask", *words, "--epsilon", "0.2")["cached"]
    assert not desk.json("ask", *words, "--epsilon", "0.2", "--again")["cached"]
    code, out, err = desk.run("ask", *words, "--epsilon", "0.2")
    assert (code, "±" in out, "--again" in err) == (0, True, True)
    code, out, _ = desk.run("ask", "--exact", "--lang", "zh")
    assert (code, "已隐去" in out) == (0, True)
    fetch = ["receipt", "fetch", found["request"], "--home", str(desk.home), "--format", "json"]
    wrong = [*fetch, "--output", str(desk.home / "no.csv")]
    assert CliRunner().invoke(app, wrong).exit_code == 2
    fetched = json.loads(CliRunner().invoke(app, fetch).stdout)
    assert fetched["receipt"]["facts"]["privacy"] == found["privacy"]
    assert fetched["answers"][0]["rows"] == found["rows"]
    opened = ["receipt", "open", found["request"], "-o", "x", "--home", str(desk.home)]
    assert "no subject to be shown" in CliRunner().invoke(app, opened).stderr
    places = ("--at", "0.25,0.5", "--at", "0.75")
    quantiles = desk.json("ask", "--what", "quantile", "--of", "cost", *places, "--rho", "0.01")
    assert [row["at"] for row in quantiles["rows"]] == ["0.25", "0.5", "0.75"]

    menu = desk.json("menu", "--epsilon", "0.5")
    assert {row["what"] for row in menu["questions"]} >= {"count", "sum", "mean", "quantile"}
    assert menu["budget"]["spent"] > 0
    assert menu["budget"]["left"] == menu["budget"]["units"] - menu["budget"]["spent"]
    code, out, _ = desk.run("menu", "--lang", "zh")
    assert (code, "合约菜单" in out, "隐私预算" in out) == (0, True, True)


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("--what", "mean", "--of", "salary", "--epsilon", "0.2"), 2, "INPUT_INVALID"),
        (("--what", "count"), 2, "INPUT_INVALID"),
        (("--what", "count", "--epsilon", "0.1", "--rho", "0.1"), 2, "INPUT_INVALID"),
        (("--what", "count", "--epsilon", "much"), 2, "INPUT_INVALID"),
        (("--exact", "--epsilon", "0.1"), 2, "USAGE"),
        (("--what", "count", "--epsilon", "40"), 3, "PRIVACY_BUDGET_SPENT"),
    ],
)
def test_what_cannot_be_asked_ends_with_its_code(
    counting: Counting, contract: str, words: tuple[str, ...], code: int, reason: str
) -> None:
    found, _, err = Desk(counting, contract).run("ask", *words, "--format", "json")
    error = json.loads(err)
    assert (found, error["reason"], error["charged"]) == (code, reason, False)
    assert error["clause"]
    assert error["remedy"]
