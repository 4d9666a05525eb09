"""RulesService: the rule file in force."""

from typing import Any

import grpc.aio

from unseen.evidence.canonical import b64encode
from unseen.node.context import Node
from unseen.node.contracts import governing
from unseen.node.interceptors import caller
from unseen.node.wire.contract import names
from unseen.v1 import rules_pb2, rules_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class RulesService(rules_pb2_grpc.RulesServiceServicer):
    """What labels allow."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def GetRules(
        self, request: rules_pb2.GetRulesRequest, context: _Context
    ) -> rules_pb2.GetRulesResponse:
        """Return the rules in force."""
        del request, context
        return rules_pb2.GetRulesResponse(rules=self._message())

    async def SetRules(
        self, request: rules_pb2.SetRulesRequest, context: _Context
    ) -> rules_pb2.SetRulesResponse:
        """Put another rule file into force."""
        del context
        moved = await governing.set_rules(self._node, request.text, caller().party)
        return rules_pb2.SetRulesResponse(
            rules=self._message(), suspended=names(moved.suspended), resumed=names(moved.resumed)
        )

    def _message(self) -> rules_pb2.RuleFile:
        edition = self._node.rulebook.edition
        return rules_pb2.RuleFile(
            digest=b64encode(edition.rules.digest),
            text=edition.text,
            document=edition.rules.file.encode(),
            set_by=edition.by,
            set_at=edition.set_at,
        )
