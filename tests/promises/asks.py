"""Requests made by hand, so that a test may send one twice, change it, or send nonsense."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.promises.stage import now

from unseen.client import Client
from unseen.evidence import canonical
from unseen.evidence.canonical import b64decode
from unseen.evidence.commitment import commit
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.verify import VerifiedReceipt, verify_receipt
from unseen.protocols.lookup.subject import encode_subject
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.suite import Mode
from unseen.v1 import lookup_pb2, lookup_pb2_grpc, request_pb2, verify_pb2, verify_pb2_grpc

Answer = lookup_pb2.EvaluateResponse | verify_pb2.VerifyResponse


@dataclass(frozen=True)
class Ask:
    """A request as one client signs it. Change a field and `message` is another body."""

    client: Client
    request: Request
    parts: tuple[bytes, ...]
    nonce: bytes

    @property
    def signed(self) -> request_pb2.SignedRequest:
        """The signed statement."""
        signature = sign_request(self.client._session.instance_signer, self.request)
        return request_pb2.SignedRequest(
            statement=self.request.bytes(), signature=signature, nonce=self.nonce
        )

    @property
    def message(self) -> lookup_pb2.EvaluateRequest | verify_pb2.VerifyRequest:
        """The message that is sent."""
        if self.request.kind == "lookup":
            return lookup_pb2.EvaluateRequest(request=self.signed, blinded=self.parts)
        return verify_pb2.VerifyRequest(request=self.signed, subject=self.parts[0])

    def send(self) -> Answer:
        """Send it once. Raises what the client's channel raises."""
        return send(self.client, self.message)

    def over(self, parts: Sequence[bytes], units: int | None = None) -> "Ask":
        """Return the same ask over other parts, committed to and, by default, paid for."""
        commitment = commit(self.client._session.suite, self.nonce, parts)
        paid = units or len(parts) or 1
        request = replace(self.request, commitment=commitment, units=paid)
        return replace(self, request=request, parts=tuple(parts))

    def saying(self, **changed: Any) -> "Ask":
        """Return the same ask with other fields in its statement."""
        return replace(self, request=replace(self.request, **changed))


def send(client: Client, message: lookup_pb2.EvaluateRequest | verify_pb2.VerifyRequest) -> Answer:
    """Send a message of either kind as `client`."""
    channel, session = client._session.channel.grpc, client._session
    if isinstance(message, lookup_pb2.EvaluateRequest):
        return session.call(lookup_pb2_grpc.LookupServiceStub(channel).Evaluate, message)
    return session.call(verify_pb2_grpc.VerifyServiceStub(channel).Verify, message)


def lookup_ask(client: Client, contract: str, subjects: Sequence[str]) -> Ask:
    """Return a hidden request about `subjects`, under the contract's present epoch."""
    epoch = client._lookups._epochs.present(contract)
    domain = epoch.manifest.domain()
    inputs = [encode_subject(epoch.manifest.subject, [text], domain) for text in subjects]
    parts = blind(inputs, Mode.VOPRF, secrets.token_bytes).elements
    manifest, number = epoch.manifest.id(), epoch.manifest.epoch
    return _ask(client, contract, "lookup", parts, manifest, number)


def verify_ask(client: Client, contract: str, subject: str) -> Ask:
    """Return a request about `subject` in the clear."""
    return _ask(client, contract, "verify", (canonical.encode([subject]),), b"", 0)


def blind_ask(client: Client, contract: str, count: int = 1) -> Ask:
    """Return a hidden request of random elements under an epoch that nobody announced."""
    inputs = [secrets.token_bytes(16) for _ in range(count)]
    parts = blind(inputs, Mode.VOPRF, secrets.token_bytes).elements
    return _ask(client, contract, "lookup", parts, bytes(32), 1)


ASKS: dict[str, Callable[[Client, str, str], Ask]] = {
    "hidden": lambda client, contract, subject: lookup_ask(client, contract, [subject]),
    "clear": verify_ask,
}


def receipt_of(client: Client, answer: Answer) -> VerifiedReceipt:
    """Return the verified receipt of an answer."""
    return verify_receipt(answer.release.receipt, client._session.trust)


def _ask(
    client: Client,
    contract: str,
    kind: str,
    parts: Sequence[bytes],
    manifest: bytes,
    epoch: int,
) -> Ask:
    nonce = secrets.token_bytes(32)
    request = Request(
        suite=client._session.suite.id,
        contract=b64decode(contract),
        request=secrets.token_hex(16),
        kind=kind,
        units=len(parts),
        commitment=commit(client._session.suite, nonce, parts),
        manifest=manifest,
        epoch=epoch,
        issued_at=now(),
    )
    return Ask(client, request, tuple(parts), nonce)
