"""What a joint round weighs: every message between a buyer's client and its nodes, counted."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc


class Counter(grpc.StreamStreamClientInterceptor, grpc.UnaryUnaryClientInterceptor):
    """Counts the bytes of the messages of a connection, without framing and metadata."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.up = self.down = 0

    def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Count both directions of a step."""
        return _Answers(continuation(client_call_details, self._sent(request_iterator)), self)

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """Count a charge and its answer."""
        self.up += request.ByteSize()
        call = continuation(client_call_details, request)
        self.down += call.result().ByteSize()
        return call

    def _sent(self, requests: Iterator[Any]) -> Iterator[Any]:
        for request in requests:
            self.up += request.ByteSize()
            yield request


class _Answers:
    """The answers of a step, which are also the call that they come from."""

    def __init__(self, call: Any, counter: Counter) -> None:
        self._call, self._counter = call, counter

    def __iter__(self) -> Iterator[Any]:
        for answer in self._call:
            self._counter.down += answer.ByteSize()
            yield answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)
