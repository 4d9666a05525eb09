"""ConsentService: what hubs hand over, and what a subject may have proven."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from unseen.node.consent import listing, proving, register
from unseen.node.consent.bulk import Bulk
from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.resources import page_size
from unseen.node.wire import consent as wire
from unseen.v1 import consent_pb2, consent_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class ConsentService(consent_pb2_grpc.ConsentServiceServicer):
    """Consents of data subjects."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def AddConsent(
        self, request: consent_pb2.AddConsentRequest, context: _Context
    ) -> consent_pb2.AddConsentResponse:
        """Take one consent."""
        del context
        name, root = await register.add(self._node, caller(), request.consent)
        return consent_pb2.AddConsentResponse(id=name, root=root.number)

    async def ImportConsents(
        self, request: AsyncIterator[consent_pb2.ImportConsentsRequest], context: _Context
    ) -> consent_pb2.ImportConsentsResponse:
        """Take many consents and withdrawals, all or none; one call at a time."""
        del context
        bulk: Bulk | None = None
        async with self._node.consents.importing:
            try:
                async for message in request:
                    if bulk is None:
                        name = f"consents-{secrets.token_hex(8)}"
                        bulk = await Bulk.begin(
                            self._node, caller(), resume=message.resume, name=name
                        )
                    await bulk.take(list(message.documents))
                if bulk is None:
                    return consent_pb2.ImportConsentsResponse()
                done = await bulk.finish()
            finally:
                if bulk is not None:
                    bulk.close()
        return consent_pb2.ImportConsentsResponse(
            added=done.added, withdrawn=done.withdrawn, known=done.known, root=done.root.number
        )

    async def WithdrawConsent(
        self, request: consent_pb2.WithdrawConsentRequest, context: _Context
    ) -> consent_pb2.WithdrawConsentResponse:
        """Take back one consent."""
        del context
        root = await register.withdraw(self._node, caller(), request.withdrawal)
        return consent_pb2.WithdrawConsentResponse(root=root.number)

    async def AddDelegation(
        self, request: consent_pb2.AddDelegationRequest, context: _Context
    ) -> consent_pb2.AddDelegationResponse:
        """Take a delegation."""
        del context
        name = await register.delegate(self._node, caller(), request.delegation, request.parent)
        return consent_pb2.AddDelegationResponse(id=name)

    async def WithdrawDelegation(
        self, request: consent_pb2.WithdrawDelegationRequest, context: _Context
    ) -> consent_pb2.WithdrawDelegationResponse:
        """Take back a delegation and those under it."""
        del context
        root = await register.withdraw_delegation(self._node, caller(), request.withdrawal)
        return consent_pb2.WithdrawDelegationResponse(root=root.number)

    async def EvaluateSubjects(
        self, request: consent_pb2.EvaluateSubjectsRequest, context: _Context
    ) -> consent_pb2.EvaluateSubjectsResponse:
        """Evaluate blinded subjects under the tree's key."""
        del context
        elements = wire.elements(request)
        evaluated, proof, public_key = await proving.evaluate(self._node, elements)
        return consent_pb2.EvaluateSubjectsResponse(
            evaluated=evaluated, proof=proof, public_key=public_key
        )

    async def ProveConsent(
        self, request: consent_pb2.ProveConsentRequest, context: _Context
    ) -> consent_pb2.ProveConsentResponse:
        """Prove what is, or was, in force at a place of the tree."""
        del context
        answer = await proving.prove(self._node, request.index, wire.about(request))
        return consent_pb2.ProveConsentResponse(answer=answer)

    async def ListConsents(
        self, request: consent_pb2.ListConsentsRequest, context: _Context
    ) -> consent_pb2.ListConsentsResponse:
        """Return what is registered at a place of the tree."""
        del context
        found = await listing.at_place(self._node, request.index)
        return consent_pb2.ListConsentsResponse(consents=[wire.registered(each) for each in found])

    async def ListConsentRoots(
        self, request: consent_pb2.ListConsentRootsRequest, context: _Context
    ) -> consent_pb2.ListConsentRootsResponse:
        """Return roots in order."""
        del context
        found = listing.roots(self._node, request.after, page_size(request.page_size))
        return consent_pb2.ListConsentRootsResponse(roots=[wire.root(each) for each in found])
