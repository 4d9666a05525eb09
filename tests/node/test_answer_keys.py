"""By what answers are given again and exact tables pinned: by whatever chose their rows."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from tests.node.conftest import _compiled, _text
from tests.node.counted import offered
from tests.node.spending import private

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.statistics import Partition, Question
from unseen.evidence.suite import Ed25519Signer, signer_id
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError
from unseen.node.kinds.statistics import _spend
from unseen.node.privacy.spend import Spend

EXACT = Question(what="partition")
COUNT = Question(what="count", by=("ward",), rho="0.01")
RULE = ConsentRule(scenario="care", latency_seconds=60, once=False)
ROOT = bytes([9]) * 32
DEFINITION = offered(1, by_visit=False, exact=Partition(by=("ward",)))
PRODUCT: Any = SimpleNamespace(table="people", joined="", definition=DEFINITION)
TABLE: Any = SimpleNamespace(
    name="people", snapshot=SimpleNamespace(commitment=b64encode(bytes(32)), version=1)
)


def contract(names: tuple[str, ...] = (), **terms: Any) -> Contract:
    made = _compiled("lookup", 10, 10)
    bare = Contract(
        id=_text(made.terms),
        state=State.ACTIVE,
        buyer="lender",
        terms=made.terms,
        plan=made.plan,
        leakage=made.leakage,
        approvals={},
        units_used=0,
    )
    menu = DEFINITION.menu.only(names) if names else DEFINITION.menu
    menu = dataclasses.replace(menu, joined=())
    found = private(bare, "1", menu.to_json())
    return dataclasses.replace(found, terms=dataclasses.replace(found.terms, **terms))


def spend(of: Contract, question: Question, root: bytes = b"") -> Spend:
    return _spend(of, PRODUCT, (TABLE,), question, root)


def buyer(number: int) -> str:
    return signer_id(Ed25519Signer(bytes([number]) * 32))


@pytest.mark.parametrize("question", [EXACT, COUNT])
def test_rows_that_people_permit_one_buyer_are_not_another_ones(question: Question) -> None:
    one, other = (contract(consent=RULE, buyer=buyer(number)) for number in (11, 12))
    assert spend(one, question, ROOT).answer != spend(other, question, ROOT).answer
    assert spend(one, question, ROOT) == spend(one, question, ROOT)
    research = dataclasses.replace(RULE, scenario="research")
    for again in (
        contract(consent=research, buyer=buyer(11)),
        contract(consent=RULE, buyer=buyer(11), product="another"),
    ):
        assert spend(one, question, ROOT).answer != spend(again, question, ROOT).answer
    after = bytes([8]) * 32
    assert spend(one, question, ROOT).answer != spend(one, question, after).answer


def test_an_exact_table_is_pinned_for_one_buyer_where_people_have_to_permit_it() -> None:
    one, other = (contract(consent=RULE, buyer=buyer(number)) for number in (11, 12))
    assert spend(one, EXACT, ROOT).pins != spend(other, EXACT, ROOT).pins
    assert spend(one, EXACT, ROOT).pins != spend(one, EXACT, bytes(32)).pins
    assert spend(one, COUNT, ROOT).pins == ()


def test_where_nobody_has_to_consent_all_buyers_get_the_same() -> None:
    one, other = (contract(buyer=buyer(number)) for number in (11, 12))
    for question in (EXACT, COUNT):
        assert spend(one, question) == spend(other, question)


def test_an_exact_table_is_computed_once_whatever_else_a_contract_offers() -> None:
    whole, part = (contract(names, consent=RULE, buyer=buyer(11)) for names in ((), ("ward",)))
    assert whole.terms.parameters != part.terms.parameters
    assert spend(whole, EXACT, ROOT) == spend(part, EXACT, ROOT)
    assert spend(whole, COUNT, ROOT).answer != spend(part, COUNT, ROOT).answer


def test_rows_are_chosen_by_consent_only_where_the_contract_asks_for_it() -> None:
    with pytest.raises(InternalError):
        spend(contract(), COUNT, ROOT)
