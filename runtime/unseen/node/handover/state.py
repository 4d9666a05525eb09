"""The state of a node that does not serve: opened under its lock, changed by one transaction."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select

from unseen.evidence.suite import Suite, signer_id
from unseen.node.audit.log import NodeLog
from unseen.node.clock import Clock
from unseen.node.config import Settings, load_settings
from unseen.node.errors import HandedOverError
from unseen.node.identity.parties import Parties, Party
from unseen.node.setup import Keys, log_origin, open_keys, state_path
from unseen.node.store.engine import lock_state, open_engine
from unseen.node.store.reader import newest_time
from unseen.node.store.schema_registry import handovers
from unseen.node.store.writer import Transaction, write_leaves

MARKER = "handover.jws"
OUT, IN = "out", "in"


@dataclass(frozen=True, slots=True)
class Stopped:
    """A node that does not serve, with its keys and its log."""

    home: Path
    settings: Settings
    keys: Keys
    engine: Engine
    log: NodeLog
    clock: Clock
    parties: Parties

    @property
    def suite(self) -> Suite:
        """Return the suite that the node signs and hashes with."""
        return self.keys.evidence.suite

    @property
    def key_id(self) -> str:
        """Return the name of the node's evidence key."""
        return signer_id(self.keys.evidence)

    @property
    def operator(self) -> Party:
        """Return the operator's party."""
        return self.parties.operator()

    @contextlib.contextmanager
    def changing(self) -> Iterator[Transaction]:
        """Commit what the block changes, with its leaves and the head over them, or nothing."""
        with self.engine.begin() as connection:
            transaction = Transaction(connection, self.clock.now(), self.log.size)
            yield transaction
            write_leaves(transaction)
            self.log.extend(transaction.bodies)
            self.log.head()
            self.log.save_head(connection)
        self.clock.raise_floor(transaction.now)


@contextlib.contextmanager
def stopped(home: Path, passphrase: bytes | None) -> Iterator[Stopped]:
    """Open a node that does not serve; its lock is held until the block ends.

    Raises:
        StateLockedError: it serves.
        HandedOverError: it was handed over.
        KeyLockedError: its keys do not open.
        LogMismatchError: its log does not lead to its last head.

    """
    settings = load_settings(home)
    held = lock_state(home)
    try:
        refuse_if_over(home)
        keys = open_keys(home, settings, passphrase)
        engine = open_engine(state_path(home))
        try:
            log = NodeLog(log_origin(settings.name), keys.log)
            log.load(engine)
            clock = Clock(floor=newest_time(engine))
            parties = Parties(engine, keys.authority.certificate)
            yield Stopped(home, settings, keys, engine, log, clock, parties)
        finally:
            engine.dispose()
    finally:
        os.close(held)


def refuse_if_over(home: Path) -> None:
    """Refuse a home whose handover is complete.

    Raises:
        HandedOverError: it is.

    """
    if (home / MARKER).exists():
        raise _over()


def refuse_if_leaving(engine: Engine) -> None:
    """Refuse to serve from a state whose handover has begun, also one that was interrupted.

    Raises:
        HandedOverError: it has.

    """
    if handed_over(engine):
        raise _over()


def handed_over(engine: Engine) -> str:
    """Return the id of the document by which this node was handed over; empty if it was not."""
    query = select(handovers.c.document).where(handovers.c.direction == OUT)
    with engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none() or ""


def _over() -> HandedOverError:
    return HandedOverError(
        "this node was handed over and serves nobody any more",
        clause="node.handover",
        remedy="go to the successor; an interrupted handover is finished by the same command",
    )
