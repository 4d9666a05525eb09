"""The branches of the tree of errors: refused, not now, or broken, and why in general."""

from unseen.protocols.errors import UnseenError


class RefusedError(UnseenError):
    """A rule forbids what was asked. Nothing was charged."""


class ExistsError(RefusedError):
    """The name is taken."""


class NotFoundError(RefusedError):
    """No such object, or the caller may not know that it exists."""


class FieldInvalidError(RefusedError):
    """A field of the request is missing, malformed or out of range."""

    reason = "FIELD_INVALID"


class ContractRefusedError(RefusedError):
    """The contract does not allow this request now."""


class LimitError(RefusedError):
    """A limit of the contract is reached."""


class BusyError(UnseenError):
    """Not now; the same request may succeed later. Nothing was charged."""


class NodeFaultError(UnseenError):
    """The node cannot work; an operator must act."""
