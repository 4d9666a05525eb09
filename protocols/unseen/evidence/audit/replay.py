"""The log replayed: each leaf is held to everything the leaves before it established."""

from collections.abc import Callable

from unseen.evidence.audit.certificates import Certificates
from unseen.evidence.audit.context import Context
from unseen.evidence.audit.contracts import Contracts
from unseen.evidence.audit.documents import read_documents
from unseen.evidence.audit.export import DOCUMENTS, PARTIES, Export, node_name
from unseen.evidence.audit.findings import EXPORTER
from unseen.evidence.audit.handovers import Handovers
from unseen.evidence.audit.leaves import Event, Release
from unseen.evidence.audit.mandates import Mandates
from unseen.evidence.audit.oversight import Oversight
from unseen.evidence.audit.parties import Parties
from unseen.evidence.audit.releases import Releases
from unseen.evidence.audit.stops import Stops
from unseen.evidence.audit.tables import Tables
from unseen.evidence.errors import EvidenceError

Handler = Callable[["Replay", int, Event], None]

_DOCUMENTS = {
    "certificate.issued": "certificate",
    "certificate.transferred": "certificate-transfer",
    "consent.root": "consent-root",
    "contract.resumed": "stop",
    "contract.suspended": "stop",
    "deletion.attested": "deletion",
    "node.handover": "handover",
    "node.resumed": "stop",
    "node.stopped": "stop",
    "node.takeover": "handover",
    "release.reviewed": "review",
    "rules.loaded": "rules",
    "stop.lifted": "stop",
    "template.added": "template",
    "template.approved": "template-approval",
    "template.withdrawn": "template",
}
"""What a leaf of each type names, so that no export calls a document by a type nobody verifies."""
_MAY_LACK = frozenset({"contract.resumed", "contract.suspended", "release.reviewed", "stop.lifted"})
_BY_HANDLER = ("instance.", "mandate.", "objection.", "opening.")  # these say what is wrong


class Replay:
    """Everything that is known at the present leaf."""

    def __init__(self, context: Context, export: Export) -> None:
        """Read the contracts and documents that the leaves will name."""
        self.context = context
        self.parties = Parties(context)
        self.tables = Tables(context)
        self.mandates = Mandates(context)
        self.contracts = Contracts(context, self.parties, self.tables, self.mandates)
        self.releases = Releases(context, self.contracts, self.parties, self.tables)
        self.oversight = Oversight(context, self.contracts, self.parties)
        self.stops = Stops(context, self.contracts, self.parties)
        origin = export.frame.origin
        self.certificates = Certificates(context, origin, self.tables, self.contracts)
        self.handovers = Handovers(context, origin, self.parties)
        self._export = export
        self.contracts.read(export)
        read_documents(export, context)
        self.releases.index_manifests()
        self.parties.index_instances()

    def leaf(self, index: int, leaf: Release | Event) -> None:
        """Take the next leaf."""
        if isinstance(leaf, Release):
            self.releases.released(index, leaf)
            return
        handler = HANDLERS.get(leaf.type)
        if handler is not None:
            handler(self, index, leaf)
        if not leaf.type.startswith(_BY_HANDLER):
            self._check_document(index, leaf)

    def stopped(self, index: int, leaf: Event) -> None:
        """Have a contract, or the node, stand still from here on."""
        self._moved(index, leaf)
        self.stops.stopped(index, leaf)

    def lifted(self, index: int, leaf: Event) -> None:
        """Have a contract, or the node, go on."""
        self._moved(index, leaf)
        self.stops.lifted(index, leaf)

    def left(self, index: int, leaf: Event) -> None:
        """Take note that the node is handed over: from here on nothing leaves it."""
        self.handovers.left(index, leaf)
        self.releases.left = index

    def taken(self, index: int, leaf: Event) -> None:
        """Take note that another node's log and certificates go on in this one."""
        self.handovers.taken(index, leaf)
        self.certificates.inherited(index, leaf)

    def _moved(self, index: int, leaf: Event) -> None:
        if leaf.type.startswith("node."):
            self.releases.halted(index, leaf)
        else:
            self.contracts.stepped(index, leaf)

    def finish(self, size: int) -> None:
        """Check what only shows at the end of the log, of `size` leaves."""
        self.contracts.finish(size)
        for read in self.context.documents.values():
            if not read.named:
                what = "holds a document that no leaf names"
                where = f"{DOCUMENTS}:{read.line}"
                self._exporter("export.documents", read.document.index, what, where)
        self._check_parties()

    def _check_document(self, index: int, leaf: Event) -> None:
        """Hold the document that a leaf names to the type that such a leaf names."""
        kind = _DOCUMENTS.get(leaf.type)
        if "document" not in leaf.fields:
            if kind is not None and leaf.type not in _MAY_LACK:
                self.context.fail("document.missing", index, f"names no document of type {kind}")
        elif kind is None:
            self.context.named(leaf.named(), index)
        else:
            self.context.document(kind, leaf.named(), index)

    def _check_parties(self) -> None:
        """Hold the keys that the export tells against those that the log enrolled."""
        try:
            told = self._export.parties()
        except EvidenceError as error:
            self._exporter("export.parties", 0, str(error))
            return
        context, origin = self.context, self._export.frame.origin
        if dict(told.logs) != {origin: context.log}:
            self._exporter("export.parties", 0, "tells another key of the log")
        enrolled = {key: (item.name, item.role) for key, item in self.parties.by_key.items()}
        enrolled[context.node.key_id] = (node_name(origin), "node")
        listed = {key: (item.name, item.role) for key, item in told.parties.items()}
        for key in sorted(enrolled.keys() | listed.keys()):
            if enrolled.get(key) != listed.get(key):
                known = self.parties.by_key.get(key)
                what = "tells other parties, names or roles than the log enrolled"
                self._exporter("export.parties", known.index if known else 0, what)

    def _exporter(self, rule: str, index: int, what: str, where: str = PARTIES) -> None:
        self.context.fail(rule, index, what, party=EXPORTER, where=where)


