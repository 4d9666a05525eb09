"""Objections: who may say what, in which order, and what it takes off a bill."""

import dataclasses
import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import NOW

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import CanonicalError, ObjectionInvalidError, SignatureInvalidError
from unseen.evidence.oversight.objection import (
    REASONS,
    TYP,
    Answered,
    Closed,
    Correction,
    Credit,
    Opened,
    Step,
    commit_words,
    objection_id,
    read_document,
    sign_document,
    verify_document,
)
from unseen.evidence.oversight.objections import (
    STEPS,
    Side,
    Status,
    check_credit,
    check_opener,
    credits_of,
    follow,
    other_side,
)
from unseen.evidence.suite import Ed25519Signer, signer_id


class Case:
    """An objection of the buyer's, and what may come after it."""

    def __init__(self, world: Any) -> None:
        self.world, self.suite, self.terms = world, world.suite, world.terms()
        self.keys = {signer_id(one): one.public_key for one in (world.buyer, world.operator)}
        self.first = self.open()
        self.id = objection_id(world.suite, self.first)

    def opened(self, signer: Any = None, **changes: Any) -> Opened:
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "contract": self.terms.id(),
            "by": signer_id(signer or self.world.buyer),
            "role": "buyer",
            "request": f"{1:032x}",
            "reason": "wrong_answer",
            "words": commit_words(self.suite, bytes(32), "结果不对"),
            "opened_at": NOW,
            "nonce": bytes(16),
        }
        return Opened(**fields | changes)

    def open(self, signer: Any = None, **changes: Any) -> str:
        return sign_document(signer or self.world.buyer, self.opened(signer, **changes))

    def answered(self, signer: Any = None, **changes: Any) -> Answered:
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "objection": self.id,
            "by": signer_id(signer or self.world.operator),
            "accepted": True,
            "credit": Credit(units=1, amount=60_000),
            "correction": Correction(snapshot=bytes(32), epoch=2),
            "words": commit_words(self.suite, bytes(32), "checked, and right you are"),
            "answered_at": NOW + timedelta(hours=1),
        }
        return Answered(**fields | changes)

    def answer(self, signer: Any = None, **changes: Any) -> str:
        return sign_document(signer or self.world.operator, self.answered(signer, **changes))

    def reject(self, **changes: Any) -> str:
        return self.answer(accepted=False, credit=None, correction=None, **changes)

    def closed(self, signer: Any = None, **changes: Any) -> Closed:
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "objection": self.id,
            "by": signer_id(signer or self.world.buyer),
            "agreed": True,
            "closed_at": NOW + timedelta(hours=2),
        }
        return Closed(**fields | changes)

    def close(self, signer: Any = None, **changes: Any) -> str:
        return sign_document(signer or self.world.buyer, self.closed(signer, **changes))

    def status(self, *tokens: str) -> Status:
        (found,) = follow(tokens, self.terms, self.keys)
        return found.status

    def refused(self, tokens: Any, what: str) -> None:
        with pytest.raises(ObjectionInvalidError) as caught:
            follow(tokens, self.terms, self.keys)
        assert caught.value.clause == what


@pytest.fixture
def case(world: Any) -> Case:
    return Case(world)


def test_documents_survive_the_wire(case: Case) -> None:
    hub = case.world.stranger
    for token, document in (
        (case.first, case.opened()),
        (case.open(hub, role="hub", request=""), case.opened(hub, role="hub", request="")),
        (case.answer(), case.answered()),
        (case.answer(credit=None, correction=None), case.answered(credit=None, correction=None)),
        (case.close(agreed=False), case.closed(agreed=False)),
    ):
        assert read_document(token) == document
        keys = {**case.keys, signer_id(hub): hub.public_key}
        assert verify_document(token, keys) == document


def test_an_objection_passes_through_its_states(case: Case) -> None:
    assert case.status(case.first) is Status.OPEN
    assert case.status(case.first, case.answer()) is Status.ACCEPTED
    assert case.status(case.first, case.reject()) is Status.REJECTED
    assert case.status(case.first, case.answer(), case.close()) is Status.SETTLED
    assert case.status(case.first, case.reject(), case.close(agreed=False)) is Status.MAINTAINED
    assert case.status(case.first, case.close()) is Status.WITHDRAWN


def test_order_and_repetition_of_documents_do_not_matter(case: Case) -> None:
    tokens = [case.first, case.answer(), case.close()]
    for some in itertools.permutations([*tokens, tokens[1]]):
        (found,) = follow(some, case.terms, case.keys)
        assert found.status is Status.SETTLED
        assert found.answered == case.answered()
        assert found.closed == case.closed()


