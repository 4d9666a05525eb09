"""Encrypted trainings against a node in this process: what is sent, kept and paid for."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.client.training_node import (
    OWN,
    PEOPLE,
    SECRET,
    VERTICAL,
    TrainingWorld,
    people,
    seen_by_node,
)

from unseen.client.errors import AnswerInvalidError, Cause, HomeError, RefusedError
from unseen.client.local.home import Home
from unseen.client.local.profile import Profile
from unseen.client.local.state import Opening
from unseen.client.queries import asking
from unseen.client.queries.train_kept import Kept
from unseen.evidence.releases.encrypted import SentGradient
from unseen.protocols.errors import InputInvalidError, MalformedMessageError, SubjectInvalidError
from unseen.protocols.he.training import clear
from unseen.protocols.he.training.buyer import Keys
from unseen.protocols.he.training.descent import Descent
from unseen.protocols.he.training.rows import kept
from unseen.protocols.train.rows import seen_of
from unseen.v1 import intersect_pb2

CONTRACT = "contract"
REQUEST = "ab" * 16
CONTEXT, ROWS = intersect_pb2.PART_CONTEXT, intersect_pb2.PART_ROWS
WEIGHTS = intersect_pb2.PART_WEIGHTS


@pytest.fixture
def make(home: Home, profile: Profile) -> Iterator[Callable[[Any], TrainingWorld]]:
    made: list[TrainingWorld] = []

    def build(clause: Any) -> TrainingWorld:
        made.append(TrainingWorld(home, profile, clause))
        return made[-1]

    yield build
    for world in made:
        world.state.close()
        world.channel.close()


def files(world: TrainingWorld) -> list[str]:
    root = world.home.root
    return sorted(
        path.name for each in ("encrypted", "iterations") for path in (root / each).glob("*/*")
    )


def expected(clause: Any, order: Any = slice(None), **steps: Any) -> Any:
    """Return the weights of the same steps in the clear, without noise."""
    theirs, visits, sick = people()
    task = clause.task()
    values = kept(seen_by_node(theirs), task.columns, task.norm)
    if clause.own:
        own = kept(seen_of(OWN, visits[:, None]), task.own_columns, task.own_norm)
        values = np.concatenate([values, own], axis=1)
    return clear.trained(values[order], sick[order], Descent(task, **steps))


def off(found: Any, wanted: Any) -> float:
    return float(np.abs(found.weights - wanted).max())


def test_a_secret_model_is_that_of_the_clear_but_for_noise(
    make: Callable[[Any], TrainingWorld], tmp_path: Path
) -> None:
    clause = dataclasses.replace(SECRET, rho="1000")
    world = make(clause)
    found = world.trainings().fit(CONTRACT, rate=2.0)
    assert off(found, expected(clause, rate=2.0)) < 0.02
    assert (world.training.total, found.iterations, found.resumed) == (3, 3, 0)
    assert (found.spent.rho, found.cost.units) == ("3000", 3)
    assert all(path.read_text() for path in found.receipts)
    assert (world.open_requests(), files(world)) == ([], [])
    assert "3" in repr(found)

    events = len(world.training.events)
    again = world.trainings().fit(CONTRACT)
    assert off(again, found.weights) == 0
    assert (again.resumed, len(world.training.events)) == (3, events)

    theirs, _, _ = people()
    wanted = 1 / (1 + np.exp(-seen_by_node(theirs) @ found.weights))
    assert np.abs(found.predict(theirs) - wanted).max() < 1e-9
    written = found.save(tmp_path / "model")
    names = {"model.json", "model.onnx", "card.json", "card.md", "card.zh.md"}
    assert {path.name for path in written} == names
    model = json.loads((tmp_path / "model/model.json").read_bytes())
    assert [one["column"] for one in model["weights"]] == ["age", "sex", "sex"]
    assert json.loads((tmp_path / "model/card.json").read_bytes())["rho"] == "3000"
    for name in ("card.md", "card.zh.md"):
        assert CONTRACT in (tmp_path / "model" / name).read_text(encoding="utf-8")


def test_a_vertical_training_joins_both_by_subject(make: Callable[[Any], TrainingWorld]) -> None:
    clause = dataclasses.replace(VERTICAL, rho="1000")
    world = make(clause)
    found = world.trainings().fit(CONTRACT, world.rows(200))
    assert off(found, expected(clause, np.arange(PEOPLE)[::-1][:200])) < 0.02
    assert (found.rows, len(world.training.named), len(set(world.training.named))) == (200,) * 3
    assert [feature.name for feature in found.model.features] == ["age", "sex", "visits"]
    assert files(world) == []
    assert world.training.events.count("part_rows") == 4  # sent once, asked about thrice
    shown = world.trainings().show(CONTRACT)
    assert (shown.done, shown.iterations, shown.rows) == (3, 3, 200)
    assert "subject" in repr(shown)
    assert shown.subject == ("id",)


def test_subjects_that_the_table_lacks_add_nothing(make: Callable[[Any], TrainingWorld]) -> None:
    clause = dataclasses.replace(VERTICAL, rho="1000", own=(), own_norm="0")
    world = make(clause)
    world.training.values = world.training.values[:150]
    found = world.trainings().fit(CONTRACT, world.rows())
    assert off(found, expected(clause, slice(150))) < 0.02


def test_rows_are_aligned_by_an_intersection_before_anything_else(
    make: Callable[[Any], TrainingWorld],
) -> None:
    world = make(dataclasses.replace(VERTICAL, iterations=1))
    asked: list[Any] = []

    def ask(contract: str, items: Any, _: Any) -> Any:
        asked.append((contract, len(items), list(world.training.events)))
        return SimpleNamespace(found=tuple((str(number),) for number in range(150)))

    world.intersections = SimpleNamespace(ask=ask)
    terms = world.training.terms
    others = {"by": dataclasses.replace(terms, outputs=("items",))}
    world.contracts.terms = lambda name: others.get(name, terms)
    with pytest.raises(InputInvalidError, match="over 100 to 1,000 rows, and these are 99"):
        world.trainings().fit(CONTRACT, world.rows(99), aligned_by="by")
    with pytest.raises(InputInvalidError) as caught:
        world.trainings().fit(CONTRACT, world.rows(250), aligned_by=CONTRACT)
    assert caught.value.clause == "aligned_by"
    assert asked == []
    found = world.trainings().fit(CONTRACT, world.rows(250), aligned_by="by")
    assert (found.rows, asked) == (100, [("by", 250, [])])
    again = world.trainings().fit(CONTRACT, world.rows(250), aligned_by="by")
    assert (again.resumed, len(asked)) == (1, 1)
    with pytest.raises(InputInvalidError, match="aligned otherwise"):
        world.trainings().fit(CONTRACT, world.rows(250))


def test_an_alignment_that_was_ended_is_gone_on_with(
    make: Callable[[Any], TrainingWorld],
) -> None:
    world = make(dataclasses.replace(VERTICAL, iterations=1))
    terms = dataclasses.replace(world.training.terms, outputs=("items",))
    world.contracts.terms = lambda name: terms
    finished: list[str] = []

    def ask(contract: str, _items: Any, wrote: Callable[[str], None]) -> Any:
        opening = Opening(REQUEST, contract, "intersect", 1, "", "2026-01-01T00:00:00Z", b"", {})
        world.state.save_request(opening)
        wrote(REQUEST)
        raise KeyboardInterrupt

    def finish(opening: Opening) -> Any:
        finished.append(opening.id)
        return SimpleNamespace(found=tuple((str(number),) for number in range(200)))

    world.intersections = SimpleNamespace(ask=ask, finish=finish)
    with pytest.raises(KeyboardInterrupt):
        world.trainings().fit(CONTRACT, world.rows(), aligned_by="by")
    found = world.trainings().fit(CONTRACT, world.rows(), aligned_by="by")
    assert (found.rows, finished) == (200, [REQUEST])


def test_too_few_rows_are_left_after_an_alignment(make: Callable[[Any], TrainingWorld]) -> None:
    world = make(VERTICAL)
    world.intersections = SimpleNamespace(ask=lambda *_: SimpleNamespace(found=(("3",),)))
    terms = dataclasses.replace(world.training.terms, outputs=("items",))
    world.contracts.terms = lambda _: terms
    with pytest.raises(InputInvalidError, match="and these are 1"):
        world.trainings().fit(CONTRACT, world.rows(), aligned_by="by")
    assert (world.training.events, world.trainings().show(CONTRACT).done) == ([], 0)


@pytest.mark.parametrize(
    ("clause", "event", "times"),
    [
        (SECRET, "part_context", 3),
        (SECRET, "run", 3),
        (SECRET, "end", 2),
        (VERTICAL, "part_weights", 3),
        (VERTICAL, "reply", 3),
        (VERTICAL, "fetch", 3),
    ],
)
def test_a_training_goes_on_after_any_end_and_nothing_is_paid_twice(
    make: Callable[[Any], TrainingWorld], clause: Any, event: str, times: int
) -> None:
    world, ends = make(dataclasses.replace(clause, rho="1000", iterations=2)), 0

    def die(found: str) -> None:
        nonlocal ends
        if found == event and ends < 3:
            ends += 1
            raise KeyboardInterrupt

    world.training.before = die
    given: Any = world.rows() if clause.vertical else None
    for _ in range(4):
        try:
            found = world.trainings().fit(CONTRACT, given)
            break
        except KeyboardInterrupt:
            given = None  # nobody has to bring the rows again
    assert (world.training.total, ends) == (2, times)
    assert off(found, expected(world.training.clause, slice(None, None, -1))) < 0.02


def test_an_end_between_weights_and_reply_takes_no_gradient_in_twice(
    make: Callable[[Any], TrainingWorld], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(dataclasses.replace(SECRET, rho="1000", iterations=2))
    with monkeypatch.context() as patched:
        patched.setattr(asking, "keep_reply", interrupted)
        with pytest.raises(KeyboardInterrupt):
            world.trainings().fit(CONTRACT)
    (request,) = world.open_requests()
    assert world.trainings().show(CONTRACT).done == 1
    found = world.trainings().fit(CONTRACT)
    assert off(found, expected(world.training.clause)) < 0.02
    opening = world.state.request(request)
    assert opening is not None
    world.training.lose(CONTEXT)
    assert world.trainings().finish(opening).done == 2
    assert (world.open_requests(), world.training.total) == ([], 2)


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_an_iteration_is_finished_by_its_id_and_the_training_goes_on(
    make: Callable[[Any], TrainingWorld],
) -> None:
    world = make(dataclasses.replace(VERTICAL, rho="1000", iterations=2))
    world.training.before = lambda event: interrupted() if event == "fetch" else None
    with pytest.raises(KeyboardInterrupt):
        world.trainings().fit(CONTRACT, world.rows())
    world.training.before = lambda _: None
    (request,) = world.open_requests()
    opening = world.state.request(request)
    assert opening is not None
    shown = world.trainings().finish(opening)
    assert (shown.done, world.training.total, world.open_requests()) == (1, 1, [])
    found = world.trainings().fit(CONTRACT)
    assert off(found, expected(world.training.clause, slice(None, None, -1))) < 0.02
    assert (found.resumed, world.training.total) == (1, 2)


def test_what_the_node_has_forgotten_is_sent_again(make: Callable[[Any], TrainingWorld]) -> None:
    world, lost = make(dataclasses.replace(VERTICAL, iterations=1)), [CONTEXT, ROWS, WEIGHTS]

    def lose(event: str) -> None:
        if event == "run" and lost:
            world.training.lose(lost.pop())

    world.training.before = lose
    assert world.trainings().fit(CONTRACT, world.rows()).iterations == 1
    assert (lost, world.training.total) == ([], 1)


def test_ciphertexts_that_are_gone_make_an_iteration_begin_anew(
    make: Callable[[Any], TrainingWorld],
) -> None:
    world = make(dataclasses.replace(SECRET, iterations=1))
    world.training.before = lambda event: interrupted() if event == "run" else None
    with pytest.raises(KeyboardInterrupt):
        world.trainings().fit(CONTRACT)
    world.training.before = lambda _: None
    world.training.lose(WEIGHTS)
    for path in (world.home.root / "iterations").glob("*/*"):
        path.unlink()
    with pytest.raises(HomeError) as caught:
        world.trainings().fit(CONTRACT)
    assert "was not charged" in caught.value.remedy
    assert world.trainings().fit(CONTRACT).iterations == 1
    assert world.training.total == 1


@pytest.mark.parametrize("steps", [{"rate": 1.5}, {"ridge": 0.5}])
def test_a_training_goes_on_with_the_steps_it_was_begun_with(
    make: Callable[[Any], TrainingWorld], steps: Any
) -> None:
    world = make(dataclasses.replace(SECRET, rho="1000", iterations=1))
    found = world.trainings().fit(CONTRACT, **steps)
    assert off(found, expected(world.training.clause, **steps)) < 0.02
    others: Any = ({"rate": 3.0}, {"ridge": 3.0})
    for wrong in others:
        with pytest.raises(InputInvalidError) as caught:
            world.trainings().fit(CONTRACT, **wrong)
        assert caught.value.clause == "rate"
    assert world.trainings().fit(CONTRACT, **steps).weights.tolist() == found.weights.tolist()


@pytest.mark.parametrize("steps", [{"rate": 0.0}, {"rate": float("nan")}, {"ridge": -1.0}])
def test_steps_that_lead_nowhere_are_refused(
    make: Callable[[Any], TrainingWorld], steps: Any
) -> None:
    world = make(SECRET)
    with pytest.raises(InputInvalidError):
        world.trainings().fit(CONTRACT, **steps)
    assert world.training.events == []


def wrong_rows(name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    def change(rows: dict[str, Any]) -> Any:
        column = list(rows[name])
        column[7] = value
        return rows | {name: column}

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (wrong_rows("sick", 2), "sick is neither 0 nor 1 in row 7"),
        (wrong_rows("sick", "yes"), "sick is no number in row 7"),
        (wrong_rows("visits", float("nan")), "visits is not finite in row 7"),
        (wrong_rows("visits", None), "visits is no number in row 7"),
        (wrong_rows("id", 299), "rows 0 and 7 have the same subject"),
        (wrong_rows("id", "seven"), "row 7"),
        (wrong_rows("id", None), "row 7"),
        (lambda rows: {name: rows[name] for name in ("id", "sick")}, "visits is missing"),
        (lambda rows: rows | {"sick": rows["sick"][:5]}, "different lengths"),
        (lambda rows: {name: [] for name in rows}, "no rows"),
        (lambda _: [], "no rows"),
        (lambda _: [[1, 0, 3]], "row 0 is no mapping"),
        (lambda _: "rows", "row 0 is no mapping"),
    ],
)
def test_rows_that_are_none_are_refused_before_anything_is_sent(
    make: Callable[[Any], TrainingWorld], change: Any, said: str
) -> None:
    world = make(VERTICAL)
    with pytest.raises((InputInvalidError, SubjectInvalidError), match=said):
        world.trainings().fit(CONTRACT, change(world.rows()))
    assert (world.training.events, world.open_requests(), files(world)) == ([], [], [])


def test_rows_are_given_by_columns_or_one_by_one_and_clamped(
    make: Callable[[Any], TrainingWorld],
) -> None:
    world = make(dataclasses.replace(VERTICAL, iterations=1))
    rows = world.rows()
    found = world.trainings().fit(CONTRACT, rows)
    names = ["visits", "sick", "id"]
    cells = zip(*(rows[name] for name in names), strict=True)
    listed = [dict(zip(names, map(int, row), strict=True)) for row in cells]
    again = world.trainings().fit(CONTRACT, iter(listed))
    assert again.requests == found.requests
    far = [row | {"visits": str(900 if row["visits"] == 20 else row["visits"])} for row in listed]
    assert world.trainings().fit(CONTRACT, far).requests == found.requests
    with pytest.raises(InputInvalidError, match="begun with other rows"):
        world.trainings().fit(CONTRACT, [row | {"visits": "3"} for row in listed])


def test_rows_belong_to_vertical_trainings_alone(make: Callable[[Any], TrainingWorld]) -> None:
    world = make(SECRET)
    for given, by in (({"id": [1]}, ""), (None, "contract")):
        with pytest.raises(InputInvalidError) as caught:
            world.trainings().fit(CONTRACT, given, aligned_by=by)
        assert caught.value.clause == "rows"
    world.training.clause = VERTICAL
    parameters = {**world.training.terms.parameters, "encrypted": VERTICAL.to_json()}
    world.training.terms = dataclasses.replace(world.training.terms, parameters=parameters)
    with pytest.raises(InputInvalidError) as caught:
        world.trainings().fit(CONTRACT)
    assert caught.value.clause == "rows"
    assert world.training.events == []


def set_(name: str, value: Any) -> Callable[[TrainingWorld], None]:
    return lambda world: setattr(world.training, name, value)


@pytest.mark.parametrize(
    ("spoil", "error", "left"),
    [
        (set_("privacy", "0.6"), AnswerInvalidError, 1),
        (set_("privacy", "0"), AnswerInvalidError, 1),
        (set_("streamed", lambda data: data[:-1] + bytes([data[-1] ^ 1])), AnswerInvalidError, 2),
        (set_("streamed", lambda data: data[:-8]), AnswerInvalidError, 2),
        (set_("said", lambda sent: SentGradient(suite="intl", samples=3, digest=sent.digest)),
         AnswerInvalidError, 1),
        (set_("made", lambda data: b"\xff" * len(data)), MalformedMessageError, 1),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_hold_up_is_evidence_and_no_gradient(
    make: Callable[[Any], TrainingWorld],
    spoil: Callable[[TrainingWorld], None],
    error: type,
    left: int,
) -> None:
    """What a receipt commits to stays so; what was fetched wrongly is fetched again."""
    world = make(dataclasses.replace(SECRET, iterations=2))
    honest = {
        name: getattr(world.training, name) for name in ("privacy", "streamed", "said", "made")
    }
    spoil(world)
    with pytest.raises(error):
        world.trainings().fit(CONTRACT)
    assert world.trainings().show(CONTRACT).done == 0
    assert len(list((world.home.root / "evidence").glob("answer-*.json"))) == 1
    for name, value in honest.items():
        setattr(world.training, name, value)
    assert world.trainings().fit(CONTRACT).iterations == left
    assert world.training.total == 2


def test_an_iteration_that_the_node_forgets_is_gone_on_with_later(
    make: Callable[[Any], TrainingWorld],
) -> None:
    world = make(dataclasses.replace(SECRET, iterations=1))
    world.training.before = lambda event: world.training.lose(CONTEXT) if event == "run" else None
    with pytest.raises(RefusedError):
        world.trainings().fit(CONTRACT)
    (request,) = world.open_requests()
    world.training.before = lambda _: None
    found = world.trainings().fit(CONTRACT)
    assert (found.requests, world.training.total) == ((request,), 1)


def test_a_gradient_that_is_charged_and_lost_is_left_out(
    make: Callable[[Any], TrainingWorld],
) -> None:
    world = make(dataclasses.replace(SECRET, rho="1000", iterations=2))

    def lose(event: str) -> None:
        if event == "fetch" and world.training.total == 1:
            raise RefusedError(Cause(asking.REPLY_LOST, "gone", charged=True))

    world.training.before = lose
    with pytest.raises(RefusedError):
        world.trainings().fit(CONTRACT)
    found = world.trainings().fit(CONTRACT)
    one = dataclasses.replace(world.training.clause, iterations=1)
    assert off(found, expected(one)) < 0.02
    assert (found.iterations, world.training.total, files(world)) == (1, 2, [])


def test_key_rows_and_weights_lie_sealed(make: Callable[[Any], TrainingWorld]) -> None:
    world = make(dataclasses.replace(VERTICAL, iterations=2))
    world.training.before = lambda event: interrupted() if event == "fetch" else None
    with pytest.raises(KeyboardInterrupt):
        world.trainings().fit(CONTRACT, world.rows())
    world.state.flush()
    key = world.state.key(CONTRACT, "train")
    assert key is not None
    _, visits, sick = people()
    backwards = slice(None, None, -1)
    own = seen_of(OWN, visits[backwards, None])
    everything = b"".join(
        path.read_bytes() for path in world.home.root.rglob("*") if path.is_file()
    )
    for secret in (key[200:300], sick[backwards].tobytes(), own.tobytes()[:80]):
        assert secret not in everything
    assert Keys(VERTICAL.chain(), key).secret() == key
    world.training.before = lambda _: None
    world.trainings().fit(CONTRACT)
    progress = Kept.read(world.state, CONTRACT)
    assert progress is not None
    assert progress.place.weights.tobytes() not in everything


def test_sealed_rows_that_were_changed_are_an_error(make: Callable[[Any], TrainingWorld]) -> None:
    world = make(dataclasses.replace(VERTICAL, iterations=2))
    world.training.before = lambda event: interrupted() if event == "part_rows" else None
    with pytest.raises(KeyboardInterrupt):
        world.trainings().fit(CONTRACT, world.rows())
    world.training.before = lambda _: None
    (path,) = (world.home.root / "encrypted").glob("*/sealed/*")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    for name in ("rows", "weights"):
        for each in world.home.root.rglob(name):
            each.unlink()
    with pytest.raises(HomeError):
        world.trainings().fit(CONTRACT)
    assert world.training.total == 0


def test_only_one_process_goes_on_with_a_training(
    make: Callable[[Any], TrainingWorld], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(SECRET)
    seen: list[str] = []

    def other(event: str) -> None:
        if event == "run":
            with pytest.raises(HomeError) as caught:
                world.trainings().fit(CONTRACT)
            seen.append(caught.value.clause)
            raise KeyboardInterrupt

    world.training.before = other
    with pytest.raises(KeyboardInterrupt):
        world.trainings().fit(CONTRACT)
    assert seen == ["client.home"]


def test_contracts_of_other_kinds_are_named(make: Callable[[Any], TrainingWorld]) -> None:
    world = make(SECRET)
    other: Any = ({"kind": "score"}, {"parameters": {"menu": {}}})
    for changes in other:
        world.training.terms = dataclasses.replace(world.training.terms, **changes)
        assert not world.trainings().covers(CONTRACT)
        with pytest.raises(InputInvalidError) as caught:
            world.trainings().fit(CONTRACT)
        assert (caught.value.clause, world.training.events) == ("kind", [])
