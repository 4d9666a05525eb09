"""`unseen job`: what the node is at, how far it is, and how to stop it."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.names import resolve, resolve_contract
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_card,
    print_json,
    print_list,
    show_card,
)
from unseen.cli.progress import board, open_client
from unseen.cli.views import job_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unseen.client.api import Client
    from unseen.client.jobs import Job

app = App(help="Work that takes longer than a call.", no_args_is_help=True)

JobArgument = Annotated[
    str, typer.Argument(help="Id of the job, or the beginning of it.", metavar="JOB")
]
_ID_LENGTH = 32


class State(Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    REVIEW = "review"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@app.command("list")
def list_jobs(
    *,
    contract: Annotated[str, typer.Option(help="Only the jobs of this contract.")] = "",
    state: Annotated[list[State] | None, typer.Option(help="Only jobs that stand there.")] = None,
    limit: Annotated[int, typer.Option("-n", min=1, help="How many, the newest first.")] = 50,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """List jobs, the newest first: the operator's are all, a buyer's those for its contracts."""
    from unseen.client.jobs import JobState

    with open_client(home) as client:
        found = client.jobs(
            resolve_contract(client, contract) if contract else "",
            [JobState(item.value) for item in state or ()],
            limit,
        )
    print_list(
        form,
        [job_json(job) for job in found],
        ("id", "kind", "about", "state", "progress", "for", "created"),
        [
            (
                job.id,
                job.kind,
                job.about,
                job.state.value + (f" ({job.failure})" if job.failure else ""),
                job.progress,
                job.buyer or "the node",
                job.created_at,
            )
            for job in found
        ],
        empty="No jobs.",
    )


@app.command("show")
def show(
    job: JobArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Show a job as it stands."""
    with open_client(home) as client:
        found = client.job(_resolve(client, job))
    print_card(found, form, job_json(found))


@app.command("watch")
def watch(
    job: JobArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Show a job moving until it has ended; with --format json, a line for each change.

    Ends with code 3 if the job was not done.
    """
    from unseen.client import Client

    with Client(home) as client:
        found = client.job(_resolve(client, job))
        last = _told(found) if form is Format.JSON else _shown(found)
    if form is Format.TABLE:
        show_card(last)
    if last.state.value not in ("done", "review"):
        raise typer.Exit(3)


@app.command("cancel")
def cancel(
    job: JobArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why, for the log; never about a person.")] = "",
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Stop a job at its next step."""
    with open_client(home) as client:
        found = client.job(_resolve(client, job)).cancel(reason)
    print_card(found, form, job_json(found))


@app.command("retry")
def retry(
    job: JobArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Begin anew what failed or was cancelled, as another job (operator)."""
    with open_client(home) as client:
        found = client.job(_resolve(client, job)).retry()
    print_card(found, form, job_json(found))
    note(f"See it move: unseen job watch {found.id} --home {home}", form)


@app.command("fetch")
def fetch(
    job: JobArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the result.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Fetch a job's result; the node destroys its own copy once the file is written."""
    from unseen.client.local.home import write_file

    with open_client(home, doing="fetching the result") as client:
        identifier = _resolve(client, job)
        result = client.job(identifier).result(lambda data: write_file(output, data, private=True))
    if form is Format.JSON:
        print_json({"job": identifier, "file": str(output), "bytes": len(result)})
        return
    typer.echo(str(output))


def _told(job: "Job") -> "Job":
    last = job
    for moved in job.watch():
        last = moved
        print_json(job_json(last))
    return last


def _shown(job: "Job") -> "Job":
    last = job
    with board() as bars:
        for moved in job.watch():
            last = moved
            what = f"{moved.about}: {moved.phase or moved.state.value}"
            bars.report(what, moved.done, moved.total)
    return last


def _resolve(client: "Client", text: str) -> str:
    def known() -> "Iterator[str]":
        return (job.id for job in client.jobs(limit=500))

    return resolve("job", text, known, length=_ID_LENGTH)
