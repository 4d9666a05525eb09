"""The walk: everybody is there, the parties agree, the bank asks, and each protection shows."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from unseen.cli.demo.applicant import script
from unseen.cli.demo.applicant.agreeing import agree
from unseen.cli.demo.applicant.asking import ask, both_sides
from unseen.cli.demo.applicant.cast import Scene, consent, introduce, set_up
from unseen.cli.demo.applicant.guarding import guess, open_one
from unseen.cli.demo.applicant.places import Places
from unseen.cli.demo.applicant.proofs import bill, receipts
from unseen.cli.demo.applicant.texts import told
from unseen.cli.demo.applicant.withdrawing import withdraw
from unseen.cli.demo.checks import check
from unseen.cli.demo.screen import Screen
from unseen.cli.demo.stage import data_file, here, on_stage
from unseen.cli.output import Format, print_json


def walk(home: Path | None = None, form: Format = Format.TABLE) -> None:
    """Walk through a day at a bank; everything it makes lies in `home`.

    Raises:
        StepFailedError: a step did not come out as it is told.
        NodeError: the node does not start.
        UsageError: the folder is somebody else's, or the table is not there.

    """
    start = time.monotonic()
    data_file(script.TABLE_FILE)
    folder = Places(here(home))
    with on_stage(folder, script.STEPS, form, told) as screen:
        found = _tell(folder, screen)
        found["seconds"] = round(time.monotonic() - start, 1)
        _close(screen, found)
    if form is Format.JSON:
        print_json(found)


def _tell(folder: Places, screen: Screen) -> dict[str, Any]:
    screen.line(told("opening"))
    found: dict[str, Any] = {"story": "applicant", "home": str(folder.root)}
    with ExitStack() as stack:
        scene = set_up(folder, screen, stack)
        found |= introduce(scene, consent(scene))
        contract = agree(scene)
        found |= {"contract": contract.id}
        found |= ask(scene, contract)
        answers = found["answers"]
        found |= both_sides(scene, contract, answers)
        found |= guess(scene, contract)
        found |= open_one(scene, contract, answers)
        found |= withdraw(scene, contract, answers[0]["request"])
        found |= bill(scene, contract)
        _stop(scene)
    return found | receipts(folder, screen, answers[0]["receipt"])


def _stop(scene: Scene) -> None:
    scene.screen.doing("stopping")
    for client in (scene.operator, scene.hub, scene.regulator):
        client.close()
    check(scene.buyer.stop() == 0, "the bank's process ends by itself")
    check(scene.node.stop() == 0, "the node stops when it is told to")


def _close(screen: Screen, found: dict[str, Any]) -> None:
    values: dict[str, dict[str, object]] = {
        "held": {"rows": found["rows"]},
        "answered": {},
        "unseen": {},
        "guarded": {"order": found["opened"]["order"][:8]},
        "cost": {"cost": found["cost"], "units": found["units"]},
    }
    screen.section(told("short"))
    screen.facts(
        [(told(f"short.{name}"), told(f"short.{name}.is", **each)) for name, each in values.items()]
    )
    screen.say(told("ending", seconds=found["seconds"]))
    screen.line(told("paths", receipt=found["receipt"], verify=found["verify"]))
