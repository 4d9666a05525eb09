"""`unseen template`: the limits of a class of contracts, signed once for all of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.failures import UsageError
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_card,
    print_list,
    show_card,
)
from unseen.cli.progress import open_client
from unseen.cli.views import template_json

if TYPE_CHECKING:
    from unseen.client.agreements.templates import TemplateCard

app = App(help="Limits of classes of contracts, signed once.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the template.", metavar="NAME")]


@app.command("add")
def add(
    *,
    file: Annotated[
        str, typer.Argument(help="TOML file, or the name of a template that comes along.")
    ],
    approver: Annotated[
        str, typer.Option(help="Party that signs besides, where there are several.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Sign without asking.")] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Sign a template as the operator: contracts within it need no further signature of yours."""
    with open_client(home) as client:
        draft = client.draft_template(_text(file), approver)
        if not yes:
            show_card(draft, err=True)
            typer.confirm("Sign it?", abort=True, err=True)
        added = client.add_template(draft.template)
    print_card(added, form, template_json(added))
    if added.state != "in force":
        name = added.template.name
        note(f"Its approver signs it: unseen template approve {name}", form)


@app.command("list")
def list_templates(
    *,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Those that come along, added or not.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the node's templates."""
    if shipped:
        from unseen.client.agreements.templates import shipped as names

        print_list(form, names(), ("name",), [(name,) for name in names()], empty="None.")
        return
    with open_client(home) as client:
        found = client.templates()
    print_list(
        form,
        [template_json(item) for item in found],
        ("name", "state", "kinds", "purposes", "until", "signed by"),
        [
            (
                item.template.name,
                item.state,
                item.template.kinds,
                item.template.purposes,
                item.template.period.until.date(),
                tuple(item.approvals),
            )
            for item in found
        ],
        empty="No templates. Add one: unseen template add enterprise-credit-check",
    )


@app.command("show")
def show(
    *,
    name: NameArgument,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print one that comes along, to start from.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a template with every limit."""
    if toml:
        from unseen.client.agreements.templates import shipped_text

        typer.echo(shipped_text(name).decode(), nl=False)
        return
    with open_client(home) as client:
        _print(client.template(name), form)


@app.command("approve")
def approve(
    *,
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without asking.")] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Sign a template as the second approver."""
    with open_client(home) as client:
        if not yes:
            show_card(client.template(name), err=True)
            typer.confirm("Sign it?", abort=True, err=True)
        _print(client.approve_template(name), form)


@app.command("withdraw")
def withdraw(
    name: NameArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Let no further contract follow a template; those that do go on."""
    with open_client(home) as client:
        _print(client.withdraw_template(name), form)


def _print(card: "TemplateCard", form: Format) -> None:
    print_card(card, form, template_json(card))


def _text(file: str) -> bytes:
    path = Path(file)
    if path.is_file():
        return path.read_bytes()
    from unseen.client.agreements.templates import shipped, shipped_text

    if file not in shipped():
        raise UsageError(
            f"no file {file}, and no template of this name comes along",
            clause="template",
            remedy=f"name a file, or one of: {', '.join(shipped())}",
        )
    return shipped_text(file)
