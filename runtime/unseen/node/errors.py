"""What a node refuses or fails with, beyond the protocol's and the evidence's own errors.

Each leaf class is one reason of `proto/unseen/v1/reason.proto`; `status.py` gives its gRPC code
and `docs/errors.md` its row. Messages never quote data: names of tables, columns and clauses only.
"""

import errno

from unseen.protocols.errors import UnseenError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class RefusedError(UnseenError):
    """A rule forbids what was asked. Nothing was charged."""


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


class ExistsError(RefusedError):
    """The name is taken."""


class PartyExistsError(ExistsError):
    """A party of this name is enrolled."""

    reason = "PARTY_EXISTS"


class TableExistsError(ExistsError):
    """A table of this name is registered."""

    reason = "TABLE_EXISTS"


class ProductExistsError(ExistsError):
    """A product of this name is registered."""

    reason = "PRODUCT_EXISTS"


class TemplateExistsError(ExistsError):
    """A template of this name is in force."""

    reason = "TEMPLATE_EXISTS"


class NotFoundError(RefusedError):
    """No such object, or the caller may not know that it exists."""


class PartyNotFoundError(NotFoundError):
    """No party or instance of this name."""

    reason = "PARTY_NOT_FOUND"


class TableNotFoundError(NotFoundError):
    """No table of this name."""

    reason = "TABLE_NOT_FOUND"


class ProductNotFoundError(NotFoundError):
    """No product of this name."""

    reason = "PRODUCT_NOT_FOUND"


class ContractNotFoundError(NotFoundError):
    """No contract of this id, or it is another party's."""

    reason = "CONTRACT_NOT_FOUND"


class TemplateNotFoundError(NotFoundError):
    """No template of this name."""

    reason = "TEMPLATE_NOT_FOUND"


class MandateNotFoundError(NotFoundError):
    """No mandate of this id."""

    reason = "MANDATE_NOT_FOUND"


class RegistrationNotFoundError(NotFoundError):
    """No registration certificate of this id, or the caller may not see it."""

    reason = "REGISTRATION_NOT_FOUND"


class ReplyNotFoundError(NotFoundError):
    """No stored reply: its epoch has ended."""

    reason = "REPLY_NOT_FOUND"


class JobNotFoundError(NotFoundError):
    """No job of this id, or it is another party's."""

    reason = "JOB_NOT_FOUND"


class ResultNotFoundError(NotFoundError):
    """The job has no result to fetch: not yet, or not any more."""

    reason = "RESULT_NOT_FOUND"


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


class ReviewNotFoundError(NotFoundError):
    """No held release of this id."""

    reason = "REVIEW_NOT_FOUND"


class FieldInvalidError(RefusedError):
    """A field of the request is missing, malformed or out of range."""

    reason = "FIELD_INVALID"


class TableError(RefusedError):
    """The table cannot be used as it is."""


class TableUnreadableError(TableError):
    """The table's file is missing, not readable, or not of the stated format."""

    reason = "TABLE_UNREADABLE"


class TableChangedError(TableError):
    """The table's rows are no longer those of the registered snapshot."""

    reason = "TABLE_CHANGED"


class ColumnUnknownError(TableError):
    """A label or subject names a column that the table does not have."""

    reason = "COLUMN_UNKNOWN"


class SubjectNullError(TableError):
    """A subject column holds nulls."""

    reason = "SUBJECT_NULL"


class SeedDestroyedError(TableError):
    """The key that a lookup table was built with has been destroyed: nothing can be replayed."""

    reason = "SEED_DESTROYED"


class LabelRefusedError(RefusedError):
    """The columns' labels forbid this use."""

    reason = "LABEL_REFUSED"


class PurposeDeniedError(RefusedError):
    """The deny-list forbids this purpose for such columns."""

    reason = "PURPOSE_DENIED"


class PredicateInvalidError(TableError):
    """A predicate is not a boolean expression over the table's columns."""

    reason = "PREDICATE_INVALID"


class PredicateFailsError(TableError):
    """A predicate raises an error on some rows."""

    reason = "PREDICATE_FAILS"


class ContractRefusedError(RefusedError):
    """The contract does not allow this request now."""


class RegulatorMissingError(ContractRefusedError):
    """Openings are asked for, and nobody is enrolled who could order them."""

    reason = "REGULATOR_MISSING"


