"""The bill, which both sides compute, and a receipt that needs neither."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.applicant import script
from unseen.cli.demo.applicant.cast import Scene
from unseen.cli.demo.applicant.places import Places
from unseen.cli.demo.applicant.texts import told
from unseen.cli.demo.checks import check
from unseen.cli.demo.processes import run
from unseen.cli.demo.screen import Screen
from unseen.cli.demo.stage import typed
from unseen.cli.failures import PROOF_FAILED

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract

ASKED = len(script.APPLICANTS) + 2  # and two more after the withdrawal


def bill(scene: Scene, contract: "Contract") -> dict[str, Any]:
    """Let both sides compute the bill, and compare the bytes."""
    screen, folder = scene.screen, scene.folder
    screen.doing("settling")
    own = str(scene.buyer.do("settle", contract=contract.id)).encode()
    theirs = scene.operator.operator_settle(contract.id)
    for name, statement in (("bank.json", own), ("register.json", theirs)):
        (folder.statements / name).write_bytes(statement)
    check(own == theirs, "both statements are the same bytes")
    units = scene.operator.usage(contract.id).units_used
    check(units == ASKED, f"{ASKED} units were charged, not {units}")
    prices = contract.terms.prices
    data, service = (fee * units for fee in (prices.data_fee, prices.service_fee))
    check(f'"amount":{data + service}' in own.decode(), "the bill adds up")
    cost = scene.money(data + service)
    digest = hashlib.sha256(own).hexdigest()
    fees = {"data": scene.money(data), "service": scene.money(service)}
    screen.section(told("cost"))
    screen.say(
        told("cost.is", units=units, amount=cost, **fees),
        told("cost.same", size=len(own), digest=digest[:16], folder=folder.statements),
    )
    return {"cost": cost, "units": units, "statement_sha256": digest}


def receipts(folder: Places, screen: Screen, file: str) -> dict[str, Any]:
    """Verify all receipts without the node, and one with a bit changed."""
    from unseen.evidence import trust
    from unseen.evidence.verify import verify_receipt

    screen.doing("verifying")
    keys = trust.parse(folder.trust.read_bytes())
    found = sorted((folder.bank / "receipts").glob("*.receipt"))
    units = sum(verify_receipt(path.read_text().strip(), keys).units for path in found)
    check(units == len(found) == ASKED, f"{ASKED} receipts of a unit each verify, not {units}")
    data = bytearray(Path(file).read_bytes())
    place = len(data) // 2
    data[place] ^= 1
    folder.tampered.write_bytes(data)
    commands = [_command(path, folder) for path in (file, str(folder.tampered))]
    good, bad = run(commands, screen.tick)
    check(good.code == 0, f"the receipt verifies: {good.err.strip()}")
    check(bad.code == PROOF_FAILED, f"a tampered receipt exits with 5, not {bad.code}")
    screen.section(told("left"))
    screen.say(
        told("left.stopped", count=len(found)),
        told("left.good", said=good.out.splitlines()[0]),
        told("left.bad", place=place, size=len(data), code=bad.code),
    )
    return {"receipt": file, "trust": str(folder.trust), "verify": typed(commands[0])}


def _command(file: str, folder: Places) -> list[str]:
    return ["receipt", "verify", file, "--trust", str(folder.trust)]
