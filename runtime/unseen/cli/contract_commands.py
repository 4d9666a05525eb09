"""`unseen contract`: asked for by a buyer, explained, signed by both, ended by either."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.names import resolve_contract
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    console,
    note,
    print_card,
    print_json,
    print_list,
)
from unseen.cli.progress import open_client
from unseen.cli.views import contract_json

if TYPE_CHECKING:
    from unseen.client.contracts import Contract

app = typer.Typer(help="What may be asked, by whom, how often.", no_args_is_help=True)

ContractArgument = Annotated[
    str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
]


class Language(Enum):
    """Language of a leakage statement."""

    EN = "en"
    ZH = "zh"


_WORDS = {
    Language.EN: {
        "operator": "the operator",
        "buyer": "the buyer",
        "network": "the network",
        "auditor": "who reads the log",
        "reads": "reads",
        "asked": "asked by",
        "releases": "releases",
        "bits": "at most {bits} bits for each unit",
        "holds": "holds if",
        "kept": "kept",
        "leave": "encrypted rows leave",
        "stay": "no row leaves, not even encrypted",
        "title": "What is learnt, and by whom",
        "who": "who",
        "what": "learns",
        "bound": "at most",
    },
    Language.ZH: {
        "operator": "运营方",
        "buyer": "购买方",
        "network": "网络",
        "auditor": "存证日志的查阅方",
        "contract": "合约",
        "reads": "读取",
        "asked": "查询条件",
        "releases": "交付",
        "bits": "每个计量单位最多 {bits} 比特",
        "protocol": "协议",
        "holds": "成立条件",
        "kept": "留存",
        "leave": "加密后的行出域",
        "stay": "任何行都不出域，密文也不出域",
        "title": "谁会得知什么",
        "who": "谁",
        "what": "得知",
        "bound": "上限",
    },
}


@app.command("request")
def request(
    *,
    product: Annotated[str, typer.Argument(help="Name of the product.")],
    outputs: Annotated[str, typer.Option(help="Names of the questions, with commas between.")],
    scenario: Annotated[str, typer.Option(help="What the answers are for, in one word.")],
    units: Annotated[int, typer.Option(min=1, help="How many subjects may be asked about.")],
    days: Annotated[int, typer.Option(min=1, help="How many days from now.")] = 30,
    per_minute: Annotated[
        int | None, typer.Option(min=1, help="Units within a minute; without it, all of them.")
    ] = None,
    openings: Annotated[
        bool, typer.Option("--openings", help="Agree to open hidden queries on a lawful order.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ask for a contract (buyer). Read what it leaks before you sign it."""
    with open_client(home) as client:
        contract = client.request_contract(
            product,
            outputs=[name.strip() for name in outputs.split(",")],
            scenario=scenario,
            units=units,
            days=days,
            per_minute=per_minute,
            openings=openings,
        )
    print_card(contract, form, contract_json(contract))
    note(f"Read what it leaks: unseen contract explain {contract.id}", form)


@app.command("explain")
def explain(
    contract: ContractArgument,
    language: Annotated[Language, typer.Option("--lang", help="Language.")] = Language.EN,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say in plain words what a contract reads, releases and leaks."""
    with open_client(home) as client:
        found = client.contract(resolve_contract(client, contract))
    if form is Format.JSON:
        print_json(contract_json(found))
        return
    _explain(found, language)


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
    note(f"Ask: unseen {found.terms.kind} {found.id} SUBJECT --home {home}", form)


@app.command("show")
def show(
    contract: ContractArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Show a contract as it stands."""
    with open_client(home) as client:
        found = client.contract(resolve_contract(client, contract))
    print_card(found, form, contract_json(found))


@app.command("revoke")
def revoke(
    contract: ContractArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """End a contract at once."""
    with open_client(home) as client:
        found = client.revoke(resolve_contract(client, contract))
    print_card(found, form, contract_json(found))


@app.command("list")
def list_contracts(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """List the contracts that this party may see."""
    with open_client(home) as client:
        found = client.contracts()
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


def _explain(contract: "Contract", language: Language) -> None:
    from rich.table import Table
    from rich.text import Text

    plan, screen, words = contract.plan, console(), _WORDS[language]
    leaves = words["leave"] if contract.leakage.ciphertext_leaves else words["stay"]
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, said in (
        ("contract", contract.id),
        ("reads", f"{', '.join(plan.columns_read)} ({plan.table})"),
        ("asked", ", ".join(column.name for column in plan.subject_columns)),
        ("releases", words["bits"].format(bits=plan.bits_per_unit)),
        *(("", f"{output.name}: {output.text}") for output in plan.outputs),
        ("protocol", f"{plan.protocol}: {leaves}"),
        ("holds", plan.threat_model),
        ("kept", plan.retention),
    ):
        grid.add_row(words.get(name, name), Text(said))
    screen.print(grid)
    table = Table(title=words["title"], header_style="bold", title_justify="left")
    for column in ("who", "what", "bound"):
        table.add_column(words[column], overflow="fold")
    for line in contract.leakage.statements:
        said = line.text if language is Language.EN else line.text_zh
        table.add_row(words[line.party], Text(said), Text(line.bound))
    screen.print(table)
