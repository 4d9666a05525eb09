"""What a buyer's code writes, as it is declared: how many bytes leave, and what they can say."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.contracts.cells import Choice, Number
from unseen.evidence.contracts.modelled import Network, Trees
from unseen.evidence.contracts.outputs import (
    MAX_OUTPUTS,
    TypedOutput,
    bits_of_outputs,
    received,
    sent,
    type_of_outputs,
)
from unseen.evidence.contracts.plan import Plan, ReleaseSpec
from unseen.evidence.contracts.typed import Regression, Scalar, Table, Verdicts, decode
from unseen.evidence.errors import ContractInvalidError, ReleaseInvalidError
from unseen.evidence.releases.metered import bits_of

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_outputs.json"
MEASURE = Number(use="measure", low=-(10**9), high=10**9, decimals=6, digits=4)
WEIGHT = replace(MEASURE, use="parameter")
COUNT = Number(use="count", low=0, high=10_000, digits=4)
EFFECTS = TypedOutput(
    name="effects",
    format="json",
    shape=Regression(
        terms=("intercept", "吸烟"), estimate=MEASURE, error=MEASURE, rows=COUNT, fit=MEASURE
    ),
)
BY_SEX = TypedOutput(
    name="by_sex",
    format="csv",
    shape=Table(
        columns=(
            ("sex", Choice(of=("f", "m"))),
            ("people", replace(COUNT, optional=True)),
            ("mean", MEASURE),
        ),
        max_rows=2,
    ),
)
RISK = TypedOutput(
    name="risk",
    format="onnx",
    shape=Network(features=("age",), layers=(1,), activation="none", link="logistic", cell=WEIGHT),
)
TREE = TypedOutput(
    name="tree",
    format="onnx",
    shape=Trees(
        features=("age",),
        trees=1,
        depth=1,
        outputs=1,
        link="identity",
        threshold=WEIGHT,
        leaf=WEIGHT,
    ),
)
VALUES: dict[TypedOutput, Any] = {
    EFFECTS: [[3_142_000, 500], [-12_340_000, 1_000], [1_629, 123_400]],
    BY_SEX: [["f", 805, 61_200_000], ["m", None, 71_100_000]],
    RISK: [-20_000, 1_500_000],
    TREE: [[0], ["age", 45_500_000], [-1_250], [870_000]],
}
OUTPUTS = tuple(VALUES)


def a_plan(world: Any, **changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "type": "model",
        "bits_per_run": 1_000,
        "bits_in_all": 5_000,
        "outputs": OUTPUTS,
    }
    found: Plan = world.plan(
        kind="run", protocol="sandbox", release=ReleaseSpec(**fields | changes)
    )
    return found


def frozen(world: Any) -> dict[str, str]:
    return {"plan_of_outputs": a_plan(world).encode().decode()}


def typed() -> dict[str, Any]:
    return {
        output.name: {
            "declared": canonical.encode(output.to_json()).decode(),
            "bits": output.shape.bits,
            "value": canonical.encode(found).decode(),
            "sent": sent(decode(output.shape, canonical.encode(found))).hex(),
        }
        for output, found in VALUES.items()
    }


def test_every_byte_is_what_it_was(world: Any) -> None:
    assert frozen(world) == json.loads(FILE.read_text(encoding="utf-8"))[world.suite.id]


def test_every_output_is_what_it_was() -> None:
    vectors = json.loads(FILE.read_text(encoding="utf-8"))["typed"]
    assert typed() == vectors
    for vector in vectors.values():
        output = TypedOutput.from_json(canonical.decode(vector["declared"].encode()))
        assert output.shape.bits == vector["bits"]
        value = received(output, bytes.fromhex(vector["sent"]))
        assert value.encode().decode() == vector["value"]


@given(data=st.data())
@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.name)
def test_as_many_bytes_leave_whatever_they_say(output: TypedOutput, data: st.DataObject) -> None:
    found = data.draw(st.binary(min_size=output.sent_bytes, max_size=output.sent_bytes))
    try:
        value = received(output, found)
    except ReleaseInvalidError:
        return
    assert sent(value) == found


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.name)
def test_nothing_beside_the_bits_is_received(output: TypedOutput) -> None:
    good = sent(decode(output.shape, canonical.encode(VALUES[output])))
    assert len(good) == output.sent_bytes == (output.shape.bits + 7) // 8
    spare = 8 * output.sent_bytes - output.shape.bits
    wrong = [b"", good[:-1], good + b"\0", b"\0" + good]
    if spare:
        wrong.append(bytes([good[0] | 1 << 7]) + good[1:])
    for found in wrong:
        with pytest.raises(ReleaseInvalidError):
            received(output, found)


def test_bits_and_type_are_those_of_all_outputs(world: Any) -> None:
    plan = a_plan(world)
    whole = sum(output.shape.bits for output in OUTPUTS)
    assert bits_of(plan, 1) == bits_of(plan, 7) == bits_of_outputs(OUTPUTS) == whole
    assert type_of_outputs(OUTPUTS) == "model"
    assert type_of_outputs(OUTPUTS[:2]) == "aggregate"
    assert not plan.by_question


def test_a_plan_of_outputs_comes_back(world: Any) -> None:
    plan = a_plan(world)
    again = Plan.from_json(json.loads(plan.encode()))
    assert again == plan
    assert again.release is not None
    assert [output.file for output in again.release.outputs] == [
        "effects.json",
        "by_sex.csv",
        "risk.onnx",
        "tree.onnx",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "aggregate"},
        {"type": "verdicts"},
        {"type": "aggregate", "outputs": OUTPUTS[::2]},
        {"type": "model", "outputs": OUTPUTS[:2]},
        {"bits_per_run": 100},
        {"shape": EFFECTS.shape},
        {"outputs": (EFFECTS, EFFECTS)},
        {"outputs": [EFFECTS]},
        {"outputs": tuple(replace(RISK, name=f"n{n}") for n in range(MAX_OUTPUTS + 1))},
        {
            "type": "aggregate",
            "outputs": (replace(EFFECTS, shape=Scalar(cell=replace(MEASURE, low=0, high=0))),),
        },
    ],
)
def test_a_plan_declares_outputs_that_fit(world: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        a_plan(world, **changes)
    assert caught.value.clause.startswith("release.")


def test_only_a_kind_that_runs_code_has_outputs(world: Any) -> None:
    spec = a_plan(world).release
    for kind in ("verify", "statistics", "train"):
        with pytest.raises(ContractInvalidError):
            world.plan(kind=kind, release=spec)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Effects"},
        {"name": "1st"},
        {"name": "a-b"},
        {"name": "a.b"},
        {"name": ""},
        {"name": "é"},
        {"name": "a" * 49},
        {"format": "pickle"},
        {"format": "onnx"},
        {"shape": Verdicts(count=1)},
        {"shape": None},
    ],
)
def test_an_output_is_of_a_known_name_format_and_shape(fields: dict[str, Any]) -> None:
    with pytest.raises(ReleaseInvalidError):
        replace(EFFECTS, **fields)


def test_a_stranger_s_declaration_is_read_exactly_or_refused(world: Any) -> None:
    body = json.loads(a_plan(world).encode())
    wrongs: tuple[Any, ...] = (None, [], {}, [{}], [None], "x", [EFFECTS.to_json() | {"more": 1}])
    for wrong in wrongs:
        body["release"]["outputs"] = wrong
        with pytest.raises(ContractInvalidError) as caught:
            Plan.from_json(body)
        assert caught.value.clause.startswith("release.")
