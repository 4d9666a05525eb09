"""Documents that leaves name, each verified by a function of its type.

A topic that stores documents adds its verifier to `VERIFIERS`. A document of a type that is not
there is still held to its id, which the log commits to; the report says how many there are.
"""

from datetime import UTC, datetime

from unseen.evidence import jws
from unseen.evidence.audit import signed
from unseen.evidence.audit.context import Context, Read, Verifier
from unseen.evidence.audit.export import DOCUMENTS, Document, Export, parse_document
from unseen.evidence.audit.findings import EXPORTER
from unseen.evidence.audit.oversight import objection, readable
from unseen.evidence.audit.registry import REGISTRY
from unseen.evidence.audit.templates import rules, template, template_approval
from unseen.evidence.errors import EvidenceError, ExportInvalidError
from unseen.evidence.releases.instance import Instance, verify_instance
from unseen.evidence.releases.manifest import Manifest, verify_manifest
from unseen.evidence.suite import suite_of

_EVER = datetime.min.replace(tzinfo=UTC)  # when it ends is asked of each leaf that rests on it


def instance(document: Document, context: Context) -> Instance:
    """Return the certified instance of a party that is trusted."""
    party = context.owner(jws.peek(document.body).kid)
    return verify_instance(document.body, party.key, _EVER, suite=suite_of(party.suite))


def manifest(document: Document, context: Context) -> Manifest:
    """Return the manifest, signed by the log's own node."""
    return verify_manifest(document.body, context.suite, context.node.key)


VERIFIERS: dict[str, Verifier] = {
    "consent-root": signed.consent_root,
    "instance": instance,
    "manifest": manifest,
    "review": signed.review,
    "stop": signed.stop,
    "draw": readable,
    "objection": objection,
    "order": readable,
    "response": readable,
    "rules": rules,
    "template": template,
    "template-approval": template_approval,
    **REGISTRY,
}
"""One verifier a type of document. What has none is held to its id alone."""


def read_documents(export: Export, context: Context) -> None:
    """Read and verify every document into `context.documents`.

    A malformed line is noted and left out, so that the leaf that names its document finds it
    missing. A document that does not hold is noted when a leaf names it.
    """
    before = -1
    try:
        for number, line in enumerate(export.lines(DOCUMENTS), 1):
            before = _read(line, number, before, context)
    except ExportInvalidError as error:
        context.fail("export.documents", 0, str(error), party=EXPORTER, where=error.clause)


def _read(line: bytes, number: int, before: int, context: Context) -> int:
    try:
        document = parse_document(line, before)
    except EvidenceError as error:
        where = f"{DOCUMENTS}:{number}"
        context.fail("export.documents", 0, str(error), party=EXPORTER, where=where)
        return before
    if document.id in context.documents:
        what, where = "holds a document twice", f"{DOCUMENTS}:{number}"
        context.fail("export.documents", document.index, what, party=EXPORTER, where=where)
    read = context.documents[document.id] = Read(document, number)
    verifier = VERIFIERS.get(document.type)
    if verifier is not None:
        try:
            read.facts = verifier(document, context)
        except EvidenceError as error:
            read.error = error
    return document.index
