"""Options that commands share: each a flag of every one of them, read into one value."""

import re
from dataclasses import dataclass, fields
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from unseen.cli.app import App
from unseen.cli.commands import contract
from unseen.cli.contract_options import ClauseOptions
from unseen.cli.sharing import spread
from unseen.client.agreements.wishes import Clauses, Wish
from unseen.client.api import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Two options."""

    wide: Annotated[int, typer.Option(min=1, help="How wide.")] = 3
    names: Annotated[list[str] | None, typer.Option("--name", help="Whose.")] = None


def draw(*, what: Annotated[str, typer.Argument()], size: Size, twice: bool = False) -> None:
    typer.echo(f"{what} {size} {twice}")


def asked(*words: str) -> str:
    app = App()
    app.command("draw")(draw)
    app.command("other")(lambda: None)
    found = CliRunner().invoke(app, ["draw", *words])
    return found.output if found.exit_code == 0 else f"exit {found.exit_code}"


def test_shared_options_arrive_as_one_value() -> None:
    assert asked("box").strip() == "box Size(wide=3, names=None) False"
    said = asked("box", "--wide", "5", "--name", "a", "--name", "b", "--twice")
    assert said.strip() == "box Size(wide=5, names=['a', 'b']) True"


def test_shared_options_are_checked_and_explained_as_others() -> None:
    assert asked("box", "--wide", "0") == "exit 2"
    assert asked("box", "--tall", "1") == "exit 2"
    assert re.search(r"--wide .*How wide\.", asked("--help"))


def test_a_command_is_itself_to_whoever_calls_it_from_python() -> None:
    assert App().command("draw")(draw) is draw
    assert spread(asked) is asked


def test_two_options_of_one_name_are_refused_when_the_program_is_written() -> None:
    def twice(*, wide: int, size: Size) -> None:
        raise AssertionError((wide, size))

    with pytest.raises(TypeError, match="twice"):
        spread(twice)


def test_what_a_contract_may_say_is_said_alike_by_command_and_sdk() -> None:
    options = {field.name for field in fields(ClauseOptions)} - {"declare", "declare_all"}
    assert options | {"declarations"} == {*Clauses.__annotations__}
    wished = {field.name for field in fields(Wish)}
    assert {*Clauses.__annotations__} - wished == {"days"}
    named = set(re.findall(r"`([a-z_]+)`", Client.request_contract.__doc__ or ""))
    assert {*Clauses.__annotations__} <= named
    for verb in ("request", "explain"):
        found = CliRunner().invoke(contract.app, [verb, "--help"]).output
        assert all(f"--{name.replace('_', '-')}" in found for name in options), verb


def test_a_word_that_no_contract_has_is_an_error_of_python() -> None:
    with pytest.raises(TypeError, match="quota"):
        Wish.of("a", outputs=["b"], scenario="c", units=1, quota=2)  # type: ignore[call-arg]
