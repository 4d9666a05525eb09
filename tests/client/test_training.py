"""The buyer's side of a training: steps in their order, going on after an end, what it believes."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.evidence.test_jointly import MENU
from tests.evidence.test_training import FILE, TREES, joint_of, spec_of

from unseen.client.errors import (
    AnswerInvalidError,
    Cause,
    HomeError,
    RefusedError,
    UnreachableError,
    WireError,
)
from unseen.client.joint import training
from unseen.client.joint.rounds import PHASES, JointSum
from unseen.client.joint.trained import files_of
from unseen.client.joint.training import (
    JointTraining,
    make_clause,
    make_training,
    offered,
    one_bar,
)
from unseen.client.local.home import Home
from unseen.evidence import canonical
from unseen.evidence.contracts.joint import Joint, Place
from unseen.evidence.contracts.training import clause
from unseen.evidence.errors import ContractInvalidError
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.train import Model, Spec, local_step, step_of
from unseen.protocols.train.card import Card

NAMES = ("a", "b", "c")


class Fakes:
    """Three nodes with rows of their own, whose sums have no noise; `fail` ends a step."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.asked: list[int] = []
        self.fail: Callable[[int], None] = lambda _number: None
        self.rho: Callable[[Any], str] = clause.charged_text
        chance = np.random.default_rng(7)
        self.rows = {}
        for name in NAMES:
            ward, age = chance.integers(0, 3, 900), chance.integers(0, 2, 900)
            stay = chance.integers(0, 61, 900)
            likely = 1 / (1 + np.exp(-(stay - 30) / 8))
            label = (chance.random(900) < likely).astype(float)
            columns = {"ward": ward, "age": age, "stay": stay}
            features = [columns[feature.name] for feature in spec.features]
            self.rows[name] = (np.stack(features, axis=1).astype(float), label)

    def sum(self, payload: bytes, dimension: int) -> JointSum:
        step = step_of(self.spec, payload)
        self.fail(step.number)
        self.asked.append(step.number)
        vectors = [local_step(self.spec, payload, name, *rows) for name, rows in self.rows.items()]
        receipt = SimpleNamespace(privacy=self.rho(step), snapshot=b"\x01" * 32)
        paid = {n: SimpleNamespace(request=f"{step.number}{n}", receipt=receipt) for n in NAMES}
        total = np.sum(vectors, axis=0)
        assert total.shape == (dimension,)
        return JointSum(total, NAMES, (), b"", cast("Any", paid))


def seats_of(spec: Spec, home: Path, joint: Joint | None = None, kind: str = "train") -> list[Any]:
    parameters = {"train": spec.to_json(), "menu": MENU.only(clause.names_of(spec)).to_json()}
    home.mkdir(exist_ok=True)
    return [
        SimpleNamespace(
            name=name,
            contract=f"contract-{name}",
            terms=SimpleNamespace(kind=kind, parameters=parameters),
            clause=joint or joint_of(spec),
            home=Home(home),
        )
        for name in reversed(NAMES)
    ]


def made(
    monkeypatch: pytest.MonkeyPatch, fakes: Fakes, home: Path, seen: list[tuple[str, int, int]]
) -> JointTraining:
    monkeypatch.setattr(training, "Cohort", lambda *_, **__: fakes)
    progress = lambda what, done, total: seen.append((what, done, total))  # noqa: E731
    return JointTraining(seats_of(fakes.spec, home), progress=progress)


@pytest.mark.parametrize("text", [FILE, TREES], ids=["logistic", "trees"])
def test_all_steps_lead_to_a_model_that_tells_the_labels_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    spec = spec_of(text)
    fakes, seen = Fakes(spec), cast("list[tuple[str, int, int]]", [])
    found = made(monkeypatch, fakes, tmp_path, seen).fit()
    steps = len(clause.steps_of(spec))
    assert fakes.asked == list(range(steps))
    assert seen == [("training", done, steps) for done in range(steps + 1)]
    assert found.metrics is not None
    assert found.metrics.auc is not None
    assert found.metrics.auc > 0.8
    assert found.cost == clause.total_of(spec)
    assert found.units == 3 * steps
    assert [source.party for source in found.sources] == [*NAMES]
    assert all(source.commitment for source in found.sources)
    assert Model.decode(found.model.encode()) == found.model
    assert "epsilon" in str(found)
    assert "area under curve" in str(found)
    assert "too noisy to tell" not in str(found)
    vague = dataclasses.replace(found.metrics, spread=0.3)
    assert "± 0.300, too noisy to tell" in str(dataclasses.replace(found, metrics=vague))


