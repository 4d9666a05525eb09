"""The walk: the node is made and started, the parties agree, the buyer asks, the proofs follow."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.checks import check
from unseen.cli.demo.colleges import script
from unseen.cli.demo.colleges.places import Places
from unseen.cli.demo.colleges.proofs import (
    Scene,
    bill,
    receipt,
    refused,
    unseen_by_buyer,
    unseen_by_operator,
)
from unseen.cli.demo.colleges.texts import headings, told
from unseen.cli.demo.processes import Buyer, Node, free_address, run, stopped_at_the_end
from unseen.cli.demo.screen import Screen
from unseen.cli.demo.stage import data_file, here, leak_rows, on_stage
from unseen.cli.output import Format, print_json

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract


def walk(home: Path | None = None, form: Format = Format.TABLE) -> None:
    """Walk through one hidden verification; everything it makes lies in `home`.

    Raises:
        StepFailedError: a step did not come out as it is told.
        UsageError: the folder is somebody else's, or the table is not there.

    """
    start = time.monotonic()
    source = data_file(script.TABLE_FILE)
    folder = Places(here(home))
    with on_stage(folder, script.STEPS, form, told) as screen:
        found = _tell(folder, screen, source)
        found["seconds"] = round(time.monotonic() - start, 1)
        _close(screen, found)
    if form is Format.JSON:
        print_json(found)


def _tell(folder: Places, screen: Screen, source: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"home": str(folder.root)}
    screen.line(told("opening"))
    with ExitStack() as stack:
        scene = _set_up(folder, screen, stack)
        found |= _who_holds_what(scene, source)
        contract = _agree(scene)
        found |= {"contract": contract.id}
        found |= _ask(scene, contract)
        found |= unseen_by_operator(scene, contract)
        found |= unseen_by_buyer(scene, contract)
        found |= bill(scene, contract)
        found |= refused(scene, contract)
        screen.doing("stopping")
        scene.operator.close()
        check(scene.buyer.stop() == 0, "the buyer's process ends by itself")
        check(scene.node.stop() == 0, "the node stops when it is told to")
    return found | receipt(folder, screen, found["answers"][0]["receipt"])


def _set_up(folder: Places, screen: Screen, stack: ExitStack) -> Scene:
    screen.doing("making")
    buyer = Buyer(script.BUYER_MODULE, folder.buyer, folder.buyer_log)
    stack.enter_context(stopped_at_the_end([buyer]))
    listen = ["--name", script.NODE, "--listen", free_address(), "--format", "json"]
    (made,) = run([["node", "init", "--home", str(folder.node), *listen]], screen.tick)
    check(made.code == 0, f"a node is made: {made.err.strip()}")
    screen.doing("starting")
    node = Node("node", folder.node, folder.node_log)
    stack.enter_context(stopped_at_the_end([node]))
    # Loaded while the node starts: it takes a while as well.
    from unseen.client import Client

    address = node.wait_until_ready(screen.tick)
    operator = stack.enter_context(Client(folder.node))
    return Scene(folder, screen, node, buyer, operator, address)


def _who_holds_what(scene: Scene, source: Path) -> dict[str, Any]:
    from unseen.client.catalog import Predicate, Prices

    screen, operator, folder = scene.screen, scene.operator, scene.folder
    screen.doing("registering")
    table = operator.register_table(
        script.TABLE, str(source), subject=[script.SUBJECT], labels={"*": ("public", "1")}
    )
    check(table.rows == script.ROWS, f"the table has {script.ROWS:,} rows, not {table.rows:,}")
    operator.register_product(
        script.PRODUCT,
        table=script.TABLE,
        kind="lookup",
        title=script.TITLE,
        predicates=[Predicate(*question) for question in script.QUESTIONS],
        prices=Prices(script.CURRENCY, script.DATA_FEE, script.SERVICE_FEE),
    )
    screen.doing("joining")
    invitation = operator.invite(script.BUYER).decode()
    joined = scene.buyer.do("join", invitation=invitation)
    check(joined["address"] == scene.address, "the buyer talks to this node")
    screen.section(told("who"))
    screen.facts(
        [
            (
                told("who.operator"),
                told("who.operator.is", rows=table.rows, columns=len(table.columns)),
            ),
            (
                told("who.node"),
                told("who.node.is", pid=scene.node.pid, at=scene.address, home=folder.node),
            ),
            (told("who.buyer"), told("who.buyer.is", pid=scene.buyer.pid, home=folder.buyer)),
        ]
    )
    return {"rows": table.rows, "address": scene.address}


def _agree(scene: Scene) -> "Contract":
    screen, buyer = scene.screen, scene.buyer
    screen.doing("agreeing")
    wished = buyer.do(
        "request",
        product=script.PRODUCT,
        outputs=[name for name, _, _ in script.QUESTIONS],
        scenario=script.SCENARIO,
        units=script.UNITS,
        days=script.DAYS,
    )
    approved = scene.operator.approve(wished["id"])
    signed = buyer.do("sign", contract=approved.id)
    check(signed["state"] == "active", "the contract is active once both have signed")
    contract = scene.operator.contract(approved.id)
    prices = contract.terms.prices
    data, service = scene.money(prices.data_fee), scene.money(prices.service_fee)
    screen.section(told("agreed"))
    screen.say(told("agreed.what", contract=contract.id))
    units = contract.terms.quota.units
    screen.facts(
        [
            (told("agreed.questions"), "; ".join(question for _, question, _ in script.QUESTIONS)),
            (told("agreed.about"), told("agreed.about.is")),
            (told("agreed.quota"), told("agreed.quota.is", units=units, days=script.DAYS)),
            (told("agreed.price"), told("agreed.price.is", data=data, service=service)),
        ]
    )
    screen.say(told("leaks"))
    screen.table(headings("leaks.head"), leak_rows(contract.leakage, told))
    return contract


def _ask(scene: Scene, contract: "Contract") -> dict[str, Any]:
    screen, buyer = scene.screen, scene.buyer
    screen.doing("asking")
    names = [name for name, _, _ in script.QUESTIONS]
    rows: list[tuple[object, ...]] = []
    answers: list[dict[str, Any]] = []
    for plot in script.PLOTS:
        done = buyer.do("lookup", contract=contract.id, subject=plot.unitid)
        verdict, seconds = done["verdict"], done["seconds"]
        found = [verdict["answers"][name] for name in names]
        check(
            found == [plot.answer] * len(names) and not verdict["cached"],
            f"the answers about {plot.unitid} are {plot.answer}",
        )
        took = f"{seconds * 1000:,.0f} ms" + ("" if answers else " *")
        said = [told(answer) for answer in found]
        rows.append((plot.unitid, *said, took))
        answers.append({**verdict, "milliseconds": round(seconds * 1000, 1)})
        screen.tick()
    again = buyer.do("lookup", contract=contract.id, subject=script.PLOTS[0].unitid)["verdict"]
    check(bool(again["cached"]), "asking again costs nothing")
    screen.section(told("asked"))
    questions = [question for _, question, _ in script.QUESTIONS]
    screen.table((told("asked.subject"), *questions, told("asked.took")), rows)
    held = "; ".join(_because(plot) for plot in script.PLOTS)
    screen.say(
        told("asked.first"),
        told("asked.truth", held=held),
        told("asked.listed"),
        told("asked.again", unitid=script.PLOTS[0].unitid),
    )
    return {"answers": answers}


def _because(plot: script.Plot) -> str:
    """Return what the table says of an institution."""
    if plot.figures is None:
        return told("because.withheld", unitid=plot.unitid)
    return told("because", unitid=plot.unitid, earnings=plot.figures[0], working=plot.figures[1])


def _close(screen: Screen, found: dict[str, Any]) -> None:
    count, questions = len(found["answers"]), len(script.QUESTIONS)
    values: dict[str, dict[str, object]] = {
        "held": {"rows": found["rows"]},
        "asked": {"count": count, "questions": questions},
        "answered": {},
        "unseen": {},
        "cost": {"cost": found["cost"]},
    }
    screen.section(told("short"))
    screen.facts(
        [(told(f"short.{name}"), told(f"short.{name}.is", **each)) for name, each in values.items()]
    )
    screen.say(told("ending", seconds=found["seconds"]))
    screen.line(told("paths", receipt=found["receipt"], verify=found["verify"]))
