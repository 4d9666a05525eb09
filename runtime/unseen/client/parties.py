"""Parties and instances as the operator sees them, and joining with an invitation."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import grpc
from cryptography import x509

from unseen.client.cards import Card, Row
from unseen.client.channel import Channel
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.fields import Fields
from unseen.client.follow import Follower
from unseen.client.local import identity
from unseen.client.local.home import Home, read_file
from unseen.client.local.identity import Membership
from unseen.client.local.keys import SUITE
from unseen.client.local.profile import Node, Profile, read_node
from unseen.client.local.state import State
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence import canonical, trust
from unseen.evidence.canonical import parse_time
from unseen.evidence.errors import CanonicalError
from unseen.evidence.suite import key_id, suite_of
from unseen.evidence.trust import Role, TrustedParty
from unseen.v1 import identity_pb2, identity_pb2_grpc

_ROLES: dict[Role, identity_pb2.Role] = {
    role: getattr(identity_pb2, f"ROLE_{role.upper()}") for role in get_args(Role) if role != "node"
}
_ROLE_NAMES = {value: name for name, value in _ROLES.items()}
_REMEDY = "ask the operator for a new invitation"
JOIN_SECONDS = 30.0
_KEY_LENGTH = 43


@dataclass(frozen=True, slots=True)
class Instance:
    """A client instance that a party certified."""

    name: str
    until: str
    revoked: bool

    def __str__(self) -> str:
        """Return name and end in one line."""
        return f"{self.name} {'revoked' if self.revoked else f'until {self.until}'}"


@dataclass(frozen=True, slots=True, repr=False)
class Party(Card):
    """An enrolled party."""

    name: str
    role: str
    suite: str
    key: bytes
    revoked: bool
    instances: tuple[Instance, ...]

    @property
    def key_id(self) -> str:
        """The name of the party's key, as contracts and statements use it."""
        return key_id(suite_of(self.suite), self.key)

    def _title(self) -> str:
        return f"Party {self.name}"

    def _rows(self) -> Iterator[Row]:
        yield "role", self.role
        yield "key", self.key_id
        yield "revoked", self.revoked
        yield "instances", self.instances


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation file, read. `certificate` and `key` (PEM) may only enrol."""

    id: str
    party: str
    role: str
    ca: bytes
    certificate: bytes
    key: bytes
    node: Node


class Parties:
    """Whom the node knows. For its operator, and for a party's own instances."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = identity_pb2_grpc.IdentityServiceStub(session.channel.grpc)

    def invite(self, party: str, role: str, ttl: dt.timedelta) -> bytes:
        """Return an invitation file for a new party; see `Client.invite`."""
        request = identity_pb2.CreateInvitationRequest(
            party=party, role=_role(role), ttl_seconds=int(ttl.total_seconds())
        )
        return self._session.call(self._stub.CreateInvitation, request).invitation

    def list(self) -> list[Party]:
        """Return the enrolled parties, and trust their keys from now on."""
        request = identity_pb2.ListPartiesRequest()
        found = [
            _party(item) for item in self._session.call(self._stub.ListParties, request).parties
        ]
        for party in found:
            if party.role in _ROLES and party.role != "operator":
                role = cast("Role", party.role)
                self._session.trust_party(TrustedParty(party.name, role, party.suite, party.key))
        return found

    def revoke(self, name: str) -> Party:
        """Cut off a party, or one instance by `PARTY/INSTANCE`."""
        party, _, instance = name.partition("/")
        full = f"parties/{party}" + (f"/instances/{instance}" if instance else "")
        request = identity_pb2.RevokePartyRequest(name=full)
        return _party(self._session.call(self._stub.RevokeParty, request).party)


