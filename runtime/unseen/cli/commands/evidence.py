"""`unseen evidence`: everything about one request, for a dispute."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.commands.audit import WitnessesOption
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, print_json
from unseen.cli.trusting import TrustOption, trust_file
from unseen.cli.views import facts_json

if TYPE_CHECKING:
    from unseen.evidence.audit.bundle import Verified

app = App(help="Everything about one request, for a dispute.", no_args_is_help=True)


@app.command("bundle")
def bundle(
    request: Annotated[str, typer.Argument(help="Id of the request or job.", metavar="ID")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; default ID.bundle here.")
    ] = None,
    contract: Annotated[
        str, typer.Option(help="Contract it was charged under; found if left out.")
    ] = "",
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write one file with contract, approvals, request, receipt, proofs and named documents."""
    from unseen.cli.names import resolve_contract
    from unseen.cli.progress import open_client
    from unseen.client.local.home import write_file
    from unseen.evidence import canonical

    identifier = Path(request).name.removesuffix(".receipt").removesuffix(".bundle")
    path = output or Path(f"{identifier}.bundle")
    with open_client(home) as client:
        named = resolve_contract(client, contract) if contract else ""
        found = client.bundle(identifier, named)
    write_file(path, canonical.encode(found) + b"\n")
    if form is Format.JSON:
        print_json({"request": identifier, "file": str(path)})
        return
    typer.echo(f"{path} holds everything about request {identifier}; the answer is not in it.")
    typer.echo(f"Check it anywhere: unseen evidence check {path} --trust parties.json")


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A bundle.")],
    trust: TrustOption = None,
    witnesses: WitnessesOption = 0,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check a bundle offline; exit code 5 if anything does not hold."""
    from unseen.client.audit.checking import check_file

    verified = check_file(file, trust_file(trust, home), witnesses)
    if form is Format.JSON:
        _print_json(verified)
        return
    from unseen.client.evidence import receipt_rows

    terms = verified.terms
    typer.echo(f"The bundle of request {verified.receipt.request} holds.")
    for name, value in receipt_rows(verified.receipt):
        typer.echo(f"  {name:<12}  {value}")
    typer.echo(f"  {'product':<12}  {terms.product} for {terms.scenario}")
    typer.echo(f"  {'signed by':<12}  {', '.join(terms.approvals)}")
    for witness in verified.witnesses:
        when = f"{witness.time:%Y-%m-%dT%H:%M:%SZ}"
        typer.echo(f"  {'witness':<12}  {witness.witness} at {when}, {witness.size:,} entries")
    for identifier, kind in verified.documents.items():
        typer.echo(f"  {'document':<12}  {kind} {identifier}")


def _print_json(verified: "Verified") -> None:
    print_json(
        {
            "valid": True,
            "type": "bundle",
            "facts": facts_json(verified.receipt),
            "terms": verified.terms.to_json(),
            "plan": verified.plan.to_json(),
            "leakage": verified.leakage.to_json(),
            "manifest": verified.manifest.to_json() if verified.manifest else None,
            "witnesses": [item.to_json() for item in verified.witnesses],
            "documents": dict(verified.documents),
        }
    )