def test_a_client_that_ends_goes_on_where_it_was_and_comes_to_the_same_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = spec_of()
    whole = made(monkeypatch, Fakes(spec), tmp_path / "whole", []).fit()
    fakes = Fakes(spec)

    def fail(number: int) -> None:
        if number == 5:
            raise KeyboardInterrupt

    fakes.fail = fail
    with pytest.raises(KeyboardInterrupt):
        made(monkeypatch, fakes, tmp_path / "parts", []).fit()
    fakes.fail = lambda _number: None
    again = made(monkeypatch, fakes, tmp_path / "parts", [])
    assert again.done() == again.state().done == 5
    assert 0 < again.state().spent < again.state().cost == clause.total_of(spec)
    assert "5 of 12 are done" in str(again.state())
    found = again.fit()
    assert fakes.asked == list(range(len(clause.steps_of(spec))))
    assert (found.resumed, found.model) == (5, whole.model)
    assert made(monkeypatch, fakes, tmp_path / "parts", []).fit().model == whole.model
    assert len(fakes.asked) == len(clause.steps_of(spec))  # what is finished is not paid again


def test_the_path_of_a_training_ends_with_its_model_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fakes = Fakes(spec_of())
    one = made(monkeypatch, fakes, tmp_path, [])
    assert one.path() == ()
    found, asked = one.fit(), len(fakes.asked)
    costs, models = zip(*one.path(), strict=True)
    assert len(models) == fakes.spec.descent.rounds == len(set(models))
    assert models[-1] == found.model
    assert list(costs) == sorted(set(costs))
    assert 0 < costs[0] < costs[-1] < found.cost  # the step that measures comes after
    assert len(fakes.asked) == asked


def test_trees_under_way_are_no_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = made(monkeypatch, Fakes(spec_of(TREES)), tmp_path, [])
    with pytest.raises(InputInvalidError, match="another family"):
        one.path()


def test_a_refusal_ends_the_step_and_nothing_of_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fakes = Fakes(spec_of())

    def fail(number: int) -> None:
        if number == 2:
            raise InputInvalidError("b: the budget is spent", clause="budget")

    fakes.fail = fail
    one = made(monkeypatch, fakes, tmp_path, [])
    with pytest.raises(InputInvalidError, match="b: the budget"):
        one.fit()
    assert one.done() == 2


def test_no_two_processes_go_on_with_one_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fakes = Fakes(spec_of())
    one, other = (made(monkeypatch, fakes, tmp_path, []) for _ in range(2))

    def fail(_number: int) -> None:
        with pytest.raises(HomeError, match="another process"):
            other.fit()

    fakes.fail = fail
    one.fit()
    fakes.fail = lambda _number: None
    assert fakes.asked == list(range(len(clause.steps_of(fakes.spec))))
    assert other.fit().resumed == len(fakes.asked)


def test_a_node_that_charges_another_privacy_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fakes = Fakes(spec_of())
    fakes.rho = lambda _step: "0.5"
    one = made(monkeypatch, fakes, tmp_path, [])
    with pytest.raises(AnswerInvalidError, match=r"a: the receipt .* 0\.5") as caught:
        one.fit()
    assert caught.value.clause == "receipt.privacy"
    assert one.done() == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"total":[1],"survivors":["a"],"requests":{},"snapshots":{}}',
        b'{"total":"x","survivors":["a"],"requests":{},"snapshots":{}}',
        b'{"total":[9e99],"survivors":["a"],"requests":{},"snapshots":{}}',
        b'{"total":[1],"survivors":[],"requests":[],"snapshots":{}}',
        b"\xff\xfe",
    ],
)
def test_a_kept_sum_that_is_damaged_is_an_error_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: bytes
) -> None:
    fakes = Fakes(spec_of())
    made(monkeypatch, fakes, tmp_path, []).fit()
    (path,) = tmp_path.glob("trainings/*/00003.json")
    path.write_bytes(data)
    with pytest.raises(HomeError, match="00003") as caught:
        made(monkeypatch, fakes, tmp_path, []).fit()
    assert "remove the file" in caught.value.remedy
    assert path.stat().st_mode & 0o077 == 0


def test_a_kept_sum_of_numbers_that_are_not_whole_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fakes = Fakes(spec_of())
    made(monkeypatch, fakes, tmp_path, []).fit()
    (path,) = tmp_path.glob("trainings/*/00003.json")
    body = json.loads(path.read_bytes())
    path.write_text(json.dumps(body | {"total": [each + 0.5 for each in body["total"]]}))
    with pytest.raises(HomeError, match="00003"):
        made(monkeypatch, fakes, tmp_path, []).state()
    path.write_text(json.dumps(body))
    assert made(monkeypatch, fakes, tmp_path, []).done() == len(clause.steps_of(fakes.spec))


