"""Who is on stage: three hospitals, each with a node and an operator, and the insurer's process."""

from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unseen.cli.demo.checks import StepFailedError, check
from unseen.cli.demo.hospitals import script
from unseen.cli.demo.hospitals.places import Places
from unseen.cli.demo.hospitals.texts import headings, told
from unseen.cli.demo.processes import (
    Buyer,
    Child,
    Node,
    free_address,
    kernels,
    run,
    stopped_at_the_end,
)
from unseen.cli.demo.screen import Screen

if TYPE_CHECKING:
    from unseen.cli.demo.hospitals.truth import Own
    from unseen.client import Client
    from unseen.client.agreements.contracts import Contract


@dataclass
class Hospital:
    """A hospital's side; `operator` is its operator's client, in this process."""

    name: str
    address: str
    node: Node
    operator: "Client"
    own: "Own"
    contracts: dict[str, str] = field(default_factory=dict)  # by purpose

    def contract(self, purpose: str) -> "Contract":
        """Return one of its contracts as it stands."""
        return self.operator.contract(self.contracts[purpose])


@dataclass
class Scene:
    """Everything on stage; `children` are all processes, also those that were killed."""

    folder: Places
    screen: Screen
    buyer: Buyer
    children: list[Child]
    hospitals: dict[str, Hospital] = field(default_factory=dict)

    def contracts(self, purpose: str) -> dict[str, str]:
        """Return the contracts for a purpose, by hospital."""
        return {name: each.contracts[purpose] for name, each in self.hospitals.items()}

    def start(self, name: str) -> Node:
        """Start the node of a hospital; it is not ready yet."""
        folder = self.folder
        node = Node(f"node of {name}", folder.node(name), folder.node_log(name), _settings())
        self.children.append(node)
        return node

    def stop(self) -> None:
        """Stop every process, and expect each to end in order."""
        self.buyer.ask_to_end()
        check(self.buyer.stop() == 0, "the insurer's process ends by itself")
        for each in self.hospitals.values():
            each.operator.close()
            each.node.ask_to_end()
        for each in self.hospitals.values():
            check(each.node.stop() == 0, f"{each.name} stops when it is told to")


def _settings() -> dict[str, str]:
    """Return the settings of a node that has this machine not for itself.

    One worker, this user's compiled kernels, and no long wait for calls when it is told to stop.
    """
    return {"UNSEEN_WORKERS": "1", "UNSEEN_DRAIN_SECONDS": "1"} | kernels()


@contextmanager
def on(folder: Places, screen: Screen) -> Iterator[Scene]:
    """Make and start everybody, and stop all of them however the block ends.

    Raises:
        NodeError: a node does not start, or has ended by itself within the block.

    """
    from unseen.cli.demo.hospitals import truth

    screen.doing("making")
    tables = truth.cut()
    with ExitStack() as stack:
        children: list[Child] = []
        stack.enter_context(stopped_at_the_end(children))
        buyer = Buyer(script.BUYER_MODULE, folder.buyer, folder.buyer_log)
        children.append(buyer)
        scene = Scene(folder, screen, buyer, children)
        addresses = _make(scene, tables)
        screen.doing("starting")
        nodes = {name: scene.start(name) for name in script.HOSPITALS}
        # Loaded while the nodes start: it takes a while as well.
        from unseen.client import Client

        for name, node in nodes.items():
            check(node.wait_until_ready(screen.tick) == addresses[name], f"{name} answers there")
            operator = stack.enter_context(Client(folder.node(name)))
            own = truth.own(tables[name])
            scene.hospitals[name] = Hospital(name, addresses[name], node, operator, own)
        with _blaming(scene):
            yield scene


def _make(scene: Scene, tables: Mapping[str, Any]) -> dict[str, str]:
    """Write each hospital's table and make its node; return the nodes' addresses."""
    import pyarrow.parquet as pq

    folder, commands = scene.folder, []
    addresses: dict[str, str] = {}
    for name in script.HOSPITALS:
        folder.table(name).parent.mkdir(mode=0o700)
        pq.write_table(tables[name], folder.table(name), compression="zstd", store_schema=False)
        address = addresses[name] = _free([*addresses.values()])
        words = ["--home", str(folder.node(name)), "--name", name, "--listen", address]
        commands.append(["node", "init", *words, "--format", "json"])
    for made in run(commands, scene.screen.tick):
        check(made.code == 0, f"a node is made: {made.err.strip()}")
    return addresses


def _free(taken: Container[str]) -> str:
    """Return a loopback address that is free, and not meant for another node already."""
    while (address := free_address()) in taken:
        continue
    return address


@contextmanager
def _blaming(scene: Scene) -> Iterator[None]:
    """Where a step fails because a node has ended by itself, say that and which."""
    from unseen.client.errors import WireError

    try:
        yield
    except (StepFailedError, WireError):
        for each in scene.hospitals.values():
            if each.node.ended_by_itself():
                raise each.node.failed("has ended") from None
        raise


def furnish(scene: Scene) -> None:
    """Register each hospital's table, menus and budget, and let the insurer in."""
    from unseen.client.catalog import Prices
    from unseen.evidence.contracts.statistics.definition_file import parse_definition

    screen = scene.screen
    screen.doing("registering")
    menu = parse_definition(script.MENU.encode())
    prices = Prices(script.CURRENCY, script.DATA_FEE, script.SERVICE_FEE)
    for name, each in scene.hospitals.items():
        operator, source = each.operator, str(scene.folder.table(name).resolve())
        labels = {"*": ("public", "1")}
        table = operator.register_table(script.TABLE, source, subject=script.SUBJECT, labels=labels)
        check(table.rows == each.own.rows, f"{name} has {each.own.rows:,} rows, not {table.rows:,}")
        for purpose in script.PURPOSES:
            operator.register_product(
                script.PRODUCTS[purpose],
                table=script.TABLE,
                kind=script.KINDS[purpose],
                title=script.TITLES[purpose],
                predicates=menu,
                prices=prices,
            )
        operator.set_privacy_budget(script.TABLE, epsilon=script.BUDGET, delta=script.DELTA)
        invitation = operator.invite(script.BUYER).decode()
        joined = scene.buyer.do("join", hospital=name, invitation=invitation)
        check(joined == {"node": name, "address": each.address}, "the insurer talks to this node")
        operator.parties()  # pins the insurer's key
        screen.tick()


def introduce(scene: Scene) -> dict[str, Any]:
    """Show who holds what."""
    screen, hospitals = scene.screen, scene.hospitals.values()
    screen.section(told("who"))
    rows = [
        (each.name, f"{each.own.rows:,}", f"{each.own.people:,}", each.node.pid, each.address)
        for each in hospitals
    ]
    none = told("none")
    buyer = (script.BUYER, none, none, scene.buyer.pid, none)
    screen.table(headings("who.head"), [*rows, buyer])
    screen.say(
        told("who.data"),
        told("who.budget", epsilon=script.BUDGET, delta=script.DELTA),
        told("who.buyer", home=scene.folder.buyer),
    )
    return {
        "hospitals": [
            {
                "name": each.name,
                "rows": each.own.rows,
                "people": each.own.people,
                "address": each.address,
                "process": each.node.pid,
            }
            for each in hospitals
        ],
        "insurer": {"process": scene.buyer.pid},
    }
