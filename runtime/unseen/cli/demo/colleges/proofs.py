"""What the demo claims, each claim looked at before it is made."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.checks import check
from unseen.cli.demo.colleges import script
from unseen.cli.demo.colleges.places import Places
from unseen.cli.demo.colleges.texts import told
from unseen.cli.demo.processes import Buyer, Node, run
from unseen.cli.demo.screen import Screen
from unseen.cli.demo.search import number, search, text
from unseen.cli.demo.stage import typed
from unseen.cli.failures import PROOF_FAILED

if TYPE_CHECKING:
    from unseen.client import Client
    from unseen.client.agreements.contracts import Contract
    from unseen.client.evidence import Leaf

_RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything on stage; `operator` is the operator's client, in this process."""

    folder: Places
    screen: Screen
    node: Node
    buyer: Buyer
    operator: "Client"
    address: str

    def money(self, micros: int) -> str:
        """Return an amount with its currency."""
        from unseen.client.agreements.billing import money

        return f"{money(micros)} {script.CURRENCY}"


def unseen_by_operator(scene: Scene, contract: "Contract") -> dict[str, Any]:
    """Show what the node holds of the first question, and that the institution is not in it."""
    screen = scene.screen
    screen.doing("searching")
    releases = [leaf for leaf in scene.operator.leaves() if leaf.type == _RELEASE]
    check(len(releases) == len(script.PLOTS), "the log holds one release for each question")
    first = releases[0]
    request: Any = first.fields["request"]
    check(request["contract"] == contract.id, "the release is under this contract")
    commitment = str(request["commitment"])
    places = (scene.folder.node, scene.folder.node_log)
    known = search(places, text(commitment))
    check(bool(known.found), "the node's files hold the commitment")
    asked = [plot.unitid for plot in script.PLOTS]
    looked = search(places, *(number(unitid) for unitid in asked))
    check(not looked.found, f"the node's files hold none of {asked}, but {looked.found} do")
    screen.section(told("unseen.operator"))
    screen.say(told("unseen.entry"))
    screen.facts(_entry(first, request))
    others, last = ", ".join(map(str, asked[:-1])), asked[-1]
    screen.say(
        told("unseen.blinded"),
        told("unseen.searched", files=looked.files, size=looked.size, others=others, last=last),
    )
    return {"operator_saw": {"entry": first.index, "commitment": commitment, "asked": "nowhere"}}


def unseen_by_buyer(scene: Scene, contract: "Contract") -> dict[str, Any]:
    """Show what the buyer holds of the table, and that the figures are not in it."""
    screen, home = scene.screen, scene.folder.buyer
    manifests = [leaf for leaf in scene.operator.leaves() if leaf.type == "manifest.published"]
    check(len(manifests) == 1, "the contract has one encrypted table")
    size = max(path.stat().st_size for path in (home / "tables").iterdir())
    rows, left = divmod(size, 16 + contract.plan.label_bytes)
    check(left == 0 and 0 < rows < script.ROWS, "the encrypted table has whole rows")
    looked = search([home, scene.folder.buyer_log], number(script.FIGURE))
    check(not looked.found, f"the buyer's files do not hold {script.FIGURE}; {looked.found} do")
    opened = sum(plot.answer != "no_usable_result" for plot in script.PLOTS)
    bits = contract.plan.bits_per_unit
    screen.section(told("unseen.buyer"))
    screen.say(
        told("unseen.rows", rows=rows, size=size, opened=opened),
        told("unseen.figure", bits=bits, figure=script.FIGURE, files=looked.files),
    )
    return {"buyer_holds": {"rows": rows, "bytes": size, "opened": opened}}


def bill(scene: Scene, contract: "Contract") -> dict[str, Any]:
    """Let both sides compute the bill, and compare the bytes."""
    screen, folder = scene.screen, scene.folder
    screen.doing("settling")
    own = str(scene.buyer.do("settle", contract=contract.id)).encode()
    theirs = scene.operator.operator_settle(contract.id)
    for name, statement in (("buyer.json", own), ("operator.json", theirs)):
        (folder.statements / name).write_bytes(statement)
    check(own == theirs, "both statements are the same bytes")
    units = scene.operator.usage(contract.id).units_used
    check(units == len(script.PLOTS), f"{len(script.PLOTS)} units were charged, not {units}")
    prices = contract.terms.prices
    data, service = (fee * units for fee in (prices.data_fee, prices.service_fee))
    check(f'"amount":{data + service}' in own.decode(), "the bill adds up")
    cost = scene.money(data + service)
    fees = {"data": (prices.data_fee, data), "service": (prices.service_fee, service)}
    rows = [
        (
            told(f"cost.{name}"),
            told("cost.is", units=units, price=scene.money(price), sum=scene.money(total)),
        )
        for name, (price, total) in fees.items()
    ]
    screen.section(told("cost"))
    screen.facts([*rows, (told("cost.amount"), cost)])
    digest = hashlib.sha256(own).hexdigest()
    screen.say(told("cost.same", size=len(own), digest=digest[:16], folder=folder.statements))
    return {"cost": cost, "units": units, "statement_sha256": digest}


def refused(scene: Scene, contract: "Contract") -> dict[str, Any]:
    """Ask once more than the contract allows."""
    screen = scene.screen
    screen.doing("refusing")
    answer = scene.buyer.ask("lookup", contract=contract.id, subject=script.ONE_TOO_MANY)
    error = answer.get("error", {})
    check(
        error.get("reason") == "QUOTA_EXHAUSTED" and error.get("clause") == "quota.units",
        f"one question too many is refused by the quota, not {answer}",
    )
    units = scene.buyer.do("usage", contract=contract.id)["units_used"]
    check(units == script.UNITS and not error["charged"], "a refusal is not charged")
    screen.section(told("refused"))
    rows = [(told(name), error[name]) for name in ("message", "reason", "clause", "remedy")]
    screen.panel(told("refused.title"), [*rows, (told("charged"), told("no"))], "red")
    return {"refusal": error}


def receipt(folder: Places, screen: Screen, file: str) -> dict[str, Any]:
    """Verify the first receipt without the node, then the same with one byte changed."""
    screen.doing("verifying")
    data = bytearray(Path(file).read_bytes())
    place = len(data) // 2
    data[place] ^= 1
    folder.tampered.write_bytes(data)
    good, bad = run([_command(path, folder) for path in (file, str(folder.tampered))], screen.tick)
    check(good.code == 0, f"the receipt verifies: {good.err.strip()}")
    check(bad.code == PROOF_FAILED, f"a tampered receipt exits with 5, not {bad.code}")
    screen.section(told("left"))
    screen.say(
        told("left.stopped"),
        told("left.good", said=good.out.splitlines()[0]),
        told("left.bad", place=place, size=len(data), code=bad.code),
    )
    return {"receipt": file, "trust": str(folder.trust), "verify": typed(_command(file, folder))}


def _command(file: str, folder: Places) -> list[str]:
    return ["receipt", "verify", file, "--trust", str(folder.trust)]


def _entry(leaf: "Leaf", request: dict[str, Any]) -> list[tuple[str, object]]:
    signature = str(leaf.fields["signature"])[:24]
    return [
        (told("entry"), told("entry.is", index=leaf.index, type=leaf.type, time=leaf.time)),
        (told("entry.units"), request["units"]),
        (told("entry.signed"), told("entry.signed.is", signature=signature)),
        (told("entry.question"), told("entry.commitment", commitment=request["commitment"])),
        (told("entry.answer"), told("entry.commitment", commitment=leaf.fields["release"])),
    ]
