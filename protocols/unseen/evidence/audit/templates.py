"""Rule files, templates and the signatures over templates, as an audit reads them.

A contract that follows a template carries the template's signatures. They count if the template
is the document that the terms name, and the contract stays within every limit of it.
"""

from unseen.evidence import canonical, jws
from unseen.evidence.audit.context import Context
from unseen.evidence.audit.export import ContractRecord, Document
from unseen.evidence.audit.leaves import Event
from unseen.evidence.canonical import b64decode
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.limits import verify_standing
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.rules import RuleFile
from unseen.evidence.contracts.ruling import RuleSet, breaches
from unseen.evidence.contracts.template import Template, verify_template_approval
from unseen.evidence.errors import CanonicalError, TemplateInvalidError


def rules(document: Document, _context: Context) -> RuleSet:
    """Return the rule file, ready to be asked; it is not signed, the log names its hash."""
    return RuleSet(RuleFile.from_json(canonical.decode(document.body.encode())))


class Rulebook:
    """The rule file in force at the present leaf, and the templates that were withdrawn."""

    def __init__(self, context: Context) -> None:
        """Start before any was loaded: logs of older releases have none."""
        self._context = context
        self._digest = b""
        self._withdrawn: set[bytes] = set()

    def loaded(self, index: int, leaf: Event) -> None:
        """Take note of the rule file that a leaf puts into force."""
        try:
            self._digest = b64decode(str(leaf.fields.get("document")))
        except CanonicalError:
            self._context.fail("rules.loaded", index, "names no rule file")

    def withdrawn(self, index: int, leaf: Event) -> None:
        """Take note that no contract may follow a template any more."""
        try:
            self._withdrawn.add(b64decode(str(leaf.fields.get("document"))))
        except CanonicalError:
            self._context.fail("template.withdrawn", index, "names no template")

    def check(self, index: int, record: ContractRecord) -> None:
        """Hold a contract to the rules and templates in force when it was proposed."""
        terms = record.terms
        if terms.template in self._withdrawn:
            what = "the template of the terms was withdrawn before"
            self._context.fail("contract.template", index, what)
        if terms.rules != self._digest:
            what = "the terms name another rule file than the one in force"
            self._context.fail("contract.rules", index, what)
            return
        read = self._context.documents.get(self._digest)
        if read is None or not isinstance(read.facts, RuleSet):
            return  # the leaf that loaded it has been found to lack it, or there are no rules
        for breach in breaches(read.facts, terms, record.plan, record.leakage):
            what = f"is against the rules, {breach.clause}: {breach.what}"
            self._context.fail("contract.rules", index, what)


def template(document: Document, _context: Context) -> Template:
    """Return the template; its signatures are documents of their own."""
    return Template.decode(document.body.encode())


def template_approval(document: Document, context: Context) -> Template:
    """Return the template that this signature is over, by its operator or its approver."""
    token = jws.peek(document.body)
    payload = token.payload if isinstance(token.payload, dict) else {}
    found = _template(context, b64decode(str(payload.get("template"))))
    key = context.owner(token.kid).key
    verify_template_approval(document.body, found, str(payload.get("role")), key)
    return found


def check_standing(context: Context, token: str, terms: Terms, plan: Plan, role: str) -> None:
    """Return if the template's signature by `role` stands for a contract.

    Raises:
        TemplateInvalidError: the export lacks the template, or the contract is not within it.
        SignatureInvalidError: the signature fails.
        TrustMissingError: the trust file lists no such key.

    """
    found = _template(context, terms.template)
    key = context.owner(getattr(terms, role)).key
    verify_standing(token, terms, plan, found, role, key)


def _template(context: Context, identifier: bytes) -> Template:
    read = context.documents.get(identifier)
    if read is None or not isinstance(read.facts, Template):
        raise TemplateInvalidError("template: is not in the export", clause="template")
    return read.facts
