"""Contracts over intersections on a stage, and runs taken step by step by hand."""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from tests.promises.stage import Stage

from unseen.client import Client
from unseen.client.queries import asking
from unseen.client.queries.intersections import Intersections
from unseen.evidence.canonical import b64encode
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.intersection import COUNT, ITEMS, Offered, domain_of, session_of
from unseen.evidence.releases.intersected import SentSet
from unseen.evidence.releases.request import Request
from unseen.protocols.lookup.subject import encode_subject
from unseen.protocols.psi.ecdh import Receiver
from unseen.v1 import intersect_pb2, intersect_pb2_grpc

OFFERED = Offered(outputs=(ITEMS, COUNT), most=1_000, rho="0.5", delta="0.000001")
PRODUCT = "common"
SET = intersect_pb2.PART_SET


def offer(stage: Stage, table: str = "people", product: str = PRODUCT) -> None:
    """Offer intersections with a table."""
    stage.operator.register_product(
        product, table=table, kind="intersect", title="In common", predicates=OFFERED
    )


def contract(stage: Stage, output: str = ITEMS, buyer: str = "lender", **clauses: Any) -> str:
    """Return a contract in force."""
    said: dict[str, Any] = {"units": 1_000, "days": 1, "product": PRODUCT}
    said |= {"budget": "40"} if output == COUNT else {}
    said |= clauses
    client = stage.client(buyer)
    found = client.request_contract(said.pop("product"), outputs=[output], scenario="tests", **said)
    stage.operator.approve(found.id)
    client.sign(found.id)
    return found.id


def subjects(stage: Stage, present: int, absent: int) -> list[str]:
    """Return subjects of the table, and others that are not in it."""
    return [*(p.subject for p in stage.people[:present]), *(f"nobody {n}" for n in range(absent))]


def there(found: Sequence[tuple[str, ...]]) -> set[str]:
    """Return subjects as they were given."""
    return {item for (item,) in found}


def parts_of(client: Client) -> Intersections:
    """Return what a client intersects with."""
    return client._intersections


@dataclass(frozen=True)
class Asking:
    """A run as one client signs it, whose messages may be sent one by one, changed or not."""

    client: Client
    contract: str
    request: Request
    nonce: bytes
    part: bytes
    data: bytes
    receiver: Receiver

    @classmethod
    def of(cls, client: Client, contract: str, items: Sequence[str]) -> "Asking":
        """Mask `items` and sign the request over them."""
        terms, plan = client._contracts.terms(contract), client._contracts.plan(contract)
        identifier, nonce = secrets.token_hex(16), secrets.token_bytes(32)
        suite = client._session.suite
        data = [
            encode_subject(plan.subject_columns, [item], domain_of(terms.id())) for item in items
        ]
        session = session_of(suite, terms.id(), identifier)
        receiver = Receiver(session, data, secrets.token_bytes)
        message = receiver.ask()
        part = SentSet(suite=suite.id, items=len(items), digest=suite.digest(message)).encode()
        request = Request(
            suite=suite.id,
            contract=terms.id(),
            request=identifier,
            kind="intersect",
            units=len(items),
            commitment=commit(suite, nonce, (part,)),
            manifest=b"",
            epoch=0,
            issued_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        )
        return cls(client, contract, request, nonce, part, message, receiver)

    @property
    def stub(self) -> intersect_pb2_grpc.IntersectServiceStub:
        """The service."""
        return intersect_pb2_grpc.IntersectServiceStub(self.client._session.channel.grpc)

    def over(self, data: bytes, items: int) -> "Asking":
        """Return the same request, over other bytes."""
        suite = self.client._session.suite
        part = SentSet(suite=suite.id, items=items, digest=suite.digest(data)).encode()
        commitment = commit(suite, self.nonce, (part,))
        request = replace(self.request, commitment=commitment, units=items)
        return replace(self, request=request, part=part, data=data)

    def head(self, **changes: Any) -> intersect_pb2.UploadRequest:
        """Return the first message of an upload."""
        fields: dict[str, Any] = {
            "contract": f"contracts/{self.contract}",
            "request": self.request.request,
            "part": SET,
            "digest": self.client._session.suite.digest(self.data),
            "size": len(self.data),
        }
        return intersect_pb2.UploadRequest(**fields | changes)

    def upload(self, *messages: intersect_pb2.UploadRequest) -> intersect_pb2.UploadResponse:
        """Send these messages; without any, all of the set at once."""
        sent = messages or (self.head(chunk=self.data),)
        return self.client._session.call(self.stub.Upload, iter(sent))

    def run(self) -> intersect_pb2.RunResponse:
        """Send the request once."""
        signed = asking.signed(self.client._session, self.request, self.nonce)
        message = intersect_pb2.RunRequest(request=signed, set=self.part)
        return self.client._session.call(self.stub.Run, message)

    def answered(self) -> intersect_pb2.RunResponse:
        """Send the request until it is answered."""
        answer = self.run()
        while answer.job:
            self.client.job(answer.job.removeprefix("jobs/")).wait()
            answer = self.run()
        return answer

    def fetch(self, part: intersect_pb2.Part = intersect_pb2.PART_ANSWER, offset: int = 0) -> bytes:
        """Return what the node sends of a part."""
        ask = intersect_pb2.FetchRequest(
            contract=f"contracts/{self.contract}",
            request=self.request.request,
            part=part,
            offset=offset,
        )
        answers = self.client._session.channel.stream(self.stub.Fetch, ask, 30)
        return b"".join(answer.chunk for answer in answers)

    def again(self, client: Client) -> "Asking":
        """Return the same run of a client that was opened anew."""
        return replace(self, client=client)

    @property
    def name(self) -> str:
        """The id of the contract as the node writes it."""
        return b64encode(self.request.contract)


def wait_for(client: Client, job: str) -> None:
    """Wait for a job's end, whatever it is."""
    for _ in cast("Any", client.job(job.removeprefix("jobs/"))).watch():
        pass
