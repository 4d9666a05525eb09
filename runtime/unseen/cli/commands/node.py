"""`unseen node`: making a node, running it, inviting parties."""

import datetime as dt
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unseen.cli.app import App
from unseen.cli.commands import cluster, release, rules
from unseen.cli.failures import UsageError
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
)
from unseen.cli.progress import open_client, working

if TYPE_CHECKING:
    from unseen.client.registry.inheritance import Inherited

app = App(help="Make a node, run it, invite parties.", no_args_is_help=True)
app.add_typer(rules.app, name="rules")
app.add_typer(cluster.app, name="cluster")
app.add_typer(release.app, name="release")

_OPERATOR = "operator"

PassphraseOption = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="File whose first line seals the node's keys."),
]


@app.command("init")
def init(
    *,
    home: HomeOption = DEFAULT_HOME,
    name: Annotated[str, typer.Option(help="Name of the node, part of its log's name.")] = "node",
    listen: Annotated[
        str, typer.Option(help="Address to listen on; other machines need another than loopback.")
    ] = "127.0.0.1:8443",
    host: Annotated[
        list[str] | None, typer.Option(help="Further name or address that clients reach it by.")
    ] = None,
    passphrase_file: PassphraseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a node: its domain authority, its keys, its empty log, and its operator."""
    from unseen.client.local import identity
    from unseen.client.local.profile import Node

    main = node_main()
    operator = home / _OPERATOR
    with working("making the node"):
        enrolment = identity.prepare(operator, _OPERATOR, "operator")
        setup = main.Setup(
            name=name,
            listen=listen,
            hosts=hosts_of(listen, host or ()),
            operator=_OPERATOR,
            enrolment=main.Enrolment(
                enrolment.suite,
                enrolment.evidence_key,
                enrolment.csr,
                enrolment.sign_proof(identity.OPERATOR_INVITATION),
            ),
            passphrase=_passphrase(passphrase_file),
        )
        made = main.initialise(home, setup)
        node = Node(
            name=made.name,
            address=made.address,
            evidence_key=made.evidence_key,
            log_origin=made.log_origin,
            log_key=made.log_key,
            operator_key=enrolment.evidence_key,
        )
        membership = identity.Membership(made.party_certificate, made.ca, node)
        profile = identity.complete(operator, enrolment, membership)
    if form is Format.JSON:
        print_json(
            {
                "name": node.name,
                "address": node.address,
                "log": node.log_origin,
                "operator": profile.key_id,
                "home": str(home),
            }
        )
        return
    tell(
        f"Node {node.name} is ready in {home}; its operator's keys are in {operator}.\n"
        f"Start it: unseen node serve --home {home}"
    )


@app.command("serve")
def serve(
    home: HomeOption = DEFAULT_HOME,
    passphrase_file: PassphraseOption = None,
    executor: Annotated[
        str | None,
        typer.Option(help="Where long tasks run: local, or dask://HOST:PORT of a cluster."),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Run the node until it is told to stop (Ctrl-C or SIGTERM)."""
    main = node_main()

    def ready(address: str) -> None:
        if form is Format.JSON:
            typer.echo(json.dumps({"address": address}))
        else:
            typer.echo(f"The node answers at {address}; stop it with Ctrl-C.")
        sys.stdout.flush()

    passphrase = _passphrase(passphrase_file)
    main.run(home, passphrase=passphrase, ready=ready, executor=executor)


@app.command("invite")
def invite(
    party: Annotated[str, typer.Argument(help="Name of the party to be.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the invitation.")],
    home: HomeOption = DEFAULT_HOME,
    role: Annotated[str, typer.Option(help="Role of the party.")] = "buyer",
    days: Annotated[int, typer.Option(min=1, max=30, help="Days the invitation is good for.")] = 7,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write an invitation for one new party. Hand it over on a channel you trust."""
    from unseen.client.local.home import write_file

    with open_client(home) as client:
        invitation = client.invite(party, role, dt.timedelta(days=days))
    write_file(output, invitation, private=True)
    if form is Format.JSON:
        print_json({"party": party, "role": role, "file": str(output), "days": days})
        return
    typer.echo(str(output))
    note(f"{party} joins with: unseen join {output.name} --home DIR", form)


@app.command("open-rows")
def open_rows(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many rows are drawn.")],
    seed: Annotated[str, typer.Option(help="What they are drawn by: the auditor's own choice.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the opened rows.")],
    home: HomeOption = DEFAULT_HOME,
    passphrase_file: PassphraseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Open drawn rows IN THE CLEAR, on the node's machine, for an auditor who sits there."""
    from unseen.client.local.home import write_file
    from unseen.evidence import canonical

    main = node_main()
    with working("reading the table"):
        opening = main.open_rows(home, table, rows, seed, _passphrase(passphrase_file))
    write_file(output, canonical.encode(opening.to_json()) + b"\n", private=True)
    if form is Format.JSON:
        print_json({"file": str(output), "rows": [row.index for row in opening.opened]})
        return
    typer.echo(f"{output} holds {rows} rows in the clear. It must not leave the domain.")
    note(f"Check it: unseen table check {output} --certificate FILE --home {home}", form)


@app.command("handover")
def handover(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="New folder for all that goes.")],
    to: Annotated[
        str, typer.Option(help="Successor: a name in parties.json, or the name of its key.")
    ],
    delete_sources: Annotated[
        bool, typer.Option("--delete-sources", help="Delete the tables' own files as well.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    home: HomeOption = DEFAULT_HOME,
    passphrase_file: PassphraseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """End this node for good and hand it over to a successor operator. Stop it first."""
    from unseen.client.local.home import find_home
    from unseen.client.local.keys import load_signer
    from unseen.client.parties import key_name

    main, own = node_main(), find_home(home)
    question = f"End the node in {home}: revoke every contract, destroy its keys?"
    if not (yes or (form is Format.TABLE and typer.confirm(question))):
        raise UsageError(
            "a handover cannot be undone", clause="handover", remedy="say --yes if you mean it"
        )
    with working("handing over"):
        done = main.hand_over(
            home,
            folder,
            successor=key_name(own, to),
            signer=load_signer(own, "party"),
            delete_sources=delete_sources,
            passphrase=_passphrase(passphrase_file),
        )
    left = [item for item in done.deletion.items if not item.deleted]
    if form is Format.JSON:
        print_json(
            {
                "folder": str(folder),
                "handover": done.handover.to_json(),
                "deletion": done.deletion.to_json(),
                "contracts": done.contracts,
                "units_left": done.units,
            }
        )
        return
    typer.echo(f"{folder} holds the log, the certificates and {done.units:,} units of unused quota")
    typer.echo(f"of {done.contracts} contracts. This node serves nobody any more.")
    for item in left:
        typer.echo(f"Not deleted: {item.what} of {item.name}; that is yours to do.")
    note(f"The successor takes it over: unseen node takeover {folder} --trust FILE", form)


@app.command("takeover")
def takeover(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="What came.")],
    trust: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="Keys you trust, the predecessor's among them."
        ),
    ],
    home: HomeOption = DEFAULT_HOME,
    passphrase_file: PassphraseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check what a predecessor handed over and import it. Stop this node first."""
    from unseen.evidence.trust import parse

    main = node_main()
    with working("checking the predecessor's log"):
        done = main.take_over(home, folder, parse(trust.read_bytes()), _passphrase(passphrase_file))
    units = sum(line.left for line in done.quota)
    if form is Format.JSON:
        print_json(
            {
                "handover": done.handover.to_json(),
                "leaves": done.leaves,
                "releases": done.releases,
                "certificates": done.certificates,
                "quota": [line.to_json() for line in done.quota],
                "archive": str(done.archive),
            }
        )
        return
    typer.echo(f"The log of {done.handover.log} holds: {done.leaves:,} leaves, kept in")
    typer.echo(f"{done.archive}. Imported: {done.certificates} certificates and {units:,} units")
    tell(f"left under {len(done.quota)} contracts: unseen node inherited --home {home}")


@app.command("inherited")
def inherited(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """List the quota that buyers had left at nodes this one took over (operator only)."""
    with open_client(home) as client:
        found = client.inherited()
    print_list(
        form,
        [_inherited_json(each) for each in found],
        ("contract", "product", "left", "buyer's key", "taken on by"),
        [
            (each.contract, each.product, f"{each.left:,}", each.buyer, each.successor or "-")
            for each in found
        ],
        empty="Nothing was taken over.",
    )


@app.command("inherit")
def inherit(
    contract: Annotated[str, typer.Argument(help="The predecessor's contract: its id.")],
    successor: Annotated[str, typer.Argument(help="The contract here that takes the rest on.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Note that a contract here takes on what was left under a predecessor's (operator only)."""
    from unseen.cli.names import resolve_contract

    with open_client(home) as client:
        old = contract.rpartition("/")[2]
        found = client.inherit_quota(old, resolve_contract(client, successor))
    print_card(found, form, _inherited_json(found))


def _inherited_json(quota: "Inherited") -> dict[str, object]:
    return {
        "contract": quota.contract,
        "origin": quota.origin,
        "buyer": quota.buyer,
        "product": quota.product,
        "kind": quota.kind,
        "units": quota.units,
        "used": quota.used,
        "left": quota.left,
        "successor": quota.successor,
    }


def hosts_of(listen: str, more: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a node's certificate is good for."""
    own = listen.rpartition(":")[0].strip("[]")
    found = ["localhost", "127.0.0.1", *more]
    if own not in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared, not bound
        found.append(own)
    return tuple(dict.fromkeys(found))


def _passphrase(path: Path | None) -> bytes | None:
    if path is None:
        return None
    first = path.read_bytes().partition(b"\n")[0]
    if not first:
        raise UsageError(
            f"{path} has an empty first line", clause="passphrase", remedy="write one into it"
        )
    return first


def node_main() -> Any:
    """Return the node's entry points, once it is known that its libraries are there."""
    try:
        from unseen.node import main
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the node's libraries are not installed: {error.name}",
            clause="install",
            remedy="install the project with its node part: unseen[node]",
        ) from None
    return main
