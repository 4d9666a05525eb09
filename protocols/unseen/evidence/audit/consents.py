"""Roots of consents: they follow each other, and every use names the one that it has to.

An answer in the clear names the newest root before it, since a withdrawal acts at once; a hidden
lookup names the root of its table, which may be older by the latency that the contract allows, and
so may the root that many were counted by. No root stands twice: a tree from before a withdrawal
does not come back under a new number. What is not checked, since the log does not say it: whose
consents changed from root to root, hence whether a table that was not built anew should have been.
Each subject checks its own (`consent_proof.py`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.contracts import Epoch
from unseen.evidence.audit.leaves import Event, Release
from unseen.evidence.canonical import b64encode, encode
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import BY_MENU
from unseen.evidence.releases.manifest import Manifest

_CLEAR = b"verify"
_COUNTED = tuple(kind.encode() for kind in BY_MENU)
_UNKNOWN = "a root of consents that was not logged before"


class Consents:
    """Follows the roots of the node's tree of consents, leaf by leaf."""

    def __init__(self, context: Context) -> None:
        """Start before the first root."""
        self._context = context
        self._known: set[bytes] = set()
        self._newest = b""
        self._replaced: dict[bytes, datetime] = {}  # when a root was not the newest any more
        self._number = self._size = 0
        self._key: bytes | None = None

    def rooted(self, index: int, leaf: Event) -> None:
        """Take note of a root: they count from 1 without gaps, in one tree that never shrinks."""
        fail, self._number = self._context.fail, self._number + 1
        if leaf.fields.get("number") != self._number:
            fail("consent.number", index, "does not follow the root before it")
        before, self._newest = self._newest, str(leaf.fields.get("root")).encode()
        self._replaced[before] = leaf.time
        if self._newest in self._known:
            fail("consent.again", index, "is a root that stood before: what ended since would not")
        self._known.add(self._newest)
        read = self._context.documents.get(leaf.named())
        facts = read.facts if read else None
        if not isinstance(facts, ConsentRoot):
            return  # the leaf's document is missing, which is said elsewhere
        stated = {name: leaf.fields.get(name) for name in ("number", "size", "root")}
        # As bytes: true would equal 1.
        if encode(facts.leaf_fields()) != encode(stated) or facts.time != leaf.time:
            fail("consent.root", index, "its document describes another root")
        if facts.size < self._size:
            fail("consent.size", index, "the tree has fewer leaves than before")
        if self._key not in (None, facts.public_key):
            fail("consent.tree", index, "the root is another tree's than the one before it")
        self._size, self._key = facts.size, facts.public_key

    def published(self, index: int, terms: Terms, manifest: Manifest) -> None:
        """Check by which root the rows of a table were chosen."""
        given = b64encode(manifest.consent_root).encode()
        if (terms.consent is not None) != bool(given):
            what = "its rows were chosen by consent, or were not, other than the contract"
            self._context.fail("epoch.consent", index, what)
        elif given and given not in self._known:
            self._context.fail("epoch.consent", index, f"its rows were chosen by {_UNKNOWN}")

    def faults(self, terms: Terms, leaf: Release, epoch: Epoch | None) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the root that a release names; `epoch` is a lookup's."""
        given, wanted = leaf.consent_root, terms.consent is not None
        if wanted != bool(given):
            yield "consent", "names a root of consents where there is none, or none where it has to"
        elif wanted and given not in self._known:
            yield "consent", f"was made under {_UNKNOWN}"
        elif wanted and leaf.kind == _CLEAR and given != self._newest:
            yield "consent", "was made under a root of consents that a newer one had replaced"
        elif wanted and leaf.kind in _COUNTED and self._late(terms, leaf):
            yield (
                "consent",
                "counted by a root that was replaced longer ago than the contract allows",
            )
        elif wanted and epoch is not None and given != epoch.consent_root:
            yield "consent", "names another root of consents than its table"

    def _late(self, terms: Terms, leaf: Release) -> bool:
        rule, replaced = terms.consent, self._replaced.get(leaf.consent_root)
        if rule is None or replaced is None:
            return False
        return leaf.time - replaced > timedelta(seconds=rule.latency_seconds)
