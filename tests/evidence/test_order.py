"""Orders of openings, and the draw of a sample that nobody chooses."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import NOW

from unseen.evidence import jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import (
    CanonicalError,
    OrderInvalidError,
    SignatureInvalidError,
    SuiteUnknownError,
)
from unseen.evidence.oversight.order import (
    MAX_REQUESTS,
    SEALS,
    TYP_DRAW,
    TYP_ORDER,
    Draw,
    Order,
    Sample,
    check_draw,
    commit_salt,
    draw,
    order_id,
    sign_draw,
    sign_order,
    verify_draw,
    verify_order,
)
from unseen.evidence.suite import INTL, signer_id

SALT = bytes(range(32))
SEAL = "hpke-x25519-sha256-aes256gcm"
IDS = tuple(f"{number:032x}" for number in range(20))


class Case:
    """A contract whose regulator is the world's stranger."""

    def __init__(self, world: Any) -> None:
        self.world, self.suite, self.regulator = world, world.suite, world.stranger
        self.terms = world.terms(regulator=signer_id(self.regulator))
        self.token = self.sign()
        self.id = order_id(self.suite, self.token)
        self.sampled = self.sign(
            requests=(), sample=Sample(count=3, commitment=commit_salt(self.suite, SALT))
        )
        self.sampled_id = order_id(self.suite, self.sampled)

    def order(self, **changes: Any) -> Order:
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "contract": self.terms.id(),
            "key": self.regulator.public_key,
            "reason": "例行检查 of the first quarter",
            "issued_at": NOW,
            "deadline": NOW + timedelta(days=14),
            "requests": IDS[:2],
            "seal": SEAL,
            "seal_key": bytes(range(32)),
        }
        return Order(**fields | changes)

    def sign(self, **changes: Any) -> str:
        return sign_order(self.regulator, self.order(**changes))

    def drawn(self, **changes: Any) -> Draw:
        root = bytes(32)
        fields: dict[str, Any] = {
            "suite": self.suite.id,
            "order": self.sampled_id,
            "salt": SALT,
            "size": 21,
            "root": root,
            "requests": draw(self.sampled_id, SALT, root, IDS, 3, self.suite),
        }
        return Draw(**fields | changes)

    def verify(self, found: Draw, signer: Any = None) -> Draw:
        token = sign_draw(signer or self.regulator, found)
        return verify_draw(token, verify_order(self.sampled, self.terms), self.sampled_id)


@pytest.fixture
def case(world: Any) -> Case:
    return Case(world)


def test_an_order_survives_the_wire(case: Case) -> None:
    found = verify_order(case.token, case.terms)
    assert found == case.order()
    assert found.regulator == case.terms.regulator
    sample = verify_order(case.sampled, case.terms).sample
    assert sample is not None
    assert sample.count == 3


def refused(what: str, call: Any, *arguments: Any) -> None:
    with pytest.raises(OrderInvalidError) as caught:
        call(*arguments)
    assert caught.value.clause == what


def test_an_order_by_a_key_that_the_contract_does_not_name_is_refused(case: Case) -> None:
    for signer in (case.world.operator, case.world.buyer, case.world.node):
        forged = sign_order(signer, case.order(key=signer.public_key))
        refused("regulator", verify_order, forged, case.terms)


def test_an_order_under_a_contract_without_openings_is_refused(case: Case) -> None:
    none = case.world.terms(openings=False, regulator=signer_id(case.regulator))
    token = case.sign(contract=none.id())
    refused("regulator", verify_order, token, none)
    nobody = case.world.terms()
    refused("regulator", verify_order, case.sign(contract=nobody.id()), nobody)


def test_an_order_for_another_contract_is_refused(case: Case) -> None:
    other = case.world.terms(regulator=signer_id(case.regulator), nonce=bytes(16))
    refused("contract", verify_order, case.token, other)
    refused("contract", verify_order, case.token, dataclasses.replace(other, nonce=b"\1" * 16))


def test_an_order_of_another_suite_is_refused(intl: Any) -> None:
    case = Case(intl)
    terms = dataclasses.replace(case.terms, suite="dummy")
    refused("contract", verify_order, case.token, terms)


def test_a_forged_order_is_refused(case: Case) -> None:
    head, _, signature = case.token.split(".")
    other = case.sign(reason="because").split(".")
    with pytest.raises(SignatureInvalidError):
        verify_order(f"{head}.{other[1]}.{signature}", case.terms)
    with pytest.raises(SignatureInvalidError):  # the operator in the regulator's name
        verify_order(jws.sign(case.world.operator, TYP_ORDER, case.order().to_json()), case.terms)
    with pytest.raises(SignatureInvalidError):  # a draw is no order
        verify_order(jws.sign(case.regulator, TYP_DRAW, case.order().to_json()), case.terms)
    with pytest.raises(CanonicalError):
        verify_order("x", case.terms)


