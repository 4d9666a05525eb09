"""What the parts of an audit share: whom to believe, what was found, what documents say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from unseen.evidence.audit.export import DOCUMENTS, Document
from unseen.evidence.audit.findings import EXPORTER, Findings
from unseen.evidence.audit.signatures import Pending, VerifyAll, verify_all
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import EvidenceError, TrustMissingError
from unseen.evidence.suite import Suite, suite_of
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty


@dataclass(slots=True)
class Read:
    """A document of the export, verified as far as its type is known, and whether a leaf names it.

    `facts` is what its verifier returned, `error` why it does not hold.
    """

    document: Document
    line: int
    facts: Any = None
    error: EvidenceError | None = None
    named: bool = False


@dataclass(slots=True)
class Context:
    """The parts' common ground. `node` is the party whose log this is.

    `documents` and `terms` are those of the export, by their ids; documents are read in the order
    of the log, after the contracts. While a leaf is read that does not have its stated hash,
    `altered` is set: what it says is not what the node logged.
    """

    trust: Trust
    log: TrustedLog
    node: TrustedParty
    suite: Suite
    findings: Findings
    pending: Pending
    documents: dict[bytes, Read] = field(default_factory=dict)
    terms: dict[bytes, Terms] = field(default_factory=dict)
    altered: bool = False

    @classmethod
    def of(
        cls, trust: Trust, origin: str, findings: Findings, verify: VerifyAll = verify_all
    ) -> Self:
        """Return what is needed to check the log `origin`.

        Raises:
            TrustMissingError: the trust file lists no such log, or not its node.

        """
        log = trust.log(origin)
        node, pending = trust.party(log.node, "node"), Pending(findings, verify)
        return cls(trust, log, node, suite_of(log.suite), findings, pending)

    def fail(self, rule: str, index: int, what: str, *, party: str = "", where: str = "") -> None:
        """Note that `what` is wrong with the leaf at `index`; the node answers for its log."""
        self.findings.add(rule, party or self.author, index, what, where)

    @property
    def author(self) -> str:
        """Who answers for what the present leaf says."""
        return EXPORTER if self.altered else self.node.name

    def owner(self, key: str) -> TrustedParty:
        """Return the trusted party whose key is called `key`, whatever its role.

        Raises:
            TrustMissingError: the trust file lists no such key.

        """
        found = self.trust.parties.get(key)
        if found is None:
            raise TrustMissingError(
                f"the trust file does not list the key {key}",
                clause="parties",
                remedy="add the key to the trust file, if you know whose it is",
            )
        return found

    def document(self, kind: str, identifier: bytes, index: int, owner: str = "") -> Any:
        """Return what the document says that the leaf at `index` names, or None if it fails.

        Whatever is wrong with it has then been noted. `owner` is whose document the leaf says it
        is.
        """
        read = self.named(identifier, index, owner)
        if read is None or read.document.type == kind:
            return read and read.facts
        what = f"names a document of type {read.document.type} as {kind}"
        self.fail("document.type", index, what, where=f"{DOCUMENTS}:{read.line}")
        return None

    def named(self, identifier: bytes, index: int, owner: str = "") -> Read | None:
        """Return the document that the leaf at `index` names, of whatever type."""
        read = self.documents.get(identifier)
        if read is None:
            what = "names a document that the export lacks"
            self.fail("document.missing", index, what, party=EXPORTER)
            return None
        if not read.named:
            read.named, where = True, f"{DOCUMENTS}:{read.line}"
            if read.document.index != index:
                what = "the document it names is told to be another leaf's"
                self.fail("document.index", index, what, party=EXPORTER, where=where)
            if read.error is not None:
                what = f"the document of type {read.document.type} that it names"
                self.refuse(index, what, read.error, owner=owner, where=where)
        return read

    def refuse(
        self, index: int, what: str, error: EvidenceError, *, owner: str = "", where: str = ""
    ) -> None:
        """Note that `what`, which the leaf at `index` rests on, fails with `error`.

        The node answers for it, unless `owner` is only not trusted.
        """
        if isinstance(error, TrustMissingError):
            self.fail("trust.missing", index, f"{what}: {error}", party=owner, where=where)
        else:
            self.fail("document.invalid", index, f"{what} does not hold: {error}", where=where)


Verifier = Callable[[Document, Context], Any]
"""Returns what a document says once its signatures hold; raises `EvidenceError` if they do not."""
