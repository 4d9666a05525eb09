"""`unseen certificate`: what was registered, when, and whose it is."""

import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.names import SHORT, resolve
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
from unseen.cli.progress import open_client
from unseen.cli.trusting import TrustOption, trust_file
from unseen.cli.words import say

if TYPE_CHECKING:
    from unseen.client.api import Client
    from unseen.client.registry.registrations import CertificateCard
    from unseen.evidence.canonical import Json

app = App(help="Registration certificates.", no_args_is_help=True)

CertificateArgument = Annotated[
    str, typer.Argument(help="Id of the certificate, or the beginning of it.", metavar="ID")
]


class Object(Enum):
    """What a certificate is about."""

    ALL = ""
    TABLE = "table"
    PRODUCT = "product"
    CONTRACT = "contract"


@app.command("list")
def list_certificates(
    what: Annotated[
        Object, typer.Option("--object", help="Only of tables, products or contracts.")
    ] = Object.ALL,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the certificates that this party may see."""
    with open_client(home) as client:
        found = client.certificates(what.value)
    print_list(
        form,
        [certificate_json(card) for card in found],
        ("id", "of", "name", "issued", "held by"),
        [
            (
                card.id,
                card.certificate.object,
                _name(card),
                card.certificate.issued_at.date(),
                _holder(card),
            )
            for card in found
        ],
        empty="No certificates. They come with: unseen table add, product add, contract sign",
    )


@app.command("show")
def show(
    certificate: CertificateArgument,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a certificate."""
    with open_client(home) as client:
        found = client.certificate(_resolve(client, certificate))
    print_card(found, form, certificate_json(found))


@app.command("export")
def export(
    certificate: CertificateArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the bundle.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write a file that proves a certificate and its holders to whoever trusts the node."""
    from unseen.client.local.home import write_file

    with open_client(home) as client:
        identifier = _resolve(client, certificate)
        bundle, trust = client.export_certificate(identifier), client.home.trust
    write_file(output, bundle + b"\n")
    if form is Format.JSON:
        print_json({"id": identifier, "file": str(output)})
        return
    typer.echo(str(output))
    note(f"Anybody checks it: unseen certificate verify {output} --trust {trust}", form)


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Exported bundle.")],
    trust: TrustOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check an exported certificate. Needs no network, no node and, with --trust, no home."""
    from unseen.evidence import canonical
    from unseen.evidence.canonical import b64encode, format_time
    from unseen.evidence.registry.registration import verify_bundle
    from unseen.evidence.suite import key_id, suite_of

    bundle = canonical.decode(file.read_bytes().removesuffix(b"\n"))
    found = verify_bundle(bundle, trust_file(trust, home))
    certificate = found.certificate
    suite = suite_of(certificate.suite)
    holders = [key_id(suite, holder) for holder in found.holders]
    if form is Format.JSON:
        print_json(
            {
                "valid": True,
                "id": b64encode(found.id),
                "issuer": found.issuer,
                "certificate": certificate.to_json(),
                "holders": list(holders),
                "log": found.log,
                "index": found.index,
                "size": found.size,
            }
        )
        return
    show_rows(
        f"{say('Certificate')} {b64encode(found.id)} {say('is valid.')}",
        (
            ("of", f"{certificate.object} {certificate.name}"),
            ("digest", b64encode(certificate.digest)),
            ("issued", f"{format_time(certificate.issued_at)} by {found.issuer}"),
            ("held by", f"{holders[-1]} after {len(holders) - 1} transfers"),
            ("as of", f"{found.size} entries of {found.log}"),
        ),
    )


@app.command("transfer")
def transfer(
    certificate: CertificateArgument,
    to: Annotated[str, typer.Option(help="Next holder: a name in parties.json, or a public key.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Hand a certificate on, in its present holder's home."""
    with open_client(home) as client:
        found = client.transfer_certificate(_resolve(client, certificate), to)
    print_card(found, form, certificate_json(found))


def certificate_json(card: "CertificateCard") -> "Json":
    """Return a certificate as JSON."""
    from unseen.evidence.canonical import b64encode

    return {
        "id": card.id,
        "certificate": card.certificate.to_json(),
        "holder": b64encode(card.holder),
        "holder_name": card.holder_name,
        "signature_verified": card.checked,
        "token": card.token,
    }


def _resolve(client: "Client", text: str) -> str:
    return resolve("certificate", text, lambda: (card.id for card in client.certificates()))


def _holder(card: "CertificateCard") -> str:
    """Return who holds it, with as much of the key's name as can be told apart."""
    return re.sub(r"[\w-]{43}", lambda key: key[0][:SHORT], card.holder_name)


def _name(card: "CertificateCard") -> str:
    """Return what a certificate is of; a contract by the beginning of its id."""
    certificate = card.certificate
    return certificate.name[:SHORT] if certificate.object == "contract" else certificate.name
