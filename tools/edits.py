"""Random edits of an export, each of which an audit has to find. Run: `./unseen dev edits`.

A 1,000-leaf export is edited in one way after another, chosen by a seed: by somebody who only has
the files, and by somebody who has the log's key as well and signs heads anew. The audit knows the
newest head, as a buyer or a witness does. Every edit has to be found, with the party that answers
for it and the leaf it is about named.

    --count N   how many edits (20,000)
    --seed N    which ones (0)
    --leaves N  how large the export is (1,000)
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from unseen.bench.ledger import ORIGIN, Ledger, Memory, memory_ledger
from unseen.evidence import canonical
from unseen.evidence.audit import Policy, Report, Signature, check_export, verify_all
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    CONTRACTS,
    DOCUMENTS,
    FRAME,
    PARTIES,
    Export,
    checkpoint_line,
    entry_line,
    leaves_file,
    parse_entry,
)
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.suite import INTL, Ed25519Signer, Signer
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.note import sign_note
from unseen.protocols.tlog.tree import Frontier, leaf_hash

LOG = leaves_file(0)
FILES = (FRAME, CHECKPOINTS, PARTIES, CONTRACTS, DOCUMENTS, LOG)


@dataclass(frozen=True, slots=True)
class Edit:
    """An edited export, and the leaf that a finding has to name, if the edit is about one."""

    files: dict[str, bytes]
    index: int | None = None


class Editor:
    """Edits one export at random."""

    def __init__(self, files: dict[str, bytes], ledger: Ledger, chance: random.Random) -> None:
        """Draw from `chance`."""
        self.files, self.ledger, self.chance = files, ledger, chance
        self.log = files[LOG].splitlines(keepends=True)
        self.changed = ""
        self.stranger = Ed25519Signer.generate(seeded_rng(99))

    def flip(self) -> Edit:
        """Change one byte of the log."""
        return self._flipped(LOG)

    def flip_elsewhere(self) -> Edit:
        """Change one byte of another file."""
        return self._flipped(self.chance.choice(FILES[:-1]))

    def delete(self) -> Edit:
        """Take a leaf out."""
        place = self._place()
        return self._of(self.log[:place] + self.log[place + 1 :], place)

    def delete_elsewhere(self) -> Edit:
        """Take a line out of another file."""
        name, lines = self._other()
        del lines[self.chance.randrange(len(lines))]
        return Edit(self.files | {name: b"".join(lines)})

    def insert(self) -> Edit:
        """Put a leaf in a second time."""
        place, copied = self._place(), self.chance.choice(self.log)
        return self._of([*self.log[:place], copied, *self.log[place:]])

    def forge(self) -> Edit:
        """Put a leaf in that was never there, in the place of its number."""
        place = self._place()
        leaf = b'{"suite":"intl","time":"2026-01-01T00:00:00Z","type":"node.started","v":1}'
        line = entry_line(place, leaf_hash(leaf, INTL.hash), leaf)
        return self._of([*self.log[:place], line, *self.log[place:]], place)

    def swap(self) -> Edit:
        """Exchange two leaves."""
        one, other = sorted(self.chance.sample(range(len(self.log)), 2))
        lines = list(self.log)
        lines[one], lines[other] = lines[other], lines[one]
        return self._of(lines, one)

    def reorder(self) -> Edit:
        """Move a leaf to another place and number all of them anew."""
        one, other = sorted(self.chance.sample(range(len(self.log)), 2))
        entries = self._bodies()
        entries.insert(other, entries.pop(one))
        return self._of(self._lines(entries))

    def reorder_elsewhere(self) -> Edit:
        """Exchange two lines of another file."""
        name, lines = self._other()
        one, other = self.chance.sample(range(len(lines)), 2)
        lines[one], lines[other] = lines[other], lines[one]
        return Edit(self.files | {name: b"".join(lines)})

    def truncate(self) -> Edit:
        """Cut the log off at any byte."""
        data = self.files[LOG]
        return Edit(self.files | {LOG: data[: self.chance.randrange(len(data))]})

    def truncate_elsewhere(self) -> Edit:
        """Cut another file off at any byte, or take it away."""
        name = self.chance.choice(FILES[:-1])
        data = self.files[name][: self.chance.randrange(len(self.files[name]))]
        left = self.files | {name: data}
        if self.chance.random() < 0.1:
            del left[name]
        return Edit(left)

    def hide(self) -> Edit:
        """Leave only the hash of a leaf."""
        place = self._place()
        entry = parse_entry(self.log[place])
        lines = list(self.log)
        lines[place] = b'{"hash":"%s","index":%d}\n' % (entry.hash if entry else b"", place)
        return self._of(lines, place)

    def replace_document(self) -> Edit:
        """Give a document another body, and the hash of that as its id."""
        lines = self.files[DOCUMENTS].splitlines()
        place = self.chance.randrange(len(lines))
        value = _object(lines[place])
        head, payload, signature = value["body"].split(".")
        body = f"{head}.{payload[:-4]}AAAA.{signature}"
        changed = {"body": body, "id": b64encode(INTL.digest(body.encode()))}
        lines[place] = canonical.encode(value | changed)
        written = b"".join(line + b"\n" for line in lines)
        return Edit(self.files | {DOCUMENTS: written}, value["index"])

    def resign_head(self) -> Edit:
        """Have a stranger sign the head."""
        lines = self.files[CHECKPOINTS].splitlines(keepends=True)
        size = len(self.log)
        note = self._signed(size, self._root(self._bodies()), self.stranger)
        return Edit(
            self.files | {CHECKPOINTS: b"".join([*lines[:-1], checkpoint_line(size, note)])}
        )

    def resign_request(self) -> Edit:
        """Have a stranger sign a request, and put that into the leaf with its hash."""
        return self._rewritten(self._stranger_signs)

    def change_total(self) -> Edit:
        """Change the total of a release, and its hash."""
        return self._rewritten(self._more)

    def change_field(self) -> Edit:
        """Change another number or hash of a release, and its hash."""
        edit = self._rewritten(self._other_value)
        # Nothing but the root speaks of what was let out: the range that it leaves is named.
        return edit if self.changed != "release" else Edit(edit.files)

    def node_changes_total(self) -> Edit:
        """Have the node change a total and sign the head anew: it has shown another one before."""
        return self._by_node(self._rewritten(self._more))

    def node_resigns_request(self) -> Edit:
        """Have the node forge a request and sign the head anew."""
        return self._by_node(self._rewritten(self._stranger_signs))

    def node_invents_request(self) -> Edit:
        """Have the node invent a release, signed by nobody's instance, in the place of another."""
        return self._by_node(self._rewritten(self._other_request))

    def node_deletes(self) -> Edit:
        """Have the node drop a leaf, number the rest anew and sign the head anew."""
        entries = self._bodies()
        del entries[self._place()]
        return self._by_node(self._of(self._lines(entries)))

    def node_reorders(self) -> Edit:
        """Have the node exchange two leaves and sign the head anew."""
        entries = self._bodies()
        one, other = self.chance.sample(range(len(entries)), 2)
        entries[one], entries[other] = entries[other], entries[one]
        return self._by_node(self._of(self._lines(entries)))

    def roll_back(self) -> Edit:
        """Have the node forget its last leaves and sign the shorter log."""
        keep = self.chance.randrange(len(self.log) // 2, len(self.log))
        return self._by_node(self._of(self.log[:keep]))

    def _place(self) -> int:
        return self.chance.randrange(len(self.log))

    def _flipped(self, name: str) -> Edit:
        data = bytearray(self.files[name])
        place = self.chance.randrange(len(data))
        data[place] ^= 1 << self.chance.randrange(8)
        index = self.files[name].count(b"\n", 0, place) if name == LOG else None
        return Edit(self.files | {name: bytes(data)}, index)

    def _other(self) -> tuple[str, list[bytes]]:
        name = self.chance.choice((CHECKPOINTS, CONTRACTS, DOCUMENTS))
        return name, self.files[name].splitlines(keepends=True)

    def _of(self, lines: Sequence[bytes], index: int | None = None) -> Edit:
        return Edit(self.files | {LOG: b"".join(lines)}, index)

    def _bodies(self) -> list[bytes]:
        entries = [parse_entry(line) for line in self.log]
        return [entry.leaf for entry in entries if entry is not None and entry.leaf is not None]

    def _lines(self, bodies: Sequence[bytes]) -> list[bytes]:
        return [entry_line(at, leaf_hash(body, INTL.hash), body) for at, body in enumerate(bodies)]

    def _rewritten(self, change: Callable[[dict[str, Any]], None]) -> Edit:
        releases = [place for place, line in enumerate(self.log) if b'"type":"release"' in line]
        place = self.chance.choice(releases)
        bodies = self._bodies()
        leaf = _object(bodies[place])
        change(leaf)
        bodies[place] = canonical.encode(leaf)
        lines = list(self.log)
        lines[place] = self._lines(bodies)[place]
        return self._of(lines, place)

    def _stranger_signs(self, leaf: dict[str, Any]) -> None:
        request = Request.from_json(leaf["request"])
        leaf["signature"] = b64encode(sign_request(self.stranger, request))

    def _other_request(self, leaf: dict[str, Any]) -> None:
        leaf["request"]["request"] = leaf["job"] = f"{self.chance.randrange(2**128):032x}"

    def _more(self, leaf: dict[str, Any]) -> None:
        leaf["total"] += self.chance.randrange(1, 100)

    def _other_value(self, leaf: dict[str, Any]) -> None:
        name = self.changed = self.chance.choice(
            ("plan", "leakage", "snapshot", "release", "instance")
        )
        leaf[name] = b64encode(self.chance.randbytes(32))

    def _root(self, bodies: Sequence[bytes]) -> bytes:
        tree = Frontier(INTL.hash)
        for body in bodies:
            tree.append(leaf_hash(body, INTL.hash))
        return tree.root()

    def _signed(self, size: int, root: bytes, signer: Signer) -> str:
        body = Checkpoint(ORIGIN, size, root).body()
        return sign_note(body, ORIGIN, INTL.note_type, signer.public_key, signer.sign)

    def _by_node(self, edit: Edit) -> Edit:
        """Sign a head over the edited leaves with the log's own key, and say so everywhere."""
        editor = Editor(edit.files, self.ledger, self.chance)
        bodies = editor._bodies()
        size = len(bodies)
        note = self._signed(size, self._root(bodies), self.ledger.log)
        heads = self.files[CHECKPOINTS].splitlines(keepends=True)[:-1]
        frame = _object(self.files[FRAME][:-1])
        frame |= {"size": size, "checkpoints": [*frame["checkpoints"][:-1], size]}
        files = edit.files | {
            CHECKPOINTS: b"".join([*heads, checkpoint_line(size, note)]),
            FRAME: canonical.encode(frame) + b"\n",
        }
        return Edit(files, edit.index)


def _object(data: bytes) -> dict[str, Any]:
    value: Any = canonical.decode(data)
    return dict(value)


KINDS: tuple[Callable[[Editor], Edit], ...] = (
    Editor.flip,
    Editor.flip_elsewhere,
    Editor.delete,
    Editor.delete_elsewhere,
    Editor.insert,
    Editor.forge,
    Editor.swap,
    Editor.reorder,
    Editor.reorder_elsewhere,
    Editor.truncate,
    Editor.truncate_elsewhere,
    Editor.hide,
    Editor.replace_document,
    Editor.resign_head,
    Editor.resign_request,
    Editor.change_total,
    Editor.change_field,
    Editor.node_changes_total,
    Editor.node_resigns_request,
    Editor.node_invents_request,
    Editor.node_deletes,
    Editor.node_reorders,
    Editor.roll_back,
)


# One export's signatures are checked again for each of its edits.
_holds = lru_cache(maxsize=1 << 16)(lambda signature: verify_all([signature])[0])


def _verify(signatures: Sequence[Signature]) -> list[bool]:
    return [_holds(signature) for signature in signatures]


def missed(edit: Edit, original: dict[str, bytes], ledger: Ledger) -> str:
    """Return why an edit was not found as it has to be, or nothing."""
    if edit.files == original:
        return ""
    policy = Policy(heads=[("the head I was shown", ledger.head)], witnesses=1)
    try:
        report = check_export(Export(Memory(edit.files)), ledger.trust, policy, verify=_verify)
    except EvidenceError as error:
        # Without a frame there are no leaves to name: the file is named.
        return "" if error.clause else f"raised {error!r} and named nothing"
    return _fault(report, edit)


def _fault(report: Report, edit: Edit) -> str:
    if report.ok:
        return "was not found"
    for finding in report.findings:
        if not finding.party or finding.index < 0:
            return f"{finding} names no party or no index"
    if edit.index is not None and all(item.index != edit.index for item in report.findings):
        return f"leaf {edit.index} is not named: {report.findings[0]}"
    return ""


def run(count: int, seed: int, leaves: int = 1000) -> tuple[Counter[str], list[str]]:
    """Make `count` edits; return how many of each kind, and what was missed."""
    files, ledger = memory_ledger(leaves)
    made: Counter[str] = Counter()
    faults = []
    for number in range(count):
        chance = random.Random(f"{seed}/{number}")  # noqa: S311 - to be repeated
        kind = KINDS[number % len(KINDS)]
        edit = kind(Editor(files, ledger, chance))
        made[kind.__name__] += 1
        if fault := missed(edit, files, ledger):
            faults.append(f"edit {number} ({kind.__name__}): {fault}")
    return made, faults


def main(arguments: Sequence[str]) -> int:
    """Make the edits and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--leaves", type=int, default=1000)
    asked = parser.parse_args(arguments)
    started = time.monotonic()
    made, faults = run(asked.count, asked.seed, asked.leaves)
    for kind, count in made.items():
        print(f"{kind:24}{count:8,}")
    for fault in faults:
        print(fault)
    seconds = time.monotonic() - started
    print(f"{made.total():,} edits, {len(faults)} missed, {seconds:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
