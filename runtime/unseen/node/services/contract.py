"""ContractService: from a buyer's ask to a contract in force, and its end."""

from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.contracts import lifecycle, stopping
from unseen.node.contracts.explain import explain_ask, explain_contract
from unseen.node.contracts.register import Contract
from unseen.node.contracts.viewing import seen, visible
from unseen.node.errors import FieldInvalidError
from unseen.node.identity.rights import Role
from unseen.node.interceptors import caller
from unseen.node.resources import (
    PAGE_BYTES,
    contract_id,
    page_after,
    page_size,
    resource,
)
from unseen.node.wire import contract as wire
from unseen.v1 import contract_pb2, contract_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class ContractService(contract_pb2_grpc.ContractServiceServicer):
    """Contracts."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    def _message(self, contract: Contract) -> contract_pb2.Contract:
        return wire.contract_message(contract, self._node.stops.of(contract.id))

    async def RequestContract(
        self, request: contract_pb2.RequestContractRequest, context: _Context
    ) -> contract_pb2.RequestContractResponse:
        """Compile what the buyer asks."""
        del context
        product = resource("products", request.product)
        contract = await lifecycle.propose(self._node, caller().party, product, wire.ask(request))
        return contract_pb2.RequestContractResponse(contract=self._message(contract))

    async def ExplainContract(
        self, request: contract_pb2.ExplainContractRequest, context: _Context
    ) -> contract_pb2.ExplainContractResponse:
        """Say what an ask would lead to, and the narrowest that would do."""
        del context
        who = caller()
        if request.WhichOneof("subject") == "contract":
            contract = seen(self._node, who, contract_id(request.contract))
            return wire.explanation_message(explain_contract(self._node, contract))
        if who.role is not Role.BUYER:
            raise FieldInvalidError(
                "only a buyer asks for contracts",
                clause="explain.subject",
                remedy="explain a contract that exists: unseen contract explain ID",
            )
        product = resource("products", request.ask.product)
        ask = wire.ask(request.ask)
        return wire.explanation_message(explain_ask(self._node, who.party, product, ask))

    async def GetContract(
        self, request: contract_pb2.GetContractRequest, context: _Context
    ) -> contract_pb2.GetContractResponse:
        """Return a contract."""
        del context
        contract = seen(self._node, caller(), contract_id(request.name))
        return contract_pb2.GetContractResponse(contract=self._message(contract))

    async def ListContracts(
        self, request: contract_pb2.ListContractsRequest, context: _Context
    ) -> contract_pb2.ListContractsResponse:
        """Return a page of the contracts that the caller may see, by id."""
        del context
        who, size = caller(), page_size(request.page_size)
        after = page_after(request.page_token)
        page, used = contract_pb2.ListContractsResponse(), 0
        for contract in self._node.contracts.all():
            if contract.id <= after or not visible(self._node, who, contract):
                continue
            if len(page.contracts) == size or used >= PAGE_BYTES:
                page.next_page_token = page.contracts[-1].name.removeprefix("contracts/")
                break
            message = self._message(contract)
            used += message.ByteSize()
            page.contracts.append(message)
        return page

    async def ApproveContract(
        self, request: contract_pb2.ApproveContractRequest, context: _Context
    ) -> contract_pb2.ApproveContractResponse:
        """Take the signature of the operator, the holder or the second approver."""
        del context
        who = caller()
        contract = seen(self._node, who, contract_id(request.name))
        contract = await lifecycle.approve(self._node, contract, who.party, request.approval)
        return contract_pb2.ApproveContractResponse(contract=self._message(contract))

    async def SignContract(
        self, request: contract_pb2.SignContractRequest, context: _Context
    ) -> contract_pb2.SignContractResponse:
        """Take the buyer's signature; the contract is in force."""
        del context
        contract = self._node.contracts.get(contract_id(request.name), buyer=caller().party)
        contract = await lifecycle.activate(self._node, contract, request.approval)
        return contract_pb2.SignContractResponse(contract=self._message(contract))

    async def RevokeContract(
        self, request: contract_pb2.RevokeContractRequest, context: _Context
    ) -> contract_pb2.RevokeContractResponse:
        """End a contract at once."""
        del context
        who = caller()
        contract = seen(self._node, who, contract_id(request.name))
        contract = await lifecycle.revoke(self._node, contract, who.party, request.cause)
        return contract_pb2.RevokeContractResponse(contract=self._message(contract))

    async def SuspendContract(
        self, request: contract_pb2.SuspendContractRequest, context: _Context
    ) -> contract_pb2.SuspendContractResponse:
        """Suspend a contract on the caller's signed order."""
        del context
        who = caller()
        contract = seen(self._node, who, contract_id(request.name))
        contract = await stopping.suspend_by_order(self._node, who, contract, request.order)
        return contract_pb2.SuspendContractResponse(contract=self._message(contract))

    async def ResumeContract(
        self, request: contract_pb2.ResumeContractRequest, context: _Context
    ) -> contract_pb2.ResumeContractResponse:
        """Lift the caller's stop of a contract."""
        del context
        who = caller()
        contract = seen(self._node, who, contract_id(request.name))
        contract = await stopping.resume_by_order(self._node, who, contract, request.order)
        return contract_pb2.ResumeContractResponse(contract=self._message(contract))
