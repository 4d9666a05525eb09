"""The training clause: what a file says over a menu, what it costs, and what it is held against."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.test_jointly import MENU

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.joint import Joint, Place, most_bound
from unseen.evidence.contracts.privacy import UNITS, limit_of
from unseen.evidence.contracts.statistics import Filter
from unseen.evidence.contracts.training import clause
from unseen.evidence.contracts.training.file import parse_training
from unseen.evidence.errors import ContractInvalidError
from unseen.protocols.train import Coordinator, Feature, Spec

FILE = """
family = "logistic"
features = ["ward", "age", "stay"]
label = "acute"

[steps]
rounds = 10
norm = 2
clip = 0.5

[privacy]
epsilon = 4
most_rows = 100000
"""
TREES = """
family = "boosting"
features = ["ward", "stay"]
label = "acute"

[steps]
objective = "logistic"
trees = 3
depth = 2
bins = 16
columns = 3

[privacy]
rho = 0.1
evaluation = 0.01
"""


def spec_of(text: str = FILE, honest: int = 3) -> Spec:
    return parse_training(text.encode(), MENU, 3, honest)


def joint_of(spec: Spec, **changes: Any) -> Joint:
    names = ("a", "b", "c")
    fields: dict[str, Any] = {
        "nodes": tuple(Place(name=name, key=name.encode() * 32) for name in names),
        "honest": 3,
        "ring": 64,
        "bound": most_bound(3, 64),
        "task": clause.task_of(spec),
    }
    return Joint(**fields | changes)


def test_clamps_and_values_come_from_the_menu() -> None:
    spec = spec_of()
    assert spec.features == (
        Feature(name="ward", values=("a", "b", "c")),
        Feature(name="age", values=("[0,40)", "[40,120)")),
        Feature(name="stay", low=0, high=60),
    )
    assert spec.label == Feature(name="acute")
    assert (spec.privacy.parties, spec.privacy.honest) == (3, 3)
    clause.check_menu(spec, MENU)
    clause.check_joint(spec, joint_of(spec))
    assert clause.names_of(spec) == ("ward", "age", "stay", "acute")
    assert clause.parameters_of(spec) == 3 + 2 + 1 + 1
    assert clause.read_training(spec.to_json()) == spec
    assert clause.decode_training(spec.encode()) == spec
    assert clause.task_of(spec).hex() == spec.digest


@given(st.integers(min_value=5, max_value=80))
@settings(max_examples=15, deadline=None)
def test_all_steps_together_stay_within_the_epsilon_that_the_file_says(tenths: int) -> None:
    epsilon = f"{tenths / 10:g}"
    spec = spec_of(FILE.replace("epsilon = 4", f"epsilon = {epsilon}"))
    assert clause.within(spec, epsilon, MENU.delta)
    charged = sum(clause.charge_of(step) for step in clause.steps_of(spec))
    assert charged * UNITS == clause.total_of(spec)
    assert clause.total_of(spec) > 0.9 * limit_of(epsilon, MENU.delta)


def test_a_step_is_charged_what_a_leaf_can_say_and_no_less_than_it_costs() -> None:
    for step in clause.steps_of(spec_of(TREES)):
        charged = clause.charge_of(step)
        assert charged * 10**9 == int(charged * 10**9)
        assert 0 <= charged * UNITS - step.cost < 1000


def test_trees_hold_as_many_numbers_as_are_counted() -> None:
    spec = spec_of(TREES)
    assert clause.parameters_of(spec) == 3 * (3 + 3 + 4)
    assert len(clause.steps_of(spec)) == 3 * 2 + 1
    assert clause.bits_of(spec) == 64 * max(s.dimension for s in clause.steps_of(spec))


BROKEN = [
    (FILE, 'family = "logistic"', 'family = "logistic"\nprotocol = "ckks"', "protocol"),
    (FILE, 'family = "logistic"', 'family = "forest"', "family"),
    (FILE, '"age", "stay"', '"age", "height"', "features.height"),
    (FILE, '"age", "stay"', '"age", "acute"', "features.acute"),
    (FILE, '"age", "stay"', '"age", 3', "names"),
    (FILE, 'label = "acute"', 'label = "ward"', "label"),
    (FILE, 'label = "acute"', 'label = "stay"', "features"),
    (FILE, "rounds = 10", "rounds = 0", "rounds"),
    (FILE, "rounds = 10", "", "steps"),
    (FILE, "rounds = 10", "rounds = 1.5", "rounds"),
    (FILE, "rounds = 10", "rounds = 10\nsteps = 3", "steps"),
    (FILE, "clip = 0.5", "clip = inf", "clip"),
    (FILE, "clip = 0.5", "clip = 1e-400", "clip"),
    (FILE, "epsilon = 4", "", "privacy"),
    (FILE, "epsilon = 4", "epsilon = 4\nrho = 1", "privacy"),
    (FILE, "epsilon = 4", "epsilon = 0.001", "privacy.epsilon"),
    (FILE, "epsilon = 4", "epsilon = 1000", "budget"),
    (FILE, "epsilon = 4", "epsilon = 4\nring = 16", "ring"),
    (FILE, "epsilon = 4", "epsilon = 4\nring = 32", "parameters.train.ring"),
    (FILE, "epsilon = 4", "epsilon = 4\nparties = 2", "privacy"),
    (TREES, "columns = 3", "columns = 30", "columns"),
    (TREES, 'objective = "logistic"', 'objective = "hinge"', "objective"),
]


@pytest.mark.parametrize(("text", "old", "new", "at"), BROKEN)
def test_a_file_that_is_no_training_is_refused_by_name(
    text: str, old: str, new: str, at: str
) -> None:
    assert old in text
    with pytest.raises(ContractInvalidError) as caught:
        spec_of(text.replace(old, new))
    assert at in (caught.value.clause or str(caught.value))


def test_more_honest_nodes_than_a_round_can_end_with_are_refused() -> None:
    with pytest.raises(ContractInvalidError, match="honest"):
        spec_of(honest=4)


@given(st.binary(max_size=200))
def test_no_bytes_make_another_error(data: bytes) -> None:
    with pytest.raises(ContractInvalidError):
        parse_training(data, MENU, 3, 3)


@pytest.mark.parametrize(
    "value", [None, [], {}, {"format": "unseen/train/spec/1"}, spec_of().to_json() | {"more": 1}]
)
def test_what_stands_there_and_is_no_training_is_refused(value: Json) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        clause.training_of({"train": value})
    assert caught.value.clause.startswith("parameters.train")
    assert clause.training_of({}) is None


@pytest.mark.parametrize("family", ["logistic", 3, None])
def test_a_field_of_another_type_is_refused(family: Json) -> None:
    value = spec_of().to_json() | {"family": family}
    if family == "logistic":
        assert clause.training_of({"train": value}) == spec_of()
        return
    with pytest.raises(ContractInvalidError):
        clause.training_of({"train": value})


def test_another_clamp_than_the_menu_s_is_refused() -> None:
    spec = spec_of()
    wide = dataclasses.replace(spec.features[2], high=61)
    other = dataclasses.replace(spec, features=(*spec.features[:2], wide))
    with pytest.raises(ContractInvalidError, match="another clamp"):
        clause.check_menu(other, MENU)
    swapped = dataclasses.replace(spec.features[0], values=("b", "a", "c"))
    other = dataclasses.replace(spec, features=(swapped, *spec.features[1:]))
    with pytest.raises(ContractInvalidError, match="another clamp"):
        clause.check_menu(other, MENU)


def test_a_menu_without_a_column_or_with_more_rows_a_person_is_refused() -> None:
    spec = spec_of()
    for menu in (
        MENU.only(["ward", "age", "acute"]),
        MENU.only(["ward", "age", "stay"]),
        dataclasses.replace(MENU, rows_per_person=2),
        dataclasses.replace(MENU, filters=(Filter(name="other", text="another"),)),
    ):
        with pytest.raises(ContractInvalidError):
            clause.check_menu(spec, menu)


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"task": bytes(32)}, "task"),
        ({"ring": 32, "bound": 1}, "ring"),
        ({"bound": 1 << 20}, "bound"),
        ({"lead": "a"}, "lead"),
        ({"sigma2": "1000"}, "sigma2"),
    ],
)
def test_a_joint_clause_that_counts_on_something_else_is_refused(
    changes: dict[str, Any], at: str
) -> None:
    spec = spec_of()
    with pytest.raises(ContractInvalidError) as caught:
        clause.check_joint(spec, joint_of(spec, **changes))
    assert caught.value.clause == f"parameters.joint.{at}"


@pytest.mark.parametrize("text", [FILE, TREES])
def test_no_payload_is_longer_than_is_said(text: str) -> None:
    spec = spec_of(text)
    coordinator, longest = Coordinator(spec), 0
    while step := coordinator.step:
        longest = max(longest, len(coordinator.payload()))
        chance = np.random.default_rng(step.number)
        total = chance.integers(-(1 << 40), 1 << 40, step.dimension)
        coordinator.absorb(total, 3)
    assert longest <= clause.most_payload(spec) < 20 * longest


def test_people_read_what_is_trained() -> None:
    found = dict(clause.trained_rows({"train": spec_of().to_json()}))
    assert not [*clause.trained_rows({})]
    assert found["trains"] == "logistic, 12 steps"
    assert found["label"] == "acute"
