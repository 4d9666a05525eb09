"""Openings of verifications in the clear."""

import dataclasses
from typing import Any

import pytest

from unseen.evidence.canonical import b64encode
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.clauses import Billing
from unseen.evidence.errors import OpeningInvalidError, ReceiptInvalidError, SuiteUnknownError
from unseen.evidence.oversight.clear import (
    make_clear_opening,
    release_parts,
    request_parts,
    verify_clear_opening,
)

SUBJECT = ("Ada", "1815-12-10")
VERDICTS = (True, None)
NONCES = bytes(range(32)), bytes(range(32, 64))


@pytest.fixture
def bundle(world: Any) -> Any:
    terms = world.terms(kind="verify", protocol="clear")
    request = world.request(
        contract=terms.id(),
        kind="verify",
        manifest=b"",
        epoch=0,
        commitment=commit(world.suite, NONCES[0], request_parts(SUBJECT)),
    )
    release = commit(world.suite, NONCES[1], release_parts(VERDICTS))
    return make_clear_opening(
        receipt=world.receipt(world.leaf(request, release=release)),
        terms=terms,
        subject=SUBJECT,
        verdicts=VERDICTS,
        request_nonce=NONCES[0],
        release_nonce=NONCES[1],
    )


def test_parts_are_canonical_json() -> None:
    assert request_parts(("陈", "x")) == ('["陈","x"]'.encode(),)
    assert request_parts((7,)) == (b"[7]",)
    assert release_parts((True, False, None)) == (b'["yes","no","no_usable_result"]',)


def test_an_opening_shows_subject_and_verdicts(world: Any, bundle: Any) -> None:
    found = verify_clear_opening(bundle, world.trust)
    assert found.subject == SUBJECT
    assert dict(found.verdicts) == {"overdue": True, "listed": None}
    assert found.receipt.contract == found.terms.id()
    assert "Ada" not in repr(found)


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("subject", ["Bao", "1815-12-10"], "request"),
        ("subject", ["Ada"], "request"),
        ("subject", [1], "request"),
        ("subject", [True], "subject"),
        ("subject", [None], "subject"),
        ("subject", "Ada", "subject"),
        ("verdicts", ["no", "no_usable_result"], "release"),
        ("verdicts", ["yes"], "verdicts"),
        ("verdicts", ["yes", "maybe"], "verdicts"),
        ("verdicts", [True, None], "verdicts"),
        ("verdicts", None, "verdicts"),
        ("request_nonce", b64encode(NONCES[1]), "request"),
        ("release_nonce", b64encode(NONCES[0]), "release"),
        ("request_nonce", "AA", "request_nonce"),
        ("release_nonce", 1, "release_nonce"),
        ("receipt", None, "receipt"),
        ("terms", {}, "terms"),
        ("terms", None, "terms"),
        ("v", 2, "v"),
        ("extra", 1, "document"),
    ],
    ids=str,
)
def test_anything_else_is_refused_by_name(
    world: Any, bundle: Any, field: str, value: Any, what: str
) -> None:
    with pytest.raises(OpeningInvalidError) as caught:
        verify_clear_opening(bundle | {field: value}, world.trust)
    assert caught.value.what == what


def test_terms_of_another_contract_are_refused(world: Any, bundle: Any) -> None:
    other = world.terms(kind="verify", protocol="clear", outputs=("listed", "overdue"))
    with pytest.raises(OpeningInvalidError, match="terms"):
        verify_clear_opening(bundle | {"terms": other.to_json()}, world.trust)


@pytest.mark.parametrize("clause", ["plan", "leakage", "total"])
def test_terms_that_do_not_allow_the_release_are_refused(
    world: Any, bundle: Any, clause: str
) -> None:
    leaf = verify_clear_opening(bundle, world.trust).receipt.leaf
    changes: dict[str, Any] = {"plan": bytes(32), "leakage": bytes(32), "total": 1001}
    other = dataclasses.replace(leaf, **{clause: changes[clause]})
    with pytest.raises(OpeningInvalidError) as caught:
        verify_clear_opening(bundle | {"receipt": world.receipt(other)}, world.trust)
    assert caught.value.what == "terms"


def test_a_receipt_of_another_kind_or_none_is_refused(world: Any, bundle: Any) -> None:
    other = {"intl": "dummy", "dummy": "intl"}[world.suite.id]
    for change in ({"receipt": world.receipt()}, {"suite": other}):
        with pytest.raises(OpeningInvalidError) as caught:
            verify_clear_opening(bundle | change, world.trust)
        assert caught.value.what == "receipt"
    with pytest.raises(ReceiptInvalidError):
        verify_clear_opening(bundle | {"receipt": "a.b.c"}, world.trust)
    with pytest.raises(SuiteUnknownError):
        verify_clear_opening(bundle | {"suite": "sm"}, world.trust)


def test_an_opening_may_carry_the_plan(world: Any, bundle: Any) -> None:
    assert verify_clear_opening(bundle, world.trust).plan is None
    plan = world.plan()
    with_plan = bundle | {"plan": plan.to_json()}
    assert verify_clear_opening(with_plan, world.trust).plan == plan
    wrongs: list[Any] = [None, {}, world.plan(retention="for ever").to_json()]
    for wrong in wrongs:
        with pytest.raises(OpeningInvalidError) as caught:
            verify_clear_opening(bundle | {"plan": wrong}, world.trust)
        assert caught.value.what == "plan"


def test_making_an_opening_with_the_plan(world: Any, bundle: Any) -> None:
    made = make_clear_opening(
        receipt=bundle["receipt"],
        terms=world.terms(kind="verify", protocol="clear"),
        subject=SUBJECT,
        verdicts=VERDICTS,
        request_nonce=NONCES[0],
        release_nonce=NONCES[1],
        plan=world.plan(),
    )
    assert made == bundle | {"plan": world.plan().to_json()}


@pytest.mark.parametrize(
    ("verdicts", "billed", "over"),
    [
        ((True, None), 1, 0),
        ((None, None), 0, 0),
        ((None, None), 1, 1),
        ((None, False), 0, -1),
        ((None, None), None, 0),
    ],
)
def test_an_opening_shows_what_was_billed_wrongly(
    world: Any, verdicts: Any, billed: int | None, over: int
) -> None:
    billing = None if billed is None else Billing(unit="hit")
    terms = world.terms(kind="verify", protocol="clear", billing=billing)
    request = world.request(
        contract=terms.id(),
        kind="verify",
        manifest=b"",
        epoch=0,
        commitment=commit(world.suite, NONCES[0], request_parts(SUBJECT)),
    )
    release = commit(world.suite, NONCES[1], release_parts(verdicts))
    opening = make_clear_opening(
        receipt=world.receipt(world.leaf(request, release=release, billed=billed)),
        terms=terms,
        subject=SUBJECT,
        verdicts=verdicts,
        request_nonce=NONCES[0],
        release_nonce=NONCES[1],
    )
    assert verify_clear_opening(opening, world.trust).overbilled == over