def test_every_step_that_the_table_lacks_is_refused(case: Case) -> None:
    by_step = {
        Step.ACCEPT: case.answer(),
        Step.REJECT: case.reject(),
        Step.AGREE: case.close(),
        Step.DISAGREE: case.close(agreed=False),
    }
    ways = {
        Status.OPEN: [],
        Status.ACCEPTED: [Step.ACCEPT],
        Status.REJECTED: [Step.REJECT],
        Status.SETTLED: [Step.ACCEPT, Step.AGREE],
        Status.MAINTAINED: [Step.ACCEPT, Step.DISAGREE],
        Status.WITHDRAWN: [Step.AGREE],
    }
    other_words = {
        Step.ACCEPT: case.answer(words=bytes(32)),
        Step.REJECT: case.reject(words=bytes(32)),
        Step.AGREE: case.close(closed_at=NOW),
        Step.DISAGREE: case.close(agreed=False, closed_at=NOW),
    }
    for status, way in ways.items():
        before = [case.first, *(by_step[step] for step in way)]
        assert case.status(*before) is status
        for step in Step:
            if status is Status.WITHDRAWN and step in {Step.ACCEPT, Step.REJECT}:
                continue  # documents have no order: an answer beside a close comes first
            after = (*before, other_words[step])
            if (status, step) in STEPS:
                assert case.status(*after) is STEPS[status, step][0]
            else:
                case.refused(after, "status")


def test_an_objection_that_is_not_agreed_with_cannot_be_dropped_before_an_answer(
    case: Case,
) -> None:
    case.refused([case.first, case.close(agreed=False)], "status")


def test_each_step_is_its_sides(case: Case) -> None:
    buyer, operator = case.world.buyer, case.world.operator
    case.refused([case.first, case.answer(buyer)], "by")
    case.refused([case.first, case.answer(), case.close(operator)], "by")
    assert {side for _, side in STEPS.values()} == set(Side)


def test_a_stranger_has_no_say(case: Case) -> None:
    stranger = case.world.stranger
    case.refused([case.open(stranger)], "by")
    case.refused([case.first, case.answer(stranger)], "by")
    case.keys[signer_id(stranger)] = stranger.public_key
    case.refused([case.open(stranger)], "role")
    case.refused([case.open(role="operator")], "role")
    case.refused([case.open(role="hub")], "role")
    assert case.status(case.open(stranger, role="hub")) is Status.OPEN


def test_what_a_person_objects_to_shows_on_no_bill(case: Case) -> None:
    hub = case.world.stranger
    case.keys[signer_id(hub)] = hub.public_key
    first = case.open(hub, role="hub", reason="personal")
    name = objection_id(case.suite, first)
    case.refused([first, case.answer(objection=name)], "credit")
    plain = case.answer(objection=name, credit=None)
    assert case.status(first, plain, case.close(hub, objection=name)) is Status.SETTLED
    assert credits_of(case.terms, [first, plain], case.keys) is None


def test_a_key_under_another_name_is_refused(case: Case) -> None:
    keys = {signer_id(case.world.buyer): case.world.operator.public_key}
    with pytest.raises(ObjectionInvalidError):
        verify_document(case.first, keys)


def test_the_operator_objects_and_the_buyer_answers(case: Case) -> None:
    operator, buyer = case.world.operator, case.world.buyer
    first = case.open(operator, role="operator", reason="wrong_units")
    name = objection_id(case.suite, first)
    answer = case.answer(buyer, objection=name, credit=None)
    assert case.status(first, answer, case.close(operator, objection=name)) is Status.SETTLED
    assert other_side(case.opened(operator, role="operator"), case.terms) == signer_id(buyer)
    case.refused([first, case.answer(buyer, objection=name)], "credit")


def test_documents_about_something_else_are_refused(case: Case) -> None:
    case.refused([case.open(contract=bytes(32))], "contract")
    case.refused([case.answer()], "objection")
    case.refused([case.first, case.answer(objection=bytes(32))], "objection")
    with pytest.raises(ObjectionInvalidError):
        check_opener(dataclasses.replace(case.opened(), contract=bytes(32)), case.terms)


def test_a_document_of_another_suite_is_refused(intl: Any) -> None:
    case = Case(intl)
    other = {"intl": "dummy"}[intl.suite.id]
    answer = dataclasses.replace(case.answered(), suite=other)
    from unseen.evidence.oversight.objections import advance

    (found,) = follow([case.first], case.terms, case.keys)
    with pytest.raises(ObjectionInvalidError):
        advance(found, answer, case.terms)


def test_a_changed_document_is_refused(case: Case) -> None:
    head, payload, signature = case.first.split(".")
    other = case.open(reason="not_asked").split(".")
    with pytest.raises(SignatureInvalidError):
        follow([f"{head}.{other[1]}.{signature}"], case.terms, case.keys)
    with pytest.raises(CanonicalError):
        follow(["x.y"], case.terms, case.keys)
    with pytest.raises(SignatureInvalidError):  # the node's claim under the buyer's name
        follow([f"{other[0]}.{payload}.{other[2]}"], case.terms, case.keys)


