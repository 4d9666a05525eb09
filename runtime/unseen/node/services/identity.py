"""IdentityService: invitations, enrolment, instances, revocation."""

from datetime import timedelta
from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.contracts import lifecycle
from unseen.node.errors import FieldInvalidError, RightMissingError
from unseen.node.identity import enrolment
from unseen.node.identity.invitations import invitation_document
from unseen.node.identity.parties import PartyName
from unseen.node.identity.rights import Role
from unseen.node.interceptors import caller
from unseen.node.resources import resource
from unseen.node.wire import identity as wire
from unseen.v1 import identity_pb2, identity_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]
_MAX_TTL = 30 * 86400


class IdentityService(identity_pb2_grpc.IdentityServiceServicer):
    """Parties and their instances."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def CreateInvitation(
        self, request: identity_pb2.CreateInvitationRequest, context: _Context
    ) -> identity_pb2.CreateInvitationResponse:
        """Make an invitation for one party, usable once."""
        del context
        if not 60 <= request.ttl_seconds <= _MAX_TTL:
            raise FieldInvalidError(
                "an invitation lives between a minute and 30 days", clause="invitation.ttl_seconds"
            )
        node, party = self._node, resource("parties", f"parties/{request.party}")
        role, until = wire.role(request.role), timedelta(seconds=request.ttl_seconds)
        expires = node.clock.now() + until
        invitation = await node.writer.submit(enrolment.Invite(party, role, expires))
        document = invitation_document(node, invitation, party, role, expires)
        return identity_pb2.CreateInvitationResponse(invitation=document)

    async def Enroll(
        self, request: identity_pb2.EnrollRequest, context: _Context
    ) -> identity_pb2.EnrollResponse:
        """Pin the party's keys and hand over its certificate."""
        del context
        node, handed = self._node, wire.enrolment(request)
        invitation = caller().instance
        certificate = await node.writer.submit(
            enrolment.Enroll(node.suite, node.authority, invitation, handed)
        )
        node.parties.reload()
        party = next(p for p in node.parties.all() if p.key == handed.evidence_key)
        return identity_pb2.EnrollResponse(
            party_certificate=certificate, party=wire.party_message(party)
        )

    async def RegisterInstance(
        self, request: identity_pb2.RegisterInstanceRequest, context: _Context
    ) -> identity_pb2.RegisterInstanceResponse:
        """Pin the calling instance's evidence key as its party certified it."""
        del context
        node, who = self._node, caller()
        party = node.parties.get(who.party)
        if party is None:  # the gate identified it a moment ago
            raise RightMissingError("the party is gone", clause="identity.pin")
        instance = enrolment.check_certification(
            request.certification, party, who.instance, node.clock.now()
        )
        await node.writer.submit(
            enrolment.RegisterInstance(node.suite, party.name, instance, request.certification)
        )
        node.parties.reload()
        pinned = node.parties.all()
        found = next(p for p in pinned if p.name == who.party).instances[who.instance]
        return identity_pb2.RegisterInstanceResponse(instance=wire.instance_message(found))

    async def ListParties(
        self, request: identity_pb2.ListPartiesRequest, context: _Context
    ) -> identity_pb2.ListPartiesResponse:
        """Return everybody who is known."""
        del request, context
        parties = [wire.party_message(party) for party in self._node.parties.all()]
        return identity_pb2.ListPartiesResponse(parties=parties)

    async def RevokeParty(
        self, request: identity_pb2.RevokePartyRequest, context: _Context
    ) -> identity_pb2.RevokePartyResponse:
        """Cut off a party or an instance; a buyer only its own instances."""
        del context
        node, who, name = self._node, caller(), wire.party_name(request.name)
        _check_may_revoke(who.role, who.party, name)
        await node.writer.submit(enrolment.Revoke(node.suite, name.party, name.instance, who.party))
        node.parties.reload()
        if name.instance is None:
            await lifecycle.revoke_all(node, name.party, who.party)
        party = next(p for p in node.parties.all() if p.name == name.party)
        return identity_pb2.RevokePartyResponse(party=wire.party_message(party))


def _check_may_revoke(role: Role, party: str, name: PartyName) -> None:
    if role is Role.OPERATOR and name != PartyName(party, None):
        return
    if name.party == party and name.instance is not None:
        return
    raise RightMissingError(
        "a buyer revokes its own instances, the operator anybody but itself", clause="rights"
    )
