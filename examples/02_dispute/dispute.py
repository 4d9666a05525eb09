"""Two sides disagree about a bill, and an auditor settles it from both exports, offline.

Makes a node, an operator, a buyer with two machines, and an auditor, all on this machine, lets them
fall out, and runs the commands that settle it. Every command is printed as it would be typed:

    .venv/bin/python examples/02_dispute/dispute.py [FOLDER]
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "examples"))

from serving import make_node, own_folder, say, serving, unseen  # noqa: E402 - as it lies beside us

TABLE = ROOT / "examples/data/college_scorecard_2014.parquet"
FOUND = ("100654", "100663", "100690", "100706", "100724")  # institutions with earnings
MISSED = "999999"


class Stage:
    """The folder with everybody's home, and the commands that are run in it."""

    def __init__(self, folder: Path) -> None:
        """Start with nothing."""
        self.folder = folder
        self.node, self.desk, self.batch, self.auditor = (
            folder / name for name in ("node", "bank", "bank-batch", "auditor")
        )

    def run(self, *words: str, home: Path | None = None, code: int = 0) -> str:
        """Run `unseen WORDS`, show it, and return what it printed."""
        command = [*words, *(("--home", str(home)) if home else ())]
        print(f"\n$ unseen {' '.join(command)}")
        done = self._unseen(command)
        print("".join(f"  {line}\n" for line in (done.stdout + done.stderr).splitlines()), end="")
        if done.returncode != code:
            raise SystemExit(f"exit code {done.returncode}, not {code}")
        if code:
            print(f"  (exit code {code})")
        return done.stdout

    def ask(self, *words: str, home: Path) -> dict[str, object]:
        """Run a command without showing it, and return its JSON."""
        done = self._unseen([*words, "--home", str(home), "--format", "json"])
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        value: dict[str, object] = json.loads(done.stdout)
        return value

    def _unseen(self, words: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            unseen(*words), cwd=self.folder, capture_output=True, text=True, check=False
        )


def agree(stage: Stage) -> str:
    """Have the node serve a table, the parties join, and a contract come into force."""
    stage.ask(
        *("product", "add", "earnings", "--table", "colleges", "--kind", "verify"),
        *("--data-fee", "2", "--service-fee", "0.5", "--bill", "per-hit", "--free", "1"),
        *("--predicate", "earns|median earnings are known and positive|earnings_med > 0"),
        *("--payee", "data_fee:department of education:operator:70"),
        *("--payee", "data_fee:platform:bank:30"),
        home=stage.node,
    )
    wish = ("--outputs", "earns", "--scenario", "credit", "--units", "100")
    asked = stage.ask("contract", "request", "earnings", *wish, home=stage.desk)
    contract = f"contracts/{asked['id']}"
    stage.ask("contract", "approve", contract, home=stage.node)
    stage.ask("contract", "sign", contract, home=stage.desk)
    return contract


def join(stage: Stage) -> None:
    """Enrol the bank with two machines, and the auditor; register the table."""
    stage.ask(
        *("table", "add", "colleges", str(TABLE), "--subject", "unitid"),
        *("--label", "*=public:1"),
        home=stage.node,
    )
    for name, role, home in (("bank", "buyer", stage.desk), ("eva", "auditor", stage.auditor)):
        file = str(stage.folder / f"{name}.json")
        stage.ask("node", "invite", name, "-o", file, "--role", role, home=stage.node)
        stage.ask("join", file, home=home)
    stage.ask("instance", "add", "batch", str(stage.batch), home=stage.desk)


def fall_out(stage: Stage, contract: str) -> None:
    """Use the contract from two machines, lose one, and send a bill that is too high."""
    say("The bank asks: four times from its desk, twice from its batch machine.")
    for subject in (*FOUND[:3], MISSED):
        stage.ask("verify", contract, subject, home=stage.desk)
    for subject in FOUND[3:]:
        stage.ask("verify", contract, subject, home=stage.batch)
    stage.run("meter", "show", contract, home=stage.node)

    say("The batch machine is lost, and its receipts with it. The bank's bill is short.")
    shutil.rmtree(stage.batch)
    stage.run("meter", "settle", contract, "--sign", "-o", "bank.jws", home=stage.desk)

    say("The operator signs what its log says; a clerk then sends an invoice that says more.")
    stage.run("meter", "settle", contract, "--sign", "-o", "operator.jws", home=stage.node)
    stage.ask("meter", "settle", contract, "-o", "invoice.json", home=stage.node)
    invoice = json.loads((stage.folder / "invoice.json").read_text())
    invoice["billing"]["billed"] += 2
    for line in invoice["lines"]:
        line["units"] += 2
        line["amount"] += 2 * line["price"]
    invoice["amount"] = sum(line["amount"] for line in invoice["lines"])
    for due, share in zip(invoice["lines"][0]["payees"], (70, 30), strict=True):
        due["amount"] = invoice["lines"][0]["amount"] * share // 100
    text = json.dumps(invoice, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    (stage.folder / "invoice.json").write_text(text)
    stage.run("meter", "compare", "operator.jws", "bank.jws", home=stage.desk, code=5)


def hand_over(stage: Stage) -> None:
    """Give the auditor what it settles the dispute from; the node is not needed after this."""
    say("Eva, the auditor, takes an export of the log; the bank hands over its own, and receipts.")
    stage.run("audit", "keys", "--accept", home=stage.auditor)
    stage.run("audit", "export", "of-operator", home=stage.auditor)
    stage.run("audit", "export", "of-bank", home=stage.desk)
    shutil.copytree(stage.desk / "receipts", stage.folder / "receipts")


def settle(stage: Stage, contract: str) -> None:
    """Settle it: check both exports, rule on every release, hold all bills against the result."""
    say("From here on nobody asks the node: it is stopped.")
    trust = ("--trust", str(stage.auditor / "parties.json"))
    heads = (f"--head={path}" for path in sorted((stage.folder / "receipts").iterdir()))
    stage.run("audit", "check", "of-operator", *trust, *heads)
    stage.run("audit", "check", "of-bank", *trust, "--partial")

    say("Every release is ruled on: who signed a request owes it, with a receipt or without.")
    stage.run(
        *("meter", "resolve", contract, "--export", "of-operator", "--receipts", "receipts"),
        *("--csv", "rulings.csv", "-o", "settled.jws", "--sign"),
        home=stage.auditor,
    )

    say("The operator's signed statement is what the evidence comes to; the invoice is not.")
    stage.run("meter", "compare", "settled.jws", "operator.jws", home=stage.auditor)
    stage.run("meter", "compare", "settled.jws", "invoice.json", home=stage.auditor, code=5)
    stage.run("meter", "compare", "settled.jws", "bank.jws", home=stage.auditor, code=5)


def main() -> None:
    """Tell the whole story in a folder, which is made if it is not there."""
    folder = own_folder("dispute")
    stage = Stage(folder)
    say(f"A registry, a bank and an auditor, under {folder}")
    print(f"Commands are run in that folder; unseen stands for {ROOT / 'unseen'}")
    make_node(stage.node, "registry")
    with serving(stage.node):
        join(stage)
        contract = agree(stage)
        fall_out(stage, contract)
        hand_over(stage)
    settle(stage, contract)
    say("Settled.")


if __name__ == "__main__":
    main()
