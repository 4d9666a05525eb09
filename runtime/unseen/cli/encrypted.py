"""What `unseen train` does under one contract with one node: a model that the node never sees."""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from unseen.cli.failures import UsageError
from unseen.cli.names import resolve_contract
from unseen.cli.output import Format, note, print_card
from unseen.cli.progress import open_client
from unseen.cli.subject_files import each_in

if TYPE_CHECKING:
    from unseen.client.queries.fitted import Fitted, Fitting


def encrypted_contract(homes: list[Path], names: list[str]) -> str:
    """Return the id of the contract if it is over an encrypted training; else nothing.

    Several homes, or several contracts, are those of a joint training.
    """
    from unseen.client import Client

    if len(homes) != 1 or len(names) != 1:
        return ""
    with Client(homes[0]) as client:
        known = [item.id for item in client.contracts(offline=True)]
        whole = [identifier for identifier in known if identifier.startswith(names[0])]
        found = whole[0] if len(whole) == 1 else resolve_contract(client, names[0])
        return found if client.is_encrypted_training(found) else ""


def fit(
    home: Path,
    contract: str,
    rows: Path | None,
    *,
    aligned_by: str,
    steps: tuple[float | None, float | None],
    output: Path | None,
    form: Format,
) -> None:
    """Train, and write the model into a folder."""
    if output is not None:
        _ensure_library()  # before the first iteration is paid for
    given = None if rows is None else _rows(rows)
    with open_client(home) as client:
        by = resolve_contract(client, aligned_by) if aligned_by else ""
        rate, ridge = steps
        found = client.fit(contract, given, aligned_by=by, rate=rate, ridge=ridge)
    files = [] if output is None else [str(path) for path in found.save(output)]
    print_card(found, form, fitted_json(found, files))
    if found.resumed:
        note(f"{found.resumed:,} iterations were done before, and not paid again", form)
    if output is None:
        note("Nothing is written: the same again with -o FOLDER costs nothing", form)
    else:
        note(f"Written: {', '.join(files)}", form)


def show(home: Path, contract: str, form: Format) -> None:
    """Show what is trained, and how far it is."""
    with open_client(home) as client:
        found = client.fitting(contract)
    print_card(found, form, fitting_json(found))
    if found.done < found.iterations:
        rows = " --rows FILE" if found.clause.vertical and found.rows is None else ""
        said = f"unseen train fit {contract[:8]}{rows} -o model --home {quote(str(home))}"
        note(f"Go on: {said}" if found.done else f"Begin: {said}", form)


def check_joint(
    rows: Path | None, aligned_by: str, rate: float | None, ridge: float | None
) -> None:
    """Refuse what a joint training does not take."""
    if rows is not None or aligned_by or rate is not None or ridge is not None:
        raise UsageError(
            "a joint training takes neither rows nor steps of yours",
            clause="rows",
            remedy="leave out --rows, --aligned-by, --rate and --ridge",
        )


def fitting_json(found: "Fitting") -> dict[str, Any]:
    """Return how far a training is."""
    clause = found.clause
    return {
        "contract": found.contract,
        "family": clause.family,
        "features": [feature.name for feature in clause.features],
        "label": clause.label.name,
        "vertical": clause.vertical,
        "subject": list(found.subject),
        "own": [feature.name for feature in clause.own],
        "rows": found.rows,
        "iterations": found.iterations,
        "done": found.done,
        "rho": found.spent.rho,
        "epsilon": found.spent.epsilon,
        "delta": found.spent.delta,
    }


def fitted_json(found: "Fitted", files: list[str]) -> dict[str, Any]:
    """Return a model: intercept and weights in the units of their columns."""
    clause, layer = found.clause, found.model.layers[0]
    return {
        "contract": found.contract,
        "family": clause.family,
        "features": [feature.name for feature in found.model.features],
        "label": clause.label.name,
        "vertical": clause.vertical,
        "rows": found.rows,
        "intercept": layer.bias[0],
        "weights": [weight[0] for weight in layer.weights],
        "iterations": found.iterations,
        "resumed": found.resumed,
        "rho": found.spent.rho,
        "epsilon": found.spent.epsilon,
        "delta": found.spent.delta,
        "units": found.cost.units,
        "requests": list(found.requests),
        "receipts": [str(path) for path in found.receipts],
        "files": files,
    }


def _rows(file: Path) -> Iterator[Any]:
    yield from each_in(file)


def _ensure_library() -> None:
    from unseen.protocols.train.files import library

    library("onnx")
