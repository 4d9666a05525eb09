"""`unseen contract request` and `sign`: what is asked for, and what a buyer is told to do next."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.evidence.test_encrypted_file import SECRET
from tests.evidence.test_jointly import MENU
from tests.evidence.test_training import FILE, joint_of, spec_of

from unseen.cli.commands.contract import _next
from unseen.cli.commands.joint import note_requests
from unseen.cli.contract_options import asked_for, read_training
from unseen.cli.failures import UsageError
from unseen.cli.output import Format
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.training.encrypted_file import parse_encrypted

HOME = Path("home")


def test_a_training_names_its_ownasked_for() -> None:
    assert tuple(asked_for("", spec_of())) == ("ward", "age", "stay", "acute")
    assert asked_for("a, b", spec_of()) == ["a", "b"]
    assert asked_for("a", None) == ["a"]
    with pytest.raises(UsageError) as caught:
        asked_for("", None)
    assert "--train" in caught.value.remedy


def test_a_training_is_read_over_the_menu_and_the_nodes_of_the_clause(tmp_path: Path) -> None:
    path = tmp_path / "training.toml"
    path.write_text(FILE, encoding="utf-8")
    products = [SimpleNamespace(name="risk", kind="train", menu=MENU)]
    client = cast("Any", SimpleNamespace(products=lambda: products))
    assert read_training(client, "risk", path, joint_of(spec_of())) == spec_of()
    with pytest.raises(UsageError) as caught:
        read_training(client, "risk", path, None)
    assert caught.value.clause == "joint"


def test_a_training_under_encryption_is_read_over_the_menu_alone(tmp_path: Path) -> None:
    path = tmp_path / "training.toml"
    path.write_text(SECRET, encoding="utf-8")
    products = [SimpleNamespace(name="risk", kind="train", menu=MENU)]
    client = cast("Any", SimpleNamespace(products=lambda: products))
    found = read_training(client, "risk", path, None)
    assert found == parse_encrypted(SECRET.encode(), MENU)
    assert tuple(asked_for("", found)) == ("ward", "age", "stay", "acute")
    with pytest.raises(UsageError) as caught:
        read_training(client, "risk", path, joint_of(spec_of()))
    assert caught.value.clause == "joint"


def test_the_request_at_each_node_is_said_whole(capsys: pytest.CaptureFixture[str]) -> None:
    homes = [Path("a"), Path("my b")]
    note_requests("risk", "--units 7 --budget 3", Path("clause.json"), homes, Format.TABLE)
    said = capsys.readouterr().err.splitlines()
    wanted = (
        "  unseen contract request risk --units 7 --budget 3 --joint clause.json --scenario NAME"
    )
    assert said[1:] == [f"{wanted} --home a", f"{wanted} --home 'my b'"]
    note_requests("risk", "", None, homes, Format.JSON)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        ("lookup", {}, "Ask: unseen lookup ID SUBJECT"),
        ("statistics", {}, "Ask: unseen statistics menu ID"),
        ("statistics", {"joint": joint_of(spec_of()).to_json()}, "unseen statistics joint ask ID"),
        ("train", {}, "Train: unseen train fit ID"),
        ("train", {"encrypted": {}}, "Train: unseen train fit ID --home home"),
        (
            "train",
            {"encrypted": {"vertical": True}},
            "Train: unseen train fit ID --rows ROWS.csv --home home",
        ),
        ("score", {}, "Score: unseen score ID --file ROWS.csv"),
    ],
)
def test_who_has_signed_is_told_the_command_of_the_kind(
    kind: str, parameters: dict[str, Json], said: str
) -> None:
    terms = SimpleNamespace(kind=kind, parameters=parameters)
    found = _next(cast("Any", SimpleNamespace(id="ID", terms=terms)), HOME)
    assert said in found
    assert "--home home" in found
