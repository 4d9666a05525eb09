"""OpeningService: orders of openings, their samples, and the responses to them."""

from typing import Any

import grpc.aio

from unseen.node.audit.shown import show
from unseen.node.context import Node
from unseen.node.contracts.viewing import seen
from unseen.node.interceptors import caller
from unseen.node.openings import conduct
from unseen.node.resources import PAGE_BYTES, contract_id, page_size, page_start
from unseen.node.wire import opening as wire
from unseen.v1 import opening_pb2, opening_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class OpeningService(opening_pb2_grpc.OpeningServiceServicer):
    """Openings on an order."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def SubmitOrder(
        self, request: opening_pb2.SubmitOrderRequest, context: _Context
    ) -> opening_pb2.SubmitOrderResponse:
        """Take a regulator's order."""
        del context
        contract = seen(self._node, caller(), contract_id(request.contract))
        standing = await conduct.submit(self._node, caller(), contract, request.order)
        order = wire.order_message(self._node, standing)
        return opening_pb2.SubmitOrderResponse(order=order)

    async def DrawSample(
        self, request: opening_pb2.DrawSampleRequest, context: _Context
    ) -> opening_pb2.DrawSampleResponse:
        """Take the draw of an order's sample."""
        del context
        standing = conduct.seen(self._node, caller(), wire.order_id(request.name))
        standing = await conduct.draw(self._node, caller(), standing, request.draw)
        return opening_pb2.DrawSampleResponse(order=wire.order_message(self._node, standing))

    async def ListOrders(
        self, request: opening_pb2.ListOrdersRequest, context: _Context
    ) -> opening_pb2.ListOrdersResponse:
        """Return a page of the orders that the caller may see, the oldest first."""
        del context
        contract = contract_id(request.contract) if request.contract else ""
        if contract:
            seen(self._node, caller(), contract)
        size, start = page_size(request.page_size), page_start(request.page_token)
        page, used = opening_pb2.ListOrdersResponse(), 0
        for standing in conduct.listed(self._node, caller(), contract):
            if standing.index < start:
                continue
            if len(page.orders) == size or used >= PAGE_BYTES:
                page.next_page_token = str(standing.index)
                break
            message = wire.order_message(self._node, standing)
            used += message.ByteSize()
            page.orders.append(message)
        return page

    async def GetOrder(
        self, request: opening_pb2.GetOrderRequest, context: _Context
    ) -> opening_pb2.GetOrderResponse:
        """Return one order with everything that the log holds of it."""
        del context
        standing = conduct.seen(self._node, caller(), wire.order_id(request.name))
        head = show(self._node.log.head())
        order = wire.order_message(self._node, standing, head)
        return opening_pb2.GetOrderResponse(order=order, checkpoint=head.note)

    async def PutPart(
        self, request: opening_pb2.PutPartRequest, context: _Context
    ) -> opening_pb2.PutPartResponse:
        """Keep one part of an opening."""
        del context
        standing = conduct.seen(self._node, caller(), wire.order_id(request.name))
        await conduct.take_part(
            self._node, caller(), standing, request.request, request.number, request.ciphertext
        )
        return opening_pb2.PutPartResponse()

    async def RespondOrder(
        self, request: opening_pb2.RespondOrderRequest, context: _Context
    ) -> opening_pb2.RespondOrderResponse:
        """Take an instance's response."""
        del context
        standing = conduct.seen(self._node, caller(), wire.order_id(request.name))
        standing = await conduct.respond(self._node, caller(), standing, request.response)
        return opening_pb2.RespondOrderResponse(order=wire.order_message(self._node, standing))

    async def FetchPart(
        self, request: opening_pb2.FetchPartRequest, context: _Context
    ) -> opening_pb2.FetchPartResponse:
        """Return one part to the order's regulator."""
        del context
        standing = conduct.seen(self._node, caller(), wire.order_id(request.name))
        place = (request.instance, request.request, request.number)
        ciphertext = conduct.fetch_part(self._node, caller(), standing, place)
        return opening_pb2.FetchPartResponse(ciphertext=ciphertext)
