"""A step's vector as a worker makes it from rows, held against the same rows read by hand."""

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.node.counted import World, offered, place, whole

from unseen.evidence import canonical
from unseen.evidence.contracts.joint import Joint, Place, most_bound
from unseen.evidence.contracts.statistics.definition import Condition, Definition
from unseen.evidence.contracts.training import clause
from unseen.evidence.contracts.training.file import parse_training
from unseen.node.consent.admission import subject_name
from unseen.node.consent.tree import sealer_of
from unseen.node.data import training
from unseen.node.data.names import PERMITTED
from unseen.node.data.trained import Reading, decode_reading, encode_reading
from unseen.node.errors import JointRefusedError, PredicateFailsError, TableChangedError
from unseen.node.jobs import frames
from unseen.node.jobs.tasks import TASKS
from unseen.node.joint.contribution import Asked
from unseen.node.joint.training import TRAIN, counting_of, label_of
from unseen.node.statistics.asked import Room
from unseen.protocols.train import Coordinator, Spec, local_step
from unseen.protocols.train.schedule import residual_length
from unseen.protocols.train.sides import held_out

FILE = """
family = "logistic"
features = ["ward", "cost", "days"]
label = "stayed"

[steps]
rounds = 2
norm = 2
clip = 0.5

[privacy]
epsilon = 4
rows_per_person = 3
"""
KEEP = canonical.encode({"key": "k", "most": 0})
LINEAR = FILE.replace('"logistic"', '"linear"').replace('["ward", "cost", "days"]', '["ward"]')
LINEAR = LINEAR.replace('"stayed"', '"cost"')


def visits(count: int = 400) -> list[dict[str, Any]]:
    """Return rows of which some lack a value, stand outside, or are about nobody."""
    return [
        {
            "visit": at,
            "patient": None if at % 50 == 49 else at // 3,
            "ward": None if at % 31 == 30 else ("east", "west", "café", "other")[at % 4],
            "age": float(at % 90),
            "urgent": at % 4 > 0,
            "cost": float("nan") if at % 37 == 36 else at * 1.75 - 100,
            "days": None if at % 41 == 40 else at % 9 - 2,
        }
        for at in range(count)
    ]


def made(folder: Path, rows: list[dict[str, Any]] | None = None) -> World:
    world = World(folder, visits() if rows is None else rows, [])
    world.write()
    (folder / "spool").mkdir()
    return world


def reading_of(
    world: World, definition: Definition, text: str = FILE
) -> tuple[Reading, Spec, Definition]:
    spec = parse_training(text.encode(), definition.menu, 3, 3)
    room = Room(world.folder / "spool", 256, permitted=False)
    counting = counting_of(spec, definition, world.tables()[""], room)
    label = label_of(spec, definition)
    return Reading(counting=counting, spec=spec, party="a", label=label), spec, definition


def side(spec: Spec, row: dict[str, Any], names: tuple[str, ...]) -> bool:
    """Return whether a row's person is held out."""
    text = "".join(f"{len(str(row[name]))}:{row[name]}" for name in names)
    digest = hashlib.sha256(f"{spec.digest}:{text}".encode()).hexdigest()
    held = int(digest[:8], 16) < 0x33333333
    assert held_out(spec, [str(row[name]) for name in names]) == held
    return held


def by_hand(
    world: World, definition: Definition, spec: Spec, names: tuple[str, ...], *, held: bool
) -> list[tuple[Any, ...]]:
    """Return what is read of each row that serves: the features, then the label."""
    menu, found = definition.menu, []
    for row in world.visits:
        taken: list[Any] = []
        for feature in spec.features:
            measure, dimension = menu.measure(feature.name), menu.dimension(feature.name)
            if dimension is not None:
                taken.append(place(row[feature.name], dimension))
            elif measure is not None:
                value = whole(row[feature.name], measure)
                taken.append(None if value is None else value / 10**measure.decimals)
        if (measure := menu.measure(spec.label.name)) is not None:
            value = whole(row[measure.name], measure)
            taken.append(None if value is None else value / 10**measure.decimals)
        else:
            taken.append(None if row["days"] is None else float(row["days"] > 0))
        people = [row[name] for name in names]
        if None not in taken and None not in people and side(spec, row, names) == held:
            found.append(tuple(map(float, taken)))
    return sorted(found)


