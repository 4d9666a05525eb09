"""`unseen contract`: asked for by a buyer, explained, signed by both, ended by either."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.explain_view import print_explanation, print_plan
from unseen.cli.names import OfflineOption, resolve_contract
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
from unseen.cli.views import contract_json, contract_object, explanation_json
from unseen.cli.words import OwnLanguageOption, present_language
from unseen.cli.writing import OutputOption, linked, write_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unseen.client.agreements.contracts import Contract
    from unseen.client.agreements.explanations import Explanation
    from unseen.client.api import Client
    from unseen.evidence.canonical import Json
    from unseen.evidence.contracts.joint import Joint
    from unseen.protocols.train import Spec

app = App(help="What may be asked, by whom, how often.", no_args_is_help=True)

ContractArgument = Annotated[
    str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
]


OpeningsOption = Annotated[
    bool, typer.Option("--openings", help="Agree to open hidden queries on a lawful order.")
]
TemplateOption = Annotated[
    str, typer.Option(help="Stay within this template: then it needs no signature of its signers.")
]
OrderOption = Annotated[str, typer.Option(help="Number of the order at a data exchange.")]
RegionOption = Annotated[str, typer.Option(help="Where the answers are used, as CN or CN-44.")]
GroupOption = Annotated[int, typer.Option(min=0, help="Smallest group of an aggregate.")]
BudgetOption = Annotated[str, typer.Option(help="Most epsilon of aggregates, in decimal.")]
DeclareOption = Annotated[
    list[str] | None, typer.Option("--declare", help="A sentence that you sign with it.")
]
JointOption = Annotated[
    Path | None,
    typer.Option(
        "--joint",
        exists=True,
        dir_okay=False,
        help="File with the joint clause: add this node's numbers up with other nodes'.",
    ),
]
DeclareAllOption = Annotated[
    bool, typer.Option("--declare-all", help="Declare what the template asks to be declared.")
]


TrainOption = Annotated[
    Path | None,
    typer.Option(
        "--train",
        exists=True,
        dir_okay=False,
        help="TOML file of a training; the joint clause is over it.",
    ),
]


@app.command("request")
def request(
    *,
    product: Annotated[str, typer.Argument(help="Name of the product.")],
    outputs: Annotated[
        str, typer.Option(help="Names of the questions, with commas; a training names its own.")
    ] = "",
    scenario: Annotated[str, typer.Option(help="What the answers are for, in one word.")],
    units: Annotated[int, typer.Option(min=1, help="How many subjects may be asked about.")],
    days: Annotated[int, typer.Option(min=1, help="How many days from now.")] = 30,
    per_minute: Annotated[
        int | None, typer.Option(min=1, help="Units within a minute; without it, all of them.")
    ] = None,
    openings: OpeningsOption = False,
    template: TemplateOption = "",
    order: OrderOption = "",
    region: RegionOption = "",
    group: GroupOption = 0,
    budget: BudgetOption = "",
    declare: DeclareOption = None,
    declare_all: DeclareAllOption = False,
    joint: JointOption = None,
    train: TrainOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ask for a contract (buyer). Read what it leaks before you sign it."""
    clause = None if joint is None else read_clause(joint)
    with open_client(home) as client:
        spec = None if train is None else _training(client, product, train, clause)
        contract = client.request_contract(
            product,
            outputs=_outputs(outputs, spec),
            scenario=scenario,
            units=units,
            days=days,
            per_minute=per_minute,
            openings=openings,
            template=template,
            order=order,
            region=region,
            group=group,
            budget=budget,
            declarations=_declarations(client, template, declare, declare_all),
            joint=clause,
            train=spec,
        )
    print_card(contract, form, contract_json(contract))
    note(f"Read what it leaks: unseen contract explain {contract.id}", form)


