"""A process of its own that charges as the node does: its writer, log, store and receipts.

    python -m unseen.bench.charging FOLDER

Reads a step a line from standard input and answers each with a line of JSON. Requests are signed
in `prepare`, and the work that is charged is done: only what comes after it is measured.
"""

import asyncio
import json
import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from sqlalchemy import Engine, event, insert, select, update

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Period, Prices, Quota, Terms
from unseen.evidence.contracts.leakage import Leakage, Statement
from unseen.evidence.contracts.plan import Output, Plan
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.node.audit.log import NodeLog
from unseen.node.clock import Clock
from unseen.node.contracts.decide import Usage, decide
from unseen.node.contracts.epochs import READY
from unseen.node.contracts.register import Contracts, Propose
from unseen.node.mandates.register import Mandates
from unseen.node.metering.charged import Charged, digest_of
from unseen.node.metering.paying import Admitted, Work, answer, pay
from unseen.node.release.register import Releases
from unseen.node.store.engine import open_engine
from unseen.node.store.schema import charges, contracts, epochs, leaves
from unseen.node.store.writer import Writer
from unseen.protocols.group.ristretto255 import multiply_base, random_scalar
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.protocols.testing import seeded_rng

if TYPE_CHECKING:
    from unseen.node.context import Node

_UNITS = 1 << 40
_BUYER = "buyer"


class World:
    """A store with one active contract, a log of some size, and requests that were let in."""

    def __init__(self, folder: Path, settings: dict[str, int]) -> None:
        """Make all of it anew."""
        self._folder = folder
        self._settings = settings
        rng = seeded_rng(settings["seed"])
        node, log, buyer, self._instance = (Ed25519Signer.generate(rng) for _ in range(4))
        self._clock = Clock()
        self._engine = open_engine(folder / "state.db")
        self._log = NodeLog("bench.unseen/log", log)
        self._writer = Writer(self._engine, self._log, self._clock)
        self._contracts = self._agree(node, buyer)
        self._contract = self._contracts.all()[0]
        self._log.extend([b""] * (settings["leaves"] - self._log.size))
        until = self._clock.now() + timedelta(days=30)
        token = certify(buyer, "desk", self._instance.public_key, until)
        desk = SimpleNamespace(key_id=signer_id(self._instance), certification=token)
        self._node = cast(
            "Node",
            SimpleNamespace(
                signer=node,
                log=self._log,
                engine=self._engine,
                writer=self._writer,
                contracts=self._contracts,
                releases=Releases(self._engine),
                clock=self._clock,
                mandates=Mandates(self._engine),
                parties={_BUYER: SimpleNamespace(instances={"desk": desk})},
            ),
        )
        # The reply to a hidden lookup of one subject: an element, and a proof of two scalars.
        scalars = random_scalar(rng), random_scalar(rng)
        self._work = Work((multiply_base(scalars[0]), b"".join(scalars)), rng(32))
        self._admitted: list[Admitted] = []
        self._commits = 0
        event.listen(self._engine, "commit", self._count)

    def prepare(self) -> str:
        """Sign the requests of a lap."""
        self._admitted = [self._admit() for _ in range(self._settings["charges"])]
        return ""

    def charge(self) -> str:
        """Charge and receipt all of them, so many at a time."""
        self._commits = 0
        asyncio.run(self._charge_all())
        return f"{len(self._admitted) / max(self._commits, 1):.0f} charges a commit"

    def raw(self) -> str:
        """Insert the same bytes in as many transactions as there are groups of `in_flight`."""
        count, group = self._settings["charges"], self._settings["in_flight"]
        bodies = self._newest(count)
        path = self._folder / "raw.db"
        with sqlite3.connect(path, isolation_level=None) as connection:
            for statement in (
                "PRAGMA journal_mode=WAL",
                "PRAGMA synchronous=FULL",
                "CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY, body BLOB)",
            ):
                connection.execute(statement)
            for start in range(0, count, group):
                connection.execute("BEGIN")
                rows = [(body,) for body in bodies[start : start + group]]
                connection.executemany("INSERT INTO kept (body) VALUES (?)", rows)
                connection.execute("COMMIT")
        connection.close()
        return ""

    def decide(self) -> str:
        """Decide on one request over and over."""
        request, now = self._admit().request, self._clock.now()
        terms, usage = self._contract.terms, Usage(1, 2, 3)
        for _ in range(self._settings["decisions"]):
            decide(terms, State.ACTIVE, request, usage, now)
        return ""

    def close(self) -> None:
        """Finish what is queued."""
        self._writer.close()
        self._engine.dispose()

    async def _charge_all(self) -> None:
        queue = iter(self._admitted)
        lanes = (self._lane(queue) for _ in range(self._settings["in_flight"]))
        await asyncio.gather(*lanes)

    async def _lane(self, queue: Iterator[Admitted]) -> None:
        for admitted in queue:
            charged: Charged = await pay(self._node, admitted, self._work)
            answer(self._node, _BUYER, charged)

    def _admit(self) -> Admitted:
        request = Request(
            suite=INTL.id,
            contract=self._contract.id_bytes,
            request=secrets.token_hex(16),
            kind="lookup",
            units=1,
            commitment=bytes(32),
            manifest=bytes(32),
            epoch=1,
            issued_at=self._clock.now(),
        )
        signature, name = sign_request(self._instance, request), signer_id(self._instance)
        return Admitted(self._contract, request, digest_of(request), signature, name)

    def _newest(self, count: int) -> list[bytes]:
        """Return what the newest charges wrote: leaf, reply and the rest of the row, as bytes."""
        chosen = (
            select(leaves.c.body, charges)
            .join(charges, charges.c.leaf_index == leaves.c.leaf_index)
            .order_by(leaves.c.leaf_index.desc())
            .limit(count)
        )
        with self._engine.connect() as connection:
            return [b"".join(_octets(value) for value in row) for row in connection.execute(chosen)]

    def _agree(self, node: Ed25519Signer, buyer: Ed25519Signer) -> Contracts:
        terms, plan, leakage = _documents(signer_id(node), signer_id(buyer), self._clock)
        asyncio.run(self._writer.submit(Propose(_BUYER, terms, plan, leakage)))
        _activate(self._engine, b64encode(terms.id()))
        return Contracts(self._engine)

    def _count(self, _: object) -> None:
        self._commits += 1


