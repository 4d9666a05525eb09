"""Trainings under encryption as people write them: what a file says over a menu, or why none."""

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.test_jointly import MENU
from tests.evidence.test_training import FILE as JOINT

from unseen.evidence.contracts.encrypted import Encrypted
from unseen.evidence.contracts.privacy import UNITS, limit_of
from unseen.evidence.contracts.training.encrypted_agreed import check_menu, encrypted_rows
from unseen.evidence.contracts.training.encrypted_file import is_encrypted_file, parse_encrypted
from unseen.evidence.errors import ContractInvalidError
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.train.spec import Feature

SECRET = """
protocol = "ckks"
family = "logistic"
features = ["ward", "age", "stay"]
label = "acute"

[steps]
iterations = 12
norm = 1.5

[privacy]
epsilon = 4
most_rows = 100000
"""
BOTH = """
protocol = "ckks"
family = "linear"
features = ["ward", "stay"]

[label]
name = "cost"
low = "0"
high = "50000.00"

[steps]
iterations = 5
norm = 2
own_norm = 1.25
reach = 2

[privacy]
rho = 0.0125
least_rows = 250
most_rows = 20000
"""
OWN = """
[[own]]
name = "visits"
low = 0
high = 20

[[own]]
name = "plan"
values = ["a", "b"]
"""
VERTICAL = BOTH + OWN


def parsed(text: str) -> Encrypted:
    return parse_encrypted(text.encode(), MENU)


def test_clamps_and_values_come_from_the_menu() -> None:
    found = parsed(SECRET)
    assert found.features == (
        Feature(name="ward", values=("a", "b", "c")),
        Feature(name="age", values=("[0,40)", "[40,120)")),
        Feature(name="stay", low=0, high=60),
    )
    assert (found.label, found.vertical, found.own) == (Feature(name="acute"), False, ())
    assert (found.norm, found.reach, found.least_rows) == ("1.5", "8", 100)
    assert found.names == ("ward", "age", "stay", "acute")
    check_menu(found, MENU)
    rows = dict(encrypted_rows({"encrypted": found.to_json()}))
    assert rows["trains"] == "logistic, under encryption, labels of the node's"
    assert "buyers that follow the protocol" in rows["security"]
    assert not dict(encrypted_rows({}))


def test_label_and_columns_of_the_buyer_s_make_it_vertical() -> None:
    found = parsed(VERTICAL)
    assert found.vertical
    assert found.label == Feature(name="cost", low=0, high=5_000_000, decimals=2)
    assert found.own == (
        Feature(name="visits", low=0, high=20),
        Feature(name="plan", values=("a", "b")),
    )
    assert (found.own_norm, found.reach, found.rho) == ("1.25", "2", "0.0125")
    assert (found.columns, found.own_columns, found.names) == (5, 3, ("ward", "stay"))
    rows = dict(encrypted_rows({"encrypted": found.to_json()}))
    assert rows["columns of the buyer's"] == ("visits", "plan")
    alone = VERTICAL.replace('low = "0"\nhigh = "50000.00"\n', "").replace("linear", "logistic")
    assert parsed(alone).label == Feature(name="cost")
    none = parsed(BOTH.replace("own_norm = 1.25\n", ""))
    assert (none.vertical, none.own, none.own_norm) == (True, (), "0")


@settings(max_examples=25)
@given(tenths=st.integers(min_value=1, max_value=80), iterations=st.integers(1, 100))
def test_all_iterations_together_stay_within_the_epsilon_of_the_file(
    tenths: int, iterations: int
) -> None:
    epsilon = f"{tenths / 10:g}"
    text = SECRET.replace("epsilon = 4", f"epsilon = {epsilon}")
    found = parsed(text.replace("iterations = 12", f"iterations = {iterations}"))
    assert found.within(epsilon, MENU.delta)
    spent = found.charge * UNITS * iterations
    assert limit_of(epsilon, MENU.delta) - spent < 1000 * iterations
    assert found.charge == Fraction(found.rho)


