"""`unseen bench`: list the benches, run one."""

import json
from enum import Enum
from typing import Annotated

import typer

from unseen.bench import (
    consent,
    dp,
    evidence,
    joint,
    lookup,
    measuring,
    node,
    oprf,
    output,
    psi,
    receipt,
    secagg,
    statistics,
    train,
)
from unseen.bench.registry import Bench
from unseen.protocols.errors import InputInvalidError

BENCHES: dict[str, Bench] = {
    bench.name: bench
    for bench in (
        oprf.BENCH,
        lookup.BENCH,
        psi.BENCH,
        node.BENCH,
        receipt.BENCH,
        evidence.BENCH,
        consent.BENCH,
        secagg.BENCH,
        joint.BENCH,
        dp.BENCH,
        statistics.BENCH,
        train.BENCH,
    )
}

app = typer.Typer(
    help="Measure the protocols and the node, each beside its limit in the same run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Format(Enum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="Write a table or JSON.")]


@app.command("list")
def list_benches(form: FormatOption = Format.TABLE) -> None:
    """List the benches and their parameters."""
    if form is Format.JSON:
        listed = [
            {"name": bench.name, "summary": bench.summary, "params": dict(bench.defaults)}
            for bench in BENCHES.values()
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    for bench in BENCHES.values():
        typer.echo(f"{bench.name:12}{bench.summary}")
        typer.echo(" " * 12 + ", ".join(f"{key}={value}" for key, value in bench.defaults.items()))


@app.command("run")
def run(
    name: Annotated[str, typer.Argument(help="A bench of `unseen bench list`.")],
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Laps of each case.")] = 5,
    form: FormatOption = Format.TABLE,
) -> None:
    """Run one bench and print what every case of it took."""
    bench = BENCHES.get(name)
    if bench is None:
        raise InputInvalidError(
            f"there is no bench {name!r}",
            clause="bench.name",
            remedy=f"run one of: {', '.join(BENCHES)}",
        )
    measurements = list(measuring.run(bench, bench.parameters(given or ()), repeats))
    if form is Format.JSON:
        typer.echo(output.as_json(measurements))
    else:
        output.print_table(measurements)
