"""A task is what its bytes say, and nothing but one spelling of it is taken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.train.tasks import FEATURES, LABELS, task

from unseen.evidence import canonical
from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.secagg import Member, Round
from unseen.protocols.train import Feature, Privacy, Spec, coding

FAMILIES = tuple(LABELS)

json_values = st.recursive(
    st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
)


@given(json_values)
def test_canonical_bytes_are_those_of_the_evidence(value: Any) -> None:
    assert coding.encode(value) == canonical.encode(value)
    assert coding.decode(coding.encode(value)) == value


@pytest.mark.parametrize("family", FAMILIES)
def test_a_task_survives_its_bytes(family: str) -> None:
    spec = task(family)
    assert Spec.decode(spec.encode()) == spec
    assert Spec.decode(spec.encode()).digest == spec.digest != task(family, rho="2").digest


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[1]", b'{"a":1.0}', b'{"a": 1}', b"NaN", b"[" * 100_000, b"\xff", b"null"],
)
def test_bytes_that_are_no_task_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        Spec.decode(data)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_field_is_asked_for_and_typed(family: str) -> None:
    whole = task(family).to_json()
    for name in whole:
        less = {key: value for key, value in whole.items() if key != name}
        for bent in (less, whole | {name: 7}, whole | {name: ["x"]}, whole | {"more": 1}):
            with pytest.raises((MalformedMessageError, InputInvalidError)):
                Spec.decode(coding.encode(bent))
    for part in ("privacy", "steps", "label"):
        for name, value in whole[part].items():
            wrong = "x" if isinstance(value, int) else 7
            with pytest.raises(MalformedMessageError):
                Spec.decode(coding.encode(whole | {part: whole[part] | {name: wrong}}))


@pytest.mark.parametrize(
    ("family", "changes", "clause"),
    [
        ("logistic", {"rounds": 0}, "spec.rounds"),
        ("logistic", {"rounds": True}, "spec.rounds"),
        ("logistic", {"norm": "0"}, "spec.norm"),
        ("logistic", {"clip": "1e3"}, "spec.clip"),
        ("logistic", {"clip": "1.50"}, "spec.clip"),
        ("logistic", {"clip": "-1"}, "spec.clip"),
        ("logistic", {"ridge": "0.0000000001"}, "spec.ridge"),
        ("logistic", {"curvature": "1"}, "spec.curvature"),
        ("logistic", {"rho": "0"}, "spec.rho"),
        ("logistic", {"rho": "NaN"}, "spec.rho"),
        ("logistic", {"parties": 2}, "spec.parties"),
        ("logistic", {"honest": 4}, "spec.honest"),
        ("logistic", {"honest": 1}, "spec.honest"),
        ("logistic", {"parties": 10, "honest": 8}, "spec.honest"),
        ("logistic", {"ring": 48}, "spec.ring"),
        ("logistic", {"bits": 3}, "spec.bits"),
        ("logistic", {"label": Feature(name="ill", high=2)}, "spec.label"),
        ("logistic", {"label": Feature(name="age")}, "spec.features"),
        ("poisson", {"label": Feature(name="visits", low=-1)}, "spec.label"),
        ("poisson", {"label": Feature(name="visits", high=10**5)}, "spec.label"),
        ("linear", {"label": Feature(name="stay", values=("a",))}, "spec.label"),
        ("boosting", {"objective": "hinge"}, "spec.objective"),
        ("boosting", {"columns": 6}, "spec.columns"),
        ("boosting", {"depth": 9}, "spec.depth"),
        ("boosting", {"leaf": 0}, "spec.leaf"),
    ],
)
def test_what_is_out_of_range_is_named(family: str, changes: dict[str, Any], clause: str) -> None:
    with pytest.raises(InputInvalidError) as caught:
        task(family, **changes)
    assert caught.value.clause == clause


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a", "low": 2, "high": 1},
        {"name": "a", "low": 1, "high": 1},
        {"name": "a", "decimals": 10},
        {"name": "a", "low": 0.5},
        {"name": "a", "high": 10**13},
        {"name": "a", "values": ("x", "x")},
        {"name": "a", "values": ("",)},
    ],
)
def test_columns_that_are_none(fields: dict[str, Any]) -> None:
    with pytest.raises(InputInvalidError):
        Feature(**fields)


@pytest.mark.parametrize("parties", range(3, 101))
def test_no_more_noise_is_counted_on_than_a_round_ends_with(parties: int) -> None:
    members = tuple(Member(f"p{i}", i.to_bytes(32)) for i in range(parties))
    ids: dict[str, Any] = {"plan_hash": bytes(32), "round_id": bytes(32), "context": bytes(32)}
    least = Round(**ids, members=members, dimension=1, bound=1).least
    assert Privacy(rho="1", parties=parties, honest=least).honest == least
    with pytest.raises(InputInvalidError):
        Privacy(rho="1", parties=parties, honest=least + 1)


def test_steps_belong_to_their_family() -> None:
    with pytest.raises(InputInvalidError):
        Spec(
            family="boosting",
            features=FEATURES,
            label=LABELS["logistic"],
            steps=task().steps,
            privacy=Privacy(rho="1", parties=3, honest=3),
        )
    assert json.loads(task("boosting").encode())["steps"]["objective"] == "logistic"
