"""PrivacyService: the privacy ledger."""

from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.privacy import register
from unseen.node.resources import resource
from unseen.node.wire import privacy as wire
from unseen.v1 import privacy_pb2, privacy_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class PrivacyService(privacy_pb2_grpc.PrivacyServiceServicer):
    """What may be spent on each table's people, and what is."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def SetBudget(
        self, request: privacy_pb2.SetBudgetRequest, context: _Context
    ) -> privacy_pb2.SetBudgetResponse:
        """Set a table's budget."""
        del context
        ledger = await register.set_budget(
            self._node,
            resource("tables", request.table),
            request.epsilon,
            request.delta,
            caller().party,
            raised=request.raised,
        )
        return privacy_pb2.SetBudgetResponse(ledger=wire.ledger_message(ledger))

    async def ListLedgers(
        self, request: privacy_pb2.ListLedgersRequest, context: _Context
    ) -> privacy_pb2.ListLedgersResponse:
        """Return the ledgers of all tables, or of one."""
        del context
        table = resource("tables", request.table) if request.table else ""
        found = register.ledgers(self._node, table)
        return privacy_pb2.ListLedgersResponse(ledgers=[wire.ledger_message(one) for one in found])
