"""What a client can prove: receipts and bills.

Everything here is checked offline with the home's own trust file, as anybody else would check
it. A receipt that got lost on the way is fetched again by its request id.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from unseen.client.agreements.contracts import Contracts, resource
from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError, HomeError, RefusedError
from unseen.client.joint.seats import Seat
from unseen.client.local.home import read_file
from unseen.client.local.state import Opening, RequestState
from unseen.client.queries import questions
from unseen.client.queries.asking import BEFORE_REPLY, HELD, REPLY_LOST, check_receipt
from unseen.client.queries.fitted import Fitting
from unseen.client.queries.intersected import Intersected
from unseen.client.queries.intersections import Intersections
from unseen.client.queries.lookups import Lookups
from unseen.client.queries.questions import Questions
from unseen.client.queries.scored import Scored
from unseen.client.queries.scores import ScoreRuns
from unseen.client.queries.train_runs import is_encrypted
from unseen.client.queries.trainings import Trainings
from unseen.client.queries.verifies import Verifies
from unseen.client.session import Session
from unseen.client.statistic import Statistic
from unseen.client.verdicts import Verdict
from unseen.evidence.canonical import Json, b64encode, format_time, parse_time
from unseen.evidence.contracts import encrypted, intersection, scoring
from unseen.evidence.contracts.joint import PARAMETER
from unseen.evidence.errors import EvidenceError, LogForkedError
from unseen.evidence.log import RELEASE, ReleaseLeaf, decode_leaf
from unseen.evidence.releases.request import MAX_REQUEST_AGE, Request
from unseen.evidence.verify import VerifiedReceipt, verify_receipt
from unseen.protocols.errors import InputInvalidError, PeerError
from unseen.v1 import (
    identity_pb2_grpc,
    intersect_pb2,
    joint_pb2,
    log_pb2,
    log_pb2_grpc,
    lookup_pb2,
    meter_pb2,
    meter_pb2_grpc,
    score_pb2,
    statistics_pb2,
    train_pb2,
    verify_pb2,
)

LEAVES_PAGE = 500
_MESSAGES: dict[
    str,
    type[lookup_pb2.EvaluateRequest]
    | type[verify_pb2.VerifyRequest]
    | type[statistics_pb2.AskRequest]
    | type[joint_pb2.ContributeRequest]
    | type[intersect_pb2.RunRequest]
    | type[score_pb2.ScoreServiceRunRequest]
    | type[train_pb2.TrainServiceRunRequest],
] = {
    "lookup": lookup_pb2.EvaluateRequest,
    "verify": verify_pb2.VerifyRequest,
    questions.KIND: statistics_pb2.AskRequest,
    intersection.KIND: intersect_pb2.RunRequest,
    scoring.KIND: score_pb2.ScoreServiceRunRequest,
    encrypted.KIND: train_pb2.TrainServiceRunRequest,
    "joint": joint_pb2.ContributeRequest,  # of any kind, over several nodes
}
_RUNS = frozenset({intersection.KIND, scoring.KIND})
_OF_MANY = _RUNS | {questions.KIND}
Answered: TypeAlias = list[Verdict] | Statistic | Intersected | Scored | Fitting


@dataclass(frozen=True, slots=True, repr=False)
class Receipt(Card):
    """A receipt that verifies under this home's trust file. `token` is the receipt itself."""

    path: Path
    token: str
    facts: VerifiedReceipt

    @property
    def id(self) -> str:
        """The id of the request that it proves."""
        return self.facts.request

    def _title(self) -> str:
        return f"Receipt {self.facts.request}"

    def _rows(self) -> Iterator[Row]:
        yield from receipt_rows(self.facts)
        yield "file", self.path


@dataclass(frozen=True, slots=True, repr=False)
class Usage(Card):
    """What the node has charged under a contract."""

    contract: str
    units_used: int
    units_granted: int
    requests: int

    def _title(self) -> str:
        return f"Usage of contract {self.contract}"

    def _rows(self) -> Iterator[Row]:
        yield "used", f"{self.units_used:,} of {self.units_granted:,} units"
        yield "left", f"{self.units_granted - self.units_used:,}"
        yield "requests", f"{self.requests:,}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of the node's log."""

    index: int
    type: str
    time: str
    fields: dict[str, Json]