HANDLERS: dict[str, Handler] = {
    "party.enrolled": lambda now, index, leaf: now.parties.enrolled(index, leaf),
    "party.revoked": lambda now, index, leaf: now.parties.revoked(index, leaf),
    "instance.registered": lambda now, index, leaf: now.parties.registered(index, leaf),
    "table.registered": lambda now, index, leaf: now.tables.registered(index, leaf),
    "product.registered": lambda now, index, leaf: now.tables.offered(index, leaf),
    "rules.loaded": lambda now, index, leaf: now.contracts.rulebook.loaded(index, leaf),
    "template.withdrawn": lambda now, index, leaf: now.contracts.rulebook.withdrawn(index, leaf),
    "contract.proposed": lambda now, index, leaf: now.contracts.proposed(index, leaf),
    "contract.approved": lambda now, index, leaf: now.contracts.approved(index, leaf),
    "contract.activated": lambda now, index, leaf: now.contracts.approved(index, leaf),
    "contract.suspended": lambda now, index, leaf: now.stopped(index, leaf),
    "contract.resumed": lambda now, index, leaf: now.lifted(index, leaf),
    "stop.lifted": lambda now, index, leaf: now.stops.lifted(index, leaf),
    "contract.revoked": lambda now, index, leaf: now.contracts.stepped(index, leaf),
    "contract.expired": lambda now, index, leaf: now.contracts.stepped(index, leaf),
    "contract.exhausted": lambda now, index, leaf: now.contracts.stepped(index, leaf),
    "manifest.published": lambda now, index, leaf: now.releases.published(index, leaf),
    "epoch.closed": lambda now, index, leaf: now.releases.closed(index, leaf),
    "node.stopped": lambda now, index, leaf: now.stopped(index, leaf),
    "node.resumed": lambda now, index, leaf: now.lifted(index, leaf),
    "certificate.issued": lambda now, index, leaf: now.certificates.issued(index, leaf),
    "certificate.transferred": lambda now, index, leaf: now.certificates.transferred(index, leaf),
    "node.handover": lambda now, index, leaf: now.left(index, leaf),
    "node.takeover": lambda now, index, leaf: now.taken(index, leaf),
    "deletion.attested": lambda now, index, leaf: now.handovers.deleted(index, leaf),
    "release.reviewed": lambda now, index, leaf: now.releases.reviewed(index, leaf),
    "job.started": lambda now, index, leaf: now.releases.gate.began(index, leaf),
    "consent.root": lambda now, index, leaf: now.releases.consents.rooted(index, leaf),
    "privacy.budget": lambda now, index, leaf: now.releases.privacy.budgeted(index, leaf),
    "privacy.raised": lambda now, index, leaf: now.releases.privacy.budgeted(index, leaf),
    "privacy.inherited": lambda now, index, leaf: now.releases.privacy.inherited(index, leaf),
    "opening.ordered": lambda now, index, leaf: now.oversight.ordered(index, leaf),
    "opening.drawn": lambda now, index, leaf: now.oversight.drawn(index, leaf),
    "opening.answered": lambda now, index, leaf: now.oversight.answered(index, leaf),
    "mandate.registered": lambda now, index, leaf: now.mandates.registered(index, leaf),
    "mandate.withdrawn": lambda now, index, leaf: now.mandates.withdrawn(index, leaf),
    "table.mandated": lambda now, index, leaf: now.mandates.required(index, leaf),
    "objection.opened": lambda now, index, leaf: now.oversight.objected(index, leaf),
    "objection.answered": lambda now, index, leaf: now.oversight.objected(index, leaf),
    "objection.closed": lambda now, index, leaf: now.oversight.objected(index, leaf),
}
"""What a leaf of each type does. A topic whose leaves change what is allowed adds its own here."""
