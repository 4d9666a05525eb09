"""`unseen evidence`: everything about one request, for a dispute."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.commands.audit import WitnessesOption
from unseen.cli.hints import tell
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, print_json, show_rows
from unseen.cli.trusting import TrustOption, trust_file
from unseen.cli.views import facts_json
from unseen.cli.words import say

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
        found, trust = client.bundle(identifier, named), client.home.trust
    write_file(path, canonical.encode(found) + b"\n")
    if form is Format.JSON:
        print_json({"request": identifier, "file": str(path)})
        return
    typer.echo(f"{path} holds everything about request {identifier}; the answer is not in it.")
    tell(f"Check it anywhere: unseen evidence check {path} --trust {trust}")


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
    rows: list[tuple[str, object]] = [
        *receipt_rows(verified.receipt),
        ("product", f"{terms.product} for {terms.scenario}"),
        ("signed by", terms.approvals),
    ]
    for witness in verified.witnesses:
        when = f"{witness.time:%Y-%m-%dT%H:%M:%SZ}"
        rows.append(("witness", f"{witness.witness} at {when}, {witness.size:,} entries"))
    rows += [("document", f"{kind} {name}") for name, kind in verified.documents.items()]
    title = f"{say('The bundle of request')} {verified.receipt.request} {say('holds.')}"
    show_rows(title, rows)


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
