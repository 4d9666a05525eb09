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
from unseen.cli.demo.processes import Buyer, Node, free_address, run, stopped_at_the_end
from unseen.cli.demo.screen import Screen
from unseen.cli.demo.stage import data_file, here, on_stage
from unseen.cli.output import Format, print_json

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract

_OPERATOR = (
    "holds the College Scorecard of 2014 (US Department of Education): {rows:,} institutions, "
    "{columns} columns, all labelled public, level 1."
)
_NODE = "is process {pid} at {at}, over mutual TLS; its state is in {home}."
_BUYER = (
    "is a lender: process {pid}, which was given an invitation and its home {home}. It holds the "
    "keys that it made there, and no table."
)
_LEARNERS = {"operator": "the operator", "buyer": "the buyer", "network": "the network"}


def walk(home: Path | None = None, form: Format = Format.TABLE) -> None:
    """Walk through one hidden verification; everything it makes lies in `home`.

    Raises:
        StepFailedError: a step did not come out as it is told.
        UsageError: the folder is somebody else's, or the table is not there.

    """
    start = time.monotonic()
    source = data_file(script.TABLE_FILE)
    folder = Places(here(home))
    with on_stage(folder, script.STEPS, form) as screen:
        told = _tell(folder, screen, source)
        told["seconds"] = round(time.monotonic() - start, 1)
        _close(screen, told)
    if form is Format.JSON:
        print_json(told)


def _tell(folder: Places, screen: Screen, source: Path) -> dict[str, Any]:
    told: dict[str, Any] = {"home": str(folder.root)}
    screen.line("A hidden verification on real data, with a real node and a real buyer.")
    with ExitStack() as stack:
        scene = _set_up(folder, screen, stack)
        told |= _who_holds_what(scene, source)
        contract = _agree(scene)
        told |= {"contract": contract.id}
        told |= _ask(scene, contract)
        told |= unseen_by_operator(scene, contract)
        told |= unseen_by_buyer(scene, contract)
        told |= bill(scene, contract)
        told |= refused(scene, contract)
        screen.doing("stopping the node")
        scene.operator.close()
        check(scene.buyer.stop() == 0, "the buyer's process ends by itself")
        check(scene.node.stop() == 0, "the node stops when it is told to")
    return told | receipt(folder, screen, told["answers"][0]["receipt"])


def _set_up(folder: Places, screen: Screen, stack: ExitStack) -> Scene:
    screen.doing("making the operator's node")
    buyer = Buyer(script.BUYER_MODULE, folder.buyer, folder.buyer_log)
    stack.enter_context(stopped_at_the_end([buyer]))
    listen = ["--name", script.NODE, "--listen", free_address(), "--format", "json"]
    (made,) = run([["node", "init", "--home", str(folder.node), *listen]], screen.tick)
    check(made.code == 0, f"a node is made: {made.err.strip()}")
    screen.doing("starting the node")
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
    screen.doing("registering the table")
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
    screen.doing("the buyer joins")
    invitation = operator.invite(script.BUYER).decode()
    joined = scene.buyer.do("join", invitation=invitation)
    check(joined["address"] == scene.address, "the buyer talks to this node")
    screen.section("Who holds what")
    screen.facts(
        [
            ("The operator", _OPERATOR.format(rows=table.rows, columns=len(table.columns))),
            ("Its node", _NODE.format(pid=scene.node.pid, at=scene.address, home=folder.node)),
            ("The buyer", _BUYER.format(pid=scene.buyer.pid, home=folder.buyer)),
        ]
    )
    return {"rows": table.rows, "address": scene.address}


def _agree(scene: Scene) -> "Contract":
    screen, buyer = scene.screen, scene.buyer
    screen.doing("agreeing on a contract")
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
    screen.section("What they agreed")
    screen.say(f"Contract {contract.id}, signed by the operator and by the lender:")
    screen.facts(
        [
            ("questions", "; ".join(question for _, question, _ in script.QUESTIONS)),
            ("about", "one institution at a time, which the operator does not get to know"),
            ("quota", f"{contract.terms.quota.units} units, within {script.DAYS} day"),
            ("price", f"{data} for the data and {service} for the service, for each unit"),
        ]
    )
    screen.say("What will leak, signed as part of it:")
    screen.table(
        ("who", "learns", "at most"),
        [(_LEARNERS[line.party], line.text, line.bound) for line in contract.leakage.statements],
    )
    return contract


def _ask(scene: Scene, contract: "Contract") -> dict[str, Any]:
    screen, buyer = scene.screen, scene.buyer
    screen.doing("encrypting the table for this contract, and asking")
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
        said = [answer.replace("_", " ") for answer in found]
        rows.append((plot.unitid, *said, took))
        answers.append({**verdict, "milliseconds": round(seconds * 1000, 1)})
        screen.tick()
    again = buyer.do("lookup", contract=contract.id, subject=script.PLOTS[0].unitid)["verdict"]
    check(bool(again["cached"]), "asking again costs nothing")
    screen.section("What was asked, and the answers")
    questions = [question for _, question, _ in script.QUESTIONS]
    screen.table(("institution", *questions, "took"), rows)
    held = "; ".join(f"{plot.unitid} {plot.because}" for plot in script.PLOTS)
    screen.say(
        "* with waiting for the encrypted table, fetching it and checking it.",
        f"For you to compare, the register says: {held}.",
        "The lender cannot tell the third from an institution that is not listed.",
        f"Asked again about {script.PLOTS[0].unitid}: opened before, nothing sent, no unit used.",
    )
    return {"answers": answers}


def _close(screen: Screen, told: dict[str, Any]) -> None:
    screen.section("In short")
    screen.facts(
        (
            ("held", f"the operator {told['rows']:,} rows, the lender none"),
            ("asked", f"{len(told['answers'])} institutions, by {len(script.QUESTIONS)} questions"),
            ("answered", "yes, no, and no usable result"),
            ("unseen", "to the operator: which institutions; to the lender: everything else"),
            ("cost", f"{told['cost']}, proven to both; the next question was refused"),
        )
    )
    screen.say(f"Every step came out as told, in {told['seconds']} s. The node is stopped.")
    screen.line(f"\nReceipt: {told['receipt']}\nVerify it: {told['verify']}")
