"""What is agreed: contracts, templates, mandates, rules; and asking under a contract."""

from unseen.node.errors.branches import (
    ContractRefusedError,
    ExistsError,
    LimitError,
    NotFoundError,
    RefusedError,
)


class TemplateExistsError(ExistsError):
    """A template of this name is in force."""

    reason = "TEMPLATE_EXISTS"


class ContractNotFoundError(NotFoundError):
    """No contract of this id, or it is another party's."""

    reason = "CONTRACT_NOT_FOUND"


class TemplateNotFoundError(NotFoundError):
    """No template of this name."""

    reason = "TEMPLATE_NOT_FOUND"


class MandateNotFoundError(NotFoundError):
    """No mandate of this id."""

    reason = "MANDATE_NOT_FOUND"


class ReplyNotFoundError(NotFoundError):
    """No stored reply: its epoch has ended."""

    reason = "REPLY_NOT_FOUND"


class LabelRefusedError(RefusedError):
    """The columns' labels forbid this use."""

    reason = "LABEL_REFUSED"


class PurposeDeniedError(RefusedError):
    """The deny-list forbids this purpose for such columns."""

    reason = "PURPOSE_DENIED"


class RegulatorMissingError(ContractRefusedError):
    """Openings are asked for, and nobody is enrolled who could order them."""

    reason = "REGULATOR_MISSING"


class ContractNotActiveError(ContractRefusedError):
    """The contract is not in force: unsigned, suspended or revoked."""

    reason = "CONTRACT_NOT_ACTIVE"


class ContractNotStartedError(ContractRefusedError):
    """The contract's period has not begun."""

    reason = "CONTRACT_NOT_STARTED"


class ContractExpiredError(ContractRefusedError):
    """The contract's period is over."""

    reason = "CONTRACT_EXPIRED"


class MandateRefusedError(ContractRefusedError):
    """The table is under mandates, and none that is in force permits this contract."""

    reason = "MANDATE_REFUSED"


class MandateEndedError(ContractRefusedError):
    """A mandate that was handed over has expired, or it or one above it was withdrawn."""

    reason = "MANDATE_ENDED"


class KindRefusedError(ContractRefusedError):
    """The contract is for another job kind, or the product does not offer this one."""

    reason = "KIND_REFUSED"


class OutputUnknownError(ContractRefusedError):
    """An output asked for is not among the product's predicates."""

    reason = "OUTPUT_UNKNOWN"


class OrderMissingError(ContractRefusedError):
    """The labels demand an exchange order id, and the contract names none."""

    reason = "ORDER_MISSING"


class ApproverMissingError(ContractRefusedError):
    """The labels demand a signer that this node does not have, or the contract leaves out."""

    reason = "APPROVER_MISSING"


class TemplateEndedError(ContractRefusedError):
    """The template has expired, was withdrawn, or is not approved yet."""

    reason = "TEMPLATE_ENDED"


class TemplateExceededError(ContractRefusedError):
    """The contract does not stay within its template."""

    reason = "TEMPLATE_EXCEEDED"


class ManifestStaleError(ContractRefusedError):
    """The request names a manifest that is not the present epoch's."""

    reason = "MANIFEST_STALE"


class RequestIdReusedError(ContractRefusedError):
    """The request id was used with another body."""

    reason = "REQUEST_ID_REUSED"


class RequestOutdatedError(ContractRefusedError):
    """The request was signed too long ago, or in the future."""

    reason = "REQUEST_OUTDATED"


class NodeStoppedError(ContractRefusedError):
    """The node is stopped by order: nothing is computed or released until it is resumed."""

    reason = "NODE_STOPPED"


class ReplyHeldError(ContractRefusedError):
    """The request is charged, and its stored reply is held while node or contract is stopped."""

    reason = "REPLY_HELD"


class QuotaExhaustedError(LimitError):
    """The request asks for more units than the contract has left."""

    reason = "QUOTA_EXHAUSTED"


class RateExceededError(LimitError):
    """More units within a minute than the contract allows."""

    reason = "RATE_EXCEEDED"


class AnswersExhaustedError(LimitError):
    """A hidden table has answered as many queries as go with what was charged."""

    reason = "ANSWERS_EXHAUSTED"


class SubjectsExhaustedError(LimitError):
    """The buyer has asked about as many distinct subjects as the labels allow."""

    reason = "SUBJECTS_EXHAUSTED"


class BitsExhaustedError(LimitError):
    """The contract's releases have said as many bits as its plan grants."""

    reason = "BITS_EXHAUSTED"
