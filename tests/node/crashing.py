"""One node that is nothing but its ledger, in a process of its own, to be killed at a point.

Run: python -m tests.node.crashing STATE NUMBER. It asks one question whose answer is another draw
each time.
"""

import asyncio
import secrets
import sys
from fractions import Fraction
from pathlib import Path

from tests.node.conftest import NOW, Store
from tests.node.gating import COUNTED, KEYS, Gatehouse, made
from tests.node.governed import put_table
from tests.node.spending import DELTA, private

from unseen.evidence import canonical
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.node.audit.log import NodeLog, stored_leaves
from unseen.node.clock import Clock
from unseen.node.metering.charged import digest_of, stored_charge
from unseen.node.metering.paying import Admitted, Work, pay
from unseen.node.privacy.answers import look
from unseen.node.privacy.changes import SetBudget
from unseen.node.privacy.spend import Spend
from unseen.node.store.engine import open_engine
from unseen.node.store.writer import Writer

COST = Fraction(1, 1000)


def open_store(path: Path) -> Store:
    """Return the store at `path` as a node reads it at a start."""
    engine = open_engine(path)
    log, clock = NodeLog("node.test/log", Ed25519Signer(b"\x07" * 32)), Clock(lambda: NOW)
    with engine.connect() as connection:
        log.extend(stored_leaves(connection))
    return Store(engine, log, clock, Writer(engine, log, clock))


async def prepare(path: Path) -> None:
    """Make a state with one contract, and a table that has a budget."""
    store = open_store(path)
    put_table(store, "public:1", 100_000)
    Gatehouse(store, private(made("aggregate", runs=50, units=100)))
    await store.writer.submit(SetBudget(INTL, "people", "1", DELTA, False, "operator"))
    store.writer.close()


async def ask(path: Path, number: int) -> bytes:
    """Ask the one question under request id `number`; return the reply that was charged."""
    store = open_store(path)
    node = Gatehouse.again(store)
    request, instance = node.request(number), signer_id(KEYS["buyer"])
    digest = digest_of(request)
    with store.engine.connect() as connection:
        stored = stored_charge(connection, node.identifier, request.request, digest)
    if stored is None:
        spend = Spend(rho=COST, answer=bytes([7]) * 32)
        known = look(node.node, node.contract, spend)
        drawn: list[canonical.Json] = [
            ["farming", 5 * (2 + secrets.randbelow(150))],
            ["industry", 35],
        ]
        done = (
            Work((canonical.encode(drawn),), bytes(32), facts=COUNTED, privacy=spend)
            if known is None
            else Work(known.parts, known.snapshot, privacy=known.spend)
        )
        admitted = Admitted(node.contract, request, digest, bytes(64), instance)
        stored = await pay(node.node, admitted, done)
    store.writer.close()
    return stored.reply[0]


if __name__ == "__main__":
    asyncio.run(ask(Path(sys.argv[1]), int(sys.argv[2])))
