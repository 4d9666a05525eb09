"""LookupService: manifest, encrypted table, evaluation."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from unseen.node.audit.shown import show
from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.kinds import fetching, hidden_queries, lookup
from unseen.node.resources import contract_id
from unseen.node.wire import lookup as hidden
from unseen.node.wire import requests as wire
from unseen.protocols.oprf.suite import check_batch
from unseen.v1 import lookup_pb2, lookup_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class LookupService(lookup_pb2_grpc.LookupServiceServicer):
    """Hidden verification."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def GetManifest(
        self, request: lookup_pb2.GetManifestRequest, context: _Context
    ) -> lookup_pb2.GetManifestResponse:
        """Return the present manifest and its place in the log."""
        del context
        node = self._node
        epoch = lookup.epoch_for(node, caller(), contract_id(request.contract))
        head = show(node.log.head())
        return lookup_pb2.GetManifestResponse(
            manifest=epoch.token,
            table_bytes=epoch.table_bytes,
            leaf=node.log.read_leaf_bytes(node.engine, epoch.leaf_index),
            leaf_index=epoch.leaf_index,
            inclusion_proof=node.log.inclusion_proof(epoch.leaf_index, head),
            checkpoint=head.note,
        )

    async def FetchTable(
        self, request: lookup_pb2.FetchTableRequest, context: _Context
    ) -> AsyncIterator[lookup_pb2.FetchTableResponse]:
        """Stream the encrypted table from an offset, or some rows of a hint."""
        del context
        async for chunk in fetching.chunks(self._node, caller(), hidden.wanted(request)):
            yield lookup_pb2.FetchTableResponse(chunk=chunk)

    async def Evaluate(
        self, request: lookup_pb2.EvaluateRequest, context: _Context
    ) -> lookup_pb2.EvaluateResponse:
        """Evaluate blinded elements; charged and receipted."""
        del context
        check_batch(len(request.blinded))
        signed = wire.signed_request(request.request, request.blinded)
        answer = await lookup.evaluate(self._node, caller(), signed)
        evaluated, proof = lookup.parts_of(answer)
        return lookup_pb2.EvaluateResponse(
            evaluated=evaluated, proof=proof, release=wire.release(answer)
        )

    async def Answer(
        self, request_iterator: AsyncIterator[lookup_pb2.AnswerRequest], context: _Context
    ) -> AsyncIterator[lookup_pb2.AnswerResponse]:
        """Answer queries at a hidden table; free, after an evaluation."""
        del context
        asked = await hidden.head(request_iterator)
        queries = hidden.queries(request_iterator)
        async for found in hidden_queries.answer(self._node, caller(), asked, queries):
            yield hidden.response(found)
