"""Contracts over encrypted scores on a stage, and runs taken step by step by hand."""

import datetime as dt
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.promises.stage import Stage

from unseen.client import Client
from unseen.client.queries import asking
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.scoring import Scoring, Wanted, scoring_in
from unseen.evidence.releases.request import Request
from unseen.evidence.releases.scored import SentBatches, SentScores
from unseen.protocols.he.checks import back_bytes
from unseen.protocols.he.models import Feature, Layer, Model, line, to_onnx
from unseen.protocols.he.scorers import RowOwner
from unseen.v1 import intersect_pb2, score_pb2, score_pb2_grpc

FEATURES = (
    Feature(name="balance", low=0, high=3_000_00, decimals=2),
    Feature(name="income", low=0, high=80_000),
    Feature(name="student", values=("no", "yes")),
)
MODEL = line("logistic", FEATURES, [0.0057, 0.00003, 0.0, -0.65], -10.9)
NETWORK = Model(
    "logistic",
    FEATURES,
    (
        Layer(
            ((0.0011, -0.0007), (0.00002, 0.00001), (0.2, 0.1), (-0.3, 0.4)),
            (-1.5, 0.75),
            ((0.5, 0.25, 1.0),) * 2,
        ),
        Layer(((0.8,), (-0.6,)), (-2.25,)),
    ),
)
PRODUCT = "credit-score"
TABLE = "credit"
SLIM = line("linear", FEATURES[1:2], [0.00002], 0.5)  # one column: a batch is one ciphertext
SLIM_PRODUCT = "slim-score"
NETWORK_PRODUCT = "network-score"


