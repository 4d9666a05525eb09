"""The `unseen` command: nouns, then verbs. Heavy modules are imported inside commands."""

import importlib.metadata
from pathlib import Path
from typing import Annotated

import typer

from unseen.cli.app import App
from unseen.cli.commands import (
    audit,
    catalog,
    certificate,
    consent,
    contract,
    dispute,
    evidence,
    instance,
    intersect,
    job,
    join,
    mandate,
    meter,
    node,
    objection,
    order,
    party,
    privacy,
    product,
    query,
    receipt,
    report,
    review,
    score,
    statistics,
    stop,
    table,
    template,
    train,
)
from unseen.cli.commands.doctor import doctor
from unseen.cli.demo import TOLD, Story
from unseen.cli.demo import demo as tell_story
from unseen.cli.failures import FailingGroup
from unseen.cli.hints import program, remember_home
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
app.add_typer(node.app, name="node")
app.add_typer(party.app, name="party")
app.add_typer(instance.app, name="instance")
app.add_typer(table.app, name="table")
app.add_typer(product.app, name="product")
app.add_typer(catalog.app, name="catalog")
app.add_typer(contract.app, name="contract")
app.add_typer(certificate.app, name="certificate")
app.add_typer(consent.app, name="consent")
app.add_typer(mandate.app, name="mandate")
app.add_typer(template.app, name="template")
app.add_typer(privacy.app, name="privacy")
app.add_typer(job.app, name="job")
app.add_typer(meter.app, name="meter")
app.add_typer(audit.app, name="audit")
app.add_typer(receipt.app, name="receipt")
app.add_typer(objection.app, name="objection")
order.register(audit.app)
report.register(audit.app)
app.add_typer(review.app, name="review")
app.add_typer(statistics.app, name="statistics")
app.add_typer(train.app, name="train")
app.add_typer(evidence.app, name="evidence")
table.app.command("budget")(privacy.budget)
meter.app.command("resolve")(dispute.resolve)
contract.app.command("suspend")(stop.suspend)
contract.app.command("resume")(stop.resume)
node.app.command("show")(stop.show_node)
node.app.command("stop")(stop.stop_node)
node.app.command("resume")(stop.resume_node)
app.command("join")(join.join)
app.command("lookup")(query.lookup)
app.command("verify")(query.verify)
app.command("intersect")(intersect.intersect)
app.command("score")(score.score)
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
    del version, language  # their options have told the whole command
    remember_home(None)


@app.command("demo")
def demo(
    *,
    story: Annotated[
        Story,
        typer.Option("--story", help="; ".join(f"{one.value}: {TOLD[one]}" for one in Story) + "."),
    ] = Story.APPLICANT,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home", help="Folder for everything the demo makes; default .unseen/demo here."
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Tell a story with real nodes and real buyers, from a table to a receipt."""
    tell_story(story, home, form)


@app.command(
    "bench",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def bench(context: typer.Context) -> None:
    """Measure the protocols and the node: bench list, run, compare, plot."""
    from unseen.bench.main import app as benches

    benches(args=context.args, prog_name=f"{program()} bench")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    app(prog_name=program())
