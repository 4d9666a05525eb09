"""What it cost, what is refused, and what is left when the nodes are stopped."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.checks import check
from unseen.cli.demo.hospitals import script
from unseen.cli.demo.hospitals.cast import Scene
from unseen.cli.demo.hospitals.places import Places
from unseen.cli.demo.hospitals.texts import headings, told
from unseen.cli.demo.processes import run
from unseen.cli.demo.screen import Screen
from unseen.cli.demo.stage import typed
from unseen.cli.failures import PROOF_FAILED

if TYPE_CHECKING:
    from unseen.client.privacy import Ledger
    from unseen.evidence.verify import VerifiedReceipt

_UNITS = 10**12  # of a rho


def ledgers(scene: Scene) -> dict[str, Any]:
    """Show what each operator's ledger says."""
    screen, found = scene.screen, {}
    for name, each in scene.hospitals.items():
        (found[name],) = each.operator.privacy_ledgers(script.TABLE)
    spent = {
        purpose: {_spent(found[name], scene.contracts(purpose)[name]) for name in found}
        for purpose in script.PURPOSES
    }
    check(all(len(each) == 1 for each in spent.values()), "every node has charged the same")
    (of_sum,), (of_model,) = spent[script.SUM], spent[script.MODEL]
    ledger = found[script.HOSPITALS[0]]
    check(of_sum + of_model == ledger.spent, "and that is all that was charged")
    screen.section(told("spent"))
    rows = [
        (name, each.epsilon, each.spent_epsilon, _rho(each.spent), each.left_rho)
        for name, each in found.items()
    ]
    screen.table(headings("spent.head"), rows)
    screen.say(told("spent.why", sum=_rho(of_sum), model=_rho(of_model)))
    return {
        "ledgers": {
            name: {"spent": _rho(each.spent), "epsilon": each.spent_epsilon, "left": each.left_rho}
            for name, each in found.items()
        }
    }


def refused(scene: Scene) -> dict[str, Any]:
    """Let the insurer ask for more than its contracts have left."""
    screen, contracts = scene.screen, scene.contracts(script.SUM)
    screen.doing("refusing")
    before = [each.contract(script.SUM).units_used for each in scene.hospitals.values()]
    answer = scene.buyer.ask("ask", contracts=contracts, epsilon=script.EPSILON)
    error = answer.get("error", {})
    reason, clause = "PRIVACY_BUDGET_SPENT", "budget"
    check(
        error.get("reason") == reason and error.get("clause") == clause,
        f"more than is left is refused by the contract's budget, not {answer}",
    )
    after = [each.contract(script.SUM).units_used for each in scene.hospitals.values()]
    check(before == after and not error["charged"], "a refusal is not charged")
    (ledger,) = next(iter(scene.hospitals.values())).operator.privacy_ledgers(script.TABLE)
    (of,) = (each for each in ledger.contracts if each.contract in contracts.values())
    screen.section(told("refused"))
    screen.say(told("refused.why", left=_rho(of.limit - of.spent)))
    rows = [(told(name), error[name]) for name in ("message", "reason", "clause")]
    screen.panel(told("refused.title"), [*rows, (told("charged"), told("no"))], "red")
    return {"refusal": error}


def export(scene: Scene) -> None:
    """Let every operator write its log down, for whoever audits it."""
    scene.screen.doing("exporting")
    for name, each in scene.hospitals.items():
        each.operator.export(scene.folder.export(name))
        scene.screen.tick()


def evidence(folder: Places, screen: Screen, told_before: dict[str, Any]) -> dict[str, Any]:
    """Check all receipts and all logs, from files alone."""
    from unseen.client.audit.checking import check_folder
    from unseen.evidence import trust

    screen.doing("verifying")
    rows, found = [], {}
    for name in script.HOSPITALS:
        receipts = _receipts(folder, name)
        spent = sum((Fraction(each.privacy) for each in receipts), Fraction(0))
        said = Fraction(told_before["ledgers"][name]["spent"])
        check(spent == said, f"receipts of {name} add up to a rho of {spent}, its ledger to {said}")
        keys = trust.parse((folder.node(name) / "operator/parties.json").read_bytes())
        report = check_folder(folder.export(name), keys)
        check(report.ok, f"the audit of {name} finds nothing, and not {report.findings}")
        check(report.releases == len(receipts), "the log holds one release for each receipt")
        facts = (report.size, report.signatures, report.releases, report.found)
        rows.append((name, len(receipts), *facts))
        found[name] = {"receipts": len(receipts), "entries": report.size, "findings": report.found}
        screen.tick()
    one = told_before["released"][script.HOSPITALS[0]]
    good, words = _by_command(folder, screen, one)
    screen.section(told("left"))
    screen.say(told("left.stopped"))
    screen.table(headings("left.head"), rows)
    screen.say(words)
    return {"evidence": found, "receipt": one, "verify": typed(good)}


def _receipts(folder: Places, name: str) -> "list[VerifiedReceipt]":
    """Return the insurer's receipts of one node, each verified with the keys that it trusts."""
    from unseen.evidence import trust
    from unseen.evidence.verify import verify_receipt

    home = folder.home(name)
    keys = trust.parse((home / "parties.json").read_bytes())
    files = sorted((home / "receipts").glob("*.receipt"))
    return [verify_receipt(path.read_text().strip(), keys) for path in files]


def _by_command(folder: Places, screen: Screen, file: str) -> tuple[list[str], str]:
    """Verify a receipt by command, and the same with one bit changed."""
    data = bytearray(Path(file).read_bytes())
    place = len(data) // 2
    data[place] ^= 1
    folder.tampered.write_bytes(data)
    trust = str(folder.home(script.HOSPITALS[0]) / "parties.json")
    commands = [
        ["receipt", "verify", path, "--trust", trust] for path in (file, str(folder.tampered))
    ]
    good, bad = run(commands, screen.tick)
    check(good.code == 0, f"the receipt verifies: {good.err.strip()}")
    check(bad.code == PROOF_FAILED, f"a tampered receipt exits with 5, not {bad.code}")
    said = good.out.splitlines()[0]
    words = told("left.command", said=said, place=place, size=len(data), code=bad.code)
    return commands[0], words


def _spent(ledger: "Ledger", contract: str) -> int:
    (found,) = (each.spent for each in ledger.contracts if each.contract == contract)
    return found


def _rho(units: int) -> str:
    """Return units of 10^-12 as rho, without zeros at the end."""
    whole, rest = divmod(units, _UNITS)
    return f"{whole}.{rest:012d}".rstrip("0").rstrip(".")
