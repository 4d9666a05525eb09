"""ObjectionService: objections against releases, answers to them, and their end."""

from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.objections import conduct
from unseen.node.resources import PAGE_BYTES, contract_id, page_after, page_size
from unseen.node.wire import objection as wire
from unseen.v1 import objection_pb2, objection_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class ObjectionService(objection_pb2_grpc.ObjectionServiceServicer):
    """Objections."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def OpenObjection(
        self, request: objection_pb2.OpenObjectionRequest, context: _Context
    ) -> objection_pb2.OpenObjectionResponse:
        """Take an objection."""
        del context
        standing = await conduct.open_objection(
            self._node,
            caller(),
            contract_id(request.contract),
            request.opened,
            wire.words(request.words),
        )
        message = wire.objection_message(self._node, standing, spoken=True)
        return objection_pb2.OpenObjectionResponse(objection=message)

    async def AnswerObjection(
        self, request: objection_pb2.AnswerObjectionRequest, context: _Context
    ) -> objection_pb2.AnswerObjectionResponse:
        """Take the other side's answer."""
        del context
        standing = conduct.seen(self._node, caller(), wire.objection_id(request.name))
        standing = await conduct.answer(
            self._node, caller(), standing, request.answered, wire.words(request.words)
        )
        message = wire.objection_message(self._node, standing, spoken=True)
        return objection_pb2.AnswerObjectionResponse(objection=message)

    async def CloseObjection(
        self, request: objection_pb2.CloseObjectionRequest, context: _Context
    ) -> objection_pb2.CloseObjectionResponse:
        """Take the opener's last word."""
        del context
        standing = conduct.seen(self._node, caller(), wire.objection_id(request.name))
        standing = await conduct.close(self._node, caller(), standing, request.closed)
        message = wire.objection_message(self._node, standing, spoken=True)
        return objection_pb2.CloseObjectionResponse(objection=message)

    async def ListObjections(
        self, request: objection_pb2.ListObjectionsRequest, context: _Context
    ) -> objection_pb2.ListObjectionsResponse:
        """Return a page of the objections that the caller may see, by id."""
        del context
        contract = contract_id(request.contract) if request.contract else ""
        size, after = page_size(request.page_size), page_after(request.page_token)
        page, used = objection_pb2.ListObjectionsResponse(), 0
        for standing in conduct.listed(self._node, caller(), contract, after):
            if len(page.objections) == size or used >= PAGE_BYTES:
                page.next_page_token = page.objections[-1].name.removeprefix("objections/")
                break
            message = wire.objection_message(self._node, standing)
            used += message.ByteSize()
            page.objections.append(message)
        return page

    async def GetObjection(
        self, request: objection_pb2.GetObjectionRequest, context: _Context
    ) -> objection_pb2.GetObjectionResponse:
        """Return one objection."""
        del context
        standing = conduct.seen(self._node, caller(), wire.objection_id(request.name))
        spoken = conduct.is_side(self._node, caller(), standing)
        message = wire.objection_message(self._node, standing, spoken=spoken)
        return objection_pb2.GetObjectionResponse(objection=message)
