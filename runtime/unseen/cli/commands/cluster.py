"""`unseen node cluster`: machines that a node's long tasks run on."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from unseen.cli.app import App
from unseen.cli.hints import tell
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, print_json

app = App(help="Machines that a node's long tasks run on.", no_args_is_help=True)

_FOLDER = "cluster"
FilesOption = Annotated[
    Path | None,
    typer.Option("--files", file_okay=False, help="The cluster's files; else HOME/cluster."),
]


@app.command("init")
def init(
    files: FilesOption = None,
    home: HomeOption = DEFAULT_HOME,
    name: Annotated[str, typer.Option(help="Name of the cluster, in its certificates.")] = "unseen",
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days they are good for.")] = 365,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make the files that open a cluster. Whoever has them may run code on all its machines."""
    from unseen.cli.commands.node import node_main

    folder = files or home / _FOLDER
    made = node_main().make_cluster(folder, name, days)
    if form is Format.JSON:
        print_json({"ca": str(made.ca), "member": str(made.member), "days": days})
        return
    tell(
        f"{folder} opens a new cluster. Copy it to each machine, on a channel you trust, then\n"
        f"start a scheduler: unseen node cluster scheduler --files {folder} --listen HOST:8786"
    )


@app.command("scheduler")
def scheduler(
    files: FilesOption = None,
    home: HomeOption = DEFAULT_HOME,
    listen: Annotated[
        str, typer.Option(help="Address to listen on; other machines need another than loopback.")
    ] = "127.0.0.1:8786",
    form: FormatOption = Format.TABLE,
) -> None:
    """Run a cluster's scheduler until it is told to stop (Ctrl-C or SIGTERM)."""
    from unseen.cli.commands.node import node_main

    ready = _ready(form, "The scheduler answers at {}; stop it with Ctrl-C.")
    node_main().run_scheduler(files or home / _FOLDER, listen, ready)


@app.command("worker")
def worker(
    address: Annotated[str, typer.Argument(help="The scheduler: dask://HOST:PORT.")],
    files: FilesOption = None,
    home: HomeOption = DEFAULT_HOME,
    tasks: Annotated[
        int, typer.Option(min=0, max=1024, help="Tasks at once; 0 is one for each core.")
    ] = 0,
    host: Annotated[
        str, typer.Option(help="This machine's address for the others, if not the obvious one.")
    ] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Work for a cluster's scheduler until told to stop (Ctrl-C or SIGTERM), or it is lost."""
    from unseen.cli.commands.node import node_main

    ready = _ready(form, "The worker answers at {}; stop it with Ctrl-C.")
    count = tasks or len(os.sched_getaffinity(0))
    node_main().run_worker(files or home / _FOLDER, address, count, host, ready)


def _ready(form: Format, text: str) -> Callable[[str], None]:
    def ready(address: str) -> None:
        typer.echo(
            json.dumps({"address": address}) if form is Format.JSON else text.format(address)
        )
        sys.stdout.flush()

    return ready
