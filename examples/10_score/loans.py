"""Have a provider's model score a bank's loans, unseen by either side, under a contract.

Makes the provider's node with the model of `08_encrypted_scoring`, and the client of a bank with
1,000 loans (German credit), all on this machine, and tells the story by the SDK. Run it from the
repository's folder:

    .venv/bin/python examples/10_score/loans.py [FOLDER]
"""

import json
import sys
from pathlib import Path

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

MODEL = HERE.parent / "08_encrypted_scoring/credit.onnx"
COLUMNS = HERE.parent / "08_encrypted_scoring/columns.json"
LOANS = HERE.parent / "data/german_credit.parquet"
PRECISION = "0.0001"


def columns() -> tuple[Feature, ...]:
    """Return the model's columns, whose bounds and values everybody may know."""
    listed = json.loads(COLUMNS.read_text(encoding="utf-8"))
    return tuple(Feature(**one | {"values": tuple(one.get("values", ()))}) for one in listed)


def offer(operator: Client) -> None:
    """Register the model, a table of its numbers, and offer scores by it."""
    operator.register_table(
        "credit", str(MODEL), subject=["constant", "place"], labels={"*": ("public", "2")}
    )
    operator.register_product(
        "credit-score",
        table="credit",
        kind="score",
        title="Does a loan go bad?",
        predicates=Wanted(features=columns(), precision=PRECISION, most=4),
        prices=Prices("EUR", 2_000_000, 500_000),
    )


def rank(scores: NDArray[np.float64], bad: NDArray[np.bool_]) -> float:
    """Return how often a loan that went bad scores above one that did not."""
    return float((scores[bad][:, None] > scores[~bad][None, :]).mean())


def tell(node: Path, folder: Path) -> None:
    """Tell the story."""
    table = pq.read_table(LOANS)
    bad = np.array([one == "bad" for one in table["creditability"].to_pylist()])
    with Client(node / "operator") as operator:
        say("The provider registers its model and offers scores by it.")
        offer(operator)
        bank = Client.join(operator.invite("bank"), folder / "bank")
        operator.parties()  # the provider pins the buyer's key, to sign contracts with it
        with bank:
            say("The bank asks for a contract, and reads what it leaks before it signs.")
            contract = bank.request_contract(
                "credit-score", outputs=["score"], scenario="lending", units=4, days=1
            ).id
            operator.approve(contract)
            signed = bank.sign(contract)
            for line in signed.leakage.statements:
                print(f"  {line.party}: {line.text} ({line.bound})")

            say(f"Scores of {len(bad)} loans, for one unit.")
            loans = {feature.name: table[feature.name].to_pylist() for feature in columns()}
            found = bank.score(contract, loans)
            print(found)
            found.rows({"loan": [str(one) for one in table["loan"].to_pylist()]}).write(
                folder / "scores.csv"
            )
            clear = from_onnx(MODEL.read_bytes(), columns())
            off = np.abs(found.scores - clear.predictor(matrix(columns(), loans))).max()
            print(f"  farthest from the model's own: {off:.1e} (allowed: {PRECISION})")
            print(f"  a bad loan above a good one: {rank(found.scores, bad):.3f}")

            say("A loan beyond the bounds is an error at the bank: the provider could not see it.")
            wrong = {name: values[:1] for name, values in loans.items()} | {"age_in_years": [150]}
            try:
                bank.score(contract, wrong)
            except InputInvalidError as error:
                print(f"  {error}")

            say("What the provider saw: a job over one ciphertext, and its charge.")
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