def rows_of(count: int, seed: int = 1) -> NDArray[np.float64]:
    """Return rows within bounds."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [rng.uniform(0, 3_000, count), rng.uniform(0, 80_000, count), rng.integers(0, 2, count)],
        axis=1,
    )


def register(
    stage: Stage,
    folder: Path,
    model: Model = MODEL,
    *,
    table: str = TABLE,
    product: str = PRODUCT,
    precision: str = "0.0001",
) -> Path:
    """Register a model and offer scores by it; return its file."""
    path = folder / f"{table}.onnx"
    path.write_bytes(to_onnx(model, {}))
    labels = {"*": ("public", "2")}
    subject = ["constant", "place"]
    stage.operator.register_table(table, str(path), subject=subject, labels=labels)
    wanted = Wanted(features=model.features, precision=precision, most=8)
    stage.operator.register_product(
        product, table=table, kind="score", title="Credit scores", predicates=wanted
    )
    return path


def register_slim(stage: Stage, folder: Path, most: int = 400) -> None:
    """Offer scores by a model of one column, in runs of up to `most` ciphertexts."""
    path = folder / "slim.onnx"
    path.write_bytes(to_onnx(SLIM, {}))
    stage.operator.register_table(
        "slim", str(path), subject=["constant", "place"], labels={"*": ("public", "2")}
    )
    wanted = Wanted(features=SLIM.features, precision="0.001", most=most)
    stage.operator.register_product(
        SLIM_PRODUCT, table="slim", kind="score", title="Slim scores", predicates=wanted
    )


def contract(
    stage: Stage, buyer: str = "lender", units: int = 20, product: str = PRODUCT, **clauses: Any
) -> str:
    """Return a contract in force."""
    client = stage.client(buyer)
    said: dict[str, Any] = {"outputs": ["score"], "scenario": "tests", "days": 1}
    found = client.request_contract(product, units=units, **said | clauses)
    stage.operator.approve(found.id)
    client.sign(found.id)
    return found.id


@dataclass(frozen=True)
class Asking:
    """A run as one client signs it, whose messages may be sent one by one, changed or not."""

    client: Client
    contract: str
    clause: Scoring
    owner: RowOwner
    request: Request
    nonce: bytes
    part: bytes
    data: bytes
    given: bytes = b""  # a context that is none of the key's

    @classmethod
    def of(cls, client: Client, contract: str, rows: NDArray[np.float64]) -> "Asking":
        """Encrypt `rows` and sign the request over them."""
        clause = scoring_in(client._contracts.terms(contract).parameters)
        owner = RowOwner(clause.ring)
        sent = [
            one
            for start in range(0, len(rows), clause.rows)
            for one in owner.encrypt(clause.model.features, rows[start : start + clause.rows])
        ]
        count = -(-len(rows) // clause.rows)
        terms = client._contracts.terms(contract)
        request = Request(
            suite=client._session.suite.id,
            contract=terms.id(),
            request=secrets.token_hex(16),
            kind="score",
            units=count,
            commitment=bytes(32),
            manifest=b"",
            epoch=0,
            issued_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        )
        whole_one = cls(client, contract, clause, owner, request, b"", b"", b"")
        return whole_one.over(b"".join(sent), count)

    def over(self, data: bytes, responses: int, context: bytes | None = None) -> "Asking":
        """Return the same request, over other bytes, or under another context."""
        suite, nonce = self.client._session.suite, secrets.token_bytes(32)
        part = SentBatches(
            suite=suite.id,
            responses=responses,
            context=suite.digest(self.context if context is None else context),
            digest=suite.digest(data),
        ).encode()
        commitment = commit(suite, nonce, (part,))
        request = replace(self.request, commitment=commitment, units=responses)
        return replace(self, request=request, nonce=nonce, part=part, data=data)

    def afresh(self) -> "Asking":
        """Return the same under an id of its own."""
        request = replace(self.request, request=secrets.token_hex(16))
        return replace(self, request=request)

    def keyed(self, context: bytes) -> "Asking":
        """Return the same request under another context, which is sent in place of the key's."""
        return replace(self.over(self.data, self.request.units, context), given=context)

    @property
    def context(self) -> bytes:
        """The context of the buyer's key, the same each time."""
        return self.given or bytes(self.owner.context())

    @property
    def stub(self) -> score_pb2_grpc.ScoreServiceStub:
        """The service."""
        return score_pb2_grpc.ScoreServiceStub(self.client._session.channel.grpc)

    def head(
        self, data: bytes, part: intersect_pb2.Part, **changes: Any
    ) -> intersect_pb2.UploadRequest:
        """Return the first message of an upload."""
        digest = self.client._session.suite.digest(data)
        name = digest.hex()[:32]
        fields: dict[str, Any] = {
            "contract": f"contracts/{self.contract}",
            "request": name if part == intersect_pb2.PART_CONTEXT else self.request.request,
            "part": part,
            "digest": digest,
            "size": len(data),
        }
        return intersect_pb2.UploadRequest(**fields | changes)

    def upload(self, data: bytes, part: intersect_pb2.Part, **changes: Any) -> bool:
        """Send a part in chunks; return whether all of it is there."""
        step = 1 << 19
        messages = [self.head(data, part, **changes)]
        messages += [
            intersect_pb2.UploadRequest(offset=at, chunk=data[at : at + step])
            for at in range(0, len(data), step)
        ]
        return self.client._session.call(self.stub.Upload, iter(messages)).complete

    def send(self) -> None:
        """Send context and ciphertexts."""
        self.upload(self.context, intersect_pb2.PART_CONTEXT)
        self.upload(self.data, intersect_pb2.PART_BATCHES)

    def run(self) -> score_pb2.ScoreServiceRunResponse:
        """Send the request once."""
        signed = asking.signed(self.client._session, self.request, self.nonce)
        message = score_pb2.ScoreServiceRunRequest(request=signed, batches=self.part)
        return self.client._session.call(self.stub.Run, message)

    def forget(self) -> None:
        """Have the node forget what was sent for the request."""
        ask = intersect_pb2.EndRequest(
            contract=f"contracts/{self.contract}", request=self.request.request
        )
        self.client._session.call(self.stub.End, ask)

    def answered(self) -> score_pb2.ScoreServiceRunResponse:
        """Send the request until it is answered."""
        answer = self.run()
        while answer.job:
            self.client.job(answer.job.removeprefix("jobs/")).wait()
            answer = self.run()
        return answer

    def fetch(self) -> bytes:
        """Return what the node sends."""
        ask = intersect_pb2.FetchRequest(
            contract=f"contracts/{self.contract}",
            request=self.request.request,
            part=intersect_pb2.PART_ANSWER,
        )
        answers = self.client._session.channel.stream(self.stub.Fetch, ask, 30)
        return b"".join(answer.chunk for answer in answers)

    def scores(self, answer: score_pb2.ScoreServiceRunResponse, rows: int) -> NDArray[np.float64]:
        """Fetch what returns, check it against the release, and decrypt it."""
        data, size = self.fetch(), back_bytes(self.clause.ring)
        sent = SentScores.decode(answer.value)
        assert sent.digest == self.client._session.suite.digest(data)
        assert len(data) == sent.responses * size
        found = [
            self.owner.decrypt(
                data[size * at : size * (at + 1)],
                min(self.clause.rows, rows - at * self.clause.rows),
            )
            for at in range(sent.responses)
        ]
        return np.concatenate(found)
