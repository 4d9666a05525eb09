"""MeterService: what was used."""

import re
from typing import Any

import grpc.aio
from sqlalchemy import func, select

from unseen.node.catalog.names import contract_id, page_size
from unseen.node.context import Node
from unseen.node.contracts.viewing import seen
from unseen.node.errors import FieldInvalidError
from unseen.node.interceptors import caller
from unseen.node.metering.metered import receipt_again
from unseen.node.metering.opening import open_release
from unseen.node.store.schema import charges, leaves
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
        with self._node.engine.connect() as connection:
            requests = connection.execute(
                select(func.count()).where(charges.c.contract == contract.id)
            ).scalar_one()
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
        opened = open_release(self._node, request.request)
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
        if not re.fullmatch(r"[0-9]{0,18}", request.page_token):
            raise FieldInvalidError("not a page token of this node", clause="page_token")
        start = int(request.page_token or 0)
        of_contract = charges.c.contract == contract.id
        with self._node.engine.connect() as connection:
            rows = connection.execute(
                select(leaves.c.leaf_index, leaves.c.body)
                .join(charges, charges.c.leaf_index == leaves.c.leaf_index)
                .where(of_contract, leaves.c.leaf_index >= start)
                .order_by(leaves.c.leaf_index)
                .limit(size + 1)
            ).all()
        more = str(rows[size].leaf_index) if len(rows) > size else ""
        return meter_pb2.ListReleasesResponse(
            leaves=[row.body for row in rows[:size]], next_page_token=more
        )
