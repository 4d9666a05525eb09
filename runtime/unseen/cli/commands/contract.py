"""`unseen contract`: asked for by a buyer, explained, signed by both, ended by either."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.contract_options import (
    ClauseOptions,
    OutputsOption,
    ScenarioOption,
    asked_for,
    split,
)
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
    from unseen.client.agreements.contracts import Contract
    from unseen.client.agreements.explanations import Explanation
    from unseen.evidence.canonical import Json

app = App(help="What may be asked, by whom, how often.", no_args_is_help=True)

ContractArgument = Annotated[
    str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
]


@app.command("request")
def request(
    *,
    product: Annotated[str, typer.Argument(help="Name of the product.")],
    outputs: OutputsOption = "",
    scenario: ScenarioOption,
    units: Annotated[int, typer.Option(min=1, help="How many subjects may be asked about.")],
    said: ClauseOptions,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ask for a contract (buyer). Read what it leaks before you sign it."""
    with open_client(home) as client:
        clauses = said.clauses(client, product)
        named = asked_for(outputs, clauses.get("train"))
        contract = client.request_contract(
            product, outputs=named, scenario=scenario, units=units, **clauses
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
    outputs: OutputsOption = "",
    scenario: ScenarioOption = "",
    units: Annotated[int, typer.Option(min=0, help="How many subjects may be asked about.")] = 0,
    said: ClauseOptions,
    language: OwnLanguageOption = None,
    offline: OfflineOption = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say in plain words what a contract reads, releases and leaks, and what less would do.

    With --units and --scenario: before you ask for one. Nothing is stored or charged. Without
    --outputs, all that the product offers.
    """
    del language  # its option has told the whole command
    with open_client(home) as client:
        contract = None
        if not units and not scenario:
            identifier = resolve_contract(client, subject, offline=offline)
            contract = client.contract(identifier, offline=offline)
            found = None if offline else client.explain(contract.id)
        else:
            clauses = said.clauses(client, subject)
            training = clauses.get("train")
            found = client.explain_request(
                subject,
                outputs=split(outputs) if training is None else asked_for(outputs, training),
                scenario=scenario,
                units=units,
                **clauses,
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
    from unseen.evidence.contracts.encrypted import PARAMETER as ENCRYPTED
    from unseen.evidence.contracts.joint import joint_of

    kind, others = contract.terms.kind, " --home HOME, once for each node"
    if kind == "train":
        alone = contract.terms.parameters.get(ENCRYPTED)
        rows = " --rows ROWS.csv" if isinstance(alone, dict) and alone.get("vertical") else ""
        rest = others if alone is None else ""
        return f"Train: unseen train fit {contract.id}{rows} --home {home}{rest}"
    if kind == "intersect":
        return f"Intersect: unseen intersect {contract.id} --file ITEMS.csv --home {home}"
    if kind == "score":
        return f"Score: unseen score {contract.id} --file ROWS.csv --home {home}"
    if kind != "statistics":
        return f"Ask: unseen {kind} {contract.id} SUBJECT --home {home}"
    joint = joint_of(contract.terms.parameters)
    if joint is None:
        return f"Ask: unseen statistics menu {contract.id} --home {home}"
    exact = " --what partition" if joint.lead else ""
    return f"Ask: unseen statistics joint ask {contract.id} --home {home}{others}{exact}"


def _explained_json(contract: "Contract | None", found: "Explanation | None") -> "dict[str, Json]":
    known = contract_object(contract) if contract is not None else {}
    return known | (explanation_json(found) if found is not None else {})
