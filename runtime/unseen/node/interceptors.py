"""The node's one gate for calls: who calls, whether they may, for how long, and what they hear.

Every RPC passes here, health and reflection too. What has no row in the table of rights is
denied. Errors become statuses here and nowhere else; every answer, also a refusal, carries the
log's newest checkpoint and the proof that it extends the one the caller holds.
"""

import asyncio
import inspect
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from unseen.node.audit.shown import shown
from unseen.node.context import Node
from unseen.node.errors import (
    CertificateUnknownError,
    DeadlineError,
    InternalError,
    OverloadedError,
    RightMissingError,
    RpcUnknownError,
    disk_full,
)
from unseen.node.hardening import whereabouts
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import LONG_CALLS, QUESTIONS, RIGHTS, Role
from unseen.node.openings import conduct
from unseen.node.status import rich_status, row_for
from unseen.protocols.errors import MalformedMessageError, UnseenError

TREE_SIZE = "unseen-tree-size"
CHECKPOINT = "unseen-checkpoint-bin"
CONSISTENCY = "unseen-consistency-bin"
ORDERS = "unseen-orders"

_logger = logging.getLogger("unseen.node")
_caller: ContextVar[Caller] = ContextVar("caller")
_Context = grpc.aio.ServicerContext[Any, Any]


def caller() -> Caller:
    """Return who makes the call that is being served."""
    return _caller.get()


class Gate(grpc.aio.ServerInterceptor):
    """Wraps every handler with identity, rights, deadline, checkpoint and error mapping."""

    def __init__(self, node: Node) -> None:
        """Guard `node`."""
        self._node = node
        self._running: set[asyncio.Task[Any]] = set()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Return the method's handler, guarded; an unknown method is refused in the same way."""
        handler = await continuation(handler_call_details)
        method = str(handler_call_details.method)
        # Every method is served as one that takes a stream, so that the gate comes before the
        # first message: else whoever sends none would hold a call that nothing ends.
        if handler is None:
            return grpc.stream_unary_rpc_method_handler(self._unary(method, _no_such_method))
        if handler.unary_unary:
            return grpc.stream_unary_rpc_method_handler(
                self._unary(method, _decoded(handler.unary_unary, handler.request_deserializer)),
                response_serializer=handler.response_serializer,
            )
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(
                self._unary(method, handler.stream_unary, _each(handler.request_deserializer)),
                response_serializer=handler.response_serializer,
            )
        if handler.unary_stream:
            return grpc.stream_stream_rpc_method_handler(
                self._stream(
                    method, _decoded(handler.unary_stream, handler.request_deserializer), _only
                ),
                response_serializer=handler.response_serializer,
            )
        return grpc.stream_stream_rpc_method_handler(
            self._stream(method, handler.stream_stream, _each(handler.request_deserializer)),
            response_serializer=handler.response_serializer,
        )

    def _unary(
        self,
        method: str,
        behaviour: Callable[..., Any],
        take: Callable[..., Awaitable[Any]] | None = None,
    ) -> Callable[..., Any]:
        async def guarded(requests: AsyncIterator[bytes], context: _Context) -> Any:
            try:
                with self._admitted(method, context):
                    async with asyncio.timeout(self._limit(method)):
                        response = await behaviour(await (take or _only)(requests), context)
            except Exception as error:  # noqa: BLE001 - told apart in _refuse
                await self._refuse(method, context, error)
            self._attach(context)
            return response

        async def finished(requests: AsyncIterator[bytes], context: _Context) -> Any:
            # Whoever hangs up in the middle cuts nothing off: what was written is followed in
            # memory, and its place is held until then.
            task = asyncio.create_task(guarded(requests, context))
            self._running.add(task)
            task.add_done_callback(self._forget)
            return await asyncio.shield(task)

        # A stream that was cut off is not all of it: there the call ends with who sends it.
        return guarded if take else finished

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even if the caller has hung up

    def _stream(
        self, method: str, behaviour: Callable[..., Any], take: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Any]:
        async def guarded(requests: AsyncIterator[Any], context: _Context) -> AsyncIterator[Any]:
            try:
                with self._admitted(method, context):
                    async with asyncio.timeout(self._node.settings.long_call_seconds):
                        answers = behaviour(await take(requests), context)
                        if inspect.isawaitable(answers):  # writes through the context by itself
                            await answers
                        else:
                            async for response in answers:
                                yield response
            except Exception as error:  # noqa: BLE001 - told apart in _refuse
                await self._refuse(method, context, error)
            self._attach(context)

        return guarded

    @contextmanager
    def _admitted(self, method: str, context: _Context) -> Iterator[None]:
        """Hold one of the caller's places for an open call; the operator always has one."""
        who = self._admit(method, context)
        calls, key = self._node.calls, who.party or who.instance
        most = 2 * self._node.settings.max_in_flight_per_party
        if calls[key] >= most and who.role is not Role.OPERATOR:
            raise OverloadedError(
                f"{most} calls of this party are open",
                clause="node.max_in_flight_per_party",
                remedy="send the same request again in a moment",
            )
        _caller.set(who)
        calls[key] += 1
        try:
            yield
        finally:
            calls[key] -= 1

    def _limit(self, method: str) -> float:
        settings = self._node.settings
        if method in QUESTIONS:  # the question's own limit comes first, and says so
            return settings.question_seconds + settings.call_seconds
        return settings.long_call_seconds if method in LONG_CALLS else settings.call_seconds

    def _admit(self, method: str, context: _Context) -> Caller:
        pem = next(iter((context.auth_context() or {}).get("x509_pem_cert", ())), b"")
        if not pem:
            raise CertificateUnknownError("no client certificate", clause="identity.pin")
        who = self._node.parties.caller(bytes(pem), self._node.clock.now())
        allowed = RIGHTS.get(method)
        if allowed is None:
            raise RpcUnknownError("this node knows no such call", clause="rights")
        if who.role not in allowed:
            roles = ", ".join(sorted(role.value for role in allowed))
            raise RightMissingError(
                f"this call is for: {roles}; the certificate makes you: {who.role.value}",
                clause="rights",
                remedy="use the home of a party with that role",
            )
        return who

    def _attach(self, context: _Context) -> None:
        waiting = conduct.waiting(self._node, caller())
        told = ((ORDERS, str(waiting)),) if waiting else ()
        context.set_trailing_metadata((*self._checkpoint(context), *told))

    def _checkpoint(self, context: _Context) -> tuple[tuple[str, bytes], ...]:
        head = shown() or self._node.log.head()
        proof = self._node.log.consistency_proof(_held_size(context), head)
        return (CHECKPOINT, head.note.encode()), (CONSISTENCY, b"".join(proof))

    async def _refuse(self, method: str, context: _Context, error: Exception) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        refusal = _as_refusal(method, error)
        status = rich_status(refusal)
        details = ("grpc-status-details-bin", status.SerializeToString())
        await context.abort(
            row_for(type(refusal)).code,
            status.message,
            (details, *self._checkpoint(context)),
        )


