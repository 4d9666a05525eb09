"""Registration certificates in a log: what was certified, and that each chain has one end.

A holder that hands one certificate to two others needs a node that logs both: the second one
follows a link that is not the newest, and is found. What came with a node taken over began in
another log: of that chain the first link here is taken as it stands, and what follows is checked.
"""

from unseen.evidence import jws
from unseen.evidence.audit.context import Context
from unseen.evidence.audit.contracts import Contracts
from unseen.evidence.audit.export import Document
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.tables import Tables
from unseen.evidence.canonical import Json, b64encode, encode
from unseen.evidence.errors import EvidenceError
from unseen.evidence.registry.certificate import (
    Certificate,
    Held,
    Transfer,
    issued_leaf,
    transferred_leaf,
)

_FRAME = {"v", "suite", "type", "time"}


class Certificates:
    """The chains at the present leaf, by the certificates' ids."""

    def __init__(self, context: Context, origin: str, tables: Tables, contracts: Contracts) -> None:
        """Start with none; `origin` is the log's."""
        self._context, self._origin = context, origin
        self._tables, self._contracts = tables, contracts
        self._chains: dict[bytes, Held] = {}
        self._inherits = False

    def issued(self, index: int, leaf: Event) -> None:
        """Take note of a certificate, if it is of this log, of what is registered, and new."""
        document = self._document(leaf, Held)
        if document is None:
            return
        fail = self._context.fail
        certificate = Certificate.from_json(jws.peek(document.body).payload)
        if not _says(leaf, issued_leaf(document.body, certificate, leaf.time)):
            fail("certificate.leaf", index, "is not what the certificate says")
        if certificate.log != self._origin:
            fail("certificate.log", index, "certifies what another log registers")
        if not self._registered(certificate):
            fail("certificate.object", index, "certifies what was not registered before")
        if document.id in self._chains:
            fail("certificate.again", index, "issues a certificate again")
            return
        self._chains[document.id] = Held.first(document.body, certificate)

    def transferred(self, index: int, leaf: Event) -> None:
        """Take note of the next holder, if the present one has signed for it."""
        document = self._document(leaf, Held, Transfer)
        if document is None:
            return
        link = Transfer.from_json(jws.peek(document.body).payload)
        before = self._chains.get(link.certificate)
        try:
            after = before.take(document.body) if before else self._inherited(document, link)
        except EvidenceError as error:
            self._context.fail("certificate.chain", index, str(error))
            return
        if after is None:
            what = "hands on a certificate that this log has not issued"
            self._context.fail("certificate.chain", index, what)
            return
        if not _says(leaf, transferred_leaf(document.body, after, leaf.time)):
            self._context.fail("certificate.leaf", index, "is not what the transfer says")
        self._chains[link.certificate] = after

    def inherited(self, _index: int, _leaf: Event) -> None:
        """Take note that certificates of another log go on in this one."""
        self._inherits = True

    def _inherited(self, document: Document, link: Transfer) -> Held | None:
        if not self._inherits:
            return None
        return Held(self._context.suite, link.certificate, document.id, link.holder)

    def _registered(self, certificate: Certificate) -> bool:
        digest = b64encode(certificate.digest)
        if certificate.object == "table":
            return self._tables.has(certificate.name, digest.encode())
        if certificate.object == "product":
            return self._tables.defines(certificate.name, digest)
        return digest.encode() in self._contracts.by_id

    def _document(self, leaf: Event, *kinds: type) -> Document | None:
        """Return the document that a leaf names; one that does not hold is noted elsewhere."""
        read = self._context.documents.get(leaf.named())
        return read.document if read is not None and isinstance(read.facts, kinds) else None


def _says(leaf: Event, wanted: dict[str, Json]) -> bool:
    """Return whether a leaf has the fields of `wanted` and no others, as bytes."""
    own = {name: value for name, value in wanted.items() if name not in _FRAME}
    return encode(leaf.fields) == encode(own)
