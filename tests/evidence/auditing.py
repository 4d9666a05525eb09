"""An honest node's export, and how a test has the node write something else and sign it anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from unseen.bench.ledger import ORIGIN, START, Ledger, Memory, memory_ledger
from unseen.evidence import canonical
from unseen.evidence.audit import Policy, Report, check_export
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    DOCUMENTS,
    FRAME,
    LEAVES_PER_FILE,
    Export,
    checkpoint_line,
    document_line,
    entry_line,
    leaves_file,
    parse_entry,
)
from unseen.evidence.canonical import b64encode
from unseen.evidence.log import event_leaf
from unseen.evidence.suite import INTL
from unseen.evidence.trust import Trust
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.note import sign_note
from unseen.protocols.tlog.tree import Frontier, leaf_hash

LEAVES = 120
Leaf = dict[str, Any]
Log = list[Leaf]


@cache
def made(leaves: int = LEAVES) -> tuple[dict[str, bytes], Ledger]:
    return memory_ledger(leaves)


@dataclass
class Case:
    """An honest export, to be spoilt."""

    files: dict[str, bytes]
    ledger: Ledger
    trust: Trust

    @property
    def log(self) -> Log:
        entries = map(parse_entry, self.files[leaves_file(0)].splitlines(keepends=True))
        return [object_of(entry.leaf) for entry in entries if entry and entry.leaf]

    def place(self, kind: str, number: int = 0, **fields: Any) -> int:
        """Return where the leaf of a type is that has these fields, the first or a later one."""
        return [
            at
            for at, leaf in enumerate(self.log)
            if leaf["type"] == kind and all(leaf.get(k) == v for k, v in fields.items())
        ][number]

    def write(self, log: Sequence[Leaf]) -> None:
        """Have the node log this, and sign its head."""
        bodies = [canonical.encode(leaf) for leaf in log]
        tree, lines = Frontier(INTL.hash), []
        for index, body in enumerate(bodies):
            hashed = leaf_hash(body, INTL.hash)
            tree.append(hashed)
            lines.append(entry_line(index, hashed, body))
        head = Checkpoint(ORIGIN, len(bodies), tree.root()).body()
        log_key = self.ledger.log
        note = sign_note(head, ORIGIN, INTL.note_type, log_key.public_key, log_key.sign)
        frame = object_of(self.files[FRAME][:-1]) | {"size": len(log), "checkpoints": [len(log)]}
        for number in range(0, len(lines), LEAVES_PER_FILE):
            part = lines[number : number + LEAVES_PER_FILE]
            self.files[leaves_file(number // LEAVES_PER_FILE)] = b"".join(part)
        self.files[CHECKPOINTS] = checkpoint_line(len(bodies), note)
        self.files[FRAME] = canonical.encode(frame) + b"\n"

    def frame(self, **changes: Any) -> None:
        frame = object_of(self.files[FRAME][:-1]) | changes
        self.files[FRAME] = canonical.encode(frame) + b"\n"

    def check(self, **policy: Any) -> Report:
        return check_export(Export(Memory(self.files)), self.trust, Policy(**policy))

    def rules(self, **policy: Any) -> set[tuple[int, str]]:
        return {(finding.index, finding.rule) for finding in self.check(**policy).findings}

    def edit(self, at: int, **changes: Any) -> None:
        log = self.log
        log[at] |= changes
        self.write(log)

    def insert(self, at: int, *leaves: Leaf) -> None:
        log = self.log
        self.write([*log[:at], *leaves, *log[at:]])

    def delete(self, at: int) -> None:
        log = self.log
        del log[at]
        self.write(log)

    def document(self, at: int, kind: str, body: str) -> str:
        """Add a document of the leaf `at`; return its id."""
        lines = [object_of(line) for line in self.files[DOCUMENTS].splitlines()]
        lines.append(object_of(document_line(INTL, at, kind, body)[:-1]))
        lines.sort(key=lambda line: line["index"])
        self.files[DOCUMENTS] = b"".join(canonical.encode(line) + b"\n" for line in lines)
        self.frame(documents=len(lines))
        return b64encode(INTL.digest(body.encode()))


def object_of(data: bytes) -> dict[str, Any]:
    value: Any = canonical.decode(data)
    return dict(value)


@pytest.fixture
def case() -> Case:
    files, ledger = made()
    return Case(dict(files), ledger, ledger.trust)


def event(kind: str, **fields: Any) -> Leaf:
    return event_leaf(INTL, kind, START, fields)


def event_of(case: Case, at: int, kind: str, **fields: Any) -> Leaf:
    """Return an event dated as the leaf that it comes before."""
    return event(kind, **fields) | {"time": case.log[at]["time"]}


def hidden(case: Case, number: int = 3) -> int:
    """Return where a release of the lender's lookup is."""
    contract = case.log[case.place("contract.proposed")]["contract"]
    found = [
        at
        for at, leaf in enumerate(case.log)
        if leaf["type"] == "release" and leaf["request"]["contract"] == contract
    ]
    return found[number]
