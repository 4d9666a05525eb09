"""The clause of encrypted training, what its messages commit to, and their frozen bytes.

`formats_v1_encrypted.json` was written by `frozen` below, from fixed keys.
"""

import json
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.contracts import intersection
from unseen.evidence.contracts.contract import Quota, Terms
from unseen.evidence.contracts.encrypted import Encrypted, domain_of, encrypted_in, encrypted_of
from unseen.evidence.contracts.plan import Output, Plan, ReleaseSpec
from unseen.evidence.contracts.privacy import tables_of
from unseen.evidence.contracts.statistics import Dimension, Filter, Measure, Menu
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.errors import (
    CanonicalError,
    ContractInvalidError,
    ReleaseInvalidError,
    RequestInvalidError,
)
from unseen.evidence.releases.encrypted import SentGradient, SentWeights
from unseen.evidence.releases.metered import bits_of
from unseen.protocols.he.parameters import HIDING_BITS
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.protocols.train.spec import Feature

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_encrypted.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
AGE = Feature(name="age", low=0, high=100)
SEX = Feature(name="sex", values=("f", "m"))
SICK = Feature(name="sick")
SECRET = Encrypted(
    family="logistic",
    features=(AGE, SEX),
    label=SICK,
    norm="1.5",
    reach="8",
    iterations=20,
    rho="0.005",
    least_rows=200,
    most_rows=100_000,
)
VERTICAL = replace(
    SECRET,
    family="linear",
    label=Feature(name="cost", low=0, high=500_000, decimals=2),
    vertical=True,
    own=(Feature(name="visits", low=0, high=20),),
    own_norm="1",
    reach="1",
)
RING = cast("dict[str, Any]", SECRET.to_json()["ring"])


@pytest.mark.parametrize("clause", [SECRET, VERTICAL])
def test_a_clause_is_read_as_it_was_written(clause: Encrypted) -> None:
    assert Encrypted.decode(clause.encode()) == clause
    assert encrypted_in({"encrypted": clause.to_json()}) == clause
    assert clause.chain().task == clause.task()
    assert clause.chain().rho <= clause.task().rho == Fraction(clause.rho)


