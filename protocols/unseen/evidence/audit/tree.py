"""The log as a sequence: every index once, every leaf's hash, the root of every signed head.

A line of an export carries the leaf's hash beside the leaf. Where the two differ and the head's
root follows from the hash, somebody changed this leaf, and no other, after the node signed; so
one altered leaf among a million is named, not only suspected.
"""

import copy
from collections.abc import Mapping

from unseen.evidence.audit.findings import EXPORTER, Findings
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.suite import Suite
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.tree import Frontier, leaf_hash


class TreeCheck:
    """Follows the leaves of a log and compares the root wherever a signed head says one."""

    def __init__(self, suite: Suite, heads: Mapping[int, Checkpoint], findings: Findings) -> None:
        """Expect the roots of `heads`, by their size."""
        self._hash, self._heads, self._findings = suite.hash, heads, findings
        self._tree = Frontier(suite.hash)
        self._stated: Frontier | None = None  # over the hashes as they are stated, once they differ
        self.size = 0
        self.proven = 0  # leaves under the largest head whose root came out as signed
        self._compare()

    def place(self, index: int, where: str) -> bool:
        """Return whether the next line may be leaf `index`; what is missing or doubled is noted."""
        if index == self.size:
            return True
        if index < self.size:
            self._note("log.sequence", index, "is there again, or out of order", where)
            return False
        missing = f"leaf {self.size}" if index == self.size + 1 else f"leaves to {index - 1}"
        self._note("log.sequence", self.size, f"{missing} missing: leaf {index} follows", where)
        while self.size < index:
            self._append(bytes(len(self._hash(b""))), None)
        return True

    def leaf(self, data: bytes, stated: bytes, where: str) -> bool:
        """Take the next leaf; return whether it has the hash `stated` beside it, base64url."""
        hashed = leaf_hash(data, self._hash)
        if b64encode(hashed).encode() == stated:
            self._append(hashed, hashed)
            return True
        self._note("log.hash", self.size, "has another hash than is stated beside it", where)
        if self._stated is None:
            self._stated = copy.deepcopy(self._tree)
        self._append(hashed, b64decode(stated.decode()))
        return False

    def hidden(self, stated: bytes) -> None:
        """Take the next leaf by its hash alone."""
        hashed = b64decode(stated.decode())
        self._append(hashed, hashed)

    def root(self) -> bytes:
        """Return the root over the leaves so far."""
        return self._tree.root()

    def finish(self) -> None:
        """Note which heads have more leaves than there are."""
        for size in sorted(self._heads):
            if size > self.size:
                what = f"the log ends here; its signed head has {size} leaves"
                self._note("log.truncated", self.size, what)
                return

    def _append(self, hashed: bytes, stated: bytes | None) -> None:
        if self._stated is not None:
            self._stated.append(stated or hashed)
        self._tree.append(hashed)
        self.size += 1
        if self.size in self._heads:
            self._compare()

    def _compare(self) -> None:
        head = self._heads.get(self.size)
        if head is None:
            return
        roots = {self._tree.root()} | ({self._stated.root()} if self._stated else set())
        if head.root in roots:
            self.proven = self.size
            return
        what = f"leaves {self.proven} to {self.size - 1} are not those of the head of {self.size}"
        self._note("log.root", min(self.proven, self.size), what)

    def _note(self, rule: str, index: int, what: str, where: str = "") -> None:
        self._findings.add(rule, EXPORTER, index, what, where)
