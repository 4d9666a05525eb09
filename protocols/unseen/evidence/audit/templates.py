"""Rule files, templates and the signatures over templates, as an audit reads them.

A contract that follows a template carries the template's signatures. They count if the template
is the document that the terms name, and the contract stays within every limit of it.
"""

from unseen.evidence import canonical, jws
from unseen.evidence.audit.context import Context
from unseen.evidence.canonical import b64decode
from unseen.evidence.contract import Terms
from unseen.evidence.errors import TemplateInvalidError
from unseen.evidence.export import Document
from unseen.evidence.limits import verify_standing
from unseen.evidence.plan import Plan
from unseen.evidence.rules import RuleFile
from unseen.evidence.template import Template, verify_template_approval


def rules(document: Document, _context: Context) -> RuleFile:
    """Return the rule file; it is not signed, the log names its hash."""
    return RuleFile.from_json(canonical.decode(document.body.encode()))


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
