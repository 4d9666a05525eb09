"""`unseen consent`: what subjects permit, handed over by a hub, taken back, and proven."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.consent_view import print_proof, proof_json, registered_json
from unseen.cli.failures import UsageError
from unseen.cli.names import SHORT
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_card,
    print_json,
    print_list,
)
from unseen.cli.progress import open_client
from unseen.cli.trusting import TrustOption, trust_file

if TYPE_CHECKING:
    from unseen.client.consents import Permission
    from unseen.evidence.suite import Signer

app = App(help="What people permit (数据主体授权), for hubs.", no_args_is_help=True)

TableArgument = Annotated[
    str, typer.Argument(help="Table that the subject is in.", metavar="TABLE")
]
ValuesArgument = Annotated[
    list[str],
    typer.Argument(help="The subject's values, in the order of its columns.", metavar="VALUE..."),
]
RecipientOption = Annotated[
    str, typer.Option("--recipient", help="Buyer of parties.json, or the name of its key.")
]
ScenarioOption = Annotated[str, typer.Option("--scenario", help="What it is for, in one word.")]
DaysOption = Annotated[int, typer.Option("--days", min=1, help="For how many days from now.")]
NoticeOption = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help="File with the text that the subject was shown."
    ),
]
ProductOption = Annotated[
    list[str] | None,
    typer.Option("--product", help="For this product alone; may be given several times."),
]
OnceOption = Annotated[bool, typer.Option("--once", help="For a single use, by `verify`.")]
KeyOption = Annotated[
    Path | None,
    typer.Option("--key", dir_okay=False, help="Key file of the signer; the hub's own without."),
]


@app.command("add")
def add(
    *,
    table: Annotated[str, typer.Argument(help="Table that the subject is in.")] = "",
    values: Annotated[
        list[str] | None,
        typer.Argument(help="The subject's values, in column order.", metavar="VALUE..."),
    ] = None,
    recipient: RecipientOption = "",
    scenario: ScenarioOption = "",
    days: DaysOption = 365,
    notice: NoticeOption = None,
    product: ProductOption = None,
    once: OnceOption = False,
    key: KeyOption = None,
    delegation: Annotated[
        str,
        typer.Option(help="Id of the delegation that makes the key the subject's or trustee's."),
    ] = "",
    signed: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Hand over this signed consent instead."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Hand a consent over: signed by the hub for a subject without a key, or with --key."""
    with open_client(home) as client:
        if signed is not None:
            token = signed.read_text(encoding="ascii", errors="replace").strip()
        else:
            permission = _permission(table, recipient, scenario, days, notice, product, once)
            token = client.sign_consent(
                _subject(values), permission, signer=_signer(key), delegation=delegation
            )
        given = client.add_consent(token)
    print_card(given, form, {"id": given.id, "root": given.root})


@app.command("withdraw")
def withdraw(
    identifiers: Annotated[
        list[str], typer.Argument(help="Ids of consents, or of one delegation.", metavar="ID...")
    ],
    delegation: Annotated[
        bool, typer.Option("--delegation", help="Take a delegation back, and those under it.")
    ] = False,
    consents: Annotated[
        bool, typer.Option("--consents", help="With it, all that was consented to under it.")
    ] = False,
    key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take consents back: for verifications at once, for lookups within the contract's latency."""
    if consents and not delegation:
        raise UsageError("--consents goes with --delegation", clause="--consents", remedy="--help")
    if delegation and len(identifiers) > 1:
        raise UsageError("one delegation at a time", clause="--delegation", remedy="--help")
    with open_client(home) as client:
        signer = _signer(key)
        if delegation:
            root = client.withdraw_delegation(identifiers[0], consents=consents, signer=signer)
        elif len(identifiers) == 1:
            root = client.withdraw_consent(identifiers[0], signer=signer)
        else:
            tokens = [client.sign_withdrawal(each, signer=signer) for each in identifiers]
            root = client.import_consents(tokens).root
    if form is Format.JSON:
        print_json({"withdrawn": identifiers, "root": root})
    else:
        typer.echo(f"Taken back; not in force since root {root} at the latest.")


@app.command("import")
def import_file(
    *,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV file with a header.")
    ],
    table: Annotated[str, typer.Option(help="Table that the subjects are in.")] = "",
    recipient: RecipientOption = "",
    scenario: ScenarioOption = "",
    days: DaysOption = 365,
    notice: NoticeOption = None,
    product: ProductOption = None,
    once: OnceOption = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on behind what the node has already.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Hand many consents and withdrawals over: all, or none and the numbers of the bad lines.

    The header names the subject's columns, and may name recipient, scenario, products (with ;
    between), once (yes or no), until and withdraw (an id: that consent is taken back instead).
    Options stand for what a line leaves out. Or its one column is `document`: signed documents.
    """
    from unseen.cli.consent_files import read_consents

    with open_client(home) as client:
        default = _permission(table, recipient, scenario, days, notice, product, once, whole=False)
        taken = client.import_consents(read_consents(client, file, default), resume=resume)
    value = {
        "added": taken.added,
        "withdrawn": taken.withdrawn,
        "known": taken.known,
        "root": taken.root,
    }
    print_card(taken, form, value)


@app.command("delegate")
def delegate(
    *,
    role: Annotated[str, typer.Argument(help="person, company or trustee.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(help="The subject's values, in column order.", metavar="VALUE..."),
    ] = None,
    table: Annotated[str, typer.Option(help="Table that the subject is in.")] = "",
    for_key: Annotated[
        Path | None,
        typer.Option(
            "--for-key", dir_okay=False, help="Key file of the delegate; made if missing."
        ),
    ] = None,
    public_key: Annotated[
        str, typer.Option(help="Public key of the delegate (base64url), instead of its file.")
    ] = "",
    days: DaysOption = 365,
    links: Annotated[
        int, typer.Option(min=0, max=3, help="How often the delegate may give this on.")
    ] = 0,
    recipient: Annotated[
        list[str] | None, typer.Option(help="Only for this key name; several times for more.")
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="Only for this scenario; several times for more.")
    ] = None,
    under: Annotated[str, typer.Option(help="Id of the delegation that --key gives on.")] = "",
    key: KeyOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say whose a key is: a person's, a company's, or a trustee's who acts for many (受托人)."""
    from unseen.client.consents import Trusteeship

    if role not in ("person", "company", "trustee"):
        raise UsageError("no such role", clause="role", remedy="person, company or trustee")
    wish = Trusteeship(
        key=_delegate_key(for_key, public_key),
        role=role,  # type: ignore[arg-type]  # looked at above
        until=_until(days),
        table=table,
        subject=_subject(values) if values else None,
        links=links,
        recipients=tuple(recipient or ()),
        scenarios=tuple(scenario or ()),
    )
    with open_client(home) as client:
        name = client.delegate(wish, under=under, signer=_signer(key))
    if form is Format.JSON:
        print_json({"id": name})
        return
    typer.echo(f"Delegation {name}")
    note(f"Its owner signs with: unseen consent add --key FILE --delegation {name}", form)


