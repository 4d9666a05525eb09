"""A made-up node that trains on encrypted weights by the protocol itself."""

import dataclasses
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.client.answering import MENU
from tests.client.conftest import FakeNode, FakeWorld

from unseen.client.errors import Cause, RefusedError
from unseen.client.jobs import Jobs
from unseen.client.local.home import Home
from unseen.client.local.profile import Profile
from unseen.client.queries.trainings import Trainings
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.encrypted import Encrypted, domain_of
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.releases.encrypted import SentGradient, SentWeights
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import INTL, signer_id
from unseen.protocols.he import seal
from unseen.protocols.he.training.provider import Provided, Trainer, iteration
from unseen.protocols.he.training.rows import Held, blocks
from unseen.protocols.lookup.subject import encode_subject
from unseen.protocols.train.rows import seen_of
from unseen.protocols.train.spec import Feature
from unseen.v1 import intersect_pb2, request_pb2, train_pb2

Reals = NDArray[np.float64]
FEATURES = (
    Feature(name="age", low=0, high=100),
    Feature(name="sex", values=("f", "m")),
)
OWN = (Feature(name="visits", low=0, high=20),)
SECRET = Encrypted(
    family="logistic",
    features=FEATURES,
    label=Feature(name="sick"),
    norm="2",
    reach="8",
    iterations=3,
    rho="0.5",
    least_rows=100,
    most_rows=1000,
)
VERTICAL = dataclasses.replace(SECRET, vertical=True, own=OWN, own_norm="1")
PEOPLE = 300


def people(count: int = PEOPLE, seed: int = 1) -> tuple[Reals, Reals, Reals]:
    """Return what a node has of people, a buyer's column, and who is sick."""
    rng = np.random.default_rng(seed)
    theirs = np.stack([rng.integers(0, 101, count), rng.integers(0, 2, count)], axis=1)
    visits = rng.integers(0, 21, count).astype(float)
    odds = 4 * (theirs[:, 0] / 50 - 1) + 2 * (visits / 10 - 1)
    return theirs.astype(float), visits, (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float)


def seen_by_node(values: Reals) -> Reals:
    """Return a node's rows from -1 to 1 behind a constant."""
    return np.concatenate([np.ones((len(values), 1)), seen_of(FEATURES, values)], axis=1)


