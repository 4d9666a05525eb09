"""Commands over several nodes: which node does not answer, and who can do something about it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest
from tests.evidence.test_jointly import MENU
from tests.evidence.test_training import joint_of, spec_of

from unseen.cli.choosing import chosen
from unseen.cli.commands import joint, train
from unseen.cli.commands.review import collecting
from unseen.cli.failures import UsageError
from unseen.cli.output import Format
from unseen.client.errors import Cause, RefusedError, UnreachableError
from unseen.client.joint.absorbed import Absorbed, Steps, name_of
from unseen.client.joint.trained import Released
from unseen.client.local.home import Home
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.training.clause import names_of, steps_of
from unseen.evidence.suite import INTL
from unseen.protocols.train import Model

SILENT = Cause(
    "UNREACHABLE", "no node answers at host:2", "connection", "start it", silent="host:2"
)


def unreachable(**_: object) -> NoReturn:
    raise UnreachableError(SILENT)


def node_of(name: str, **calls: Any) -> Any:
    profile = SimpleNamespace(node=SimpleNamespace(name=name, place=None), suite=None)
    return SimpleNamespace(profile=profile, **calls)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the clients that commands open, none of which has been asked yet."""
    clients: list[Any] = []

    def opened(_stack: ExitStack, _homes: list[Path], _progress: Any = None) -> list[Any]:
        return clients

    monkeypatch.setattr(joint, "open_homes", opened)
    return clients


def test_the_node_that_does_not_answer_is_named_when_contracts_are_read(nodes: list[Any]) -> None:
    nodes += [
        node_of("bank-a", contracts=lambda **_: []),
        node_of("bank-b", contracts=unreachable),
    ]
    with pytest.raises(UnreachableError) as caught, joint.seats_under([], ["A"]):
        pass
    assert str(caught.value) == "bank-b does not answer at host:2"
    assert caught.value.remedy == "tell its operator, then say the same again"


def test_and_when_a_clause_is_written(nodes: list[Any]) -> None:
    nodes += [node_of("bank-b", products=unreachable)]
    with pytest.raises(UnreachableError, match="bank-b does not answer at host:2"):
        joint.clause(product="risk", home=[])
    with pytest.raises(UnreachableError, match="bank-b does not answer at host:2"):
        train._clause(nodes, "risk", b"", None)


def test_a_held_model_is_waited_for_without_an_operator_s_command(
    nodes: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = spec_of()
    model = Model(spec, (0,) * (spec.width + 1))
    path = tmp_path / "model.json"
    path.write_bytes(model.encode())
    waits = RefusedError(Cause("RELEASE_HELD", "bank-b: a person has to look first"))
    found = Released(waits={"bank-b": waits}, requests={"bank-b": "R"})

    @contextmanager
    def opened(*_: object) -> Iterator[Any]:
        yield SimpleNamespace(release=lambda _model: found)

    monkeypatch.setattr(train, "_training", opened)
    train.release(contract=["A"], home=[], model=path, form=Format.TABLE)
    said = capsys.readouterr().err
    assert "A person decides at bank-b: say the same again" in said
    assert "review list" not in said


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("model", "unseen train release CONTRACT --model model.json"),
        ("aggregate", "unseen receipt fetch REQUEST"),
        ("verdicts", "unseen receipt fetch REQUEST"),
    ],
)
def test_who_lets_it_out_reads_how_the_buyer_comes_to_it(kind: str, said: str) -> None:
    review: Any = SimpleNamespace(type=kind, contract="CONTRACT", request="REQUEST")
    assert collecting(review).endswith(f": {said}")


SPEC = spec_of()
STEPS = len(steps_of(SPEC))
PARAMETERS = {
    "train": SPEC.to_json(),
    "menu": MENU.only(names_of(SPEC)).to_json(),
    "joint": joint_of(SPEC).to_json(),
}
BANKS = [place.name for place in joint_of(SPEC).nodes]


def agreed(identifier: str, used: int = 0, state: State = State.ACTIVE) -> Any:
    quota = SimpleNamespace(units=STEPS + 2)
    terms = SimpleNamespace(parameters=PARAMETERS, quota=quota)
    lacking: tuple[str, ...] = ()
    return SimpleNamespace(
        id=identifier, units_used=used, state=state, terms=terms, lacking=lacking
    )


def picked(home: Path, wanted: list[str], *every: list[Any]) -> list[str]:
    """Return what is chosen at nodes called as the places of the clause."""
    clients = [node_of(name, home=Home(home)) for name in BANKS]
    return chosen(clients, every, wanted, joint_of(SPEC))


