"""TemplateService: templates that contracts may follow."""

from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.contracts import templates
from unseen.node.interceptors import caller
from unseen.node.wire import template as wire
from unseen.v1 import template_pb2, template_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class TemplateService(template_pb2_grpc.TemplateServiceServicer):
    """The limits of classes of contracts."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def AddTemplate(
        self, request: template_pb2.AddTemplateRequest, context: _Context
    ) -> template_pb2.AddTemplateResponse:
        """Take a template with the operator's signature."""
        del context
        entry = await templates.add(self._node, request.document, request.approval, caller().party)
        return template_pb2.AddTemplateResponse(template=self._message(entry))

    async def ApproveTemplate(
        self, request: template_pb2.ApproveTemplateRequest, context: _Context
    ) -> template_pb2.ApproveTemplateResponse:
        """Take the second approver's signature."""
        del context
        name = wire.template_name(request.name)
        entry = await templates.approve(self._node, name, request.approval, caller().party)
        return template_pb2.ApproveTemplateResponse(template=self._message(entry))

    async def GetTemplate(
        self, request: template_pb2.GetTemplateRequest, context: _Context
    ) -> template_pb2.GetTemplateResponse:
        """Return a template by its name or id."""
        del context
        entry = self._node.templates.get(wire.template_name(request.name))
        return template_pb2.GetTemplateResponse(template=self._message(entry))

    async def ListTemplates(
        self, request: template_pb2.ListTemplatesRequest, context: _Context
    ) -> template_pb2.ListTemplatesResponse:
        """Return every template."""
        del request, context
        found = [self._message(entry) for entry in self._node.templates.all()]
        return template_pb2.ListTemplatesResponse(templates=found)

    async def WithdrawTemplate(
        self, request: template_pb2.WithdrawTemplateRequest, context: _Context
    ) -> template_pb2.WithdrawTemplateResponse:
        """Let no further contract follow a template."""
        del context
        name = wire.template_name(request.name)
        entry = await templates.withdraw(self._node, name, caller().party)
        return template_pb2.WithdrawTemplateResponse(template=self._message(entry))

    def _message(self, entry: templates.Entry) -> template_pb2.Template:
        return wire.template_message(entry, self._node.clock.now())
