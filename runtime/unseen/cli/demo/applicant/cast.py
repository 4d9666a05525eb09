"""Who is on stage: the register's node and operator, the bank's process, the hub, the regulator."""

import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.applicant import script
from unseen.cli.demo.applicant.places import Places
from unseen.cli.demo.applicant.texts import told
from unseen.cli.demo.checks import check
from unseen.cli.demo.processes import Buyer, Node, free_address, kernels, run, stopped_at_the_end
from unseen.cli.demo.screen import Screen

if TYPE_CHECKING:
    from unseen.client import Client

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything on stage; the clients are those of operator, hub and regulator, in this process.

    `residents` are the subjects of the register, in the order of its rows.
    """

    folder: Places
    screen: Screen
    node: Node
    buyer: Buyer
    operator: "Client"
    hub: "Client"
    regulator: "Client"
    address: str
    residents: Sequence[Row]

    def resident(self, person: int) -> Row:
        """Return what the register has under the number of a person in FEBRL."""
        number = _numbers()[person]
        (found,) = (row for row in self.residents if row[-1] == number)
        return found

    def money(self, micros: int) -> str:
        """Return an amount with its currency."""
        from unseen.client.agreements.billing import money

        return f"{money(micros)} {script.CURRENCY}"


def set_up(folder: Places, screen: Screen, stack: ExitStack) -> Scene:
    """Make and start everybody; whatever becomes of the stack, processes end with it."""
    screen.doing("making")
    buyer = Buyer(script.BUYER_MODULE, folder.bank, folder.bank_log)
    stack.enter_context(stopped_at_the_end([buyer]))
    listen = ["--name", script.NODE, "--listen", free_address(), "--format", "json"]
    (made,) = run([["node", "init", "--home", str(folder.node), *listen]], screen.tick)
    check(made.code == 0, f"a node is made: {made.err.strip()}")
    screen.doing("starting")
    settings = {"UNSEEN_CONSENT_LATENCY_SECONDS": str(script.LATENCY)} | kernels()
    node = Node("node", folder.node, folder.node_log, settings)
    stack.enter_context(stopped_at_the_end([node]))
    # Loaded while the node starts: it takes a while as well.
    from unseen.client import Client

    residents = write_register(folder)
    address = node.wait_until_ready(screen.tick)
    operator = stack.enter_context(Client(folder.node))
    screen.doing("registering")
    _offer(operator, folder)
    hub = stack.enter_context(Client.join(operator.invite(script.HUB, "hub"), folder.hub))
    order = operator.invite(script.REGULATOR, "regulator")
    regulator = stack.enter_context(Client.join(order, folder.supervisor))
    joined = buyer.do("join", invitation=operator.invite(script.BUYER).decode())
    check(joined["address"] == address, "the bank talks to this node")
    operator.parties()  # pins everybody's key
    hub.keys(accept=True)
    return Scene(folder, screen, node, buyer, operator, hub, regulator, address, residents)


def write_register(folder: Places) -> list[Row]:
    """Write the register's rows that have a whole subject; return their subjects."""
    import pyarrow.parquet as pq

    table = pq.read_table(script.TABLE_FILE)
    subjects = list(zip(*(table[name].to_pylist() for name in script.SUBJECT), strict=True))
    whole = [None not in subject for subject in subjects]
    pq.write_table(table.filter(whole), folder.table, compression="zstd", store_schema=False)
    return [subject for subject, kept in zip(subjects, whole, strict=True) if kept]


def consent(scene: Scene) -> int:
    """Let the hub hand over what residents have consented to; return how many."""
    from unseen.client.consents import Permission

    scene.screen.doing("consenting")
    until = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=30)
    permission = Permission(
        recipient=script.BUYER,
        scenario=script.SCENARIO,
        table=script.TABLE,
        until=until,
        notice=script.NOTICE.encode(),
    )
    willing = scene.residents[: script.CONSENTING]
    signed = []
    for resident in willing:
        signed.append(scene.hub.sign_consent(resident, permission))
        scene.screen.tick()
    added = scene.hub.import_consents(signed).added
    check(added == len(willing), f"the node has taken all consents, {added}")
    return added


def introduce(scene: Scene, consents: int) -> dict[str, Any]:
    """Show who holds what."""
    screen, folder = scene.screen, scene.folder
    (table,) = scene.operator.tables()
    check(table.rows == script.PEOPLE, f"the register has {script.PEOPLE:,} rows, not {table.rows}")
    screen.section(told("who"))
    level = script.LABEL[1]
    node, bank = scene.node.pid, scene.buyer.pid
    screen.facts(
        [
            (told("who.operator"), told("who.operator.is", rows=table.rows, level=level)),
            (told("who.node"), told("who.node.is", pid=node, at=scene.address, home=folder.node)),
            (told("who.buyer"), told("who.buyer.is", pid=bank, home=folder.bank)),
            (told("who.hub"), told("who.hub.is", consents=consents)),
            (told("who.regulator"), told("who.regulator.is")),
        ]
    )
    screen.say(told("who.generated"))
    return {"rows": table.rows, "consents": consents, "address": scene.address}


def _offer(operator: "Client", folder: Places) -> None:
    """Register the table, all of it personal, and what may be asked of it."""
    from unseen.client.catalog import Prices

    source = str(folder.table.resolve())
    labels = {"*": script.LABEL}
    operator.register_table(script.TABLE, source, subject=script.SUBJECT, labels=labels)
    operator.register_product(
        script.PRODUCT,
        table=script.TABLE,
        kind="lookup",
        title=script.TITLE,
        prices=Prices(script.CURRENCY, script.DATA_FEE, script.SERVICE_FEE),
        match=script.ID,
        canonical=script.FORMS,
    )


def _numbers() -> dict[int, str]:
    """Return the number of each person in the register, by the number in FEBRL."""
    import pyarrow.parquet as pq

    read = pq.read_table(script.TABLE_FILE, columns=["rec_id", "soc_sec_id"])
    return {
        int(record.split("-")[1]): number
        for record, number in zip(*(column.to_pylist() for column in read.columns), strict=True)
    }
