"""The clause of encrypted scoring, what its messages commit to, and their frozen bytes.

`formats_v1_score.json` was written by `frozen` below, from fixed keys.
"""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.contracts.contract import Quota, Terms
from unseen.evidence.contracts.plan import Output, Plan, ReadLabel, ReleaseSpec, RowsRule
from unseen.evidence.contracts.scoring import (
    MAX_RESPONSES,
    TEXTS,
    ModelShape,
    Offered,
    Scoring,
    check_scoring,
    scoring_in,
    scoring_of,
    scoring_rows,
)
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.errors import (
    CanonicalError,
    ContractInvalidError,
    ReleaseInvalidError,
    RequestInvalidError,
)
from unseen.evidence.releases.metered import bits_of
from unseen.evidence.releases.scored import SentBatches, SentScores
from unseen.protocols.train.spec import Feature

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_score.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
UNITS = 100
SHAPE = ModelShape(
    family="logistic",
    features=(
        Feature(name="balance", low=0, high=300_000, decimals=2),
        Feature(name="student", values=("no", "yes")),
    ),
)
BOUNDS = {
    "columns": 3,
    "grid": 19,
    "weight_bits": 20,
    "sum_bits": 26,
    "reach_bits": 45,
    "precision_bits": 14,
}
OFFERED = Offered(model=SHAPE, bounds=BOUNDS, precision="0.0001", most=16)
CLAUSE = OFFERED.only(UNITS)


def plan_of(world: Any, clause: Scoring = CLAUSE, **changes: Any) -> Plan:
    each = clause.bits_per_unit
    said: dict[str, Any] = {
        "kind": "score",
        "protocol": "ckks",
        "subject_columns": (),
        "columns_read": ("value",),
        "outputs": (
            Output(name="score", text=TEXTS["logistic"], expression_digest=world.hash("score")),
        ),
        "bits_per_unit": each,
        "label_bytes": 0,
        "release": ReleaseSpec(
            type="verdicts",
            bits_per_run=each * clause.most,
            bits_in_all=each * UNITS,
            shape=None,
        ),
    }
    return cast("Plan", world.plan(**said | changes))


def terms_of(world: Any, clause: Scoring = CLAUSE, **changes: Any) -> Terms:
    said: dict[str, Any] = {
        "kind": "score",
        "protocol": "ckks",
        "outputs": ("score",),
        "plan": plan_of(world, clause).digest(world.suite),
        "quota": Quota(units=UNITS, per_minute=UNITS),
        "parameters": {"score": clause.to_json()},
    }
    return cast("Terms", world.terms(**said | changes))


def sent(world: Any) -> SentBatches:
    whole = bytes(range(32))
    return SentBatches(suite=world.suite.id, responses=3, context=whole[::-1], digest=whole)


def back(world: Any) -> SentScores:
    return SentScores(suite=world.suite.id, responses=3, digest=bytes(range(32)))


def frozen(world: Any) -> dict[str, str]:
    return {
        "offered": OFFERED.encode().decode(),
        "clause": canonical.encode(CLAUSE.to_json()).decode(),
        "terms": terms_of(world).encode().decode(),
        "plan": plan_of(world).encode().decode(),
        "batches": sent(world).encode().decode(),
        "scores": back(world).encode().decode(),
    }


def test_every_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_frozen_documents_are_read_and_written_the_same(world: Any) -> None:
    vector = VECTORS[world.suite.id]
    assert Offered.decode(vector["offered"].encode()) == OFFERED
    found = Scoring.from_json(canonical.decode(vector["clause"].encode()))
    assert found == CLAUSE
    assert scoring_in({"score": found.to_json()}) == CLAUSE
    assert SentBatches.decode(vector["batches"].encode()) == sent(world)
    assert SentScores.decode(vector["scores"].encode()) == back(world)


def test_terms_and_plan_that_follow_from_the_clause_agree(world: Any) -> None:
    check_agreed(terms_of(world), plan_of(world))
    assert bits_of(plan_of(world), 2) == 2 * CLAUSE.bits_per_unit
    rows = dict(scoring_rows(terms_of(world).parameters))
    assert rows["rows a unit"] == f"{CLAUSE.ring.degree:,} at most"
    assert not dict(scoring_rows({}))
    assert scoring_of({}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {}},
        {"outputs": ("other",)},
        {"protocol": "clear"},
        {"quota": Quota(units=UNITS + 1, per_minute=UNITS)},
        {"kind": "lookup"},
        {"parameters": {"score": []}},
        {"parameters": {"score": CLAUSE.to_json(), "menu": {}}},
    ],
)
def test_terms_that_do_not_follow_from_the_clause_are_refused(
    world: Any, changes: dict[str, Any]
) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        check_agreed(terms_of(world, **changes), plan_of(world))
    assert caught.value.clause


def test_a_plan_that_does_not_follow_from_the_clause_is_refused(world: Any) -> None:
    whole = plan_of(world)
    spec, output = whole.release, whole.outputs[0]
    assert spec is not None
    for changes in (
        {"protocol": "clear"},
        {"release": None},
        {"release": replace(spec, bits_per_run=spec.bits_per_run + 1)},
        {"bits_per_unit": CLAUSE.bits_per_unit + 1},
        {"outputs": (replace(output, text="something else"),)},
    ):
        with pytest.raises(ContractInvalidError):
            check_scoring(terms_of(world), replace(whole, **changes))