def receipt_rows(facts: VerifiedReceipt) -> Iterator[Row]:
    """Yield what a verified receipt proves, as rows of a card."""
    yield "contract", b64encode(facts.contract)
    yield "kind", facts.kind
    yield "units", f"{facts.units:,}, {facts.total:,} in all so far"
    if facts.privacy != "0":
        yield "privacy", f"rho {facts.privacy}"
    yield "time", format_time(facts.time)
    yield "requested by", f"{facts.buyer}, instance {facts.instance}"
    yield "answered by", facts.node
    yield "log", f"{facts.origin}, entry {facts.index:,} of {facts.size:,}"
    yield "snapshot", b64encode(facts.snapshot)


class Evidence:
    """The evidence of one client home."""

    def __init__(
        self,
        session: Session,
        contracts: Contracts,
        lookups: Lookups,
        verifies: Verifies,
        asked: Questions,
        runs: tuple[Intersections, ScoreRuns, Trainings],
    ) -> None:
        """Use the other parts of the client to fetch what is missing."""
        self._session = session
        self._contracts = contracts
        self._lookups = lookups
        self._verifies = verifies
        self._questions = asked
        self._runs = runs
        self._meter = meter_pb2_grpc.MeterServiceStub(session.channel.grpc)
        self._log = log_pb2_grpc.LogServiceStub(session.channel.grpc)
        self._identity = identity_pb2_grpc.IdentityServiceStub(session.channel.grpc)

    def receipts(self, contract: str | None = None) -> list[Receipt]:
        """Return the verified receipts in this home: answered requests first, oldest first."""
        state = self._session.state
        ids = state.requests(contract, "answered")
        # A receipt may be here where the answer that came with it did not hold up.
        rest = state.requests(contract, "sent") + state.requests(contract, "lost")
        return [self.receipt(request) for request in (*ids, *filter(self._is_receipted, rest))]

    def kept_receipts(self, contract: str | None = None) -> list[Receipt]:
        """Do as `receipts` does, without asking the node for one that is not here any more."""
        state = self._session.state
        states: tuple[RequestState, ...] = ("answered", "sent", "lost")
        ids = [request for one in states for request in state.requests(contract, one)]
        return [self.receipt(request) for request in filter(self._is_receipted, ids)]

    def receipt(self, request: str) -> Receipt:
        """Return the verified receipt of a request; fetches it again if it is not here."""
        path = self._session.home.receipt(request)
        if not path.exists() or not path.stat().st_size:
            path.unlink(missing_ok=True)
            self.fetch(request)
        token = read_receipt(path)
        return Receipt(path, token, verify_receipt(token, self._session.trust))

    def unanswered(self, contract: str | None = None) -> list[str]:
        """Return the ids of requests that were sent and whose answer has not arrived."""
        return self._session.state.requests(contract, "sent")

    def lost(self, contract: str | None = None) -> list[str]:
        """Return the ids of requests that were charged, says the node, and have no receipt here."""
        ids = self._session.state.requests(contract, "lost")
        return [request for request in ids if not self._is_receipted(request)]

    def fetch(self, request: str) -> Answered:
        """Get the answers to a request again, by its id and with the bytes first sent."""
        opening = self.written(request)
        if opening.state == "refused":
            raise HomeError(
                "this request was refused and has no answer",
                clause="request",
                remedy="ask again; it was not charged",
            )
        return self._finish(opening)

    def fetch_all(self, contract: str | None = None) -> None:
        """Fetch every missing answer, or at least its receipt; see `lost` for what has neither.

        Also asks once more for what was refused, in case it was charged all the same. That waits
        until a request is too old to be charged anew.
        """
        state = self._session.state
        for request in self.unanswered(contract):
            self._fetch_late(self.written(request))
        for request in self.lost(contract):
            self._fetch_receipt(self.written(request))
        for request in state.requests(contract, "refused"):
            opening = self.written(request)
            if dt.datetime.now(dt.UTC) - parse_time(opening.created) > MAX_REQUEST_AGE:
                self._fetch_late(opening)

    def fetch_verdicts(self, request: str) -> list[Verdict]:
        """Do as `fetch` does, for a question about subjects."""
        opening = self.written(request)
        alone = opening.kind not in _OF_MANY and not self._is_encrypted(opening)
        found = self.fetch(request) if alone else None
        if not isinstance(found, list):
            raise InputInvalidError(
                "the request asks about many at once: it has no verdicts one by one",
                clause="kind",
                remedy=f"fetch it with: unseen receipt fetch {request}",
            )
        return found

    def fetch_statistic(self, request: str) -> Statistic:
        """Do as `fetch` does, for a question about many people at once."""
        found = self.fetch(request) if self.written(request).kind == questions.KIND else None
        if not isinstance(found, Statistic):
            raise InputInvalidError(
                "the request asks about subjects, one by one: its answers are verdicts",
                clause="kind",
                remedy=f"fetch them with: unseen receipt fetch {request}",
            )
        return found

    def fetch_intersection(self, request: str) -> Intersected:
        """Do as `fetch` does, for an intersection."""
        found = self.fetch(request) if self.written(request).kind == intersection.KIND else None
        if not isinstance(found, Intersected):
            raise InputInvalidError(
                "the request asks for no intersection",
                clause="kind",
                remedy=f"fetch it with: unseen receipt fetch {request}",
            )
        return found

    def fetch_scores(self, request: str) -> Scored:
        """Do as `fetch` does, for scores."""
        found = self.fetch(request) if self.written(request).kind == scoring.KIND else None
        if not isinstance(found, Scored):
            raise InputInvalidError(
                "the request asks for no scores",
                clause="kind",
                remedy=f"fetch it with: unseen receipt fetch {request}",
            )
        return found

    def fetch_fitting(self, request: str) -> Fitting:
        """Do as `fetch` does, for an iteration of an encrypted training."""
        alone = self._is_encrypted(self.written(request))
        found = self.fetch(request) if alone else None
        if not isinstance(found, Fitting):
            raise InputInvalidError(
                "the request asks for no iteration of an encrypted training",
                clause="kind",
                remedy=f"fetch it with: unseen receipt fetch {request}",
            )
        return found

    def _finish(self, opening: Opening) -> Answered:
        if self._is_joint(opening):
            seat = Seat(self._session, self._contracts, opening.contract)
            led = seat.fetch(opening)
            if led is not None:
                return self._questions.shown(opening.contract, led.value, led.receipt, led.path)
            return []  # a part of a sum: the answer was made of all of them, or is lost
        if opening.kind == questions.KIND:
            return self._questions.finish(opening)
        if self._is_encrypted(opening):
            return self._runs[2].finish(opening)
        if opening.kind in _RUNS:
            intersections, scores, _ = self._runs
            runs = intersections if opening.kind == intersection.KIND else scores
            return runs.finish(opening)
        finish = self._lookups.finish if opening.kind == "lookup" else self._verifies.finish
        return finish(opening)

    def _is_joint(self, opening: Opening) -> bool:
        return PARAMETER in self._contracts.terms(opening.contract).parameters

    def _is_encrypted(self, opening: Opening) -> bool:
        return is_encrypted(self._contracts.terms(opening.contract))

    def _fetch_late(self, opening: Opening) -> None:
        run = opening.kind in _RUNS or self._is_encrypted(opening)
        if not run or self._is_charged(opening):
            self._finish_late(opening)
        elif opening.state == "refused":
            # To ask again would have it computed and charged now, which is for its buyer to wish.
            self._session.state.save_void(opening.id)

    def _finish_late(self, opening: Opening) -> None:
        state = self._session.state
        try:
            self._finish(opening)
        except RefusedError as error:
            if error.reason == HELD:
                return  # charged when a person lets it out, and not before
            if self.written(opening.id).state == "lost":
                self._fetch_receipt(opening)
                return
            if self._is_receipted(opening.id):
                return  # the bill has it; only its answers are missing
            if error.charged or self.written(opening.id).state == "sent":
                raise  # it may have been charged: the bill would be short of it
            if opening.state == "refused" and error.reason not in BEFORE_REPLY:
                state.save_void(opening.id)
        except LogForkedError:
            raise
        except (EvidenceError, PeerError):
            if not self._is_receipted(opening.id):
                raise
            # The answer does not hold up, which is kept as evidence; the bill needs its receipt.

    def _is_charged(self, opening: Opening) -> bool:
        """Return whether the node says that a request was charged."""
        ask = meter_pb2.GetReceiptRequest(contract=resource(opening.contract), request=opening.id)
        try:
            self._session.call(self._meter.GetReceipt, ask)
        except RefusedError as error:
            if error.reason != REPLY_LOST:
                raise
            return False
        return True

    def _fetch_receipt(self, opening: Opening) -> None:
        """Get the receipt of a charged request whose reply the node no longer keeps."""
        ask = meter_pb2.GetReceiptRequest(contract=resource(opening.contract), request=opening.id)
        try:
            answer = self._session.call(self._meter.GetReceipt, ask)
        except RefusedError:
            return  # without one, the bill says so
        kind = "joint" if self._is_joint(opening) else opening.kind
        message = _MESSAGES[kind].FromString(opening.wire)
        request = Request.decode(message.request.statement)
        terms = self._contracts.terms(opening.contract)
        check_receipt(self._session, request, answer.release, terms)

    def _is_receipted(self, request: str) -> bool:
        path = self._session.home.receipt(request)
        return path.exists() and path.stat().st_size > 0

    def usage(self, contract: str) -> Usage:
        """Return what the node has charged."""
        request = meter_pb2.GetUsageRequest(contract=resource(contract))
        answer = self._session.call(self._meter.GetUsage, request)
        return Usage(contract, answer.units_used, answer.units_granted, answer.requests)

    def leaves(self, start: int = 0, limit: int | None = None) -> Iterator[Leaf]:
        """Yield the entries of the log from `start` on, at most `limit`."""
        end = None if limit is None else start + limit
        while end is None or start < end:
            size = LEAVES_PAGE if end is None else min(LEAVES_PAGE, end - start)
            request = log_pb2.ListLeavesRequest(start=start, page_size=size)
            answer = self._session.call(self._log.ListLeaves, request)
            hashes = iter(answer.hashes)
            for data in answer.leaves:
                yield _leaf(start, data) if data else _hidden(start, next(hashes, b""))
                start += 1
            if not answer.leaves or start >= answer.size:
                return

    def log_size(self) -> int:
        """Return the size of the log, as the head that this client follows has it."""
        self._session.call(self._log.GetCheckpoint, log_pb2.GetCheckpointRequest())
        newest = self._session.channel.follower.newest
        return 0 if newest is None else newest.size

    def releases(self, contract: str) -> Iterator[ReleaseLeaf]:
        """Yield the releases of a contract as the node's log has them, in log order."""
        token = ""
        while True:
            request = meter_pb2.ListReleasesRequest(
                contract=resource(contract), page_size=LEAVES_PAGE, page_token=token
            )
            answer = self._session.call(self._meter.ListReleases, request)
            for data in answer.leaves:
                leaf = decode_leaf(data)
                if leaf.get("type") != RELEASE:
                    raise AnswerInvalidError("a leaf is not a release", clause="leaves")
                yield ReleaseLeaf.from_json(leaf)
            if not answer.next_page_token or answer.next_page_token == token:
                return
            token = answer.next_page_token

    def written(self, request: str) -> Opening:
        """Return a request that this home sent, as it was written down."""
        opening = self._session.state.request(request)
        if opening is None:
            raise HomeError(
                "this home has sent no request of that id",
                clause="request",
                remedy="see: unseen receipt list",
            )
        return opening


def read_receipt(path: Path) -> str:
    """Return the receipt in a file, without the line end it was written with.

    Raises:
        HomeError: it cannot be read.

    """
    return read_file(path).decode("utf-8", "replace").removesuffix("\n")


def _hidden(index: int, hashed: bytes) -> Leaf:
    """Return a leaf that the caller may not see: its hash is all there is."""
    return Leaf(index, "hidden", "", {"hash": b64encode(hashed)})


def _leaf(index: int, data: bytes) -> Leaf:
    body = decode_leaf(data)
    fields = {
        name: value for name, value in body.items() if name not in {"v", "suite", "type", "time"}
    }
    return Leaf(index, str(body["type"]), str(body["time"]), fields)
