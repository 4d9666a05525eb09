"""A made-up node that scores encrypted rows by the protocol itself, as `conftest.FakeNode`."""

import dataclasses
import secrets
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.client.conftest import FakeNode, FakeWorld

from unseen.client.errors import Cause, RefusedError
from unseen.client.jobs import Jobs
from unseen.client.local.home import Home
from unseen.client.local.profile import Profile
from unseen.client.queries.scores import ScoreRuns
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.scoring import ModelShape, Offered
from unseen.evidence.contracts.scoring_rings import bounds_of
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.releases.request import Request
from unseen.evidence.releases.scored import SentBatches, SentScores
from unseen.evidence.suite import INTL, signer_id
from unseen.protocols.he.checks import sent_bytes
from unseen.protocols.he.models import Feature, Layer, Model, line
from unseen.protocols.he.scorers import demanded, rounded, scorer
from unseen.v1 import intersect_pb2, request_pb2, score_pb2

FEATURES = (
    Feature(name="balance", low=0, high=3_000_00, decimals=2),
    Feature(name="student", values=("no", "yes")),
)
MODEL = line("logistic", FEATURES, [0.0057, 0.2, -0.65], -10.9)
NETWORK = Model(
    "logistic",
    FEATURES,
    (
        Layer(((0.001, -0.0005), (0.2, 0.1), (-0.3, 0.4)), (0.1, -0.2), ((0.5, 0.25, 1.0),) * 2),
        Layer(((0.8,), (-0.6,)), (0.25,)),
    ),
)
UNITS = 10


def rows_of(count: int, seed: int = 1) -> NDArray[np.float64]:
    """Return rows within bounds, as they are rounded."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.uniform(0, 3_000, count).round(2), rng.integers(0, 2, count)], axis=1)


class ScoringNode(FakeNode):
    """Hooks as in `FakeNode`. `made` may change the answer before it is committed to, `said` what
    is said of it, `streamed` its bytes as they leave. `events` holds what was called, in order.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        demand = demanded(model, Fraction("0.0001"), 1)
        shape = ModelShape(family=model.family, features=FEATURES, layers=model.sizes)
        offered = Offered(model=shape, bounds=bounds_of(demand), precision="0.0001", most=4)
        self.clause = offered.only(UNITS)
        self.model = model
        self.terms = dataclasses.replace(
            self.terms,
            kind="score",
            protocol="ckks",
            outputs=("score",),
            quota=Quota(units=UNITS, per_minute=UNITS),
            parameters={"score": self.clause.to_json()},
        )
        self.parts: dict[tuple[str, int], bytearray] = {}
        self.answers: dict[str, bytes] = {}
        self.replies: dict[str, Any] = {}
        self.events: list[str] = []
        self.made: Callable[[bytes], bytes] = lambda data: data
        self.said: Callable[[SentScores], SentScores] = lambda sent: sent
        self.streamed: Callable[[bytes], bytes] = lambda data: data
        self.before: Callable[[str], None] = lambda event: None

    def answer(self, message: Any) -> Any:
        if isinstance(message, intersect_pb2.EndRequest):
            self._note("end")
            self._forget(message.request)
            return intersect_pb2.EndResponse()
        self._note("run")
        request = Request.decode(message.request.statement)
        if request.request not in self.replies:
            self.replies[request.request] = self._scored(message, request)
        return self.replies[request.request]

    def upload(self, messages: Iterator[Any]) -> Any:
        """Take chunks of a part, each where the one before has ended."""
        head = next(messages)
        self._note(intersect_pb2.Part.Name(head.part).lower())
        have = self.parts.setdefault((head.request, head.part), bytearray())
        for message in messages:
            assert message.offset == len(have)
            have += message.chunk
        return intersect_pb2.UploadResponse(offset=len(have), complete=len(have) == head.size)

    def fetch(self, ask: Any) -> Iterator[Any]:
        """Give out an answer from an offset on."""
        self._note("fetch")
        data = self.streamed(self.answers[ask.request])[ask.offset :]
        step = 1 << 18
        for start in range(0, len(data), step):
            yield intersect_pb2.FetchResponse(chunk=data[start : start + step])

    def lose(self, part: int) -> None:
        """Forget all parts of one sort."""
        for key in [key for key in self.parts if key[1] == part]:
            del self.parts[key]

    def _forget(self, request: str) -> None:
        self.answers.pop(request, None)
        self.parts.pop((request, intersect_pb2.PART_BATCHES), None)

    def _note(self, event: str) -> None:
        self.events.append(event)
        self.before(event)

    def _part(self, request: str, part: int, clause: str) -> bytes:
        found = self.parts.get((request, part))
        if not found:
            raise RefusedError(
                Cause("FIELD_INVALID", f"no {clause}", clause=clause, remedy="send it first")
            )
        return bytes(found)

    def _scored(self, message: Any, request: Request) -> Any:
        sent = SentBatches.decode(message.batches)
        name = sent.context.hex()[:32]
        context = self._part(name, intersect_pb2.PART_CONTEXT, "context")
        batches = self._part(request.request, intersect_pb2.PART_BATCHES, "batches")
        assert (INTL.digest(context), INTL.digest(batches)) == (sent.context, sent.digest)
        answer = self.made(self.compute(context, batches))
        self.answers[request.request] = answer
        back = SentScores(suite="intl", responses=sent.responses, digest=INTL.digest(answer))
        return self._released(message, request, self.said(back).encode())

    def compute(self, context: bytes, batches: bytes) -> bytes:
        """Return a response for each batch."""
        respond = scorer(self.clause.ring, context, rounded(self.model, self.clause.ring))
        size, columns = sent_bytes(self.clause.ring), self.clause.model.columns
        ciphertexts = [batches[at : at + size] for at in range(0, len(batches), size)]
        return b"".join(
            respond(ciphertexts[start : start + columns], secrets.token_bytes)
            for start in range(0, len(ciphertexts), columns)
        )

    def _released(self, message: Any, request: Request, value: bytes) -> Any:
        nonce = secrets.token_bytes(32)
        self.total += request.units
        leaf = ReleaseLeaf(
            suite="intl",
            time=self.now,
            job="job",
            plan=self.terms.plan,
            leakage=self.terms.leakage,
            snapshot=INTL.digest(b"snapshot"),
            request=request,
            signature=message.request.signature,
            instance=signer_id(self.instance),
            release=commit(INTL, nonce, (value,)),
            total=self.total,
        )
        release = request_pb2.Release(nonce=nonce, receipt=self.receipt(leaf))
        return score_pb2.ScoreServiceRunResponse(value=value, release=release)


class ScoringWorld(FakeWorld):
    """A client's scores against a `ScoringNode`."""

    def __init__(self, home: Home, profile: Profile, model: Model = MODEL) -> None:
        self.scoring = ScoringNode(model)
        super().__init__(home, profile, self.scoring)
        channel = self.session.channel
        channel.unary = lambda _method, messages, _timeout: self.scoring.upload(messages)
        channel.stream = lambda _method, ask, _timeout: self.scoring.fetch(ask)

    def scores(self) -> ScoreRuns:
        """Return the scores of a fresh process on this home."""
        return ScoreRuns(self.session, self.contracts, Jobs(self.session))

    def open_requests(self) -> list[str]:
        """Return the ids of requests without an answer."""
        return self.state.requests(None, "sent")

    def finish(self, request: str) -> Any:
        """Go on with a request as a fresh process does."""
        opening = self.state.request(request)
        assert opening is not None
        return self.scores().finish(opening)
