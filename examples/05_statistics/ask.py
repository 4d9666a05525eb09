"""Ask about many people at once, and see what each answer is worth and what it cost them.

Makes a node with the RAND Health Insurance Experiment and an actuary's client, all on this machine,
and tells the story by the SDK. Run it from the repository's folder:

    .venv/bin/python examples/05_statistics/ask.py [FOLDER]
"""

import sys
from collections.abc import Callable
from pathlib import Path

import duckdb

from unseen.client import Client, RefusedError, Statistic
from unseen.client.catalog import Prices
from unseen.evidence import trust
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.verify import verify_receipt

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from serving import make_node, own_folder, say, serving  # noqa: E402 - as it lies beside us

TABLE = HERE.parent / "data/rand_health.parquet"
BUDGET = "4"  # epsilon for everybody who ever asks about these people, at DELTA
DELTA = "0.000001"
SHARE = "3"  # of it, for this contract


def offer(operator: Client) -> None:
    """Register the table, offer the menu, and say what all answers may cost together, for ever."""
    operator.register_table(
        "study", str(TABLE), subject=["zper", "year"], labels={"*": ("public", "1")}
    )
    operator.register_product(
        "spending",
        table="study",
        kind="statistics",
        title="What people spend on their health",
        predicates=parse_definition((HERE / "menu.toml").read_bytes()),
        prices=Prices("USD", 5_000_000, 1_000_000),
    )
    print(operator.set_privacy_budget("study", epsilon=BUDGET, delta=DELTA))


def agree(operator: Client, actuary: Client) -> str:
    """Have a contract signed; its terms hold the menu, so that both sides compute the same."""
    contract = actuary.request_contract(
        "spending",
        outputs=["coinsurance", "age", "spending", "visits", "full_year"],
        scenario="rate-making",
        units=20,
        days=1,
        group=10,
        budget=SHARE,
    )
    operator.approve(contract.id)
    actuary.sign(contract.id)
    return contract.id


def truth(expression: str, by: str = "1 = 1") -> dict[object, float]:
    """Return what the operator could compute by hand; no buyer ever sees it."""
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT {by} AS cell, {expression} FROM '{TABLE}' WHERE time >= 1 GROUP BY cell"  # noqa: S608
        )
        return dict(found.fetchall())


def compare(answer: Statistic) -> None:
    """Print each mean beside the true one: they differ by about the noise that was announced."""
    clamped = "avg(least(greatest(round(meddol), 0), 500))"
    true = truth(clamped, "CASE WHEN coins >= 95 THEN 95 ELSE coins END")
    for row in answer.to_dicts():
        low = int(str(row["coinsurance"]).strip("[)").split(",")[0])
        mean, noise = float(str(row["mean"])), float(str(row["mean_noise"]))
        off = abs(mean - true[low])
        print(
            f"  {row['coinsurance']:>9} %  answer {mean:8.2f}  true {true[low]:8.2f}"
            f"  off by {off:5.2f}, noise {noise:5.2f}"
        )


def refused(call: Callable[[], object]) -> None:
    """Do what has to be refused, and print by what."""
    try:
        call()
    except RefusedError as error:
        print(f"  refused by {error.clause}: {error}")
        return
    raise SystemExit("it was not refused")


def tell(node: Path, folder: Path) -> None:
    """Tell the story."""
    with Client(node / "operator") as operator:
        say("The operator registers the table, offers a menu, and sets a privacy budget.")
        offer(operator)
        actuary = Client.join(operator.invite("actuary"), folder / "actuary")
        operator.parties()  # the operator pins the buyer's key, to sign contracts with it
        with actuary:
            contract = agree(operator, actuary)
            answers = actuary.statistics(contract)
            say("What may be asked, and how far noise would move it.")
            print(answers.menu(epsilon=0.5))

            say("Mean spending by coinsurance, for an epsilon of 1.")
            mean = answers.mean("spending", by="coinsurance", where="full_year", epsilon=1)
            print(mean)
            compare(mean)

            say("A histogram, and quantiles, for 0.5 each.")
            print(answers.histogram("spending", where="full_year", epsilon=0.5))
            print(answers.quantile("spending", at=["0.5", "0.9"], epsilon=0.5))

            say("The one exact table: rounded, small groups suppressed, no noise.")
            print(answers.partition())

            say("The same question again: this home has the answer, and the node gives no other.")
            again = answers.mean("spending", by="coinsurance", where="full_year", epsilon=1)
            sent = answers.mean(
                "spending", by="coinsurance", where="full_year", epsilon=1, again=True
            )
            print(f"  kept here: {again.cached}; sent anew, for a rho of {sent.privacy}:", end="")
            print(f" the same numbers: {sent.rows == mean.rows}")

            say("What is left, and what happens beyond it.")
            print(answers.budget())
            refused(lambda: answers.count(by="age", epsilon=3))
            print(operator.privacy_ledgers("study")[0])
            print(actuary.usage(contract))


def main() -> None:
    """Tell the story in a folder, which is made if it is not there."""
    folder = own_folder("statistics")
    say(f"A study and an actuary, under {folder}")
    node = make_node(folder / "node", "study")
    with serving(node):
        tell(node, folder)
    say("The node is stopped. Every receipt says what its answer cost.")
    keys = trust.parse((folder / "actuary/parties.json").read_bytes())
    for path in sorted((folder / "actuary/receipts").glob("*.receipt")):
        facts = verify_receipt(path.read_text().strip(), keys)
        print(f"  {path.name}: entry {facts.index}, rho {facts.privacy}")


if __name__ == "__main__":
    main()