def test_nobody_signs_in_anothers_name(case: Case) -> None:
    with pytest.raises(ObjectionInvalidError):
        sign_document(case.world.operator, case.opened())


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("type", "objection-reply", "type"),
        ("by", "x", "by"),
        ("role", "auditor", "role"),
        ("role", ["buyer"], "role"),
        ("request", "1", "request"),
        ("request", None, "request"),
        ("reason", "because", "reason"),
        ("words", "AA", "words"),
        ("contract", "AA", "contract"),
        ("opened_at", "yesterday", "opened_at"),
        ("nonce", "AA", "nonce"),
        ("more", 1, "document"),
    ],
)
def test_malformed_openings_are_refused_by_field(
    case: Case, field: str, value: Any, what: str
) -> None:
    body = case.opened().to_json() | {field: value}
    with pytest.raises(ObjectionInvalidError) as caught:
        read_document(jws.sign(case.world.buyer, TYP, body))
    assert caught.value.clause == what


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("objection", "AA", "objection"),
        ("by", 1, "by"),
        ("verdict", True, "verdict"),
        ("verdict", "rejected", "verdict"),
        ("credit", {"units": 0, "amount": 0}, "credit"),
        ("credit", {"units": -1, "amount": 1}, "credit.units"),
        ("credit", {"units": 1, "amount": -1}, "credit.amount"),
        ("credit", {"units": 1}, "credit.amount"),
        ("correction", {"snapshot": "AA", "epoch": 1}, "correction.snapshot"),
        ("correction", {"snapshot": b64encode(bytes(32)), "epoch": -1}, "correction.epoch"),
        ("words", "AA", "words"),
        ("answered_at", 7, "answered_at"),
    ],
)
def test_malformed_answers_are_refused_by_field(
    case: Case, field: str, value: Any, what: str
) -> None:
    body = case.answered().to_json() | {field: value}
    with pytest.raises(ObjectionInvalidError) as caught:
        read_document(jws.sign(case.world.operator, TYP, body))
    assert caught.value.clause == what


@pytest.mark.parametrize(
    ("field", "value"), [("objection", "AA"), ("agreed", 1), ("closed_at", ""), ("by", "")]
)
def test_malformed_closings_are_refused_by_field(case: Case, field: str, value: Any) -> None:
    body = case.closed().to_json() | {field: value}
    with pytest.raises(ObjectionInvalidError) as caught:
        read_document(jws.sign(case.world.buyer, TYP, body))
    assert caught.value.clause == field


def test_what_is_no_object_is_no_document(case: Case) -> None:
    with pytest.raises(ObjectionInvalidError):
        read_document(jws.sign(case.world.buyer, TYP, []))
    with pytest.raises(ObjectionInvalidError):
        read_document(jws.sign(case.world.buyer, TYP, {"type": ["objection"]}))


def test_words_are_committed_to(case: Case) -> None:
    one = commit_words(case.suite, bytes(32), "a")
    assert one != commit_words(case.suite, bytes(32), "b")
    assert one != commit_words(case.suite, bytes([1]) * 32, "a")
    assert set(REASONS) >= {"not_asked", "wrong_answer", "personal", "other"}


def test_credits_add_up(case: Case) -> None:
    assert credits_of(case.terms, [case.first], case.keys) is None
    assert credits_of(case.terms, [case.first, case.reject()], case.keys) is None
    second = case.open(request=f"{2:032x}")
    name = objection_id(case.suite, second)
    free = case.answer(objection=name, credit=Credit(units=0, amount=5))
    tokens = [case.first, case.answer(), second, free]
    assert credits_of(case.terms, tokens, case.keys) == Credit(units=1, amount=60_005)
    closed = [*tokens, case.close(agreed=False)]  # what was promised stays promised
    assert credits_of(case.terms, closed, case.keys) == Credit(units=1, amount=60_005)
    kind = case.open(request=f"{3:032x}")
    plain = case.answer(objection=objection_id(case.suite, kind), credit=None)
    assert credits_of(case.terms, [kind, plain], case.keys) is None


@given(order=st.permutations(range(6)), doubled=st.lists(st.integers(0, 5), max_size=4))
def test_both_sides_count_the_same_credits(order: list[int], doubled: list[int]) -> None:
    from tests.evidence.conftest import World

    from unseen.evidence.suite import INTL

    case = Case(World(INTL))
    tokens = []
    for number in range(3):
        first = case.open(request=f"{number:032x}")
        name = objection_id(case.suite, first)
        credit = Credit(units=number + 1, amount=number)
        tokens += [first, case.answer(objection=name, credit=credit)]
    shuffled = [tokens[index] for index in [*order, *doubled]]
    assert credits_of(case.terms, shuffled, case.keys) == Credit(units=6, amount=3)


def test_a_credit_is_at_most_what_it_cost(case: Case) -> None:
    check_credit(Credit(units=2, amount=120_000), case.terms, 2)
    for wrong in (Credit(units=3, amount=1), Credit(units=2, amount=120_001)):
        with pytest.raises(ObjectionInvalidError):
            check_credit(wrong, case.terms, 2)


def test_objections_come_in_the_order_they_were_opened(case: Case) -> None:
    later = case.open(opened_at=NOW + timedelta(days=1))
    found = follow([later, case.first], case.terms, case.keys)
    assert [one.opened.opened_at for one in found] == [NOW, NOW + timedelta(days=1)]
    assert canonical.encode(found[0].opened.to_json())
    assert isinstance(case.world.buyer, Ed25519Signer) or case.suite.id == "dummy"