def test_nobody_signs_in_anothers_name(case: Case) -> None:
    refused("key", sign_order, case.world.operator, case.order())


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("contract", "AA", "contract"),
        ("regulator", b64encode(bytes(32)), "regulator"),
        ("key", "AA", "key"),
        ("reason", "", "reason"),
        ("reason", "two\nlines", "reason"),
        ("issued_at", "now", "issued_at"),
        ("deadline", "2026-11-22T05:30:00Z", "deadline"),
        ("deadline", "2030-11-22T05:30:00Z", "deadline"),
        ("wanted", {}, "wanted.requests"),
        ("wanted", {"requests": []}, "wanted"),
        ("wanted", {"requests": ["1"]}, "requests"),
        ("wanted", {"requests": [IDS[0], IDS[0]]}, "requests"),
        ("wanted", {"requests": IDS[0]}, "wanted.requests"),
        ("wanted", {"sample": {"count": 0, "commitment": ""}}, "sample.count"),
        ("wanted", {"sample": {"count": 1, "commitment": "AA"}}, "sample.commitment"),
        ("wanted", {"sample": {"count": 1}, "requests": [IDS[0]]}, "wanted"),
        ("wanted", None, "wanted"),
        ("seal", {"scheme": "none", "key": ""}, "seal.scheme"),
        ("seal", {"scheme": SEAL, "key": "AA"}, "seal.key"),
        ("seal", {"scheme": SEAL}, "seal.key"),
        ("more", 1, "document"),
    ],
)
def test_malformed_orders_are_refused_by_field(
    case: Case, field: str, value: Any, what: str
) -> None:
    body = case.order().to_json() | {field: value}
    refused(what, verify_order, jws.sign(case.regulator, TYP_ORDER, body), case.terms)


def test_an_order_of_an_unknown_suite_is_refused(case: Case) -> None:
    body = case.order().to_json() | {"suite": "sm"}
    with pytest.raises(SuiteUnknownError):
        verify_order(jws.sign(case.regulator, TYP_ORDER, body), case.terms)


def test_an_order_has_its_bounds(case: Case) -> None:
    many = tuple(f"{number:032x}" for number in range(MAX_REQUESTS + 1))
    refused("requests", lambda: case.order(requests=many))
    refused("sample.count", lambda: Sample(count=MAX_REQUESTS + 1, commitment=bytes(32)))
    refused("wanted", lambda: case.order(requests=()))
    assert len(case.order(requests=many[1:]).requests) == MAX_REQUESTS
    assert set(SEALS.values()) == {32}


def test_a_draw_survives_the_wire_and_can_be_computed_again(case: Case) -> None:
    found = case.verify(case.drawn())
    assert found == case.drawn()
    assert len(found.requests) == 3
    check_draw(found, 3, IDS)
    check_draw(found, 3, [*reversed(IDS), IDS[0]])


def test_a_draw_of_other_requests_is_detected(case: Case) -> None:
    drawn = case.drawn()
    others = tuple(one for one in IDS if one not in drawn.requests)
    for wrong in (others[:3], drawn.requests[:2], tuple(reversed(drawn.requests))):
        refused("requests", check_draw, case.drawn(requests=wrong), 3, IDS)
    refused("requests", check_draw, case.drawn(root=b"\1" * 32), 3, IDS)
    refused("requests", check_draw, drawn, 3, others)


def test_a_draw_that_does_not_open_the_commitment_is_refused(case: Case) -> None:
    refused("salt", case.verify, case.drawn(salt=bytes(32)))
    refused("order", case.verify, case.drawn(order=bytes(32)))
    refused("requests", case.verify, case.drawn(requests=IDS[:4]))
    refused(
        "order",
        verify_draw,
        sign_draw(case.regulator, case.drawn(order=case.id)),
        verify_order(case.token, case.terms),
        case.id,
    )
    with pytest.raises(SignatureInvalidError):
        case.verify(case.drawn(), case.world.operator)


def test_a_draw_of_another_suite_is_refused(intl: Any) -> None:
    case = Case(intl)
    refused("order", case.verify, case.drawn(suite="dummy"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order", "AA"),
        ("salt", "AA"),
        ("size", 0),
        ("root", "AA"),
        ("requests", ["x"]),
        ("requests", "x"),
    ],
)
def test_malformed_draws_are_refused_by_field(case: Case, field: str, value: Any) -> None:
    token = jws.sign(case.regulator, TYP_DRAW, case.drawn().to_json() | {field: value})
    order = verify_order(case.sampled, case.terms)
    refused(field, verify_draw, token, order, case.sampled_id)


def test_a_contract_without_releases_draws_none(case: Case) -> None:
    found = case.verify(case.drawn(requests=()))
    check_draw(found, 3, [])


@given(
    population=st.sets(st.integers(0, 10**6), max_size=40),
    count=st.integers(1, 45),
    salt=st.binary(min_size=32, max_size=32),
)
def test_a_draw_takes_what_there_is_and_does_not_depend_on_its_order(
    population: set[int], count: int, salt: bytes
) -> None:
    ids = [f"{one:032x}" for one in population]
    drawn = draw(bytes(32), salt, bytes(32), ids, count, INTL)
    assert len(drawn) == min(count, len(ids))
    assert set(drawn) <= set(ids)
    assert drawn == draw(bytes(32), salt, bytes(32), sorted(ids), count, INTL)
    fewer = draw(bytes(32), salt, bytes(32), ids, max(count - 1, 1), INTL)
    assert drawn[: len(fewer)] == fewer


def test_every_request_is_drawn_about_equally_often() -> None:
    hits = dict.fromkeys(IDS, 0)
    for number in range(2000):
        for one in draw(bytes(32), number.to_bytes(32, "big"), bytes(32), IDS, 5, INTL):
            hits[one] += 1
    assert min(hits.values()) > 400  # 500 expected, with a deviation of about 19
    assert max(hits.values()) < 600
