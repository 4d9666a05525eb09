"""Who calls: certificates, rights, invitations, parties and their instances."""

from unseen.node.errors.branches import ExistsError, NotFoundError, RefusedError


class CallerError(RefusedError):
    """The calling certificate does not give the right to do this."""


class CertificateUnknownError(CallerError):
    """The certificate chains to this node's authority but belongs to no enrolled party."""

    reason = "CERTIFICATE_UNKNOWN"


class CertificateRevokedError(CallerError):
    """The party or its instance was revoked."""

    reason = "CERTIFICATE_REVOKED"


class RightMissingError(CallerError):
    """The caller's role does not include this call, or the object is another party's."""

    reason = "RIGHT_MISSING"


class RpcUnknownError(CallerError):
    """No row in the rights table: denied."""

    reason = "RPC_UNKNOWN"


class InvitationInvalidError(CallerError):
    """The invitation was used, has expired, or is for another party."""

    reason = "INVITATION_INVALID"


class InstanceUnknownError(CallerError):
    """The client instance has not shown the buyer's certification."""

    reason = "INSTANCE_UNKNOWN"


class PartyExistsError(ExistsError):
    """A party of this name is enrolled."""

    reason = "PARTY_EXISTS"


class PartyNotFoundError(NotFoundError):
    """No party or instance of this name."""

    reason = "PARTY_NOT_FOUND"
