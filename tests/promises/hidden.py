"""A buyer at a hidden table, step by step and by hand, so that a test may do each step wrongly."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tests.promises.asks import Ask, _ask
from tests.promises.stage import Stage, wait_until

from unseen.client import Client
from unseen.client.errors import WireError
from unseen.evidence.canonical import b64encode
from unseen.evidence.releases.manifest import Manifest, verify_manifest
from unseen.protocols.lookup.labels import unpack_verdicts
from unseen.protocols.lookup.lwe_pir import client as lwe
from unseen.protocols.lookup.lwe_pir import filters
from unseen.protocols.lookup.lwe_pir.hints import HintRow, decode_row
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.lookup.subject import encode_subject
from unseen.protocols.oprf.client import Blinded, blind
from unseen.protocols.oprf.server import Evaluation
from unseen.protocols.oprf.suite import Mode
from unseen.v1 import lookup_pb2, lookup_pb2_grpc

SECONDS = 60.0
NO = (None, None)


def agree(stage: Stage, *, units: int = 1000, buyer: str = "lender") -> str:
    """Return a contract in force over a table that stays at the node."""
    client = stage.client(buyer)
    found = client.request_contract(
        "hidden",
        outputs=["earns_40k", "earns"],
        scenario="tests",
        units=units,
        days=1,
        way="lwe_pir",
    )
    stage.operator.approve(found.id)
    client.sign(found.id)
    return found.id


@dataclass(frozen=True)
class Said:
    """What the node answered: the answers end to end, and what it signed."""

    data: bytes
    signed: str
    pieces: tuple[int, ...]


@dataclass
class Buyer:
    """One client under one contract."""

    client: Client
    contract: str

    @cached_property
    def stub(self) -> lookup_pb2_grpc.LookupServiceStub:
        """The service, by the client's channel."""
        return lookup_pb2_grpc.LookupServiceStub(self.client._session.channel.grpc)

    @cached_property
    def manifest(self) -> Manifest:
        """The present epoch's manifest; waits for the table."""
        request = lookup_pb2.GetManifestRequest(contract=f"contracts/{self.contract}")
        found: list[lookup_pb2.GetManifestResponse] = []

        def ready() -> bool:
            try:
                found.append(self.client._session.call(self.stub.GetManifest, request))
            except WireError as error:
                if error.reason != "EPOCH_NOT_READY":
                    raise
            return bool(found)

        wait_until(ready)
        session = self.client._session
        key = session.profile.node.evidence_key
        return verify_manifest(found[0].manifest, session.suite, key)

    @property
    def shape(self) -> Shape:
        """The table's shape."""
        return self.manifest.shape()

    def hint(self) -> bytes:
        """Fetch the hint, as a table is fetched."""
        request = lookup_pb2.FetchTableRequest(
            contract=f"contracts/{self.contract}", epoch=self.manifest.epoch
        )
        answers = self.client._session.channel.stream(self.stub.FetchTable, request, SECONDS)
        return b"".join(answer.chunk for answer in answers)

    def rows(self) -> list[HintRow]:
        """Return the hint's rows."""
        data, size = self.hint(), self.manifest.row_bytes
        return [
            decode_row(self.shape, data[start : start + size])
            for start in range(0, len(data), size)
        ]

    def evaluate(self, subjects: Sequence[str]) -> tuple[Ask, tuple[bytes, ...]]:
        """Have subjects evaluated; return the request and their outputs."""
        manifest = self.manifest
        inputs = [encode_subject(manifest.subject, [text], manifest.domain()) for text in subjects]
        blinded = blind(inputs, Mode.VOPRF, secrets.token_bytes)
        ask = self.ask(blinded)
        answer = ask.send()
        assert isinstance(answer, lookup_pb2.EvaluateResponse)
        found = Evaluation(tuple(answer.evaluated), answer.proof)
        return ask, blinded.finish(found, manifest.public_key)

    def ask(self, blinded: Blinded) -> Ask:
        """Return the signed request about blinded elements."""
        manifest = self.manifest
        return _ask(
            self.client,
            self.contract,
            "lookup",
            blinded.elements,
            manifest.id(),
            manifest.epoch,
        )

    def queries(
        self, rows: Sequence[HintRow], outputs: Sequence[bytes]
    ) -> tuple[list[bytes], tuple[lwe.Asked, ...]]:
        """Return a query for each output, and what opens its answer."""
        shape, domain = self.shape, self.manifest.domain()
        keys = []
        for output in outputs:
            block = filters.block_of(shape, domain, output)
            keys.append((block, filters.keyed(shape, domain, rows[block].nonce, output)))
        public = Public.of(self.client._session.profile.node.evidence_key, shape)
        prepared = lwe.prepare(public, len(outputs), secrets.token_bytes)
        words, asked = lwe.query(shape, prepared, keys)
        return [row.astype("<u4").tobytes() for row in words], asked

    def head(self, of: str, number: int, **changed: object) -> lookup_pb2.AnswerRequest:
        """Return the head of a call."""
        fields: dict[str, object] = {
            "contract": f"contracts/{self.contract}",
            "epoch": self.manifest.epoch,
            "manifest": self.manifest.id(),
            "request": of,
            "count": number,
        }
        said = lookup_pb2.AnswerHead(**{**fields, **changed})  # type: ignore[arg-type]
        return lookup_pb2.AnswerRequest(head=said)

    def send(self, messages: Iterable[lookup_pb2.AnswerRequest]) -> Said:
        """Send messages and return what comes; raises what the client's channel raises."""
        session = self.client._session
        pieces: list[bytes] = []
        signed = ""
        for found in session.channel.stream(self.stub.Answer, iter(messages), SECONDS):
            assert not signed, "what is signed comes last"
            if found.WhichOneof("part") == "signed":
                signed = found.signed
            else:
                pieces.append(found.answers)
        return Said(b"".join(pieces), signed, tuple(map(len, pieces)))

    def answer(self, request: str, queries: Sequence[bytes], at_once: int = 8) -> Said:
        """Ask queries, some in a message."""
        return self.send(self.messages(request, queries, at_once))

    def messages(
        self, request: str, queries: Sequence[bytes], at_once: int = 8
    ) -> Iterator[lookup_pb2.AnswerRequest]:
        """Yield the head and the queries."""
        yield self.head(request, len(queries))
        for start in range(0, len(queries), at_once):
            yield lookup_pb2.AnswerRequest(queries=b"".join(queries[start : start + at_once]))

    def labels(
        self, rows: Sequence[HintRow], asked: Sequence[lwe.Asked], said: Said
    ) -> list[tuple[bool | None, ...]]:
        """Return the verdicts that answers open to; absent subjects have no usable result."""
        words = np.frombuffer(said.data, "<u2").astype(np.uint16).reshape(len(asked), -1)
        found = []
        for each, answer in zip(asked, words, strict=True):
            label = lwe.open_answer(self.shape, each, rows[each.block].hint, answer)
            found.append(NO if label is None else unpack_verdicts(label, 2))
        return found

    @property
    def id(self) -> str:
        """The manifest's id."""
        return b64encode(self.manifest.id())
