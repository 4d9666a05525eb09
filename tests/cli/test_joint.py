"""Commands over several nodes: which node does not answer, and who can do something about it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from tests.evidence.test_training import spec_of

from unseen.cli.commands import joint, train
from unseen.cli.commands.review import collecting
from unseen.cli.output import Format
from unseen.client.errors import Cause, RefusedError, UnreachableError
from unseen.client.joint.trained import Released
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
