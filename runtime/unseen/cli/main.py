"""The `unseen` command: nouns, then verbs. Heavy modules are imported inside commands."""

import importlib.metadata
from pathlib import Path
from typing import Annotated

import typer

from unseen.cli import (
    audit_commands,
    catalog_commands,
    certificate_commands,
    consent_commands,
    contract_commands,
    dispute_commands,
    evidence_commands,
    instance_commands,
    job_commands,
    join_command,
    mandate_commands,
    meter_commands,
    node_commands,
    objection_commands,
    order_commands,
    party_commands,
    product_commands,
    query_commands,
    receipt_commands,
    report_commands,
    review_commands,
    stop_commands,
    table_commands,
    template_commands,
)
from unseen.cli.app import App
from unseen.cli.doctor_command import doctor
from unseen.cli.failures import FailingGroup
from unseen.cli.output import Format, FormatOption
from unseen.cli.words import Language, LanguageOption

app = App(
    cls=FailingGroup,
    name="unseen",
    help="Ask questions of somebody's table: the data stays where it is, the question unseen.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(node_commands.app, name="node")
app.add_typer(party_commands.app, name="party")
app.add_typer(instance_commands.app, name="instance")
app.add_typer(table_commands.app, name="table")
app.add_typer(product_commands.app, name="product")
app.add_typer(catalog_commands.app, name="catalog")
app.add_typer(contract_commands.app, name="contract")
app.add_typer(certificate_commands.app, name="certificate")
app.add_typer(consent_commands.app, name="consent")
app.add_typer(mandate_commands.app, name="mandate")
app.add_typer(template_commands.app, name="template")
app.add_typer(job_commands.app, name="job")
app.add_typer(meter_commands.app, name="meter")
app.add_typer(audit_commands.app, name="audit")
app.add_typer(receipt_commands.app, name="receipt")
app.add_typer(objection_commands.app, name="objection")
order_commands.register(audit_commands.app)
report_commands.register(audit_commands.app)
app.add_typer(review_commands.app, name="review")
app.add_typer(evidence_commands.app, name="evidence")
meter_commands.app.command("resolve")(dispute_commands.resolve)
contract_commands.app.command("suspend")(stop_commands.suspend)
contract_commands.app.command("resume")(stop_commands.resume)
node_commands.app.command("show")(stop_commands.show_node)
node_commands.app.command("stop")(stop_commands.stop_node)
node_commands.app.command("resume")(stop_commands.resume_node)
app.command("join")(join_command.join)
app.command("lookup")(query_commands.lookup)
app.command("verify")(query_commands.verify)
app.command("doctor")(doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unseen {importlib.metadata.version('unseen')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
    language: LanguageOption = Language.EN,
) -> None:
    """Ask questions of somebody's table: the data stays where it is, the question unseen."""


@app.command("demo")
def demo(
    home: Annotated[
        Path | None,
        typer.Option(
            "--home", help="Folder for everything the demo makes; default .unseen/demo here."
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Walk through one hidden verification with a real node, a real buyer and real data."""
    from unseen.cli.demo import demo as walk

    walk(home, form)


@app.command(
    "bench",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench(context: typer.Context) -> None:
    """Measure the protocols and the node: bench list, bench run NAME."""
    from unseen.bench.main import app as benches

    benches(args=context.args, prog_name="unseen bench")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    app(prog_name="unseen")