def _documents(node: str, buyer: str, clock: Clock) -> tuple[Terms, Plan, Leakage]:
    plan = Plan(
        suite=INTL.id,
        kind="lookup",
        protocol="oprf_table",
        table="bench",
        subject_columns=(SubjectColumn("id", "integer"),),
        columns_read=("amount",),
        outputs=(Output(name="large", text="large", expression_digest=bytes(32)),),
        bits_per_unit=2,
        label_bytes=1,
        threat_model="bench",
        retention="bench",
    )
    line = Statement(party="operator", what="count", text="count", text_zh="次数", bound="all")
    leakage = Leakage(suite=INTL.id, statements=(line,), ciphertext_leaves=True)
    now = clock.now()
    terms = Terms(
        suite=INTL.id,
        operator=node,
        node=node,
        buyer=buyer,
        product="bench",
        product_digest=bytes(32),
        table="bench",
        scenario="bench",
        kind="lookup",
        protocol="oprf_table",
        outputs=("large",),
        quota=Quota(units=_UNITS, per_minute=_UNITS),
        period=Period(start=now - timedelta(hours=1), until=now + timedelta(days=1)),
        prices=Prices(currency="CNY", data_fee=5, service_fee=1),
        plan=plan.digest(INTL),
        leakage=leakage.digest(INTL),
        threat_model="bench",
        openings=False,
        nonce=bytes(16),
    )
    return terms, plan, leakage


def _activate(engine: Engine, contract: str) -> None:
    """Put the contract in force, with an epoch that answers; it has no key and no table."""
    ready = {column.name: "" for column in epochs.columns} | {
        "contract": contract,
        "number": 1,
        "build": 1,
        "state": READY,
        "snapshot_version": 1,
        "sealed_key": b"",
        "table_bytes": 0,
        "leaf_index": 0,
    }
    with engine.begin() as connection:
        connection.execute(update(contracts).values(state=State.ACTIVE.value))
        connection.execute(insert(epochs), [ready])


def _octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def main(folder: Path) -> None:
    """Do one step after the other until standard input ends."""
    world = World(folder, json.loads((folder / "settings.json").read_text()))
    steps: dict[str, Callable[[], str]] = {
        step.__name__: step for step in (world.prepare, world.charge, world.raw, world.decide)
    }
    _say("ready")
    for line in sys.stdin:
        _say(steps[line.strip()]())
    world.close()


def _say(note: str) -> None:
    sys.stdout.write(json.dumps({"note": note}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
