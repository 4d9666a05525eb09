"""`Client`: everything a party does with a node, in one object."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from unseen.client import parties
from unseen.client.agreements.contracts import Contracts
from unseen.client.agreements.governing import GoverningCalls
from unseen.client.agreements.stops import NodeStops, Stop
from unseen.client.audit.auditing import AuditCalls
from unseen.client.bills.metering import MeterCalls
from unseen.client.cards import Card, Row
from unseen.client.catalog import Catalog
from unseen.client.consenting import ConsentCalls
from unseen.client.contracting import ContractCalls
from unseen.client.evidence import Evidence
from unseen.client.fitting import FitCalls
from unseen.client.interchange import ExportCalls, Exports
from unseen.client.intersecting import IntersectCalls
from unseen.client.jobs import Job, Jobs, JobState
from unseen.client.joint.seats import Seat
from unseen.client.local.home import Home, find_home
from unseen.client.local.profile import Profile
from unseen.client.offering import OfferingCalls
from unseen.client.oversight.objections import Objections
from unseen.client.oversight.opened import Opener
from unseen.client.oversight.openings import Openings
from unseen.client.oversight.orders import Orders
from unseen.client.oversight.overseeing import Oversight
from unseen.client.oversight.reports import Reports
from unseen.client.parties import Parties, Party
from unseen.client.proving import ReceiptCalls
from unseen.client.queries.intersections import Intersections
from unseen.client.queries.lookups import Lookups
from unseen.client.queries.questions import Questions
from unseen.client.queries.scores import ScoreRuns
from unseen.client.queries.trainings import Trainings
from unseen.client.queries.verifies import Verifies
from unseen.client.querying import QueryCalls
from unseen.client.registry.registering import RegistryCalls
from unseen.client.reviews import ReviewCalls, Reviews
from unseen.client.scoring import ScoreCalls
from unseen.client.session import CALL_SECONDS, Progress, Session, no_progress
from unseen.v1 import node_pb2, node_pb2_grpc

INVITATION_LIFE = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True, repr=False)
class NodeCard(Card):
    """A node as it describes itself; its keys were compared with the pinned ones."""

    name: str
    address: str
    version: str
    time: str
    log_origin: str
    log_size: int
    caller: str
    caller_role: str
    pinned: bool
    stop: Stop | None  # by which it stands still, if it does

    def _title(self) -> str:
        return f"Node {self.name} at {self.address}"

    def _rows(self) -> Iterator[Row]:
        yield "version", self.version
        yield "clock", self.time
        yield "log", f"{self.log_origin}, {self.log_size:,} entries"
        yield "stopped by", self.stop
        yield "knows you as", f"{self.caller} ({self.caller_role})"
        yield "keys as pinned", self.pinned


def _stop(node: node_pb2.Node) -> Stop | None:
    if not node.stopped_by:
        return None
    return Stop(node.stopped_by, node.stopped_cause, node.stopped_since, "")


class Client(
    AuditCalls,
    ConsentCalls,
    ContractCalls,
    ExportCalls,
    FitCalls,
    GoverningCalls,
    IntersectCalls,
    MeterCalls,
    OfferingCalls,
    Oversight,
    QueryCalls,
    ReceiptCalls,
    RegistryCalls,
    ReviewCalls,
    ScoreCalls,
):
    """A party's client at one node. Thread-safe; close it, or use it as a context manager.

    Every method that calls the node may raise `RefusedError` (a rule forbids it; `clause` and
    `remedy` say which and what to do), `UnreachableError` or `NodeError`. An answer that does
    not hold up raises a `PeerError` or an `EvidenceError` and is never returned.
    """

    def __init__(
        self,
        home: Path | str,
        *,
        progress: Progress = no_progress,
        timeout: float = CALL_SECONDS,
        gather: bool = True,
    ) -> None:
        """Open the client of `home`; a node's home stands for its operator's.

        `progress(what, done, total)` is told about steps that take long. `timeout` is in
        seconds for one call. With `gather`, single lookups of threads that would wait for
        each other share one request and its receipt.

        Raises:
            HomeError: there is no client home, or it is damaged.

        """
        self._session = Session.open(find_home(Path(home)), progress, timeout)
        session = self._session
        self._catalog = Catalog(session)
        self._contracts = Contracts(session)
        self._lookups = Lookups(session, self._contracts, gather=gather)
        self._verifies = Verifies(session, self._contracts)
        self._questions = Questions(session, self._contracts)
        self._jobs = Jobs(session)
        self._intersections = Intersections(session, self._contracts, self._jobs)
        self._scores = ScoreRuns(session, self._contracts, self._jobs)
        self._trainings = Trainings(session, self._contracts, self._jobs, self._intersections)
        self._objections = Objections(session, self._contracts)
        self._evidence = Evidence(
            session,
            self._contracts,
            self._lookups,
            self._verifies,
            self._questions,
            (self._intersections, self._scores, self._trainings),
        )
        self._exports = Exports(session, self._contracts, self._catalog, self._evidence)
        self._openings = Openings(session, self._contracts, self._evidence)
        self._orders = Orders(session, self._contracts, self._openings)
        self._opener = Opener(session, self._orders)
        self._reports = Reports(session)
        self._parties = Parties(session)
        self._reviews = Reviews(session, self._contracts)
        self._stops = NodeStops(session)
        self._node = node_pb2_grpc.NodeServiceStub(session.channel.grpc)

    @classmethod
    def join(cls, invitation: bytes, home: Path | str, instance: str = "default") -> Self:
        """Become the party an invitation is for, and return its client; see `join`."""
        parties.join(invitation, Path(home), instance)
        client = cls(home)
        try:
            client.register_instance()
        except BaseException:
            client.close()
            raise
        return client

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client."""
        self.close()

    def __repr__(self) -> str:
        """Return whose client this is."""
        profile = self.profile
        return f"Client({profile.party} as {profile.role} at {profile.node.address})"

    def close(self) -> None:
        """Write down what is left and close the connection."""
        self._stop_witnessing()
        self._session.close()

    @property
    def profile(self) -> Profile:
        """Who this client is and what it pins."""
        return self._session.profile

    @property
    def home(self) -> Home:
        """Where this client keeps what it has."""
        return self._session.home

    def register_instance(self) -> None:
        """Show the node this instance's certification; done by itself when the node asks."""
        self._session.register_instance()

    def node(self) -> NodeCard:
        """Return the node's description of itself."""
        answer = self._session.call(self._node.GetNode, node_pb2.GetNodeRequest()).node
        pins = self.profile.node
        found = (answer.evidence_key, answer.log_key, answer.operator_key, answer.log_origin)
        wanted = (pins.evidence_key, pins.log_key, pins.operator_key, pins.log_origin)
        newest = self._session.channel.follower.newest
        return NodeCard(
            name=pins.name,
            address=pins.address,
            version=answer.version,
            time=answer.time,
            log_origin=answer.log_origin,
            log_size=0 if newest is None else newest.size,
            caller=answer.caller,
            caller_role=answer.caller_role,
            pinned=found == wanted,
            stop=_stop(answer),
        )

    def invite(self, party: str, role: str = "buyer", ttl: dt.timedelta = INVITATION_LIFE) -> bytes:
        """Return an invitation file for one new party (operator only); usable once."""
        return self._parties.invite(party, role, ttl)

    def parties(self) -> list[Party]:
        """Return the enrolled parties; their keys enter this home's trust file (operator only)."""
        return self._parties.list()

    def revoke_party(self, name: str) -> Party:
        """Cut off a party, or an instance by `PARTY/INSTANCE`, from its next call on."""
        return self._parties.revoke(name)

    def stop_node(self, cause: str) -> NodeCard:
        """Have the whole node stand still, also over restarts, until it is resumed (operator only).

        Nothing is computed or released; receipts, log and contracts can be read.
        """
        self._stops.stop(cause)
        return self.node()

    def resume_node(self, cause: str) -> NodeCard:
        """Have a stopped node go on (operator only)."""
        self._stops.resume(cause)
        return self.node()

    def seat(self, contract: str) -> Seat:
        """Return this node's seat in joint sums under a contract; a `Cohort` takes all of them."""
        return Seat(self._session, self._contracts, contract)

    def job(self, job: str) -> Job:
        """Return a job as it stands now; `watch`, `wait`, `cancel` and `result` are its methods."""
        return self._jobs.get(job)

    def jobs(
        self, contract: str = "", states: Sequence[JobState] = (), limit: int | None = 100
    ) -> list[Job]:
        """Return the jobs this party may see, the newest first; all of them without a `limit`."""
        return self._jobs.list(contract, states, limit)
