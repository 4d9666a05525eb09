"""One person withdraws, and is in no later answer about one person; a stranger checks it.

Makes a node with a made-up table of numbered residents, a consent hub and a bank, all on this
machine, and tells the story by the SDK. Run it from the repository's folder:

    .venv/bin/python examples/03_consent/withdraw.py [FOLDER]
"""

import csv
import datetime as dt
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from unseen.client import Client, RefusedError
from unseen.client.catalog import Predicate, Prices
from unseen.client.consents import Permission
from unseen.evidence import canonical, trust
from unseen.evidence.consents.consent_proof import verify_consent_proof

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from serving import make_node, own_folder, say, serving, unseen  # noqa: E402 - as it lies beside us

KINDS = ("verify", "lookup")  # every kind of job that answers about one person
ROWS, SEED = 300, 0
PERSON, NEIGHBOUR, SILENT = 42, 43, 17  # 42 will withdraw, 43 consents, 17 never does
SECONDS = 15  # within which withdrawals reach encrypted tables; 24 hours unless an operator says so
NOTICE = (
    "The bank may ask the register whether your yearly income is 60,000 or more, to decide on"
    " credit. 银行可核验您的年收入是否达到六万元, 用于授信。"
)
TURN = dt.timedelta(minutes=3)


def write_table(path: Path) -> None:
    """Write residents who do not exist: a number each, and an income drawn from a seed."""
    chance = random.Random(SEED)  # noqa: S311 - nothing here is secret
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["resident", "income"])
        for number in range(1, ROWS + 1):
            income = round(chance.lognormvariate(11, 0.5), -2)
            lines.writerow([number, 90_000 if number in (PERSON, NEIGHBOUR) else int(income)])


def offer(operator: Client, table: Path) -> None:
    """Register the table as personal, and offer one question about it by each kind of job."""
    operator.register_table(
        "residents", str(table), subject=["resident"], labels={"*": ("personal", "1")}
    )
    for kind in KINDS:
        operator.register_product(
            f"income-{kind}",
            table="residents",
            kind=kind,
            title="Yearly income",
            predicates=[Predicate("income_60k", "income is 60,000 or more", "income >= 60000")],
            prices=Prices("CNY", 1_000_000, 500_000),
        )


def agree(operator: Client, bank: Client, kind: str) -> str:
    """Have a contract signed; the labels put consent into it, nobody has to ask for that."""
    wish: dict[str, Any] = {
        "outputs": ["income_60k"],
        "scenario": "credit-check",
        "units": 10,
        "days": 1,
    }
    print(f"  {kind}")
    for demand in bank.explain_request(f"income-{kind}", **wish).demands:
        print(f"    the labels demand {demand.clause}: {demand.value}")
    contract = bank.request_contract(f"income-{kind}", **wish).id
    operator.approve(contract)
    bank.sign(contract)
    return contract


def ask(bank: Client, contracts: dict[str, str], number: int) -> dict[str, str]:
    """Ask about a resident by every kind of job; return the answers."""
    found = {}
    for kind, contract in contracts.items():
        verdict = (bank.verify if kind == "verify" else bank.lookup)(contract, number)
        found[kind] = str(verdict.answers["income_60k"])
        print(f"  {kind:6} of resident {number}: {found[kind]}")
    return found


def rotated(bank: Client, contract: str, epoch_before: int) -> None:
    """Wait until lookups are answered from a table without whoever has withdrawn."""
    give_up = time.monotonic() + TURN.total_seconds()
    while time.monotonic() < give_up:
        if newest_epoch(bank, contract) > epoch_before:
            return
        time.sleep(1)
    raise SystemExit("no new table within the time")


def newest_epoch(client: Client, contract: str) -> int:
    """Return the number of a contract's newest published epoch, as the log has it."""
    epochs = [
        int(str(leaf.fields["epoch"]))
        for leaf in client.leaves()
        if leaf.type == "manifest.published" and leaf.fields["contract"] == contract
    ]
    return max(epochs, default=0)


