"""Decisions on held releases, the leaves that name them, and their frozen bytes."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.conftest import NOW

from unseen.evidence import canonical, jws
from unseen.evidence.bills.settlement import settle
from unseen.evidence.contracts.cells import Boolean, Choice, Number
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import Plan, ReleaseSpec
from unseen.evidence.contracts.typed import (
    Histogram,
    Model,
    Scalar,
    Shape,
    Table,
    Vector,
    Verdicts,
    decode,
    shape_from_json,
    unpack,
)
from unseen.evidence.errors import (
    ContractInvalidError,
    LeafInvalidError,
    ReceiptInvalidError,
    ReviewInvalidError,
    SettlementError,
    SignatureInvalidError,
)
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.releases.request import MAX_HELD_AGE, MAX_REQUEST_AGE
from unseen.evidence.releases.review import TYP, Review, reviewer_role, sign_review, verify_review
from unseen.evidence.suite import signer_id
from unseen.evidence.verify import verify_receipt

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_gate.json"
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
SECOND = timedelta(seconds=1)


def terms(world: Any) -> Terms:
    found: Terms = world.terms(
        approver=signer_id(world.stranger), approvals=("operator", "approver", "buyer")
    )
    return found


def make(world: Any, **changes: Any) -> Review:
    fields: dict[str, Any] = {
        "suite": world.suite.id,
        "contract": terms(world).id(),
        "request": f"{1:032x}",
        "release": world.hash("release"),
        "bits": 24,
        "rules": ("facts.stated", "cells.alone"),
        "decision": "pass",
        "role": "operator",
        "time": NOW,
    }
    return Review(**fields | changes)


COUNT = Number(use="count", low=0, high=1000, optional=True)
MEASURE = Number(use="measure", low=-500, high=500, decimals=2)
SECTOR = Choice(of=("农业", "industry"))
EXAMPLES: tuple[tuple[str, Shape, Any], ...] = (
    ("verdicts", Verdicts(count=3), ["yes", "no", "no_usable_result"]),
    ("scalar", Scalar(cell=Boolean(optional=True)), None),
    ("vector", Vector(cell=MEASURE, length=2), [-500, 12]),
    ("histogram", Histogram(cell=COUNT, bins=("0-17", "18+")), [None, 995]),
    (
        "table",
        Table(columns=(("sector", SECTOR), ("firms", COUNT), ("mean", MEASURE)), max_rows=3),
        [["农业", 20, 0], ["industry", None, 7]],
    ),
    (
        "model",
        Model(
            family="logistic",
            format="json",
            cell=Number(use="parameter", low=-(10**9), high=10**9, decimals=6),
            parameters=3,
        ),
        [-1, 0, 999_999_999],
    ),
)


def typed() -> dict[str, Any]:
    return {
        name: {
            "shape": canonical.encode(shape.to_json()).decode(),
            "bits": shape.bits,
            "value": canonical.encode(value).decode(),
            "packed": hex(decode(shape, canonical.encode(value)).pack()),
        }
        for name, shape, value in EXAMPLES
    }


def frozen(world: Any) -> dict[str, str]:
    held = world.leaf(since=41, review=world.hash("review"))
    refused = make(world, decision="refuse", role="approver", rules=())
    shape = EXAMPLES[4][1]
    spec = ReleaseSpec(type="aggregate", bits_per_run=100, bits_in_all=1_000, shape=shape)
    return {
        "review_pass": sign_review(world.operator, make(world), terms(world)),
        "review_refuse": sign_review(world.stranger, refused, terms(world)),
        "held_release_leaf": canonical.encode(held.to_json()).decode(),
        "plan_of_a_shape": world.plan(release=spec).encode().decode(),
    }


def test_every_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_every_typed_release_is_what_it_was() -> None:
    assert typed() == VECTORS["typed"]
    for vector in VECTORS["typed"].values():
        shape = shape_from_json(canonical.decode(vector["shape"].encode()))
        assert shape.bits == vector["bits"]
        assert unpack(shape, int(vector["packed"], 16)).encode().decode() == vector["value"]


@pytest.mark.parametrize(("name", "signer"), [("pass", "operator"), ("refuse", "stranger")])
def test_a_frozen_decision_verifies(world: Any, name: str, signer: str) -> None:
    token = VECTORS[world.suite.id][f"review_{name}"]
    found = verify_review(token, terms(world), getattr(world, signer).public_key)
    assert found.decision == name


def test_only_operator_and_second_approver_decide(world: Any) -> None:
    agreed = terms(world)
    roles = {
        name: reviewer_role(agreed, signer_id(getattr(world, name)))
        for name in ("operator", "stranger", "buyer", "node", "client", "log")
    }
    assert roles == {
        "operator": "operator",
        "stranger": "approver",
        "buyer": None,
        "node": None,
        "client": None,
        "log": None,
    }
    assert reviewer_role(world.terms(), "") is None


@pytest.mark.parametrize("signer", ["buyer", "node", "client", "log"])
@pytest.mark.parametrize("role", ["operator", "approver"])
def test_a_decision_by_somebody_else_is_refused(world: Any, signer: str, role: str) -> None:
    wrong, review = getattr(world, signer), make(world, role=role)
    with pytest.raises(ReviewInvalidError) as caught:
        sign_review(wrong, review, terms(world))
    assert caught.value.clause == "role"
    forged = jws.sign(wrong, TYP, review.to_json())
    with pytest.raises(ReviewInvalidError):
        verify_review(forged, terms(world), wrong.public_key)
    with pytest.raises(SignatureInvalidError):
        verify_review(forged, terms(world), world.operator.public_key)


def test_nobody_decides_in_the_other_s_role(world: Any) -> None:
    for signer, role in ((world.operator, "approver"), (world.stranger, "operator")):
        forged = jws.sign(signer, TYP, make(world, role=role).to_json())
        with pytest.raises(ReviewInvalidError) as caught:
            verify_review(forged, terms(world), signer.public_key)
        assert caught.value.clause == "role"


def test_a_decision_counts_for_its_own_contract(world: Any) -> None:
    token = jws.sign(world.operator, TYP, make(world).to_json())
    with pytest.raises(ReviewInvalidError) as caught:
        verify_review(token, world.terms(), world.operator.public_key)
    assert caught.value.clause == "contract"


def test_a_release_that_was_held_may_come_later_and_never_earlier(world: Any) -> None:
    asked = world.request().issued_at
    held = world.leaf(since=1, time=asked + MAX_HELD_AGE)
    assert held.timely
    for leaf in (
        replace(held, since=0),
        replace(held, time=held.time + SECOND),
        replace(held, time=asked - MAX_REQUEST_AGE - SECOND),
    ):
        assert not leaf.timely
        with pytest.raises(ReceiptInvalidError) as caught:
            verify_receipt(world.receipt(leaf), world.trust)
        assert caught.value.what == "window"


def test_a_held_release_is_in_the_bill(world: Any) -> None:
    agreed = world.terms()
    late = agreed.period.until - SECOND
    leaf = world.leaf(since=1, review=world.hash("review"), time=late)
    assert settle(agreed, [leaf]) == settle(agreed, [leaf.to_json()])
    with pytest.raises(SettlementError):
        settle(agreed, [replace(leaf, since=0)])


@pytest.mark.parametrize("field", ["since", "review"])
@pytest.mark.parametrize("empty", [0, "", None])
def test_what_says_nothing_is_not_written(world: Any, field: str, empty: Any) -> None:
    body = world.leaf().to_json()
    assert field not in body
    with pytest.raises(LeafInvalidError):
        ReleaseLeaf.from_json(body | {field: empty})


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"type": "verdicts"}, "release.shape"),
        ({"type": "model"}, "release.shape"),
        ({"shape": None, "type": "model"}, "release.shape"),
        ({"shape": "table"}, "release.shape"),
        ({"bits_per_run": 64}, "release.bits_per_run"),
    ],
)
def test_a_plan_declares_the_type_it_releases(changes: dict[str, Any], clause: str) -> None:
    shape = EXAMPLES[4][1]
    assert shape.bits == 2 + 3 * (1 + 10 + 10) == 65
    fields: dict[str, Any] = {"type": "aggregate", "bits_per_run": 65, "bits_in_all": 650}
    assert ReleaseSpec(**fields, shape=shape).shape == shape
    with pytest.raises(ContractInvalidError) as caught:
        ReleaseSpec(**{**fields, "shape": shape} | changes)
    assert caught.value.clause == clause


def test_a_plan_with_a_malformed_shape_is_refused(world: Any) -> None:
    body = json.loads(VECTORS[world.suite.id]["plan_of_a_shape"])
    for shape in (None, {}, {"type": "files"}, {"type": "verdicts", "count": 0}):
        body["release"]["shape"] = shape
        with pytest.raises(ContractInvalidError) as caught:
            Plan.from_json(body)
        assert caught.value.clause.startswith("release.")


def test_an_earlier_plan_keeps_its_bytes(world: Any) -> None:
    spec = ReleaseSpec(type="verdicts", bits_per_run=4, bits_in_all=400)
    assert "shape" not in spec.to_json()
    assert Plan.from_json(world.plan(release=spec).to_json()).release == spec
