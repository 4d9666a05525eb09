"""Verifiers of mandates, registration certificates and handovers among a log's documents.

Each is held to the key that has to have signed it: the grantor's, the log's own node's, the
holder's before, the operator's. Which contracts a mandate permits is checked where contracts are.
"""

from typing import Any

from unseen.evidence import jws
from unseen.evidence.audit.context import Context, Verifier
from unseen.evidence.audit.export import Document
from unseen.evidence.errors import MandateInvalidError, RegistrationInvalidError
from unseen.evidence.registry.certificate import Held, Transfer, verify_certificate
from unseen.evidence.registry.handover import Deletion, Handover, verify_deletion, verify_handover
from unseen.evidence.registry.mandate import (
    Mandate,
    Withdrawal,
    peek_mandate,
    peek_withdrawal,
    verify_mandate,
    verify_withdrawal,
)
from unseen.evidence.suite import suite_of


def mandate(document: Document, context: Context) -> Mandate:
    """Return the mandate, signed by a grantor that is trusted."""
    grantor = context.owner(peek_mandate(document.body).grantor)
    return verify_mandate(document.body, grantor.key)


def withdrawal(document: Document, context: Context) -> Withdrawal:
    """Return the withdrawal, signed by the grantor of a mandate that the log holds."""
    identifier = peek_withdrawal(document.body).mandate
    found = _facts(context, identifier)
    if type(found) is not Mandate:
        raise MandateInvalidError("withdrawal: mandate is not in the log", clause="mandate")
    key = context.owner(found.grantor).key
    return verify_withdrawal(document.body, identifier, found, key)


def certificate(document: Document, context: Context) -> Held:
    """Return where the chain of a certificate begins that the log's own node signed."""
    found = verify_certificate(document.body, context.suite, context.node.key)
    return Held.first(document.body, found)


def transfer(document: Document, context: Context) -> Held | Transfer:
    """Return where the chain stands after a transfer that its holder signed.

    A certificate that came with a node taken over has its chain's beginning in another log: of
    that only the form is held to account here. A bundle of the certificate shows the whole chain.
    """
    link = Transfer.from_json(jws.peek(document.body).payload)
    before = _facts(context, link.previous)
    if type(before) is Held:
        return before.take(document.body)
    if any(read.document.type == "handover" for read in context.documents.values()):
        return link
    raise RegistrationInvalidError("transfer: previous is not in the log", clause="previous")


def handover(document: Document, context: Context) -> Handover:
    """Return the handover, signed by an operator that is trusted: this node's or a predecessor."""
    operator = context.owner(jws.peek(document.body).kid)
    return verify_handover(document.body, suite_of(operator.suite), operator.key)


def deletion(document: Document, context: Context) -> Deletion:
    """Return the deletion certificate, signed by an operator that is trusted."""
    operator = context.owner(jws.peek(document.body).kid)
    return verify_deletion(document.body, suite_of(operator.suite), operator.key)


REGISTRY: dict[str, Verifier] = {
    "mandate": mandate,
    "mandate-withdrawal": withdrawal,
    "certificate": certificate,
    "certificate-transfer": transfer,
    "handover": handover,
    "deletion": deletion,
}
"""The verifiers of this module, by the type of document."""


def _facts(context: Context, identifier: bytes) -> Any:
    read = context.documents.get(identifier)
    return None if read is None else read.facts
