"""Handovers in a log: by its own operator, of this log as it stood, and the deletion after it.

What was deleted nobody can check; the certificate makes its operator answer for it. That the
signed root is the log's is checked by the successor, who has to name it in its own log.
"""

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.parties import Parties
from unseen.evidence.registry.handover import Deletion, Handover


class Handovers:
    """Follows handovers, leaf by leaf."""

    def __init__(self, context: Context, origin: str, parties: Parties) -> None:
        """Start before any; `origin` is the log's."""
        self._context, self._origin, self._parties = context, origin, parties
        self._left = b""

    def left(self, index: int, leaf: Event) -> None:
        """Check that the node is handed over by its operator, with the log up to this leaf."""
        self._left = leaf.named()
        found = self._facts(leaf)
        if not isinstance(found, Handover):
            return  # noted where the leaf's document is read
        if not self._parties.holds(found.operator, "operator"):
            self._fail(index, "is signed by nobody who operates this node")
        if (found.log, found.node) != (self._origin, self._context.log.node):
            self._fail(index, "is of another node or log")
        if found.size != index:
            self._fail(index, f"is of the log at {found.size} leaves")
        if leaf.fields.get("successor") != found.successor:
            self._fail(index, "names another successor than the leaf")

    def taken(self, index: int, leaf: Event) -> None:
        """Check that what this node takes over was handed to its own operator."""
        found = self._facts(leaf)
        if not isinstance(found, Handover):
            return
        if not self._parties.holds(found.successor, "operator"):
            self._fail(index, "is for nobody who operates this node")
        if leaf.fields.get("origin") != found.log:
            self._fail(index, "is of another log than the leaf says")

    def deleted(self, index: int, leaf: Event) -> None:
        """Check that a deletion is of this node, after its handover."""
        found = self._facts(leaf)
        if not isinstance(found, Deletion):
            return
        if not self._parties.holds(found.operator, "operator"):
            self._fail(index, "is attested by nobody who operates this node")
        if (found.handover, found.node) != (self._left, self._context.log.node):
            self._fail(index, "is of another node or handover")

    def _facts(self, leaf: Event) -> object:
        read = self._context.documents.get(leaf.named())
        return None if read is None else read.facts

    def _fail(self, index: int, what: str) -> None:
        self._context.fail("handover.document", index, what)
