"""Verifiers of orders to stop, of decisions on held releases, and of roots of consents.

Each holds a document's signature to the trust file, and to the contract that it is about, if it
is about one.
"""

from unseen.evidence import canonical, jws
from unseen.evidence.audit.context import Context
from unseen.evidence.audit.export import Document
from unseen.evidence.canonical import b64decode
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.stop import StopOrder, verify_stop
from unseen.evidence.errors import CanonicalError, ExportInvalidError
from unseen.evidence.releases.review import Review, verify_review
from unseen.evidence.suite import suite_of


def stop(document: Document, context: Context) -> StopOrder:
    """Return the order to stop or resume, signed by a party, for this node."""
    owner = context.owner(jws.peek(document.body).kid)
    order = verify_stop(document.body, suite_of(owner.suite), owner.key)
    if order.node != context.log.node:
        raise _error("the order is for another node", "node")
    return order


def review(document: Document, context: Context) -> Review:
    """Return the decision on a held release, by one who may decide under the contract."""
    terms = _terms(document, context)
    return verify_review(document.body, terms, context.owner(jws.peek(document.body).kid).key)


def consent_root(document: Document, context: Context) -> ConsentRoot:
    """Return the root of the tree of consents; it is the node's word, and the log's."""
    found = ConsentRoot.from_json(canonical.decode(document.body.encode()))
    if found.node != context.log.node:
        raise _error("the tree is another node's", "node")
    return found


def _terms(document: Document, context: Context) -> Terms:
    found = context.terms.get(b64decode(_field(document, "contract")))
    if found is None:
        raise _error("the contract is not in the export", "contract")
    return found


def _field(document: Document, name: str) -> str:
    payload = jws.peek(document.body).payload
    value = payload.get(name) if isinstance(payload, dict) else None
    if not isinstance(value, str):
        raise CanonicalError(f"{name} is missing", clause=name)
    return value


def _error(message: str, clause: str) -> ExportInvalidError:
    return ExportInvalidError(message, clause=clause)