def test_a_task_has_an_intercept_and_an_indicator_for_each_value() -> None:
    assert (SECRET.columns, SECRET.own_columns, SECRET.samples) == (4, 0, 4)
    assert (VERTICAL.columns, VERTICAL.own_columns, VERTICAL.samples) == (4, 1, 5)
    assert SECRET.names == ("age", "sex", "sick")
    assert VERTICAL.names == ("age", "sex")
    assert SECRET.bits_per_unit == 4 * 60
    assert not encrypted_of({})
    with pytest.raises(ContractInvalidError, match="missing"):
        encrypted_in({})


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("family", {"family": "poisson"}),
        ("vertical", {"vertical": 1}),
        ("norm", {"norm": "1.50"}),
        ("norm", {"norm": 1.5}),
        ("rho", {"rho": "1e-3"}),
        ("task", {"rho": "0"}),
        ("iterations", {"iterations": True}),
        ("task", {"iterations": 1001}),
        ("task", {"least_rows": 99}),
        ("task", {"least_rows": 100_001}),
        ("task", {"reach": "8.1"}),
        ("task", {"own_norm": "1"}),
        ("features", {"features": ()}),
        ("features", {"features": [AGE]}),
        ("features", {"features": (AGE, AGE)}),
        ("features", {"features": (AGE, SICK)}),
        ("own", {"own": (Feature(name="visits"),), "own_norm": "1"}),
        ("label", {"label": Feature(name="sick", high=2)}),
        ("label", {"label": Feature(name="sick", values=("no", "yes"))}),
        ("label", {"label": "sick"}),
        ("ring", {"norm": "999999999", "most_rows": 1 << 24}),
    ],
)
def test_a_clause_out_of_range_is_refused(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        replace(SECRET, **changes)
    assert caught.value.clause == f"encrypted.{field}"


@pytest.mark.parametrize(
    "changes",
    [
        {"ring": None},
        {"ring": RING | {"sigma2": "1"}},
        {"ring": RING | {"degree": 8192}},
        {"ring": RING | {"more": 1}},
        {"rho": "0.006"},
        {"features": {}},
        {"features": [{"name": "age"}]},
        {"label": []},
        {"extra": 1},
    ],
)
def test_json_that_no_clause_writes_is_refused(changes: dict[str, Any]) -> None:
    body = SECRET.to_json() | changes
    with pytest.raises(ContractInvalidError) as caught:
        Encrypted.from_json(body)
    assert caught.value.clause.startswith("encrypted")


@given(name=st.sampled_from([*SECRET.to_json()]))
def test_nothing_of_a_clause_may_be_left_out(name: str) -> None:
    body = {key: value for key, value in SECRET.to_json().items() if key != name}
    with pytest.raises(ContractInvalidError, match="is missing"):
        Encrypted.from_json(body)


@given(
    rho=st.integers(1, 10**5),
    iterations=st.integers(1, 1000),
    vertical=st.booleans(),
    logistic=st.booleans(),
)
def test_whatever_is_agreed_hides_what_it_should(
    rho: int, iterations: int, *, vertical: bool, logistic: bool
) -> None:
    base = VERTICAL if vertical else SECRET
    text = f"{rho / 10**5:.5f}".rstrip("0").rstrip(".")
    family = "logistic" if logistic else "linear"
    try:
        found = replace(base, family=family, label=SICK, reach="1", rho=text, iterations=iterations)
    except ContractInvalidError as error:
        assert error.clause == "encrypted.ring"  # noqa: PT017 - such noise fits no ring
        return
    assert found.chain().hiding_bits >= HIDING_BITS
    assert found.chain().rho <= Fraction(text)


def sent(world: Any, **changes: Any) -> SentWeights:
    whole = bytes(range(32))
    said: dict[str, Any] = {"context": whole[::-1], "digest": whole}
    return SentWeights(suite=world.suite.id, **said | changes)


def back(world: Any, **changes: Any) -> SentGradient:
    said: dict[str, Any] = {"samples": 4, "digest": bytes(range(32))}
    return SentGradient(suite=world.suite.id, **said | changes)


def test_messages_are_read_as_they_were_written(world: Any) -> None:
    for one in (sent(world), sent(world, rows=bytes(32))):
        assert SentWeights.decode(one.encode()) == one
    assert SentGradient.decode(back(world).encode()) == back(world)


@pytest.mark.parametrize(
    "changes",
    [{"context": b""}, {"rows": b"x"}, {"rows": None}, {"digest": bytes(31)}, {"digest": "x"}],
)
def test_weights_out_of_range_are_refused(world: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalidError):
        sent(world, **changes)


@pytest.mark.parametrize("changes", [{"samples": 0}, {"samples": 513}, {"samples": True}])
def test_gradients_out_of_range_are_refused(world: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ReleaseInvalidError):
        back(world, **changes)


def test_messages_that_were_edited_are_refused(world: Any) -> None:
    for whole in (sent(world), back(world)):
        body = cast("dict[str, Any]", canonical.decode(whole.encode()))
        for name in (*body, "more"):
            edited = {key: value for key, value in body.items() if key != name}
            if name == "more":
                edited["more"] = 1
            with pytest.raises((RequestInvalidError, ReleaseInvalidError)):
                type(whole).decode(canonical.encode(edited))
    with pytest.raises(CanonicalError):
        SentWeights.decode(b"{}\n")
    with pytest.raises(ReleaseInvalidError):
        SentGradient.decode(b"{}\n")
    assert {field.name for field in fields(SentWeights)} >= {"context", "rows", "digest"}


def test_subjects_of_a_training_are_encoded_for_its_contract_alone() -> None:
    columns = (SubjectColumn("id", "integer"),)
    domains = [
        domain_of(bytes(32)),
        domain_of(bytes(31) + b"\x01"),
        intersection.domain_of(bytes(32)),
    ]
    found = {encode_subject(columns, (7,), domain) for domain in domains}
    assert len(found) == len(domains)


def menu_of(clause: Encrypted) -> Menu:
    filters = () if clause.vertical else (Filter(name="sick", text="is sick"),)
    return Menu(
        dimensions=(Dimension(name="sex", text="sex", values=("f", "m")),),
        measures=(Measure(name="age", text="age", unit="year", decimals=0, low=0, high=100),),
        filters=filters,
    )


def plan_of(world: Any, clause: Encrypted) -> Plan:
    each = clause.bits_per_unit
    texts = menu_of(clause).texts
    said: dict[str, Any] = {
        "kind": "train",
        "protocol": "ckks",
        "columns_read": ("value",),
        "outputs": tuple(
            Output(name=name, text=text, expression_digest=world.hash(name))
            for name, text in texts.items()
        ),
        "bits_per_unit": each,
        "label_bytes": 0,
        "release": ReleaseSpec(
            type="aggregate", bits_per_run=each, bits_in_all=each * clause.iterations, shape=None
        ),
    }
    return cast("Plan", world.plan(**said))


def terms_of(world: Any, clause: Encrypted) -> Terms:
    units = clause.iterations
    menu = menu_of(clause)
    said: dict[str, Any] = {
        "kind": "train",
        "protocol": "ckks",
        "outputs": menu.names,
        "plan": plan_of(world, clause).digest(world.suite),
        "quota": Quota(units=units, per_minute=units),
        "budget": "10",
        "parameters": {"menu": menu.to_json(), "encrypted": clause.to_json()},
    }
    return cast("Terms", world.terms(**said))


def frozen(world: Any) -> dict[str, str]:
    return {
        "clause": SECRET.encode().decode(),
        "vertical": VERTICAL.encode().decode(),
        "terms": terms_of(world, SECRET).encode().decode(),
        "plan": plan_of(world, SECRET).encode().decode(),
        "weights": sent(world, rows=bytes(range(32, 64))).encode().decode(),
        "secret_weights": sent(world).encode().decode(),
        "gradient": back(world).encode().decode(),
    }


def test_every_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_frozen_documents_are_read_and_written_the_same(world: Any) -> None:
    vector = VECTORS[world.suite.id]
    assert Encrypted.decode(vector["clause"].encode()) == SECRET
    assert Encrypted.decode(vector["vertical"].encode()) == VERTICAL
    for name in ("weights", "secret_weights"):
        assert SentWeights.decode(vector[name].encode()).encode().decode() == vector[name]
    assert SentGradient.decode(vector["gradient"].encode()) == back(world)


@pytest.mark.parametrize("clause", [SECRET, VERTICAL])
def test_terms_and_plan_that_follow_from_the_clause_agree(world: Any, clause: Encrypted) -> None:
    terms, plan = terms_of(world, clause), plan_of(world, clause)
    check_agreed(terms, plan)
    assert bits_of(plan, 1) == clause.bits_per_unit
    assert not plan.by_question
    assert tables_of(terms) == (terms.table,)
    with pytest.raises(ContractInvalidError, match="outputs"):
        check_agreed(replace(terms, outputs=("age",)), plan)
