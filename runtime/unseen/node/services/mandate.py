"""MandateService: permissions to operate tables, shown by whoever has them signed."""

from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.identity.rights import Role
from unseen.node.interceptors import caller
from unseen.node.mandates import showing
from unseen.node.mandates.book import Registered
from unseen.node.resources import resource
from unseen.node.wire import mandate as wire
from unseen.v1 import mandate_pb2, mandate_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class MandateService(mandate_pb2_grpc.MandateServiceServicer):
    """Mandates."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def AddMandate(
        self, request: mandate_pb2.AddMandateRequest, context: _Context
    ) -> mandate_pb2.AddMandateResponse:
        """Check a mandate and keep it."""
        del context
        found = await showing.show_mandate(self._node, request.token)
        return mandate_pb2.AddMandateResponse(mandate=self._message(found))

    async def GetMandate(
        self, request: mandate_pb2.GetMandateRequest, context: _Context
    ) -> mandate_pb2.GetMandateResponse:
        """Return a mandate."""
        del context
        found = self._node.mandates.book.get(wire.mandate_id(request.name))
        return mandate_pb2.GetMandateResponse(mandate=self._message(found))

    async def ListMandates(
        self, request: mandate_pb2.ListMandatesRequest, context: _Context
    ) -> mandate_pb2.ListMandatesResponse:
        """Return every mandate; the tables under mandates for the operator alone."""
        del request, context
        mandates = self._node.mandates
        tables = sorted(mandates.book.standing.governed) if caller().role is Role.OPERATOR else []
        return mandate_pb2.ListMandatesResponse(
            mandates=[self._message(each) for each in mandates.all()],
            tables=[f"tables/{name}" for name in tables],
        )

    async def WithdrawMandate(
        self, request: mandate_pb2.WithdrawMandateRequest, context: _Context
    ) -> mandate_pb2.WithdrawMandateResponse:
        """Check a withdrawal and keep it; contracts are suspended at once."""
        del context
        found = await showing.withdraw_mandate(self._node, request.token)
        return mandate_pb2.WithdrawMandateResponse(mandate=self._message(found))

    async def RequireMandate(
        self, request: mandate_pb2.RequireMandateRequest, context: _Context
    ) -> mandate_pb2.RequireMandateResponse:
        """Put a table under mandates, or lift that."""
        del context
        node, table = self._node, resource("tables", request.table)
        await showing.require_mandate(node, table, caller().party, required=request.required)
        tables = [f"tables/{name}" for name in sorted(node.mandates.book.standing.governed)]
        return mandate_pb2.RequireMandateResponse(tables=tables)

    def _message(self, registered: Registered) -> mandate_pb2.Mandate:
        return wire.mandate_message(self._node.mandates.book, registered, self._node.clock.now())