def read(asked: Reading, *, held: bool) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for features, labels in training.rows(asked, b"", held=held):
        found += [(*map(float, one), float(label)) for one, label in zip(features, labels)]  # noqa: B905
    return sorted(found)


@pytest.mark.parametrize("text", [FILE, LINEAR], ids=["yes or no", "a number"])
@pytest.mark.parametrize("held", [False, True])
def test_rows_are_read_as_the_menu_says_each_person_on_one_side(
    tmp_path: Path, text: str, held: bool
) -> None:
    world = made(tmp_path)
    asked, spec, definition = reading_of(world, offered(3, by_visit=False), text)
    wanted = by_hand(world, definition, spec, ("patient",), held=held)
    assert len(wanted) > 20
    assert read(asked, held=held) == wanted


def test_where_the_subject_is_the_person_a_row_is_one(tmp_path: Path) -> None:
    world = made(tmp_path)
    asked, spec, definition = reading_of(world, offered(1, by_visit=True))
    for held in (False, True):
        wanted = by_hand(world, definition, spec, ("visit",), held=held)
        assert read(asked, held=held) == wanted
    share = len(read(asked, held=True)) / len(read(asked, held=False))
    assert 0.15 < share < 0.4  # a fifth is held out


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_rows_of_a_person_are_kept_than_the_menu_says(tmp_path: Path, most: int) -> None:
    world = made(tmp_path)
    asked, spec, definition = reading_of(world, offered(most, by_visit=False))
    everything = by_hand(world, definition, spec, ("patient",), held=False)
    kept = read(asked, held=False)
    assert len(kept) < len(everything)
    assert all(row in everything for row in kept)
    (tmp_path / "one").mkdir()
    one = made(tmp_path / "one", [{**row, "patient": 7} for row in visits(60)])
    asked, *_ = reading_of(one, offered(most, by_visit=False))
    assert sorted(map(len, (read(asked, held=False), read(asked, held=True)))) == [0, most]


def test_one_person_less_takes_away_that_person_s_rows_alone(tmp_path: Path) -> None:
    world = made(tmp_path)
    asked, *_ = reading_of(world, offered(2, by_visit=False))
    before = read(asked, held=False)
    (tmp_path / "without").mkdir()
    other = made(tmp_path / "without", [r for r in world.visits if r["patient"] != 12])
    asked, *_ = reading_of(other, offered(2, by_visit=False))
    after = read(asked, held=False)
    assert 0 <= len(before) - len(after) <= 2
    assert all(row in before for row in after)


def test_the_vector_of_a_step_is_that_of_the_rows_read(tmp_path: Path) -> None:
    world = made(tmp_path)
    asked, spec, definition = reading_of(world, offered(3, by_visit=False))
    coordinator = Coordinator(spec)
    parts = [KEEP, canonical.encode(encode_reading(asked))]
    assert decode_reading(json.loads(parts[1])) == asked
    while step := coordinator.step:
        payload = coordinator.payload()
        found, size = TASKS["train_step"]([*parts, payload], lambda _done: None)
        assert size == b"0"
        rows = by_hand(world, definition, spec, ("patient",), held=step.kind == "evaluation")
        features, labels = np.array([r[:-1] for r in rows]), np.array([r[-1] for r in rows])
        wanted = local_step(spec, payload, "a", features, labels)
        assert np.array_equal(np.frombuffer(found, "<i8"), wanted)
        coordinator.absorb(3 * wanted, 3)
    assert coordinator.metrics is not None


def test_a_table_of_nobody_makes_a_vector_of_zeros(tmp_path: Path) -> None:
    asked, spec, _ = reading_of(made(tmp_path, []), offered(3, by_visit=False))
    found = training.vector(asked, Coordinator(spec).payload(), b"")
    assert not np.frombuffer(found, "<i8").any()


