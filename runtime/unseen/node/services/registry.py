"""RegistryService: registration certificates, and audits of what they register."""

from typing import Any

import grpc.aio

from unseen.evidence import canonical
from unseen.node.audit.shown import show
from unseen.node.context import Node
from unseen.node.handover.inheriting import all_inherited, inherit
from unseen.node.interceptors import caller
from unseen.node.registration import register
from unseen.node.registration.audit import audit_table
from unseen.node.registration.bundles import bundle_of
from unseen.node.registration.issue import TransferCertificate
from unseen.node.registration.replay import replay_table
from unseen.node.resources import contract_id, page_size, resource
from unseen.node.wire import registry as wire
from unseen.v1 import registry_pb2, registry_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class RegistryService(registry_pb2_grpc.RegistryServiceServicer):
    """Certificates and audits."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def ListCertificates(
        self, request: registry_pb2.ListCertificatesRequest, context: _Context
    ) -> registry_pb2.ListCertificatesResponse:
        """Return a page of the certificates that the caller may see."""
        del context
        what, after = wire.page(request)
        size = page_size(request.page_size)
        found, more = register.list_certificates(self._node, caller(), what, after, size)
        messages = [wire.certificate_message(each) for each in found]
        return registry_pb2.ListCertificatesResponse(certificates=messages, next_page_token=more)

    async def GetCertificate(
        self, request: registry_pb2.GetCertificateRequest, context: _Context
    ) -> registry_pb2.GetCertificateResponse:
        """Return a certificate and the bundle that proves it."""
        del context
        node, identifier = self._node, wire.certificate_id(request.name)
        found = register.find_certificate(node, caller(), identifier)
        bundle = bundle_of(node.engine, node.log, identifier, show(node.log.head()))
        return registry_pb2.GetCertificateResponse(
            certificate=wire.certificate_message(found), bundle=canonical.encode(bundle)
        )

    async def TransferCertificate(
        self, request: registry_pb2.TransferCertificateRequest, context: _Context
    ) -> registry_pb2.TransferCertificateResponse:
        """Hand a certificate on."""
        del context
        node, identifier = self._node, wire.certificate_id(request.name)
        before = register.find_certificate(node, caller(), identifier)
        await node.writer.submit(TransferCertificate(node.suite, before.id, request.transfer))
        after = register.present(node, identifier)
        return registry_pb2.TransferCertificateResponse(certificate=wire.certificate_message(after))

    async def AuditTable(
        self, request: registry_pb2.AuditTableRequest, context: _Context
    ) -> registry_pb2.AuditTableResponse:
        """Recompute a table's commitment from its present rows."""
        del context
        name = resource("tables", request.name)
        by = caller().party
        audited = await audit_table(self._node, name, request.rows, request.seed, by)
        return wire.audited_message(audited)

    async def ReplayTable(
        self, request: registry_pb2.ReplayTableRequest, context: _Context
    ) -> registry_pb2.ReplayTableResponse:
        """Build the present epoch's table again."""
        del context
        contract = self._node.contracts.get(contract_id(request.contract))
        return wire.replayed_message(await replay_table(self._node, contract, caller().party))

    async def ListInherited(
        self, request: registry_pb2.ListInheritedRequest, context: _Context
    ) -> registry_pb2.ListInheritedResponse:
        """Return what buyers had left at predecessors."""
        del request, context
        found = [wire.inherited_message(each) for each in all_inherited(self._node.engine)]
        return registry_pb2.ListInheritedResponse(quota=found)

    async def InheritQuota(
        self, request: registry_pb2.InheritQuotaRequest, context: _Context
    ) -> registry_pb2.InheritQuotaResponse:
        """Note which contract takes the rest of a predecessor's on."""
        del context
        successor = self._node.contracts.get(contract_id(request.successor))
        found = await inherit(self._node, request.contract, successor)
        return registry_pb2.InheritQuotaResponse(quota=wire.inherited_message(found))
