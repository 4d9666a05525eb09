"""What can go wrong for a caller of the SDK, and the one place where a gRPC status becomes it.

Three things may happen to a call (AIP-193): the node refused (`RefusedError`), the node could
not be reached (`UnreachableError`), or the node itself failed (`NodeError`). Each carries the
stable reason of `proto/unseen/v1/reason.proto`, and whether anything was charged. A reply that
arrived and does not hold up is a `PeerError` or an `EvidenceError`, never one of these.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from unseen.protocols.errors import PeerError, UnseenError

Retry = Literal["no", "same-id", "new-id"]

TELL_OPERATOR: Final = "tell its operator, then say the same again"

_DOMAIN = "unseen"
_DETAILS = "grpc-status-details-bin"
_UNCHARGED = ("no", "false", "")
_RETRIES = ("no", "same-id", "new-id")

_REFUSALS = frozenset(
    {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_UNREACHED = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


class ClientError(UnseenError):
    """Base class of what only a client can meet."""


class HomeError(ClientError):
    """The client's home is missing, incomplete, in use, or holds something unreadable."""

    reason = "HOME_INVALID"


class ContractMissingError(ClientError):
    """No contract of this party permits what is asked, as it is asked; nothing was sent."""

    reason = "CONTRACT_MISSING"


class AnswerInvalidError(PeerError):
    """The node's answer decodes but is not the answer to what was asked. `clause` says where."""

    reason = "ANSWER_INVALID"


class WitnessesMissingError(PeerError):
    """Fewer witnesses have cosigned the node's log of late than this home demands."""

    reason = "WITNESSES_MISSING"


@dataclass(frozen=True, slots=True)
class Cause:
    """What a status says: stable reason, clause, remedy, charged or not, worth a retry or not.

    `silent` is the address at which nothing answered, where that is all there is to say.
    """

    reason: str
    message: str
    clause: str = ""
    remedy: str = ""
    charged: bool = False
    retry: Retry = "no"
    silent: str = ""


class WireError(ClientError):
    """A call ended without a reply. `retry` is what the node said about trying again.

    `charged` is true if it was charged or may have been; then its answer is kept and is fetched
    by its request id.
    """

    def __init__(self, cause: Cause) -> None:
        """Take over what the status said."""
        super().__init__(cause.message, clause=cause.clause, remedy=cause.remedy)
        # The class declares one reason for all its errors; the wire names a closer one.
        vars(self)["reason"] = cause.reason
        self.charged = cause.charged
        self.retry = cause.retry
        self.silent = cause.silent

    def named(self, node: str) -> Cause:
        """Return what the status said, beginning with the name of the node that said it.

        Whoever has several nodes in mind is a guest at each: a silent one is its operator's.
        """
        reason, said = self.reason, str(self)
        if self.silent:
            return Cause(
                reason,
                f"{node} does not answer at {self.silent}",
                self.clause,
                TELL_OPERATOR,
                self.charged,
                self.retry,
                self.silent,
            )
        message = said if said.startswith(f"{node}: ") else f"{node}: {said}"
        return Cause(reason, message, self.clause, self.remedy, self.charged, self.retry)


class RefusedError(WireError):
    """The node, or a rule it keeps, does not allow what was asked."""

    reason = "REFUSED"


class UnreachableError(WireError):
    """No node answered: wrong address, no network, certificate not accepted, or no time left."""

    reason = "UNREACHABLE"


class NodeError(WireError):
    """The node answered that it cannot work. Its operator has to act."""

    reason = "NODE_FAILED"


def from_rpc_error(error: grpc.RpcError, address: str) -> WireError:
    """Return what `error`, raised by a call to the node at `address`, means for the caller."""
    call = cast("grpc.Call", error)  # grpc raises objects that are both, and types neither
    code = call.code()
    found = _error_info(call.trailing_metadata() or ())
    details = call.details() or ""
    if found is not None:
        return _kind(code)(found)
    if code is grpc.StatusCode.UNAVAILABLE:
        return UnreachableError(_transport_cause(details, address))
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return UnreachableError(
            Cause(
                "DEADLINE",
                f"the node at {address} did not answer in time",
                clause="deadline",
                remedy="try again; a charged request is fetched by its id and charged once",
                retry="same-id",
            )
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
        return RefusedError(
            Cause(
                code.name,
                f"the message is larger than the node at {address} takes",
                clause="message",
                remedy="send less at once",
            )
        )
    # Without our own details it says nothing of what was charged: never a refusal.
    said = f"the node at {address} ended the call: {details}"
    return NodeError(Cause(code.name, said, charged=True, retry="same-id"))


def _kind(code: grpc.StatusCode) -> type[WireError]:
    if code in _REFUSALS:
        return RefusedError
    return UnreachableError if code in _UNREACHED else NodeError


def _error_info(metadata: Iterable[tuple[str, str | bytes]]) -> Cause | None:
    raw = next((value for key, value in metadata if key == _DETAILS), None)
    if not isinstance(raw, bytes):
        return None
    try:
        status = status_pb2.Status.FromString(raw)
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == _DOMAIN:
                return _cause(status.message, info.reason, dict(info.metadata))
    except DecodeError:
        return None
    return None


def _cause(message: str, reason: str, metadata: dict[str, str]) -> Cause:
    retry = metadata.get("retry", "no")
    return Cause(
        reason=reason,
        message=message,
        clause=metadata.get("clause", ""),
        remedy=metadata.get("remedy", ""),
        charged=metadata.get("charged", "no") not in _UNCHARGED,
        retry=cast("Retry", retry) if retry in _RETRIES else "no",
    )


def _transport_cause(details: str, address: str) -> Cause:
    text = details.lower()
    if "certificate" in text or "handshake" in text or "ssl" in text:
        return Cause(
            "CERTIFICATE_REJECTED",
            f"the node at {address} and this client do not accept each other's certificate",
            clause="tls",
            remedy="check the address (another node may answer there); if it is right, ask the"
            " operator for a new invitation",
        )
    if "closed" in text or "reset" in text:
        # Under TLS 1.3 a server that refuses a client's certificate just hangs up.
        return Cause(
            "UNREACHABLE",
            f"the node at {address} closed the connection; it may not accept this certificate",
            clause="connection",
            remedy="try again; if it persists, ask the operator whether this party is revoked",
            retry="same-id",
        )
    return Cause(
        "UNREACHABLE",
        f"no node answers at {address}",
        clause="connection",
        remedy="start the node (unseen node serve) or correct the address",
        retry="same-id",
        silent=address,
    )
