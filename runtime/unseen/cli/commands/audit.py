"""`unseen audit`: the node's log, exported, checked and witnessed."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.failures import PROOF_FAILED, UsageError
from unseen.cli.hints import tell
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_card,
    print_json,
    print_list,
    show_rows,
)
from unseen.cli.progress import board, open_client
from unseen.cli.trusting import TrustOption, trust_file
from unseen.cli.views import exported_json, head_json, leaf_json
from unseen.cli.words import say

if TYPE_CHECKING:
    from unseen.client.audit.checking import Comparison
    from unseen.client.evidence import Leaf
    from unseen.evidence.audit import Report
    from unseen.evidence.audit.heads import Head

app = App(help="The node's append-only log: read, export, check, witness.", no_args_is_help=True)

_POLL_SECONDS = 1.0
_LONG = 12
_SHOWN = 20

WitnessesOption = Annotated[
    int, typer.Option(min=0, help="How many witnesses of the trust file have to have cosigned.")
]


@app.command("tail")
def tail(
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many entries.")] = 20,
    start: Annotated[
        int | None, typer.Option(min=0, help="First entry, instead of the last ones.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the log's last entries; others' are hidden from parties. With JSON, one entry a line."""
    with open_client(home) as client:
        size = client.log_size()
        first = max(size - lines, 0) if start is None else start
        limit = None if follow else lines
        while True:
            for leaf in client.leaves(first, limit):
                _print(leaf, form)
                first = leaf.index + 1
            if not follow:
                return
            time.sleep(_POLL_SECONDS)


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write; one that is there grows.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write the log and everything needed to recompute it. Run again, it goes on or grows."""
    with open_client(home) as client:
        found, trust = client.export(folder), client.home.trust
    print_card(found, form, exported_json(found))
    if form is Format.TABLE:
        tell(f"Check it anywhere: unseen audit check {folder} --trust {trust}")


@app.command("check")
def check(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder of an export.")
    ],
    *,
    trust: TrustOption = None,
    head: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            help="What somebody was shown before: a head, a receipt, a home. The log leads to it.",
        ),
    ] = None,
    witnesses: WitnessesOption = 0,
    hashes_only: Annotated[
        bool, typer.Option("--hashes-only", help="Only tree, sequence and form of the leaves.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Allow leaves that are there by their hash alone.")
    ] = False,
    processes: Annotated[int, typer.Option(min=1, help="Processes that check signatures.")] = 1,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Recompute an export offline; exit code 5 if anything does not hold."""
    from unseen.client.audit.checking import check_folder, notes_of
    from unseen.evidence.audit import Policy

    keys = trust_file(trust, home)
    heads = [(str(path), note) for path in head or () for note in notes_of(path)]
    policy = Policy(full=not hashes_only, heads=heads, witnesses=witnesses, partial=partial)
    with board() as shown:
        report = check_folder(
            folder,
            keys,
            policy,
            processes=processes,
            progress=lambda done, total: shown.report("checking the log", done, total),
        )
    _print_report(report, witnesses, form)
    if not report.ok:
        raise typer.Exit(PROOF_FAILED)


