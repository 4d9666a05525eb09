"""What leaves: the gate, its types, and people's reviews."""

from unseen.node.errors.branches import ContractRefusedError, NotFoundError


class ReviewNotFoundError(NotFoundError):
    """No held release of this id."""

    reason = "REVIEW_NOT_FOUND"


class ReleaseError(ContractRefusedError):
    """Nothing leaves, or not yet. Nothing was charged."""


class ReleaseRefusedError(ReleaseError):
    """The gate, or a person, refused the result."""

    reason = "RELEASE_REFUSED"


class GroupTooSmallError(ReleaseError):
    """Too few subjects are behind every number that was asked for."""

    reason = "GROUP_TOO_SMALL"


class ReleaseHeldError(ReleaseError):
    """The result waits for a person's signature."""

    reason = "RELEASE_HELD"


class ReleaseOffError(ReleaseError):
    """The operator lets no release of this type out."""

    reason = "RELEASE_OFF"


class ReviewClosedError(ReleaseError):
    """The held release was decided on before, or nobody did in time."""

    reason = "REVIEW_CLOSED"
