"""unseen.v1 identity messages <-> parties."""

from unseen.node.errors import FieldInvalidError
from unseen.node.identity.enrolment import Enrolment
from unseen.node.identity.parties import Instance, Party, PartyName
from unseen.node.identity.rights import Role
from unseen.v1 import identity_pb2

_ROLES: dict[Role, identity_pb2.Role] = {
    role: getattr(identity_pb2, f"ROLE_{role.name}") for role in Role if role is not Role.INVITEE
}
_INVITED = {value: role for role, value in _ROLES.items() if role is not Role.OPERATOR}


def role(value: int) -> Role:
    """Return the role of an enum value.

    Raises:
        FieldInvalidError: none that can be invited; a node has the one operator who made it.

    """
    found = next((role for key, role in _INVITED.items() if key == value), None)
    if found is None:
        raise FieldInvalidError(
            "no role that a node invites",
            clause="invitation.role",
            remedy=f"choose one of {', '.join(role.value for role in _INVITED.values())}",
        )
    return found


def enrolment(message: identity_pb2.EnrollRequest) -> Enrolment:
    """Return what a party hands over."""
    return Enrolment(message.suite, message.evidence_key, message.csr, message.proof)


def party_name(text: str) -> PartyName:
    """Return the parsed resource name, or raise FieldInvalidError."""
    name = PartyName.parse(text)
    if name is None:
        raise FieldInvalidError(
            "not a name of the form parties/NAME or parties/NAME/instances/NAME", clause="name"
        )
    return name


def party_message(party: Party) -> identity_pb2.Party:
    """Return a party as the operator sees it."""
    return identity_pb2.Party(
        name=f"parties/{party.name}",
        role=_ROLES[party.role],
        suite=party.suite,
        evidence_key=party.key,
        revoked=party.revoked,
        instances=[instance_message(instance) for instance in party.instances.values()],
    )


def instance_message(instance: Instance) -> identity_pb2.Instance:
    """Return an instance."""
    return identity_pb2.Instance(
        name=f"parties/{instance.party}/instances/{instance.name}",
        evidence_key=instance.key,
        until=instance.until,
        revoked=instance.revoked,
    )