def prove(hub: Client, bank: Client, contracts: dict[str, str], folder: Path) -> list[Path]:
    """Have it proven of every job that there was whether it could use the person's row."""
    paths = []
    for kind, contract in contracts.items():
        receipts = sorted(bank.receipts(contract), key=lambda receipt: receipt.facts.index)
        for place, receipt in enumerate(receipts):
            bundle, _ = hub.prove_consent("residents", PERSON, job=receipt.facts.request)
            paths.append(folder / f"{kind}-{place}.json")
            paths[-1].write_bytes(canonical.encode(bundle))
    return paths


def check(paths: list[Path], keys: Path) -> None:
    """Verify the proofs with nothing but two files each."""
    believed = trust.parse(keys.read_bytes())
    for path in paths:
        proof = verify_consent_proof(canonical.load(path.read_bytes()), believed)
        said = "could use" if proof.permitted else "could NOT use"
        print(
            f"  {path.name}: the job of entry {proof.job_index} {said} the row, by consent root"
            f" {proof.root.number}"
        )


def tell(folder: Path, node: Path) -> list[Path]:
    """Tell the story; return the proofs."""
    with Client(node / "operator") as operator:
        write_table(folder / "residents.csv")
        offer(operator, folder / "residents.csv")
        hub = Client.join(operator.invite("hub", "hub"), folder / "hub")
        bank = Client.join(operator.invite("bank"), folder / "bank")
        operator.parties()  # the operator pins the bank's key, to sign contracts with it
        with hub, bank:
            hub.keys(accept=True)  # compare them first, where they are not all on your machine
            say(
                f"The hub hands over consents of all but resident {SILENT}, signed on their behalf."
            )
            until = (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).replace(microsecond=0)
            permission = Permission(
                recipient="bank",
                scenario="credit-check",
                table="residents",
                until=until,
                notice=NOTICE.encode(),
            )
            willing = [number for number in range(1, ROWS + 1) if number != SILENT]
            print(hub.import_consents(hub.sign_consent(number, permission) for number in willing))

            say("The bank's contracts, one for each kind of job.")
            contracts = {kind: agree(operator, bank, kind) for kind in KINDS}
            for number in (PERSON, SILENT):
                ask(bank, contracts, number)

            say(f"Resident {PERSON} withdraws.")
            epoch = newest_epoch(operator, contracts["lookup"])
            (consent,) = hub.consents("residents", PERSON)
            hub.withdraw_consent(consent.id)
            ask(bank, {"verify": contracts["verify"]}, PERSON)
            print(f"  verify: at once. lookup: within {SECONDS} seconds, by a new table")
            rotated(operator, contracts["lookup"], epoch)
            ask(bank, contracts, NEIGHBOUR)
            ask(bank, contracts, PERSON)

            say("The bank is shown nothing of all this; its usage counts every question alike.")
            try:
                hub_only = bank.consents("residents", PERSON)
                raise SystemExit(f"the bank was shown {hub_only}")
            except RefusedError as error:
                print(f"  refused by {error.clause}: {error}")
            for contract in contracts.values():
                print(bank.usage(contract))
            say(f"Resident {PERSON} asks what became of the row, in every job there was.")
            return prove(hub, bank, contracts, folder)


def main() -> None:
    """Tell the story in a folder, which is made if it is not there."""
    folder = own_folder("consent")
    say(f"A register, a consent hub and a bank, under {folder}")
    node = make_node(folder / "node", "register")
    with serving(node, UNSEEN_CONSENT_LATENCY_SECONDS=str(SECONDS)):
        proofs = tell(folder, node)
    say("The node is stopped. The proofs are checked with the hub's parties.json alone.")
    check(proofs, folder / "hub/parties.json")
    words = ("consent", "verify", str(proofs[-1]), "--trust", str(folder / "hub/parties.json"))
    print(f"\n$ ./unseen {' '.join(words)}", flush=True)
    subprocess.run(unseen(*words), check=True)


if __name__ == "__main__":
    main()
