"""The node as its parts: what services and kinds are handed, so that nothing is global."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from unseen.evidence.suite import Signer, Suite, signer_id
from unseen.node.audit.log import NodeLog
from unseen.node.catalog.catalogue import Catalogue
from unseen.node.clock import Clock
from unseen.node.config import TABLES, Settings
from unseen.node.consent.state import Consents
from unseen.node.contracts.epochs import Epochs
from unseen.node.contracts.register import Contracts
from unseen.node.contracts.rulebook import Rulebook
from unseen.node.contracts.stops import Stop, Stops
from unseen.node.contracts.templates import Templates
from unseen.node.identity.certificates import Pair
from unseen.node.identity.parties import Parties
from unseen.node.identity.vault import Vault
from unseen.node.jobs.executor import Executor
from unseen.node.joint.kept import KeptRows
from unseen.node.joint.rounds import Rounds
from unseen.node.mandates.register import Mandates
from unseen.node.metering.meter import Meter
from unseen.node.openings.register import Orders
from unseen.node.registration.issue import Issuer
from unseen.node.release.register import Releases
from unseen.node.runs.memory import Runs
from unseen.node.store.reader import Reader
from unseen.node.store.writer import Writer

if TYPE_CHECKING:
    from unseen.node.jobs.driver import Driver
    from unseen.node.metering.charged import Charged

    InFlight = dict[tuple[str, str], tuple[str, asyncio.Task[Charged]]]
    Turns = defaultdict[str, asyncio.Semaphore]  # by party: one of its questions waits at a time


@dataclass(slots=True)
class Node:
    """One serving node. `signer` signs receipts and manifests; the log has a key of its own."""

    home: Path
    settings: Settings
    vault: Vault
    authority: Pair
    signer: Signer
    log_key: bytes
    engine: Engine
    clock: Clock
    log: NodeLog
    writer: Writer
    reader: Reader
    parties: Parties
    catalogue: Catalogue
    rulebook: Rulebook
    templates: Templates
    contracts: Contracts
    releases: Releases
    stops: Stops
    epochs: Epochs
    mandates: Mandates
    executor: Executor
    meter: Meter
    orders: Orders
    consents: Consents = field(default_factory=Consents)
    joint: Rounds = field(default_factory=Rounds)
    kept: KeptRows = field(default_factory=KeptRows)
    runs: Runs = field(default_factory=Runs)
    address: str = ""
    draining: bool = False
    warm: set[str] = field(default_factory=set)  # kernels that are ready, or on their way
    ended: set[str] = field(default_factory=set)  # contracts whose epochs were closed for good
    audits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    questions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    turns: "Turns" = field(default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(1)))
    jobs: "Driver" = field(init=False)  # made last: it runs over all the rest
    calls: Counter[str] = field(default_factory=Counter)  # open calls by party
    proposing: asyncio.Lock = field(default_factory=asyncio.Lock)
    load: Counter[str] = field(default_factory=Counter)  # requests in flight by party
    in_flight: "InFlight" = field(default_factory=dict)
    background: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def suite(self) -> Suite:
        """Return the suite that this node signs and hashes with."""
        return self.signer.suite

    @property
    def stopped(self) -> Stop | None:
        """Return the order by which the whole node stands still, if there is one."""
        return self.stops.node()

    @property
    def key_id(self) -> str:
        """Return the name of the node's evidence key."""
        return signer_id(self.signer)

    def issuer(self, holder: bytes = b"") -> Issuer:
        """Return what issues certificates; the first holder is the operator unless it is named."""
        return Issuer(self.signer, self.log.origin, holder or self.parties.operator().key)

    def table_path(self, contract: str, epoch: int, build: int = 1) -> Path:
        """Return where an epoch's encrypted table lies, or a further build of it."""
        further = f".{build}" if build > 1 else ""
        return self.home / TABLES / f"{contract}-{epoch}{further}.table"

    def spool_path(self, name: str) -> Path:
        """Return a folder for a build's or an inspection's temporary files."""
        return self.settings.spool_path(self.home) / name
