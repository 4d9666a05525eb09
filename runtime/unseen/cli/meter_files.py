"""Files that bills are made from and written to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.failures import UsageError
from unseen.cli.progress import open_client

if TYPE_CHECKING:
    from unseen.evidence.audit.export import Export

ContractArgument = Annotated[
    str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
]
ExportOption = Annotated[
    Path | None,
    typer.Option("--export", exists=True, file_okay=False, help="An export of the node's log."),
]
ReceiptsOption = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="Receipts of the party's other instances."),
]


def receipt_files(folder: Path | None) -> list[Path]:
    """Return the receipts in a folder, in the order of their names."""
    return [] if folder is None else sorted(folder.glob("*.receipt"))


def write_statement(path: Path, statement: bytes, signer: Path | None) -> None:
    """Write a statement; signed by the party of the home `signer`, if it is given."""
    from unseen.client.local.home import write_file

    if signer is None:
        write_file(path, statement)
        return
    with open_client(signer) as client:
        write_file(path, client.sign_statement(statement).encode() + b"\n")


def exported_contract(export: "Export", text: str) -> bytes:
    """Return the id of the contract of an export that `text` is, or is the beginning of.

    Raises:
        UsageError: no contract, or more than one, begins like that.

    """
    from unseen.evidence.canonical import b64encode

    wanted = text.removeprefix("contracts/")
    found = [item.id for item in export.contracts() if b64encode(item.id).startswith(wanted)]
    if not wanted or len(found) != 1:
        raise UsageError(
            f"{len(found)} contracts of the export have an id that begins with {text!r}",
            clause="contract",
            remedy="give more of the id",
        )
    return found[0]