def test_other_contracts_are_another_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fakes = Fakes(spec_of())
    made(monkeypatch, fakes, tmp_path, []).fit()
    seats = seats_of(fakes.spec, tmp_path)
    seats[0].contract = "another"
    assert JointTraining(seats).done() == 0


def test_seats_that_are_for_something_else_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = spec_of()
    monkeypatch.setattr(training, "Cohort", lambda *_, **__: None)
    with pytest.raises(InputInvalidError, match="kind statistics"):
        JointTraining(seats_of(spec, tmp_path, kind="statistics"))
    with pytest.raises(AnswerInvalidError, match="another training"):
        JointTraining(seats_of(spec, tmp_path, joint_of(spec, task=bytes(32))))


def test_a_clause_over_a_file_is_that_of_the_training_that_it_makes() -> None:
    places = [Place(name=name, key=name.encode() * 32) for name in reversed(NAMES)]
    joint = make_clause(places, FILE.encode(), MENU)
    spec = make_training(FILE.encode(), MENU, joint)
    assert joint.names == NAMES
    assert spec == spec_of()
    clause.check_joint(spec, joint)
    other = dataclasses.replace(MENU.measures[0], high=61)
    wider = dataclasses.replace(MENU, measures=(other,))
    assert clause.task_of(make_training(FILE.encode(), wider, joint)) != joint.task
    with pytest.raises(ContractInvalidError):
        make_clause(places[:2], FILE.encode(), MENU)


def test_only_products_of_the_kind_are_trained_on() -> None:
    products = [
        SimpleNamespace(name="care", kind="statistics", menu=MENU),
        SimpleNamespace(name="model", kind="train", menu=MENU),
    ]
    assert offered(cast("Any", products), "model") is MENU
    with pytest.raises(InputInvalidError, match="called care"):
        offered(cast("Any", products), "care")


def test_files_come_out_the_same_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("safetensors")
    words = ("rate-making", "费率厘定")
    first = made(monkeypatch, Fakes(spec_of()), tmp_path / "one", []).fit().files(words)
    second = made(monkeypatch, Fakes(spec_of()), tmp_path / "two", []).fit().files(words)
    assert first == second
    assert set(first) >= {"model.json", "model.onnx", "model.safetensors", "card.json", "card.md"}
    assert "费率厘定".encode() in first["card.zh.md"]


def test_what_no_library_is_there_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unseen.evidence.contracts.training.clause.find_spec", lambda _name: None)
    with pytest.raises(InputInvalidError) as caught:
        spec_of()
    assert "pip install" in caught.value.remedy
    assert dict(clause.trained_rows({"train": {}}))["trains"].count("pip install") == 1


class Gates:
    """Seats at nodes that let a model out, hold it or say something else."""

    def __init__(self, model: Model) -> None:
        self.held: set[str] = {"b"}
        self.fail: dict[str, WireError] = {}
        self.calls: list[tuple[str, str]] = []
        self.said = {name: canonical.encode(list(model.numbers)) for name in NAMES}

    def seat(self, seat: Any) -> Any:
        def answer(what: str) -> Any:
            self.calls.append((seat.name, what))
            if seat.name in self.fail:
                raise self.fail[seat.name]
            if seat.name in self.held:
                raise RefusedError(Cause("RELEASE_HELD", "a person has to look first"))
            return SimpleNamespace(
                value=self.said[seat.name],
                path=Path(f"{seat.name}.receipt"),
                request=f"{'abc'.index(seat.name)}" * 32,
                receipt=SimpleNamespace(index=7),
            )

        def endorse(_model: bytes, *, wrote: Callable[[str], None]) -> Any:
            wrote(f"request-{seat.name}")
            return answer("new")

        seat.endorse, seat.endorsed = endorse, answer
        return seat


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[JointTraining, Gates, Model]:
    fakes = Fakes(spec_of())
    monkeypatch.setattr(training, "Cohort", lambda *_, **__: fakes)
    plain = seats_of(fakes.spec, tmp_path)
    model = JointTraining(plain).fit().model
    gates = Gates(model)
    return JointTraining([gates.seat(seat) for seat in plain]), gates, model


def test_a_model_is_handed_to_every_node_once_and_asked_for_again_where_it_was_held(
    released: tuple[JointTraining, Gates, Model],
) -> None:
    one, gates, model = released
    found = one.release(model)
    assert gates.calls == [("a", "new"), ("b", "new"), ("c", "new")]
    assert (sorted(found.receipts), found.held) == (["a", "c"], ("b",))
    assert "request request-b" in str(found)
    assert not found.complete
    gates.held.clear()
    again = one.release(model)
    assert gates.calls[3:] == [(name, f"request-{name}") for name in NAMES]
    assert (sorted(again.receipts), again.held, again.complete) == ([*NAMES], (), True)


