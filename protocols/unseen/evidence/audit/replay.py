"""The log replayed: each leaf is held to everything the leaves before it established."""

from collections.abc import Callable

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.contracts import Contracts
from unseen.evidence.audit.documents import read_documents
from unseen.evidence.audit.export import DOCUMENTS, PARTIES, Export, node_name
from unseen.evidence.audit.findings import EXPORTER
from unseen.evidence.audit.leaves import Event, Release
from unseen.evidence.audit.mandates import Mandates
from unseen.evidence.audit.oversight import Oversight
from unseen.evidence.audit.parties import Parties
from unseen.evidence.audit.releases import Releases
from unseen.evidence.audit.tables import Tables
from unseen.evidence.canonical import b64decode
from unseen.evidence.errors import CanonicalError, EvidenceError

Handler = Callable[["Replay", int, Event], None]


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
        self.oversight = Oversight(context, self.contracts)
        self._export = export
        self.contracts.read(export)
        read_documents(export, context)
        self.releases.index_manifests()

    def leaf(self, index: int, leaf: Release | Event) -> None:
        """Take the next leaf."""
        if isinstance(leaf, Release):
            self.releases.released(index, leaf)
            return
        handler = HANDLERS.get(leaf.type)
        if handler is not None:
            handler(self, index, leaf)
        if "document" in leaf.fields and leaf.type != "instance.registered":
            self.context.named(_identifier(leaf), index)

    def finish(self, size: int) -> None:
        """Check what only shows at the end of the log, of `size` leaves."""
        self.contracts.finish(size)
        for read in self.context.documents.values():
            if not read.named:
                what = "holds a document that no leaf names"
                where = f"{DOCUMENTS}:{read.line}"
                self._exporter("export.documents", read.document.index, what, where)
        self._check_parties()

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


def _identifier(leaf: Event) -> bytes:
    try:
        return b64decode(str(leaf.fields["document"]))
    except CanonicalError:
        return b""


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
    "contract.suspended": lambda now, index, leaf: now.contracts.stepped(index, leaf),
    "contract.resumed": lambda now, index, leaf: now.contracts.stepped(index, leaf),
    "contract.revoked": lambda now, index, leaf: now.contracts.stepped(index, leaf),
    "contract.expired": lambda now, index, leaf: now.contracts.stepped(index, leaf),
    "contract.exhausted": lambda now, index, leaf: now.contracts.stepped(index, leaf),
    "manifest.published": lambda now, index, leaf: now.releases.published(index, leaf),
    "epoch.closed": lambda now, index, leaf: now.releases.closed(index, leaf),
    "node.stopped": lambda now, index, leaf: now.releases.halted(index, leaf),
    "node.resumed": lambda now, index, leaf: now.releases.halted(index, leaf),
    "release.reviewed": lambda now, index, leaf: now.releases.reviewed(index, leaf),
    "job.started": lambda now, index, leaf: now.releases.gate.began(index, leaf),
    "consent.root": lambda now, index, leaf: now.releases.consents.rooted(index, leaf),
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
