"""Joint rounds over several nodes, as one node refuses them."""

from unseen.node.errors.branches import ContractRefusedError, NotFoundError


class RoundNotFoundError(NotFoundError):
    """This node is in no round of this id: it began anew since, or the round took too long."""

    reason = "ROUND_NOT_FOUND"


class JointRefusedError(ContractRefusedError):
    """The contract is over no joint rounds, or this round is none that it allows."""

    reason = "JOINT_REFUSED"