class TrainingNode(FakeNode):
    """Hooks as in `ScoringNode`. `asked` counts computed gradients by request; `events` are calls.

    `made` may change an answer before it is committed to, `said` what is said of it, `privacy` what
    its leaf says that it cost, `streamed` its bytes as they leave.
    """

    def __init__(self, clause: Encrypted) -> None:
        super().__init__()
        self.clause = clause
        self.plan = dataclasses.replace(self.plan, kind="train", protocol="ckks")
        self.terms = dataclasses.replace(
            self.terms,
            kind="train",
            protocol="ckks",
            outputs=("model",),
            quota=Quota(units=9, per_minute=9),
            parameters={"encrypted": clause.to_json(), "menu": MENU.to_json()},
            budget="9",
            group=10,
        )
        self.values, _, self.sick = people()
        self.parts: dict[tuple[str, int], bytearray] = {}
        self.answers: dict[str, bytes] = {}
        self.replies: dict[str, Any] = {}
        self.events: list[str] = []
        self.privacy = clause.rho
        self.made: Callable[[bytes], bytes] = lambda data: data
        self.said: Callable[[SentGradient], SentGradient] = lambda sent: sent
        self.streamed: Callable[[bytes], bytes] = lambda data: data
        self.before: Callable[[str], None] = lambda event: None
        self.named: list[bytes] = []

    def answer(self, message: Any) -> Any:
        if isinstance(message, intersect_pb2.EndRequest):
            self._note("end")
            self.answers.pop(message.request, None)
            self.parts.pop((message.request, intersect_pb2.PART_WEIGHTS), None)
            return intersect_pb2.EndResponse()
        self._note("run")
        request = Request.decode(message.request.statement)
        if request.request not in self.replies:
            self.replies[request.request] = self._trained(message, request)
        self._note("reply")
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

    def _note(self, event: str) -> None:
        self.events.append(event)
        self.before(event)

    def _part(self, request: str, part: int, clause: str, digest: bytes) -> bytes:
        found = bytes(self.parts.get((request, part), b""))
        if not found:
            raise RefusedError(
                Cause("FIELD_INVALID", f"no {clause}", clause=clause, remedy="send it first")
            )
        assert INTL.digest(found) == digest
        return found

    def _trained(self, message: Any, request: Request) -> Any:
        sent = SentWeights.decode(message.weights)
        name = sent.context.hex()[:32]
        context = self._part(name, intersect_pb2.PART_CONTEXT, "context", sent.context)
        rows = b""
        if self.clause.vertical:
            under = sent.rows.hex()[:32]
            rows = self._part(under, intersect_pb2.PART_ROWS, "rows", sent.rows)
        weights = self._part(request.request, intersect_pb2.PART_WEIGHTS, "weights", sent.digest)
        answer = self.made(self.compute(context, rows, weights))
        self.answers[request.request] = answer
        back = SentGradient(suite="intl", samples=self.clause.samples, digest=INTL.digest(answer))
        return self._released(message, request, self.said(back).encode())

    def compute(self, context: bytes, rows: bytes, weights: bytes) -> bytes:
        """Return a noisy gradient, by the protocol."""
        chain = self.clause.chain()
        trainer, task = Trainer(chain, context), chain.task
        provided = self._provided(trainer.rows, rows)
        # Scores of blocks stand behind the weights.
        size = seal.ciphertext_bytes(chain.level(chain.fresh), seeded=True) * task.columns
        first, behind = weights[:size], weights[size:]
        count = max(1, len(provided.shelf))
        steps = iteration(trainer, provided.rows, provided.shelf, first)
        try:
            next(steps)
            for place in range(count):
                each = len(behind) // count
                steps.send(behind[place * each : (place + 1) * each])
        except StopIteration as stopped:
            return trainer.answer(stopped.value, secrets.token_bytes)
        raise AssertionError

    def _provided(self, count: int, rows: bytes) -> Provided:
        if not self.clause.vertical:
            return Provided(Held(seen_by_node(self.values), self.sick), lambda _: None)
        names, ciphertexts = rows[: 32 * count], rows[32 * count :]
        self.named = [names[at : at + 32] for at in range(0, len(names), 32)]
        columns, domain = self.plan.subject_columns, domain_of(self.terms.id())
        known = {
            INTL.digest(encode_subject(columns, (number,), domain)): number
            for number in range(len(self.values))
        }
        seen = seen_by_node(self.values)
        values = np.zeros((count, seen.shape[1]))
        for place, name in enumerate(self.named):
            if name in known:
                values[place] = seen[known[name]]
        size = len(ciphertexts) // len(blocks(count))
        shelf = {
            place: ciphertexts[place * size : (place + 1) * size]
            for place in range(len(blocks(count)))
        }
        return Provided(Held(values, np.zeros(0)), lambda _: None, shelf)

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
            privacy=self.privacy,
        )
        release = request_pb2.Release(nonce=nonce, receipt=self.receipt(leaf))
        return train_pb2.TrainServiceRunResponse(value=value, release=release)


class TrainingWorld(FakeWorld):
    """A client's trainings against a `TrainingNode`."""

    def __init__(self, home: Home, profile: Profile, clause: Encrypted) -> None:
        self.training = TrainingNode(clause)
        super().__init__(home, profile, self.training)
        channel = self.session.channel
        channel.unary = lambda _method, messages, _timeout: self.training.upload(messages)
        channel.stream = lambda _method, ask, _timeout: self.training.fetch(ask)
        self.intersections: Any = None

    def trainings(self) -> Trainings:
        """Return the trainings of a fresh process on this home."""
        return Trainings(self.session, self.contracts, Jobs(self.session), self.intersections)

    def rows(self, count: int = PEOPLE) -> dict[str, Any]:
        """Return a buyer's rows of a vertical training, the subjects backwards."""
        _, visits, sick = people()
        order = np.arange(PEOPLE)[::-1][:count]
        return {"id": order, "sick": sick[order], "visits": visits[order], "else": ["x"] * count}

    def open_requests(self) -> list[str]:
        """Return the ids of requests without an answer."""
        return self.state.requests(None, "sent")