def begin(home: Path, *identifiers: str) -> None:
    """Write down that a first step was taken under contracts."""
    named = dict(zip(BANKS, identifiers, strict=True))
    folder = Home(home).training(name_of(named))
    total = np.zeros(1, np.int64)
    Steps(folder).write(0, Absorbed(total, tuple(named), {}, {}))


def test_a_second_training_takes_the_contracts_whose_steps_are_left(tmp_path: Path) -> None:
    every = [[agreed(f"{name}1", STEPS + 1), agreed(f"{name}2")] for name in BANKS]
    new, old = [f"{name}2" for name in BANKS], [f"{name}1" for name in BANKS]
    assert picked(tmp_path, new[:1], *every) == new
    assert picked(tmp_path, old[:1], *every) == old
    begin(tmp_path, *old)
    assert picked(tmp_path, new[:1], *every) == new
    assert picked(tmp_path, old[:1], *every) == old


def test_a_training_goes_on_under_the_contracts_it_was_begun_with(tmp_path: Path) -> None:
    # One node has charged its last step, another has not: units alone would mix both trainings.
    first, *rest = BANKS
    every = [
        [agreed(f"{first}1", STEPS - 1), agreed(f"{first}2")],
        *([agreed(f"{name}1", STEPS), agreed(f"{name}2")] for name in rest),
    ]
    old = [f"{name}1" for name in BANKS]
    begin(tmp_path, *old)
    assert picked(tmp_path, old[:1], *every) == old


def test_what_has_ended_still_shows_what_it_came_to(tmp_path: Path) -> None:
    every = [[agreed(f"{name}1", STEPS + 2, State.EXHAUSTED)] for name in BANKS]
    old = [f"{name}1" for name in BANKS]
    with pytest.raises(UsageError, match="no contract in force"):
        picked(tmp_path, old[:1], *every)
    begin(tmp_path, *old)
    assert picked(tmp_path, old[:1], *every) == old
    # Where others are in force in their place, those are meant.
    for each in every[1:]:
        each.append(agreed(f"{each[0].id[:-1]}2"))
    assert picked(tmp_path, old[:1], *every) == [old[0], *(f"{name}2" for name in BANKS[1:])]


def test_what_nothing_tells_apart_is_refused_until_it_is_named(tmp_path: Path) -> None:
    first, second, *rest = BANKS
    every = [[agreed(f"{first}1")], [agreed(f"{second}1"), agreed(f"{second}2")]]
    every += [[agreed(f"{name}1")] for name in rest]
    with pytest.raises(UsageError, match=f"2 contracts with {second}") as caught:
        picked(tmp_path, [f"{first}1"], *every)
    assert caught.value.remedy == f"name the one with {second}, too"
    found = picked(tmp_path, [f"{first}1", f"{second}2"], *every)
    assert found[:2] == [f"{first}1", f"{second}2"]


def test_how_far_a_training_has_come_is_shown_though_a_node_is_silent(
    nodes: list[Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clause = joint_of(SPEC)

    def seat(name: str, identifier: str) -> Any:
        terms = SimpleNamespace(kind="train", parameters=PARAMETERS)
        return SimpleNamespace(
            name=name,
            contract=identifier,
            clause=clause,
            terms=terms,
            home=Home(tmp_path),
            key=clause.key_of(name),
            suite=INTL,
        )

    for name in BANKS:

        def contracts(*, offline: bool = False, name: str = name) -> list[Any]:
            if name == BANKS[1] and not offline:
                raise UnreachableError(SILENT)
            return [agreed(name * 43)]

        home, take = Home(tmp_path), partial(seat, name)
        nodes.append(node_of(name, home=home, contracts=contracts, seat=take))
    train.show(contract=[BANKS[0] * 43], home=[], form=Format.TABLE)
    said = capsys.readouterr().out
    assert f"0 of {STEPS} are done" in said
    assert f"no answer of {BANKS[1]}" in said
    assert f"{BANKS[1]} does not answer at host:2" in said
    train.show(contract=[BANKS[0] * 43], home=[], form=Format.JSON)
    assert json.loads(capsys.readouterr().out)["silent"] == {BANKS[1]: "UNREACHABLE"}
    with pytest.raises(UnreachableError), joint.seats_under([], [BANKS[0] * 43]):
        pass  # who would fit needs all of them
