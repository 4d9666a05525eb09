"""Have a provider's models score a bank's loans, unseen by either side, under contracts.

Makes the provider's node with the models of `08_encrypted_scoring`, a regression and a network, and
the client of a bank with 1,000 loans (German credit), all on this machine, and tells the story by
the SDK. Run it from the repository's folder:

    .venv/bin/python examples/10_score/loans.py [FOLDER]
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unseen.client import Client
from unseen.client.catalog import Prices
from unseen.evidence import trust
from unseen.evidence.contracts.scoring import Wanted
from unseen.evidence.verify import verify_receipt
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.models import Feature, from_onnx
from unseen.streams.feature_rows import matrix

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from serving import make_node, own_folder, say, serving  # noqa: E402 - as it lies beside us

FILES = HERE.parent / "08_encrypted_scoring"
MODELS = {"credit": "Does a loan go bad?", "network": "Does a loan go bad? By a hidden layer"}
COLUMNS = FILES / "columns.json"
LOANS = HERE.parent / "data/german_credit.parquet"
PRECISION = "0.0001"
Loans = dict[str, list[Any]]


def columns() -> tuple[Feature, ...]:
    """Return the model's columns, whose bounds and values everybody may know."""
    listed = json.loads(COLUMNS.read_text(encoding="utf-8"))
    return tuple(Feature(**one | {"values": tuple(one.get("values", ()))}) for one in listed)


def offer(operator: Client) -> None:
    """Register each model, a table of its numbers, and offer scores by it."""
    for name, title in MODELS.items():
        path, labels = str(FILES / f"{name}.onnx"), {"*": ("public", "2")}
        operator.register_table(name, path, subject=["constant", "place"], labels=labels)
        operator.register_product(
            f"{name}-score",
            table=name,
            kind="score",
            title=title,
            predicates=Wanted(features=columns(), precision=PRECISION, most=4),
            prices=Prices("EUR", 2_000_000, 500_000),
        )


def rank(scores: NDArray[np.float64], bad: NDArray[np.bool_]) -> float:
    """Return how often a loan that went bad scores above one that did not."""
    return float((scores[bad][:, None] > scores[~bad][None, :]).mean())


def agree(operator: Client, bank: Client, name: str) -> str:
    """Return a contract over scores by a model, and print what it leaks before it is signed."""
    asked = bank.request_contract(
        f"{name}-score", outputs=["score"], scenario="lending", units=4, days=1
    )
    operator.approve(asked.id)
    signed = bank.sign(asked.id)
    for line in signed.leakage.statements:
        if name == "credit" or line.what in {"answers", "noise", "shape"}:
            print(f"  {line.party}: {line.text} ({line.bound})")
    return asked.id


def compare(name: str, scores: NDArray[np.float64], loans: Loans, bad: NDArray[np.bool_]) -> None:
    """Print how far scores are from the model's own, and how well either ranks the loans."""
    model = from_onnx((FILES / f"{name}.onnx").read_bytes(), columns())
    own = model.predictor(matrix(columns(), loans))
    print(
        f"  farthest from the model's own: {np.abs(scores - own).max():.1e} (allowed: {PRECISION})"
    )
    print(
        f"  a bad loan above a good one: {rank(scores, bad):.4f}, in the clear {rank(own, bad):.4f}"
    )


def tell(node: Path, folder: Path) -> None:
    """Tell the story."""
    table = pq.read_table(LOANS)
    bad = np.array([one == "bad" for one in table["creditability"].to_pylist()])
    loans = {feature.name: table[feature.name].to_pylist() for feature in columns()}
    with Client(node / "operator") as operator:
        say("The provider registers its models and offers scores by them.")
        offer(operator)
        bank = Client.join(operator.invite("bank"), folder / "bank")
        operator.parties()  # the provider pins the buyer's key, to sign contracts with it
        with bank:
            say("The bank asks for a contract, and reads what it leaks before it signs.")
            contract = agree(operator, bank, "credit")
            say(f"Scores of {len(bad)} loans, for one unit.")
            found = bank.score(contract, loans)
            print(found)
            found.rows({"loan": [str(one) for one in table["loan"].to_pylist()]}).write(
                folder / "scores.csv"
            )
            compare("credit", found.scores, loans, bad)

            say("The same loans by a network: squares of sums that stay encrypted.")
            network = agree(operator, bank, "network")
            compare("network", bank.score(network, loans).scores, loans, bad)

            say("A loan beyond the bounds is an error at the bank: the provider could not see it.")
            wrong = {name: values[:1] for name, values in loans.items()} | {"age_in_years": [150]}
            try:
                bank.score(contract, wrong)
            except InputInvalidError as error:
                print(f"  {error}")

            say("What the provider saw: a job over one ciphertext for each, and its charge.")
            for job in operator.jobs():
                if job.kind == "score":
                    print(f"  {job.about}, {job.state.value}")
            print(bank.usage(contract))


def main() -> None:
    """Tell the story in a folder, which is made if it is not there."""
    folder = own_folder("score")
    say(f"A provider and a bank, under {folder}")
    node = make_node(folder / "node", "provider")
    with serving(node):
        tell(node, folder)
    say("The node is stopped. The receipt says what was paid for.")
    keys = trust.parse((folder / "bank/parties.json").read_bytes())
    for path in sorted((folder / "bank/receipts").glob("*.receipt")):
        facts = verify_receipt(path.read_text().strip(), keys)
        print(f"  {path.name}: {facts.kind}, {facts.units} unit")


if __name__ == "__main__":
    main()
