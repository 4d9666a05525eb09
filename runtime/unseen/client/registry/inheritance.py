"""Quota that buyers had left at a predecessor, as the operator that took over sees it."""

from collections.abc import Iterator
from dataclasses import dataclass

from unseen.client.cards import Card, Row
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.v1 import registry_pb2, registry_pb2_grpc


@dataclass(frozen=True, slots=True, repr=False)
class Inherited(Card):
    """What a buyer had left under a predecessor's contract, and which contract took it on."""

    contract: str
    origin: str
    buyer: str
    product: str
    kind: str
    units: int
    used: int
    successor: str

    @property
    def left(self) -> int:
        """Units that were granted and not used."""
        return self.units - self.used

    def _title(self) -> str:
        return f"Quota left under {self.contract}"

    def _rows(self) -> Iterator[Row]:
        yield "at", self.origin
        yield "buyer's key", self.buyer
        yield "product", f"{self.product} ({self.kind})"
        yield "left", f"{self.left:,} of {self.units:,} units"
        yield "taken on by", self.successor or "no contract yet"


class Inheritance:
    """What came with the nodes that this one took over."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = registry_pb2_grpc.RegistryServiceStub(session.channel.grpc)

    def list(self) -> list[Inherited]:
        """Return everything that was taken over."""
        answer = self._session.call(self._stub.ListInherited, registry_pb2.ListInheritedRequest())
        return [_read(each) for each in answer.quota]

    def inherit(self, contract: str, successor: str) -> Inherited:
        """Have `successor` take on what was left under a predecessor's `contract`."""
        request = registry_pb2.InheritQuotaRequest(
            contract=contract, successor=f"contracts/{successor}"
        )
        return _read(self._session.call(self._stub.InheritQuota, request).quota)


def _read(message: registry_pb2.Inherited) -> Inherited:
    return Inherited(
        contract=message.contract,
        origin=message.origin,
        buyer=message.buyer,
        product=message.product,
        kind=message.kind,
        units=message.units,
        used=message.used,
        successor=short(message.successor),
    )
