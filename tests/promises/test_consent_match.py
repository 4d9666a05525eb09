"""Consent where whole subjects are matched: a row of somebody who gave none is as if not there.

Rows 2i and 2i + 1 share a number and bear two names; a person is a name with a number.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.promises.consenting import Consenting, make
from tests.promises.stage import Stage

from unseen.client import Answer
from unseen.client.errors import RefusedError

ROWS = 96
MATCH: Any = {"match": ["number"], "canonical": {"name": "name", "number": "id"}}
AGREES, DIFFERS, NOTHING = Answer.CONSISTENT, Answer.INCONSISTENT, Answer.NO_USABLE_RESULT


def person(row: int) -> tuple[str, str]:
    return f"Person,  {row}", f"nr-{row // 2}"


@pytest.fixture(scope="module")
def shared(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consenting]:
    stage = template.copy(tmp_path_factory.mktemp("match") / "stage")
    stage.start(UNSEEN_CONSENT_LATENCY_SECONDS="3600")
    try:
        found = make(stage)
        source = stage.root / "matched.csv"
        lines = "".join(f'"{name}",{number}\n' for name, number in map(person, range(ROWS)))
        source.write_text(f"name,number\n{lines}")
        stage.operator.register_table(
            "matched",
            str(source),
            subject=["name", "number"],
            labels={"*": ("personal", "1")},
        )
        for name, kind in (("seen", "verify"), ("unseen", "lookup")):
            stage.operator.register_product(name, table="matched", kind=kind, title=name, **MATCH)
        yield found
    finally:
        stage.end()


def give(shared: Consenting, *rows: int, once: bool = False) -> list[str]:
    permission = shared.permission(table="matched", once=once)
    return [shared.hub.consent(person(row), permission).id for row in rows]


def contract(shared: Consenting, product: str, units: int) -> str:
    asked = shared.lender.request_contract(
        product, outputs=["match"], scenario="tests", units=units
    )
    shared.stage.operator.approve(asked.id)
    shared.lender.sign(asked.id)
    return asked.id


@pytest.mark.parametrize("product", ["seen", "unseen"])
def test_only_rows_of_those_who_consent_make_an_answer(shared: Consenting, product: str) -> None:
    first = 0 if product == "seen" else 10
    give(shared, first, first + 3)
    identifier = contract(shared, product, 8)
    ask = shared.lender.verify if product == "seen" else shared.lender.lookup
    for subject, answer in (
        ((f"person {first}", f"NR{first // 2}"), AGREES),
        # The other row of this number is of somebody who gave no consent.
        ((f"person {first + 1}", f"NR{first // 2}"), DIFFERS),
        ((f"person {first + 3}", f"NR{first // 2 + 1}"), AGREES),
        ((f"person {first + 5}", f"NR{first // 2 + 2}"), NOTHING),
        (("somebody", f"NR{first // 2 + 2}"), NOTHING),
    ):
        assert dict(ask(identifier, subject).answers) == {"match": answer}
    usage = shared.lender.usage(identifier)
    assert usage.units_used == 5


def test_a_withdrawal_acts_on_both_points(shared: Consenting) -> None:
    identifier = contract(shared, "seen", 8)
    mine, other = give(shared, 20, 21)
    ask = shared.lender.verify
    assert ask(identifier, ("person 20", "nr10")).answers["match"] is AGREES
    shared.hub.withdraw_consent(mine)
    assert ask(identifier, ("person 20", "nr10")).answers["match"] is DIFFERS
    shared.hub.withdraw_consent(other)
    assert ask(identifier, ("person 20", "nr10")).answers["match"] is NOTHING


def test_a_consent_for_one_use_is_spent_by_an_answer_about_the_number(shared: Consenting) -> None:
    asked = shared.lender.request_contract("seen", outputs=["match"], scenario="tests", units=4)
    shared.stage.operator.approve(asked.id)
    shared.lender.sign(asked.id)
    give(shared, 30, once=True)
    assert shared.lender.verify(asked.id, ("stranger", "nr15")).answers["match"] is DIFFERS
    assert shared.lender.verify(asked.id, ("person 30", "nr15")).answers["match"] is NOTHING


def test_the_quota_counts_two_questions_a_unit(shared: Consenting) -> None:
    """One in four of 96 rows is 24 questions: 24 units in the clear, and 12 hidden ones."""
    lender = shared.lender
    used = sum(
        each.terms.quota.units for each in lender.contracts() if each.terms.product == "unseen"
    )
    with pytest.raises(RefusedError) as caught:
        lender.request_contract("unseen", outputs=["match"], scenario="tests", units=13 - used)
    assert caught.value.clause == "quota.units"
    assert "2 a unit" in str(caught.value)
    found = lender.explain_request("unseen", outputs=["match"], scenario="tests", units=13 - used)
    narrowed = {each.clause: each.narrowest for each in found.narrowings}
    assert narrowed["quota.units"] == str(12 - used)
    lender.request_contract("unseen", outputs=["match"], scenario="tests", units=12 - used)