def test_a_changed_file_is_found_out(tmp_path: Path) -> None:
    world = made(tmp_path)
    asked, spec, _ = reading_of(world, offered(3, by_visit=False))
    world.visits.pop()
    world.write()
    with pytest.raises(TableChangedError):
        training.vector(asked, Coordinator(spec).payload(), b"")


def test_a_label_that_fails_on_a_row_is_named(tmp_path: Path) -> None:
    definition = offered(3, by_visit=False)
    failing = dataclasses.replace(definition.conditions[0], expression="error('no') = 1")
    broken = dataclasses.replace(definition, conditions=(failing, *definition.conditions[1:]))
    asked, spec, _ = reading_of(made(tmp_path), broken)
    with pytest.raises(PredicateFailsError, match="stayed"):
        training.vector(asked, Coordinator(spec).payload(), b"")


def test_a_column_called_like_the_label_is_not_taken_for_it(tmp_path: Path) -> None:
    definition = offered(3, by_visit=False)
    named = Condition(name="stayed", expression='"days" > 0 -- label', columns=("days",))
    other = dataclasses.replace(definition, conditions=(named, *definition.conditions[1:]))
    world = made(tmp_path)
    asked, spec, _ = reading_of(world, other)
    assert read(asked, held=False) == by_hand(world, other, spec, ("patient",), held=False)


def asked_of(spec: Spec, definition: Definition, payload: bytes, **changes: Any) -> Asked:
    places = tuple(Place(name=name, key=name.encode() * 32) for name in "abc")
    task, bound = clause.task_of(spec), most_bound(3, 64)
    fields: dict[str, Any] = {"nodes": places, "honest": 3, "ring": 64, "bound": bound}
    joint = Joint(**fields | {"task": task} | changes)
    menu = definition.menu.only(clause.names_of(spec)).to_json()
    terms = SimpleNamespace(parameters={"menu": menu, "train": spec.to_json()})
    return Asked(cast("Any", SimpleNamespace(terms=terms)), joint, payload)


def test_what_a_step_costs_and_how_large_it_is_follows_from_the_contract(tmp_path: Path) -> None:
    definition = offered(3, by_visit=False)
    _, spec, _ = reading_of(made(tmp_path), definition)
    coordinator, cost = Coordinator(spec), Fraction(0)
    while step := coordinator.step:
        found = TRAIN.outline(asked_of(spec, definition, coordinator.payload()))
        assert (found.dimension, found.rho) == (step.dimension, clause.charge_of(step))
        cost += found.rho
        coordinator.absorb(np.zeros(step.dimension, np.int64), 3)
    assert cost * 10**12 == clause.total_of(spec)


def test_another_training_than_the_clause_s_is_refused(tmp_path: Path) -> None:
    definition = offered(3, by_visit=False)
    _, spec, _ = reading_of(made(tmp_path), definition)
    payload = Coordinator(spec).payload()
    with pytest.raises(JointRefusedError) as caught:
        TRAIN.outline(asked_of(spec, definition, payload, task=bytes(32)))
    assert caught.value.clause == "parameters.joint.task"


