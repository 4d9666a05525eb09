"""A gRPC status becomes exactly one error of the SDK, with what the node said about it."""

from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from unseen.client.errors import (
    NodeError,
    RefusedError,
    UnreachableError,
    WireError,
    from_rpc_error,
)

Code = grpc.StatusCode


class Ended(grpc.RpcError):
    def __init__(self, code: Code, details: str = "", metadata: Any = ()) -> None:
        self._code, self._details, self._metadata = code, details, metadata

    def code(self) -> Code:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:
        return self._metadata


def rich(domain: str = "unseen", **metadata: str) -> tuple[tuple[str, bytes], ...]:
    detail = any_pb2.Any()
    detail.Pack(
        error_details_pb2.ErrorInfo(reason="QUOTA_EXHAUSTED", domain=domain, metadata=metadata)
    )
    status = status_pb2.Status(code=8, message="no units left", details=[detail])
    return (("grpc-status-details-bin", status.SerializeToString()),)


def test_a_refusal_carries_everything_the_node_said() -> None:
    metadata = rich(clause="quota.units", remedy="ask for more", charged="no", retry="new-id")
    error = from_rpc_error(Ended(Code.RESOURCE_EXHAUSTED, "x", metadata), "host:1")
    assert isinstance(error, RefusedError)
    assert (error.reason, str(error)) == ("QUOTA_EXHAUSTED", "no units left")
    assert (error.clause, error.remedy) == ("quota.units", "ask for more")
    assert (error.charged, error.retry) == (False, "new-id")
    assert RefusedError.reason == "REFUSED"  # the class keeps its own


@pytest.mark.parametrize(("said", "charged"), [("no", False), ("maybe", True), ("true", True)])
def test_what_may_have_been_charged_counts_as_charged(said: str, charged: bool) -> None:
    error = from_rpc_error(Ended(Code.INTERNAL, "", rich(charged=said)), "host:1")
    assert error.charged is charged


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.PERMISSION_DENIED, RefusedError),
        (Code.FAILED_PRECONDITION, RefusedError),
        (Code.RESOURCE_EXHAUSTED, RefusedError),
        (Code.INVALID_ARGUMENT, RefusedError),
        (Code.NOT_FOUND, RefusedError),
        (Code.ALREADY_EXISTS, RefusedError),
        (Code.UNAUTHENTICATED, RefusedError),
        (Code.UNAVAILABLE, UnreachableError),
        (Code.DEADLINE_EXCEEDED, UnreachableError),
        (Code.INTERNAL, NodeError),
        (Code.UNKNOWN, NodeError),
    ],
)
def test_every_code_has_its_kind(code: Code, kind: type[WireError]) -> None:
    error = from_rpc_error(Ended(code, "details", rich()), "host:1")
    assert type(error) is kind
    assert error.reason


@pytest.mark.parametrize("code", [Code.RESOURCE_EXHAUSTED, Code.PERMISSION_DENIED, Code.INTERNAL])
def test_a_status_without_our_details_proves_no_refusal(code: Code) -> None:
    # A gRPC library says these by itself; the request may have been charged all the same.
    error = from_rpc_error(Ended(code, "Concurrent RPC limit exceeded!"), "host:1")
    assert type(error) is NodeError
    assert (error.charged, error.retry) == (True, "same-id")


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ("Ssl handshake failed: CERTIFICATE_VERIFY_FAILED", "CERTIFICATE_REJECTED"),
        ("failed to connect to all addresses; Connection refused", "UNREACHABLE"),
        ("Socket closed", "UNREACHABLE"),
    ],
)
def test_a_transport_failure_says_what_to_do(details: str, reason: str) -> None:
    error = from_rpc_error(Ended(Code.UNAVAILABLE, details), "host:1")
    assert error.reason == reason
    assert "host:1" in str(error)
    assert error.clause
    assert error.remedy


def test_a_certificate_that_is_not_the_nodes_may_be_another_nodes() -> None:
    error = from_rpc_error(Ended(Code.UNAVAILABLE, "CERTIFICATE_VERIFY_FAILED"), "host:1")
    assert "another node may answer there" in error.remedy


def test_whoever_names_the_node_is_a_guest_there_and_starts_nothing() -> None:
    error = from_rpc_error(Ended(Code.UNAVAILABLE, "Connection refused"), "host:1")
    assert "start the node" in error.remedy
    for _ in range(2):  # named again it says the same
        error = type(error)(error.named("bank-b"))
        assert str(error) == "bank-b does not answer at host:1"
        assert error.remedy == "tell its operator, then say the same again"
        assert (error.reason, error.retry, error.charged) == ("UNREACHABLE", "same-id", False)
    closed = from_rpc_error(Ended(Code.UNAVAILABLE, "Socket closed"), "host:1")
    assert "is revoked" in closed.named("bank-b").remedy


@pytest.mark.parametrize("raw", [b"\xff\xff", b"", rich(domain="other")[0][1]])
def test_details_that_are_not_ours_are_ignored(raw: bytes) -> None:
    metadata = (("grpc-status-details-bin", raw),)
    error = from_rpc_error(Ended(Code.NOT_FOUND, "gone", metadata), "host:1")
    assert isinstance(error, NodeError)
    assert error.reason == "NOT_FOUND"