@pytest.mark.parametrize("level", ["3", "4", "important", "core", "secret"])
def test_nothing_above_level_two_is_scored_with(world: Any, level: str) -> None:
    for known in ("1", "2", level):
        label = ReadLabel(column="value", category="public", level=known)
        plan = plan_of(world, rows=RowsRule(consent=False, labels=(label,)))
        if known != level:
            check_scoring(terms_of(world), plan)
            continue
        with pytest.raises(ContractInvalidError) as caught:
            check_scoring(terms_of(world), plan)
        assert caught.value.clause == "plan.rows.labels"


@given(units=st.integers(1, 10**6))
def test_a_clause_hides_as_much_for_any_number_of_units(units: int) -> None:
    clause = OFFERED.only(units)
    assert clause.most == min(OFFERED.most, units)
    assert clause.ring.hiding_bits >= 40
    assert clause.ring.demand.responses == units
    assert Scoring.from_json(clause.to_json()) == clause


@pytest.mark.parametrize(
    "changes",
    [
        {"most": 0},
        {"most": MAX_RESPONSES + 1},
        {"most": True},
        {"precision": "0"},
        {"precision": "1.5"},
        {"precision": "1e-4"},
        {"bounds": BOUNDS | {"columns": 4}},
        {"bounds": BOUNDS | {"precision_bits": 41}},
        {"bounds": BOUNDS | {"sum_bits": 96, "reach_bits": 160, "precision_bits": 40}},
    ],
)
def test_an_offer_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        replace(OFFERED, **changes)
    assert caught.value.clause.startswith("score.")


@pytest.mark.parametrize(
    "changes",
    [
        {"family": "boosting"},
        {"family": ["logistic"]},
        {"features": ()},
        {"features": SHAPE.features[:1] * 2},
        {"layers": ()},
        {"layers": ((2, 1),)},
        {"layers": ((2, 1), (1, 1))},
        {"layers": ((2, 4), (1, 1))},
        {"layers": ((0, 2), (1, 1))},
    ],
)
def test_a_shape_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        replace(SHAPE, **changes)
    assert caught.value.clause.startswith("score.")


def test_a_ring_that_is_easier_or_hides_less_is_refused() -> None:
    body: Any = CLAUSE.to_json()
    ring, demand = body["ring"], body["demand"]
    wrong: list[dict[str, Any]] = [
        {"ring": ring | {"flood_bits": ring["flood_bits"] - 1}},
        {"ring": ring | {"degree": 1024}},
        {"ring": ring | {"primes": ring["primes"][:-1]}},
        {"ring": ring | {"primes": [*ring["primes"][:-1], "24"]}},
        {"ring": ring | {"primes": [int(prime) for prime in ring["primes"]]}},
        {"ring": ring | {"primes": ["0" + prime for prime in ring["primes"]]}},
        {"ring": ring | {"primes": ["\u0663" * 5, *ring["primes"]]}},
        {"ring": ring | {"primes": ring["primes"] * 20}},
        {"ring": ring | {"shift": -1}},
        {"ring": ring | {"shift": 1.5}},
        {"ring": ring | {"more": 1}},
        {"demand": demand | {"responses": 10**7}},
        {"demand": demand | {"columns": 4}},
        {"demand": {name: value for name, value in demand.items() if name != "grid"}},
        {"demand": demand | {"grid": True}},
        {"features": [*body["features"], {"name": "x"}]},
        {"features": [body["features"][0] | {"low": 1, "high": 1}, body["features"][1]]},
        {"features": "balance"},
        {"layers": [{"units": 1}]},
        {"layers": [{"units": True, "degree": 1}]},
        {"most": UNITS + 1},
        {"precision": 0.1},
        {"precision": "0"},
        {"more": 1},
    ]
    for changes in wrong:
        with pytest.raises(ContractInvalidError):
            scoring_of({"score": body | changes})


@pytest.mark.parametrize("kind", [SentBatches, SentScores])
def test_what_is_committed_to_is_read_strictly(world: Any, kind: Any) -> None:
    whole = (sent if kind is SentBatches else back)(world)
    error = RequestInvalidError if kind is SentBatches else ReleaseInvalidError
    body: Any = canonical.decode(whole.encode())
    wrong: list[dict[str, Any]] = [
        {"responses": 0},
        {"responses": MAX_RESPONSES + 1},
        {"responses": "3"},
        {"digest": "AA"},
        {"digest": 7},
        {"type": "scores"},
        {"v": 2},
        {"more": 1},
    ]
    if kind is SentBatches:
        wrong += [{"context": "AA"}, {"context": None}]
    for changes in wrong:
        with pytest.raises(error):
            kind.decode(canonical.encode(body | changes))
    with pytest.raises((CanonicalError, ReleaseInvalidError)):
        kind.decode(whole.encode() + b" ")
    with pytest.raises(Exception, match="suite"):
        kind.decode(canonical.encode(body | {"suite": "other"}))


def test_bounds_are_those_of_a_demand() -> None:
    assert {*BOUNDS, "responses"} == {one.name for one in fields(CLAUSE.ring.demand)}
