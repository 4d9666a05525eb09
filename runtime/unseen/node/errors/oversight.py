"""What is opened to others, and what is objected to."""

from unseen.node.errors.branches import ContractRefusedError, NotFoundError


class OrderNotFoundError(NotFoundError):
    """No order of this id, or it is not the caller's to see."""

    reason = "ORDER_NOT_FOUND"


class ReleaseNotFoundError(NotFoundError):
    """No release of this request id under the contract."""

    reason = "RELEASE_NOT_FOUND"


class PartNotFoundError(NotFoundError):
    """No part of an opening with this place: not handed over, or not kept."""

    reason = "PART_NOT_FOUND"


class ObjectionNotFoundError(NotFoundError):
    """No objection of this id, or it is not the caller's to see."""

    reason = "OBJECTION_NOT_FOUND"


class OrderStateError(ContractRefusedError):
    """The order is past this, or not there yet: drawn, answered, or without a sample."""

    reason = "ORDER_STATE"


class ObjectionStateError(ContractRefusedError):
    """The objection has moved on: another document came first."""

    reason = "OBJECTION_STATE"
