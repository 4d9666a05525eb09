"""The walk: three nodes are made, six contracts signed, a sum and a model made, proofs follow."""

import time
from pathlib import Path
from typing import Any

from unseen.cli.demo.hospitals import proofs, script
from unseen.cli.demo.hospitals.agreeing import agree
from unseen.cli.demo.hospitals.cast import furnish, introduce, on
from unseen.cli.demo.hospitals.fitting import fit, judge, release
from unseen.cli.demo.hospitals.places import Places
from unseen.cli.demo.hospitals.summing import ask
from unseen.cli.demo.hospitals.texts import told
from unseen.cli.demo.screen import Screen
from unseen.cli.demo.stage import data_file, here, on_stage, typed
from unseen.cli.output import Format, print_json


def walk(home: Path | None = None, form: Format = Format.TABLE) -> None:
    """Walk through one sum and one model over three nodes; everything it makes lies in `home`.

    Raises:
        StepFailedError: a step did not come out as it is told.
        NodeError: a node does not start, or has ended by itself.
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
    found: dict[str, Any] = {"story": "hospitals", "home": str(folder.root)}
    with on(folder, screen) as scene:
        furnish(scene)
        found |= introduce(scene)
        found |= agree(scene)
        found |= ask(scene)
        found |= fit(scene)
        found |= release(scene, found["model"]["model"])
        found |= judge(scene, found["model"])
        found |= proofs.ledgers(scene)
        found |= proofs.refused(scene)
        proofs.export(scene)
        screen.doing("stopping")
        scene.stop()
    found |= proofs.evidence(folder, screen, found)
    return found | {"audit": _audit(folder)}


def _audit(folder: Places) -> str:
    """Return the command that audits the first hospital's log."""
    name = script.HOSPITALS[0]
    trust = folder.node(name) / "operator/parties.json"
    return typed(["audit", "check", str(folder.export(name)), "--trust", str(trust)])


def _close(screen: Screen, found: dict[str, Any]) -> None:
    rows, people = (sum(each[what] for each in found["hospitals"]) for what in ("rows", "people"))
    units = sum(each["receipts"] for each in found["evidence"].values())
    spent = found["ledgers"][script.HOSPITALS[0]]["epsilon"]
    values = {
        "held": {"rows": rows, "people": people},
        "got": {"cells": len(found["sum"]["rows"]), "numbers": len(script.FEATURES) + 1},
        "unseen": {},
        "cost": {"units": units, "spent": spent, "budget": script.BUDGET},
    }
    screen.section(told("short"))
    screen.facts(
        [(told(f"short.{name}"), told(f"short.{name}.is", **each)) for name, each in values.items()]
    )
    screen.say(told("ending", seconds=found["seconds"]))
    paths = {name: found[name] for name in ("receipt", "verify", "audit")}
    screen.line(told("paths", model=found["model"]["model"], **paths))
