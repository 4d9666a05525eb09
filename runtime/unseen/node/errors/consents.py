"""What data subjects allow: consents and delegations."""

from unseen.node.errors.branches import ExistsError, NotFoundError, RefusedError


class ConsentReplayedError(ExistsError):
    """This very consent, or delegation, was handed over before."""

    reason = "CONSENT_REPLAYED"


class ConsentNotFoundError(NotFoundError):
    """No consent of this id, or no root of this number."""

    reason = "CONSENT_NOT_FOUND"


class DelegationNotFoundError(NotFoundError):
    """No delegation of this id."""

    reason = "DELEGATION_NOT_FOUND"


class ConsentError(RefusedError):
    """The consent does not fit what the node knows."""


class DelegationWithdrawnError(ConsentError):
    """A delegation of the chain was taken back."""

    reason = "DELEGATION_WITHDRAWN"


class ConsentScopeError(ConsentError):
    """The consent names a recipient, table, product or subject that this node does not know."""

    reason = "CONSENT_SCOPE"


class ConsentBulkError(ConsentError):
    """Some lines of many cannot be taken; none was. Names the lines, never what is in them."""

    reason = "CONSENT_BULK"


class ConsentChangedError(ConsentError):
    """Rows were chosen by consents that are others by now, for longer than the contract allows."""

    reason = "CONSENT_CHANGED"
