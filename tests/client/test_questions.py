"""Questions about many, from the SDK: one form, nothing believed unchecked, nothing asked twice."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.answering import MENU, Answering

from unseen.client.errors import AnswerInvalidError, Cause, RefusedError
from unseen.client.evidence import Evidence
from unseen.client.joint.statistics import JointStatistics
from unseen.client.queries.questions import Questions
from unseen.client.statistics import How, Statistics
from unseen.client.wording import cost_of, make_question, rho_at
from unseen.evidence.contracts.statistics import Question, check_question
from unseen.evidence.errors import ReceiptInvalidError, ReleaseInvalidError
from unseen.protocols.dp.zcdp import epsilon_of
from unseen.protocols.errors import InputInvalidError

CONTRACT = "A" * 43


@pytest.fixture
def answers(fake: Any) -> Answering:
    made = Answering(fake.node)
    fake.node.answer = lambda message: (
        made(message) if hasattr(message, "question") else given(message)
    )
    return made


def asking(fake: Any) -> Statistics:
    """Return the questions of a fresh process on this home."""
    unused: Any = None
    questions = Questions(fake.session, fake.contracts)
    evidence = Evidence(fake.session, fake.contracts, unused, unused, questions, unused)
    return Statistics(CONTRACT, questions, evidence)


def test_names_are_put_into_the_menu_s_order_and_the_cost_into_rho(
    fake: Any, answers: Answering
) -> None:
    found = asking(fake).mean("cost", by=["age", "region"], where="adult", epsilon=0.2)
    assert answers.asked == [found.question]
    assert found.question.by == ("region", "age")
    assert found.question.where == ("adult",)
    assert found.question.cost == Fraction(rho_at("0.2", MENU.delta))
    assert epsilon_of(found.question.cost, Fraction(MENU.delta)) <= Fraction("0.2")
    assert found.columns == ("region", "age", "count", "mean")
    assert [row[:2] for row in found.rows] == [
        (region, age) for region in ("north", "south") for age in ("[0,18)", "[18,65)")
    ]
    assert found.receipt_path.exists()
    assert found.privacy == found.question.rho


def test_what_is_asked_of_several_is_put_into_the_same_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Question] = []
    joint = JointStatistics.__new__(JointStatistics)
    joint.menu = MENU
    monkeypatch.setattr(joint, "ask", asked.append)
    joint.ask_for("mean", "cost", by=["age", "region"], where="adult", epsilon=0.2)
    joint.ask_for("quantile", "cost", at=[0.9, 0.5], rho="0.01")
    cost = rho_at("0.2", MENU.delta)
    wanted = make_question(MENU, "mean", "cost", by=("region", "age"), where="adult", cost=cost)
    assert asked[0] == wanted
    assert (asked[1].at, asked[1].rho) == (("0.5", "0.9"), "0.01")
    with pytest.raises(InputInvalidError, match="what the answer may cost"):
        joint.ask_for("count")


def test_every_method_asks_what_it_says(fake: Any, answers: Answering) -> None:
    asked = asking(fake)
    found = [
        asked.count(epsilon=1),
        asked.sum("cost", rho="0.01"),
        asked.mean("cost", epsilon="0.5"),
        asked.variance("visits", epsilon=Decimal("0.5")),
        asked.histogram("cost", epsilon=Fraction(1, 2)),
        asked.quantile("cost", at=[0.9, "0.5"], epsilon=1),
        asked.partition(),
    ]
    assert [each.question.what for each in found] == [
        *("count", "sum", "mean", "variance", "histogram", "quantile", "partition"),
    ]
    assert found[5].question.at == ("0.5", "0.9")
    assert found[6].question.rho == "0"
    assert found[6].noise == ((0.0, 0.0), (0.0, 0.0))
    assert all(
        each > 0 for one in found[:6] for row in one.noise for each in row if each is not None
    )


@pytest.mark.parametrize("what", ["count", "sum", "mean", "variance", "histogram", "quantile"])
def test_a_keyword_that_no_question_has_is_an_error_of_python(
    fake: Any, answers: Answering, what: str
) -> None:
    of = () if what == "count" else ("cost",)
    with pytest.raises(TypeError, match=f"{what}.*'group'"):
        getattr(asking(fake), what)(*of, epsilon=1, group="region")
    assert not answers.asked


def test_the_keywords_of_all_questions_are_named_where_a_reader_looks() -> None:
    assert set(How.__annotations__) == {"by", "where", "epsilon", "rho", "again"}
    assert all(f"`{name}`" in (How.__doc__ or "") for name in How.__annotations__)
    assert all(f"`{name}`" in (Statistics.__doc__ or "") for name in How.__annotations__)


def test_numbers_have_the_measure_s_decimals_and_suppressed_ones_are_none(
    fake: Any, answers: Answering
) -> None:
    answers.rows = [["north", 40, 1_250_000], ["south", None, None]]
    found = asking(fake).mean("cost", by="region", rho="0.01")
    assert found.rows == (("north", 40, Decimal("12.50000")), ("south", None, None))
    north, south = found.to_dicts()
    assert north["mean"] == Decimal("12.50000")
    assert type(north["mean_noise"]) is float
    assert south == {
        "region": "south",
        "count": None,
        "mean": None,
        "count_noise": None,
        "mean_noise": None,
    }
    chinese = {"suppressed": "已隐去"}
    assert "suppressed" in repr(found)
    assert "已隐去" in found.in_words(lambda word: chinese.get(word, word))


def test_a_card_is_a_table_in_a_notebook_of_text_alone(fake: Any, answers: Answering) -> None:
    html = asking(fake).count(by="region", epsilon=1)._repr_html_()
    tags = re.findall(r"<([a-z]+)", html)
    assert set(tags) == {"table", "caption", "tr", "th", "td"}
    assert tags.count("td") == 2 * 3 + 5  # cells, then the rows below
    assert "±" in html


def test_one_number_is_one_number(fake: Any, answers: Answering) -> None:
    answers.rows = [[120]]
    assert asking(fake).count(epsilon=1).number == 120
    answers.rows = []
    with pytest.raises(ValueError, match="several rows"):
        _ = asking(fake).count(by="region", epsilon=1).number


def test_what_this_home_knows_is_not_asked_again(fake: Any, answers: Answering) -> None:
    first = asking(fake).count(by="region", epsilon=1)
    kept = asking(fake).count(by=["region"], epsilon="1")
    assert (first.cached, kept.cached) == (False, True)
    assert (kept.rows, kept.request_id) == (first.rows, first.request_id)
    assert len(answers.ids) == 1
    first.receipt_path.unlink()
    assert asking(fake).count(by="region", epsilon=1).receipt_path.exists()
    other = asking(fake).count(by="region", epsilon=1, again=True)
    assert other.request_id != first.request_id
    assert asking(fake).count(by="region", epsilon=1).request_id == other.request_id
    assert len(answers.ids) == 2
    assert asking(fake).count(by="region", epsilon=2).request_id not in {
        first.request_id,
        other.request_id,
    }


@pytest.mark.parametrize("again", [False, True])
def test_an_answer_that_did_not_arrive_is_fetched_under_its_id(
    fake: Any, answers: Answering, again: bool
) -> None:
    held = Cause("RELEASE_HELD", "waits for a person", retry="same-id")
    answers.refuse = [held]
    with pytest.raises(RefusedError):
        asking(fake).count(epsilon=1)
    found = asking(fake).count(epsilon=1, again=again)
    assert answers.ids == [found.request_id] * 2
    assert not found.cached


def test_what_was_refused_is_asked_anew(fake: Any, answers: Answering) -> None:
    answers.refuse = [Cause("PRIVACY_BUDGET_SPENT", "nothing is left")]
    with pytest.raises(RefusedError):
        asking(fake).count(epsilon=1)
    assert asking(fake).count(epsilon=1).request_id == answers.ids[1] != answers.ids[0]


WRONG: dict[str, dict[str, Any]] = {
    "no measure": {"what": "sum", "of": "salary"},
    "no dimension": {"what": "count", "by": "village"},
    "no filter": {"what": "count", "where": "rich"},
    "a measure as a dimension": {"what": "count", "by": "cost"},
    "a histogram without bins": {"what": "histogram", "of": "visits"},
    "a quantile of nothing": {"what": "quantile", "of": "cost"},
    "a place beyond 1": {"what": "quantile", "of": "cost", "at": "1.5"},
    "a place that is none": {"what": "quantile", "of": "cost", "at": "half"},
    "another question": {"what": "median", "of": "cost"},
    "SQL": {"what": "count", "by": "1; DROP TABLE people"},
    "no cost": {"what": "count", "epsilon": None},
    "two costs": {"what": "count", "rho": "0.1"},
    "a cost of nothing": {"what": "count", "epsilon": 0},
    "a negative cost": {"what": "count", "epsilon": -1},
    "a cost that is no number": {"what": "count", "epsilon": "nan"},
    "an endless cost": {"what": "count", "epsilon": float("inf")},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_menu_does_not_offer_is_not_sent(fake: Any, answers: Answering, name: str) -> None:
    wrong = dict(WRONG[name])
    epsilon, rho = wrong.pop("epsilon", "1"), wrong.pop("rho", None)
    with pytest.raises(InputInvalidError) as caught:
        asking(fake).ask(make_question(MENU, **wrong, cost=cost_of(MENU, epsilon, rho)))
    assert caught.value.clause.startswith("question.")
    assert not answers.ids
    assert not fake.state.requests(None, "sent")


def test_another_kind_of_contract_is_named(fake: Any) -> None:
    with pytest.raises(InputInvalidError) as caught:
        asking(fake).count(epsilon=1)
    assert caught.value.clause == "kind"


LIES: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "another answer than committed": ({"committed": b"[[1]]"}, AnswerInvalidError),
    "more privacy than agreed": ({"privacy": "9"}, AnswerInvalidError),
    "less privacy than agreed": ({"privacy": "0.000000001"}, AnswerInvalidError),
    "a row too many": ({"value": b"[[1],[2]]"}, ReleaseInvalidError),
    "a text for a number": ({"value": b'[["1"]]'}, ReleaseInvalidError),
    "a float": ({"value": b"[[1.5]]"}, ReleaseInvalidError),
    "a negative count": ({"value": b"[[-1]]"}, ReleaseInvalidError),
    "nothing": ({"value": b""}, ReleaseInvalidError),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_does_not_hold_is_kept_as_evidence(
    fake: Any, answers: Answering, lie: str
) -> None:
    fields, error = LIES[lie]
    answers.spoil = lambda made: made.update(fields)
    with pytest.raises(error):
        asking(fake).count(epsilon=1)
    (path,) = fake.home.root.glob("evidence/answer-*.json")
    assert answers.ids[0] in path.name
    assert not fake.state.requests(None, "answered")


def test_an_answer_given_before_costs_no_privacy(fake: Any, answers: Answering) -> None:
    answers.privacy = "0"
    found = asking(fake).count(epsilon=1)
    assert found.privacy == "0"
    assert "before" in repr(found)


def test_a_receipt_of_another_request_is_no_answer(fake: Any, answers: Answering) -> None:
    asking(fake).count(epsilon=1)
    fake.session.instance_key_id = "B" * 43
    with pytest.raises((AnswerInvalidError, ReceiptInvalidError)):
        asking(fake).count(epsilon=2)


def test_the_menu_shows_noise_that_falls_with_the_cost(fake: Any, answers: Answering) -> None:
    asked = asking(fake)
    cheap, dear = asked.menu(0.1), asked.menu(1)
    pairs = list(zip(cheap.questions(), dear.questions(), strict=True))
    assert [one[0].what for one, _ in pairs][:4] == ["count", "sum", "mean", "variance"]
    assert all(one[2] > other[2] > 0 for one, other in pairs)
    assert "exact table" in repr(cheap)
    assert not answers.ids


@given(
    st.lists(st.sampled_from(["region", "age"]), max_size=4),
    st.lists(st.sampled_from(["adult", "insured"]), max_size=4),
    st.decimals("0.01", "20", places=3),
)
def test_however_it_is_written_it_is_one_question(
    by: list[str], where: list[str], epsilon: Decimal
) -> None:
    one = make_question(MENU, "count", by=by, where=where, cost=cost_of(MENU, epsilon, None))
    other = make_question(
        MENU, "count", by=[*reversed(by)], where={*where}, cost=cost_of(MENU, str(epsilon), None)
    )
    assert one.encode() == other.encode()
    check_question(MENU, one)
    assert Question.decode(one.encode()) == one
    assert epsilon_of(one.cost, Fraction(MENU.delta)) <= Fraction(epsilon)
