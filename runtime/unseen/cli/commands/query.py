"""`unseen lookup` and `unseen verify`: asking under a contract."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.failures import UsageError
from unseen.cli.names import resolve_contract
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_json,
    print_list,
    show_card,
)
from unseen.cli.progress import open_client
from unseen.cli.subject_files import subjects_in
from unseen.cli.views import verdict_json

if TYPE_CHECKING:
    from unseen.client.subjects import Subject
    from unseen.client.verdicts import Verdict

ContractArgument = Annotated[
    str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
]
ValuesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="The subject's values, in the order of its columns.", metavar="VALUE..."),
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        exists=True,
        dir_okay=False,
        help="File of many subjects: CSV with a header; or Parquet, Arrow.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="File for the verdicts: CSV; or .parquet, .arrow, .arrows."
    ),
]


def lookup(
    contract: ContractArgument,
    values: ValuesArgument = None,
    file: FileOption = None,
    output: OutputOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ask about a subject without the operator learning which."""
    subjects = read_subjects(values, file)
    check_output(output)
    with open_client(home) as client:
        verdicts = client.lookup_many(resolve_contract(client, contract), subjects)
        if output is not None:
            client.verdict_rows(verdicts).write(output)
    _print(verdicts, form, output, single=file is None)


def verify(
    contract: ContractArgument,
    values: ValuesArgument = None,
    file: FileOption = None,
    output: OutputOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ask about a subject that the operator gets to know."""
    subjects = read_subjects(values, file)
    check_output(output)
    with open_client(home) as client:
        identifier = resolve_contract(client, contract)
        verdicts = [client.verify(identifier, subject) for subject in subjects]
        if output is not None:
            client.verdict_rows(verdicts).write(output)
    _print(verdicts, form, output, single=file is None)


def read_subjects(values: list[str] | None, file: Path | None) -> "list[Subject]":
    """Return the subjects that were typed, or those of a file by the names of its columns.

    Raises:
        UsageError: there are none, both were given, or the file is malformed.

    """
    if bool(values) == (file is not None):
        raise UsageError(
            "give the values of one subject, or a file of many",
            clause="subject",
            remedy="for example: unseen lookup CONTRACT 100654, or --file subjects.csv",
        )
    if file is None:
        return [tuple(values or ())]
    return subjects_in(file)


def check_output(output: Path | None) -> None:
    """Refuse a file that could not be written, before anything is paid for.

    Raises:
        InputInvalidError: it needs what is not installed.
        OSError: it is a folder, or there is none for it.

    """
    from unseen.client.rows import check_target

    if output is not None:
        check_target(output)


def _print(verdicts: "list[Verdict]", form: Format, output: Path | None, *, single: bool) -> None:
    if form is Format.JSON:
        found = [verdict_json(verdict) for verdict in verdicts]
        print_json(found[0] if single else found)
        return
    if output is not None:
        note(f"{len(verdicts):,} of them: {output}", form)
    elif single:
        show_card(verdicts[0])
    else:
        _list(verdicts, form)
    if not single or output is not None:
        paid = sum(not verdict.cached for verdict in verdicts)
        note(
            f"{paid} units used, {len(verdicts) - paid} opened before; see them:"
            " unseen receipt list",
            form,
        )


def _list(verdicts: "list[Verdict]", form: Format) -> None:
    outputs = list(verdicts[0].answers)
    print_list(
        form,
        verdicts,
        ("receipt", "subject", *outputs),
        [
            (
                verdict.request_id,
                " / ".join(verdict.subject),
                *(verdict.said(name) for name in outputs),
            )
            for verdict in verdicts
        ],
        empty="",
    )