def _decoded(behaviour: Callable[..., Any], decode: Callable[[bytes], Any]) -> Callable[..., Any]:
    """Return `behaviour` for a message's bytes: decoded behind the gate, refused like all else."""

    def called(data: bytes, context: _Context) -> Any:
        return behaviour(_message(decode, data), context)

    return called


def _each(decode: Callable[[bytes], Any]) -> Callable[..., Awaitable[Any]]:
    """Return what hands on a stream of messages, each decoded when it is asked for."""

    async def decoded(requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for data in requests:
            yield _message(decode, data)

    async def take(requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        return decoded(requests)

    return take


def _message(decode: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return decode(data)
    except DecodeError:
        raise MalformedMessageError("the message does not decode", clause="request") from None


async def _only(requests: AsyncIterator[bytes]) -> bytes:
    async for message in requests:
        return message
    raise MalformedMessageError("the call has no message", clause="request")


async def _no_such_method(_request: Any, _context: _Context) -> NoReturn:
    raise RpcUnknownError("this node knows no such call", clause="rights")


def _as_refusal(method: str, error: Exception) -> UnseenError:
    if isinstance(error, UnseenError):
        return error
    if isinstance(error, TimeoutError):
        return DeadlineError(
            "the call took longer than this node allows",
            clause="node.call_seconds",
            remedy="send the same request again: if it was charged, its reply is kept",
        )
    if full := disk_full(error):
        return full
    incident = secrets.token_hex(4)
    _logger.error("incident %s in %s: %s", incident, method, whereabouts(error))
    return InternalError(
        f"the node failed; incident {incident}",
        clause="node",
        remedy="send the same request again; tell the operator the incident if it stays",
    )


def _held_size(context: _Context) -> int:
    for key, value in context.invocation_metadata() or ():
        if key == TREE_SIZE and str(value).isascii() and str(value).isdigit() and len(value) < 16:
            return int(value)
    return 0
