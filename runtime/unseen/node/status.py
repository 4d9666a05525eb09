"""The one place where a domain error becomes a gRPC status (AIP-193)."""

from typing import Literal, NamedTuple

from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc import StatusCode

from unseen.evidence.errors import ContractInvalidError, EvidenceError, TransitionError
from unseen.node import errors
from unseen.protocols.errors import (
    ContributionError,
    InputInvalidError,
    KernelFaultError,
    PeerError,
    UnseenError,
)

DOMAIN = "unseen"
_MAX_CHARS = 500  # what quotes a caller must not outgrow the metadata that carries it
Retry = Literal["no", "same-id", "new-id"]


class Row(NamedTuple):
    """How a family of errors looks on the wire: code, whether a retry may help, whether charged."""

    code: StatusCode
    retry: Retry = "no"
    charged: Literal["no", "maybe", "yes"] = "no"


# First match wins, so a subclass stands above its base.
ROWS: tuple[tuple[type[UnseenError], Row], ...] = (
    (errors.RateExceededError, Row(StatusCode.RESOURCE_EXHAUSTED, "same-id")),
    (errors.LimitError, Row(StatusCode.RESOURCE_EXHAUSTED)),
    (errors.RpcUnknownError, Row(StatusCode.UNIMPLEMENTED)),
    (errors.CallerError, Row(StatusCode.PERMISSION_DENIED)),
    (errors.LabelRefusedError, Row(StatusCode.PERMISSION_DENIED)),
    (errors.PurposeDeniedError, Row(StatusCode.PERMISSION_DENIED)),
    (errors.ManifestStaleError, Row(StatusCode.FAILED_PRECONDITION, "new-id")),
    (errors.RequestOutdatedError, Row(StatusCode.FAILED_PRECONDITION, "new-id")),
    (errors.RequestIdReusedError, Row(StatusCode.ALREADY_EXISTS, "new-id")),
    (errors.NodeStoppedError, Row(StatusCode.FAILED_PRECONDITION, "same-id")),
    (errors.ReplyHeldError, Row(StatusCode.FAILED_PRECONDITION, "same-id", "yes")),
    (errors.ReleaseHeldError, Row(StatusCode.FAILED_PRECONDITION, "same-id")),
    (errors.ContractRefusedError, Row(StatusCode.FAILED_PRECONDITION)),
    (errors.ExistsError, Row(StatusCode.ALREADY_EXISTS)),
    (errors.ReplyNotFoundError, Row(StatusCode.NOT_FOUND, "no", "yes")),
    (errors.NotFoundError, Row(StatusCode.NOT_FOUND)),
    (errors.JobError, Row(StatusCode.FAILED_PRECONDITION)),
    (errors.ConsentChangedError, Row(StatusCode.FAILED_PRECONDITION, "same-id")),
    (errors.ConsentError, Row(StatusCode.FAILED_PRECONDITION)),
    (errors.FieldInvalidError, Row(StatusCode.INVALID_ARGUMENT)),
    (errors.TableError, Row(StatusCode.FAILED_PRECONDITION)),
    (errors.EpochNotReadyError, Row(StatusCode.FAILED_PRECONDITION, "same-id")),
    (errors.BusyError, Row(StatusCode.UNAVAILABLE, "same-id")),
    (errors.DeadlineError, Row(StatusCode.DEADLINE_EXCEEDED, "same-id", "maybe")),
    (errors.StorageFullError, Row(StatusCode.UNAVAILABLE, "same-id")),
    (errors.InternalError, Row(StatusCode.INTERNAL, "same-id", "maybe")),
    (errors.NodeFaultError, Row(StatusCode.UNAVAILABLE, "same-id")),
    (TransitionError, Row(StatusCode.FAILED_PRECONDITION)),
    (ContractInvalidError, Row(StatusCode.INVALID_ARGUMENT)),
    (EvidenceError, Row(StatusCode.INVALID_ARGUMENT)),
    (ContributionError, Row(StatusCode.FAILED_PRECONDITION)),
    (KernelFaultError, Row(StatusCode.INTERNAL)),
    (InputInvalidError, Row(StatusCode.INVALID_ARGUMENT)),
    (PeerError, Row(StatusCode.INVALID_ARGUMENT)),
    (UnseenError, Row(StatusCode.INVALID_ARGUMENT)),
)


_REMEDIES: dict[Retry, str] = {
    "no": "correct what was sent; docs/errors.md has a row for each reason",
    "same-id": "send the same request again",
    "new-id": "ask anew with a fresh request id",
}


def row_for(kind: type[UnseenError]) -> Row:
    """Return how errors of this kind look on the wire."""
    return next(row for base, row in ROWS if issubclass(kind, base))


def _remedy(reason: str, row: Row) -> str:
    """Return what to do about errors that do not say so themselves: pure parts know no commands."""
    if reason == TransitionError.reason:
        return "see who has to act next: unseen contract show ID"
    return _REMEDIES[row.retry]


def rich_status(error: UnseenError) -> status_pb2.Status:
    """Return `error` as a `google.rpc.Status` with one `ErrorInfo` in its details."""
    row = row_for(type(error))
    info = error_details_pb2.ErrorInfo(
        reason=error.reason,
        domain=DOMAIN,
        metadata={
            "clause": (error.clause or error.reason.lower())[:_MAX_CHARS],
            "remedy": (error.remedy or _remedy(error.reason, row))[:_MAX_CHARS],
            "charged": row.charged,
            "retry": row.retry,
        },
    )
    detail = any_pb2.Any()
    detail.Pack(info)
    code = code_pb2.Code.Value(row.code.name)
    return status_pb2.Status(code=code, message=str(error)[:_MAX_CHARS], details=[detail])
