"""`unseen train`: one model over the rows of several nodes, or under encryption over one node's."""

import json
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unseen.cli import encrypted
from unseen.cli.app import App
from unseen.cli.commands.joint import (
    HomesOption,
    SeatsArgument,
    note_requests,
    open_homes,
    products_of,
    seats_under,
)
from unseen.cli.failures import UsageError, exit_code
from unseen.cli.output import Format, FormatOption, note, print_card
from unseen.cli.writing import OutputOption, write_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unseen.client.api import Client
    from unseen.client.errors import WireError
    from unseen.client.joint.trained import Released, Trained
    from unseen.client.joint.training import JointTraining
    from unseen.evidence.contracts.joint import Joint
    from unseen.protocols.train import Model

MODEL: Final = "model.json"  # among what `fit` writes
_SPARE: Final = 2  # units besides the steps: the finished model, and a step that is lost

app = App(
    help="A model over several nodes, of masked sums with noise; or over one node, unseen by it.",
    no_args_is_help=True,
)

PurposeOption = Annotated[
    str, typer.Option(help="What the model is for, in English; it stands in its card.")
]
PurposeZhOption = Annotated[str, typer.Option(help="The same in Chinese.")]


@app.command("clause")
def clause(
    *,
    product: Annotated[str, typer.Argument(help="Name of the product, the same at each node.")],
    file: Annotated[
        Path, typer.Argument(help="TOML file of the training.", exists=True, dir_okay=False)
    ],
    home: HomesOption,
    honest: Annotated[
        int | None,
        typer.Option(min=3, help="How many of the nodes left are vouched for; all without."),
    ] = None,
    output: OutputOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write the joint clause over a training, which contracts at these nodes are asked for with."""
    with ExitStack() as stack:
        made, asked = _clause(open_homes(stack, home), product, file.read_bytes(), honest)
    write_out(json.dumps(made.to_json(), indent=2, ensure_ascii=False), output)
    note_requests(product, f"--train {quote(str(file))} {asked}", output, home, form)


@app.command("fit")
def fit(
    *,
    contract: SeatsArgument,
    home: HomesOption,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the model and its card.", file_okay=False),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(
            "--rows",
            exists=True,
            dir_okay=False,
            help="Under encryption, vertical: file of your rows, with subjects, label and your own"
            " columns: CSV with a header; or Parquet, Arrow.",
        ),
    ] = None,
    aligned_by: Annotated[
        str,
        typer.Option(
            "--aligned-by",
            help="With --rows: id of a contract over an intersection; only rows are trained on"
            " whose subjects its table has.",
            metavar="CONTRACT",
        ),
    ] = "",
    rate: Annotated[
        float | None,
        typer.Option(help="Under encryption: steps, times what is safe for any rows; 1 without."),
    ] = None,
    ridge: Annotated[
        float | None, typer.Option(help="Under encryption: what draws weights to zero; 0 without.")
    ] = None,
    purpose: PurposeOption = "what its contracts say",
    purpose_zh: PurposeZhOption = "见各合约",
    form: FormatOption = Format.TABLE,
) -> None:
    """Train the model: a unit and privacy at each node for every step that is left.

    What is done stays done: a command that was ended goes on with the next step. The contract says
    which training it is: one over several nodes takes a home at each, one under encryption one.
    """
    if alone := encrypted.encrypted_contract(home, contract):
        steps = (rate, ridge)
        encrypted.fit(
            home[0], alone, rows, aligned_by=aligned_by, steps=steps, output=output, form=form
        )
        return
    encrypted.check_joint(rows, aligned_by, rate, ridge)
    if output is not None:
        _ensure_libraries()  # before the first step is paid
    with _training(home, contract) as training:
        found = training.fit()
    written = _written(found, output, (purpose, purpose_zh)) if output else []
    print_card(found, form, _trained_json(found, written))
    if found.resumed:
        note(f"{found.resumed:,} steps were done before, and not paid again", form)
    if output is None:
        note("Nothing is written: the same again with -o FOLDER costs nothing", form)
    else:
        note(f"Written: {', '.join(written)}", form)
        homes = " ".join(f"--home {quote(str(each))}" for each in home)
        said = f"{' '.join(contract)} --model {quote(str(output / MODEL))} {homes}"
        note(f"Have the nodes let it out: unseen train release {said}", form)


@app.command("release")
def release(
    *,
    contract: SeatsArgument,
    home: HomesOption,
    model: Annotated[
        Path,
        typer.Option(
            "--model", exists=True, dir_okay=False, help="The model, as `train fit` wrote it."
        ),
    ],
    form: FormatOption = Format.TABLE,
) -> None:
    """Have every node look at the finished model and let it out: a unit at each, no privacy.

    A model is held until a person at the node has looked; then say the same again. The cards beside
    the model are written anew, with the nodes that have let it out.
    """
    read = _model(model)
    with _training(home, contract) as training:
        found = training.release(read)
    written = _endorsed(found, read, model.parent) if found.endorsed else []
    print_card(
        found,
        form,
        {
            "receipts": {name: str(path) for name, path in found.receipts.items()},
            "requests": dict(found.requests),
            "held": list(found.held),
            "refused": {name: error.reason for name, error in found.refused.items()},
            "silent": {name: error.reason for name, error in found.silent.items()},
            "files": written,
        },
    )
    if found.held:
        held = ", ".join(found.held)
        note(f"A person decides at {held}: say the same again when they have", form)
    if not written and found.endorsed:
        note("No card of this model lies beside it: write it with train fit -o FOLDER", form)
    if failed := [*found.refused.values(), *found.silent.values()]:
        raise typer.Exit(exit_code(failed[0]))


@app.command("show")
def show(
    *,
    contract: SeatsArgument,
    home: HomesOption,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what is trained, and how far it has come, whichever nodes answer."""
    if alone := encrypted.encrypted_contract(home, contract):
        encrypted.show(home[0], alone, form)
        return
    silent: dict[str, WireError] = {}
    with _training(home, contract, silent) as training:
        found = replace(training.state(), silent=silent)
    print_card(
        found,
        form,
        {
            "family": found.spec.family,
            "features": [feature.name for feature in found.spec.features],
            "label": found.spec.label.name,
            "nodes": list(found.nodes),
            "steps": found.steps,
            "done": found.done,
            "spent": found.spent,
            "cost": found.cost,
            "silent": {name: error.reason for name, error in silent.items()},
        },
    )


@contextmanager
def _training(
    homes: list[Path], names: list[str], silent: "dict[str, WireError] | None" = None
) -> "Iterator[JointTraining]":
    from unseen.client.joint.training import JointTraining, one_bar

    with seats_under(homes, names, silent) as (seats, progress):
        yield JointTraining(seats, progress=one_bar(progress))


def _clause(
    clients: "list[Client]", product: str, data: bytes, honest: int | None
) -> "tuple[Joint, str]":
    """Return the clause that the product of every node leads to, and what contracts need for it."""
    from unseen.client.joint.training import make_clause, make_training, offered
    from unseen.evidence.contracts.privacy import epsilon_text
    from unseen.evidence.contracts.training.clause import steps_of, total_of

    nodes = [client.profile.node for client in clients]
    places = [node.place for node in nodes]
    menus = [offered(products_of(client), product) for client in clients]
    found = [make_clause(places, data, menu, honest=honest) for menu in menus]
    for node, made in zip(nodes, found, strict=True):
        if made.task != found[0].task:
            raise UsageError(
                f"{node.name} offers these columns with other clamps or values than"
                f" {nodes[0].name}",
                clause="joint.task",
                remedy="ask the operators to agree on clamps and values",
            )
    spec = make_training(data, menus[0], found[0])
    units, delta = len(steps_of(spec)) + _SPARE, min((menu.delta for menu in menus), key=Fraction)
    return found[0], f"--units {units} --budget {epsilon_text(total_of(spec), delta)}"


def _ensure_libraries() -> None:
    from unseen.protocols.train.files import ensure_libraries

    ensure_libraries()


def _model(path: Path) -> "Model":
    from unseen.protocols.errors import UnseenError
    from unseen.protocols.train import Model

    try:
        return Model.decode(path.read_bytes())
    except UnseenError as error:
        raise UsageError(
            f"{path} is no model: {error}",
            clause="model",
            remedy="name the model.json that unseen train fit wrote",
        ) from None


def _written(found: "Trained", folder: Path, purpose: tuple[str, str]) -> list[str]:
    return _put(found.files(purpose), folder)


def _put(files: dict[str, bytes], folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, data in files.items():
        path = folder / name
        path.write_bytes(data)
        paths.append(str(path))
    return paths


def _endorsed(found: "Released", model: "Model", folder: Path) -> list[str]:
    """Write the cards of a released model anew, where those of just this model lie."""
    import hashlib

    from unseen.client.joint.trained import files_of
    from unseen.protocols.errors import UnseenError
    from unseen.protocols.train.card import Card

    path = folder / "card.json"
    try:
        card = Card.decode(path.read_bytes())
    except (OSError, UnseenError):
        return []
    if card.model != hashlib.sha256(model.encode()).hexdigest():
        return []
    return _put(files_of(model, found.card(card)), folder)


def _trained_json(found: "Trained", written: list[str]) -> dict[str, object]:
    metrics = found.metrics
    named = ("rows", "auc", "spread", "loss", "error", "explained")
    return {
        "family": found.model.spec.family,
        "features": [feature.name for feature in found.model.spec.features],
        "label": found.model.spec.label.name,
        "numbers": list(found.model.numbers),
        "metrics": {name: getattr(metrics, name) for name in named} if metrics else None,
        "cost": found.cost,
        "delta": found.delta,
        "nodes": {source.party: source.contract for source in found.sources},
        "units": found.units,
        "resumed": found.resumed,
        "files": written,
    }