def _payload(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def changed(payload: bytes) -> bytes:
        body = json.loads(payload)
        change(body)
        return canonical.encode(body)

    return changed


HOSTILE: list[Callable[[bytes], bytes]] = [
    lambda _: b"",
    lambda _: b"\xff" * 64,
    lambda _: b"{}",
    lambda payload: payload + b" ",
    lambda payload: payload + b" " * 10_000,
    _payload(lambda body: body.update(step=99)),
    _payload(lambda body: body.update(step=-1)),
    _payload(lambda body: body.update(step="0")),
    _payload(lambda body: body.update(spec="0" * 64)),
    _payload(lambda body: body.update(state={"weights": [1, 2]})),
    _payload(lambda body: body.update(state=[])),
    _payload(lambda body: body.update(more=1)),
]


@pytest.mark.parametrize("change", HOSTILE, ids=range(len(HOSTILE)))
def test_a_payload_that_is_no_step_is_refused_before_any_row_is_read(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    definition = offered(3, by_visit=False)
    _, spec, _ = reading_of(made(tmp_path), definition)
    coordinator = Coordinator(spec)
    first = coordinator.step
    assert first is not None
    coordinator.absorb(np.zeros(first.dimension, np.int64), 3)
    good = coordinator.payload()
    TRAIN.outline(asked_of(spec, definition, good))
    with pytest.raises(JointRefusedError) as caught:
        TRAIN.outline(asked_of(spec, definition, change(good)))
    assert caught.value.clause == "joint.payload"
    assert caught.value.remedy


def test_more_rows_than_a_party_may_have_are_refused_by_their_number_alone(tmp_path: Path) -> None:
    definition = offered(3, by_visit=False)
    world = made(tmp_path)
    _, spec, _ = reading_of(world, definition, FILE + "most_rows = 399\n")
    product = SimpleNamespace(definition=definition, table="visits")
    catalogue = SimpleNamespace(
        product=lambda _name: product, table=lambda _name: world.tables()[""]
    )
    asked = asked_of(spec, definition, Coordinator(spec).payload())
    asked.contract.terms.product = "p"  # type: ignore[misc]  # a namespace
    node = cast("Any", SimpleNamespace(catalogue=catalogue))
    with pytest.raises(JointRefusedError) as caught:
        asyncio.run(cast("Any", TRAIN.contribute(node, asked, cast("Any", None))))
    assert caught.value.clause == "parameters.train.privacy.most_rows"


def test_only_rows_of_who_consents_are_read(tmp_path: Path) -> None:
    world = made(tmp_path)
    asked, spec, definition = reading_of(world, offered(1, by_visit=True))
    secret, chosen = b"s" * 32, set(range(0, 400, 3))
    sealer = sealer_of(secret)
    with (asked.counting.spool / PERMITTED).open("wb") as file:
        for at in chosen:
            sealed = sealer.seal(subject_name(f"consent{at}"), canonical.encode([str(at)]))
            file.write(frames.framed(frames.pack([f"consent{at}".encode(), sealed])))
    subject = world.tables()[""].subject
    asking = dataclasses.replace(asked.counting, permitted=subject)
    parts = [KEEP, canonical.encode(encode_reading(dataclasses.replace(asked, counting=asking)))]
    found, _ = TASKS["train_step"]([*parts, Coordinator(spec).payload(), secret], lambda _: None)
    permitted = dataclasses.replace(
        world, visits=[row for row in world.visits if row["visit"] in chosen]
    )
    rows = by_hand(permitted, definition, spec, ("visit",), held=False)
    assert 50 < len(rows) < len(chosen)
    features, labels = np.array([r[:-1] for r in rows]), np.array([r[-1] for r in rows])
    wanted = local_step(spec, Coordinator(spec).payload(), "a", features, labels)
    assert np.array_equal(np.frombuffer(found, "<i8"), wanted)


@pytest.mark.parametrize("gone", [0, 3, 12, 40, 77, 130])
def test_one_person_moves_a_step_by_no_more_than_its_noise_covers(
    tmp_path: Path, gone: int
) -> None:
    world = made(tmp_path)
    (tmp_path / "without").mkdir()
    other = made(tmp_path / "without", [r for r in world.visits if r["patient"] != gone])
    spec = reading_of(world, offered(2, by_visit=False))[1]
    coordinator, rows = Coordinator(spec), spec.privacy.rows_per_person
    longest = {"curvature": 1 << 2 * spec.privacy.bits, "gradient": residual_length(spec)}
    while step := coordinator.step:
        payload = coordinator.payload()
        vectors = []
        for each in (world, other):
            asked = reading_of(each, offered(2, by_visit=False))[0]
            vectors.append(np.frombuffer(training.vector(asked, payload, b""), "<i8"))
        moved = (vectors[0] - vectors[1]).astype(float)
        assert np.sqrt((moved**2).sum()) <= rows * longest.get(step.kind, 1) + 1e-6
        coordinator.absorb(3 * vectors[0], 3)
