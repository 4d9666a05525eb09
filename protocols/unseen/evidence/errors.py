"""The errors of evidence: a document that is malformed, unsigned, untrusted or refused.

Every message names the document and the field, in `clause` as well, and never its value: a
field may be a commitment's nonce or a subject. The command line ends with exit code 5 on any
`EvidenceError`.
"""

from unseen.protocols.errors import UnseenError


class EvidenceError(UnseenError):
    """Base class: what was presented as evidence does not hold."""


class CanonicalError(EvidenceError):
    """Bytes are not canonical JSON, or a value has no canonical form."""

    reason = "CANONICAL_INVALID"


class SignatureInvalidError(EvidenceError):
    """A signature does not verify under the key it has to verify under."""

    reason = "SIGNATURE_INVALID"


class SuiteUnknownError(EvidenceError):
    """A document names a crypto suite that this program does not have."""

    reason = "SUITE_UNKNOWN"


class ReceiptInvalidError(EvidenceError):
    """A receipt fails one of the checks. `what` names the check or the field."""

    reason = "RECEIPT_INVALID"

    @property
    def what(self) -> str:
        """Return the name of the check or of the field that failed."""
        return self.clause


class TrustMissingError(EvidenceError):
    """A document is signed by a party, or hangs in a log, that the trust file does not list."""

    reason = "TRUST_MISSING"


class TrustInvalidError(EvidenceError):
    """The trust file itself is malformed."""

    reason = "TRUST_INVALID"


class ManifestInvalidError(EvidenceError):
    """A manifest is malformed or does not describe a table that a query could use."""

    reason = "MANIFEST_INVALID"


class AnswersInvalidError(EvidenceError):
    """What a node says it answered to queries at a hidden table is malformed or another's."""

    reason = "ANSWERS_INVALID"


class InstanceInvalidError(EvidenceError):
    """The certification of a client instance is malformed, another party's, or has ended."""

    reason = "INSTANCE_INVALID"


class RequestInvalidError(EvidenceError):
    """A request statement is malformed."""

    reason = "REQUEST_INVALID"


class LeafInvalidError(EvidenceError):
    """A leaf of the log is malformed or too large."""

    reason = "LEAF_INVALID"


class OpeningInvalidError(EvidenceError):
    """An opening does not show what it claims. `what` names the check or the field."""

    reason = "OPENING_INVALID"

    @property
    def what(self) -> str:
        """Return the name of the check or of the field that failed."""
        return self.clause


class ReleaseInvalidError(EvidenceError):
    """A release is not of the type that its plan declares, or the declaration is malformed."""

    reason = "RELEASE_INVALID"


class QuestionInvalidError(EvidenceError):
    """A question is malformed, or asks for what the contract's menu does not offer."""

    reason = "QUESTION_INVALID"


class OrderInvalidError(EvidenceError):
    """An order of openings, or the draw of its sample, is malformed or not the regulator's."""

    reason = "ORDER_INVALID"


class ResponseInvalidError(EvidenceError):
    """A response to an order is malformed, or by nobody who may give it."""

    reason = "RESPONSE_INVALID"


class ReportInvalidError(EvidenceError):
    """A report cannot be computed from this log, or is not one."""

    reason = "REPORT_INVALID"


class ObjectionInvalidError(EvidenceError):
    """A document of an objection is malformed, out of its turn, or by nobody who may sign it."""

    reason = "OBJECTION_INVALID"


class ReviewInvalidError(EvidenceError):
    """A decision on a held release is malformed, or by somebody who may not decide."""

    reason = "REVIEW_INVALID"


class MandateInvalidError(EvidenceError):
    """A mandate or its withdrawal is malformed, by another signer, or wider than its parent."""

    reason = "MANDATE_INVALID"


class RegistrationInvalidError(EvidenceError):
    """A registration certificate, its transfers or their places in a log do not hold.

    `what` names the check or the field.
    """

    reason = "REGISTRATION_INVALID"

    @property
    def what(self) -> str:
        """Return the name of the check or of the field that failed."""
        return self.clause


class SnapshotMismatchError(EvidenceError):
    """Rows are not those that the registered commitment fixed: the table was swapped or edited."""

    reason = "SNAPSHOT_MISMATCH"


class HandoverInvalidError(EvidenceError):
    """A handover, its deletion certificate or what goes along with it does not hold."""

    reason = "HANDOVER_INVALID"


class CredentialInvalidError(EvidenceError):
    """A credential says something that the receipt within it does not say."""

    reason = "CREDENTIAL_INVALID"


class LogForkedError(EvidenceError):
    """Two checkpoints of one log are not two moments of the same history."""

    reason = "LOG_FORKED"


class ContractInvalidError(EvidenceError):
    """The terms of a contract, its plan or its leakage statement are malformed."""

    reason = "CONTRACT_INVALID"


class TransitionError(EvidenceError):
    """The state machine of contracts has no such step."""

    reason = "CONTRACT_STATE"

    def __init__(self, *, state: str, event: str) -> None:
        """Record the state the contract was in and the event that it refused."""
        super().__init__(f"a contract in state {state} cannot {event}", clause="state")
        self.state = state
        self.event = event


class StopInvalidError(EvidenceError):
    """An order to stop or to resume is malformed, another one's, out of date or used before."""

    reason = "STOP_INVALID"


class ConsentInvalidError(EvidenceError):
    """A consent or a withdrawal is malformed, or by somebody who may not give it."""

    reason = "CONSENT_INVALID"


class ConsentExpiredError(EvidenceError):
    """A consent's time is over."""

    reason = "CONSENT_EXPIRED"


class DelegationInvalidError(EvidenceError):
    """A delegation is malformed, has ended, or does not reach as far as what is done under it."""

    reason = "DELEGATION_INVALID"


class ConsentProofInvalidError(EvidenceError):
    """A proof about consents does not show what it claims. `what` names the check or the field."""

    reason = "CONSENT_PROOF_INVALID"

    @property
    def what(self) -> str:
        """Return the name of the check or of the field that failed."""
        return self.clause


class SettlementError(EvidenceError):
    """Releases do not add up to a bill: one is missing, foreign or charged twice."""

    reason = "SETTLEMENT_INVALID"


class ExportInvalidError(EvidenceError):
    """An export of a log is malformed, or a part of it is missing."""

    reason = "EXPORT_INVALID"


class BundleInvalidError(EvidenceError):
    """A bundle of evidence about one request is malformed, or its parts do not fit."""

    reason = "BUNDLE_INVALID"

    @property
    def what(self) -> str:
        """Return the name of the check or of the field that failed."""
        return self.clause


class CosignatureInvalidError(EvidenceError):
    """A witness's signature under a checkpoint is malformed, untrue, or of no witness."""

    reason = "COSIGNATURE_INVALID"


class RulesInvalidError(EvidenceError):
    """A rule file is malformed or says something twice."""

    reason = "RULES_INVALID"


class TemplateInvalidError(EvidenceError):
    """A template, or an approval of one, is malformed or another's."""

    reason = "TEMPLATE_INVALID"
