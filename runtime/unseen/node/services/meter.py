"""MeterService: what was used."""

import asyncio
from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.contracts.viewing import seen
from unseen.node.interceptors import caller
from unseen.node.metering.listing import count_requests, list_releases
from unseen.node.metering.metered import receipt_again
from unseen.node.metering.opening import open_release
from unseen.node.resources import contract_id, page_size
from unseen.node.wire import requests as wire
from unseen.v1 import meter_pb2, meter_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class MeterService(meter_pb2_grpc.MeterServiceServicer):
    """Usage and releases of a contract."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def GetUsage(
        self, request: meter_pb2.GetUsageRequest, context: _Context
    ) -> meter_pb2.GetUsageResponse:
        """Return the units and requests charged so far."""
        del context
        contract = seen(self._node, caller(), contract_id(request.contract))
        # On a thread: counting takes as long as there are requests, and nobody else waits for it.
        requests = await asyncio.to_thread(count_requests, self._node, contract.id)
        return meter_pb2.GetUsageResponse(
            units_used=contract.units_used,
            units_granted=contract.terms.quota.units,
            requests=requests,
        )

    async def GetReceipt(
        self, request: meter_pb2.GetReceiptRequest, context: _Context
    ) -> meter_pb2.GetReceiptResponse:
        """Return the receipt of one of the caller's charged requests."""
        del context
        identifier = contract_id(request.contract)
        answer = receipt_again(self._node, caller(), identifier, request.request)
        return meter_pb2.GetReceiptResponse(release=wire.release(answer))

    async def OpenRelease(
        self, request: meter_pb2.OpenReleaseRequest, context: _Context
    ) -> meter_pb2.OpenReleaseResponse:
        """Return what a charged request in the clear asked and was answered."""
        del context
        contract = contract_id(request.contract) if request.contract else ""
        opened = open_release(self._node, request.request, contract)
        return meter_pb2.OpenReleaseResponse(
            contract=f"contracts/{opened.contract}",
            subject=opened.parts[0],
            request_nonce=opened.nonce,
            verdicts=opened.answer.reply[0],
            release=wire.release(opened.answer),
        )

    async def ListReleases(
        self, request: meter_pb2.ListReleasesRequest, context: _Context
    ) -> meter_pb2.ListReleasesResponse:
        """Return a page of the contract's release leaves, in log order."""
        del context
        contract = seen(self._node, caller(), contract_id(request.contract))
        size = page_size(request.page_size)
        page, more = list_releases(self._node, contract.id, request.page_token, size)
        return meter_pb2.ListReleasesResponse(leaves=page, next_page_token=more)