def read_invitation(data: bytes) -> Invitation:
    """Read an invitation file.

    Raises:
        HomeError: it is malformed or has expired.

    """
    try:
        value = canonical.load(data)
    except CanonicalError:
        value = None
    fields = Fields(value, "invitation", remedy=_REMEDY)
    fields.expect("v", 1)
    fields.expect("type", "invitation")
    fields.expect("suite", SUITE)
    node = fields.child("node")
    invitation = Invitation(
        id=fields.text("id"),
        party=fields.text("party"),
        role=fields.text("role"),
        ca=fields.text("ca").encode(),
        certificate=fields.text("certificate").encode(),
        key=fields.text("key").encode(),
        node=read_node(node, suite_of(SUITE), fields.text("address")),
    )
    expires = fields.text("expires")
    node.end()
    fields.end()
    try:
        late = parse_time(expires) < dt.datetime.now(dt.UTC)
    except CanonicalError:
        raise fields.error("field expires is not a time") from None
    if late:
        raise HomeError("the invitation has expired", clause="expires", remedy=_REMEDY)
    return invitation


def join(data: bytes, home: Path, instance: str = "default") -> Profile:
    """Become the party that an invitation is for, with keys made in `home`.

    May be run again after an interruption: it goes on with the same keys.

    Raises:
        HomeError: the invitation is malformed or has expired, or the home is in use.
        RefusedError, UnreachableError, NodeError: the node does not enrol.
        AnswerInvalidError: the node certified something else.

    """
    invitation = read_invitation(data)
    enrolment = identity.prepare(home, invitation.party, invitation.role, instance)
    place = Home(home)
    state = State(place)
    try:
        follower = Follower(invitation.node, suite_of(SUITE), place, state)
        credentials = grpc.ssl_channel_credentials(
            invitation.ca, invitation.key, invitation.certificate
        )
        channel = Channel(invitation.node.address, credentials, follower, JOIN_SECONDS)
        try:
            answer = _enrol(channel, invitation, enrolment)
        finally:
            channel.close()
    finally:
        state.close()
    membership = Membership(answer.party_certificate, invitation.ca, invitation.node)
    return identity.complete(home, enrolment, membership)


def _enrol(
    channel: Channel, invitation: Invitation, enrolment: identity.Enrolment
) -> identity_pb2.EnrollResponse:
    stub = identity_pb2_grpc.IdentityServiceStub(channel.grpc)
    request = identity_pb2.EnrollRequest(
        suite=enrolment.suite,
        evidence_key=enrolment.evidence_key,
        csr=enrolment.csr,
        proof=enrolment.sign_proof(invitation.id),
    )
    answer = channel.unary(stub.Enroll, request)
    party = answer.party
    found = (short(party.name), party.role, party.evidence_key)
    if found != (invitation.party, _role(invitation.role), enrolment.evidence_key):
        raise AnswerInvalidError("the node enrolled another party", clause="party")
    try:
        x509.load_der_x509_certificate(answer.party_certificate)
    except ValueError:
        raise AnswerInvalidError("the party certificate is malformed", clause="tls") from None
    return answer


def _role(role: str) -> identity_pb2.Role:
    found = _ROLES.get(cast("Role", role))
    if found is None:
        raise HomeError(
            "there is no such role",
            clause="role",
            remedy=f"choose one of {', '.join(name for name in _ROLES if name != 'operator')}",
        )
    return found


def _party(party: identity_pb2.Party) -> Party:
    return Party(
        name=short(party.name),
        role=_ROLE_NAMES.get(party.role, "unknown"),
        suite=party.suite,
        key=party.evidence_key,
        revoked=party.revoked,
        instances=tuple(Instance(short(i.name), i.until, i.revoked) for i in party.instances),
    )


def key_name(home: Home, text: str) -> str:
    """Return the name of the key that `text` is, or that the party called so has in `parties.json`.

    Raises:
        HomeError: it is neither.

    """
    listed = trust.parse(read_file(home.trust)).parties.values()
    named = [party.key_id for party in listed if party.name == text]
    if len(named) == 1:
        return named[0]
    if len(text.rpartition("/")[2]) == _KEY_LENGTH:
        return text.rpartition("/")[2]
    raise HomeError(
        "this is neither a party of parties.json nor the name of a key",
        clause="party",
        remedy="the name of an operator's key: unseen node init prints it with --format json",
    )
