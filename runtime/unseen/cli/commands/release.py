"""`unseen node release`: what the operator lets out at all."""

from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, print_list
from unseen.cli.progress import open_client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unseen.client.reviews import ReleaseMode

app = App(
    help="Which types of release leave: by the rules, past a person, or not at all.",
    no_args_is_help=True,
)


@app.command("show")
def show(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """Show what becomes of each type of release."""
    with open_client(home) as client:
        modes = client.release_modes()
    _print(modes, form)


@app.command("set")
def set_mode(
    kind: Annotated[str, typer.Argument(help="verdicts, aggregate or model.", metavar="TYPE")],
    mode: Annotated[
        str,
        typer.Argument(
            help="pass: the rules decide. review: a person signs each. off: none leaves.",
            metavar="MODE",
        ),
    ],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Change it for one type (operator), from the next request on; it stands in the log."""
    with open_client(home) as client:
        modes = client.set_release_mode(kind, mode)
    _print(modes, form)


def _print(modes: "Mapping[str, ReleaseMode]", form: Format) -> None:
    print_list(
        form,
        [{"type": kind, "mode": mode.value} for kind, mode in modes.items()],
        ("type", "mode"),
        [(kind, mode.value) for kind, mode in modes.items()],
        empty="The node names no types.",
    )