BROKEN = [
    (SECRET, '"ckks"', '"bfv"', "protocol"),
    (SECRET, 'protocol = "ckks"', "", "training.protocol"),
    (SECRET, 'family = "logistic"', 'family = "poisson"', "family"),
    (SECRET, '"age", "stay"', '"age", "height"', "features.height"),
    (SECRET, '"age", "stay"', '"age", "acute"', "features.acute"),
    (SECRET, '"age", "stay"', '"age", 3', "names"),
    (SECRET, 'label = "acute"', 'label = "ward"', "label"),
    (SECRET, 'label = "acute"', 'label = "stay"', "encrypted.features"),
    (SECRET, 'label = "acute"', "label = 3", "names"),
    (SECRET, 'label = "acute"', 'label = "acute"\nown = []', "own"),
    (SECRET, "iterations = 12", "iterations = 0", "steps.iterations"),
    (SECRET, "iterations = 12", "iterations = 1001", "encrypted.task"),
    (SECRET, "iterations = 12", "iterations = 1.5", "steps.iterations"),
    (SECRET, "iterations = 12", "", "steps"),
    (SECRET, "iterations = 12", "iterations = 12\nrate = 3", "steps"),
    (SECRET, "norm = 1.5", "norm = -1.5", "encrypted.norm"),
    (SECRET, "norm = 1.5", "norm = inf", "encrypted.norm"),
    (SECRET, "norm = 1.5", "norm = 1.5\nreach = 9", "encrypted.task"),
    (SECRET, "norm = 1.5", "norm = 1.5\nown_norm = 1", "encrypted.task"),
    (SECRET, "epsilon = 4", "", "privacy"),
    (SECRET, "epsilon = 4", "epsilon = 4\nrho = 1", "privacy"),
    (SECRET, "epsilon = 4", "epsilon = 0.000001", "privacy.epsilon"),
    (SECRET, "epsilon = 4", "epsilon = 1000", "budget"),
    (SECRET, "epsilon = 4", "rho = 1e-400", "encrypted.rho"),
    (SECRET, "epsilon = 4", "epsilon = 4\nleast_rows = 99", "encrypted.task"),
    (SECRET, "most_rows = 100000", "", "privacy"),
    (SECRET, "most_rows = 100000", 'most_rows = "many"', "encrypted.most_rows"),
    (SECRET, "most_rows = 100000", "most_rows = 99999999999", "encrypted.task"),
    (VERTICAL, "high = 20", "high = 0", "own.1"),
    (VERTICAL, "high = 20", "high = true", "own.1"),
    (VERTICAL, "high = 20", "high = nan", "own.1"),
    (BOTH + "own = [3]", "[privacy]", "[privacy]", "privacy"),
    ("own = [3]" + BOTH, "own_norm", "own_norm", "own.1"),
    (VERTICAL, 'name = "visits"', 'name = "stay"', "encrypted.features"),
    (VERTICAL, 'name = "plan"', 'name = "plan"\nlow = 1', "own.2"),
    (VERTICAL, "own_norm = 1.25", "", "encrypted.task"),
    (VERTICAL, 'high = "50000.00"', "", "label"),
    (VERTICAL, "linear", "logistic", "encrypted.label"),
]


@pytest.mark.parametrize(("text", "old", "new", "at"), BROKEN)
def test_a_file_that_is_no_training_is_refused_by_name(
    text: str, old: str, new: str, at: str
) -> None:
    assert old in text
    with pytest.raises(ContractInvalidError) as caught:
        parsed(text.replace(old, new, 1))
    assert caught.value.clause.startswith(at)


@given(st.binary(max_size=200))
def test_no_bytes_make_another_error(data: bytes) -> None:
    with pytest.raises(ContractInvalidError):
        parse_encrypted(data, MENU)


def test_which_training_a_file_says_is_its_protocol() -> None:
    assert is_encrypted_file(SECRET.encode())
    assert not is_encrypted_file(JOINT.encode())
    for text in (SECRET.replace("ckks", "secagg"), "protocol = 3", "no file"):
        with pytest.raises(ContractInvalidError):
            is_encrypted_file(text.encode())


def test_another_menu_makes_another_training_or_none() -> None:
    found = parsed(SECRET)
    for other in (
        dataclasses.replace(MENU, rows_per_person=2),
        dataclasses.replace(MENU, filters=()),
        dataclasses.replace(MENU, dimensions=MENU.dimensions[:1], partition=None),
        dataclasses.replace(
            MENU, measures=(dataclasses.replace(MENU.measures[0], high=61, edges=()),)
        ),
    ):
        with pytest.raises(ContractInvalidError) as caught:
            check_menu(found, other)
        assert caught.value.clause.startswith("parameters.")


def test_whoever_lacks_the_library_is_told_and_reads_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = parsed(SECRET).to_json()
    for module in ("homomorphic", "training.encrypted_agreed"):
        monkeypatch.setattr(f"unseen.evidence.contracts.{module}.find_spec", lambda _: None)
    (row,) = encrypted_rows({"encrypted": written})
    assert "unseen[he]" in str(row[1])
    assert not dict(encrypted_rows({}))
    with pytest.raises(InputInvalidError, match="library"):
        Encrypted.from_json(written)
    with pytest.raises(InputInvalidError, match="library") as caught:
        parsed(SECRET)
    assert "unseen[he]" in caught.value.remedy