class OrderStateError(ContractRefusedError):
    """The order is past this, or not there yet: drawn, answered, or without a sample."""

    reason = "ORDER_STATE"


class ObjectionStateError(ContractRefusedError):
    """The objection has moved on: another document came first."""

    reason = "OBJECTION_STATE"


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


class JobError(RefusedError):
    """The job's state does not allow this."""


class JobStateError(JobError):
    """The job's state knows no such step."""

    reason = "JOB_STATE"


class JobCancelledError(JobError):
    """The job was cancelled, by a party or with its contract."""

    reason = "JOB_CANCELLED"


class JobLeaseLostError(JobError):
    """The lease named is not the job's: another run has it, or the job has ended."""

    reason = "JOB_LEASE_LOST"


class JobAbandonedError(JobError):
    """The job was begun as often as it may be, and no run of it came to an end."""

    reason = "JOB_ABANDONED"


class ResultTooLargeError(JobError):
    """A job's result is larger than the node keeps."""

    reason = "RESULT_TOO_LARGE"


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


class ReleaseError(ContractRefusedError):
    """Nothing leaves, or not yet. Nothing was charged."""


class ReleaseRefusedError(ReleaseError):
    """The gate, or a person, refused the result."""

    reason = "RELEASE_REFUSED"


class ReleaseHeldError(ReleaseError):
    """The result waits for a person's signature."""

    reason = "RELEASE_HELD"


class ReleaseOffError(ReleaseError):
    """The operator lets no release of this type out."""

    reason = "RELEASE_OFF"


class ReviewClosedError(ReleaseError):
    """The held release was decided on before, or nobody did in time."""

    reason = "REVIEW_CLOSED"


class LimitError(RefusedError):
    """A limit of the contract is reached."""


class QuotaExhaustedError(LimitError):
    """The request asks for more units than the contract has left."""

    reason = "QUOTA_EXHAUSTED"


class RateExceededError(LimitError):
    """More units within a minute than the contract allows."""

    reason = "RATE_EXCEEDED"


class BitsExhaustedError(LimitError):
    """The contract's releases have said as many bits as its plan grants."""

    reason = "BITS_EXHAUSTED"


class BusyError(UnseenError):
    """Not now; the same request may succeed later. Nothing was charged."""


class EpochNotReadyError(BusyError):
    """The epoch's encrypted table is still being built."""

    reason = "EPOCH_NOT_READY"


class DrainingError(BusyError):
    """The node is shutting down and takes no new work."""

    reason = "DRAINING"


class OverloadedError(BusyError):
    """More work is in flight than the node accepts."""

    reason = "OVERLOADED"


class DeadlineError(UnseenError):
    """The call took longer than the node allows; it may or may not have been charged."""

    reason = "DEADLINE"


class NodeFaultError(UnseenError):
    """The node cannot work; an operator must act."""


class StorageFullError(NodeFaultError):
    """The state store could not be written."""

    reason = "STORAGE_FULL"


class StateLockedError(NodeFaultError):
    """Another node process holds this state."""

    reason = "STATE_LOCKED"


class ClockSetBackError(NodeFaultError):
    """The clock is behind the newest leaf of the log."""

    reason = "CLOCK_SET_BACK"


class LogMismatchError(NodeFaultError):
    """The stored leaves do not lead to the last checkpoint that was signed."""

    reason = "LOG_MISMATCH"


class ConfigInvalidError(NodeFaultError):
    """The node's configuration cannot be used."""

    reason = "CONFIG_INVALID"


class KeyLockedError(NodeFaultError):
    """The key file or passphrase does not open the node's keys."""

    reason = "KEY_LOCKED"


class HandedOverError(NodeFaultError):
    """The node was handed over to a successor and serves nobody any more."""

    reason = "NODE_HANDED_OVER"


class InternalError(NodeFaultError):
    """A bug, or a worker that died. The incident id stands in the node's own output."""

    reason = "INTERNAL"


def disk_full(error: BaseException) -> StorageFullError | None:
    """Return the error for a file that could not be written for want of space, if it is that."""
    if not isinstance(error, OSError) or error.errno not in _FULL:
        return None
    return StorageFullError(
        "there is no space left for the node's files",
        clause="node.home",
        remedy="free disk space under the node's home, then try again; nothing was charged",
    )