def test_one_node_that_refuses_or_is_silent_keeps_no_other_from_being_asked(
    released: tuple[JointTraining, Gates, Model],
) -> None:
    one, gates, model = released
    gates.fail = {
        "a": RefusedError(Cause("RELEASE_REFUSED", "the gate let nothing out", remedy="ask")),
        "c": UnreachableError(Cause("UNREACHABLE", "no node answers", retry="same-id")),
    }
    found = one.release(model)
    assert [name for name, _ in gates.calls] == ["a", "b", "c"]
    assert (tuple(found.refused), found.held, tuple(found.silent)) == (("a",), ("b",), ("c",))
    text = str(found)
    for said in ("the gate let nothing out; ask", "a person has to look first", "no node answers"):
        assert text.count(said) == 1
    gates.fail.clear()
    gates.held.clear()
    assert one.release(model).complete
    # What was refused is handed in anew; what waits or was lost is asked for again.
    assert gates.calls[3:] == [("a", "new"), ("b", "request-b"), ("c", "request-c")]


def test_a_card_names_who_let_the_model_out_and_its_files_follow(
    released: tuple[JointTraining, Gates, Model],
) -> None:
    one, _gates, model = released
    trained = one.fit()
    card = trained.card(("to try it", "用于试验"))
    assert card.endorsed == ()
    after = one.release(model).card(card)
    assert [(each.party, each.leaf, each.bar) for each in after.endorsed] == [
        ("a", 7, 6000),
        ("c", 7, 6000),
    ]
    assert dataclasses.replace(after, endorsed=()) == card
    files = files_of(model, after)
    assert Card.decode(files["card.json"]) == after
    assert "| a | 0.60 |" in files["card.md"].decode()
    assert after.digest.encode() in files["model.onnx"]
    assert {*files} == {*trained.files(("to try it", "用于试验"))}


def test_a_round_is_one_bar_of_a_step_and_who_is_gone_is_told() -> None:
    seen: list[tuple[str, int, int]] = []
    told = one_bar(lambda *said: seen.append(said))
    for phase in PHASES:
        for done in range(4):
            told(f"joint {phase}", done, 3)
    told("joint vectors: b is gone", 1, 3)
    assert seen[-1] == ("joint vectors: b is gone", 1, 3)
    assert {what for what, _, _ in seen[:-1]} == {"this step"}
    dones = [done for _, done, _ in seen[:-1]]
    assert dones == sorted(dones)
    assert (dones[0], dones[-1]) == (0, 18)


def test_another_model_is_another_request(released: tuple[JointTraining, Gates, Model]) -> None:
    one, gates, model = released
    one.release(model)
    other = dataclasses.replace(model, numbers=(*model.numbers[:-1], model.numbers[-1] + 1))
    gates.said = {name: canonical.encode(list(other.numbers)) for name in NAMES}
    one.release(other)
    assert [what for _, what in gates.calls] == ["new"] * 6


def test_a_node_that_lets_other_numbers_out_is_named(
    released: tuple[JointTraining, Gates, Model],
) -> None:
    one, gates, model = released
    gates.said["c"] = b"[1,2,3]"
    with pytest.raises(AnswerInvalidError, match="c: let out other numbers"):
        one.release(model)


def test_a_node_that_refuses_is_named(released: tuple[JointTraining, Gates, Model]) -> None:
    one, gates, model = released

    def refuse(_request: str) -> Any:
        raise InputInvalidError("models are switched off", clause="release")

    one.release(model)
    one._seats[0].endorsed = refuse  # type: ignore[assignment,method-assign]
    with pytest.raises(InputInvalidError, match="a: models are switched off"):
        one.release(model)
    assert gates.calls[-1][0] == "c"


def test_a_model_that_a_person_refused_is_handed_in_anew(
    released: tuple[JointTraining, Gates, Model],
) -> None:
    one, gates, model = released
    one.release(model)
    kept = one._seats[1].endorsed

    def refuse(_request: str) -> Any:
        raise RefusedError(Cause("RELEASE_REFUSED", "a person has refused it"))

    one._seats[1].endorsed = refuse  # type: ignore[assignment,method-assign]
    error = one.release(model).refused["b"]
    assert str(error) == "b: a person has refused it"
    assert error.reason == "RELEASE_REFUSED"
    one._seats[1].endorsed = kept  # type: ignore[method-assign]
    gates.held.clear()
    assert one.release(model).held == ()
    assert ("b", "new") in gates.calls[3:]


def test_a_model_of_another_training_is_not_handed_in(
    released: tuple[JointTraining, Gates, Model],
) -> None:
    one, gates, model = released
    other = spec_of(FILE.replace("rounds = 10", "rounds = 11"))
    with pytest.raises(InputInvalidError, match="another training"):
        one.release(dataclasses.replace(model, spec=other))
    assert not gates.calls
