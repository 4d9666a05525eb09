"""Responses to an order: who gives them, and what their sizes tell."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import NOW, World

from unseen.evidence import jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.plan import Output
from unseen.evidence.errors import (
    InstanceInvalidError,
    ResponseInvalidError,
    SignatureInvalidError,
)
from unseen.evidence.oversight.response import (
    ITEM_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    TYP,
    UNIT_BYTES,
    Parts,
    Response,
    item_bytes,
    items_per_part,
    max_parts,
    pad,
    part_bytes,
    seal_info,
    sign_response,
    unpad,
    verify_response,
)
from unseen.evidence.releases.instance import certify
from unseen.evidence.suite import INTL
from unseen.protocols.lookup.lwe_pir.parameters import Shape

ORDER = bytes(range(32))
IDS = tuple(f"{number:032x}" for number in range(4))


class Case:
    def __init__(self, world: Any) -> None:
        self.world, self.terms = world, world.terms()

    def response(self, **changes: Any) -> Response:
        fields: dict[str, Any] = {
            "suite": self.world.suite.id,
            "order": ORDER,
            "certification": self.world.instance,
            "issued_at": NOW,
            "opened": (Parts(IDS[0], (bytes(32),)), Parts(IDS[1], (bytes(32), b"\1" * 32))),
            "unknown": (IDS[2],),
            "lost": (IDS[3],),
        }
        return Response(**fields | changes)

    def verify(self, response: Response, signer: Any = None, order: bytes = ORDER) -> Any:
        token = sign_response(signer or self.world.client, response)
        return verify_response(token, order, self.terms, self.world.buyer.public_key)


@pytest.fixture
def case(world: Any) -> Case:
    return Case(world)


def test_a_response_survives_the_wire(case: Case) -> None:
    found = case.verify(case.response())
    assert found.response == case.response()
    assert found.response.requests == IDS
    assert found.instance.name == "desk 7"


def test_a_response_to_another_order_is_refused(case: Case) -> None:
    with pytest.raises(ResponseInvalidError) as caught:
        case.verify(case.response(), order=bytes(32))
    assert caught.value.clause == "order"


def test_a_response_of_another_suite_is_refused(case: Case) -> None:
    other = {"intl": "dummy", "dummy": "intl"}[case.world.suite.id]
    with pytest.raises(ResponseInvalidError):
        case.verify(case.response(suite=other))


def test_only_an_instance_of_the_buyer_responds(case: Case) -> None:
    world = case.world
    with pytest.raises(SignatureInvalidError):
        case.verify(case.response(), signer=world.stranger)
    foreign = certify(world.stranger, "desk", world.client.public_key, world.ends)
    with pytest.raises((SignatureInvalidError, InstanceInvalidError)):
        case.verify(case.response(certification=foreign))
    with pytest.raises(ResponseInvalidError) as caught:
        verify_response(
            sign_response(world.client, case.response(certification=foreign)),
            ORDER,
            case.terms,
            world.stranger.public_key,
        )
    assert caught.value.clause == "certification"


def test_a_certification_that_had_ended_does_not_count(case: Case) -> None:
    with pytest.raises(InstanceInvalidError):
        case.verify(case.response(issued_at=case.world.ends + timedelta(days=1)))


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("order", "AA", "order"),
        ("certification", 7, "certification"),
        ("issued_at", "", "issued_at"),
        ("opened", [{"request": "x", "parts": []}], "opened.request"),
        ("opened", [{"request": IDS[0], "parts": []}], "opened.parts"),
        ("opened", [{"request": IDS[0], "parts": ["AA"]}], "opened.parts"),
        ("opened", [{"request": IDS[0]}], "opened.parts"),
        ("unknown", ["x"], "unknown"),
        ("unknown", [IDS[0]], "requests"),
        ("unknown", [7], "unknown"),
        ("lost", ["x"], "lost"),
        ("lost", [IDS[2]], "requests"),
    ],
)
def test_malformed_responses_are_refused_by_field(
    case: Case, field: str, value: Any, what: str
) -> None:
    token = jws.sign(case.world.client, TYP, case.response().to_json() | {field: value})
    with pytest.raises(ResponseInvalidError) as caught:
        verify_response(token, ORDER, case.terms, case.world.buyer.public_key)
    assert caught.value.clause == what


def test_a_ciphertext_is_bound_to_its_place() -> None:
    places = {
        seal_info(order, request, number, of)
        for order in (ORDER, bytes(32))
        for request in IDS[:2]
        for number, of in ((0, 1), (0, 2), (1, 2))
    }
    assert len(places) == 12


@given(size=st.integers(1, 4096))
def test_the_parts_of_a_batch_hold_all_of_it_and_stay_small(size: int) -> None:
    each = items_per_part(size)
    assert each >= 100
    assert max_parts(size) * each >= size
    assert part_bytes(size, min(each, size)) <= MAX_PART_BYTES + UNIT_BYTES < 1 << 20


@given(size=st.integers(1, 4096), label_bytes=st.sampled_from([1, 8, 16, 32]))
def test_so_do_the_parts_of_a_table_that_stays_with_its_owner(size: int, label_bytes: int) -> None:
    outputs = tuple(
        Output(name=f"o{number}", text="o", expression_digest=bytes(32))
        for number in range({1: 1, 8: 5, 16: 33, 32: 65}[label_bytes])
    )
    plan = World(INTL).plan(
        protocol="lwe_pir",
        outputs=outputs,
        label_bytes=label_bytes,
        bits_per_unit=2 * len(outputs),
    )
    subject = item_bytes(plan)
    row = Shape(1, 1024, label_bytes).hint_row_bytes
    assert subject > ITEM_BYTES + len(b64encode(bytes(row)))
    each = items_per_part(size, subject)
    assert each >= 2
    assert size <= max_parts(size, subject) * each
    assert max_parts(size, subject) <= MAX_PARTS
    most = part_bytes(size, min(each, size), subject)
    assert most <= MAX_PART_BYTES + UNIT_BYTES < 1 << 20
    assert len(pad(bytes(3 * row), size, 1, subject)) >= part_bytes(size, 1, subject)


@given(size=st.integers(1, 2048), protocol=st.sampled_from(["oprf_table", "lwe_pir"]))
def test_so_do_the_parts_of_a_match_whose_subjects_have_two_points(
    size: int, protocol: str
) -> None:
    world = World(INTL)
    plan = world.plan(protocol=protocol, outputs=(MATCHED,), match=("name",))
    subject, points = item_bytes(plan), plan.evaluations
    alone = item_bytes(world.plan(protocol=protocol, outputs=(MATCHED,)))
    assert alone < subject <= 2 * alone
    each = items_per_part(size, subject, points)
    assert each >= 2
    assert size <= max_parts(size, subject, points) * each
    assert max_parts(size, subject, points) <= MAX_PARTS
    most = part_bytes(size, min(each, size), subject, points)
    assert most <= MAX_PART_BYTES + UNIT_BYTES < 1 << 20
    elements = 4 * size * len(b64encode(bytes(32)))  # blinded and evaluated ones
    assert part_bytes(size, 1, subject, points) >= elements + subject


MATCHED = Output(name="match", text="m", expression_digest=bytes(32))


def test_a_table_that_is_sent_takes_what_it_took() -> None:
    assert item_bytes(World(INTL).plan()) == ITEM_BYTES


@given(bundle=st.binary(max_size=4000), size=st.integers(1, 50), items=st.integers(1, 3))
def test_padding_hides_the_length_and_comes_off(bundle: bytes, size: int, items: int) -> None:
    padded = pad(bundle, size, items)
    assert len(padded) == part_bytes(size, items)
    assert unpad(padded) == bundle


def test_what_is_too_long_takes_whole_units() -> None:
    assert len(pad(bytes(200_000), 1, 1)) == 4 * UNIT_BYTES


@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"\0\0\0\1", b"\0\0\0\0x", b"\xff" * 8])
def test_what_is_not_padded_is_refused(data: bytes) -> None:
    with pytest.raises(ResponseInvalidError):
        unpad(data)
