"""`unseen bench`: list the benches, run one."""

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from unseen.bench import (
    comparing,
    confined,
    consent,
    dp,
    evidence,
    joint,
    kept,
    lookup,
    measuring,
    node,
    oprf,
    output,
    pair,
    plotting,
    psi,
    receipt,
    scale,
    score,
    secagg,
    statistics,
    train,
    train_he,
)
from unseen.bench.registry import Bench
from unseen.protocols.errors import InputInvalidError

BENCHES: dict[str, Bench] = {
    bench.name: bench
    for bench in (
        oprf.BENCH,
        lookup.BENCH,
        scale.BENCH,
        psi.BENCH,
        pair.BENCH,
        node.BENCH,
        receipt.BENCH,
        evidence.BENCH,
        consent.BENCH,
        secagg.BENCH,
        joint.BENCH,
        dp.BENCH,
        statistics.BENCH,
        train.BENCH,
        score.BENCH,
        train_he.BENCH,
        confined.BENCH,
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
            {
                "name": bench.name,
                "summary": bench.summary,
                "params": bench.parameters(()).together(),
                "words": {key: list(known) for key, known in bench.words.items()},
                "size": bench.size,
            }
            for bench in BENCHES.values()
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    for bench in BENCHES.values():
        typer.echo(f"{bench.name:12}{bench.summary}")
        shown = [f"{key}={value}" for key, value in bench.defaults.items()]
        shown += [f"{key}={'|'.join(known) or 'TEXT'}" for key, known in bench.words.items()]
        typer.echo(" " * 12 + ", ".join(shown))


@app.command("run")
def run(
    name: Annotated[str, typer.Argument(help="A bench of `unseen bench list`.")],
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Laps of each case.")] = 5,
    sweep: Annotated[
        str, typer.Option(metavar="N,N,...", help="Run it at each of these sizes.")
    ] = "",
    protocol: Annotated[
        str, typer.Option(metavar="PACKAGE:CLASS", help="Measure a protocol of yours beside.")
    ] = "",
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
    asked = [*(given or ()), *brought(bench, protocol)]
    each = [bench.parameters([*asked, *swept]) for swept in sweeps(bench, sweep)]
    with output.progress() as begun:
        found = [one for settings in each for one in measuring.run(bench, settings, repeats, begun)]
    if form is Format.JSON:
        typer.echo(output.as_json(found))
    else:
        output.print_table(found)


@app.command("compare")
def compare(
    before: Annotated[Path, typer.Argument(help="What `run --format json` wrote.")],
    after: Annotated[
        Path | None, typer.Argument(help="Another one; without it, cases of one run.")
    ] = None,
    to: Annotated[
        str, typer.Option(metavar="CASE", help="What to compare with in a run: its first case.")
    ] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Say how many times as long, and how many times the bytes, each case takes."""
    first = kept.read([before])
    if after is None:
        found = comparing.within(first, to)
    else:
        second = kept.read([after])
        found = comparing.between(first, second)
        for note in comparing.notes(first, second):
            sys.stderr.write(f"unseen: {note}\n")
    if form is Format.JSON:
        typer.echo(json.dumps([one.to_json() for one in found], indent=2))
    else:
        comparing.print_table(found, comparing.varying(found))


@app.command("plot")
def plot(
    files: Annotated[list[Path], typer.Argument(help="What `run --format json` wrote.")],
    to: Annotated[Path, typer.Option("--output", help="The picture, as SVG.")],
    case: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Which cases, such as 'psi/ecdh*'."),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Draw time and bytes against size, and say by which power of it the time grows."""
    found = kept.read(files)
    drawn = plotting.series(found, sizes(), case or ())
    to.write_text(plotting.picture(drawn, plotting.about(found)), encoding="utf-8")
    laws = [(one.name, one.law) for one in drawn]
    if form is Format.JSON:
        listed = [
            {"name": name, "factor": law.factor, "exponent": law.exponent, "error": law.error}
            for name, law in laws
            if law
        ]
        typer.echo(json.dumps(listed, indent=2))
        return
    for name, law in laws:
        typer.echo(f"{name:36}{f'{law}, +-{law.error:.3f}' if law else 'under three sizes'}")


def sizes() -> dict[str, str]:
    """Return for each bench the parameter that says how large its input is."""
    return {bench.name: bench.size for bench in BENCHES.values() if bench.size}


def brought(bench: Bench, protocol: str) -> list[str]:
    """Return what to set for somebody's own protocol; nothing for an empty name.

    Raises:
        InputInvalidError: this bench measures none.

    """
    if protocol and "own" not in bench.words:
        raise InputInvalidError(
            f"bench {bench.name} measures no protocols but its own",
            clause="bench.protocol",
            remedy=f"give it to: {', '.join(b.name for b in BENCHES.values() if 'own' in b.words)}",
        )
    return [f"own={protocol}"] if protocol else []


def sweeps(bench: Bench, sizes: str) -> list[list[str]]:
    """Return what to set for each run: one at each of some sizes, or one without any.

    Raises:
        InputInvalidError: this bench has no size.

    """
    if not sizes:
        return [[]]
    if not bench.size:
        raise InputInvalidError(
            f"bench {bench.name} has no size to go through",
            clause="bench.sweep",
            remedy=f"give it to one of: {', '.join(b.name for b in BENCHES.values() if b.size)}",
        )
    return [[f"{bench.size}={size}"] for size in sizes.split(",")]
