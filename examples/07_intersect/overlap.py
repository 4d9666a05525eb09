"""Find out which of one's own items a table has, how many, and a sum over them, all unseen.

Makes a node with the College Scorecard and the client of a foundation, all on this machine, and
tells the story by the SDK. Run it from the repository's folder:

    .venv/bin/python examples/07_intersect/overlap.py [FOLDER]
"""

import sys
from pathlib import Path

import duckdb

from unseen.client import Client
from unseen.client.catalog import Predicate, Prices
from unseen.evidence import trust
from unseen.evidence.contracts.intersection import COUNT, ITEMS, SUM, Offered, Summed
from unseen.evidence.verify import verify_receipt

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from serving import make_node, own_folder, say, serving  # noqa: E402 - as it lies beside us

TABLE = HERE.parent / "data/college_scorecard_2014.parquet"
OFFERED = Offered(
    outputs=(ITEMS, COUNT, SUM),
    most=1_000,
    rho="0.5",
    delta="0.000001",
    sum=Summed(column="count_working", low=0, high=2_000),
)
PRESENT, ABSENT = 240, 60
FEW = 20  # less than one in 64 of the table's rows


def own_items() -> tuple[list[int], int]:
    """Return the foundation's list, and what the sum over it truly is; only the operator knows."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT unitid, least(coalesce(count_working, 0), 2000) FROM "  # noqa: S608
            f"'{TABLE}' ORDER BY hash(unitid) LIMIT {PRESENT}"
        ).fetchall()
    made_up = [900_000 + number for number in range(ABSENT)]
    return [*(unitid for unitid, _ in rows), *made_up], sum(working for _, working in rows)


def offer(operator: Client) -> None:
    """Register the table, offer what may be found, and set what counts may cost, for ever."""
    operator.register_table(
        "colleges", str(TABLE), subject=["unitid"], labels={"*": ("public", "1")}
    )
    operator.register_product(
        "overlap",
        table="colleges",
        kind="intersect",
        title="Colleges in common",
        predicates=OFFERED,
        prices=Prices("USD", 10_000, 2_000),
    )
    operator.register_product(
        "known",
        table="colleges",
        kind="lookup",
        title="Is it a college of the register?",
        predicates=[Predicate("present", "In the register?", "true")],
        prices=Prices("USD", 10_000, 2_000),
    )
    operator.set_privacy_budget("colleges", epsilon="12", delta="0.000001")


def agree(operator: Client, foundation: Client, output: str, product: str = "overlap") -> str:
    """Have a contract signed over one of the outputs."""
    contract = foundation.request_contract(
        product,
        outputs=[output],
        scenario="grant-making",
        units=600,
        days=1,
        budget="8" if output in (COUNT, SUM) else "",
    )
    operator.approve(contract.id)
    foundation.sign(contract.id)
    return contract.id


def tell(node: Path, folder: Path) -> None:
    """Tell the story."""
    items, true = own_items()
    with Client(node / "operator") as operator:
        say("The operator registers the table and offers what may be found.")
        offer(operator)
        foundation = Client.join(operator.invite("foundation"), folder / "foundation")
        operator.parties()  # the operator pins the buyer's key, to sign contracts with it
        with foundation:
            contract = agree(operator, foundation, ITEMS)
            say(f"Which of {len(items)} colleges are in the table.")
            found = foundation.intersect(contract, items)
            print(found)
            print(f"  as it should be: {len(found.found) == PRESENT}")

            say("Which way is better depends on the set: one call takes the one that is.")
            agree(operator, foundation, "present", "known")
            for some in (items[-ABSENT - FEW : -ABSENT], items):
                found = foundation.intersect_table("colleges", some)
                print(f"  {len(some)} items by {found.way}, since {found.why}")
                print(f"  in the table: {len(found.found)}")

            say("How many, under a contract that tells no more than that.")
            counted = foundation.intersect(agree(operator, foundation, COUNT), items)
            print(counted)

            say("How many of their graduates work, in all.")
            summed = foundation.intersect(agree(operator, foundation, SUM), items)
            print(summed)
            print(f"  truly {true}, off by {abs(int(summed.total or 0) - true)}")

            say("What the operator saw: jobs over so many items, charges, and its ledger.")
            for job in reversed(operator.jobs()):
                if job.kind == "intersect":
                    print(f"  {job.about}, {job.state.value}")
            print(operator.privacy_ledgers("colleges")[0])
            print(foundation.usage(contract))


def main() -> None:
    """Tell the story in a folder, which is made if it is not there."""
    folder = own_folder("intersect")
    say(f"A register and a foundation, under {folder}")
    node = make_node(folder / "node", "register")
    with serving(node):
        tell(node, folder)
    say("The node is stopped. Every receipt says what was paid for.")
    keys = trust.parse((folder / "foundation/parties.json").read_bytes())
    for path in sorted((folder / "foundation/receipts").glob("*.receipt")):
        facts = verify_receipt(path.read_text().strip(), keys)
        print(f"  {path.name}: {facts.kind}, {facts.units} items, rho {facts.privacy}")


if __name__ == "__main__":
    main()
