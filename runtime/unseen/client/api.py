"""`Client`: everything a party does with a node, in one object."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from unseen.client import parties
from unseen.client.agreements.contracts import Contract, Contracts
from unseen.client.agreements.governing import GoverningCalls
from unseen.client.agreements.stops import NodeStops, Stop
from unseen.client.agreements.wishes import Clauses, Wish
from unseen.client.audit.auditing import AuditCalls
from unseen.client.bills.metering import MeterCalls
from unseen.client.cards import Card, Row
from unseen.client.catalog import Catalog, Compared, Predicate, Prices, Product, Refreshed, Table
from unseen.client.consenting import ConsentCalls
from unseen.client.evidence import Evidence, Leaf, Receipt
from unseen.client.interchange import ExportCalls, Exports
from unseen.client.intersecting import IntersectCalls
from unseen.client.jobs import Job, Jobs, JobState
from unseen.client.joint.seats import Seat
from unseen.client.local.home import Home, find_home
from unseen.client.local.profile import Profile
from unseen.client.oversight.objections import Objections
from unseen.client.oversight.opened import Opener
from unseen.client.oversight.openings import Openings
from unseen.client.oversight.orders import Orders
from unseen.client.oversight.overseeing import Oversight
from unseen.client.oversight.reports import Reports
from unseen.client.parties import Parties, Party
from unseen.client.queries.intersections import Intersections
from unseen.client.queries.lookups import Lookups
from unseen.client.queries.questions import Questions
from unseen.client.queries.verifies import Verifies
from unseen.client.querying import QueryCalls
from unseen.client.registry.registering import RegistryCalls
from unseen.client.reviews import ReleaseMode, Review, Reviews
from unseen.client.session import CALL_SECONDS, Progress, Session, no_progress
from unseen.client.statistic import Statistic
from unseen.client.verdicts import Verdict
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.clauses import Billing
from unseen.evidence.contracts.intersection import Offered
from unseen.evidence.contracts.statistics.definition import Definition
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
    ExportCalls,
    RegistryCalls,
    GoverningCalls,
    IntersectCalls,
    MeterCalls,
    Oversight,
    QueryCalls,
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
        self._objections = Objections(session, self._contracts)
        self._evidence = Evidence(
            session,
            self._contracts,
            self._lookups,
            self._verifies,
            self._questions,
            self._intersections,
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

    def products(self) -> list[Product]:
        """Return what the operator offers."""
        return self._catalog.products()

    def tables(self) -> list[Table]:
        """Return what the operator hosts (operator only)."""
        return self._catalog.tables()

    def register_table(
        self,
        name: str,
        source: str,
        *,
        subject: Sequence[str],
        labels: Mapping[str, tuple[str, str]],
        holder: str = "",
    ) -> Table:
        """Register a table (operator only).

        `source` is a path on the node's machine: Parquet, CSV, or `duckdb:PATH#TABLE`.
        `subject` are the columns that together name a subject; `labels` maps a column, or `*`
        for the rest, to its category and level. `holder` names the party whose table it is.
        """
        table = self._catalog.register_table(name, source, subject=subject, labels=labels)
        return self._catalog.assign_holder(name, holder) if holder else table

    def refresh_table(self, name: str) -> Refreshed:
        """Commit to a table's present rows as a new snapshot (operator only).

        Contracts that no longer compile over them are suspended at once, and those that do again
        go on.
        """
        done = self._catalog.refresh_table(name)
        held = (each.id for each in self._contracts.list() if each.held_by_rules(name))
        return replace(done, suspended=tuple(held))

    def register_product(
        self,
        name: str,
        *,
        table: str,
        kind: str,
        title: str,
        predicates: Sequence[Predicate] | Definition | Offered = (),
        prices: Prices | None = None,
        billing: Billing | None = None,
        **compared: Unpack[Compared],
    ) -> Product:
        """Offer yes-or-no questions over a table (operator only). Free unless `prices` says.

        A product of kind `statistics` has a definition in the place of predicates: its menu, and
        the columns and expressions behind it, which buyers do not see. With `match`, the columns of
        an id, it has neither, and answers whether a whole subject agrees, or only its id is known.
        One of kind `intersect` says what may be found (`evidence.contracts.intersection.Offered`).

        `canonical` says in which form values of the subject's columns are compared: `name`, `id`,
        `cn_id` or `date`; as they are where it says nothing.

        `billing` says what is billed (units, requests or hits), what is free, the most a contract
        costs and who gets it; without it each unit has its price, for the operator.
        """
        return self._catalog.register_product(
            name,
            table=table,
            kind=kind,
            title=title,
            predicates=predicates,
            prices=prices or Prices(),
            billing=billing,
            **compared,
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

    def request_contract(
        self,
        product: str,
        *,
        outputs: Sequence[str],
        scenario: str,
        units: int,
        **clauses: Unpack[Clauses],
    ) -> Contract:
        """Ask for a contract (buyer only); read its card and leakage before signing it.

        `clauses`, as keywords: how many `days` it lasts (30), `per_minute`, `openings`, `template`,
        `order`, `region`, `group`, `budget`, `declarations`, `joint`, `train` and `way`; see
        `Clauses`.

        Raises:
            AnswerInvalidError: the node proposes something else than was asked for.

        """
        wish = Wish.of(product, outputs=outputs, scenario=scenario, units=units, **clauses)
        return self._contracts.request(wish)

    def contract(self, contract: str, *, offline: bool = False) -> Contract:
        """Return a contract as it stands now; `offline`, as this home last saw it."""
        return self._contracts.kept(contract) if offline else self._contracts.get(contract)

    def contracts(self, *, offline: bool = False) -> list[Contract]:
        """Return the contracts this party may see; `offline`, those that this home has seen."""
        return list(self._contracts.all_kept()) if offline else self._contracts.list()

    def approve(self, contract: str) -> Contract:
        """Sign a contract as the operator, its holder or its second approver."""
        return self._contracts.approve(contract)

    def sign(self, contract: str) -> Contract:
        """Sign a contract as the buyer; it becomes active."""
        return self._contracts.sign(contract)

    def revoke(self, contract: str, cause: str = "") -> Contract:
        """End a contract at once, for good; any signer may. `cause` goes into the log."""
        return self._contracts.revoke(contract, cause)

    def suspend(self, contract: str, cause: str) -> Contract:
        """Refuse requests under a contract, and end what runs, until this party resumes it.

        For the operator, and the second approver and the regulator that the contract names.
        `cause` is one line that goes into the log, in an order signed by this party.
        """
        return self._contracts.suspend(contract, cause)

    def resume(self, contract: str, cause: str) -> Contract:
        """Lift this party's stop of a contract; it goes on when nobody else's stands."""
        return self._contracts.resume(contract, cause)

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

    def unanswered(self, contract: str | None = None) -> list[str]:
        """Return the ids of requests whose answers have not arrived."""
        return self._evidence.unanswered(contract)

    def lost(self, contract: str | None = None) -> list[str]:
        """Return the ids of charged requests whose reply the node no longer keeps: no receipt."""
        return self._evidence.lost(contract)

    def fetch(self, request: str) -> Receipt:
        """Fetch the answer to a request again, under its id, and return its receipt."""
        self._evidence.fetch(request)
        return self._evidence.receipt(request)

    def fetch_answers(self, request: str) -> list[Verdict]:
        """Fetch the answers to a request again, in the order of its subjects; charged once.

        A request that the node has never seen is charged now, if it is young enough to be.
        """
        return self._evidence.fetch_verdicts(request)

    def fetch_statistic(self, request: str) -> Statistic:
        """Fetch the answer to a question about many again, under its id; charged once."""
        return self._evidence.fetch_statistic(request)

    def receipts(self, contract: str | None = None) -> list[Receipt]:
        """Return the receipts in this home, each verified."""
        return self._evidence.receipts(contract)

    def receipt(self, request: str) -> Receipt:
        """Return the verified receipt of a request."""
        return self._evidence.receipt(request)

    def open_receipt(
        self, request: str, position: int = 0, contract: str | None = None
    ) -> dict[str, Json]:
        """Return a bundle that proves to a third party whom one question was about, and its answer.

        `position` says which subject of a request with many, from 0. The operator opens
        verifications in the clear, for as long as the node keeps their replies, and names the
        contract where requests under several have one id.
        """
        return self._openings.open(request, position, contract)

    def reviews(self, *, waiting: bool = True) -> list[Review]:
        """Return what the gate holds for a person, the oldest first; else all it ever held.

        The operator sees everything, a second approver what is under its contracts.
        """
        return self._reviews.list(waiting=waiting)

    def review(self, review: str) -> Review:
        """Return one held release; to the operator, and while it waits, with what it says."""
        return self._reviews.get(review)

    def approve_release(self, review: str) -> Review:
        """Let a held release out, with this party's signature; it is charged now."""
        return self._reviews.decide(review, "pass")

    def refuse_release(self, review: str) -> Review:
        """Refuse a held release, with this party's signature; it is destroyed, nothing charged."""
        return self._reviews.decide(review, "refuse")

    def release_modes(self) -> dict[str, ReleaseMode]:
        """Return what the operator does with each type of release."""
        return self._reviews.modes()

    def set_release_mode(self, kind: str, mode: str) -> dict[str, ReleaseMode]:
        """Let verdicts, aggregates or models `pass` by the rules, only past `review`, or `off`."""
        return self._reviews.set_mode(kind, mode)

    def leaves(self, start: int = 0, limit: int | None = None) -> Iterator[Leaf]:
        """Yield the entries of the node's log (operator only)."""
        return self._evidence.leaves(start, limit)

    def log_size(self) -> int:
        """Return the present size of the node's log, proven to extend what was seen before."""
        return self._evidence.log_size()