@app.command("head")
def head(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the newest head.")
    ] = None,
    cosigned: Annotated[
        bool, typer.Option("--cosigned", help="Write the newest cosigned head instead.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the log's newest head, and those that witnesses cosigned; keep one in a file."""
    from unseen.client.local.home import write_file

    with open_client(home) as client:
        newest, *others = client.heads()
    if cosigned and not others:
        raise UsageError(
            "no witness has cosigned this log", clause="witness", remedy="leave out --cosigned"
        )
    if output is not None:
        write_file(output, (others[0] if cosigned else newest).note.encode())
    _print_heads([newest, *others], form)


@app.command("compare")
def compare(
    paths: Annotated[
        list[Path],
        typer.Argument(
            exists=True, help="Heads, receipts, bundles, exports, homes: of both parties."
        ),
    ],
    trust: TrustOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Hold heads of a log against each other, offline; exit code 5 if two contradict each other."""
    from unseen.client.audit.checking import compare as compare_heads

    found = compare_heads(paths, trust_file(trust, home))
    _print_comparison(found, form)
    if found.forks:
        raise typer.Exit(PROOF_FAILED)


@app.command("keys")
def keys(
    accept: Annotated[
        bool,
        typer.Option("--accept", help="Enter them into this home's parties.json: compare first."),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the parties' keys as the node tells them; ask the parties whether they are theirs."""
    from unseen.evidence.canonical import b64encode

    with open_client(home) as client:
        found = client.keys(accept=accept)
    print_list(
        form,
        [
            {"name": p.name, "role": p.role, "suite": p.suite, "key": b64encode(p.key)}
            | {"key_id": p.key_id}
            for p in found
        ],
        ("name", "role", "key name"),
        [(p.name, p.role, p.key_id) for p in found],
        empty="No keys.",
        whole=2,
    )
    if accept:
        note(f"They are in {client.home.trust} now.", form)
    else:
        note("Ask each party for the name of its key; then: unseen audit keys --accept", form)


@app.command("witness")
def witness(
    every: Annotated[
        float | None, typer.Option(min=1, help="Go on, once every so many seconds.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Cosign the log's newest head, if it extends every head seen before (witness only)."""
    from unseen.client.errors import UnreachableError

    with open_client(home) as client:
        while True:
            try:
                _print_heads([client.cosign()], form)
            except UnreachableError as error:
                if every is None:
                    raise
                typer.echo(f"{error}; trying again", err=True)
            if every is None:
                return
            time.sleep(every)


@app.command("demand")
def demand(
    witnesses: Annotated[
        int | None,
        typer.Argument(min=0, help="How many witnesses of parties.json; 0 for none."),
    ] = None,
    within: Annotated[
        int | None, typer.Option(min=1, help="Seconds since they cosigned, at most; else 3600.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ask nothing unless witnesses have cosigned of late; without a number, show what is asked."""
    from unseen.client.demanding import WITHIN

    with open_client(home) as client:
        if witnesses is not None:
            client.demand_witnesses(witnesses, within or WITHIN)
        found = client.demand
    if form is Format.JSON:
        print_json({"witnesses": found.needed, "within": found.within})
    else:
        rows = [("witnesses", str(found.needed)), ("within", f"{found.within:,} s")]
        show_rows(say("Demanded before anything is asked"), rows if found.needed else rows[:1])


def _print(leaf: "Leaf", form: Format) -> None:
    if form is Format.JSON:
        typer.echo(json.dumps(leaf_json(leaf), ensure_ascii=False))
        return
    said = "  ".join(f"{name} {_short(value)}" for name, value in leaf.fields.items())
    typer.echo(f"{leaf.index:>8}  {leaf.time}  {leaf.type:<20}  {said}")


def _short(value: object) -> str:
    match value:
        case dict():  # a release's request: what was asked under which contract
            return f"{value.get('units')} units of {_short(value.get('contract'))}"
        case str() if len(value) > _LONG:
            return f"{value[:_LONG]}..."
        case str():
            return value
    return json.dumps(value, ensure_ascii=False)


def _print_report(report: "Report", witnesses: int, form: Format) -> None:
    if form is Format.JSON:
        print_json(report.to_json())
        return
    verdict = say("holds.") if report.ok else f"{say('does not hold:')} {report.found:,}"
    rows: list[tuple[str, object]] = list(report.rows())
    if witnesses:
        rows.append(("witnessed", f"leaves 0 to {report.witnessed - 1:,} by {witnesses}"))
    show_rows(f"{say('The log of')} {report.node} {verdict}", rows)
    for finding in report.findings[:_SHOWN]:
        typer.echo(str(finding))
    if any(finding.rule == "trust.missing" for finding in report.findings):
        tell(
            "What rests on a key that the trust file lacks cannot hold. Keys that you have compared"
            " enter the parties.json of a home by: unseen audit keys --accept --home HOME"
        )
    if report.found > _SHOWN:
        typer.echo(f"... and {report.found - _SHOWN:,} more: --format json lists them")


def _print_heads(heads: "list[Head]", form: Format) -> None:
    from unseen.evidence.canonical import b64encode

    print_list(
        form,
        [head_json(item) for item in heads],
        ("from", "log", "leaves", "root", "cosigned by"),
        [
            (
                item.source,
                item.checkpoint.origin,
                item.checkpoint.size,
                b64encode(item.checkpoint.root),
                tuple(f"{w.witness} {w.time:%Y-%m-%dT%H:%M:%SZ}" for w in item.witnesses),
            )
            for item in heads
        ],
        empty="No heads.",
        whole=3,
    )


def _print_comparison(found: "Comparison", form: Format) -> None:
    if form is Format.JSON:
        print_json(
            {
                "heads": [head_json(item) for item in found.heads],
                "forks": [[head_json(one), head_json(other)] for one, other in found.forks],
                "apart": [head_json(item) for item in found.apart],
            }
        )
        return
    _print_heads(list(found.heads), form)
    for one, other in found.forks:
        typer.echo(
            f"FORK: {one.checkpoint.origin} signed two heads of {one.checkpoint.size} leaves: "
            f"{one.source} and {other.source}"
        )
    if found.apart:
        tell(
            f"{len(found.apart)} of these have a size of their own: only the leaves in between can "
            "tell. Check an export against them: unseen audit check DIR --head FILE"
        )
    elif not found.forks:
        typer.echo("No head contradicts another.")