@app.command("show")
def show(
    table: TableArgument,
    values: ValuesArgument,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """List every consent of a subject, whatever became of it."""
    with open_client(home) as client:
        found = client.consents(table, _subject(values))
    rows = [
        (
            each.id,
            each.consent.scenario,
            each.consent.recipient[:SHORT],
            each.consent.role,
            each.consent.until.date(),
            each.cause or "in force",
        )
        for each in found
    ]
    print_list(
        form,
        [registered_json(each) for each in found],
        ("id", "scenario", "recipient", "signed by", "until", "state"),
        rows,
        empty="No consent of this subject was ever handed over.",
    )


@app.command("prove")
def prove(
    *,
    table: TableArgument,
    values: ValuesArgument,
    job: Annotated[str, typer.Option(help="Request id of a job.")] = "",
    leaf: Annotated[int | None, typer.Option(min=0, help="A job's index in the log.")] = None,
    root: Annotated[int, typer.Option(min=0, help="Number of a root; the newest without.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="File for the proof.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Have the node prove what was in force, and whether a job could use the subject's row."""
    if sum((bool(job), leaf is not None, bool(root))) > 1:
        raise UsageError("give one of --job, --leaf and --root", clause="--job", remedy="--help")
    with open_client(home) as client:
        bundle, proof = client.prove_consent(table, _subject(values), job=job, leaf=leaf, root=root)
        trust = client.home.trust
    if output is not None:
        from unseen.client.local.home import write_json

        write_json(output, bundle, private=True)
    if form is Format.JSON:
        print_json({**proof_json(proof), "proof": bundle if output is None else str(output)})
        return
    print_proof(proof)
    if output is not None:
        note(f"Anybody checks it: unseen consent verify {output} --trust {trust}", form)


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The proof.")],
    trust: TrustOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check a proof offline, with nothing but the keys that you trust."""
    from unseen.evidence import canonical
    from unseen.evidence.consents.consent_proof import verify_consent_proof

    bundle = canonical.load(file.read_bytes())
    proof = verify_consent_proof(bundle, trust_file(trust, home))
    if form is Format.JSON:
        print_json(proof_json(proof))
    else:
        print_proof(proof)


@app.command("roots")
def roots(
    after: Annotated[int, typer.Option(min=0, help="Only those with a higher number.")] = 0,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the roots of the tree of consents (hub, operator, auditor, regulator)."""
    from unseen.evidence.canonical import format_time

    with open_client(home) as client:
        found = list(client.consent_roots(after))
    print_list(
        form,
        [{"leaf": leaf, **root.to_json()} for leaf, root in found],
        ("number", "leaf", "subjects", "time"),
        [(root.number, leaf, root.size, format_time(root.time)) for leaf, root in found],
        empty="No root: this node has had nothing to do with consent.",
    )


def _permission(
    table: str,
    recipient: str,
    scenario: str,
    days: int,
    notice: Path | None,
    product: list[str] | None,
    once: bool,
    *,
    whole: bool = True,
) -> "Permission":
    from unseen.client.consents import Permission

    given = {
        "table": table,
        "--recipient": recipient,
        "--scenario": scenario,
        "--notice": notice,
    }
    missing = [name for name, value in given.items() if not value]
    if missing and whole:
        raise UsageError(
            f"a consent says {', '.join(missing)}", clause=missing[0], remedy="see --help"
        )
    return Permission(
        recipient=recipient,
        scenario=scenario,
        table=table,
        until=_until(days),
        notice=b"" if notice is None else notice.read_bytes(),
        products=tuple(product or ()),
        once=once,
    )


def _subject(values: list[str] | None) -> "list[str]":
    if not values:
        raise UsageError("no subject was given", clause="VALUE", remedy="give its values, in order")
    return values


def _signer(path: Path | None) -> "Signer | None":
    if path is None:
        return None
    from unseen.client.local.keys import load_key_file

    return load_key_file(path)


def _delegate_key(path: Path | None, text: str) -> bytes:
    from unseen.client.local.keys import make_key_file
    from unseen.evidence.canonical import b64decode

    if (path is None) == (not text):
        raise UsageError(
            "give --for-key or --public-key", clause="--for-key", remedy="one of the two"
        )
    return b64decode(text) if path is None else make_key_file(path).public_key


def _until(days: int) -> dt.datetime:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).replace(microsecond=0)
