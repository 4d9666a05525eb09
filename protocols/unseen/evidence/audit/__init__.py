"""The audit of an export: every leaf, contract, release and document of a log, recomputed."""

from unseen.evidence.audit.check import Policy, check_export
from unseen.evidence.audit.findings import EXPORTER, Finding
from unseen.evidence.audit.report import Report
from unseen.evidence.audit.signatures import Signature, verify_all

__all__ = ["EXPORTER", "Finding", "Policy", "Report", "Signature", "check_export", "verify_all"]