@app.command("explain")
def explain(
    *,
    subject: Annotated[
        str,
        typer.Argument(
            help="Id of a contract, or the beginning of it; or a product, with what you would ask.",
            metavar="CONTRACT|PRODUCT",
        ),
    ],
    outputs: Annotated[
        str, typer.Option(help="Names of the questions, with commas between; all of them without.")
    ] = "",
    scenario: Annotated[str, typer.Option(help="What the answers are for, in one word.")] = "",
    units: Annotated[int, typer.Option(min=0, help="How many subjects may be asked about.")] = 0,
    days: Annotated[int, typer.Option(min=1, help="How many days from now.")] = 30,
    per_minute: Annotated[
        int | None, typer.Option(min=1, help="Units within a minute; without it, all of them.")
    ] = None,
    openings: OpeningsOption = False,
    template: TemplateOption = "",
    order: OrderOption = "",
    region: RegionOption = "",
    group: GroupOption = 0,
    budget: BudgetOption = "",
    declare: DeclareOption = None,
    declare_all: DeclareAllOption = False,
    language: OwnLanguageOption = None,
    offline: OfflineOption = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say in plain words what a contract reads, releases and leaks, and what less would do.

    With --units and --scenario: before you ask for one. Nothing is stored or charged.
    """
    del language  # its option has told the whole command
    with open_client(home) as client:
        contract = None
        if not units and not scenario:
            identifier = resolve_contract(client, subject, offline=offline)
            contract = client.contract(identifier, offline=offline)
            found = None if offline else client.explain(contract.id)
        else:
            found = client.explain_request(
                subject,
                outputs=split(outputs),
                scenario=scenario,
                units=units,
                days=days,
                per_minute=per_minute,
                openings=openings,
                template=template,
                order=order,
                region=region,
                group=group,
                budget=budget,
                declarations=_declarations(client, template, declare, declare_all),
            )
    if form is Format.JSON:
        print_json(_explained_json(contract, found))
        return
    if contract is not None:
        print_plan(contract.id, contract.plan, contract.leakage, present_language())
    if found is not None:
        print_explanation(found, present_language(), known=contract is not None)


@app.command("approve")
def approve(
    contract: ContractArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Sign a contract as the operator."""
    with open_client(home) as client:
        found = client.approve(resolve_contract(client, contract))
    print_card(found, form, contract_json(found))


@app.command("sign")
def sign(
    contract: ContractArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Sign a contract as the buyer; it becomes active."""
    with open_client(home) as client:
        found = client.sign(resolve_contract(client, contract))
    print_card(found, form, contract_json(found))
    note(_next(found, home), form)


@app.command("show")
def show(
    contract: ContractArgument,
    *,
    offline: OfflineOption = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a contract as it stands."""
    with open_client(home) as client:
        identifier = resolve_contract(client, contract, offline=offline)
        found = client.contract(identifier, offline=offline)
    print_card(found, form, contract_json(found))


@app.command("revoke")
def revoke(
    contract: ContractArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why, for the log; never about a person.")] = "",
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """End a contract at once and for good (any signer)."""
    with open_client(home) as client:
        found = client.revoke(resolve_contract(client, contract), reason)
    print_card(found, form, contract_json(found))


@app.command("list")
def list_contracts(
    *,
    offline: OfflineOption = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the contracts that this party may see."""
    with open_client(home) as client:
        found = client.contracts(offline=offline)
    print_list(
        form,
        [contract_json(contract) for contract in found],
        ("id", "state", "buyer", "product", "used", "until"),
        [
            (
                contract.id,
                contract.state.value,
                contract.buyer,
                contract.terms.product,
                f"{contract.units_used:,}/{contract.terms.quota.units:,}",
                contract.terms.period.until.date(),
            )
            for contract in found
        ],
        empty="No contracts. Ask for one: unseen contract request PRODUCT ...",
    )
    for contract in found:
        if contract.cause and contract.state.value == "suspended":
            note(f"{contract.id} is suspended: {contract.cause}", form)


class ContractFormat(Enum):
    """In what form a contract is exported."""

    ODRL = "odrl"


@app.command("export")
def export(
    contract: ContractArgument,
    form: Annotated[
        ContractFormat, typer.Option("--format", help="odrl: an ODRL 2.2 agreement in JSON-LD.")
    ] = ContractFormat.ODRL,
    output: OutputOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Export a contract for other systems. What was signed is its id, which stands in it."""
    del form  # there is one
    with open_client(home) as client:
        document = client.export_contract(resolve_contract(client, contract))
    write_out(linked(document), output)


class FormLanguage(Enum):
    """Languages of a form."""

    EN = "en"
    ZH = "zh"
    BOTH = "both"


@app.command("form")
def form_command(
    contract: ContractArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the page, HTML.")],
    language: Annotated[
        FormLanguage, typer.Option("--lang", help="Language of the form.")
    ] = FormLanguage.BOTH,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write the approval form of a contract (审批单): one page to print, read and sign."""
    from unseen.client.local.home import write_file

    with open_client(home) as client:
        identifier = resolve_contract(client, contract)
        page = client.contract_form(identifier, language.value)
    write_file(output, page.encode())
    if form is Format.JSON:
        print_json({"contract": identifier, "file": str(output)})
        return
    typer.echo(str(output))
    note("Open it in a browser and print it; the signature that counts is made by sign.", form)


def _next(contract: "Contract", home: Path) -> str:
    """Return what a buyer does with a contract in force."""
    from unseen.evidence.contracts.joint import joint_of

    kind, others = contract.terms.kind, " --home HOME, once for each node"
    if kind == "train":
        return f"Train: unseen train fit {contract.id} --home {home}{others}"
    if kind != "statistics":
        return f"Ask: unseen {kind} {contract.id} SUBJECT --home {home}"
    if joint_of(contract.terms.parameters) is None:
        return f"Ask: unseen statistics menu {contract.id} --home {home}"
    return f"Ask: unseen statistics joint ask {contract.id} --home {home}{others}"


def split(outputs: str) -> list[str]:
    """Return the names in a text with commas."""
    return [name.strip() for name in outputs.split(",") if name.strip()]


def _outputs(outputs: str, spec: "Spec | None") -> "Sequence[str]":
    """Return what is asked for: what was typed, or what a training names."""
    from unseen.cli.failures import UsageError

    if spec is None and not outputs:
        raise UsageError(
            "a contract names what it lets be asked",
            clause="outputs",
            remedy="give --outputs NAME,NAME, or --train FILE",
        )
    if outputs or spec is None:
        return split(outputs)
    from unseen.evidence.contracts.training.clause import names_of

    return names_of(spec)


def _training(client: "Client", product: str, path: Path, clause: "Joint | None") -> "Spec":
    """Return the training in a file, over the columns of a product and the nodes of a clause."""
    from unseen.cli.failures import UsageError
    from unseen.client.joint.training import make_training, offered

    if clause is None:
        raise UsageError(
            "a training is over several nodes",
            clause="joint",
            remedy="write a clause: unseen train clause; and give it with --joint FILE",
        )
    return make_training(path.read_bytes(), offered(client.products(), product), clause)


def read_clause(path: Path) -> "Joint":
    """Return the joint clause in a file; it may be laid out over several lines.

    Raises:
        UsageError: the file is no JSON.
        ContractInvalidError: it holds no joint clause.

    """
    import json

    from unseen.cli.failures import UsageError
    from unseen.evidence.contracts.joint import Joint

    try:
        return Joint.from_json(json.loads(path.read_bytes()))
    except ValueError:
        raise UsageError(
            f"{path} is no JSON",
            clause="joint",
            remedy="write it with: unseen statistics joint clause",
        ) from None


def _declarations(
    client: "Client", template: str, said: list[str] | None, everything: bool
) -> tuple[str, ...]:
    """Return what is declared: what was typed, and with `everything` what the template asks."""
    asked = client.template(template).template.declarations if template and everything else ()
    return tuple(dict.fromkeys((*asked, *(said or ()))))


def _explained_json(contract: "Contract | None", found: "Explanation | None") -> "dict[str, Json]":
    known = contract_object(contract) if contract is not None else {}
    return known | (explanation_json(found) if found is not None else {})
