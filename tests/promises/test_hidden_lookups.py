"""One call for both ways: a buyer asks a table that stays with its owner, and can prove it."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.promises.hidden import agree
from tests.promises.stage import Person, Stage

from unseen.client import Client
from unseen.client.queries import putting
from unseen.evidence.oversight.opening import verify_opening


@pytest.fixture(scope="module")
def contract(stage: Stage) -> str:
    return agree(stage)


def answers(client: Client, contract: str, people: Sequence[Person]) -> list[dict[str, str]]:
    verdicts = client.lookup_many(contract, [[person.subject] for person in people])
    return [{name: each.value for name, each in one.answers.items()} for one in verdicts]


def test_both_ways_answer_alike(stage: Stage, contract: str) -> None:
    people = stage.people[:30]
    expected = [{n: p.answers[n] for n in ("earns_40k", "earns")} for p in people]
    assert answers(stage.lender, contract, people) == expected
    assert answers(stage.lender, stage.contract("hidden"), people) == [
        dict(person.answers) for person in people
    ]
    assert not stage.lender.lookup(contract, ["nobody of this name"]).found
    assert stage.lender.usage(contract).units_used == 31


def test_what_was_asked_is_opened_to_a_third(stage: Stage, contract: str) -> None:
    people = stage.people[40:43]
    verdicts = stage.lender.lookup_many(contract, [[person.subject] for person in people])
    bundle = stage.lender.open_receipt(verdicts[2].request_id, 2)
    opened = verify_opening(bundle, stage.lender._session.trust)
    assert opened.subject == (people[2].subject,)
    words = {True: "yes", False: "no", None: "no_usable_result"}
    found = {name: words[verdict] for name, verdict in opened.verdicts.items()}
    assert found == {name: people[2].answers[name] for name in ("earns_40k", "earns")}


def test_a_question_that_was_cut_off_is_finished_by_its_id(
    stage: Stage, contract: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any) -> None:
        raise KeyboardInterrupt

    used = stage.lender.usage(contract).units_used
    person = stage.people[50]
    with monkeypatch.context() as patch:
        patch.setattr(putting, "put", cut)
        with pytest.raises(KeyboardInterrupt):
            stage.lender.lookup(contract, [person.subject])
    (request,) = stage.lender.unanswered(contract)
    (verdict,) = stage.lender.fetch_answers(request)
    assert verdict.subject == (person.subject,)
    assert verdict.answers["earns"].value == person.answers["earns"]
    assert stage.lender.unanswered(contract) == []
    assert stage.lender.usage(contract).units_used == used + 1
